"""The dialogs: choosers, help, and that nothing behind them is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from tdxtui import library
from tdxtui.tui.dialogs import Chooser, Question
from tests.tui.screen import Screen, opened


def choices(screen: Screen) -> list[str]:
    """The lines of the chooser on top."""
    options = screen.app.screen.query_one(OptionList)
    return [str(options.get_option_at_index(number).prompt) for number in range(options.option_count)]


# -- lists --


async def test_paging_in_a_list_that_has_no_room_does_nothing() -> None:
    async with opened() as screen:
        await screen.press("e")
        await screen.pilot.resize_terminal(30, 5)
        await screen.pilot.pause()
        options = screen.app.screen.query_one(OptionList)
        options.focus()
        assert not options.scrollable_content_region
        await screen.press("pagedown", "pageup")
        assert screen.app.is_running and options.highlighted == 0


# -- modules --


async def test_the_module_chooser_lists_all_with_evidence_and_verdict() -> None:
    async with opened() as screen:
        await screen.press("m")
        lines = choices(screen)
        assert [line for line in lines if line.startswith("▸ ")] == [line for line in lines if "1.5.06" in line]
        assert [line[2:].split()[0] for line in lines] == list(library.files("modules"))
        assert all("takes this CPU" in line for line in lines) and "evidence: read" in lines[-1]
        assert screen.app.screen.query_one(OptionList).highlighted == 2


async def test_choosing_a_module() -> None:
    async with opened() as screen:
        await screen.go("7.0.ebx.16")
        await screen.press("m", "end", "enter")
        assert screen.editor.module.version == screen.editor.model.module == "2.0.18"
        assert "module 2.0.18 (read)" in screen.header and "● changed" in screen.header
        assert screen.cursor == "7.0.ebx.16" and screen.focus == "grid"
        assert screen.status.startswith("module 2.0.18: ")
        await screen.press("u")
        assert "module 1.5.06 (run)" in screen.header and "changed" not in screen.header
        assert screen.cursor == "7.0.ebx.16"


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_leaving_the_chooser_changes_nothing(key: str) -> None:
    async with opened() as screen:
        await screen.settled()
        before = screen.text
        for opener in "mc":
            await screen.press(opener, "down", key)
            assert not screen.editor.dirty
        assert screen.text == before


async def test_other_keys_do_nothing_behind_a_chooser() -> None:
    async with opened() as screen:
        await screen.press("down", "m", "x", "a", "s", "u", "]", "c", "m")
        assert isinstance(screen.app.screen, Chooser) and len(screen.app.screen_stack) == 2
        await screen.press("escape")
        assert not screen.editor.dirty and screen.cursor == "0.ebx.31"


async def test_a_broken_module_file_of_the_user_is_listed_with_its_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    for kind in ("modules", "platforms"):
        (tmp_path / "tdxtui" / kind).mkdir(parents=True)
        (tmp_path / "tdxtui" / kind / "0-mine.toml").write_text("nonsense = [", encoding="utf-8")
    async with opened() as screen:
        for key in "mc":
            before = screen.editor.model
            await screen.press(key)
            assert choices(screen)[0].startswith("  0-mine") and "0-mine.toml:" in choices(screen)[0]
            await screen.press("home", "enter")
            assert "0-mine.toml: " in screen.status and screen.editor.model == before


async def test_a_module_that_refuses_the_platform_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = library.files("platforms")["sapphire-rapids"].read_text(encoding="utf-8")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = tmp_path / "tdxtui" / "platforms"
    folder.mkdir(parents=True)
    # Without MAX_PA and other things that every module demands.
    (folder / "odd.toml").write_text(without_leaf(source, "80000008"), encoding="utf-8")
    async with opened() as screen:
        names = list(library.files("platforms"))
        await screen.press("c", "home", *["down"] * names.index("odd"), "enter")
        assert screen.status.startswith("The module refuses this CPU: ")
        assert "CPU odd (refused)" in screen.header and "✗ 1 conflict" in screen.header
        await screen.press("down", "]")
        assert screen.status.startswith("The module refuses this CPU: ")
        await screen.press("m")
        assert all("refuses this CPU: " in line for line in choices(screen))
        await screen.press("escape")
        await screen.go("7.0.ebx.16")
        assert "? native ?" in "\n".join(screen.pane("why"))


def without_leaf(source: str, leaf: str) -> str:
    """A platform file without a leaf."""
    lines = source.splitlines(keepends=True)
    kept = [line for line in lines if not line.strip().startswith((f'"{leaf}"', f"{leaf} "))]
    assert len(kept) < len(lines)
    return "".join(kept)


# -- platforms --


async def test_the_platform_chooser_lists_all_and_none() -> None:
    async with opened() as screen:
        await screen.press("c")
        assert [line[2:].split()[0] for line in choices(screen)] == [*library.files("platforms"), "none"]
        assert screen.app.screen.query_one(OptionList).highlighted == 2


async def test_choosing_another_platform_and_none() -> None:
    async with opened() as screen:
        before = screen.row("1.eax")
        await screen.press("c", "up", "enter")
        assert screen.editor.model.platform == "granite-rapids" and "CPU granite-rapids" in screen.header
        await screen.press("c", "end", "enter")
        assert screen.editor.platform is None and "CPU none" in screen.header
        assert "?" in screen.row("1.eax")[0] and "?" in screen.row("1.eax")[1]
        await screen.press("c")
        assert screen.app.screen.query_one(OptionList).highlighted == 3
        await screen.press("up", "enter", "u", "u", "u")
        assert screen.row("1.eax") == before and not screen.editor.dirty


# -- all --


@pytest.mark.parametrize("key", ["m", "c", "S", "question_mark", "f1", "ctrl+p", "T", "e"])
async def test_a_resize_while_a_dialog_is_open(key: str) -> None:
    async with opened() as screen:
        await screen.go("7.0.ebx.16")
        await screen.press(key)
        for size in ((80, 24), (44, 10), (30, 5), (100, 30)):
            await screen.pilot.resize_terminal(*size)
            await screen.pilot.pause()
        assert len(screen.app.screen_stack) == 2
        await screen.press("escape")
        assert len(screen.app.screen_stack) == 1
        assert screen.cursor == "7.0.ebx.16" and screen.glyph("7.0.ebx.16") == "●" and screen.focus == "grid"
        assert screen.app.size == (100, 30) and "CPU sapphire-rapids" in screen.header


@pytest.mark.parametrize("key", ["m", "S", "question_mark", "f1", "e", "i"])
async def test_a_dialog_without_room_gives_way_to_the_one_line_and_takes_no_key(key: str) -> None:
    async with opened() as screen:
        await screen.press(key)
        before = screen.text
        for size in ((30, 5), (43, 9)):
            await screen.pilot.resize_terminal(*size)
            await screen.press("d", "enter", "down", "space")
            assert screen.text.strip() == screen.app.too_small(*size) and len(screen.app.screen_stack) == 2
        await screen.pilot.resize_terminal(120, 40)
        await screen.pilot.pause()
        assert screen.text == before
        await screen.pilot.resize_terminal(30, 5)
        await screen.press("escape")
        assert len(screen.app.screen_stack) == 1 and not screen.editor.dirty


@pytest.mark.parametrize("size", [(44, 10), (80, 12)])
@pytest.mark.parametrize("key", ["m", "o", "T", "V"])
async def test_the_choice_stays_in_sight_however_low_the_window_is(key: str, size: tuple[int, int]) -> None:
    async with opened(size=size) as screen:
        await screen.press(key)
        options = screen.app.screen.query_one(OptionList)
        for number in range(options.option_count):
            options.highlighted = number
            await screen.pilot.pause()
            assert options.region.bottom <= size[1] - 1
            line = str(options.get_option_at_index(number).prompt).split("\n")[0].split()
            assert any(line[0] in row and line[-1] in row for row in screen.lines), (number, screen.text)


async def test_a_questions_answers_are_in_sight_in_the_least_window() -> None:
    async with opened(size=(44, 10)) as screen:
        await screen.flip("1.ecx.3")
        await screen.press("q")
        assert all(answer in screen.text for answer in ("[s] save and quit", "[d] discard them", "[Esc] back"))
        await screen.press("escape")
        text = "\n".join(f"line {number}" for number in range(30))
        screen.app.push_screen(Question("Long", text, (("r", "recover"), ("d", "discard")), "later"))
        await screen.pilot.pause()
        assert all(answer in screen.text for answer in ("[r] recover", "[d] discard", "line 0"))
        await screen.press("end")
        await screen.pilot.pause()
        assert "line 29" in screen.text and "[r] recover" in screen.text


async def test_what_was_typed_outlives_a_window_too_small() -> None:
    async with opened() as screen:
        await screen.press("question_mark", "u", "n")
        await screen.pilot.resize_terminal(30, 5)
        await screen.press("z")
        await screen.pilot.resize_terminal(120, 40)
        await screen.press("d")
        assert screen.app.screen.query_one(Input).value == "und"


@pytest.mark.parametrize("key", ["", "m"])
async def test_a_window_too_small_to_ask_in_is_left_at_once_and_the_edits_are_kept(key: str) -> None:
    async with opened() as screen:
        await screen.flip("7.0.ebx.16")
        if key:
            await screen.press(key)
        await screen.pilot.resize_terminal(30, 5)
        await screen.press("q")
        assert not screen.app.is_running and screen.app.end_autosave() == (1, "")


async def test_the_choosers_fit_into_80_columns() -> None:
    async with opened(size=(80, 24)) as screen:
        for key in "mc":
            await screen.press(key)
            assert isinstance(screen.app.screen, Chooser)
            for line in choices(screen):
                assert any(line.rstrip() in row for row in screen.lines), line
            await screen.press("escape")


async def test_without_colour_too_a_dialog_leaves_in_sight_what_it_is_about() -> None:
    async with opened("minimal", no_color=True) as screen:
        await screen.press("L")
        await screen.pilot.pause()
        assert "Legend" in screen.text and "CPUID.00H" in screen.text and "module" in screen.lines[0]
