"""Editors, models and measures for the tests of edits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st

from tdxtui import library
from tdxtui.cpuid import ALL_ONES, CpuidTable, Field, Leaf, Register
from tdxtui.editor import Editor, Outcome
from tdxtui.evaluate import Situation, evaluate
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.platform import Platform
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


def narrow_granite_rapids() -> Platform:
    cpu, widths = library.platform("granite-rapids"), Leaf(0x80000008)
    return replace(cpu, cpuid=CpuidTable({**cpu.cpuid, widths: cpu.cpuid[widths] & ~(0xFF << 96) | 46 << 96}))
