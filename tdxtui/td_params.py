"""What TDH.MNG.INIT checks of TD_PARAMS before it looks at CPUID_CONFIG, in its order (sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tdxtui.module import BitRules, XfamRules
from tdxtui.refusal import MNG_INIT, Refusal
from tdxtui.sysinit import Prepared
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, EPTP_4_LEVEL, EPTP_5_LEVEL, XFAM_COMPONENTS, TdConfig, names_of

MAX_TSC_HZ = (1 << 32) - 1
EXCLUDES = {"MIGRATABLE": "2.2", "ICSSD": "6.C3"}


def td_params_problems(prepared: Prepared, config: TdConfig) -> Iterator[Refusal]:
    """What the module would refuse, in its order; it stops at the first."""
    rules = prepared.module.td_params
    lowest, highest = rules.tsc_frequency
    rule = _attributes_rule(prepared, config.attributes)
    yield from _refusal(attributes_problem(prepared, config.attributes), rule, "ATTRIBUTES")
    rule = "3.1" if config.xfam & ~prepared.xfam_allowed else "3.2"
    yield from _refusal(xfam_problem(prepared, config.xfam), rule, "XFAM")
    if prepared.tsc_hz > MAX_TSC_HZ:
        yield Refusal("FATAL_ERROR", MNG_INIT, "3.3", "the native TSC frequency is above 2^32-1 Hz")
    if not 0 < config.max_vcpus <= rules.max_vcpus:
        yield from _refusal(f"MAX_VCPUS is {config.max_vcpus}; it must be 1..{rules.max_vcpus}", "3.3", "MAX_VCPUS")
    if config.num_l2_vms > rules.max_l2_vms:
        yield from _refusal(
            f"NUM_L2_VMS is {config.num_l2_vms}; at most {rules.max_l2_vms} are possible", "3.3", "NUM_L2_VMS"
        )
    yield from _refusal(config_flags_problem(prepared, config.config_flags), "3.3", "EXEC_CONTROLS")
    yield from _refusal(_eptp_problem(prepared, config), "3.3", "EPTP_CONTROLS")
    if not lowest <= config.tsc_frequency <= highest:
        yield from _refusal(f"the TSC frequency must be {lowest * 25}..{highest * 25} MHz", "3.3", "TSC_FREQUENCY")
    if config.msr_config_ctls & ~1:
        yield from _refusal("MSR_CONFIG_CTLS has reserved bits set", "3.3", "RDX")


def _refusal(problem: str, rule: str, operand: str) -> Iterator[Refusal]:
    if problem:
        yield Refusal("TDX_OPERAND_INVALID", MNG_INIT, rule, problem, operand=operand)


def attributes_problem(prepared: Prepared, attributes: int) -> str:
    """What is wrong with ATTRIBUTES here, "" if nothing (2.1, 2.2)."""
    return _bits_problem(prepared, prepared.module.attributes, attributes, ATTRIBUTES, "ATTRIBUTES")


def _attributes_rule(prepared: Prepared, attributes: int) -> str:
    """The rule that refuses ATTRIBUTES: of its legal bits, or of those that exclude each other."""
    if attributes & ~prepared.attributes_allowed:
        return "2.1"
    pairs = prepared.module.attributes.exclusive
    held = [name for pair in pairs if all(attributes & ATTRIBUTES[name] for name in pair) for name in pair]
    return next((EXCLUDES[name] for name in held if name in EXCLUDES), "2.1")


def config_flags_problem(prepared: Prepared, flags: int) -> str:
    """What is wrong with CONFIG_FLAGS here, "" if nothing (3.3, C1, G2)."""
    return _bits_problem(prepared, prepared.module.config_flags, flags, CONFIG_FLAGS, "CONFIG_FLAGS")


def _bits_problem(prepared: Prepared, rules: BitRules, value: int, known: Mapping[str, int], what: str) -> str:
    if illegal := value & ~rules.allowed:
        return f"{what} has {', '.join(names_of(illegal, known))}, which this module doesn't allow"
    if missing := rules.fixed1 & ~value:
        return f"{what} lacks {', '.join(names_of(missing, known))}, which this module demands"
    for pair in rules.exclusive:
        if all(value & known[name] for name in pair):
            return f"{what} can't have {' and '.join(pair)} together"
    for mask, condition in rules.needs:
        if value & mask and not prepared.holds(condition):
            return f"{what} has {', '.join(names_of(mask, known))}, which needs {condition.text}"
    return ""


def xfam_problem(prepared: Prepared, xfam: int) -> str:
    """What is wrong with XFAM here, "" if nothing (3.1, 3.2)."""
    rules = prepared.module.xfam
    if illegal := xfam & ~rules.allowed:
        return f"XFAM has {', '.join(names_of(illegal, XFAM_COMPONENTS))}, which this module doesn't allow"
    if illegal := xfam & ~prepared.supported_xfam:
        return f"XFAM has {', '.join(names_of(illegal, XFAM_COMPONENTS))}, which the CPU doesn't have"
    return _xfam_combination(rules, xfam)


def _xfam_combination(rules: XfamRules, xfam: int) -> str:
    if missing := rules.fixed1 & ~xfam:
        return f"XFAM lacks {', '.join(names_of(missing, XFAM_COMPONENTS))}, which every TD has"
    for mask, needed in rules.requires:
        if xfam & mask and not xfam & needed:
            names = [", ".join(names_of(part, XFAM_COMPONENTS)) for part in (xfam & mask, needed)]
            return f"XFAM has {names[0]} without {names[1]}"
    for mask in rules.together:
        if xfam & mask not in (0, mask):
            return f"XFAM must have all or none of {', '.join(names_of(mask, XFAM_COMPONENTS))}"
    return ""


def _eptp_problem(prepared: Prepared, config: TdConfig) -> str:
    """Page-walk length, memory type, and what GPAW asks for (6.C2)."""
    if config.eptp_controls not in (EPTP_4_LEVEL, EPTP_5_LEVEL):
        return f"EPTP_CONTROLS must be {EPTP_4_LEVEL:X}H (4 levels) or {EPTP_5_LEVEL:X}H (5 levels), write-back"
    five = config.eptp_controls == EPTP_5_LEVEL
    least, maxpa = prepared.module.td_params.five_level_min_maxpa, prepared.maxpa
    if five and least is not None and maxpa is not None and maxpa < least:
        return f"5 levels of EPT need a MAX_PA of {least} at least; the CPU has {maxpa}"
    return "GPAW needs 5 levels of EPT" if config.gpaw and not five else ""
