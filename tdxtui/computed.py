"""The fields of a TD's CPUID that TDH.MNG.INIT computes, by the names that module files use.

Each function gets the computation so far and returns the field's value; it raises `Refused` where the module says no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.platform_checks import XCR0_MASK
from tdxtui.refusal import MNG_INIT, Refusal, Refused, shutdown
from tdxtui.sysinit import Prepared
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, TdConfig

XSAVE_HEADER_END = 576
MIN_GUEST_WIDTH = 45
_FMS = Field(Leaf(1), Register.EAX, 31, 0)
_WIDTHS = Leaf(0x80000008)
_LA57 = Field.bit(Leaf(7, 0), Register.ECX, 16)


class Computation(Protocol):
    """What a function may look at: the prepared platform, the TD configuration, the values so far."""

    prepared: Prepared
    config: TdConfig

    def get(self, field: Field) -> int:
        """A field's value so far."""


def family_model_stepping(td: Computation) -> int:
    """What CPUID(1).EAX becomes: the configured value if it is legal, else the platform's (5.1, E2)."""
    value, platform = td.get(_FMS), td.prepared.fms
    rules = td.prepared.module.fms
    if platform is None:
        return value
    if value == 0:
        value = platform
        if not rules.check_default:
            return value
    if td.config.attributes & ATTRIBUTES["MIGRATABLE"]:
        _check_migratable_fms(value, platform, rules.models)
    elif value != platform:
        raise _bad_fms(f"CPUID(1).EAX must be the platform's {platform:X}H unless the TD is MIGRATABLE, not {value:X}H")
    return value


def _check_migratable_fms(value: int, platform: int, models: tuple[int, ...]) -> None:
    known = [model >> 4 for model in models]
    if value >> 4 == platform >> 4 and value & 0xF > platform & 0xF:
        raise _bad_fms(f"stepping {value & 0xF} is newer than the platform's {platform & 0xF}")
    if platform >> 4 not in known:
        because = f"the module knows no migration from a platform {platform:X}H and shuts down"
        raise shutdown(MNG_INIT, "5.1", because)
    older = known[known.index(platform >> 4) :]
    if value >> 4 not in older:
        raise _bad_fms(f"{value:X}H is not the platform's model {platform:X}H nor an older one that the module lists")
    newest = models[known.index(value >> 4)]
    if value & 0xF > newest & 0xF:
        raise _bad_fms(f"the module lists this model only up to {newest:X}H, not {value:X}H")


def _bad_fms(because: str) -> Refused:
    return Refused(Refusal("TDX_OPERAND_INVALID", MNG_INIT, "5.1", because, at=Leaf(1), operand="CPUID_CONFIG"))


def xsave_area_size(td: Computation) -> int:
    """The XSAVE area's size for the XCR0 part of XFAM (5.7)."""
    return xsave_size(td.prepared, td.config.xfam & XCR0_MASK)


def xsave_size(prepared: Prepared, components: int) -> int:
    """The standard-format size in bytes of an XSAVE area with these state components."""
    found = prepared.xsave_sizes.get(components)
    if found is None:
        if len(prepared.xsave_sizes) > 4096:
            prepared.xsave_sizes.clear()
        found = prepared.xsave_sizes[components] = _xsave_size(prepared, components)
    return found


def _xsave_size(prepared: Prepared, components: int) -> int:
    ends = [XSAVE_HEADER_END]
    for number in range(2, components.bit_length()):
        if components >> number & 1:
            eax, ebx, _, _ = prepared.registers(Leaf(0xD, number))
            ends.append(eax + ebx)
    return max(ends) & 0xFFFFFFFF


def xfd(td: Computation) -> int:
    """Whether XFD has any component of this TD to work on (5.7)."""
    return int(bool(td.prepared.xfd_mask & td.config.xfam))


def tsc_frequency(td: Computation) -> int:
    """TD_PARAMS.TSC_FREQUENCY over the virtual 25 MHz crystal (5.9)."""
    return td.config.tsc_frequency


def linear_width(td: Computation) -> int:
    """57 bits with LA57, else 48 (5.12)."""
    return 57 if td.get(_LA57) else 48


def physical_width(td: Computation) -> int:
    """The guest's MAX_PA (6.C1, C2)."""
    native, flags = td.prepared.maxpa, td.config.config_flags
    if native is None or not flags & CONFIG_FLAGS["MAXPA_VIRT"]:
        return native or 0
    limit = min(native, guest_physical_limit(td))
    wished = td.config.cpuid_config.get(_WIDTHS, 0) >> 96 & 0xFF
    if wished and not MIN_GUEST_WIDTH <= wished <= limit:
        because = f"a MAX_PA of {wished} is not within {MIN_GUEST_WIDTH}..{limit}"
        raise Refused(Refusal("TDX_OPERAND_INVALID", MNG_INIT, "6.C1", because, operand="CPUID_CONFIG"))
    return wished or limit


def guest_physical_width(td: Computation) -> int:
    """CPUID(80000008).EAX[23:16]: what the TD's GPA may use, with MAXGPA_VIRT only (C2)."""
    native = td.prepared.maxpa
    if native is None or not td.config.config_flags & CONFIG_FLAGS["MAXGPA_VIRT"]:
        return 0
    return min(native, guest_physical_limit(td))


def guest_physical_limit(td: Computation) -> int:
    """The width of the TD's guest-physical address: 52 with GPAW, else 48."""
    return 52 if td.config.gpaw else 48


Function = Callable[[Computation], int]
FUNCTIONS: Mapping[str, Function] = MappingProxyType({
    function.__name__: function
    for function in (
        family_model_stepping, xsave_area_size, xfd, tsc_frequency, linear_width, physical_width, guest_physical_width,
    )
})
PLATFORM_DEPENDENT = frozenset(
    {"family_model_stepping", "xsave_area_size", "xfd", "physical_width", "guest_physical_width"}
)
