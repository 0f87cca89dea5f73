"""What the grid shows: filters, the guest's view, fields, the legend, the maps, two leaves side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from tdxtui import library
from tdxtui.cpuid import WORD, Field, Leaf, Register
from tdxtui.tally import tally
from tdxtui.tui.dialogs import Chooser
from tdxtui.tui.leaf_list import LeafList
from tests.tui.screen import Screen, check_golden, opened, written


@pytest.fixture
def conflicts(tmp_path: Path) -> str:
    """A model with two conflicts."""
    return written(tmp_path / "conflicts.toml")


async def choose(screen: Screen, *lines: str) -> None:
    """Choose lines in the filter's menus by what they begin with."""
    await screen.press("o")
    for line in lines:
        chooser = screen.app.screen
        assert isinstance(chooser, Chooser)
        choices = [text.lstrip("■□ ") for _, text in chooser._choices]
        number = next(number for number, text in enumerate(choices) if text.startswith(line))
        await screen.press("home", *["down"] * number, "enter")
        await screen.pilot.pause()


# -- filters --


async def test_only_conflicts_are_shown_and_escape_shows_everything(conflicts: str) -> None:
    async with opened(conflicts) as screen:
        before = screen.lines[2:20]
        await choose(screen, "only conflicts")
        assert screen.grid.leaves == [Leaf(1), Leaf(7, 0)] and "▽ only conflicts" in screen.header
        assert "Leaves 2 of" in screen.text and screen.status.startswith("only conflicts: 2 bits in 2 leaves")
        glyphs = "".join(glyphs for glyphs, _ in screen.rows().values())
        assert glyphs.count("✗") == 2 and set(glyphs) == {"✗", "·"} and screen.cursor == "1.ecx.1"
        await screen.press("escape")
        assert "▽" not in screen.header and len(screen.grid.leaves) == len(screen.editor.module.entries)
        await screen.press("home")
        assert [line[34:] for line in screen.lines[2:20]] == [line[34:] for line in before]


async def test_a_filter_that_would_show_nothing_says_so() -> None:
    async with opened() as screen:
        await choose(screen, "only conflicts")
        assert screen.status == "only conflicts: there is none, so all stays shown" and "▽" not in screen.header


async def test_filters_add_up_and_the_menu_shows_which_are_on() -> None:
    async with opened() as screen:
        await choose(screen, "only flexible")
        await choose(screen, "only bits that have a name")
        assert "▽ only flexible + named" in screen.header
        await screen.press("o")
        on = [line.split("■")[1].strip(" │") for line in screen.lines if "■ only" in line]
        assert on == ["only flexible bits", "only bits that have a name"]
        await screen.press("escape")
        await choose(screen, "only flexible")
        assert "▽ only named" in screen.header
        await choose(screen, "everything")
        assert "▽" not in screen.header


async def test_what_differs_from_a_preset_is_shown() -> None:
    async with opened() as screen:
        await choose(screen, "only what differs from a preset", "minimal")
        assert "differs from pres" in screen.header
        for key, (glyphs, _) in screen.rows().items():
            for index, glyph in enumerate(glyphs):
                bit = Field.bit(*key, 31 - index)
                passes = screen.grid.shown.passes(bit.leaf) & bit.mask
                assert (glyph == "·") is not bool(passes)
        assert screen.rows()


async def test_what_differs_from_another_module_and_from_the_default_is_shown() -> None:
    async with opened() as screen:
        await choose(screen, "only what differs from another module", "1.5.01")
        assert "differs from modu" in screen.header
        await choose(screen, "only what differs from another module")
        assert "▽" not in screen.header
        await choose(screen, "only what differs from the module's default")
        assert "▽ only differs" in screen.header


async def test_empty_leaves_can_be_left_out() -> None:
    async with opened() as screen:
        await choose(screen, "no leaves that are all 0")
        assert Leaf(3) not in screen.grid.leaves and Leaf(1) in screen.grid.leaves
        assert "·" not in "".join(glyphs for glyphs, _ in screen.rows().values())


async def test_a_bit_that_is_gone_to_is_shown_whatever_the_filter(conflicts: str) -> None:
    async with opened(conflicts) as screen:
        await choose(screen, "only conflicts")
        await screen.press("slash")
        await screen.type("monitor")
        await screen.press("enter")
        assert screen.cursor == "1.ecx.3"
        await screen.press("colon")
        await screen.type("4.2.eax.0")
        await screen.press("enter")
        assert screen.cursor == "4.2.eax.0" and Leaf(4, 2) in screen.grid.leaves
        assert "▸04H.2" in screen.text


async def test_a_filter_outlives_edits_and_another_module(conflicts: str) -> None:
    async with opened(conflicts) as screen:
        await choose(screen, "only conflicts")
        await screen.press("]", "w")
        assert screen.editor.situation.conflict_count == 1 and len(screen.grid.leaves) == 2
        screen.app._set_module("1.5.01")
        await screen.pilot.pause()
        assert "▽ only conflicts" in screen.header and len(screen.grid.leaves) == 1
        await screen.press("]", "w")
        screen.app._set_module("1.5.05")
        await screen.pilot.pause()
        assert len(screen.grid.leaves) == len(screen.editor.module.entries), "nothing is left that conflicts"


# -- the guest's view --


async def test_the_guests_view_shows_what_its_cpuid_returns() -> None:
    async with opened("full-granite-rapids", module="2.0.18") as screen:
        assert screen.glyph("1.ecx.27") == "~"
        await screen.press("r")
        assert "as the guest reads it" in screen.header and screen.focus == "guest"
        assert screen.glyph("1.ecx.27") == "1" and screen.row("2.eax") == ("v" * 32, "#VE")
        await screen.press("space")
        assert screen.glyph("1.ecx.27") == "0" and screen.status == "CR4.OSXSAVE: 1 bit read otherwise"
        value = int(screen.row("1.ecx")[1], 16)
        assert not value >> 27 & 1 and value | 1 << 27 == screen.editor.situation.td.at(Leaf(1)) >> 32 & WORD | 1 << 27
        await screen.press("escape", "r")
        assert screen.glyph("1.ecx.27") == "~" and "guest" not in screen.header
        await screen.press("r")
        assert screen.glyph("1.ecx.27") == "0", "the guest's state is kept"


async def test_every_switch_of_the_guest_can_be_reached_and_flipped() -> None:
    async with opened("full-granite-rapids", module="2.0.18", size=(120, 70)) as screen:
        await screen.press("r")
        names = screen.app._guest.names
        assert "REDUCE_VE" in names and "MTRR" in names and "CPL 3" in names
        for number, name in enumerate(names):
            assert screen.app._guest.chosen == name
            before = screen.grid.shown.guest
            if number % 3 == 0:
                await screen.press("space")
                assert screen.grid.shown.guest != before and name in screen.status
                screen.app.flip_guest(name)
            assert screen.grid.shown.guest == before
            await screen.press("down")


async def test_the_guests_view_follows_edits() -> None:
    async with opened(module="1.5.06") as screen:
        await screen.press("r", "escape")
        await screen.go("1.ecx.28")
        assert screen.glyph("1.ecx.28") == "1"
        await screen.press("space")
        assert screen.glyph("1.ecx.28") == "0"
        await screen.press("u")
        assert screen.glyph("1.ecx.28") == "1"


# -- fields --


def fields(screen: Screen) -> str:
    """The line of fields below the cursor's leaf."""
    place = screen.grid.leaves.index(screen.grid.cursor.leaf) // screen.grid.shape.columns * 6 + 5
    return screen.grid.render_line(place - screen.grid._top).text


async def test_brackets_lie_below_the_bits_of_each_field() -> None:
    async with opened() as screen:
        await screen.go("4.0.eax.31")
        line, shape = fields(screen), screen.grid.shape
        for msb, lsb in ((31, 26), (25, 14), (7, 5), (4, 0)):
            piece = line[shape.x_of(msb) : shape.x_of(lsb) + 1]
            assert piece[0] == "└" and piece[-1] == "┘", (msb, lsb)
        assert "EAX" in line[: shape.start] and "num_cores_on_die = " in line
        await screen.go("4.0.eax.4")
        assert "cache_type = data" in fields(screen)
        await screen.press("down")
        assert ("EBX" in fields(screen)[:8] and "cache_linesize" in fields(screen)) or "line_size" in fields(screen)


async def test_a_flag_is_named_below_its_bit() -> None:
    async with opened() as screen:
        for bit, name, before in ((16, "╰ avx512f", True), (0, "fsgsbase ╯", False)):
            await screen.go(f"7.0.ebx.{bit}")
            line, x = fields(screen), screen.grid.shape.x_of(bit)
            assert line[x : x + len(name)] == name if before else line[x + 1 - len(name) : x + 1] == name or "╰" in line
        assert "7.0" not in fields(screen)


async def test_fields_that_are_not_known_are_question_marks() -> None:
    async with opened(platform="none") as screen:
        await screen.go("80000008.eax.7")
        assert "phys_addr_bits = ?" in fields(screen) or "= ?" in fields(screen)


# -- side by side --


async def test_wide_windows_show_two_leaves_side_by_side() -> None:
    async with opened(size=(200, 60)) as screen:
        assert screen.grid.shape.columns == 2 and screen.lines[1].count("31    24") == 2
        titles = [line for line in screen.lines if "CPUID.00H" in line]
        assert "CPUID.01H" in titles[0]
        rows = screen.rows()
        for (leaf, register), (_, value) in rows.items():
            assert int(value, 16) == screen.editor.situation.td.at(leaf) >> register.shift & WORD
        assert {(Leaf(0), Register.EAX), (Leaf(1), Register.EDX), (Leaf(4, 1), Register.EBX)} <= set(rows)


async def test_the_cursor_goes_as_the_eye_does_between_leaves_side_by_side() -> None:
    async with opened(size=(200, 60)) as screen:
        for start, key, target in (
            ("0.ebx.0", "right", "1.ebx.31"), ("1.ebx.31", "left", "0.ebx.0"), ("1.ebx.0", "right", "0.ecx.31"),
            ("0.ecx.31", "left", "1.ebx.0"), ("1.edx.0", "right", "2.eax.31"), ("2.eax.31", "left", "1.edx.0"),
            ("0.edx.5", "down", "2.eax.5"), ("3.eax.5", "up", "1.edx.5"), ("0.eax.5", "}", "1.eax.5"),
            ("2.eax.5", "{", "1.eax.5"), ("0.eax.31", "left", "0.eax.31"),
        ):
            await screen.go(start)
            await screen.type(key) if len(key) == 1 else await screen.press(key)
            assert screen.cursor == target, (start, key)


async def test_below_an_odd_last_leaf_the_cursor_goes_to_it() -> None:
    async with opened("full-granite-rapids", size=(200, 60)) as screen:
        leaves = screen.grid.leaves
        if len(leaves) % 2:
            await screen.go(f"{leaves[-2].key}.edx.3")
            await screen.press("down")
            assert screen.cursor == f"{leaves[-2].key}.edx.3" or screen.cursor == f"{leaves[-1].key}.eax.3"
        await screen.press("end")
        assert screen.grid.cursor.leaf == leaves[-1]


# -- the rest --


async def test_the_legend_is_one_key_away() -> None:
    async with opened() as screen:
        await screen.press("L")
        for word in ("fixed to 0", "flexible, now 1", "the guest gets #VE", "flexible\n", "left out by the filter"):
            assert word.strip() in screen.text
        await screen.press("escape")
        assert len(screen.app.screen_stack) == 1


async def test_bits_are_counted_in_the_leaf_list(conflicts: str) -> None:
    async with opened(conflicts) as screen:
        region = screen.app.query_one(LeafList).region
        note = screen.lines[region.bottom - 1][: region.width]
        assert note.startswith("╰─") and "✗2 · ●" in note
        flexible = int(note.split("●")[1].split()[0])
        await screen.go("7.0.ebx.16")
        await screen.press("w")
        note = screen.lines[region.bottom - 1][: region.width]
        assert "✗1 · ●" in note and int(note.split("●")[1].split()[0]) == flexible + 1


async def test_bits_are_counted_anew_on_another_module_and_cpu() -> None:
    async with opened() as screen:
        for switch, name in (("_set_module", "1.5.01"), ("_set_platform", ""), ("_set_platform", "granite-rapids")):
            getattr(screen.app, switch)(name)
            await screen.pilot.pause()
            wanted = tally(screen.editor.situation, screen.grid.leaves)
            assert f"●{wanted.flexible} · " in screen.app._list.note, name


async def test_the_maps_mark_where_conflicts_are(conflicts: str) -> None:
    async with opened(conflicts, size=(120, 30)) as screen:
        right = [line[-1] for line in screen.lines[2 : screen.grid.region.bottom]]
        assert right.count("◆") == 2
        region = screen.app.query_one(LeafList).region
        assert [line[region.right - 1] for line in screen.lines[region.y : region.bottom]].count("◆") == 2
        await screen.press("]", "w", "]", "w")
        assert not any("◆" in line for line in screen.lines)


async def test_the_mouse_key_says_if_a_terminal_can_not_switch_it() -> None:
    async with opened() as screen:
        await screen.press("M")
        assert "mouse" in screen.status


async def test_every_module_opens_in_every_view() -> None:
    async with opened() as screen:
        await screen.press("r")
        for module in library.files("modules"):
            screen.app._set_module(module)
            await screen.pilot.pause()
            assert screen.grid.shown.guest is not None and screen.rows()


# -- golden texts --


@pytest.mark.parametrize("size", [(200, 60), (120, 40), (80, 24), (60, 20)])
@pytest.mark.parametrize("view", ["plain", "guest", "td"])
async def test_golden_views(size: tuple[int, int], view: str, conflicts: str) -> None:
    keys = {"plain": ("]",), "guest": ("r", "escape"), "td": ("t",)}[view]
    async with opened(conflicts, size=size) as screen:
        await screen.press(*keys)
        await screen.settled()
        check_golden(f"{size[0]}x{size[1]}-{view}", screen.text)


async def test_golden_filter() -> None:
    async with opened() as screen:
        await choose(screen, "only flexible")
        await screen.settled()
        check_golden("120x40-flexible", screen.text)


async def test_golden_legend() -> None:
    async with opened(size=(80, 40)) as screen:
        await screen.press("L")
        await screen.settled()
        check_golden("legend", screen.text)
