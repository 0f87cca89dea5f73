"""A module file's special rules: gates, mirrors, equal bits, computed fields, topology, flags, what is inferred."""

from __future__ import annotations

from tdxtui.computed import FUNCTIONS as COMPUTED
from tdxtui.cpuid import ALL_ONES, Field
from tdxtui.module import Computed, Equal, Gate, Inferred, Mirror, NeedsMsr, TopologyRules
from tdxtui.module_file.entries import registers
from tdxtui.module_file.references import References, disjoint, named, one_of
from tdxtui.strict import Section

GATE_SCOPES = ("XFAM", "ATTRIBUTES", "bit")


def gate(section: Section, refs: References) -> Gate:
    """One [[gate]]."""
    clears = section.table("clears")
    masks = {}
    for key in clears:
        try:
            leaf = refs.leaf(key)
        except ValueError as error:
            raise clears.error(key, str(error)) from None
        masks[leaf] = _cleared(clears, key)
    needs = section.parsed_list("needs", refs.condition(*GATE_SCOPES), required=True)
    if not needs:
        raise section.error("needs", "expected a condition at least")
    if not masks:
        raise clears.error("", "expected an entry at least")
    for condition in needs:
        for leaf in masks:
            if condition.field is not None and refs.is_later(condition.field, leaf):
                raise section.error("needs", f"{condition.text} is computed after {leaf.key}, which it shall clear")
    gate = Gate(needs, masks, section.text("rule"))
    section.done()
    return gate


def _cleared(clears: Section, key: str) -> int:
    if not clears.is_text(key):
        return registers(clears, key)
    clears.parsed(key, one_of(("all",)))
    return ALL_ONES


def mirrors(top: Section, refs: References) -> tuple[Mirror, ...]:
    """Every [[mirror]]."""
    found: list[Mirror] = []
    for section in top.tables("mirror"):
        mirror = _mirror(section, refs)
        disjoint(section, "bit", mirror.bit, [other.bit for other in found])
        found.append(mirror)
    return tuple(found)


def _mirror(section: Section, refs: References) -> Mirror:
    of = section.parsed("of", refs.condition("ATTRIBUTES"))
    mirror = Mirror(section.parsed("bit", refs.free_bit), of, section.text("rule"))
    section.done()
    return mirror


def equal(section: Section, refs: References) -> Equal:
    """One [[equal]]."""
    bits = section.parsed_list("bits", refs.bit, required=True)
    if len(bits) != 2 or bits[0] == bits[1] or bits[0].leaf != bits[1].leaf:
        raise section.error("bits", "expected two bits of one leaf")
    equal = Equal((bits[0], bits[1]), section.parsed("at", refs.leaf, None), section.text("rule"))
    section.done()
    return equal


def needs_msr(section: Section, refs: References) -> NeedsMsr:
    """One [[needs_msr]]."""
    needs = NeedsMsr(
        section.parsed("bit", refs.bit), section.hex("msr", 32), section.hex("mask"), section.text("rule")
    )
    section.done()
    return needs


def computed_fields(top: Section, refs: References) -> tuple[Computed, ...]:
    """Every [[computed]]."""
    found: list[Computed] = []
    for section in top.tables("computed"):
        computed = _computed(section, refs)
        disjoint(section, "field", computed.field, [item.field for item in found])
        found.append(computed)
    return tuple(found)


def _computed(section: Section, refs: References) -> Computed:
    computed = Computed(
        section.parsed("field", refs.field), section.parsed("by", named(COMPUTED)), section.text("rule")
    )
    section.done()
    return computed


def topology(top: Section, refs: References) -> TopologyRules | None:
    """[topology], None if there is none."""
    if "topology" not in top:
        return None
    section = top.table("topology")
    rules = TopologyRules(
        configured=section.parsed_list("configured", refs.leaf, required=True),
        derived=section.parsed_list("derived", refs.leaf, required=True),
        numbered=section.flag("numbered"),
        smt_first=section.flag("smt_first"),
        derive=section.parsed("derive", one_of(("last_valid_level", "last_subleaf"))),
        fill=section.parsed("fill", one_of(("zero", "index"))),
        rule=section.text("rule"),
    )
    if not rules.configured:
        raise section.error("configured", "expected a sub-leaf at least")
    if len(rules.derived) != 3:
        raise section.error("derived", "expected three sub-leaves")
    section.done()
    return rules


def flags(section: Section, refs: References) -> dict[str, Field]:
    """[flags]."""
    return {name: section.parsed(name, refs.bit) for name in section}


def inferred(section: Section, refs: References) -> Inferred:
    """One [[inferred]]."""
    inferred = Inferred(
        leaves=frozenset(section.parsed_list("leaves", refs.leaf)),
        field=section.parsed("field", refs.field, None),
        mask=section.text("mask", ""),
        rule=section.text("rule", ""),
        because=section.text("because"),
    )
    section.done()
    return inferred

