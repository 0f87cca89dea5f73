"""Edits: as text, made on a TD configuration or as wishes of a model, and what a TD gives up to move elsewhere."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tdxtui import library
from tdxtui.cpuid import Field, Leaf
from tdxtui.edits import (
    CPUID_CONFIG,
    MODULE,
    NUM_L2_VMS,
    PLATFORM,
    TSC_FREQUENCY,
    WORDS,
    Edit,
    applied,
    config_edit,
    elsewhere,
    entry_edit,
    wished,
    with_bits,
    word_edit,
)
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.refusal import Refusal
from tdxtui.repair import repaired
from tdxtui.resolve import attempt, resolve
from tdxtui.td import ATTRIBUTES, EPTP_4_LEVEL, EPTP_5_LEVEL, NAMED_BITS, XFAM, TdConfig
from tests.test_explain import MODULES, PLACES, legal_looking, prepared

LEAF_1F = Leaf(0x1F, 1)
versions = pytest.mark.parametrize("version", MODULES)
quick = settings(max_examples=25, deadline=None, derandomize=True)


# -- as text --

@pytest.mark.parametrize(("edit", "text"), [
    (word_edit("XFAM", "AVX512", 1), "XFAM.AVX512 = 1"),
    (word_edit("ATTRIBUTES", "MIGRATABLE", 0), "ATTRIBUTES.MIGRATABLE = 0"),
    (word_edit("CONFIG_FLAGS", "GPAW", 1), "CONFIG_FLAGS.GPAW = 1"),
    (Edit(NUM_L2_VMS, "", 0), "NUM_L2_VMS = 0"),
    (Edit(TSC_FREQUENCY, "", 79), "TSC_FREQUENCY = 1975 MHz"),
    (Edit(PLATFORM, "granite-rapids"), "platform granite-rapids"),
    (Edit(MODULE, "1.5.06"), "module 1.5.06"),
    (config_edit(Field.parse("7.0.ebx.5"), 1), "CPUID_CONFIG 7.0.ebx.5 = 1"),
    (config_edit(Field.parse("1.eax[27:0]"), 0xA06D0), "CPUID_CONFIG 1.eax[27:0] = 0xa06d0"),
    (config_edit(Field.parse("80000008.eax[7:0]"), 0), "CPUID_CONFIG 80000008.eax[7:0] = 0x0"),
    (entry_edit(LEAF_1F, 7 << 96 | 0x201 << 32), "CPUID_CONFIG 1f.1 = eax:0x7 ecx:0x201"),
    (entry_edit(LEAF_1F, 0), "CPUID_CONFIG 1f.1 = 0"),
])
def test_an_edit_reads_as_the_setting_that_it_is(edit: Edit, text: str) -> None:
    assert edit.text == text


def test_the_place_that_edits_move_to_is_their_platform_or_module() -> None:
    edits = (word_edit("XFAM", "AVX", 1), Edit(MODULE, "1.5.06"))
    assert elsewhere(edits, MODULE) == "1.5.06"
    assert elsewhere(edits, PLATFORM) == elsewhere((), MODULE) == ""


# -- made --

def single_edits(module: Module) -> st.SearchStrategy[Edit]:
    """Any edit that the module's words and configurable bits allow to be said."""
    words = [word_edit(what, name, on) for what in WORDS for name in NAMED_BITS[what] for on in (0, 1)]
    entries = st.sampled_from([entry for entry in module.entries if entry.configurable])
    places = st.tuples(entries, st.integers(0, (1 << 128) - 1), st.booleans())
    return st.one_of(
        st.sampled_from(words),
        st.integers(4, 400).map(lambda units: Edit(TSC_FREQUENCY, "", units)),
        st.integers(0, 3).map(lambda count: Edit(NUM_L2_VMS, "", count)),
        places.map(lambda drawn: _in_entry(drawn[0].leaf, drawn[0].configurable, drawn[1], drawn[2])),
    )


def _in_entry(leaf: Leaf, mask: int, dice: int, whole: bool) -> Edit:
    """An edit of a whole entry or of one of its configurable bits."""
    if whole:
        return entry_edit(leaf, dice & mask)
    places = [place for place in range(128) if mask >> place & 1]
    place = places[dice % len(places)]
    field = next(
        bit for bit in (Field.parse(f"{leaf.key}.{name}.{place % 32}") for name in ("eax", "ebx", "ecx", "edx"))
        if bit.shift == place
    )
    return config_edit(field, dice >> 127)


@versions
@given(data=st.data())
@quick
def test_a_model_with_edits_asks_for_the_configuration_with_them(version: str, data: st.DataObject) -> None:
    """4.2: what isn't wished is 0, so that both ways of making an edit come to the same."""
    module = library.module(version)
    model = VcpuModel("x", attributes=data.draw(st.integers(0, (1 << 64) - 1)), xfam=data.draw(st.integers(0, 1 << 20)))
    for edit in data.draw(st.lists(single_edits(module), max_size=3)):
        model = wished(model, (edit,), module)
    edits = data.draw(st.lists(single_edits(module), max_size=6))
    after, config = wished(model, edits, module), applied(model.td_config(module), edits)
    assert after.td_config(module) == config
    assert applied(config, edits) == config  # to make them twice changes nothing more


@versions
@given(data=st.data())
@quick
def test_edits_in_a_row_are_those_made_one_by_one_and_leave_the_former_as_it_was(
    version: str, data: st.DataObject
) -> None:
    module = library.module(version)
    edits = data.draw(st.lists(single_edits(module), max_size=5))
    before = TdConfig(cpuid_config={Leaf(1): 0xC06F2 << 96})
    kept, config = before._replace(cpuid_config=dict(before.cpuid_config)), before
    for edit in edits:
        config = applied(config, (edit,))
    assert applied(before, edits) == config
    assert before == kept


def test_edits_of_the_place_are_none_of_the_configuration_but_named_by_the_model() -> None:
    moves = (Edit(PLATFORM, "granite-rapids"), Edit(MODULE, "1.5.06"))
    config = TdConfig(xfam=7)
    assert applied(config, moves) is config
    model = wished(VcpuModel("x"), moves, library.module("1.5.34"))
    assert (model.platform, model.module) == ("granite-rapids", "1.5.06")


def test_gpaw_brings_the_levels_of_ept_that_it_needs() -> None:
    """3.3, 6.C2."""
    on = applied(TdConfig(), (word_edit("CONFIG_FLAGS", "GPAW", 1),))
    assert (on.gpaw, on.eptp_controls) == (True, EPTP_5_LEVEL)
    off = applied(on, (word_edit("CONFIG_FLAGS", "GPAW", 0),))
    assert (off.gpaw, off.eptp_controls) == (False, EPTP_4_LEVEL)
    assert applied(on, (word_edit("CONFIG_FLAGS", "MAXPA_VIRT", 1),)).eptp_controls == EPTP_5_LEVEL


def test_a_group_turns_all_of_its_bits_and_no_other() -> None:
    """3.2."""
    assert with_bits(0x3, word_edit("XFAM", "AVX512", 1)) == 0xE3
    assert with_bits(0x7FF, word_edit("XFAM", "AVX512", 0)) == 0x71F


def test_a_whole_entry_is_wished_bit_by_bit_but_for_what_can_not_be_configured() -> None:
    module = library.module("1.5.34")
    model = wished(VcpuModel("x"), (entry_edit(LEAF_1F, 7 << 96),), module)
    assert model.wishes == {LEAF_1F: (7 << 96, module.configurable[LEAF_1F])}
    assert model.cpuid_config(module) == {LEAF_1F: 7 << 96}


def test_a_later_edit_of_a_bit_wins_over_one_of_its_field() -> None:
    fms, bit = Field.parse("1.eax[27:0]"), Field.parse("1.eax.0")
    edits = (config_edit(fms, 0xA06D0), config_edit(bit, 1))
    config = applied(TdConfig(), edits)
    assert fms.get(config.cpuid_config[fms.leaf]) == 0xA06D1
    assert wished(VcpuModel("x"), edits, library.module("1.5.34")).wished(fms) == 0xA06D1
    assert all(edit.what == CPUID_CONFIG for edit in edits)


# -- to another place --

@pytest.mark.parametrize(("module", "platform"), PLACES)
def test_what_is_given_up_for_another_place_is_enough_and_all_of_it_needed(module: str, platform: str) -> None:
    """2.1, 2.2, 3.1 to 3.3, 4.2, 5.1, 5.4: a TD that another module or CPU takes, made one that this one takes."""
    here, dice, moved, lost = prepared(module, platform), random.Random(f"{module} {platform}"), 0, 0
    for _ in range(16):
        there = prepared(*dice.choice(PLACES))
        config = legal_looking(there, dice)
        if isinstance(resolve(there, config), Refusal):
            continue
        edits = repaired(here, config)
        if edits is None:
            lost += 1
            continue
        moved += 1
        assert attempt(here, applied(config, edits))[1] == (), edits
        for edit in edits:
            rest = [other for other in edits if other != edit]
            assert attempt(here, applied(config, rest))[1] != (), (edit, edits)
        if attempt(here, config)[1] == ():
            assert edits == ()
    assert moved > 3 * lost


@pytest.mark.parametrize(("config", "texts"), [
    (TdConfig(), []),
    (TdConfig(attributes=ATTRIBUTES["LASS"] | ATTRIBUTES["PKS"]), ["ATTRIBUTES.LASS = 0"]),  # 2.1, 5.C5
    (TdConfig(attributes=ATTRIBUTES["MIGRATABLE"] | ATTRIBUTES["PERFMON"]), ["ATTRIBUTES.PERFMON = 0"]),  # 2.2
    (TdConfig(config_flags=0x88), ["CONFIG_FLAGS.MAXPA_VIRT = 0", "CONFIG_FLAGS.SEALING = 0"]),  # 3.3
    (TdConfig(xfam=3 | XFAM["APX"] | XFAM["PKRU"]), ["XFAM.APX = 0"]),  # 3.1
    (TdConfig(cpuid_config={Leaf(7, 1): 1 << 96 + 7 | 1 << 96 + 8}), ["CPUID_CONFIG 7.1 = eax:0x100"]),  # 4.2, 6.C7
    (TdConfig(cpuid_config={Leaf(1): 0xA06D1 << 96}), ["CPUID_CONFIG 1.eax[27:0] = 0x0"]),  # 5.1
    (TdConfig(max_vcpus=1000), ["MAX_VCPUS = 576"]),  # 5.C6
    (TdConfig(arch_capabilities_config=0x30, msr_config_ctls=1), ["IA32_ARCH_CAPABILITIES_CONFIG = 0x10"]),  # 4.6
    (TdConfig(cpuid_config={Leaf(0x1F, 0): 0x100 << 32, Leaf(0x1F, 1): 0x500 << 32}), ["CPUID_CONFIG 1f.0 = 0",
                                                                                       "CPUID_CONFIG 1f.1 = 0"]),  # A12
])
def test_the_kinds_of_things_that_are_given_up(config: TdConfig, texts: list[str]) -> None:
    here = prepared("1.5.05", "sapphire-rapids")
    edits = repaired(here, config)
    assert edits is not None and sorted(edit.text for edit in edits) == sorted(texts)


def test_of_bits_that_must_be_equal_the_one_is_given_up_that_has_no_other() -> None:
    """5.4: with HLE on this CPU and RTM not, HLE is; to ask for RTM does no harm (4.3)."""
    cpu = _without(library.platform("granite-rapids"), Field.parse("7.0.ebx.11"))
    here = library.prepared(library.module("1.5.06"), cpu)
    assert not isinstance(here, Refusal)
    edits = repaired(here, TdConfig(cpuid_config={Leaf(7, 0): 0x810 << 64}))
    assert edits is not None and [edit.text for edit in edits] == ["CPUID_CONFIG 7.0.ebx.4 = 0"]


def test_what_no_msr_allows_is_given_up() -> None:
    """5.4: TSX without IA32_ARCH_CAPABILITIES.TSX_CTRL."""
    cpu = library.platform("granite-rapids")
    here = library.prepared(library.module("1.5.06"), replace(cpu, arch_capabilities=cpu.arch_capabilities & ~0x80))
    assert not isinstance(here, Refusal)
    edits = repaired(here, TdConfig(cpuid_config={Leaf(7, 0): 0x810 << 64}))
    assert edits is not None
    assert {edit.text for edit in edits} == {"CPUID_CONFIG 7.0.ebx.4 = 0", "CPUID_CONFIG 7.0.ebx.11 = 0"}


@pytest.mark.parametrize(("module", "config", "text"), [
    ("1.5.34", TdConfig(config_flags=0x1C), "CONFIG_FLAGS.MAXGPA_VIRT = 0"),  # C1
    ("1.5.06", TdConfig(config_flags=8, cpuid_config={Leaf(0x80000008): 60 << 96}),
     "CPUID_CONFIG 80000008.eax[7:0] = 0x0"),  # 6.C1
])
def test_newer_settings_are_given_up_too(module: str, config: TdConfig, text: str) -> None:
    edits = repaired(prepared(module, "sapphire-rapids"), config)
    assert edits is not None and [edit.text for edit in edits] == [text]


def test_a_cpu_of_few_address_bits_takes_gpaw_away() -> None:
    """6.C2: 5 levels of EPT need a MAX_PA of 49 at least."""
    cpu = library.platform("sapphire-rapids")
    narrow = _without(cpu, Field.parse("80000008.eax.4"))  # 52 becomes 36
    assert narrow.cpuid.at(Leaf(0x80000008)) >> 96 & 0xFF < 49
    here = library.prepared(library.module("1.5.06"), narrow)
    assert not isinstance(here, Refusal)
    edits = repaired(here, TdConfig(config_flags=1, eptp_controls=EPTP_5_LEVEL))
    assert edits is not None and [edit.text for edit in edits] == ["CONFIG_FLAGS.GPAW = 0"]


def test_what_no_edit_of_these_kinds_mends_is_not_mended() -> None:
    """3.3: which MSRs are configured isn't among them."""
    assert repaired(prepared("1.5.05", "sapphire-rapids"), TdConfig(msr_config_ctls=2)) is None


def _without(cpu: Platform, bit: Field) -> Platform:
    table = dict(cpu.cpuid)
    table[bit.leaf] &= ~bit.mask
    return replace(cpu, cpuid=type(cpu.cpuid)(table))
