"""TD_PARAMS, the 1024 bytes that TDH.MNG.INIT reads. Which leaf a CPUID slot is for only the module's order tells."""

from __future__ import annotations

import struct

from tdxtui.cpuid import pack
from tdxtui.importers.features_of_cpu import stem
from tdxtui.importers.registry import LAYOUT
from tdxtui.importers.result import Features, Imported, failed
from tdxtui.td import CONFIG_FLAGS, EPTP_4_LEVEL, EPTP_5_LEVEL, TSC_UNIT_MHZ

NAME = "td-params"
TITLE = "TD_PARAMS"
EVIDENCE = LAYOUT

SIZE = 1024
_CPUID_AT, _SLOT = 256, 16
_DIGESTS = {"mrconfigid": 80, "mrowner": 128, "mrownerconfig": 176}
# Reserved bytes: beside MAX_VCPUS, after MSR_CONFIG_CTLS, between TSC_FREQUENCY and the digests, before the slots.
_RESERVED = (slice(20, 24), slice(42, 80), slice(232, 256))


def sniff(head: bytes) -> int:
    """Sure of the size with zeros where they must be, and a plausible EPTP and TSC."""
    if len(head) != SIZE or any(any(head[part]) for part in _RESERVED):
        return 0
    eptp, tsc = struct.unpack_from("<Q", head, 24)[0], struct.unpack_from("<H", head, 40)[0]
    return 90 if eptp in (EPTP_4_LEVEL, EPTP_5_LEVEL) and tsc else 0


def read(data: bytes, name: str) -> Imported:
    """The TD's settings, and CPUID_CONFIG slot by slot."""
    if len(data) != SIZE:
        raise failed(name, "", f"has {len(data)} bytes; TD_PARAMS has {SIZE}")
    for part in _RESERVED:
        if any(data[part]):
            raise failed(name, f"byte {part.start}", "reserved bytes aren't 0: the module refuses that")
    attributes, xfam = struct.unpack_from("<QQ", data)
    max_vcpus, l2_vms, msr_ctls = struct.unpack_from("<HBB", data, 16)
    eptp, flags = struct.unpack_from("<QQ", data, 24)
    (tsc,), (capabilities,) = struct.unpack_from("<H", data, 40), struct.unpack_from("<Q", data, 224)
    _check(eptp, tsc, max_vcpus, l2_vms, name)
    settings: dict[str, object] = {"config_flags": flags, "tsc_mhz": tsc * TSC_UNIT_MHZ, "num_l2_vms": l2_vms}
    if msr_ctls & 1:
        settings["arch_capabilities"] = capabilities
    settings |= {key: data[at : at + 48] for key, at in _DIGESTS.items() if any(data[at : at + 48])}
    slots = tuple(pack(*struct.unpack_from("<4I", data, at)) for at in range(_CPUID_AT, SIZE, _SLOT))
    used = max((number + 1 for number, value in enumerate(slots) if value), default=0)
    notes = [f"has {used} CPUID_CONFIG slots; the leaves that they are for are the chosen module's (--module)."]
    if (eptp == EPTP_5_LEVEL) != bool(flags & CONFIG_FLAGS["GPAW"]):
        notes.append(f"EPTP_CONTROLS is {eptp:#x} although GPAW is {flags & 1}: a model has 5 levels with GPAW only.")
    found = Features(stem(name), {}, attributes, xfam, max_vcpus, settings, slots=slots[:used])
    return Imported(NAME, found, tuple(notes))


def _check(eptp: int, tsc: int, max_vcpus: int, l2_vms: int, name: str) -> None:
    """What no model can hold."""
    if eptp not in (EPTP_4_LEVEL, EPTP_5_LEVEL):
        raise failed(name, "byte 24", f"EPTP_CONTROLS is {eptp:#x}; the module takes 0x1e (4 levels) or 0x26 (5)")
    if not 4 <= tsc <= 400:
        raise failed(name, "byte 40", f"TSC_FREQUENCY is {tsc}; the module takes 4 to 400 (100 MHz to 10 GHz)")
    if not max_vcpus:
        raise failed(name, "byte 16", "MAX_VCPUS is 0")
    if l2_vms > 3:
        raise failed(name, "byte 18", f"NUM_L2_VMS is {l2_vms}; the module takes at most 3")
