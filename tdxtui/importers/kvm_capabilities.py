"""``struct kvm_tdx_capabilities``: what KVM and the TDX module of a host offer a TD (KVM_TDX_CAPABILITIES)."""

from __future__ import annotations

from struct import unpack_from

from tdxtui.importers import kvm_entries
from tdxtui.importers.registry import LAYOUT
from tdxtui.importers.result import Capabilities, Imported, failed

NAME = "kvm-tdx-capabilities"
TITLE = "a struct kvm_tdx_capabilities"
EVIDENCE = LAYOUT

RESERVED, CPUID = 48, 2048


def sniff(head: bytes) -> int:
    """Sure if what is reserved is zero and the CPUID part is whole."""
    zeros = len(head) > CPUID and not head[RESERVED:CPUID].strip(b"\0")
    return 90 if zeros and kvm_entries.looks_right(head, CPUID) else 0


def read(data: bytes, name: str) -> Imported:
    """What the host offers."""
    if len(data) < CPUID + kvm_entries.HEADER.size:
        expected = f"kvm_tdx_capabilities has {CPUID + kvm_entries.HEADER.size} bytes and its entries"
        raise failed(name, f"byte {len(data)}", f"ends too early: {expected}")
    if data[RESERVED:CPUID].strip(b"\0"):
        first = next(at for at in range(RESERVED, CPUID) if data[at])
        raise failed(name, f"byte {first}", "expected zero, which is reserved there")
    attributes, xfam = unpack_from("<2Q", data)
    return Imported(NAME, Capabilities(name, attributes, xfam, kvm_entries.table(data, CPUID, name)))
