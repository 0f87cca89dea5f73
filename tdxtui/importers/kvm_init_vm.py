"""``struct kvm_tdx_init_vm``: what a VMM hands to KVM_TDX_INIT_VM."""

from __future__ import annotations

import struct

from tdxtui.cpuid import Field, Leaf, Register, pack
from tdxtui.importers.features_of_cpu import stem
from tdxtui.importers.registry import LAYOUT
from tdxtui.importers.result import Features, Imported, failed
from tdxtui.td import CONFIG_FLAGS

NAME = "kvm-tdx-init-vm"
TITLE = "struct kvm_tdx_init_vm (binary)"
EVIDENCE = LAYOUT

HEADER, ENTRY = 264, 40
MAX_ENTRIES = 256
_ENTRIES_AT = 256
_RESERVED = slice(160, 256)
_DIGESTS = {"mrconfigid": 16, "mrowner": 64, "mrownerconfig": 112}
_SIGNIFICANT_INDEX = 1
_PHYS_BITS = Field(Leaf(0x80000008), Register.EAX, 23, 16)


def sniff(head: bytes) -> int:
    """Sure if reserved words are 0 and the first entry's padding is too; a binary has no name in it."""
    if len(head) < HEADER or any(head[_RESERVED]):
        return 0
    count, padding = struct.unpack_from("<II", head, _ENTRIES_AT)
    if not 0 < count <= MAX_ENTRIES or padding or len(head) < HEADER + ENTRY * count:
        return 0
    return 85 if all(_is_entry(head, number) for number in range(count)) else 0


def _is_entry(data: bytes, number: int) -> bool:
    words = struct.unpack_from("<10I", data, HEADER + ENTRY * number)
    return not any(words[7:]) and words[2] <= 7


def read(data: bytes, name: str) -> Imported:
    """ATTRIBUTES, XFAM, digests, and the bits of the CPUID entries."""
    if len(data) < HEADER:
        raise failed(name, "", f"has {len(data)} bytes; struct kvm_tdx_init_vm has at least {HEADER}")
    if any(data[_RESERVED]):
        raise failed(name, "offset 160", "reserved words aren't 0: KVM refuses that, or it is another structure")
    attributes, xfam = struct.unpack_from("<QQ", data)
    entries = _entries(data, name)
    notes = ["MAX_VCPUS and the TSC frequency aren't in it: other calls set them."]
    flags = CONFIG_FLAGS["NO_RBP_MOD"] | _gpaw(entries, name, notes)
    found = {key: data[at : at + 48] for key, at in _DIGESTS.items() if any(data[at : at + 48])}
    wishes = {leaf: (value, value) for leaf, value in entries.items() if value}
    settings: dict[str, object] = {"config_flags": flags, **found}
    return Imported(NAME, Features(stem(name), wishes, attributes, xfam, None, settings, False, entries), tuple(notes))


def _entries(data: bytes, name: str) -> dict[Leaf, int]:
    count, padding = struct.unpack_from("<II", data, _ENTRIES_AT)
    if count > MAX_ENTRIES:
        raise failed(name, f"offset {_ENTRIES_AT}", f"has {count} CPUID entries; KVM takes at most {MAX_ENTRIES}")
    if padding:
        raise failed(name, f"offset {_ENTRIES_AT + 4}", "padding of the CPUID entries isn't 0")
    if len(data) < HEADER + ENTRY * count:
        raise failed(name, "", f"ends within its {count} CPUID entries, which need {HEADER + ENTRY * count} bytes")
    if any(data[HEADER + ENTRY * count :]):
        raise failed(name, f"offset {HEADER + ENTRY * count}", f"goes on after its {count} CPUID entries")
    out: dict[Leaf, int] = {}
    for number in range(count):
        at = HEADER + ENTRY * number
        function, index, flags, eax, ebx, ecx, edx, *rest = struct.unpack_from("<10I", data, at)
        if any(rest) or flags > 7:
            raise failed(name, f"offset {at}", "is no struct kvm_cpuid_entry2: flags or padding are wrong")
        leaf = Leaf(function, index if flags & _SIGNIFICANT_INDEX or index else None)
        if leaf in out:
            raise failed(name, f"offset {at}", f"has leaf {leaf.key} a second time")
        out[leaf] = pack(eax, ebx, ecx, edx)
    return out


def _gpaw(entries: dict[Leaf, int], name: str, notes: list[str]) -> int:
    """The guest's physical width, which KVM takes from CPUID 80000008H and clears before the module sees it."""
    leaf = next((leaf for leaf in entries if leaf.leaf == _PHYS_BITS.leaf.leaf), None)
    if leaf is None:
        notes.append("has no entry 80000008H, without which KVM_TDX_INIT_VM fails (EINVAL).")
        return 0
    width = _PHYS_BITS.get(entries[leaf])
    entries[leaf] = _PHYS_BITS.put(entries[leaf], 0)
    if width not in (48, 52):
        notes.append(f"80000008.eax[23:16] is {width}; KVM takes only 48 or 52 (EINVAL).")
    return CONFIG_FLAGS["GPAW"] if width > 48 else 0
