"""Many bits in one step, wishes whatever comes of them, fields and TD parameters as values."""

from __future__ import annotations

import pytest

from tdxtui import library, model_file
from tdxtui.cpuid import Field, Leaf
from tdxtui.editor import READ_ONLY, Editor
from tdxtui.td import XFAM
from tdxtui.td_values import TD_VALUES


def editor(preset: str = "minimal", module: str = "1.5.06", read_only: bool = False) -> Editor:
    """An editor on a preset."""
    model = model_file.load(library.presets()[preset])
    return Editor(model, library.module(module), library.platform("sapphire-rapids"), read_only=read_only)


def some(*keys: str) -> list[Field]:
    """Bits, or the bits of fields."""
    return [bit for key in keys for bit in Field.parse(key).bits()]


# -- wishes --


def test_a_wish_that_can_not_be_is_a_conflict_and_given_up_by_the_next() -> None:
    edit = editor()
    outcome = edit.wish(some("1.edx.0"))
    assert outcome.done and "it conflicts" in outcome.message
    assert edit.model.wished(Field.parse("1.edx.0")) == 0 and edit.situation.conflict_count == 1
    assert "given up" in edit.wish(some("1.edx.0")).message
    assert edit.model.wished(Field.parse("1.edx.0")) is None and edit.situation.conflict_count == 0
    assert edit.undo().done and edit.situation.conflict_count == 1


def test_a_wish_that_can_be_changes_the_bit() -> None:
    edit, bit = editor(), Field.parse("1.ecx.3")
    assert edit.wish([bit]).message == "wish 1.ecx.3 = 1: 7 bits changed", "MONITOR brings leaf 5"
    assert edit.situation.td.get(bit) == 1 and edit.situation.conflict_count == 0


def test_wishes_of_many_bits_are_one_step() -> None:
    edit = editor()
    before = edit.model
    edit.wish(some("1.edx[6:0]"))
    assert all(edit.model.wished(bit) is not None for bit in some("1.edx[6:0]"))
    edit.undo()
    assert edit.model == before and not edit.undo().done


# -- set and clear --


def test_many_bits_are_set_in_one_step_and_the_others_told() -> None:
    edit, word = editor(), Field.parse("7.0.ebx")
    outcome = edit.set_bits(some("7.0.ebx"), 1)
    assert outcome.done and "left: " in outcome.message
    set_now = edit.situation.td.get(word)
    assert set_now.bit_count() > 10 and not set_now >> 16 & 1, "AVX-512 needs XFAM, which was not asked for"
    assert edit.situation.conflict_count == 0
    edit.undo()
    assert not edit.dirty


def test_cleared_bits_are_those_that_can_be() -> None:
    edit = editor("kvm-sapphire-rapids")
    before = edit.situation.td.at(Leaf(1))
    assert edit.set_bits(some("1.ecx"), 0).done
    after = edit.situation.td.at(Leaf(1))
    assert after & ~before == 0 and after != before and not edit.situation.refusals


def test_nothing_to_change_is_said() -> None:
    edit = editor()
    assert edit.set_bits(some("1.edx.0"), 1).message == "nothing to change"
    outcome = edit.set_bits(some("1.edx.0"), 0)
    assert not outcome.done and outcome.message.startswith("nothing to change; 1 bit left: 1.edx.0 can't be 0")


# -- fields --


def test_a_field_gets_its_value_in_one_step() -> None:
    edit, field = editor(), Field.parse("4.0.eax[31:26]")
    assert edit.set_field(field, 63).done and edit.situation.td.get(field) == 63
    edit.undo()
    assert not edit.dirty


def test_a_value_that_the_td_would_not_get_is_offered_as_a_wish() -> None:
    edit, field = editor(), Field.parse("0.eax")
    outcome = edit.set_field(field, 0x24)
    assert not outcome.done and "the TD would get 0x23" in outcome.message and "Enter wishes it" in outcome.message
    assert outcome.cure is not None and outcome.cure.conflict_count == 3 and not edit.dirty


# -- TD parameters --


@pytest.mark.parametrize(("name", "text", "word", "value"), [
    ("TSC", "2500", "tsc_mhz", 2500), ("TSC", " 2500 mhz ", "tsc_mhz", 2500), ("MAX_VCPUS", "64", "max_vcpus", 64),
    ("NUM_L2_VMS", "2", "num_l2_vms", 2), ("ARCH_CAPABILITIES", "0x80000", "arch_capabilities", 0x80000),
    ("ARCH_CAPABILITIES", "0", "arch_capabilities", 0), ("ARCH_CAPABILITIES", "none", "arch_capabilities", None),
])
def test_a_parameter_takes_what_people_write(name: str, text: str, word: str, value: int | None) -> None:
    edit = editor()
    assert edit.set_value(name, text).done
    assert getattr(edit.model, word) == value
    assert TD_VALUES[name].put(edit.model, TD_VALUES[name].text(edit.model)) == edit.model


@pytest.mark.parametrize(("name", "text"), [
    ("TSC", "2510"), ("TSC", "fast"), ("TSC", ""), ("MAX_VCPUS", "-1"), ("MAX_VCPUS", "1" * 50), ("NUM_L2_VMS", "²"),
    ("ARCH_CAPABILITIES", "0xz"), ("ARCH_CAPABILITIES", "1" + "0" * 16),
])
def test_another_text_is_told_what_is_expected(name: str, text: str) -> None:
    edit = editor()
    with pytest.raises(ValueError, match=f"^{name} is .*, not "):
        edit.set_value(name, text)
    assert not edit.dirty


@pytest.mark.parametrize(("name", "text", "word"), [
    ("TSC", "20000", "100..10000 MHz"), ("MAX_VCPUS", "0", "must be 1"), ("NUM_L2_VMS", "9", "at most 3"),
    ("ARCH_CAPABILITIES", "0x1", "can't be configured"),
])
def test_a_number_that_the_module_refuses_is_offered_with_its_reason(name: str, text: str, word: str) -> None:
    edit = editor()
    outcome = edit.set_value(name, text)
    assert not outcome.done and word in outcome.message and outcome.cure is not None and not edit.dirty
    assert outcome.cure.conflict_count == 1


# -- what an open gate lets through --


def test_xfam_tells_which_bits_can_now_be_asked_for() -> None:
    edit = editor()
    assert edit.toggle_xfam("AVX512").done
    found = edit.opened_by("XFAM", "AVX512")
    assert found is not None
    model, count = found
    assert edit.apply("asked", model).done and count > 10
    assert edit.situation.td.get(Field.parse("7.0.ebx.16")) == 1 and edit.situation.conflict_count == 0
    assert edit.model.xfam & XFAM["AVX512"] and edit.opened_by("XFAM", "AVX512") is None


def test_nothing_is_changed_in_a_document_that_is_read_only() -> None:
    edit = editor(read_only=True)
    outcomes = [
        edit.wish(some("1.edx.0")), edit.set_bits(some("1.ecx.3"), 1), edit.set_field(Field.parse("4.0.eax[31:26]"), 1),
        edit.set_value("TSC", "2500"),
    ]
    assert all(outcome.message == READ_ONLY for outcome in outcomes) and not edit.dirty
