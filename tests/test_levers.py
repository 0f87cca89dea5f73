"""What moves computed fields, and which bits can move at all: quick answers that never rule out what is possible."""

from __future__ import annotations

import random

import pytest

from tdxtui import dynamic, library
from tdxtui.bit_state import flexible_bits
from tdxtui.classify import BitClass, Group, classes_at
from tdxtui.computed import FUNCTIONS
from tdxtui.cpuid import ALL_ONES, Field, Leaf, Register
from tdxtui.evaluate import evaluate
from tdxtui.guest_reads import DYNAMIC, sentences
from tdxtui.levers import FOLLOWS, LEVERS
from tdxtui.model import VcpuModel
from tdxtui.module_file.constants import Constants
from tdxtui.possible import Possible
from tdxtui.refusal import Refusal, Refused
from tdxtui.resolve import attempt, resolve
from tdxtui.sysinit import Prepared
from tdxtui.td import TdConfig
from tdxtui.view import View
from tests.test_explain import PLACES, legal_looking, prepared


def test_every_computed_function_has_a_lever() -> None:
    assert LEVERS.keys() == FUNCTIONS.keys()
    assert FOLLOWS.keys() <= FUNCTIONS.keys()
    assert all(lever.sentence[0] != " " and not lever.sentence.endswith(".") for lever in LEVERS.values())


def test_every_run_time_function_has_words() -> None:
    assert DYNAMIC.keys() == dynamic.FUNCTIONS.keys()


def configs(on: Prepared, count: int) -> list[TdConfig]:
    """Some configurations that the module takes."""
    dice = random.Random(f"{on.module.version} {on.platform and on.platform.name}")
    found: list[TdConfig] = []
    while len(found) < count:
        config = legal_looking(on, dice)
        if not isinstance(resolve(on, config), Refusal):
            found.append(config)
    return found


@pytest.mark.parametrize(("module", "platform"), PLACES)
def test_no_td_has_a_bit_that_is_said_to_be_impossible(module: str, platform: str) -> None:
    on = prepared(module, platform)
    possible = Possible(on)
    for config in configs(on, 40):
        for leaf, value in attempt(on, config)[0].cpuid().items():
            zeros, ones = possible.at(leaf)
            assert not value & ~ones, (leaf, hex(value & ~ones))
            assert not ~value & ALL_ONES & ~zeros, (leaf, hex(~value & ALL_ONES & ~zeros))


@pytest.mark.parametrize(("module", "platform"), [place for place in PLACES if place[1]])
def test_a_bit_is_flexible_here_exactly_where_some_setting_changes_it(module: str, platform: str) -> None:
    situation = evaluate(VcpuModel("any"), library.module(module), library.platform(platform))
    cures = situation.explainer.cures
    for entry in situation.module.entries:
        flexible, kinds = flexible_bits(situation, entry.leaf), classes_at(situation.module, entry.leaf)
        silent = kinds.masks.get(BitClass.VE, 0) & ~entry.configurable
        for bit in (bit for register in Register for bit in Field(entry.leaf, register, 31, 0).bits()):
            if kinds.group_of(bit) is Group.FLEXIBLE and not silent & bit.mask:
                changes = cures.find(bit, 1 - situation.td.get(bit)) is not None
                assert changes == bool(flexible & bit.mask), bit.key


@pytest.mark.parametrize(("module", "platform"), PLACES)
def test_a_look_into_the_file_alone_rules_nothing_out_that_is_possible(module: str, platform: str) -> None:
    on = prepared(module, platform)
    possible = Possible(on)
    for number, entry in enumerate(on.module.entries):
        zeros, ones = library.openness(module, entry.leaf).reach(on.native[number])
        assert not possible.at(entry.leaf)[0] & ~zeros, entry.leaf
        assert not possible.at(entry.leaf)[1] & ~ones, entry.leaf


def test_a_leaf_without_an_entry_and_a_file_of_another_shape_are_closed() -> None:
    assert library.openness("1.5.01", Leaf(0x1A)).reach(ALL_ONES) == (0, 0)
    for text in ("", "entry = 1", "[entry.1]\neax = { fixed0 = 5 }", "[entry]\n1 = 3"):
        assert Constants(text, "x.toml").at(Leaf(1)).reach(ALL_ONES) == (0, 0)


@pytest.mark.parametrize(("module", "platform"), PLACES)
def test_the_value_of_a_computed_field_stays_within_its_reach(module: str, platform: str) -> None:
    on = prepared(module, platform)
    for config in configs(on, 3):
        td, _ = attempt(on, config)
        for item in on.module.computed:
            reach = LEVERS[item.by].reach(on)
            settings = list(LEVERS[item.by].settings(on, config))
            assert not td.get(item.field) & ~reach, item
            assert all(isinstance(edits, tuple) for edits in settings)


@pytest.mark.parametrize("module", ["1.5.01", "1.5.06", "1.5.34", "2.0.18"])
def test_a_view_computes_each_field_again_as_resolve_did(module: str) -> None:
    on = prepared(module, "granite-rapids" if module != "1.5.01" else "sapphire-rapids")
    for config in configs(on, 20):
        td, _ = attempt(on, config)
        for item in on.module.computed:
            try:
                assert FUNCTIONS[item.by](View(td)) == td.get(item.field), item
            except Refused as refused:
                pytest.fail(str(refused))


def test_the_inputs_of_a_field_show_present_values() -> None:
    on = prepared("1.5.34", "granite-rapids")
    td, _ = attempt(on, TdConfig(xfam=7, config_flags=8, attributes=1 << 29))
    shown = {
        by: {item.name: item.value for item in lever.inputs(View(td))} for by, lever in LEVERS.items()
    }
    assert shown["xsave_area_size"]["XFAM"] == "X87 SSE AVX"
    assert shown["family_model_stepping"] == {
        "CPUID_CONFIG 1.eax": "0, so the platform's", "platform": "A06D1H", "ATTRIBUTES.MIGRATABLE": "1",
    }
    assert shown["physical_width"]["CONFIG_FLAGS.MAXPA_VIRT"] == "1"
    assert shown["tsc_frequency"] == {"TSC_FREQUENCY": "80 x 25 MHz"}


@pytest.mark.parametrize(
    ("bit", "words"),
    [
        ("1.ecx.27", "CR4.OSXSAVE"),  # 7.4
        ("1.edx.14", "FEATURE_PARAVIRT_CTLS.MCA"),  # D7
        ("7.0.ebx.11", "IA32_TSX_CTRL[1]"),  # 7.4
        ("4.0.ecx.3", "TD_CTLS.REDUCE_VE the guest reads the CPU's own"),  # D5
        ("1f.0.eax.1", "TD_CTLS.ENUM_TOPOLOGY"),  # 5.C3
        ("6.eax.2", "TD_CTLS.REDUCE_VE"),  # D5.6
        ("b.0.edx.3", "x2APIC ID"),  # 5.C3
    ],
)
def test_what_the_guest_reads_instead_is_said(bit: str, words: str) -> None:
    assert words in " ".join(sentences(library.module("1.5.34"), Field.parse(bit)))


def test_a_leaf_that_always_faults_says_so() -> None:
    assert "always gives it #VE" in sentences(library.module("1.5.01"), Field.parse("6.eax.0"))[-1]  # 7.2


