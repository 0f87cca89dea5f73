"""A module file's rules for TD_PARAMS: [attributes], [xfam], [config_flags], [td_params], [fms]."""

from __future__ import annotations

from collections.abc import Mapping

from tdxtui.module import BitRules, FmsRules, TdParamRules, XfamRules
from tdxtui.module_file.references import PLATFORM_SCOPES, References, checked, named
from tdxtui.strict import Section, parse_hex_word
from tdxtui.td import XFAM


def bit_rules(section: Section, known: Mapping[str, int], refs: References) -> BitRules:
    """[attributes] or [config_flags]."""
    needs, condition = section.table("needs", required=False), refs.condition(*PLATFORM_SCOPES)
    rules = BitRules(
        allowed=section.hex("allowed"),
        fixed1=section.hex("fixed1", default=0),
        exclusive=section.lists("exclusive", named(known)),
        needs=tuple((known[checked(needs, name, known)], needs.parsed(name, condition)) for name in needs),
    )
    if rules.fixed1 & ~rules.allowed:
        raise section.error("fixed1", "has bits that are not in allowed")
    section.done()
    return rules


def xfam_rules(section: Section) -> XfamRules:
    """[xfam]."""
    requires = section.table("requires", required=False)
    rules = XfamRules(
        allowed=section.hex("allowed"),
        fixed1=section.hex("fixed1", default=0),
        together=section.parsed_list("together", lambda text: XFAM[named(XFAM)(text)]),
        requires=tuple(
            (XFAM[checked(requires, name, XFAM)], XFAM[requires.parsed(name, named(XFAM))])
            for name in requires
        ),
    )
    if rules.fixed1 & ~rules.allowed:
        raise section.error("fixed1", "has bits that are not in allowed")
    section.done()
    return rules


def td_params(section: Section) -> TdParamRules:
    """[td_params]."""
    tsc = section.take("tsc_frequency", list)
    if len(tsc) != 2 or not all(type(bound) is int for bound in tsc) or not 0 < tsc[0] <= tsc[1]:
        raise section.error("tsc_frequency", "expected two whole numbers, the lowest and the highest")
    rules = TdParamRules(
        max_vcpus=section.number("max_vcpus", 1, 0xFFFF),
        max_l2_vms=section.number("max_l2_vms", 0, 0xFF),
        migratable_with_l2_vms=section.flag("migratable_with_l2_vms"),
        five_level_min_maxpa=section.number("five_level_min_maxpa", 0, 64, None),
        tsc_frequency=(tsc[0], tsc[1]),
    )
    section.done()
    return rules


def fms(section: Section) -> FmsRules:
    """[fms]."""
    rules = FmsRules(section.parsed_list("models", parse_hex_word, required=True), section.flag("check_default"))
    section.done()
    return rules

