"""Turning settings of the TD in the editor: what must follow follows, what can't be is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdxtui import library
from tdxtui.cpuid import Field
from tdxtui.editor import Editor
from tdxtui.model import VcpuModel
from tdxtui.sysinit import Prepared
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM
from tests.editing import assert_refused, everywhere, narrow_granite_rapids, opened, quick, refusals, versions

# -- XFAM --


def is_legal(word: int, prepared: Prepared) -> bool:
    """Rules 3.1 and 3.2, from their text."""
    def together(*bits: int) -> bool:
        return len({word >> bit & 1 for bit in bits}) == 1

    possible = word & ~(prepared.module.xfam.allowed & prepared.supported_xfam) == 0
    avx = not word >> 5 & 1 or word >> 2 & 1
    return bool(possible and word & 3 == 3 and avx and together(5, 6, 7) and together(11, 12) and together(17, 18))


@versions
@everywhere
@given(data=st.data())
@quick
def test_xfam_stays_legal(version: str, platform: str, data: st.DataObject) -> None:
    editor = opened(version, platform)
    done = 0
    for name in data.draw(st.lists(st.sampled_from(list(XFAM)), min_size=15, max_size=15)):
        before, had = editor.situation, editor.model.xfam & XFAM[name] == XFAM[name]
        outcome = editor.toggle_xfam(name)
        if outcome.done:
            done += 1
            assert (editor.model.xfam & XFAM[name] == XFAM[name]) is not had
        else:
            assert_refused(editor, before, outcome)
            assert name in ("X87", "SSE") or not had
        assert is_legal(editor.model.xfam, editor.situation.td.prepared)
        assert editor.situation.refusals == ()
    assert done >= 3


@versions
@pytest.mark.parametrize("name", ["X87", "SSE"])
def test_every_td_has_x87_and_sse(version: str, name: str) -> None:
    editor = opened(version, "granite-rapids")
    assert editor.toggle_xfam(name).message == f"XFAM.{name} is fixed: every TD has X87 and SSE (rule 3.2)"
    assert editor.model.xfam == 3


@pytest.mark.parametrize(("before", "name", "after"), [
    (0x3, "AVX512", 0xE7), (0x3, "OPMASK", 0xE7), (0x7, "HI16_ZMM", 0xE7), (0xE7, "ZMM_HI256", 0x7),
    (0xE7, "AVX", 0x3), (0x3, "CET_S", 0x1803), (0x1803, "CET_U", 0x3), (0x3, "TILEDATA", 0x60003),
    (0x60003, "AMX", 0x3), (0x803, "CET", 0x1803), (0x23, "AVX512", 0xE7), (0xB, "BNDREGS", 0x3),
])
def test_what_belongs_together_moves_together(before: int, name: str, after: int) -> None:
    editor = opened("1.5.34", "granite-rapids", VcpuModel("x", xfam=before))
    outcome = editor.toggle_xfam(name)
    assert outcome.done, outcome.message
    assert editor.model.xfam == after
    assert outcome.message.startswith("XFAM.") and f" = {int(bool(after & ~before))}: " in outcome.message


@pytest.mark.parametrize("name", ["BNDREGS", "BNDCSR", "PASID", "HDC", "HWP", "APX"])
def test_components_that_no_module_allows(name: str) -> None:
    outcome = opened("1.5.34", "granite-rapids").toggle_xfam(name)
    assert outcome.message == f"XFAM has {name}, which this module doesn't allow"


# -- ATTRIBUTES and CONFIG_FLAGS --


@versions
def test_attributes_that_exclude_each_other_offer_to_swap(version: str) -> None:
    """2.2, 6.C3: never both; the offer says that the other one goes."""
    module = library.module(version)
    assert module.attributes.exclusive
    for first, second in module.attributes.exclusive:
        for one, other in ((first, second), (second, first)):
            editor = opened(version, "granite-rapids", VcpuModel("x", attributes=ATTRIBUTES[one]))
            outcome = editor.toggle_attribute(other)
            assert f"ATTRIBUTES.{one} = 0" in outcome.message and editor.model.attributes == ATTRIBUTES[one]
            assert outcome.cure is not None
            assert outcome.cure.model.attributes == ATTRIBUTES[other]


@versions
def test_each_attribute_can_be_set_alone_or_is_not_allowed(version: str) -> None:
    editor = opened(version, "granite-rapids")
    prepared = editor.situation.td.prepared
    for name, mask in ATTRIBUTES.items():
        outcome = editor.toggle_attribute(name)
        if not mask & prepared.attributes_allowed:
            assert outcome.message.startswith(f"ATTRIBUTES has {name}, which ")
            continue
        assert outcome.done or (name == "MIGRATABLE" and outcome.cure), outcome.message
        if outcome.cure:
            editor.accept(outcome.cure_label, outcome.cure)
        assert editor.situation.refusals == () and editor.situation.conflicts == {}
        assert editor.model.attributes == mask
        back = editor.toggle_attribute(name)
        if back.cure:
            editor.accept(back.cure_label, back.cure)
        assert editor.model.attributes == 0 and editor.situation.refusals == ()


@pytest.mark.parametrize("version", ["1.5.01", "1.5.05", "1.5.06"])
def test_a_migratable_granite_rapids_is_offered_with_the_stepping_that_the_module_lists(version: str) -> None:
    """5.1: the module lists A06D0 only, and checks the platform's A06D1 too where nothing is configured."""
    editor = opened(version, "granite-rapids")
    outcome = editor.toggle_attribute("MIGRATABLE")
    assert "CPUID_CONFIG 1.eax[27:0] = 0xa06d0" in outcome.message and outcome.cure
    editor.accept(outcome.cure_label, outcome.cure)
    assert (editor.situation.refusals, editor.situation.conflicts) == ((), {})
    back = editor.toggle_attribute("MIGRATABLE")
    assert back.cure is not None and back.cure.refusals == () and back.cure.conflicts == {}


def test_an_attribute_that_needs_the_cpu() -> None:
    outcome = opened("1.5.06", "sapphire-rapids").toggle_attribute("LASS")
    assert outcome.message == "ATTRIBUTES has LASS, which needs native.7.1.eax.6"


def test_an_illegal_attribute_can_always_be_taken_out() -> None:
    editor = opened("1.5.01", "sapphire-rapids", VcpuModel("x", attributes=ATTRIBUTES["KL"] | ATTRIBUTES["TPA"]))
    assert refusals(editor) == 1
    assert editor.toggle_attribute("KL").done
    assert editor.toggle_attribute("TPA").done
    assert refusals(editor) == 0


def test_config_flags_have_their_rules() -> None:
    editor = opened("1.5.08", "granite-rapids")
    assert editor.toggle_config_flag("MAXPA_VIRT").done
    both = "CONFIG_FLAGS can't have MAXPA_VIRT and MAXGPA_VIRT together"
    assert editor.toggle_config_flag("MAXGPA_VIRT").message == both
    assert editor.toggle_config_flag("SEALING").message == "CONFIG_FLAGS has SEALING, which this module doesn't allow"
    assert editor.toggle_config_flag("MAXPA_VIRT").done
    assert editor.toggle_config_flag("GPAW").done
    assert editor.situation.refusals == ()


def test_what_is_illegal_already_keeps_nothing_else_from_being_turned() -> None:
    """The refusal of XFAM is there before and after; AVX has no part in it."""
    model = VcpuModel("x", xfam=0xB, attributes=ATTRIBUTES["KL"], config_flags=CONFIG_FLAGS["SEALING"])
    editor = opened("1.5.06", "granite-rapids", model)
    for outcome in (
        editor.toggle_xfam("AVX"), editor.toggle_attribute("PKS"), editor.toggle_config_flag("GPAW"),
        editor.toggle_xfam("BNDREGS"), editor.toggle_attribute("KL"), editor.toggle_config_flag("SEALING"),
    ):
        assert outcome.done, outcome.message
    assert editor.situation.refusals == ()
    assert editor.model.xfam == 7


def test_a_configured_max_pa_that_a_flag_makes_illegal_is_offered_to_go() -> None:
    """6.C1: without GPAW a configured MAX_PA of 52 is refused."""
    model = VcpuModel("x", config_flags=CONFIG_FLAGS["GPAW"] | CONFIG_FLAGS["MAXPA_VIRT"])
    editor = opened("1.5.06", "granite-rapids", model.wish(Field.parse("80000008.eax[7:0]"), 52))
    assert editor.situation.refusals == ()
    outcome = editor.toggle_config_flag("GPAW")
    assert "CPUID_CONFIG 80000008.eax[7:0] = 0x0" in outcome.message and outcome.cure is not None
    assert editor.preview(outcome.cure) == editor.accept(outcome.cure_label, outcome.cure).changed
    assert (editor.situation.refusals, editor.situation.conflicts) == ((), {})
    assert editor.situation.td.get(Field.parse("80000008.eax[7:0]")) == 48


def test_gpaw_is_refused_on_a_cpu_that_is_too_narrow_for_it() -> None:
    """6.C2: five levels of EPT need a MAX_PA of 49."""
    editor = Editor(VcpuModel("x"), library.module("1.5.06"), narrow_granite_rapids())
    before = editor.situation
    outcome = editor.toggle_config_flag("GPAW")
    assert_refused(editor, before, outcome)
    assert outcome.message.endswith("5 levels of EPT need a MAX_PA of 49 at least; the CPU has 46")


@pytest.mark.parametrize(("bit", "model"), [
    # Clearing PERFMON mends "MIGRATABLE and PERFMON"; that XFAM has half of CET is nothing new.
    ("a.eax.0", VcpuModel("x", attributes=ATTRIBUTES["MIGRATABLE"] | ATTRIBUTES["PERFMON"], xfam=0x803)),
    # Adding AVX mends AVX-512 without AVX; that MAXGPA_VIRT is not allowed is nothing new.
    ("7.0.ebx.5", VcpuModel("x", xfam=0xE3, config_flags=CONFIG_FLAGS["MAXGPA_VIRT"])),
    # Adding AVX shows the next problem of XFAM, half of CET, which is nothing new either.
    ("7.0.ebx.5", VcpuModel("x", xfam=0x8E3)),
])
def test_mending_one_of_two_problems_is_possible(bit: str, model: VcpuModel) -> None:
    editor = opened("1.5.06", "granite-rapids", model)
    outcome = editor.toggle(Field.parse(bit))
    assert outcome.done, outcome.message
