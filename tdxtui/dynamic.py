"""The fields that the run time decides (7.4, 5.C3), by the names that module files use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tdxtui.computed import XSAVE_HEADER_END, xsave_size
from tdxtui.cpuid import Leaf
from tdxtui.module import Module
from tdxtui.sysinit import Prepared
from tdxtui.td import TD_CTLS

CR4_OSXSAVE = 1 << 18
CR4_PKE = 1 << 22


class GuestState(NamedTuple):
    """The state of a vCPU and its TD as CPUID is executed. `long_mode` is EFER.LMA and CS.L.

    `ve_supervisor`, `ve_user` are the TDVPS-wide controls, `leaf_ve_supervisor`, `leaf_ve_user` those of the leaf as
    requested (7.3).
    """

    cr4: int = 0
    xcr0: int = 1
    xss: int = 0
    cpl: int = 0
    long_mode: bool = True
    vcpu_index: int = 0
    x2apic_id: int = 0
    td_ctls: int = 0
    feature_paravirt_ctls: int = 0
    tsx_ctrl: int = 0
    ve_supervisor: bool = False
    ve_user: bool = False
    leaf_ve_supervisor: bool = False
    leaf_ve_user: bool = False

    def effective_td_ctls(self, module: Module) -> int:
        """The TD_CTLS bits that count as set: those that the module has; REDUCE_VE implies two more (C4, D8, I9)."""
        ctls = self.td_ctls & module.exit.td_ctls
        if ctls & TD_CTLS["REDUCE_VE"]:
            ctls |= (TD_CTLS["ENUM_TOPOLOGY"] | TD_CTLS["VIRT_CPUID2"]) & module.exit.td_ctls
        return ctls

    def has_td_ctl(self, name: str, module: Module) -> bool:
        """Whether a TD_CTLS bit counts as set on a module."""
        return bool(self.effective_td_ctls(module) & TD_CTLS[name])


def vcpu_index(prepared: Prepared, guest: GuestState) -> int:
    """The low byte of the VCPU's index."""
    return guest.vcpu_index & 0xFF


def apic_id(prepared: Prepared, guest: GuestState) -> int:
    """The low byte of the x2APIC ID with ENUM_TOPOLOGY, else of the VCPU's index (5.C3)."""
    return (guest.x2apic_id if guest.has_td_ctl("ENUM_TOPOLOGY", prepared.module) else guest.vcpu_index) & 0xFF


def x2apic_id(prepared: Prepared, guest: GuestState) -> int:
    """The VCPU's x2APIC ID."""
    return guest.x2apic_id & 0xFFFFFFFF


def cr4_osxsave(prepared: Prepared, guest: GuestState) -> int:
    """CR4.OSXSAVE."""
    return int(bool(guest.cr4 & CR4_OSXSAVE))


def cr4_pke(prepared: Prepared, guest: GuestState) -> int:
    """CR4.PKE."""
    return int(bool(guest.cr4 & CR4_PKE))


def long_mode(prepared: Prepared, guest: GuestState) -> int:
    """SYSCALL shows only in 64-bit mode."""
    return int(guest.long_mode)


def xsave_size_now(prepared: Prepared, guest: GuestState) -> int:
    """The standard-format size for the guest's XCR0."""
    return xsave_size(prepared, guest.xcr0)


def xsaves_size_now(prepared: Prepared, guest: GuestState) -> int:
    """The compacted size for the guest's XCR0 and IA32_XSS."""
    size, components = XSAVE_HEADER_END, guest.xcr0 | guest.xss
    for number in range(2, components.bit_length()):
        if components >> number & 1:
            eax, _, ecx, _ = prepared.registers(Leaf(0xD, number))
            if ecx & 2:
                size = (size + 63) & ~63
            size += eax
    return size & 0xFFFFFFFF


Function = Callable[[Prepared, GuestState], int]
FUNCTIONS: Mapping[str, Function] = MappingProxyType({
    "vcpu_index": vcpu_index, "apic_id": apic_id, "x2apic_id": x2apic_id, "cr4_osxsave": cr4_osxsave,
    "cr4_pke": cr4_pke, "long_mode": long_mode, "xsave_size": xsave_size_now, "xsaves_size": xsaves_size_now,
})
