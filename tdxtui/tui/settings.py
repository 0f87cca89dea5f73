"""What the panes of settings list: XFAM, ATTRIBUTES, the other TD parameters, and the guest's own state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from tdxtui.dynamic import CR4_OSXSAVE, CR4_PKE, GuestState
from tdxtui.editor import Editor
from tdxtui.module import Module
from tdxtui.td import (
    ATTRIBUTES,
    CONFIG_FLAGS,
    FEATURE_PARAVIRT_CTLS,
    TD_CTLS,
    XFAM,
    XFAM_COMPONENTS,
    XFAM_GROUPS,
)
from tdxtui.td_values import TD_VALUES
from tdxtui.tui.switches import Switch

if TYPE_CHECKING:
    from tdxtui.vmm_layer import VmmLayer

LISTED_XFAM = tuple(XFAM_GROUPS) + tuple(
    name for name, mask in XFAM_COMPONENTS.items() if not any(mask & group for group in XFAM_GROUPS.values())
)
CR4: Mapping[str, int] = MappingProxyType({"CR4.OSXSAVE": CR4_OSXSAVE, "CR4.PKE": CR4_PKE})
CPL_3, LONG_MODE = "CPL 3", "64-bit mode"
CPU_STATE, XCR0_HEAD, CTLS_HEAD, PARAVIRT_HEAD = "CPU state", "XCR0", "TD_CTLS", "FEATURE_PARAVIRT_CTLS"


def xfam_switches(editor: Editor, layers: Sequence[VmmLayer] = ()) -> list[Switch]:
    """The components of XFAM that the module knows or the model has, and what VMM layers refuse of them."""
    allowed, xfam = editor.situation.td.prepared.xfam_allowed, editor.model.xfam
    order = sorted(LISTED_XFAM, key=lambda name: XFAM[name] & -XFAM[name])
    names = [name for name in order if XFAM[name] & (editor.module.xfam.allowed | xfam)]
    found = [Switch(name, xfam & XFAM[name] == XFAM[name], not XFAM[name] & ~allowed) for name in names]
    return _passed(found, XFAM, [layer.xfam | editor.module.xfam.fixed1 for layer in layers])


def attribute_switches(editor: Editor, layers: Sequence[VmmLayer] = ()) -> list[Switch]:
    """The bits of ATTRIBUTES that the module knows or the model has, and what VMM layers refuse of them."""
    allowed, value = editor.situation.td.prepared.attributes_allowed, editor.model.attributes
    found = _named(ATTRIBUTES, value, editor.module.attributes.allowed, allowed)
    return _passed(found, ATTRIBUTES, [layer.attributes | editor.module.attributes.fixed1 for layer in layers])


def td_switches(editor: Editor, layers: Sequence[VmmLayer] = ()) -> list[Switch]:
    """The numbers among the TD parameters, then the bits of CONFIG_FLAGS that the module knows or the model has."""
    known, value = editor.module.config_flags.allowed, editor.model.config_flags
    numbers = [Switch(item.name, value=f"{item.text(editor.model)} {item.unit}".strip()) for item in TD_VALUES.values()]
    flags = _named(CONFIG_FLAGS, value, known, known)
    return [*numbers, *_passed(flags, CONFIG_FLAGS, [layer.config_flags for layer in layers])]


def _passed(found: list[Switch], names: Mapping[str, int], passes: Sequence[int]) -> list[Switch]:
    """The switches, marked where some mask doesn't have all of one that is on."""
    if not passes:
        return found
    return [item._replace(refused=item.on and any(names[item.name] & ~mask for mask in passes)) for item in found]


def _named(names: Mapping[str, int], value: int, listed: int, allowed: int) -> list[Switch]:
    found = [name for name, mask in names.items() if mask & (listed | value)]
    return [Switch(name, bool(value & names[name]), bool(names[name] & allowed)) for name in found]


# -- the guest --


def guest_switches(module: Module, guest: GuestState) -> list[Switch]:
    """The guest's own state, as far as it decides what CPUID returns on a module."""
    state = [Switch(name, bool(guest.cr4 & mask)) for name, mask in CR4.items()]
    state += [Switch(LONG_MODE, guest.long_mode), Switch(CPL_3, guest.cpl == 3)]
    xcr0 = [name for name in XFAM_COMPONENTS if XFAM_COMPONENTS[name] & module.xfam.allowed & ~_SUPERVISOR]
    effective = guest.effective_td_ctls(module)
    ctls = [name for name, mask in TD_CTLS.items() if mask & module.exit.td_ctls and name in _SEEN_BY_CPUID]
    used = 0
    for item in module.exit.guest_bits:
        used |= item.control
    paravirt = [name for name, mask in FEATURE_PARAVIRT_CTLS.items() if mask & used]
    return [
        *_section(CPU_STATE, state),
        *_section(XCR0_HEAD, [_of(name, XFAM_COMPONENTS, guest.xcr0) for name in xcr0]),
        *_section(CTLS_HEAD, [_of(name, TD_CTLS, effective) for name in ctls]),
        *_section(PARAVIRT_HEAD, [_of(name, FEATURE_PARAVIRT_CTLS, guest.feature_paravirt_ctls) for name in paravirt]),
    ]


# IA32_XSS components are no part of XCR0; of TD_CTLS these decide what CPUID returns.
_SUPERVISOR = sum(XFAM_COMPONENTS[name] for name in ("PT", "PASID", "CET_U", "CET_S", "HDC", "UINTR", "LBR", "HWP"))
_SEEN_BY_CPUID = ("ENUM_TOPOLOGY", "VIRT_CPUID2", "REDUCE_VE")


def _of(name: str, names: Mapping[str, int], value: int) -> Switch:
    return Switch(name, bool(value & names[name]))


def _section(name: str, switches: Sequence[Switch]) -> list[Switch]:
    return [Switch(name, heading=True), *switches] if switches else []


def guest_flipped(guest: GuestState, name: str) -> GuestState:
    """The guest with one of the listed switches turned over."""
    if name in CR4:
        return guest._replace(cr4=guest.cr4 ^ CR4[name])
    if name == CPL_3:
        return guest._replace(cpl=0 if guest.cpl else 3)
    if name == LONG_MODE:
        return guest._replace(long_mode=not guest.long_mode)
    if name in XFAM_COMPONENTS:
        return guest._replace(xcr0=guest.xcr0 ^ XFAM_COMPONENTS[name] | 1)
    if name in TD_CTLS:
        return guest._replace(td_ctls=guest.td_ctls ^ TD_CTLS[name])
    return guest._replace(feature_paravirt_ctls=guest.feature_paravirt_ctls ^ FEATURE_PARAVIRT_CTLS[name])


def as_guest(editor: Editor) -> GuestState:
    """A 64-bit kernel that has turned on all the extended state that its TD has, and none of TD_CTLS."""
    xcr0 = editor.model.xfam & ~_SUPERVISOR | 1
    pke = CR4_PKE if xcr0 & XFAM_COMPONENTS["PKRU"] else 0
    return GuestState(cr4=CR4_OSXSAVE | pke, xcr0=xcr0, xss=editor.model.xfam & _SUPERVISOR)
