"""Questions on the screen: findings and their cures, VMM layers, the nearest legal model, a second module."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypedDict

import pytest
from textual.widgets import Input, OptionList

from tdxtui import library, sources, vmm
from tdxtui.check import Kind, check
from tdxtui.checking.vmm_verdicts import verdicts
from tdxtui.cpuid import CpuidTable, Field, Leaf
from tdxtui.diff.at_bit import BitDiff
from tdxtui.editor import Editor
from tdxtui.evaluate import evaluate
from tdxtui.fit.target import Target
from tdxtui.flipping import changed
from tdxtui.platform import Platform
from tdxtui.tui.dialogs import Chooser
from tdxtui.tui.findings import cure
from tdxtui.tui.findings_list import FindingsList
from tdxtui.tui.preview import Preview
from tests.tui.screen import Screen, check_golden, opened

QEMU_MODEL = "qemu:SapphireRapids-v4"


class Ground(TypedDict):
    """What a model is held against."""

    module: str
    platform: str


HERE: Ground = {"module": "1.5.06", "platform": "sapphire-rapids"}
KVM, QEMU = vmm.layer("kvm", "7.2"), vmm.layer("qemu", "10.2")
CONFLICTS = """# ours, with two conflicts
name = "web"
module = "1.5.06"
platform = "sapphire-rapids"
[td]
xfam = ["X87", "SSE", "AVX"]
[features]
avx512f = true  # wanted badly
[registers]
"1.ecx.1" = "0x0"
"""


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """A model with two conflicts: one that XFAM cures, one that nothing does."""
    path = tmp_path / "web.toml"
    path.write_text(CONFLICTS, encoding="utf-8")
    return path


def odd_cpu() -> Platform:
    """A CPU that 1.5.06 refuses and 1.5.34 takes, for one bit of leaf 0AH."""
    cpu, bit = library.platform("sapphire-rapids"), Field.parse("a.ecx.4")
    return replace(cpu, name="odd", cpuid=CpuidTable({**cpu.cpuid, bit.leaf: cpu.cpuid.at(bit.leaf) ^ bit.mask}))


def listed(screen: Screen) -> list[str]:
    """The lines of the list on top."""
    options = screen.app.screen.query_one(OptionList)
    return [str(options.get_option_at_index(number).prompt) for number in range(options.option_count)]


async def choose(screen: Screen, *words: str) -> None:
    """Choose the line of a list that has all the words."""
    number = next(number for number, line in enumerate(listed(screen)) if all(word in line for word in words))
    screen.app.screen.query_one(OptionList).highlighted = number
    await screen.press("enter")
    await screen.pilot.pause()


# -- findings --


async def test_findings_are_listed_as_check_finds_them_the_gravest_first(web: Path) -> None:
    async with opened(str(web)) as screen:
        await screen.press("i")
        found = check(screen.editor.situation)
        lines = listed(screen)
        assert len(lines) == len(found) and "2 conflicts" in screen.text
        for line, finding in zip(lines, found, strict=True):
            assert line[0] == {Kind.CONFLICT: "✗", Kind.WARNING: "·"}[finding.kind]
            assert finding.field is None or finding.field.key in line
        avx512f = next(line for line in lines if "avx512f" in line)
        assert "wants 1, gets 0" in avx512f and "the TD configuration decides it" in avx512f


async def test_enter_goes_to_the_bit_and_enter_twice_more_applies_the_cure(web: Path) -> None:
    async with opened(str(web)) as screen:
        await screen.press("i")
        await choose(screen, "avx512f")
        assert screen.cursor == "7.0.ebx.16" and screen.focus == "grid" and "Enter shows the cure" in screen.status
        await screen.press("enter")
        assert isinstance(screen.app.screen, Preview) and "XFAM.AVX512 = 1" in screen.text
        await screen.press("enter")
        await screen.pilot.pause()
        assert screen.editor.situation.td.get(Field.parse("7.0.ebx.16")) == 1
        assert screen.editor.situation.conflict_count == 1
        await screen.press("ctrl+o")
        assert screen.cursor != "7.0.ebx.16", "one can go back"


async def test_c_looks_at_the_cure_at_once_and_a_wish_that_nothing_cures_is_given_up(web: Path) -> None:
    async with opened(str(web)) as screen:
        await screen.press("i")
        lines = listed(screen)
        screen.app.screen.query_one(OptionList).highlighted = next(
            number for number, line in enumerate(lines) if "1.ecx.1 " in line)
        await screen.pilot.pause()
        assert "No cure on this module and CPU" in screen.text
        await screen.press("c")
        await screen.pilot.pause()
        assert "no wish for 1.ecx.1" in screen.text
        await screen.press("escape")
        assert screen.editor.situation.conflict_count == 2, "only looked at"
        await screen.press("i", "c")
        await screen.press("enter")
        await screen.pilot.pause()
        assert screen.editor.situation.conflict_count == 1


async def test_tab_goes_through_conflicts_vmm_and_warnings(web: Path) -> None:
    async with opened(str(web)) as screen:
        await screen.press("i")
        everything = listed(screen)
        await screen.press("tab")
        assert listed(screen) == [line for line in everything if line[0] == "✗"] and "only conflicts" in screen.text
        await screen.press("tab")
        assert listed(screen) == ["no VMM layer is chosen; V chooses"]
        await screen.press("enter", "c")
        assert isinstance(screen.app.screen, FindingsList), "there is nothing to go to"
        await screen.press("tab")
        assert listed(screen) == [line for line in everything if line[0] == "·"]
        await screen.press("tab")
        assert listed(screen) == everything
        await screen.press("shift+tab", "escape")
        assert len(screen.app.screen_stack) == 1


async def test_without_findings_the_last_line_says_so() -> None:
    async with opened("minimal", platform="none") as screen:
        model = screen.editor.model
        screen.editor.apply("nothing wished", type(model)("bare", attributes=model.attributes, xfam=model.xfam))
        if check(screen.editor.situation):
            pytest.skip("even a bare model has findings")
        await screen.press("i")
        assert screen.status.startswith("No finding: module") and len(screen.app.screen_stack) == 1


async def test_a_finding_on_a_setting_goes_to_its_switch() -> None:
    async with opened("full-granite-rapids", layers=[KVM]) as screen:
        screen.editor.toggle_attribute("PERFMON")
        found = [item for item in check(screen.editor.situation, [KVM]) if item.code == "xfam"]
        assert found, "KVM 7.2 doesn't pass all of it"
        await screen.press("i")
        await choose(screen, found[0].message[:30])
        assert screen.focus == "xfam" and screen.app._xfam.chosen in found[0].message


@pytest.mark.parametrize("module", ["1.5.01", "1.5.06", "1.5.34", "2.0.18"])
@pytest.mark.parametrize("name", [QEMU_MODEL, "qemu:GraniteRapids-v1", "full-granite-rapids", "sapphire-rapids"])
def test_every_cure_cures_its_finding_and_brings_no_refusal(name: str, module: str) -> None:
    model, on = sources.find(name).model, library.module(module)
    situation, layers = evaluate(model, on, library.platform("sapphire-rapids")), [KVM, QEMU]
    if situation.platform_refusal:
        return
    for finding in check(situation, layers):
        found = cure(situation, finding)
        if found is None:
            assert finding.kind not in (Kind.CONFLICT, Kind.REFUSAL), finding.message
            continue
        after = found[1]
        if finding.kind is Kind.CONFLICT:
            assert not any(after.conflicts.get(bit.leaf, 0) & bit.mask for bit in finding.bits), finding.field
        elif finding.kind is Kind.REFUSAL:
            assert not after.refusals
        else:
            fields = {(item.code, item.field, item.message) for item in check(after, layers)}
            assert (finding.code, finding.field, finding.message) not in fields
        assert len(after.refusals) <= len(situation.refusals)


# -- VMM layers --


async def test_layers_are_chosen_shown_in_the_header_and_marked_in_grid_list_and_why() -> None:
    async with opened(QEMU_MODEL, **HERE) as screen:
        await screen.go("7.0.ebx.4")
        assert screen.glyph("7.0.ebx.4") == "●" and "KVM" not in screen.text
        await screen.press("V")
        await choose(screen, "KVM 7.2")
        assert "KVM 7.2" in screen.header and "!2" in screen.header
        assert screen.glyph("7.0.ebx.4") == screen.glyph("7.0.ebx.11") == "!"
        assert "legal for" in screen.text and "refused by KVM 7.2" in screen.text
        assert any("07H.0" in line and "!2✗" in line for line in screen.pane("leaves"))
        assert "2 refused that the module would take" in screen.status
        await screen.press("V")
        await choose(screen, "QEMU 11.1")
        assert "KVM 7.2 · QEMU 11.1" in screen.header
        await screen.press("V")
        await choose(screen, "QEMU 10.2")
        assert [layer.label for layer in screen.app.layers] == ["KVM 7.2", "QEMU 10.2"], "one of a kind"
        await screen.press("V")
        await choose(screen, "none")
        assert screen.app.layers == () and "KVM" not in screen.header and screen.glyph("7.0.ebx.4") == "●"


async def test_what_a_layer_refuses_follows_edits_and_the_jump_to_conflicts_goes_there() -> None:
    async with opened("kvm-sapphire-rapids", **HERE, layers=[KVM]) as screen:
        await screen.pilot.pause()
        assert "!" not in screen.header
        await screen.go("7.0.ebx.4")
        await screen.press("space", "enter", "enter")
        await screen.pilot.pause()
        await screen.pilot.pause()
        refused = [item for item in verdicts(screen.editor.situation, [KVM]) if item.bits]
        assert refused and screen.glyph("7.0.ebx.4") == "!" and f"! {len(refused)}" in screen.header.replace("!", "! ")
        await screen.press("g", "]")
        assert screen.cursor in {bit.key for item in refused for bit in item.bits}
        await screen.press("u")
        await screen.pilot.pause()
        await screen.pilot.pause()
        assert screen.glyph("7.0.ebx.4") == "○" and "!" not in screen.header


async def test_why_tells_what_a_layer_would_make_of_a_bit_that_is_not_asked_for() -> None:
    async with opened("kvm-sapphire-rapids", **HERE, layers=[KVM]) as screen:
        await screen.go("7.0.ebx.4")
        assert "As 1: legal for module 1.5.06, refused by KVM 7.2" in screen.text
        await screen.go("1.ecx.3")
        assert "refused by" not in "\n".join(screen.pane("why"))


async def test_a_component_that_the_vmm_does_not_pass_is_marked_in_its_pane() -> None:
    async with opened("full-granite-rapids", layers=[KVM]) as screen:
        refused = {item.message.split(":")[0] for item in verdicts(screen.editor.situation, [KVM])}
        for pane, scope in ((screen.app._xfam, "XFAM"), (screen.app._attributes, "ATTRIBUTES")):
            for item in pane._switches:
                assert item.refused is (f"{scope}.{item.name}" in refused), item.name
        assert any(item.refused for item in screen.app._xfam._switches)


async def test_without_layers_and_second_module_nothing_is_asked_after_a_key() -> None:
    async with opened() as screen:
        await screen.press("space", "right", "space")
        assert not screen.app.asks and not screen.app._asks and not screen.grid.shown.signs.refused


# -- the nearest legal model --


async def test_all_conflicts_of_a_qemu_model_are_cured_with_two_keys() -> None:
    async with opened(QEMU_MODEL, **HERE) as screen:
        before = screen.editor.model
        assert screen.editor.situation.conflict_count == 19
        keys = ["f", "enter"]  # at most 4
        await screen.press(*keys)
        await screen.pilot.pause()
        assert screen.editor.situation.conflict_count == 0 and "no conflict" in screen.header
        assert screen.editor.history[1] == 1
        await screen.press("u")
        assert screen.editor.model == before


async def test_the_preview_of_a_fit_tells_what_is_forced_dropped_and_left_to_the_module() -> None:
    async with opened(QEMU_MODEL, **HERE, layers=[KVM], size=(120, 90)) as screen:
        await screen.press("f")
        await screen.pilot.pause()
        text = screen.text
        for words in ("Dropped: wanted, but not to be had (4)", "Forced on: not wanted, but the TD has it (16)",
                      "Left to the module (1)", "hle", "KVM 7.2 refuses it", "Caches and TLBs"):
            assert words in text, words
        await screen.press("escape")
        assert not screen.editor.dirty
        await screen.press("f", "enter")
        await screen.pilot.pause()
        await screen.pilot.pause()
        assert not [item for item in check(screen.editor.situation, [KVM]) if item.kind is not Kind.WARNING]
        assert "!" not in screen.header


async def test_a_fitted_file_keeps_its_name_and_its_comments(web: Path) -> None:
    async with opened(str(web)) as screen:
        await screen.press("f", "enter", "s")
        await screen.pilot.pause()
        assert screen.editor.situation.conflict_count == 0 and screen.editor.model.name == "web"
    text = web.read_text(encoding="utf-8")
    assert "# ours, with two conflicts" in text and "avx512f = true  # wanted badly" in text and "AVX512" in text


async def test_settings_made_by_hand_count_as_the_models_own_when_it_is_fitted() -> None:
    async with opened(QEMU_MODEL, **HERE) as screen:
        screen.app.show_outcome(screen.editor.toggle_attribute("PERFMON"))
        await screen.press("f", "enter")
        await screen.pilot.pause()
        assert "PERFMON" in str(screen.app._attributes._switches) and screen.editor.situation.conflict_count == 0
        assert next(item for item in screen.app._attributes._switches if item.name == "PERFMON").on


async def test_where_nothing_is_to_be_fitted_or_nothing_fits_the_last_line_says_so() -> None:
    async with opened("kvm-sapphire-rapids") as screen:
        await screen.press("f")
        assert screen.status == "Nothing to fit: the TD gets all that the model wants"
    async with opened(QEMU_MODEL, module="1.5.06", platform="none") as screen:
        screen.editor.situation = evaluate(screen.editor.model, screen.editor.module, odd_cpu())
        await screen.press("f")
        assert screen.status.startswith("Nothing fits: module 1.5.06 refuses odd")


# -- a second module --


async def test_a_second_module_marks_other_values_and_classes_and_counts_them() -> None:
    async with opened("kvm-sapphire-rapids", **HERE, size=(200, 60)) as screen:
        before = screen.text
        await screen.press("d")
        assert isinstance(screen.app.screen, Chooser)
        await choose(screen, "1.5.34")
        there = evaluate(screen.editor.model, library.module("1.5.34"), screen.editor.platform)
        values, diff = changed(screen.editor.situation, there), BitDiff(screen.editor.module, there.module)
        for (leaf, register), (glyphs, _) in screen.rows().items():
            silent = leaf in there.module.exit.faulting or leaf in screen.editor.module.exit.faulting
            for index, glyph in enumerate(glyphs):
                mask = Field.bit(leaf, register, 31 - index).mask
                value = values.get(leaf, 0) & mask and not silent
                kind = diff.other_class.get(leaf, 0) & mask
                assert glyph == ("≠" if value else "≈" if kind else glyph) and (glyph in "≠≈") is bool(value or kind)
        assert "≠ 1.5.34" in screen.header and "leaves only there" in screen.status
        marked = screen.grid.shown.signs
        count = sum(mask.bit_count() for mask in marked.other_value.values())
        assert f"≠ {count} with another value" in screen.status
        await screen.press("d")
        assert "≠" not in screen.text and screen.status == "No second module any more"
        await screen.press("home")
        assert screen.text.splitlines()[1:30] == before.splitlines()[1:30]


async def test_why_says_what_a_bit_is_there_and_in_which_group_of_the_diff() -> None:
    async with opened("kvm-sapphire-rapids", **HERE) as screen:
        screen.app.compare_with("1.5.34")
        await screen.go("1.edx.7")  # MCE
        why = " ".join(" ".join(screen.pane("why")).split())
        assert "Module 1.5.34: " in why and "Fixed 1 -> configurable: the TD loses it unless the VMM asks for it" in why
        await screen.go("1.edx.0")
        assert "Module 1.5.34: 1, as here, decided as here." in " ".join(screen.pane("why"))


async def test_n_goes_through_the_differences_until_something_is_searched_for() -> None:
    async with opened("kvm-sapphire-rapids", **HERE) as screen:
        await screen.press("slash")
        await screen.type("avx512f")
        await screen.press("enter")
        screen.app.compare_with("1.5.34")
        signs = screen.grid.shown.signs
        for key in ("n", "n", "N", "n"):
            await screen.press(key)
            bit = screen.grid.cursor
            assert (signs.other_value.get(bit.leaf, 0) | signs.other_class.get(bit.leaf, 0)) & bit.mask
        await screen.press("slash")
        await screen.type("avx512f")
        await screen.press("enter", "n")
        assert screen.cursor == "7.0.ebx.16"


async def test_the_differences_follow_edits_and_another_module_and_escape_leaves() -> None:
    async with opened("kvm-sapphire-rapids", **HERE) as screen:
        screen.app.compare_with("1.5.34")
        for change, name in ((Editor.set_module, "1.5.01"), (Editor.toggle_xfam, "AMX")):
            screen.app.show_outcome(change(screen.editor, name))
            await screen.pilot.pause()
            await screen.pilot.pause()
            there = evaluate(screen.editor.model, library.module("1.5.34"), screen.editor.platform)
            assert screen.app._there == there and screen.app._diff
            assert screen.app._diff.old is screen.editor.module
            assert screen.grid.shown.signs == screen.app.signs()
        await screen.press("escape")
        assert screen.app._diff is None and "≠" not in screen.text


async def test_the_second_module_is_left_when_the_model_moves_to_it() -> None:
    async with opened("kvm-sapphire-rapids", **HERE) as screen:
        screen.app.compare_with("1.5.34")
        screen.app._set_module("1.5.34")
        await screen.pilot.pause()
        assert screen.app._diff is None and "≠" not in screen.text and "module 1.5.34" in screen.header


async def test_a_second_module_that_refuses_the_cpu_compares_classes_only() -> None:
    async with opened("kvm-sapphire-rapids", module="1.5.34", platform="none") as screen:
        screen.editor.situation = evaluate(screen.editor.model, screen.editor.module, odd_cpu())
        assert not screen.editor.situation.platform_refusal
        screen.app.compare_with("1.5.06")
        assert "refuses this CPU, so no values" in screen.status and not screen.grid.shown.signs.other_value


async def test_a_conflict_that_differs_keeps_its_look_and_a_conflict_is_more_than_a_refusal(web: Path) -> None:
    async with opened(str(web), layers=[QEMU]) as screen:
        screen.app.compare_with("1.5.34")
        signs = screen.grid.shown.signs
        assert not {bit.key for bit in screen.app.refused_bits()} & {"1.ecx.1"}
        for leaf, mask in screen.editor.situation.conflicts.items():
            for bit in (bit for bit in Field.parse("1.ecx.1")._replace(leaf=leaf).bits() if bit.mask & mask):
                row = screen.grid.shown.leaf(leaf)
                differs = any(bit.mask & found for _, found in signs.at(leaf))
                assert (row.glyphs[bit.register][31 - bit.lsb] == "✗") is not differs


# -- by name --


async def test_layers_and_second_modules_are_found_by_name_among_the_commands() -> None:
    async with opened("kvm-sapphire-rapids", **HERE) as screen:
        for words, seen in (("layer kvm", "KVM 7.2"), ("differences 1.5.34", "≠ 1.5.34")):
            await screen.press("ctrl+p")
            screen.app.screen.query_one(Input).value = words
            await screen.pilot.pause()
            await screen.press("enter")
            await screen.pilot.pause()
            assert seen in screen.header
        assert "≠ 1.5.34" in screen.header and "KVM 7.2" in screen.header
        await screen.press("ctrl+p")
        screen.app.screen.query_one(Input).value = "nearest legal"
        await screen.pilot.pause()
        await screen.press("enter")
        await screen.pilot.pause()
        assert screen.status.startswith("Nothing to fit") or isinstance(screen.app.screen, Preview)


# -- looks --


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 20)])
@pytest.mark.parametrize("what", ["findings", "fit", "layers"])
async def test_golden_dialogs(what: str, size: tuple[int, int]) -> None:
    async with opened(QEMU_MODEL, **HERE, layers=[KVM, QEMU], size=size) as screen:
        await screen.press({"findings": "i", "fit": "f", "layers": "V"}[what])
        await screen.settled()
        check_golden(f"{size[0]}x{size[1]}-{what}", screen.text)


@pytest.mark.parametrize(("size", "no_color"), [((120, 40), False), ((80, 24), True), ((60, 20), False)])
async def test_golden_second_module_and_layers(size: tuple[int, int], no_color: bool) -> None:
    async with opened(QEMU_MODEL, **HERE, layers=[KVM], size=size, no_color=no_color) as screen:
        screen.app.compare_with("1.5.34")
        await screen.go("1.edx.14")
        await screen.settled()
        check_golden(f"{size[0]}x{size[1]}-diff{'-no-color' * no_color}", screen.text)
        styles = {str(segment.style) for strip in screen.strips for segment in strip if "≠" in segment.text}
        assert styles and not (no_color and any("#" in style for style in styles))


def test_a_target_is_what_the_screen_holds_the_model_against() -> None:
    target = Target.of(library.module("1.5.06"), library.platform("sapphire-rapids"), [KVM])
    assert target.name == "module 1.5.06 · sapphire-rapids · KVM 7.2" and Leaf(1) in target.module.by_leaf
