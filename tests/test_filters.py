"""Filters: which bits pass, and what a model is compared with."""

from __future__ import annotations

import pytest

from tdxtui import library, model_file
from tdxtui.bit_state import BitState, flexible_bits, state_masks, states
from tdxtui.cpuid import ALL_ONES, Field, Leaf, Register
from tdxtui.evaluate import Situation, evaluate
from tdxtui.filters import DEFAULT, MODULE, PRESET, Filter, Reference, Sieve, named_bits
from tdxtui.tally import tally

SEVEN = Leaf(7, 0)


def situation(preset: str = "kvm-sapphire-rapids", module: str = "1.5.06") -> Situation:
    """A preset on a module."""
    model = model_file.load(library.presets()[preset])
    return evaluate(model, library.module(module), library.platform("sapphire-rapids"))


def bits(mask: int, leaf: Leaf) -> set[str]:
    """The keys of a packed mask's bits."""
    fields = (Field.bit(leaf, register, number) for register in Register for number in range(32))
    return {field.key for field in fields if field.mask & mask}


def test_no_filter_lets_everything_through() -> None:
    here = situation()
    assert not Filter() and Filter(conflicts=True)
    assert all(Sieve(Filter(), here).mask(entry.leaf) == ALL_ONES for entry in here.module.entries)


def test_only_conflicts_are_the_conflicting_bits() -> None:
    base = situation("minimal")
    wished = base.model.wish(Field.parse("7.0.ebx.16"), 1).wish(Field.parse("1.edx.0"), 0)
    here = evaluate(wished, base.module, base.platform)
    sieve = Sieve(Filter(conflicts=True), here)
    assert bits(sieve.mask(SEVEN), SEVEN) == {"7.0.ebx.16"} and bits(sieve.mask(Leaf(1)), Leaf(1)) == {"1.edx.0"}
    assert sum(sieve.mask(entry.leaf).bit_count() for entry in here.module.entries) == here.conflict_count == 2


def test_only_flexible_are_those_that_are_drawn_as_circles() -> None:
    here = situation()
    sieve = Sieve(Filter(flexible=True), here)
    for entry in here.module.entries:
        drawn = {
            Field.bit(entry.leaf, register, 31 - index).key
            for register, row in zip(Register, states(here, entry.leaf), strict=True)
            for index, state in enumerate(row)
            if state in (BitState.FLEXIBLE_0, BitState.FLEXIBLE_1)
        }
        assert bits(sieve.mask(entry.leaf), entry.leaf) == drawn


def test_two_conditions_must_both_hold() -> None:
    here = situation()
    both = Sieve(Filter(flexible=True, named=True), here).mask(SEVEN)
    assert both == flexible_bits(here, SEVEN) & named_bits(SEVEN)
    assert bits(named_bits(SEVEN), SEVEN) >= {"7.0.ebx.16", "7.0.eax.31"} and "7.0.ebx.6" in bits(ALL_ONES, SEVEN)


@pytest.mark.parametrize(("reference", "same", "other"), [
    (Reference(PRESET, "kvm-sapphire-rapids"), 0, 1),
    (Reference(PRESET, "minimal"), 1, 0),
    (Reference(DEFAULT), 1, 1),
    (Reference(MODULE, "1.5.01"), 1, 1),
])
def test_differences_are_those_of_the_values(reference: Reference, same: int, other: int) -> None:
    for preset, differs in (("kvm-sapphire-rapids", same), ("minimal", other)):
        here = situation(preset)
        sieve, there = Sieve(Filter(reference=reference), here), reference.situation(here)
        masks = {entry.leaf: sieve.mask(entry.leaf) for entry in here.module.entries}
        assert any(masks.values()) == bool(differs)
        for leaf, mask in masks.items():
            known = here.td.known_at(leaf) & there.td.known_at(leaf)
            assert mask & known == (here.td.at(leaf) ^ there.td.at(leaf)) & known


def test_a_preset_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(library.NotFound, match=r"there is no preset 'nil'.*minimal"):
        Sieve(Filter(reference=Reference(PRESET, "nil")), situation())


def test_leaves_that_are_all_zero_can_be_left_out() -> None:
    here = situation()
    sieve = Sieve(Filter(filled=True), here)
    for entry in here.module.entries:
        assert sieve.mask(entry.leaf) == (ALL_ONES if here.td.at(entry.leaf) else 0)


@pytest.mark.parametrize(("chosen", "text"), [
    (Filter(conflicts=True), "only conflicts"),
    (Filter(flexible=True, named=True), "only flexible + named"),
    (Filter(reference=Reference(DEFAULT)), "only differs from the module's default"),
    (Filter(reference=Reference(PRESET, "minimal"), filled=True), "only differs from preset minimal, no empty leaf"),
    (Filter(filled=True), "no empty leaf"),
    (Filter(), ""),
])
def test_a_filter_is_told_in_words(chosen: Filter, text: str) -> None:
    assert chosen.text == text


def test_state_masks_and_states_are_one_and_counted_once() -> None:
    here = situation()
    for entry in here.module.entries:
        masks = state_masks(here, entry.leaf)
        assert sum(mask.bit_count() for mask in masks.values()) == 128
        rows = states(here, entry.leaf)
        for state, mask in masks.items():
            assert sum(row.count(state) for row in rows) == mask.bit_count()
    total = tally(here, [entry.leaf for entry in here.module.entries])
    assert sum(total) == 128 * len(here.module.entries) and total.flexible > 500 and total.unknown == 0
