"""Changing bits by wishes, marked blocks, values of fields, TD parameters; the mouse."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Input

from tdxtui.cpuid import Field
from tdxtui.td import CONFIG_FLAGS, XFAM
from tdxtui.tui.changing import MARKED
from tests.tui.screen import Screen, check_golden, opened


async def typed(screen: Screen, text: str) -> None:
    """Replace what a dialog's line says, and press Enter."""
    screen.app.screen.query_one(Input).value = text
    await screen.press("enter")
    await screen.pilot.pause()


async def drag(screen: Screen, *places: str) -> None:
    """Press the mouse on the first bit, move it over the others, and let go."""
    region = screen.grid.region
    kinds = [events.MouseDown, *[events.MouseMove] * (len(places) - 1), events.MouseUp]
    for kind, place in zip(kinds, [*places, places[-1]], strict=True):
        bit = Field.parse(place)
        line = screen.grid.leaves.index(bit.leaf) * 6 + 1 + bit.register - screen.grid._top
        x, y = region.x + screen.grid.shape.x_of(bit.lsb), region.y + line
        screen.app.post_message(kind(None, x, y, 0, 0, 1, False, False, False, x, y))
        await screen.pilot.pause()


# -- wishes --


async def test_w_wishes_a_bit_otherwise_and_the_next_w_gives_it_up() -> None:
    async with opened() as screen:
        await screen.go("1.edx.0")
        await screen.press("w")
        assert screen.glyph("1.edx.0") == "✗" and "it conflicts" in screen.status
        assert "✗ 1 conflict" in screen.header and "✗1" in screen.text
        await screen.press("w")
        assert screen.glyph("1.edx.0") == "1" and "given up" in screen.status and "no conflict" in screen.header
        await screen.press("u", "u")
        assert not screen.editor.dirty


async def test_keys_that_change_bits_leave_the_grid_alone_from_another_pane() -> None:
    async with opened() as screen:
        await screen.go("1.ecx.3")
        for key in "w10":
            await screen.press("x", key)
            assert screen.status == "That key changes bits of the grid; Esc goes there" and not screen.editor.dirty


# -- marked blocks --


async def test_a_marked_block_is_set_and_cleared_in_one_step() -> None:
    async with opened("minimal") as screen:
        await screen.go("4.0.ecx.31")
        before = screen.editor.model
        await screen.press("v", "down", "up", "right", "right", "right")
        assert screen.status == f"4 bits marked: {MARKED}"
        await screen.press("1")
        assert screen.row("4.0.ecx")[0][:5] == "●●●●○" and screen.grid.selection is None
        await screen.press("u")
        assert screen.editor.model == before
        await screen.press("U", "v", "left", "0")
        assert screen.row("4.0.ecx")[0][:5] == "●●○○○" and screen.status.startswith("2 bits = 0: 2 bits changed")


async def test_a_block_goes_over_registers() -> None:
    async with opened("minimal") as screen:
        await screen.go("4.0.ebx.31")
        await screen.press("v", "right", "down", "1")
        assert screen.row("4.0.ebx")[0][:3] == screen.row("4.0.ecx")[0][:3] == "●●○"


async def test_a_block_ends_where_the_register_does() -> None:
    async with opened() as screen:
        await screen.go("1.ecx.1")
        await screen.press("v", "right", "right", "right")
        assert screen.cursor == "1.ecx.0" and screen.status.startswith("2 bits marked")
        await screen.press("escape", "right")
        assert screen.cursor != "1.ecx.0"


async def test_escape_marks_nothing_and_space_says_what_may_be_done() -> None:
    async with opened() as screen:
        await screen.press("v", "right", "space")
        assert screen.status == f"2 bits marked: {MARKED}" and not screen.editor.dirty
        await screen.press("escape")
        assert screen.grid.selection is None and screen.focus == "grid"
        await screen.press("v", "v")
        assert screen.grid.selection is None


async def test_wishes_of_a_block_are_one_step() -> None:
    async with opened() as screen:
        await screen.go("0.eax.31")
        await screen.press("v", "right", "right", "w")
        assert screen.row("0.eax")[0][:4] == "✗✗✗0" and screen.editor.situation.conflict_count == 3
        await screen.press("u")
        assert not screen.editor.dirty


async def test_a_block_that_is_too_large_is_refused() -> None:
    async with opened() as screen:
        await screen.press("v")
        await screen.go("80000008.edx.0")
        await screen.press("1")
        assert "1024 at most" in screen.status and not screen.editor.dirty


async def test_what_can_not_be_set_is_counted_with_a_reason() -> None:
    async with opened("minimal") as screen:
        await screen.go("7.0.ebx.31")
        await screen.press("v", *["right"] * 31, "1")
        assert "left: " in screen.status and "bits changed" in screen.status


async def test_dragging_marks_bits() -> None:
    async with opened("minimal") as screen:
        await drag(screen, "0.ebx.31", "0.ecx.28", "0.ecx.26")
        assert screen.grid.selection is not None and screen.grid.selection.size == 12
        assert screen.cursor == "0.ecx.26" and "12 bits marked" in screen.status
        await drag(screen, "0.eax.3")
        assert screen.grid.selection is None and screen.cursor == "0.eax.3"


async def test_a_drag_beyond_the_bits_marks_the_nearest() -> None:
    async with opened("minimal") as screen:
        await drag(screen, "0.ebx.31", "0.ebx.28")
        region = screen.grid.region
        place = region.right - 3, region.y + 1
        for kind in (events.MouseDown, events.MouseMove, events.MouseUp):
            at = (region.x + screen.grid.shape.x_of(3), region.y + 2) if kind is events.MouseDown else place
            screen.app.post_message(kind(None, *at, 0, 0, 1, False, False, False, *at))
        await screen.pilot.pause()
        assert screen.cursor == "0.eax.0"


# -- fields --


async def test_enter_edits_a_field_as_words() -> None:
    async with opened() as screen:
        await screen.go("4.0.eax.4")
        await screen.press("enter")
        assert "cache_type" in screen.text and screen.app.screen.query_one(Input).value == "data"
        await typed(screen, "unified")
        assert screen.editor.situation.td.get(Field.parse("4.0.eax[4:0]")) == 3 and len(screen.app.screen_stack) == 1
        await screen.press("u")
        assert not screen.editor.dirty


@pytest.mark.parametrize("text", ["rubbish", "", "0x20", "-1"])
async def test_a_value_that_means_nothing_is_told_in_the_dialog(text: str) -> None:
    async with opened() as screen:
        await screen.go("4.0.eax.4")
        await screen.press("enter")
        await typed(screen, text)
        assert "✗ 'cache_type' is " in screen.text and len(screen.app.screen_stack) == 2
        await screen.press("escape")
        assert not screen.editor.dirty and len(screen.app.screen_stack) == 1


async def test_a_value_that_the_td_would_not_get_is_offered_as_a_wish() -> None:
    async with opened() as screen:
        await screen.press("enter")
        await typed(screen, "0x24")
        assert "the TD would get 0x23" in screen.status and not screen.editor.dirty
        await screen.cure()
        assert screen.editor.situation.conflict_count == 3 and screen.editor.dirty


async def test_enter_on_a_flag_says_which_key_changes_it() -> None:
    async with opened() as screen:
        await screen.go("7.0.ebx.16")
        await screen.press("enter")
        assert screen.status.startswith("Space changes this bit") and len(screen.app.screen_stack) == 1


# -- TD parameters --


async def test_the_td_parameters_are_a_key_away_and_can_be_changed() -> None:
    async with opened() as screen:
        await screen.press("t")
        assert screen.focus == "td" and "TSC 2600 MHz" in screen.text
        await screen.press("enter")
        assert "MHz in steps of 25" in screen.text
        await typed(screen, "2510")
        assert "✗ TSC is 100 to 10000 MHz in steps of 25, not '2510'" in screen.text
        await typed(screen, "2500")
        assert screen.editor.model.tsc_mhz == 2500 and "TSC 2500 MHz" in screen.text
        await screen.press("down", "enter")
        await typed(screen, "64")
        await screen.press("down", "down", "space")
        await typed(screen, "0x80000")
        assert screen.editor.model.max_vcpus == 64 and screen.editor.model.arch_capabilities == 0x80000
        await screen.press("u", "u", "u")
        assert not screen.editor.dirty


async def test_every_flag_of_config_flags_can_be_flipped_or_says_why_not() -> None:
    async with opened(module="2.0.18", platform="granite-rapids", size=(80, 24)) as screen:
        await screen.press("t")
        for name in [name for name in screen.app._td.names if name in CONFIG_FLAGS]:
            screen.app._td.select(name)
            before = screen.editor.model.config_flags
            await screen.press("space")
            assert screen.editor.model.config_flags != before or "CONFIG_FLAGS" in screen.status, name


@pytest.mark.parametrize("size", [(200, 60), (120, 40), (80, 24), (60, 20)])
async def test_every_pane_of_settings_is_reached_at_every_size(size: tuple[int, int]) -> None:
    async with opened(size=size) as screen:
        for key, name in (("x", "xfam"), ("a", "attributes"), ("t", "td"), ("r", "guest")):
            await screen.press(key)
            assert screen.focus == name, key
            region = screen.app.query_one(f"#{name}").region
            assert region.height >= 4 and region.bottom < size[1] and len(screen.rows()) >= 4
            await screen.press("escape")
            assert screen.focus == "grid"


# -- three tasks that are counted in keys --


async def test_avx512_is_made_available_in_six_keys() -> None:
    async with opened("minimal") as screen:
        keys = ("x", "x", "x", "space", "enter", "enter")
        await screen.press(*keys)
        await screen.pilot.pause()
        assert len(keys) <= 6 and screen.editor.model.xfam & XFAM["AVX512"] == XFAM["AVX512"]
        for name in ("7.0.ebx.16", "7.0.ebx.17", "7.0.ebx.30", "7.0.ebx.31"):
            assert screen.editor.situation.td.get(Field.parse(name)) == 1
        assert screen.editor.situation.conflict_count == 0


async def test_why_amx_is_off_is_seen_once_it_is_found() -> None:
    async with opened("minimal") as screen:
        await screen.press("slash")
        await screen.type("amx_tile")
        await screen.press("enter")
        assert "✗ XFAM.AMX 0" in "\n".join(screen.pane("why"))


# -- golden texts --


async def test_golden_field_editor() -> None:
    async with opened(size=(80, 24)) as screen:
        await screen.go("4.0.eax.4")
        await screen.press("enter")
        await typed(screen, "rubbish")
        await screen.settled()
        check_golden("80x24-field", screen.text)


async def test_golden_marked_block_without_colour() -> None:
    async with opened(size=(80, 24), no_color=True) as screen:
        await screen.go("7.0.ebx.16")
        await screen.press("v", "right", "down", "w")
        await screen.settled()
        check_golden("80x24-wished-no-color", screen.text)
