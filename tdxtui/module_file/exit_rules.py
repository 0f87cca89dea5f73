"""A module file's run time: [exit], [[dynamic]], [guest_bits]."""

from __future__ import annotations

from collections.abc import Iterable

from tdxtui.cpuid import WORD, Leaf, Register
from tdxtui.dynamic import FUNCTIONS as DYNAMIC
from tdxtui.module import Dynamic, Entry, ExitRules, GuestBit
from tdxtui.module_file.references import References, disjoint, named, one_of
from tdxtui.strict import Section, data_error, parse_hex_word, quoted
from tdxtui.td import FEATURE_PARAVIRT_CTLS, TD_CTLS

GUEST_SCOPES = ("TD_CTLS", "bit")


def exit_rules(top: Section, entries: tuple[Entry, ...], refs: References) -> ExitRules:
    """[exit], [[dynamic]] and [guest_bits]."""
    section = top.table("exit")
    needs, condition = section.table("needs", required=False), refs.condition(*GUEST_SCOPES)
    rules = ExitRules(
        extended_limit_native=section.parsed("extended_limit", one_of(("native", "virtual"))) == "native",
        faulting=frozenset(section.parsed_list("faulting", refs.leaf)),
        zero_leaves=frozenset(section.parsed_list("zero_leaves", parse_hex_word)),
        needs={_leaf_number(needs, key): needs.parsed_list(key, condition) for key in needs},
        dynamic=_dynamic_fields(top, entries, refs),
        guest_bits=_guest_bits(top.table("guest_bits", required=False), refs),
        cleared_by_tsx_ctrl=section.parsed_list("cleared_by_tsx_ctrl", refs.bit),
        native_cache_leaves=frozenset(section.parsed_list("native_cache_leaves", refs.leaf)),
        td_ctls=_mask(section.parsed_list("td_ctls", lambda text: TD_CTLS[named(TD_CTLS)(text)])),
    )
    section.done()
    return rules


def _mask(masks: Iterable[int]) -> int:
    mask = 0
    for part in masks:
        mask |= part
    return mask


def _leaf_number(section: Section, key: str) -> int:
    try:
        leaf = Leaf.parse(key)
    except ValueError as error:
        raise section.error(key, str(error)) from None
    if leaf.subleaf is not None:
        raise section.error(key, "expected a leaf without a sub-leaf")
    return leaf.leaf


def _dynamic_fields(top: Section, entries: tuple[Entry, ...], refs: References) -> tuple[Dynamic, ...]:
    """The fields of the run time, which must be just the bits that the entries call dynamic."""
    left = {entry.leaf: entry.dynamic for entry in entries}
    found: list[Dynamic] = []
    for section in top.tables("dynamic"):
        for item in _dynamic(section, refs):
            disjoint(section, "fields", item.field, [other.field for other in found])
            if item.field.mask & ~left[item.field.leaf]:
                raise section.error("fields", f"{item.field.key} has bits that its entry doesn't call dynamic")
            left[item.field.leaf] &= ~item.field.mask
            found.append(item)
    for leaf, mask in left.items():
        _all_dynamic(top, leaf, mask)
    return tuple(found)


def _all_dynamic(top: Section, leaf: Leaf, left: int) -> None:
    for register in Register:
        if bits := left >> register.shift & WORD:
            where = f"entry.{quoted(leaf.key)}.{register.key}.dynamic"
            raise data_error(top.source, where, f"bits 0x{bits:08x} are in no [[dynamic]] statement")


def _dynamic(section: Section, refs: References) -> list[Dynamic]:
    by, rule = section.parsed("by", named(DYNAMIC)), section.text("rule")
    fields = section.parsed_list("fields", refs.field, required=True)
    section.done()
    return [Dynamic(field, by, rule) for field in fields]


def _guest_bits(section: Section, refs: References) -> tuple[GuestBit, ...]:
    out = []
    for key in section:
        row = section.table(key)
        try:
            bit = refs.bit(key)
        except ValueError as error:
            raise section.error(key, str(error)) from None
        control = FEATURE_PARAVIRT_CTLS[row.parsed("control", named(FEATURE_PARAVIRT_CTLS))]
        out.append(GuestBit(bit, control, row.parsed("unreduced", one_of(("one", "configured"))) == "one"))
        row.done()
    return tuple(out)

