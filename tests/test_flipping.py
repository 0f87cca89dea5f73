"""What the space bar would do, where the editor's tests don't show it: what stands in the way, and what is new."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tdxtui import library
from tdxtui.cpuid import ALL_ONES, CpuidTable, Field, Leaf
from tdxtui.evaluate import Situation, evaluate
from tdxtui.flipping import changed, flip, flip_setting, fresh_refusal, impossible, shown
from tdxtui.model import VcpuModel
from tdxtui.platform import Platform
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM

HLE, RTM = Field.parse("7.0.ebx.4"), Field.parse("7.0.ebx.11")
FMS, MAX_PA = Field.parse("1.eax[27:0]"), Field.parse("80000008.eax[7:0]")


def held(module: str, platform: str | Platform, **settings: int) -> Situation:
    """A model on a module and a platform, "" for none."""
    return of(VcpuModel("x", **settings), module, platform)  # type: ignore[arg-type]


def of(model: VcpuModel, module: str, platform: str | Platform) -> Situation:
    """The situation of a model."""
    cpu = platform if isinstance(platform, Platform) else library.platform(platform) if platform else None
    return evaluate(model, library.module(module), cpu)


def granite_rapids(without: Field | None = None, **changes: int) -> Platform:
    """Granite Rapids, perhaps without a bit or with other MSRs."""
    cpu = replace(library.platform("granite-rapids"), **changes)  # type: ignore[arg-type]
    if without is None:
        return cpu
    return replace(cpu, cpuid=CpuidTable({**cpu.cpuid, without.leaf: cpu.cpuid[without.leaf] & ~without.mask}))


# -- what changes --

def test_nothing_changes_between_a_situation_and_itself() -> None:
    situation = held("1.5.34", "granite-rapids")
    assert changed(situation, situation) == {}


def test_the_bits_that_change_are_those_of_either_value_and_of_knowing() -> None:
    known, unknown = held("1.5.34", "granite-rapids"), held("1.5.34", "")
    masks = changed(known, unknown)
    assert masks == changed(unknown, known)
    for leaf, value in known.td.cpuid().items():
        assert masks.get(leaf, 0) == (value ^ unknown.td.at(leaf) | ~unknown.td.known_at(leaf)) & ALL_ONES


def test_leaves_that_only_one_module_has_count_with_all_their_ones() -> None:
    before, after = held("1.5.01", "sapphire-rapids"), held("1.5.06", "sapphire-rapids")
    assert changed(before, after)[Leaf(2)] == after.td.at(Leaf(2))


def test_what_is_unknown_shows_what_is_wished() -> None:
    bit = Field.parse("1e.ebx.0")
    assert shown(of(VcpuModel("x").wish(bit, 1), "1.5.34", ""), bit) == 1
    assert shown(held("1.5.34", ""), bit) == 0
    assert shown(of(VcpuModel("x").wish(bit, 1), "1.5.34", "granite-rapids"), bit) == 0


def test_a_refusal_of_the_same_kind_is_not_new_and_one_of_another_is() -> None:
    """A module tells of the first problem of a word only."""
    avx512_alone = held("1.5.34", "granite-rapids", xfam=0x8E3)
    half_of_cet = held("1.5.34", "granite-rapids", xfam=0x8E7)
    assert avx512_alone.refusals != half_of_cet.refusals
    assert fresh_refusal(avx512_alone, half_of_cet) == ""
    assert "(XFAM)" in fresh_refusal(held("1.5.34", "granite-rapids", attributes=2), half_of_cet)


# -- bits --

def test_what_a_bit_must_equal_stands_in_its_way() -> None:
    """5.4: HLE and RTM are equal, and a CPU without one of them gives neither."""
    found = flip(held("1.5.06", granite_rapids(without=RTM)), HLE)
    assert found.after is None
    assert found.because == "7.0.ebx.4 can't be 1 here: it must equal 7.0.ebx.11 (rule 5.C8), where " \
        "the CPU has 0 (rule 1.10)"


@pytest.mark.parametrize("bit", [HLE, RTM])
def test_an_msr_that_the_cpu_lacks_stands_in_the_way(bit: Field) -> None:
    """5.4: TSX needs IA32_ARCH_CAPABILITIES.TSX_CTRL."""
    capabilities = library.platform("granite-rapids").arch_capabilities & ~(1 << 7)
    found = flip(held("1.5.06", granite_rapids(arch_capabilities=capabilities)), bit)
    assert found.after is None
    assert found.because == f"{bit.key} can't be 1 here: " \
        "7.0.ebx.4 needs bits 80H of MSR 10AH, which the CPU lacks (rule 5.4)"


def test_equal_bits_flip_at_once_and_their_wishes_follow() -> None:
    model = VcpuModel("x").wish(RTM, 0)
    found = flip(of(model, "1.5.06", "granite-rapids"), HLE)
    assert found.at_once and found.after is not None
    assert found.after.model.wished(HLE) == found.after.model.wished(RTM) == 1
    assert found.after.conflicts == {}


def test_what_stands_in_the_way_of_a_condition_is_told_too() -> None:
    """5.C7, E3: leaf 23H needs bits of the TD that this CPU doesn't give."""
    because = flip(held("1.5.34", "emerald-rapids"), Field.parse("23.1.eax.0")).because
    assert because == "23.1.eax.0 can't be 1 here: the CPU has 0 (rule 1.10); " \
        "it needs 7.1.eax.8 = 1 (rule 5.C7), where the CPU has 0 (rule 1.10); " \
        "it needs 23.0.eax.1 = 1 (rule E3), where the CPU has 0 (rule 1.10)"


def test_only_what_can_not_change_is_blamed() -> None:
    """That nobody asks for a bit, or that its gate is closed, is no reason why it can't be had."""
    because = flip(held("1.5.34", "emerald-rapids"), Field.parse("7.1.eax.23")).because
    assert because == "7.1.eax.23 can't be 1 here: the CPU has 0 (rule 1.10)"


def test_an_attribute_that_the_cpu_does_not_allow_is_blamed() -> None:
    """5.C5."""
    because = flip(held("1.5.34", "emerald-rapids"), Field.parse("7.1.eax.6")).because
    assert because == "7.1.eax.6 can't be 1 here: it needs the CPU's own 7.1.eax.6, which is missing here (rule 5.C5)"


def test_a_fixed_bit_that_a_setting_moves_is_only_offered() -> None:
    """5.9: whoever presses Space on EBX of leaf 15H didn't ask for another TSC frequency."""
    bit = Field.parse("15.ebx.0")
    found = flip(held("1.5.34", "granite-rapids"), bit)
    assert len(found.edits) == 1 and not found.at_once and found.after is not None
    assert found.after.td.get(bit) == 1 and found.after.model.tsc_mhz == 1975
    assert found.because == "15.ebx.0 needs TSC_FREQUENCY = 1975 MHz (computed, tsc frequency, rule 5.9)"


def test_the_offer_names_every_edit_and_every_term_that_is_0() -> None:
    found = flip(held("1.5.34", "granite-rapids"), Field.parse("7.0.ebx.16"))
    edits, because = found.because.split(" (")
    assert edits == "7.0.ebx.16 needs CPUID_CONFIG 7.0.ebx.16 = 1 + XFAM.AVX512 = 1 + XFAM.AVX = 1"
    assert because.startswith("CPUID_CONFIG 0, rule 4.2; XFAM.AVX512 0, rule 5.4") and because.endswith(")")


@pytest.mark.parametrize("xfam", [0x3, 0x7, 0xE7, 0x602E7, 0x1027C])
def test_without_a_cpu_no_size_is_guessed(xfam: int) -> None:
    """5.7: D.0.ECX hangs on the CPU's own sizes, whatever is chosen of XFAM."""
    situation = held("2.0.08", "", xfam=xfam)
    for number in range(16):
        found = flip(situation, Field.parse(f"d.0.ecx.{number}"))
        assert found.after is None and "is unknown here" in found.because and "no CPU is chosen" in found.because


def test_without_a_cpu_leaf_1f_says_that_one_is_needed() -> None:
    because = impossible(held("1.5.34", ""), Field.parse("1f.0.eax.0"), 1)
    assert "no CPU is chosen" in because and because.endswith("its leaf gives the guest #VE by default")


def test_the_way_back_to_the_platform_s_own_model_leaves_no_wish_behind() -> None:
    """5.1: 0 in CPUID_CONFIG is the platform's, which is no wish for a family of 0."""
    model = VcpuModel("x", attributes=ATTRIBUTES["MIGRATABLE"]).wish(FMS, 0xC06F2)
    before = of(model, "1.5.34", "granite-rapids")
    assert before.refusals == ()
    wrong = before.td.get(FMS) ^ 0xA06D1
    for number in [number for number in range(28) if wrong >> number & 1]:
        found = flip(before, Field.bit(FMS.leaf, FMS.register, number))
        assert found.after is not None, found.because
        assert (found.after.refusals, found.after.conflicts) == ((), {})


def test_a_wish_within_a_configured_number_is_not_made_that_number() -> None:
    """6.C1: with MAXPA_VIRT and nothing configured MAX_PA is 48, with GPAW 52; a MAX_PA of 4 would be refused."""
    bit = Field.parse("80000008.eax.2")
    before = of(VcpuModel("x", config_flags=CONFIG_FLAGS["MAXPA_VIRT"]).wish(bit, 0), "1.5.06", "granite-rapids")
    assert (before.refusals, before.td.get(MAX_PA)) == ((), 48)
    found = flip(before, bit)
    assert found.after is not None, found.because
    assert (found.after.refusals, found.after.conflicts, found.after.td.get(bit)) == ((), {}, 1)


# -- settings --

@pytest.mark.parametrize("what", ["XFAM", "ATTRIBUTES", "CONFIG_FLAGS"])
@pytest.mark.parametrize("platform", ["granite-rapids", "sapphire-rapids", ""])
@pytest.mark.parametrize("module", ["1.5.01", "1.5.08", "2.0.18"])
@pytest.mark.parametrize("full", [False, True], ids=["least", "full"])
def test_a_setting_turns_without_a_new_refusal_or_says_why_not(
    what: str, platform: str, module: str, full: bool
) -> None:
    """2.1, 2.2, 3.1 to 3.3, 5.1, 6.C1; also where much is illegal before."""
    model = VcpuModel("x")
    if full:
        model = VcpuModel("x", attributes=1 << 63 | 1 << 29 | 1 << 31, xfam=0x20823, config_flags=0xBE, num_l2_vms=2)
        model = model.wish(MAX_PA, 52).wish(FMS, 0xC06F2)
    before = of(model, module, platform)
    for name, mask in {"XFAM": XFAM, "ATTRIBUTES": ATTRIBUTES, "CONFIG_FLAGS": CONFIG_FLAGS}[what].items():
        on = before.td.config.param(what) & mask != mask
        found = flip_setting(before, what, name)
        assert found.because.isprintable() and (name in found.because or found.because.startswith(what) or not on)
        if found.after is not None:
            now = found.after.td.config.param(what) & mask
            assert now == (mask if on else 0), found
            assert fresh_refusal(before, found.after) == "", found
        else:
            assert on or name in ("X87", "SSE"), found.because


def test_flags_that_exclude_each_other_can_both_be_taken_out() -> None:
    """C1."""
    both = CONFIG_FLAGS["MAXPA_VIRT"] | CONFIG_FLAGS["MAXGPA_VIRT"]
    before = held("1.5.08", "granite-rapids", config_flags=both)
    for name in ("MAXPA_VIRT", "MAXGPA_VIRT", "GPAW", "NO_RBP_MOD"):
        assert flip_setting(before, "CONFIG_FLAGS", name).at_once, name


def test_an_exclusive_attribute_takes_family_and_model_back_with_it() -> None:
    """2.2, 5.1: PERFMON turns MIGRATABLE off, and only a MIGRATABLE TD may show an older CPU."""
    model = VcpuModel("x", attributes=ATTRIBUTES["MIGRATABLE"]).wish(FMS, 0xC06F2)
    found = flip_setting(of(model, "1.5.34", "granite-rapids"), "ATTRIBUTES", "PERFMON")
    assert not found.at_once and found.after is not None
    assert [edit.text for edit in found.edits] == [
        "ATTRIBUTES.PERFMON = 1", "ATTRIBUTES.MIGRATABLE = 0", "CPUID_CONFIG 1.eax[27:0] = 0x0",
    ]
    assert (found.after.refusals, found.after.conflicts) == ((), {})


def test_of_two_problems_of_attributes_the_first_can_be_mended_alone() -> None:
    """2.2, 5.C5: without MIGRATABLE the refusal goes on to speak of LASS; the family must follow all the same."""
    attributes = ATTRIBUTES["DEBUG"] | ATTRIBUTES["MIGRATABLE"] | ATTRIBUTES["LASS"]
    before = of(VcpuModel("x", attributes=attributes).wish(FMS, 0xC06F2), "1.5.28", "granite-rapids")
    found = flip_setting(before, "ATTRIBUTES", "MIGRATABLE")
    assert found.after is not None, found.because
    assert [item.operand for item in found.after.refusals] == ["ATTRIBUTES"]


def test_migratable_gives_up_the_l2_vms_where_the_module_wants_it() -> None:
    """2.2, E4."""
    for module, texts in (("1.5.06", ["ATTRIBUTES.MIGRATABLE = 1", "NUM_L2_VMS = 0"]),
                          ("1.5.34", ["ATTRIBUTES.MIGRATABLE = 1"])):
        found = flip_setting(held(module, "sapphire-rapids", num_l2_vms=2), "ATTRIBUTES", "MIGRATABLE")
        assert [edit.text for edit in found.edits] == texts
        assert found.at_once is (len(texts) == 1)


def test_an_attribute_that_a_module_demands_is_fixed() -> None:
    """2.1: no built-in module has such a bit, a file may."""
    module = library.module("1.5.34")
    rules = module.attributes._replace(fixed1=ATTRIBUTES["SEPT_VE_DISABLE"])
    situation = evaluate(VcpuModel("x", attributes=rules.fixed1), replace(module, attributes=rules), None)
    found = flip_setting(situation, "ATTRIBUTES", "SEPT_VE_DISABLE")
    assert found.after is None
    assert found.because == "ATTRIBUTES.SEPT_VE_DISABLE is fixed: this module demands it (rule 2.1)"
