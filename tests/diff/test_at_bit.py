"""What a second module makes of each bit agrees with the diff of the two, and with what their files say."""

from __future__ import annotations

import pytest

from tdxtui import library
from tdxtui.classify import BitClass, classes
from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.diff.at_bit import NO_CLASS, BitDiff
from tdxtui.diff.groups import Group
from tdxtui.diff.modules import BitChange, compare

PAIRS = [("1.5.06", "1.5.34"), ("1.5.34", "1.5.06"), ("1.5.01", "1.5.05"), ("2.0.08", "2.0.18")]


def of(pair: tuple[str, str]) -> BitDiff:
    return BitDiff(library.module(pair[0]), library.module(pair[1]))


@pytest.mark.parametrize("pair", PAIRS)
def test_each_change_of_the_diff_is_told_at_each_of_its_bits(pair: tuple[str, str]) -> None:
    diff = of(pair)
    for change in compare(diff.old, diff.new).changes:
        if isinstance(change, BitChange):
            for field in change.fields:
                assert change in diff.at(Field.bit(field.leaf, field.register, field.msb))
                assert change in diff.at(Field.bit(field.leaf, field.register, field.lsb))


@pytest.mark.parametrize("pair", PAIRS)
def test_every_bit_of_another_class_is_marked(pair: tuple[str, str]) -> None:
    diff = of(pair)
    for leaf in (leaf for leaf in diff.old.by_leaf if leaf in diff.new.by_leaf):
        here, there = classes(diff.old)[leaf].masks, classes(diff.new)[leaf].masks
        for kind in (BitClass.CONFIGURED, BitClass.CONFIGURED_NATIVE, BitClass.GUEST, BitClass.VE):
            moved = here.get(kind, 0) ^ there.get(kind, 0)
            assert moved & ~diff.other_class.get(leaf, 0) == 0, (leaf, kind)


@pytest.mark.parametrize("pair", PAIRS)
def test_only_bits_with_a_change_are_marked_and_what_is_gone_but_was_0_is_not(pair: tuple[str, str]) -> None:
    diff = of(pair)
    for leaf, mask in diff.other_class.items():
        assert leaf in diff.old.by_leaf
        for number in range(32):
            for bit in (Field.bit(leaf, register, number) for register in Register):
                told = any(change.group not in NO_CLASS for change in diff.at(bit))
                assert told or not bit.mask & mask, bit
        if leaf not in diff.new.by_leaf:
            assert not mask & classes(diff.old)[leaf].masks.get(BitClass.FIXED_0, 0)


def test_mce_is_told_as_fixed_1_that_became_configurable_and_the_guests() -> None:
    groups = [change.group for change in of(("1.5.06", "1.5.34")).at(Field.parse("1.edx.7"))]
    assert Group.LOST in groups and Group.GUEST in groups


def test_a_module_and_itself_do_not_differ() -> None:
    diff = of(("1.5.06", "1.5.06"))
    assert not diff.other_class and not diff.only_there and not diff.at(Field.parse("1.edx.7"))


def test_entries_that_only_the_second_module_has_are_counted() -> None:
    diff = of(("1.5.06", "1.5.34"))
    assert diff.only_there and not any(leaf in diff.old.by_leaf for leaf in diff.only_there)
    assert Leaf(1) not in diff.only_there
