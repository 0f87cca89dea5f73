"""Legal changes of XFAM, ATTRIBUTES and leaf 1FH: they keep the rules, are the smallest, and none is overlooked."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from itertools import combinations, product

import pytest

from tdxtui import topology
from tdxtui.cpuid import ALL_ONES, Field, Leaf, Register
from tdxtui.cures import Cures
from tdxtui.edits import Edit, applied
from tdxtui.module import TopologyRules
from tdxtui.refusal import Refusal, Refused
from tdxtui.resolve import attempt, resolve
from tdxtui.sysinit import Prepared
from tdxtui.td import ATTRIBUTES, XFAM, TdConfig
from tdxtui.td_params import attributes_problem, xfam_problem
from tdxtui.topology_edits import TopologyEdits, reachable
from tdxtui.turning import UNITS, XCR0_NAMES, attributes_turned, legal_words, units_in, word_edits, xfam_turned
from tests.test_explain import PLACES, prepared

places = pytest.mark.parametrize(("module", "platform"), PLACES)
SHAPED = [place for place in PLACES if place[0] in ("1.5.05", "1.5.06", "1.5.28", "1.5.34", "2.0.18")]
shaped = pytest.mark.parametrize(("module", "platform"), [place for place in SHAPED if place[1] != "emerald-rapids"])
BIT_5_6_7, BIT_11_12, BIT_17_18 = 0xE0, 0x1800, 0x60000


# -- XFAM --

def is_legal_xfam(on: Prepared, word: int) -> bool:
    """Rules 3.1 and 3.2, from their text."""
    equal = all(word & mask in (0, mask) for mask in (BIT_5_6_7, BIT_11_12, BIT_17_18))
    avx512 = not word & 1 << 5 or bool(word & 1 << 2)
    return word & ~on.xfam_allowed == 0 and word & 3 == 3 and equal and avx512


@cache
def legal_xfams(module: str, platform: str) -> list[int]:
    """Every legal word, found by trying all."""
    on = prepared(module, platform)
    masks = [mask for mask in UNITS.values() if not mask & ~on.xfam_allowed]
    words = (sum(chosen) for size in range(len(masks) + 1) for chosen in combinations(masks, size))
    return [word for word in words if is_legal_xfam(on, word)]


def distance(one: int, other: int) -> int:
    """How many units differ."""
    return len(units_in(one ^ other))


def test_units_are_the_groups_of_3_2_and_what_is_in_none_of_them() -> None:
    masks = list(UNITS.values())
    assert sum(masks) == (1 << 20) - 1 and all(not one & other for one, other in combinations(masks, 2))
    assert {UNITS["AVX512"], UNITS["CET"], UNITS["AMX"]} == {BIT_5_6_7, BIT_11_12, BIT_17_18}
    assert units_in(1 << 6 | 1 << 9) == ["AVX512", "PKRU"]
    assert units_in(0) == []
    assert set(XCR0_NAMES) >= {"X87", "SSE", "AVX", "AVX512", "PKRU", "AMX"} and "CET" not in XCR0_NAMES


@places
def test_a_component_turns_in_the_fewest_units_that_3_1_and_3_2_allow(module: str, platform: str) -> None:
    on, words = prepared(module, platform), legal_xfams(module, platform)
    for xfam in random.Random(f"{module} {platform}").sample(words, 6):
        config = TdConfig(xfam=xfam)
        for mask, wanted in product(XFAM.values(), (True, False)):
            edits = xfam_turned(on, config, mask, wanted)
            ends = [word for word in words if word & mask == (mask if wanted else 0)]
            assert (edits is None) == (not ends), (hex(xfam), hex(mask), wanted)
            if edits is not None:
                after = applied(config, edits).xfam
                assert after in ends
                assert len(edits) == distance(xfam, after) == min(distance(xfam, end) for end in ends)


@pytest.mark.parametrize(("module", "platform"), [("1.5.01", "sapphire-rapids"), ("1.5.34", "granite-rapids")])
def test_of_an_illegal_word_what_is_touched_becomes_legal_and_the_rest_stays(module: str, platform: str) -> None:
    """3.1, 3.2: no edit makes a new problem of XFAM, nor is any kept from mending one."""
    on, dice = prepared(module, platform), random.Random(module)
    for _ in range(300):
        xfam, (name, mask) = dice.getrandbits(20), dice.choice(list(XFAM.items()))
        wanted = xfam & mask != mask
        edits = xfam_turned(on, TdConfig(xfam=xfam), mask, wanted)
        if edits is None:
            assert name in ("X87", "SSE") or (wanted and mask & ~on.xfam_allowed)
            continue
        after = applied(TdConfig(xfam=xfam), edits).xfam
        touched = sum(UNITS[unit] for unit in units_in(mask | xfam ^ after))
        assert after & mask == (mask if wanted else 0)
        assert (after ^ xfam) & ~touched == 0
        assert all(after & unit in (0, unit) for unit in UNITS.values() if unit & touched)
        assert not wanted or not touched & after & ~on.xfam_allowed
        assert after & 0x24 != 0x20 or not touched & 0x24


@places
def test_the_words_worth_a_try_are_all_the_legal_ones_nearest_first(module: str, platform: str) -> None:
    """3.1, 3.2: over what has a size in the XSAVE area."""
    on = prepared(module, platform)
    own = sum(UNITS[name] for name in XCR0_NAMES)
    for xfam in (3, on.xfam_allowed):
        words = legal_words(on, xfam, XCR0_NAMES)
        assert set(words) == {word for word in legal_xfams(module, platform) if not (word ^ xfam) & ~own}
        assert words[0] == xfam
        assert [distance(xfam, word) for word in words] == sorted(distance(xfam, word) for word in words)


def test_a_word_that_is_illegal_elsewhere_is_still_worth_a_try() -> None:
    """3.2: half of CET is no matter of AVX's; AVX-512 without AVX is, where one of them is touched."""
    on = prepared("1.5.34", "granite-rapids")
    assert legal_words(on, 0x803, ("AVX",)) == [0x803, 0x807]
    assert legal_words(on, 0xE3, ("PKRU",)) == [0xE3, 0x2E3]
    assert legal_words(on, 0xE7, ("AVX",)) == [0xE7]


def test_word_edits_lead_from_one_word_to_the_other() -> None:
    dice = random.Random(1)
    for _ in range(100):
        before, after = (sum(mask for mask in UNITS.values() if dice.random() < 0.5) for _ in range(2))
        edits = word_edits(before, after)
        assert applied(TdConfig(xfam=before), edits).xfam == after
        assert len(edits) == distance(before, after)


# -- ATTRIBUTES --

@places
def test_an_attribute_turns_with_what_excludes_it_and_nothing_else(module: str, platform: str) -> None:
    """2.1, 2.2, 5.C5, 6.C3, E4, G1."""
    on, dice = prepared(module, platform), random.Random(f"{module} {platform}")
    exclusive = [{ATTRIBUTES[name] for name in pair} for pair in on.module.attributes.exclusive]
    tried = 0
    for _ in range(40):
        value = dice.getrandbits(64) & dice.getrandbits(64) & on.attributes_allowed
        config = TdConfig(attributes=value, num_l2_vms=dice.choice((0, 2)))
        if attributes_problem(on, value):
            continue
        for name, mask in ATTRIBUTES.items():
            edits = attributes_turned(on, config, mask, not value & mask)
            assert (edits is None) == (not value & mask and bool(mask & ~on.attributes_allowed)), name
            if edits is None:
                continue
            after = applied(config, edits)
            others = {next(iter(pair - {mask})) for pair in exclusive if mask in pair} if not value & mask else set()
            assert after.attributes == (value ^ mask) & ~sum(others)
            assert attributes_problem(on, after.attributes) == ""
            l2_vms = name == "MIGRATABLE" and not value & mask and not on.module.td_params.migratable_with_l2_vms
            assert after.num_l2_vms == (0 if l2_vms else config.num_l2_vms)
            assert applied(config, edits[1:]) != after
            tried += 1
    assert tried > 50


@pytest.mark.parametrize(("module", "allowed"), [("1.5.06", False), ("1.5.28", False), ("1.5.34", True)])
def test_debug_and_migratable_exclude_each_other_up_to_1_5_28(module: str, allowed: bool) -> None:
    """2.2, G1, I3."""
    on = prepared(module, "sapphire-rapids")
    edits = attributes_turned(on, TdConfig(attributes=ATTRIBUTES["DEBUG"]), ATTRIBUTES["MIGRATABLE"], True)
    texts = ["ATTRIBUTES.MIGRATABLE = 1"] + ([] if allowed else ["ATTRIBUTES.DEBUG = 0"])
    assert edits is not None and [edit.text for edit in edits] == texts


def test_xfam_and_attributes_that_are_turned_are_those_that_the_module_takes() -> None:
    """The problems told of a word are none after a turn from a word without any."""
    on = prepared("2.0.18", "granite-rapids")
    for mask in XFAM.values():
        edits = xfam_turned(on, TdConfig(), mask, True)
        assert edits is None or xfam_problem(on, applied(TdConfig(), edits).xfam) == ""


# -- leaf 1FH --

def levels_of(rules: TopologyRules, values: list[int]) -> dict[Leaf, int]:
    """CPUID_CONFIG of leaf 1FH."""
    return {leaf: value for leaf, value in zip(rules.configured, values, strict=True) if value}


def some_levels(rules: TopologyRules, masks: list[int], dice: random.Random) -> list[int]:
    """Levels that rise, with or without numbers, gaps and other bits; many are legal."""
    kinds = sorted(dice.sample(range(1, 6), dice.randint(1, 5)))
    kinds += [0] * (6 - len(kinds))
    if dice.random() < 0.2:
        kinds[dice.randrange(6)] = dice.randrange(6)
    free = [dice.getrandbits(128) if dice.random() < 0.5 else 0 for _ in masks]
    values = [
        value & mask & ~(0xFFFF << 32) | kind << 40 | number * bool(kind or dice.random() < 0.2) << 32
        for number, (value, mask, kind) in enumerate(zip(free, masks, kinds, strict=True))
    ]
    return values if dice.random() < 0.9 else [value & mask for value, mask in zip(free, masks, strict=True)]


def legal_topologies(on: Prepared, count: int, dice: random.Random) -> Iterator[TdConfig]:
    """Configurations of leaf 1FH that the module takes."""
    rules = on.module.topology
    assert rules is not None
    masks = [on.module.configurable[leaf] for leaf in rules.configured]
    while count:
        config = TdConfig(cpuid_config=levels_of(rules, some_levels(rules, masks, dice)))
        if not isinstance(resolve(on, config), Refusal):
            count -= 1
            yield config


def topology_bits(rules: TopologyRules) -> list[Field]:
    leaves = (*rules.configured, *rules.derived)
    return [Field.bit(leaf, register, number) for leaf in leaves for register in Register for number in range(32)]


@shaped
def test_edits_of_leaf_1f_give_the_bit_and_no_part_of_them_does(module: str, platform: str) -> None:
    """5.C1, 5.C2, 6.C5, G4: from the CPU's own levels, from configured ones, and from some that are refused."""
    on, dice = prepared(module, platform), random.Random(f"{module} {platform}")
    rules = on.module.topology
    assert rules is not None
    refused = TdConfig(cpuid_config={rules.configured[2]: 5 << 96})
    assert isinstance(resolve(on, refused), Refusal)
    bits, found = topology_bits(rules), 0
    for config in (TdConfig(), refused, *legal_topologies(on, 2, dice)):
        cures = Cures(attempt(on, config)[0])
        for bit, goal in product(dice.sample(bits, 120), (0, 1)):
            cure = cures.find(bit, goal)
            if cure is None:
                continue
            assert gives(on, config, cure, bit, goal), (config, bit, goal, cure)
            assert not any(
                gives(on, config, part, bit, goal) for size in range(len(cure)) for part in combinations(cure, size)
            ), (config, bit, goal, cure)
            found += bool(cure)
    assert found > 100


def gives(on: Prepared, config: TdConfig, edits: tuple[Edit, ...], bit: Field, goal: int) -> bool:
    """Whether the module takes a TD with some edits and gives the bit."""
    td = resolve(on, applied(config, edits))
    return not isinstance(td, Refusal) and td.get(bit) == goal


@shaped
def test_no_legal_levels_have_a_bit_that_no_edit_gives(module: str, platform: str) -> None:
    """5.C1, 5.C2, 6.C5, G4: what `find` and `reachable` rule out, nothing has."""
    on, dice = prepared(module, platform), random.Random(f"none {module} {platform}")
    rules = on.module.topology
    assert rules is not None
    cures = Cures(attempt(on, TdConfig())[0])
    reached = reachable(rules, tuple(on.module.configurable[leaf] for leaf in rules.configured))
    never: dict[Leaf, list[int]] = {leaf: [0, 0] for leaf in (*rules.configured, *rules.derived)}
    for bit, goal in product(topology_bits(rules), (0, 1)):
        if cures.find(bit, goal) is None:
            never[bit.leaf][goal] |= bit.mask
    for config in legal_topologies(on, 100, dice):
        td, _ = attempt(on, config)
        for leaf, (zeros, ones) in never.items():
            value = td.at(leaf)
            assert not value & ones and not ~value & ALL_ONES & zeros, (config, leaf)
            native = on.start_of(leaf)
            assert not value & ~(reached[leaf][1] | native) and not ~value & ALL_ONES & ~(reached[leaf][0] | ~native)


def test_in_1_5_05_bits_of_b_1_come_from_the_last_sub_leaf() -> None:
    """5.C2: its bug, so that 1F.5 is what has to be configured."""
    on = prepared("1.5.05", "sapphire-rapids")
    assert on.module.topology is not None
    cure = TopologyEdits(attempt(on, TdConfig())[0], on.module.topology).find(Field.parse("b.1.ebx.0"), 1)
    assert cure is not None and Leaf(0x1F, 5) in {edit.leaf for edit in cure}


def test_from_1_5_06_levels_carry_their_number_and_smt_is_the_first() -> None:
    """6.C5."""
    on = prepared("1.5.06", "sapphire-rapids")
    rules = on.module.topology
    assert rules is not None
    for number, leaf in enumerate(rules.configured):
        config = TdConfig(cpuid_config=levels_of(rules, [0x100 << 32, 0x201 << 32, 0, 0, 0, 0]))
        for bit, goal in product((Field.bit(leaf, Register.ECX, 0), Field.bit(leaf, Register.ECX, 8)), (0, 1)):
            cure = TopologyEdits(attempt(on, config)[0], rules).find(bit, goal)
            if cure is not None:
                values = resolve(on, applied(config, cure))
                assert not isinstance(values, Refusal)
                kind, shown = (values.get(Field.parse(f"{leaf.key}.ecx[{bits}]")) for bits in ("15:8", "7:0"))
                assert not kind or (shown == number and (kind != topology.SMT or number == 0))


@pytest.mark.parametrize(("module", "fill"), [("1.5.28", 0), ("1.5.34", 2)])
def test_what_is_left_of_leaf_b_is_zero_or_its_index(module: str, fill: int) -> None:
    """G4, I4: so that no edit gives B.2.ECX[1] another value, where it is the index."""
    on = prepared(module, "granite-rapids")
    rules = on.module.topology
    assert rules is not None
    td, _ = attempt(on, TdConfig(cpuid_config=levels_of(rules, [0x100 << 32, 0x201 << 32, 0, 0, 0, 0])))
    assert td.get(Field.parse("b.2.ecx[31:0]")) == fill
    assert TopologyEdits(td, rules).find(Field.parse("b.2.ecx.1"), 1 - fill // 2) is None


def test_the_type_of_a_level_moves_what_has_to_rise_with_it() -> None:
    """5.C1: types rise, and a core level comes first."""
    on = prepared("1.5.06", "granite-rapids")
    rules = on.module.topology
    assert rules is not None
    edits = TopologyEdits(attempt(on, TdConfig())[0], rules)
    cure = edits.find(Field.parse("1f.0.ecx.9"), 1)
    assert cure is not None
    values = [edit.value for edit in cure if edit.leaf == Leaf(0x1F, 0)]
    assert [topology.level_type(value) for value in values] == [topology.CORE]
    with pytest.raises(Refused):
        topology.compute(rules, [0x500 << 32, *[0] * 5], [0] * 6, [0] * 3)
