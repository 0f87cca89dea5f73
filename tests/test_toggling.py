"""Toggling bits: what can be changed changes, and what can't says why."""

from __future__ import annotations

import time
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tdxtui import library
from tdxtui.classify import BitClass, classes
from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.editor import Editor, Outcome
from tdxtui.evaluate import Situation
from tdxtui.model import VcpuModel
from tdxtui.reason import Kind
from tdxtui.td import ATTRIBUTES
from tests.editing import (
    assert_consistent,
    assert_refused,
    bits_of,
    everywhere,
    kinds,
    models,
    narrow_granite_rapids,
    opened,
    quick,
    shown,
    shown_or_wished,
    some_bits,
    versions,
)

# -- fixed bits --


@cache
def unchangeable(version: str) -> tuple[Field, ...]:
    """Bits that no VMM changes. One that only some guests read (#VE otherwise) may be configurable all the same."""
    found: list[Field] = []
    for leaf, entry in classes(library.module(version)).items():
        guest = entry.masks.get(BitClass.GUEST, 0)
        found += bits_of(leaf, ALL_ONES & ~(entry.flexible | guest | entry.entry.configurable))
    return tuple(found)


@versions
@everywhere
@given(data=st.data())
@quick
def test_a_fixed_bit_refuses_with_a_reason(version: str, platform: str, data: st.DataObject) -> None:
    editor = opened(version, platform, data.draw(models(version)))
    before = editor.situation
    for bit in some_bits(data, unchangeable(version), 25):
        outcome = editor.toggle(bit)
        assert_refused(editor, before, outcome)
        assert outcome.message.startswith((f"{bit.key} is ", f"{bit.key} can't be ", f"{bit.key} needs ")), outcome
        conflicts = bool(before.conflicts.get(bit.leaf, 0) & bit.mask)
        if outcome.message.startswith(f"{bit.key} needs "):
            assert outcome.cure is not None  # what it is computed from can be changed, as 15.ebx by TSC_FREQUENCY
        else:
            assert conflicts == outcome.message.endswith("Enter gives up the wish")
            assert (outcome.cure and outcome.cure.model) == (before.model.wish(bit, None) if conflicts else None)
    assert not editor.dirty
    assert editor.undo().message == "nothing to undo"


@pytest.mark.parametrize(("bit", "reason"), [
    ("0.eax.31", "can't be 1 here: fixed to 0 (rule 1.10)"),
    ("1.ecx.31", "can't be 0 here: fixed to 1 (rule 1.10)"),
    ("1.ecx.0", "can't be 0 here: fixed to 1, demanded of every CPU (rule 1.5)"),
    ("1.ebx.24", "is filled in as the guest executes CPUID. The guest reads the low byte of the vCPU's x2APIC ID with"),
    ("1f.0.edx.0", "is filled in as the guest executes CPUID. The guest reads the vCPU's x2APIC ID (rule 5.C3)."),
    ("2.eax.0", "can't be 0 here: fixed to 1 (rule 1.10); its leaf gives the guest #VE by default"),
    ("1e.ebx.0", "can't be 1 here: the CPU has 0 (rule 1.10)"),
    ("15.ebx.20", "can't be 1 here: computed, tsc frequency (rule 5.9): the TD's TSC frequency, counted in ticks"),
    ("1.eax.20", "can't be 1 here: computed, family model stepping (rule 5.1): the CPU's family, model and"),
    ("d.3.eax.0", "can't be 1 here: the CPU has 0 (rule 1.10); this module never allows XFAM.BNDREGS (rule 5.7"),
    ("1f.0.eax.5", "can't be 1 here: computed, topology (rule 5.C1, 6.C5): no levels of leaf 1FH that the"),
])
def test_the_reasons_of_the_classes(bit: str, reason: str) -> None:
    assert opened("1.5.06", "granite-rapids").toggle(Field.parse(bit)).message.startswith(f"{bit} {reason}")


@pytest.mark.parametrize(("bit", "reason"), [
    ("1e.ebx.0", "is unknown here: the CPU decides it, and no CPU is chosen (rule 1.10)"),
    ("d.0.ecx.3", "is unknown here: computed, xsave area size (rule 5.7): the size of the XSAVE area that holds"),
    ("1.eax.5", "is unknown here: computed, family model stepping (rule 5.1): the CPU's family, model and"),
    ("d.3.eax.0", "can't be 1 here: this module never allows XFAM.BNDREGS (rule 5.7"),
])
def test_without_a_platform_the_reasons_blame_no_cpu(bit: str, reason: str) -> None:
    message = opened("1.5.06", "").toggle(Field.parse(bit)).message
    assert message.startswith(f"{bit} {reason}")
    assert "no CPU is chosen" in message or "CPU" not in message


def test_an_entry_that_is_not_there_refuses() -> None:
    outcome = opened("1.5.06", "granite-rapids").toggle(Field.parse("24.0.eax.0"))
    assert outcome.message == "24.0.eax.0: module 1.5.06 has no such entry; a guest gets #VE"


# -- flexible bits --


@cache
def flexible(version: str) -> tuple[Field, ...]:
    found: list[Field] = []
    for leaf, entry in classes(library.module(version)).items():
        run_time = sum(entry.masks.get(kind, 0) for kind in (BitClass.VE, BitClass.DYNAMIC, BitClass.GUEST))
        found += bits_of(leaf, entry.flexible & ~run_time)
    return tuple(found)


def assert_held(editor: Editor, bit: Field, outcome: Outcome) -> None:
    """A refusal begins with the bit, names what holds it, and is true of the CPU."""
    message, prepared = outcome.message, editor.situation.td.prepared
    assert message.startswith((f"{bit.key} ", "TDH.MNG.INIT: ")), message
    terms = editor.situation.explainer.terms(bit)
    names = [term.name.replace("_", " ") if term.kind is Kind.COMPUTED else term.name for term in terms]
    names += [term.obstacle[1:] for term in terms if term.obstacle]
    assert message.startswith("TDH.MNG.INIT: ") or "CPU" in message or any(name in message for name in names), message
    if prepared.platform is None:
        assert "the CPU has " not in message and "the CPU lacks " not in message
    elif f" here: the CPU has {1 - shown_or_wished(editor, bit)} " in message:
        pytest.fail(message)


def assert_cured(editor: Editor, bit: Field, cure: Situation) -> None:
    """A cure flips the bit, does what its preview says, refuses nothing more, and one undo takes it back."""
    before, value, preview = editor.situation, shown_or_wished(editor, bit), editor.preview(cure)
    unknown = shown(editor, bit) is None
    outcome = editor.accept("cure", cure)
    assert outcome.done and outcome.changed == preview
    # Without a CPU a gate may make a bit unknown, or known to be 0.
    others = (0,) if unknown else (None,) if editor.platform is None else ()
    assert shown(editor, bit) in (1 - value, *others)
    assert kinds(editor.situation) <= kinds(before)
    assert not editor.situation.conflicts.get(bit.leaf, 0) & bit.mask
    assert_consistent(editor)
    assert editor.undo().changed == preview
    assert editor.situation is before


@versions
@everywhere
@given(data=st.data())
@settings(quick, max_examples=3)
def test_a_flexible_bit_flips_or_says_what_holds_it(version: str, platform: str, data: st.DataObject) -> None:
    editor = opened(version, platform, data.draw(models(version)))
    start = editor.model
    for bit in some_bits(data, flexible(version), 20):
        before, value, known = editor.situation, shown_or_wished(editor, bit), shown(editor, bit) is not None
        outcome = editor.toggle(bit)
        if outcome.done:
            assert_consistent(editor)
            # Without a CPU a gate decides whether a native bit is known to be 0, or unknown.
            lost = platform == "" and known and shown(editor, bit) is None
            gained = platform == "" and not known and shown(editor, bit) == 0
            assert lost or gained or shown_or_wished(editor, bit) == 1 - value, outcome.message
            assert kinds(editor.situation) <= kinds(before)
            editor.undo()
        else:
            assert_refused(editor, before, outcome)
            assert_held(editor, bit, outcome)
            if outcome.cure is not None and not outcome.cure_label.startswith("no wish"):
                assert_cured(editor, bit, outcome.cure)
        assert editor.model == start


def wide_open(version: str) -> Editor:
    """Granite Rapids with every gate open that can be."""
    module = library.module(version)
    attributes = module.attributes.allowed & (ATTRIBUTES["PERFMON"] | ATTRIBUTES["PKS"] | ATTRIBUTES["SEPT_VE_DISABLE"])
    editor = opened(version, "granite-rapids", VcpuModel("x", attributes=attributes, xfam=module.xfam.allowed))
    if editor.module.by_leaf[Leaf(7, 1)].configured_native >> 96 + 8 & 1:
        assert editor.toggle(Field.parse("7.1.eax.8")).done
    assert editor.situation.refusals == ()
    return editor


def native_ones(editor: Editor, kind: BitClass) -> list[Field]:
    prepared = editor.situation.td.prepared
    return [
        bit
        for entry, start in zip(editor.module.entries, prepared.start, strict=True)
        for bit in bits_of(entry.leaf, classes(editor.module)[entry.leaf].masks.get(kind, 0) & start)
    ]


@pytest.mark.parametrize(("version", "least"), [
    ("1.5.01", 60), ("1.5.05", 60), ("1.5.06", 61), ("1.5.08", 61), ("1.5.16", 53), ("1.5.28", 53), ("1.5.34", 53),
    ("2.0.08", 54), ("2.0.18", 54),
])
def test_every_configured_native_bit_of_a_rich_cpu_toggles_both_ways(version: str, least: int) -> None:
    editor = wide_open(version)
    toggled = 0
    for bit in native_ones(editor, BitClass.CONFIGURED_NATIVE):
        for _ in range(2):
            value = shown(editor, bit)
            outcome = editor.toggle(bit)
            assert outcome.done, outcome.message
            assert shown(editor, bit) == 1 - (value or 0)
            assert outcome.changed[bit.leaf] & bit.mask
        toggled += 1
    assert toggled >= least
    assert_consistent(editor)


@pytest.mark.parametrize("version", ["1.5.01", "2.0.18"])
def test_every_configured_bit_of_the_caches_toggles_both_ways(version: str) -> None:
    editor = opened(version, "sapphire-rapids")
    caches = [entry for entry in editor.module.entries if entry.leaf.leaf == 4]
    bits = [bit for entry in caches for bit in bits_of(entry.leaf, entry.configured)]
    assert len(bits) >= 300
    for bit in bits:
        for value in (1, 0):
            assert editor.toggle(bit).done
            assert shown(editor, bit) == editor.model.wished(bit) == value


@pytest.mark.parametrize(("version", "platform"), [
    ("1.5.05", "sapphire-rapids"), ("2.0.18", "granite-rapids"), ("1.5.34", ""),
])
@pytest.mark.parametrize("much", [False, True], ids=["least", "much"])
def test_every_bit_flips_or_is_offered_or_says_why_not_in_one_line(version: str, platform: str, much: bool) -> None:
    """What is made or offered gives the other value, no refusal and no conflict with itself; nothing takes long."""
    module = library.module(version)
    xfam, attributes = module.xfam.allowed, module.attributes.allowed & (ATTRIBUTES["PKS"] | ATTRIBUTES["PERFMON"])
    editor = opened(version, platform, VcpuModel("x", xfam=xfam, attributes=attributes) if much else None)
    before, slowest = editor.situation, 0.0
    for bit in [bit for entry in module.entries for bit in bits_of(entry.leaf, ALL_ONES)][much::3]:
        start, value = time.perf_counter(), shown_or_wished(editor, bit)
        outcome = editor.toggle(bit)
        slowest = max(slowest, time.perf_counter() - start)
        assert outcome.message and outcome.message.isprintable(), bit
        after = editor.situation if outcome.done else outcome.cure
        if after is not None:
            td, known = after.td, bool(after.td.known_at(bit.leaf) & bit.mask)
            assert (td.get(bit) if known else after.model.wished(bit) or 0) == 1 - value or not platform, outcome
            assert (after.refusals, after.conflicts) == ((), {}), outcome.message
            assert outcome.done or outcome.message.endswith(": Enter shows what changes")
            assert outcome.done or (outcome.cure_label and outcome.cure_label in outcome.message)
        if outcome.done:
            editor.undo()
        assert editor.situation is before
    assert slowest < 2


@pytest.mark.parametrize(("version", "least"), [("1.5.01", 19), ("1.5.06", 22), ("1.5.34", 22), ("2.0.18", 23)])
def test_a_closed_gate_offers_a_cure(version: str, least: int) -> None:
    """With XFAM and ATTRIBUTES at their least, every gated bit that the CPU has can be cured in one step."""
    rich = native_ones(wide_open(version), BitClass.CONFIGURED_NATIVE)
    editor = opened(version, "granite-rapids")
    gated = [bit for bit in rich if editor.classes_at(bit.leaf).gates_of(bit)]
    assert len(gated) >= least
    for bit in gated:
        outcome = editor.toggle(bit)
        conditions = [condition.text for gate in editor.classes_at(bit.leaf).gates_of(bit) for condition in gate.needs]
        assert all(condition in outcome.message for condition in conditions), outcome.message
        assert outcome.message.endswith("): Enter shows what changes")
        assert outcome.cure is not None
        assert_cured(editor, bit, outcome.cure)


@pytest.mark.parametrize("version", ["1.5.06", "2.0.18"])
def test_a_gated_native_bit_opens_and_closes_its_gate(version: str) -> None:
    editor = opened(version, "granite-rapids")
    avx2 = Field.parse("7.0.ebx.5")
    assert editor.toggle(avx2).done
    assert editor.model.xfam == 7
    assert shown(editor, avx2) == 1
    assert editor.toggle(avx2).done
    assert editor.model.xfam == 3
    assert shown(editor, avx2) == 0


def test_a_bit_that_the_cpu_lacks_says_so() -> None:
    editor = opened("1.5.34", "sapphire-rapids")
    outcome = editor.toggle(Field.parse("7.1.eax.8"))
    assert outcome.message == "7.1.eax.8 can't be 1 here: the CPU has 0 (rule 1.10)"


@pytest.mark.parametrize("bit", ["7.0.ebx.4", "7.0.ebx.11"])
def test_bits_that_must_be_equal_go_together(bit: str) -> None:
    editor = opened("1.5.34", "granite-rapids")
    hle, rtm = Field.parse("7.0.ebx.4"), Field.parse("7.0.ebx.11")
    for value in (1, 0):
        assert editor.toggle(Field.parse(bit)).done
        assert shown(editor, hle) == shown(editor, rtm) == value


def test_another_family_is_offered_with_migratable() -> None:
    """5.1: only a MIGRATABLE TD may show an older CPU."""
    editor = opened("1.5.34", "granite-rapids")
    assert not editor.toggle(Field.parse("1.eax.20")).cure
    outcome = editor.toggle(Field.parse("1.eax.5"))
    assert outcome.cure is not None and "ATTRIBUTES.MIGRATABLE = 1" in outcome.message
    assert_cured(editor, Field.parse("1.eax.5"), outcome.cure)


def test_a_width_is_offered_with_the_flag_that_makes_it_the_vmm_s() -> None:
    """6.C1: MAX_PA is the VMM's only with MAXPA_VIRT."""
    editor, bit = opened("1.5.34", "granite-rapids"), Field.parse("80000008.eax.0")
    outcome = editor.toggle(bit)
    assert outcome.cure is not None and "CONFIG_FLAGS.MAXPA_VIRT = 1" in outcome.message
    assert_cured(editor, bit, outcome.cure)


def test_a_level_of_the_topology_changes_as_a_whole() -> None:
    """5.C1: a first level of one's own makes the whole of leaf 1FH the VMM's."""
    editor, bit = opened("1.5.34", "granite-rapids"), Field.parse("1f.0.eax.0")
    before = shown(editor, bit)
    assert editor.toggle(bit).done
    assert shown(editor, bit) == 1 - (before or 0)
    assert editor.situation.refusals == ()


def test_a_bit_of_attributes_follows_its_switch() -> None:
    editor = opened("1.5.34", "granite-rapids")
    pks = Field.parse("7.0.ecx.31")
    assert editor.toggle(pks).done
    assert editor.model.attributes == ATTRIBUTES["PKS"]
    assert editor.toggle_attribute("PKS").done
    assert shown(editor, pks) == 0


def test_a_wish_follows_when_its_bit_is_changed_by_a_gate() -> None:
    avx2 = Field.parse("7.0.ebx.5")
    editor = opened("1.5.34", "granite-rapids", VcpuModel("x").wish(avx2, 1))
    assert editor.situation.conflict_count == 1
    assert editor.toggle(avx2).done
    assert editor.situation.conflict_count == 0
    assert editor.toggle(avx2).done
    assert editor.model.wished(avx2) == 0
    assert editor.situation.conflict_count == 0


# -- without a platform --


@versions
def test_configured_bits_toggle_without_a_platform(version: str) -> None:
    editor = opened(version, "")
    for name in ("4.3.eax.0", "1.ecx.3", "1.edx.18"):
        bit = Field.parse(name)
        for value in (1, 0):
            assert editor.toggle(bit).done
            assert editor.model.wished(bit) == value
            assert shown_or_wished(editor, bit) == value


@versions
@pytest.mark.parametrize("name", ["7.0.ebx.16", "1.ecx.28", "1c.eax.0"])
def test_a_closed_gate_offers_a_cure_without_a_platform(version: str, name: str) -> None:
    """No CPU is there that could lack the bit: the gate is all that holds it."""
    editor, bit = opened(version, ""), Field.parse(name)
    outcome = editor.toggle(bit)
    assert "this CPU" not in outcome.message
    assert outcome.cure is not None
    assert editor.accept("cure", outcome.cure).done
    assert shown_or_wished(editor, bit) == 1


def test_a_gate_on_an_unknown_bit_is_not_closed() -> None:
    editor = opened("1.5.34", "", VcpuModel("x", attributes=ATTRIBUTES["PERFMON"]))
    assert editor.toggle(Field.parse("7.1.eax.8")).done
    outcome = editor.toggle(Field.parse("23.0.eax.0"))
    assert outcome.done, outcome.message


def test_no_reason_speaks_of_a_cpu_that_is_not_there() -> None:
    editor = opened("1.5.34", "", VcpuModel("x", xfam=7))
    assert "this CPU" not in editor.toggle(Field.parse("7.0.ebx.5")).message


# -- a platform that the module refuses --


def test_a_refused_platform_leaves_what_does_not_depend_on_it() -> None:
    """A Granite Rapids whose MAX_PA is 46, as a BIOS may set it: 1.5.01 refuses it, 1.5.06 doesn't (6.C1)."""
    widths = Leaf(0x80000008)
    editor = Editor(VcpuModel("x", module="1.5.01"), library.module("1.5.01"), narrow_granite_rapids())
    refusal = editor.situation.platform_refusal
    assert refusal is not None
    assert (refusal.status, refusal.at) == ("TDX_INCORRECT_CPUID_VALUE", widths)
    assert editor.situation.conflict_count == 1
    cache, native = Field.parse("4.0.eax.0"), Field.parse("1e.ebx.4")
    assert editor.toggle(cache).done
    assert shown(editor, cache) == 1
    assert shown(editor, native) is None
    message = editor.toggle(native).message
    assert message == "1e.ebx.4 is unknown here: the CPU decides it, and the module refuses this CPU (rule 1.10)"
    assert editor.set_module("1.5.06").done
    assert editor.situation.platform_refusal is None
    assert shown(editor, native) == 1


# -- giving up a wish --


def test_a_wish_that_can_not_be_had_can_be_given_up() -> None:
    dtes64 = Field.parse("1.ecx.2")
    editor = opened("1.5.06", "sapphire-rapids", VcpuModel("x").wish(dtes64, 0))
    assert editor.situation.conflict_count == 1
    outcome = editor.toggle(dtes64)
    assert not outcome.done
    reason = "fixed to 1, demanded of every CPU (rule 1.5)"
    assert outcome.message == f"1.ecx.2 can't be 0 here: {reason}: Enter gives up the wish"
    assert outcome.cure is not None
    assert editor.accept(outcome.cure_label, outcome.cure).message == "no wish for 1.ecx.2: 0 bits changed"
    assert editor.situation.conflict_count == 0
    assert editor.model.wished(dtes64) is None


def test_a_wish_for_a_leaf_that_the_module_has_not_is_told() -> None:
    editor = opened("1.5.06", "sapphire-rapids", VcpuModel("x").wish(Field.parse("24.0.ebx.3"), 1))
    assert editor.situation.conflict_count == 1
    (told,) = editor.situation.refusals_elsewhere()
    assert told == "module 1.5.06 has no CPUID.(EAX=24H,ECX=0), whose bits are wished"
