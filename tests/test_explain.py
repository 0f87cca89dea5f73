"""Reasons: their value is resolve's, their class that of `bits`, and their edits do what they promise and no less."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import combinations

import pytest

from tdxtui import library, situations
from tdxtui.classify import classes
from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.edits import MODULE, PLATFORM, Edit, applied, elsewhere, wished
from tdxtui.evaluate import evaluate
from tdxtui.explain import Explainer
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.reason import value_of
from tdxtui.refusal import Refusal
from tdxtui.resolve import attempt, attempt_unknown, resolve
from tdxtui.sysinit import Prepared
from tdxtui.td import EPTP_4_LEVEL, EPTP_5_LEVEL, TdConfig

MODULES = list(library.files("modules"))
PLATFORMS = list(library.files("platforms"))
PLACES = [
    (module, platform) for module in MODULES for platform in PLATFORMS
    if not isinstance(library.prepared(library.module(module), library.platform(platform)), Refusal)
]


def prepared(module: str, platform: str) -> Prepared:
    """A module on a platform that it takes."""
    found = library.prepared(library.module(module), library.platform(platform))
    assert isinstance(found, Prepared)
    return found


def some_config(on: Prepared, dice: random.Random, legal: bool) -> TdConfig:
    """A TD configuration, tried until the module takes it, or any at all."""
    while True:
        config = legal_looking(on, dice) if legal or dice.random() < 0.5 else _anything(on, dice)
        if not legal or not isinstance(resolve(on, config), Refusal):
            return config


def legal_looking(on: Prepared, dice: random.Random) -> TdConfig:
    xfam = 3
    for mask in (4, 0xE4, 0x100, 0x200, 0x1800, 0x4000, 0x8000, 0x60000):
        if dice.random() < 0.5 and not mask & ~on.xfam_allowed:
            xfam |= mask
    attributes = dice.getrandbits(64) & dice.getrandbits(64) & on.attributes_allowed
    flags = dice.getrandbits(8) & on.module.config_flags.allowed
    gpaw = bool(flags & 1)
    return TdConfig(
        attributes=attributes, xfam=xfam, cpuid_config=_entries(on.module, dice, legal=True), max_vcpus=1,
        num_l2_vms=dice.choice((0, 0, 0, 1)), config_flags=flags,
        eptp_controls=EPTP_5_LEVEL if gpaw else EPTP_4_LEVEL, tsc_frequency=dice.randint(4, 400),
    )


def _anything(on: Prepared, dice: random.Random) -> TdConfig:
    return TdConfig(
        attributes=dice.getrandbits(64) & dice.getrandbits(64), xfam=dice.getrandbits(20) | dice.choice((0, 3)),
        cpuid_config=_entries(on.module, dice, legal=False), config_flags=dice.getrandbits(6),
        num_l2_vms=dice.randint(0, 5), tsc_frequency=dice.choice((0, 4, 80, 1000)),
    )


def _entries(module: Module, dice: random.Random, legal: bool) -> dict[Leaf, int]:
    out = {}
    for leaf, mask in module.configurable.items():
        if leaf == Leaf(1):
            mask &= ~(0xFFFFFFFF << 96)
        if legal and (leaf.leaf == 0x1F or leaf == Leaf(0x80000008)):
            continue
        if dice.random() < 0.7:
            value = dice.getrandbits(128) & (mask if legal or dice.random() < 0.8 else (1 << 128) - 1)
            if leaf == Leaf(7, 0) and legal:
                value &= ~(0x810 << 64)
            out[leaf] = value
    if legal and module.topology is not None and dice.random() < 0.4:
        out |= {Leaf(0x1F, 0): 0x1 << 96 | 0x2 << 64 | 0x100 << 32, Leaf(0x1F, 1): 7 << 96 | 0x80 << 64 | 0x201 << 32}
    return out


def every_bit(module: Module) -> list[Field]:
    """All bits of all entries."""
    return [
        Field.bit(entry.leaf, register, number)
        for entry in module.entries for register in Register for number in range(32)
    ]


@pytest.mark.parametrize(("module", "platform"), PLACES)
@pytest.mark.parametrize("legal", [True, False], ids=["legal", "any"])
def test_the_value_is_what_resolve_computes_and_the_class_that_of_bits(
    module: str, platform: str, legal: bool
) -> None:
    on, dice = prepared(module, platform), random.Random(f"{module} {platform} {legal}")
    bits, kinds = every_bit(on.module), classes(on.module)
    for _ in range(3):
        td, _ = attempt(on, some_config(on, dice, legal))
        explainer = Explainer(td)
        for bit in bits:
            assert value_of(explainer.terms(bit)) == td.get(bit), bit
    for bit in dice.sample(bits, 400):
        reason = explainer.reason(bit)
        assert reason.value == td.get(bit)
        assert reason.kind is kinds[bit.leaf].class_of(bit)
        assert reason.group is kinds[bit.leaf].group_of(bit)


@pytest.mark.parametrize("module", MODULES)
def test_without_a_cpu_the_value_is_known_where_resolve_knows_it(module: str) -> None:
    on, dice = library.module(module), random.Random(module)
    bounds = library.prepared_unknown(on)
    for _ in range(3):
        td, _ = attempt_unknown(bounds, legal_looking(bounds[0], dice))
        explainer = Explainer(td)
        for bit in every_bit(on):
            known = td.known_at(bit.leaf) & bit.mask
            assert value_of(explainer.terms(bit)) == (td.get(bit) if known else None), bit


def outcome(on: Prepared, config: TdConfig, edits: tuple[Edit, ...], bit: Field) -> int | None:
    """What a bit becomes with some edits, None where the TD is then refused, or the place."""
    module = next((library.module(edit.name) for edit in edits if edit.what == MODULE), on.module)
    platform: Platform | None = on.platform
    platform = next((library.platform(edit.name) for edit in edits if edit.what == PLATFORM), platform)
    assert platform is not None
    place = library.prepared(module, platform)
    td = place if isinstance(place, Refusal) else resolve(place, applied(config, edits))
    return None if isinstance(td, Refusal) or bit.leaf not in module.by_leaf else td.get(bit)


@pytest.mark.parametrize(("module", "platform"), PLACES)
def test_proposed_edits_give_the_wished_value_and_no_part_of_them_does(module: str, platform: str) -> None:
    on, dice = prepared(module, platform), random.Random(f"edits {module} {platform}")
    config = some_config(on, dice, legal=True)
    explainer, tried = Explainer(attempt(on, config)[0]), 0
    for bit in dice.sample(every_bit(on.module), 800):
        cure = explainer.reason(bit).cure
        for size in range(len(cure.edits or ())):
            for part in combinations(cure.edits or (), size):
                assert outcome(on, config, part, bit) != cure.goal, (bit, cure, part)
        if cure.edits is not None:
            assert outcome(on, config, cure.edits, bit) == cure.goal, (bit, cure)
            tried += 1
    assert tried > 50


@pytest.mark.parametrize(("module", "platform"), PLACES)
def test_edits_of_a_refused_td_give_the_value_and_break_nothing_more(module: str, platform: str) -> None:
    on, dice = prepared(module, platform), random.Random(f"illegal {module} {platform}")
    config = some_config(on, dice, legal=False)
    td, refusals = attempt(on, config)
    explainer, before = Explainer(td), {(item.status, item.operand, item.at) for item in refusals}
    for bit in dice.sample(every_bit(on.module), 800):
        cure = explainer.reason(bit).cure
        if cure.edits is not None and not any(edit.what in (MODULE, PLATFORM) for edit in cure.edits):
            after, more = attempt(on, applied(config, cure.edits))
            assert after.get(bit) == cure.goal, (bit, cure)
            assert {(item.status, item.operand, item.at) for item in more} <= before, (bit, cure)


@pytest.mark.parametrize(("module", "platform"), PLACES)
def test_where_no_edit_is_proposed_here_no_other_configuration_helps(module: str, platform: str) -> None:
    on, dice = prepared(module, platform), random.Random(f"none {module} {platform}")
    cures, bits = Explainer(attempt(on, some_config(on, dice, legal=True))[0]).cures, every_bit(on.module)
    never = {
        goal: sum_masks_by_leaf(bit for bit in bits if cures.reached(bit, goal) is None) for goal in (0, 1)
    }
    for _ in range(150):
        other = resolve(on, legal_looking(on, dice))
        if not isinstance(other, Refusal):
            for leaf, value in other.cpuid().items():
                assert not value & never[1].get(leaf, 0), (leaf, hex(value & never[1][leaf]))
                assert not ~value & never[0].get(leaf, 0), (leaf, hex(~value & never[0][leaf]))


def sum_masks_by_leaf(bits: Iterable[Field]) -> dict[Leaf, int]:
    """Packed masks of some bits."""
    masks: dict[Leaf, int] = {}
    for bit in bits:
        masks[bit.leaf] = masks.get(bit.leaf, 0) | bit.mask
    return masks


def test_a_move_to_another_module_counts_what_the_model_wishes_there() -> None:
    """D1: MCE is configurable from 1.5.16 on, and this model wishes for it."""
    found, bit = situations.find("full-granite-rapids", "1.5.06", "granite-rapids"), Field.parse("1.edx.7")
    edits = found.explainer.reason(bit, 0).cure.edits
    assert edits is not None and elsewhere(edits, MODULE) == "1.5.16"
    model = wished(found.model, edits, library.module("1.5.16"))
    assert evaluate(model, library.module("1.5.16"), found.platform).td.get(bit) == 0


def test_without_a_cpu_a_module_alone_can_be_the_cure() -> None:
    found = situations.find("kvm-sapphire-rapids", "1.5.01", "none")
    edits = found.explainer.reason(Field.parse("1.edx.7"), 0).cure.edits
    assert [edit.what for edit in edits or ()] == [MODULE]
