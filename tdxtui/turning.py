"""Legal changes of XFAM and ATTRIBUTES: what else must move with a bit.

XFAM's components move in the groups that rule 3.2 makes of them; here a group, or a component of none, is a unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from tdxtui.edits import NUM_L2_VMS, Edit, word_edit
from tdxtui.module import XfamRules
from tdxtui.platform_checks import XCR0_MASK
from tdxtui.sysinit import Prepared
from tdxtui.td import ATTRIBUTES, XFAM_COMPONENTS, XFAM_GROUPS, TdConfig, names_of

_GROUPED = sum(XFAM_GROUPS.values())
UNITS = {**XFAM_GROUPS, **{name: mask for name, mask in XFAM_COMPONENTS.items() if not mask & _GROUPED}}
XCR0_NAMES = tuple(name for name, mask in UNITS.items() if mask & XCR0_MASK)


def units_in(mask: int) -> list[str]:
    """The units that share a bit with a mask."""
    return [name for name, unit in UNITS.items() if unit & mask]


def xfam_turned(prepared: Prepared, config: TdConfig, mask: int, on: bool) -> tuple[Edit, ...] | None:
    """The edits that turn components on or off, and those that must follow (3.2); None if that is never legal."""
    xfam = config.xfam
    after = _turned_on(prepared, xfam, mask) if on else _turned_off(prepared.module.xfam, xfam, mask)
    return None if after is None else word_edits(xfam, after)


def _turned_on(prepared: Prepared, xfam: int, mask: int) -> int | None:
    after = xfam
    for name in units_in(mask):
        after |= UNITS[name]
    for dependent, needed in prepared.module.xfam.requires:
        if after & ~xfam & dependent:
            after |= needed
    return None if after & ~xfam & ~prepared.xfam_allowed else after


def _turned_off(rules: XfamRules, xfam: int, mask: int) -> int | None:
    after = xfam
    for name in units_in(mask):
        after &= ~UNITS[name]
    for dependent, needed in rules.requires:
        if xfam & ~after & needed:
            after &= ~dependent
    return None if rules.fixed1 & xfam & ~after else after


def word_edits(before: int, after: int) -> tuple[Edit, ...]:
    """The edits from one word to another, a unit each."""
    changed = before ^ after
    return tuple(
        word_edit("XFAM", name, int(bool(after & unit))) for name, unit in UNITS.items() if changed & unit
    )


def legal_words(prepared: Prepared, xfam: int, names: tuple[str, ...]) -> list[int]:
    """The words that differ from one in some units and break no rule with what they change, nearest first."""
    words = {word for word in _words(xfam, names) if _keeps_rules(prepared, xfam, word)}
    return sorted(words, key=lambda word: (len(word_edits(xfam, word)), word))


def _words(xfam: int, names: tuple[str, ...]) -> Iterator[int]:
    masks = [UNITS[name] for name in names]
    for on in product((False, True), repeat=len(masks)):
        word = xfam
        for mask, wanted in zip(masks, on, strict=True):
            word = word | mask if wanted else word & ~mask
        yield word


def _keeps_rules(prepared: Prepared, before: int, after: int) -> bool:
    rules, changed = prepared.module.xfam, before ^ after
    if (after & ~prepared.xfam_allowed | rules.fixed1 & ~after) & changed:
        return False
    return not any(
        after & dependent and not after & needed and changed & (dependent | needed)
        for dependent, needed in rules.requires
    )



def attributes_turned(prepared: Prepared, config: TdConfig, mask: int, on: bool) -> tuple[Edit, ...] | None:
    """The edits that turn bits of ATTRIBUTES on or off, with what excludes them (2.1, 2.2); None if never legal.

    What family, model and stepping must become with MIGRATABLE is not looked at.
    """
    rules, value = prepared.module.attributes, config.attributes
    if (on and mask & ~prepared.attributes_allowed) or (not on and mask & rules.fixed1):
        return None
    edits = [word_edit("ATTRIBUTES", name, int(on)) for name in names_of(mask, ATTRIBUTES)]
    if on:
        edits += [word_edit("ATTRIBUTES", name, 0) for name in _excluded(prepared, value, mask)]
    l2_vms = config.num_l2_vms and not prepared.module.td_params.migratable_with_l2_vms
    if on and l2_vms and mask & ATTRIBUTES["MIGRATABLE"]:
        edits.append(Edit(NUM_L2_VMS, "", 0))
    return tuple(edits)


def _excluded(prepared: Prepared, value: int, mask: int) -> list[str]:
    """The bits of ATTRIBUTES that are on and can't be together with some that come on."""
    pairs = (pair for pair in prepared.module.attributes.exclusive if any(ATTRIBUTES[name] & mask for name in pair))
    others = [name for pair in pairs for name in pair if value & ~mask & ATTRIBUTES[name]]
    return list(dict.fromkeys(others))
