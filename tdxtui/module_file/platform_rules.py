"""A module file's demands on the platform: MSRs, named checks, early steppings, IA32_ARCH_CAPABILITIES."""

from __future__ import annotations

from tdxtui.module import ArchCapabilityRules, EarlyStepping, MsrCheck, PlatformCheck
from tdxtui.module_file.references import PLATFORM_SCOPES, References, named
from tdxtui.platform_checks import FUNCTIONS as PLATFORM_CHECKS
from tdxtui.strict import Section, parse_hex, parse_hex_word


def msr_check(section: Section, refs: References) -> MsrCheck:
    """One [[msr_check]]."""
    check = MsrCheck(
        address=section.hex("address", 32),
        ones=section.hex("ones", default=0),
        zeros=section.hex("zeros", default=0),
        before_cpuid=section.flag("before_cpuid"),
        status=section.text("status", "TDX_INCORRECT_MSR_VALUE"),
        when=section.parsed("when", refs.condition(*PLATFORM_SCOPES), None),
        rule=section.text("rule"),
    )
    section.done()
    return check


def msr_defaults(section: Section) -> dict[int, int]:
    """[msr_defaults]."""
    out = {}
    for key in section:
        value = section.hex(key)
        try:
            out[parse_hex(key, 32)] = value
        except ValueError as error:
            raise section.error(key, str(error)) from None
    return out


def platform_check(section: Section, refs: References) -> PlatformCheck:
    """One [[platform_check]]."""
    check = PlatformCheck(
        at=section.parsed_list("at", refs.leaf),
        by=section.parsed("by", named(PLATFORM_CHECKS)),
        rule=section.text("rule"),
    )
    section.done()
    return check


def early_stepping(top: Section, refs: References) -> EarlyStepping | None:
    """[early_stepping], None if there is none."""
    if "early_stepping" not in top:
        return None
    section = top.table("early_stepping")
    rules = EarlyStepping(
        cpus=frozenset(section.parsed_list("cpus", parse_hex_word, required=True)),
        unverified=frozenset(section.parsed_list("unverified", refs.leaf)),
        unsampled=frozenset(section.parsed_list("unsampled", refs.leaf)),
        arch_capabilities_not_required=section.hex("arch_capabilities_not_required", default=0),
    )
    section.done()
    return rules


def arch_capabilities(section: Section) -> ArchCapabilityRules:
    """[arch_capabilities]."""
    rules = ArchCapabilityRules(
        configured_and_native=section.hex("configured_and_native", default=0),
        configured_or_native=section.hex("configured_or_native", default=0),
        fixed0=section.hex("fixed0", default=0),
        fixed1=section.hex("fixed1", default=0),
        tsx_ctrl=section.hex("tsx_ctrl", default=0),
    )
    section.done()
    return rules

