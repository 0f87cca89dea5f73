"""Help: every key is listed and found, each pane explained, everything done by its name; and it stays cheap."""

from __future__ import annotations

import time

import pytest
from textual.binding import Binding
from textual.widgets import Input, OptionList

from tdxtui.tui import keymap
from tdxtui.tui.dialogs import Help
from tdxtui.tui.fast import Bare
from tdxtui.tui.helping import MOST_HITS
from tdxtui.tui.pick import Pick
from tests.tui.screen import Screen, check_golden, opened

SIZES = [(120, 40), (80, 24), (60, 20)]


def lines(screen: Screen) -> list[str]:
    """The list of the dialog on top."""
    options = screen.app.screen.query_one(OptionList)
    return [str(options.get_option_at_index(number).prompt) for number in range(options.option_count)]


async def search(screen: Screen, key: str, text: str) -> list[str]:
    """Open a dialog and type what to look for."""
    await screen.press(key)
    screen.app.screen.query_one(Input).value = text
    await screen.pilot.pause()
    return lines(screen)


# -- keys --


async def test_every_binding_is_listed_with_its_keys() -> None:
    async with opened() as screen:
        await screen.press("question_mark")
        found = lines(screen)
        nodes = [screen.app, *screen.app.screen_stack[0].query(Bare)]
        ours = {part for node in nodes for part in type(node).__mro__ if part.__module__.startswith("tdxtui.")}
        bindings = {item for part in ours for item in part.__dict__.get("BINDINGS", ())}
        assert len(bindings) > 40
        for binding in bindings:
            assert isinstance(binding, Binding)
            keys = " ".join(keymap.shown(key) for key in binding.key.split(","))
            assert any(line.startswith(keys) and binding.description in line for line in found), binding


async def test_the_keys_of_the_pane_in_focus_come_first() -> None:
    async with opened() as screen:
        for pane, first in (("grid", "in grid"), ("xfam", "in switches")):
            screen.app.show_pane(pane)
            await screen.press("question_mark")
            assert lines(screen)[0].endswith(first)
            await screen.press("escape")


async def test_a_click_on_a_line_that_a_key_takes_away_does_nothing() -> None:
    async with opened() as screen:
        await screen.press("question_mark")
        pick, options = screen.app.screen, screen.app.screen.query_one(OptionList)
        assert isinstance(pick, Pick)
        click = OptionList.OptionSelected(options, options.get_option_at_index(40), 40)
        screen.app.screen.query_one(Input).value = "undo"
        await screen.pilot.pause()
        pick.post_message(click)
        await screen.pilot.pause()
        assert screen.app.screen is pick and [line.endswith("Undo") for line in lines(screen)] == [True]


async def test_keys_are_found_by_any_of_their_words_and_enter_does_it() -> None:
    async with opened() as screen:
        await screen.flip("1.ecx.3")
        (line,) = await search(screen, "question_mark", "ctrl+z undo")
        assert line.startswith("u ctrl+z") and line.endswith("Undo")
        await screen.press("enter")
        await screen.pilot.pause()
        assert screen.status.startswith("undone: ") and not screen.editor.dirty


async def test_the_title_tells_how_many_keys_there_are_and_how_many_fit() -> None:
    async with opened() as screen:
        every = len(await search(screen, "question_mark", ""))
        assert f"─ Keys: {every} ─" in screen.text
        await screen.type("undo")
        assert f"─ Keys: 1 of {every} ─" in screen.text


async def test_a_word_is_found_in_two() -> None:
    async with opened() as screen:
        assert any(line.startswith(": ") for line in await search(screen, "question_mark", "goto"))


async def test_the_key_of_a_pane_works_in_that_pane() -> None:
    async with opened() as screen:
        await screen.press("x")
        found = await search(screen, "question_mark", "last leaf")
        assert len(found) == 1 and found[0].endswith("in grid")
        await screen.press("enter")
        await screen.pilot.pause()
        assert screen.focus == "grid" and screen.cursor.startswith(screen.grid.leaves[-1].key)


async def test_what_nothing_fits_says_so_and_enter_waits() -> None:
    async with opened() as screen:
        assert await search(screen, "question_mark", "zzz") == ["nothing fits"]
        await screen.press("enter")
        assert isinstance(screen.app.screen, Pick)
        await screen.press("escape")
        assert len(screen.app.screen_stack) == 1


# -- F1 --


async def test_f1_explains_the_pane_in_focus_and_lists_its_keys() -> None:
    async with opened(size=(120, 60)) as screen:
        for pane in ("grid", "leaves", "xfam", "attributes", "why"):
            screen.app.show_pane(pane)
            await screen.press("f1")
            await screen.pilot.pause()
            assert isinstance(screen.app.screen, Help)
            kinds = [kind for kind in keymap.kinds().values() if isinstance(screen.app.query_one(f"#{pane}"), kind)]
            for binding in (item for kind in kinds for item in kind.BINDINGS):
                assert isinstance(binding, Binding) and binding.description in screen.text
            assert ("left out by the filter" in screen.text) is (pane == "grid")
            assert "? lists all keys" in screen.text
            await screen.press("escape")
            assert len(screen.app.screen_stack) == 1 and screen.focus == pane


async def test_the_explanation_closes_and_leaves_all_as_it_was() -> None:
    async with opened() as screen:
        await screen.settled()
        before = screen.text
        for key in ("escape", "q", "question_mark", "enter"):
            await screen.press("f1", key)
            assert screen.text == before and screen.app.is_running


async def test_every_pane_with_keys_is_explained() -> None:
    async with opened() as screen:
        kinds = tuple(keymap.kinds().values())
        for pane in screen.app.query(Bare):
            if type(pane).__dict__.get("BINDINGS"):
                assert isinstance(pane, kinds), f"{pane} is missing in keymap.kinds"
                from tdxtui.tui.pane_help import ABOUT

                assert pane.id in ABOUT, f"{pane} is missing in pane_help.ABOUT"


# -- the palette --


async def test_everything_is_done_by_its_name() -> None:
    async with opened() as screen:
        for words, line, sign in (
            ("module 2.0.18", "module 2.0.18", "module 2.0.18 (read)"), ("xfam amx", "XFAM AMX", "bits changed"),
            ("cpu none", "CPU none", "CPU none"), ("theme amber", "theme amber", "Theme amber"),
            ("save as", "Save as", "Enter saves"),
        ):
            found = await search(screen, "ctrl+p", words)
            assert line in found[0]
            await screen.press("enter")
            await screen.settled()
            assert sign in screen.text, words


async def test_a_bit_is_gone_to_by_its_name_and_ctrl_o_goes_back() -> None:
    async with opened() as screen:
        found = await search(screen, "ctrl+p", "7.0.ebx.16")
        assert found[0].startswith("7.0.ebx.16") and "avx512f" in found[0]
        await screen.press("enter")
        await screen.pilot.pause()
        assert screen.cursor == "7.0.ebx.16" and screen.focus == "grid"
        await screen.press("ctrl+o")
        assert screen.cursor == "0.eax.31"


async def test_the_palette_is_capped_and_a_key_in_it_is_cheap() -> None:
    async with opened() as screen:
        await screen.settled()
        await screen.press("ctrl+p")
        dialog = screen.app.screen
        assert isinstance(dialog, Pick) and len(lines(screen)) <= MOST_HITS
        dialog._find("a")
        begin = time.process_time()
        for text in ("a", "av", "avx", "avx5", "e", "m"):
            assert len(dialog._find(text)) <= MOST_HITS
        assert (time.process_time() - begin) / 6 < 0.05
        await screen.press("escape")


# -- golden texts --


@pytest.mark.parametrize("size", SIZES)
async def test_golden_help(size: tuple[int, int]) -> None:
    async with opened(size=size, no_color=size[0] == 60) as screen:
        await screen.settled()
        for name, key in (("keys", "question_mark"), ("explained", "f1"), ("commands", "ctrl+p")):
            await screen.press(key)
            await screen.settled()
            check_golden(f"{size[0]}x{size[1]}-{name}", screen.text)
            await screen.press("escape")
