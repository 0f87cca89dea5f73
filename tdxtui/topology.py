"""A TD's leaves 1F and B (5.C1, 5.C2, 6.C5, G4)."""

from __future__ import annotations

from tdxtui.cpuid import unpack
from tdxtui.module import TopologyRules
from tdxtui.refusal import MNG_INIT, Refusal, Refused

SMT, CORE, END = 1, 2, 6
_TYPE_SHIFT = 32 + 8
_TYPE_MASK = 0xFF << _TYPE_SHIFT
_ECX_MASK = 0xFFFFFFFF << 32


def compute(
    rules: TopologyRules, configured: list[int], native: list[int], derived: list[int]
) -> tuple[list[int], list[int]]:
    """Leaf 1F's and leaf B's sub-leaves as packed values.

    `configured` are 1F's values after CPUID_CONFIG, `native` and `derived` what the module starts from for 1F and B.
    Raises Refused for a topology that the module doesn't take.
    """
    if configured[0] == 0:
        if any(configured):
            raise _refused(rules, "1F.0 is zero, so all other sub-leaves must be zero too")
        configured = native
    _check(rules, configured)
    return configured, _leaf_b(rules, configured, derived)


def level_type(value: int) -> int:
    """ECX[15:8] of a packed sub-leaf: 0 is no level."""
    return value >> _TYPE_SHIFT & 0xFF


def _check(rules: TopologyRules, levels: list[int]) -> None:
    previous, core_seen = 0, False
    for number, value in enumerate(levels):
        kind = level_type(value)
        if kind == 0:
            if number == 0 or not core_seen:
                raise _refused(rules, f"sub-leaf {number} is empty before any core level")
        elif kind <= previous or kind >= END:
            raise _refused(rules, f"sub-leaf {number} has level type {kind}, which doesn't rise")
        elif rules.numbered and unpack(value)[2] & 0xFF != number:
            raise _refused(rules, f"sub-leaf {number} doesn't carry its number in ECX[7:0]")
        elif rules.smt_first and kind == SMT and number:
            raise _refused(rules, f"sub-leaf {number} is an SMT level, which only sub-leaf 0 may be")
        core_seen = core_seen or kind == CORE
        previous = kind


def _leaf_b(rules: TopologyRules, levels: list[int], derived: list[int]) -> list[int]:
    if rules.derive == "last_subleaf":
        smt = [derived[0], *(value for value in levels if level_type(value) == SMT)]
        return [smt[-1], levels[-1] & ~_TYPE_MASK | CORE << _TYPE_SHIFT, 0]
    smt_levels = [value for value in levels if level_type(value) == SMT][:1]
    last = [value for value in levels if level_type(value)][-1]
    number = len(smt_levels)
    rows = [*smt_levels, last & ~_ECX_MASK & ~0xFFFFFFFF | (number | CORE << 8) << 32]
    fill = range(len(rows), len(derived))
    return rows + [index << 32 if rules.fill == "index" else 0 for index in fill]


def _refused(rules: TopologyRules, because: str) -> Refused:
    return Refused(Refusal("TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED", MNG_INIT, rules.rule, because))
