"""A diff of two modules has every measured change of sections 5 and 6, and nothing that isn't so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tdxtui import library
from tdxtui.cpuid import ALL_ONES, Field, Leaf, Register
from tdxtui.diff.groups import Group
from tdxtui.diff.module_text import text
from tdxtui.diff.modules import AccessChange, BitChange, ModuleDiff, bits_of, compare
from tdxtui.diff.settings import Setting
from tdxtui.module import Entry, Module

from . import t_rows

VERSIONS = list(library.files("modules"))
STEPS = {
    ("1.5.01", "1.5.05"): (t_rows.TO_1_5_05, t_rows.BEYOND_TO_1_5_05, t_rows.REACHED_IN_1_5_05, t_rows.RULES_OF_1_5_05),
    ("1.5.05", "1.5.06"): (t_rows.TO_1_5_06, t_rows.BEYOND_TO_1_5_06, t_rows.REACHED_IN_1_5_06, t_rows.RULES_OF_1_5_06),
}
steps = pytest.mark.parametrize("step", STEPS, ids=" -> ".join)

STARTS = {
    "no entry": "absent", "always #VE": "ve", "Configured & Native": "allow", "Configured": "config",
    "shows ": "computed", "computed ": "computed", "run time ": "dynamic", "Native": "native", "any": "native",
}


def of(old: str, new: str) -> ModuleDiff:
    """The diff of two built-in modules."""
    return compare(library.module(old), library.module(new))


def category(words: str, position: int) -> str:
    """The category that a change's words give a bit, by its place in the change's bits."""
    match = re.match(r"(fixed|must be) (?:([01])|([0-9A-F]+)H)(?: \((demanded)[^)]*\))?", words)
    if match:
        value = int(match[2] or match[3], 16) >> position & 1
        return f"{'verify' if match[1] == 'must be' or match[4] else 'const'}{value}"
    return next(kind for start, kind in STARTS.items() if words.startswith(start))


def bits(change: BitChange) -> Iterator[Field]:
    """The single bits of a change, in all its leaves."""
    return (bit for field in change.fields for bit in field.bits())


def moves(diff: ModuleDiff) -> dict[Field, set[tuple[str, str]]]:
    """The categories before and after of every bit whose value comes about otherwise, or is demanded otherwise."""
    found: dict[Field, set[tuple[str, str]]] = {}
    other = (Group.GUEST, Group.NO_GUEST, Group.GATED, Group.GATE_MOVED, Group.UNGATED, Group.LP)
    for change in diff.changes:
        if isinstance(change, BitChange) and change.group not in other:
            for bit in bits(change):
                place = bit.lsb - change.lsb
                found.setdefault(bit, set()).add((category(change.old, place), category(change.new, place)))
    return found


def bits_of_row(row: t_rows.Row) -> Iterator[Field]:
    """The single bits of a T-row."""
    _, leaves, register, mask, _, _ = row
    for leaf in leaves.split():
        for number in range(32):
            if mask >> number & 1:
                yield Field.bit(Leaf.parse(leaf), Register.parse(register), number)


@steps
def test_every_t_row_is_told(step: tuple[str, str]) -> None:
    found = moves(of(*step))
    for row in STEPS[step][0]:
        for bit in bits_of_row(row):
            assert (row[4], row[5]) in found.get(bit, set()), (row[0], bit.key, found.get(bit))


@steps
def test_no_bit_is_told_that_no_rule_speaks_of(step: tuple[str, str]) -> None:
    diff, (rows, beyond, _, _) = of(*step), STEPS[step]
    by_rows = {bit: (row[4], row[5]) for row in rows for bit in bits_of_row(row)}
    by_others = {
        (group, bit.key, old, new)
        for _, group, leaf, register, mask, old, new in beyond
        for bit in bits_of_row(("", leaf, register, mask, "", ""))
    }
    for change in diff.changes:
        if isinstance(change, BitChange):
            for bit in bits(change):
                said = (change.group.key, bit.key, change.old, change.new)
                place = bit.lsb - change.lsb
                if said not in by_others:
                    assert by_rows.get(bit) == (category(change.old, place), category(change.new, place)), said
    told = {(c.group.key, b.key, c.old, c.new) for c in diff.changes if isinstance(c, BitChange) for b in bits(c)}
    assert by_others <= told


@steps
def test_gates_of_new_bits_are_those_of_the_rows(step: tuple[str, str]) -> None:
    gated = {"1.5.05": {"7.1.edx.4", "7.1.edx.5", "7.1.edx.10"}, "1.5.06": {"7.1.eax.23"}}[step[1]]  # 5.T23, 6.T13
    offered = [change for change in of(*step).of(Group.OFFERED) if isinstance(change, BitChange)]
    with_avx = {bit.key for change in offered if change.new.endswith("only with XFAM.AVX") for bit in bits(change)}
    assert with_avx == gated


@steps
def test_what_a_guest_gets_at_leaves_is_what_the_rules_say(step: tuple[str, str]) -> None:
    told = {
        (" ".join(leaf.key for leaf in change.leaves), change.old, change.new)
        for change in of(*step).changes if isinstance(change, AccessChange)
    }
    assert told == {row[1:] for row in STEPS[step][2]}


@steps
def test_rules_of_the_module_are_just_those_that_changed(step: tuple[str, str]) -> None:
    told = {change.name: change for change in of(*step).changes if isinstance(change, Setting)}
    wanted = STEPS[step][3]
    assert sorted(told) == sorted(row[1] for row in wanted)
    for rule, name, old, new in wanted:
        assert old in told[name].old and new in told[name].new, rule
        assert new not in told[name].old, rule


def test_1_5_34_makes_mce_mtrr_mca_and_core_capabilities_configurable_and_the_guests() -> None:
    """D1, D7."""
    diff = of("1.5.06", "1.5.34")
    wanted = {Leaf(1): 0x5080, Leaf(7, 0): 1 << 30}
    assert bits_of(diff.changes, Group.LOST) == wanted
    guest = bits_of(diff.changes, Group.GUEST)
    assert all(guest[leaf] & mask == mask for leaf, mask in wanted.items())
    lines = text(diff)
    lost = lines[lines.index(Group.LOST.value) :][:10]
    for name in ("mce", "mtrr", "mca", "core_capabilities"):
        assert any(f" {name} " in line for line in lost)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_module_does_not_differ_from_itself(version: str) -> None:
    assert not of(version, version).changes


@pytest.mark.parametrize("old", VERSIONS)
def test_backwards_the_same_bits_change_with_their_words_exchanged(old: str) -> None:
    new = VERSIONS[(VERSIONS.index(old) + 1) % len(VERSIONS)]

    def told(diff: ModuleDiff, forth: bool) -> set[Any]:
        bare = [change for change in diff.changes if not isinstance(change, BitChange)]
        words = [(c.old, c.new) if forth else (c.new, c.old) for c in bare]
        return {(getattr(c, "name", ""), *pair) for c, pair in zip(bare, words, strict=True)}

    forth, back = of(old, new), of(new, old)
    assert told(forth, True) == told(back, False)
    assert {bit for c in forth.changes if isinstance(c, BitChange) for bit in bits(c)} == {
        bit for c in back.changes if isinstance(c, BitChange) for bit in bits(c)
    }


def changed(module: Module, leaf: Leaf, **masks: Any) -> Module:
    """A module with an entry whose masks are others."""
    entries = tuple(entry._replace(**masks) if entry.leaf == leaf else entry for entry in module.entries)
    return replace(module, entries=entries)


def with_bit(entry: Entry, bit: int, kind: str) -> dict[str, int]:
    """The masks of an entry with a bit of another virtualization type."""
    kinds = ("fixed0", "fixed1", "configured", "configured_native")
    return {name: getattr(entry, name) & ~bit | (bit if name == kind else 0) for name in kinds}


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(VERSIONS), st.data())
def test_the_one_statement_that_changed_is_the_one_that_is_told(version: str, data: st.DataObject) -> None:
    module = library.module(version)
    candidates = [
        entry for entry in module.entries
        if entry.leaf in module.cpuid_config and not (module.topology and entry.leaf in module.topology.configured)
    ]
    entry = data.draw(st.sampled_from(candidates))
    bit = 1 << data.draw(st.integers(0, 127))
    kind = data.draw(st.sampled_from(["fixed0", "fixed1", "configured", "configured_native"]))
    changes = compare(module, changed(module, entry.leaf, **with_bit(entry, bit, kind))).changes
    told = {leaf: mask for c in changes if isinstance(c, BitChange) for leaf, mask in bits_of([c], c.group).items()}
    assert set(told) <= {entry.leaf} and all(mask & bit for mask in told.values())
    free = ALL_ONES & ~entry.dynamic
    free &= ~sum(item.field.mask for item in module.computed if item.field.leaf == entry.leaf)
    free &= ~sum(item.bit.mask for item in module.mirrors if item.bit.leaf == entry.leaf)
    if bit & free and not getattr(entry, kind) & bit:
        assert told


@pytest.mark.parametrize("old", VERSIONS)
def test_every_diff_fits_its_width(old: str) -> None:
    for new in VERSIONS[:: 3]:
        assert all(len(line) <= 100 and line == line.rstrip() for line in text(of(old, new)))
