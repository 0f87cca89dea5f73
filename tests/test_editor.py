"""The editor: what can be changed changes, what can't says why, and nothing is ever lost."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from tdxtui import library, model_file
from tdxtui.classify import BitClass, classes
from tdxtui.cpuid import ALL_ONES, CpuidTable, Field, Leaf, Register
from tdxtui.editor import Editor, Outcome
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import Situation, evaluate
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.reason import Kind
from tdxtui.sysinit import Prepared
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM, XFAM_GROUPS

VERSIONS = list(library.files("modules"))
PLATFORMS = list(library.files("platforms"))
READ_ONLY = "read only: nothing can be changed"
versions = pytest.mark.parametrize("version", VERSIONS)
everywhere = pytest.mark.parametrize("platform", [*PLATFORMS, ""], ids=lambda name: name or "none")
# To shrink a failing example would take minutes: drawing a model is much of the work.
PHASES = (Phase.explicit, Phase.generate)
quick = settings(max_examples=2, deadline=None, derandomize=True, phases=PHASES)


def opened(version: str, platform: str, model: VcpuModel | None = None, **more: Any) -> Editor:
    """An editor whose model names its module and platform, as those that the screen opens mostly do."""
    model = replace(model or VcpuModel("x"), module=version, platform=platform)
    return Editor(model, library.module(version), library.platform(platform) if platform else None, **more)


def bits_of(leaf: Leaf, mask: int) -> list[Field]:
    """The single bits of a packed mask."""
    return [
        Field.bit(leaf, register, number)
        for register in Register for number in range(32) if mask >> register.shift + number & 1
    ]


def shown(editor: Editor, bit: Field) -> int | None:
    """A bit's value as the TD gets it; None where no platform tells."""
    td = editor.situation.td
    return td.get(bit) if td.known_at(bit.leaf) & bit.mask else None


def shown_or_wished(editor: Editor, bit: Field) -> int:
    value = shown(editor, bit)
    return (editor.model.wished(bit) or 0) if value is None else value


def words(masks: Any) -> st.SearchStrategy[int]:
    """Some of the named bits, or (mostly) only those that can be."""
    return st.lists(st.sampled_from(sorted(masks)), max_size=8).map(lambda parts: sum(set(parts)))


def xfams(module: Module) -> st.SearchStrategy[int]:
    components = [*XFAM_GROUPS.values(), XFAM["AVX"], XFAM["PT"], XFAM["PKRU"], XFAM["UINTR"], XFAM["LBR"]]
    some = st.lists(st.sampled_from(components)).map(lambda parts: sum(set(parts)) | 3)
    legal = some.map(lambda word: word | (XFAM["AVX"] if word & XFAM["AVX512"] else 0))
    return legal | st.sampled_from([3, module.xfam.allowed]) | st.integers(0, (1 << 20) - 1)


@st.composite
def models(draw: st.DrawFn, version: str) -> VcpuModel:
    """A model that may be legal on a module, or have conflicts of any kind."""
    module = library.module(version)
    wishes = {}
    for entry in draw(st.lists(st.sampled_from(module.entries), max_size=5, unique=True)):
        mask = draw(st.sampled_from([entry.configurable, ALL_ONES])) & draw(st.integers(0, ALL_ONES))
        if mask:
            wishes[entry.leaf] = draw(st.integers(0, ALL_ONES)) & mask, mask
    allowed = [mask for mask in ATTRIBUTES.values() if mask & module.attributes.allowed]
    return VcpuModel(
        "x",
        attributes=draw(words(allowed) | words(ATTRIBUTES.values())),
        xfam=draw(xfams(module)),
        config_flags=draw(st.just(0) | words(CONFIG_FLAGS.values())),
        tsc_mhz=draw(st.sampled_from([100, 2500, 10000])),
        max_vcpus=draw(st.sampled_from([1, 576, 65535])),
        num_l2_vms=draw(st.sampled_from([0, 0, 3])),
        wishes=wishes,
    )


def some_bits(data: st.DataObject, bits: tuple[Field, ...], count: int) -> list[Field]:
    places = data.draw(st.lists(st.integers(0, len(bits) - 1), min_size=count, max_size=count))
    return [bits[place] for place in places]


def assert_refused(editor: Editor, before: Situation, outcome: Outcome) -> None:
    """The edit was not made: nothing changed, and one line says why."""
    assert not outcome.done
    assert outcome.message
    assert outcome.message.isprintable()
    assert outcome.changed == {}
    assert editor.situation is before


def refusals(editor: Editor) -> int:
    return len(editor.situation.refusals)


def kinds(situation: Situation) -> set[tuple[object, ...]]:
    """The refusals without their words: with one problem of XFAM mended, its refusal tells of the next."""
    return {(item.status, item.operand, item.at, item.msr) for item in situation.refusals}


def assert_consistent(editor: Editor) -> None:
    """What the editor shows is what the model gives afresh."""
    fresh = evaluate(editor.model, editor.module, editor.platform)
    assert editor.situation.td.values == fresh.td.values
    assert editor.situation.td.known == fresh.td.known
    assert editor.situation == fresh


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


# -- edits, undo and redo --

EDITS = ["XFAM", "ATTRIBUTES", "CONFIG_FLAGS", "module", "platform", "settings"]


def edit(editor: Editor, data: st.DataObject) -> Outcome:
    """Some edit."""
    kind = data.draw(st.sampled_from(["bit", "bit", "bit", *EDITS]))
    if kind == "bit":
        entry = data.draw(st.sampled_from(editor.module.entries))
        configurable = bits_of(entry.leaf, entry.configurable) or bits_of(entry.leaf, ALL_ONES)
        outcome = editor.toggle(data.draw(st.sampled_from(configurable)))
        return editor.accept("cure", outcome.cure) if outcome.cure else outcome
    if kind == "XFAM":
        return editor.toggle_xfam(data.draw(st.sampled_from(list(XFAM))))
    if kind == "ATTRIBUTES":
        return editor.toggle_attribute(data.draw(st.sampled_from(list(ATTRIBUTES))))
    if kind == "CONFIG_FLAGS":
        return editor.toggle_config_flag(data.draw(st.sampled_from(list(CONFIG_FLAGS))))
    if kind == "module":
        return editor.set_module(data.draw(st.sampled_from(VERSIONS)))
    if kind == "platform":
        return editor.set_platform(data.draw(st.sampled_from([*PLATFORMS, ""])))
    changed = replace(editor.model, max_vcpus=data.draw(st.integers(1, 600)), description="changed")
    return editor.apply("settings", changed)


def assert_changed(before: Situation, editor: Editor, outcome: Outcome) -> None:
    """The outcome names just the bits that came out otherwise, or became known or unknown."""
    old, new = before.td, editor.situation.td
    for leaf in {*old.cpuid(), *new.cpuid()}:
        mask = (old.at(leaf) ^ new.at(leaf)) | (old.known_at(leaf) ^ new.known_at(leaf))
        assert outcome.changed.get(leaf, 0) == mask


@versions
@given(data=st.data())
@settings(max_examples=5, deadline=None, derandomize=True, phases=PHASES)
def test_undo_and_redo_lose_nothing(version: str, data: st.DataObject) -> None:
    editor = opened(version, data.draw(st.sampled_from([*PLATFORMS, ""])), data.draw(models(version)))
    history = [editor.situation]
    for _ in range(data.draw(st.integers(1, 12))):
        before = editor.situation
        outcome = edit(editor, data)
        if outcome.done:
            assert_changed(before, editor, outcome)
            assert_consistent(editor)
            history.append(editor.situation)
            assert editor.redo().message == "nothing to redo"
        else:
            assert_refused(editor, before, outcome)
        assert editor.dirty == (editor.model != history[0].model)
    for former in reversed(history[:-1]):
        before = editor.situation
        outcome = editor.undo()
        assert outcome.done
        assert_changed(before, editor, outcome)
        assert editor.situation == former
    assert editor.undo().message == "nothing to undo"
    assert not editor.dirty
    for later in history[1:]:
        assert editor.redo().done
        assert editor.situation == later
    assert editor.redo().message == "nothing to redo"


@given(data=st.data())
@settings(max_examples=20, deadline=None, derandomize=True, phases=PHASES)
def test_redo_after_undo_is_where_one_was(data: st.DataObject) -> None:
    editor = opened("1.5.34", "granite-rapids")
    done = sum(edit(editor, data).done for _ in range(6))
    assume(done)
    back = data.draw(st.integers(1, done))
    before = editor.situation
    for _ in range(back):
        assert editor.undo().message.startswith("undone: ")
    for _ in range(back):
        assert editor.redo().message.startswith("redone: ")
    assert editor.situation == before


def test_an_edit_after_undo_forgets_what_was_undone() -> None:
    editor = opened("1.5.34", "granite-rapids")
    editor.toggle_xfam("AVX")
    editor.undo()
    editor.toggle_xfam("PKRU")
    assert editor.redo().message == "nothing to redo"
    assert editor.model.xfam == 0x203


def test_a_refused_edit_is_no_step() -> None:
    editor = opened("1.5.34", "granite-rapids")
    editor.toggle_xfam("AVX")
    editor.toggle_xfam("X87")
    editor.undo()
    assert editor.model.xfam == 3


def test_a_module_or_platform_that_is_not_there_changes_nothing() -> None:
    editor = opened("1.5.34", "granite-rapids")
    before = editor.situation
    for switch in (editor.set_module, editor.set_platform):
        with pytest.raises(TdxtuiError, match=r"there is no (module|platform) 'nowhere'"):
            switch("nowhere")
    assert editor.situation is before
    assert editor.undo().message == "nothing to undo"


def test_undo_of_a_module_switch_comes_back_to_the_module() -> None:
    """`tdxtui open x.toml -m 1.5.06` on a model that names no module, or another one."""
    for own in ("", "1.5.01"):
        editor = Editor(VcpuModel("x", module=own), library.module("1.5.06"), None)
        editor.set_module("1.5.34")
        editor.undo()
        assert (editor.model.module, editor.module.version) == (own, "1.5.06")


def test_undo_of_a_platform_switch_comes_back_to_the_platform() -> None:
    for own in ("", "emerald-rapids"):
        editor = Editor(VcpuModel("x", platform=own), library.module("1.5.06"), library.platform("granite-rapids"))
        editor.set_platform("sapphire-rapids")
        editor.undo()
        assert editor.platform is library.platform("granite-rapids")


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


# -- read only --

def test_read_only_refuses_every_edit() -> None:
    editor = opened("1.5.34", "granite-rapids", read_only=True)
    before = editor.situation
    for outcome in (
        editor.toggle(Field.parse("1.ecx.3")),
        editor.toggle(Field.parse("1.ecx.0")),
        editor.toggle(Field.parse("24.0.eax.0")),
        editor.toggle_xfam("AVX"),
        editor.toggle_xfam("X87"),
        editor.toggle_attribute("PKS"),
        editor.toggle_config_flag("GPAW"),
        editor.apply("anything", replace(editor.model, max_vcpus=2)),
    ):
        assert_refused(editor, before, outcome)
        assert outcome.message == READ_ONLY
    assert not editor.dirty


def test_read_only_allows_another_module_and_platform() -> None:
    editor = opened("1.5.34", "granite-rapids", read_only=True)
    assert editor.set_module("1.5.06").done
    assert editor.set_platform("").done
    assert (editor.module.version, editor.platform) == ("1.5.06", None)
    assert editor.undo().done
    assert editor.undo().done
    assert (editor.module.version, editor.platform) == ("1.5.34", library.platform("granite-rapids"))


def test_read_only_refuses_a_model_that_names_another_module() -> None:
    editor = opened("1.5.34", "granite-rapids", read_only=True)
    assert editor.apply("x", replace(editor.model, module="1.5.06", xfam=7)).message == READ_ONLY


def test_read_only_saves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    editor = opened("1.5.34", "granite-rapids", path=path, read_only=True)
    editor.set_module("1.5.06")
    with pytest.raises(TdxtuiError, match="read only"):
        editor.save()
    assert not path.exists()


# -- a platform that the module refuses --

def narrow_granite_rapids() -> Platform:
    cpu, widths = library.platform("granite-rapids"), Leaf(0x80000008)
    return replace(cpu, cpuid=CpuidTable({**cpu.cpuid, widths: cpu.cpuid[widths] & ~(0xFF << 96) | 46 << 96}))


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


# -- dirty, save --

def test_saving_makes_clean_and_changing_makes_dirty(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    editor = opened("1.5.34", "granite-rapids", path=path)
    assert not editor.dirty
    editor.toggle_xfam("AVX")
    assert editor.dirty
    assert editor.save() == path
    assert not editor.dirty
    assert model_file.load(path) == editor.model
    editor.undo()
    assert editor.dirty
    editor.redo()
    assert not editor.dirty


def test_saving_elsewhere_makes_that_the_file(tmp_path: Path) -> None:
    editor = opened("1.5.34", "granite-rapids")
    with pytest.raises(TdxtuiError, match="the model has no file yet"):
        editor.save()
    editor.toggle_xfam("AVX")
    path = tmp_path / "new.toml"
    assert editor.save(path) == editor.path == path
    assert not editor.dirty
    editor.toggle_xfam("PKRU")
    assert editor.save() == path
    assert model_file.load(path).xfam == 0x207


def test_a_save_that_fails_leaves_it_dirty(tmp_path: Path) -> None:
    editor = opened("1.5.34", "granite-rapids", path=tmp_path / "old.toml")
    editor.toggle_xfam("AVX")
    with pytest.raises(TdxtuiError, match="No such file or directory"):
        editor.save(tmp_path / "gone" / "x.toml")
    assert editor.dirty
    assert editor.path == tmp_path / "old.toml"


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
