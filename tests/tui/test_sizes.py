"""Windows of every size, themes, NO_COLOR, and golden texts of whole screens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.style import Style
from textual.widgets import OptionList

from tdxtui import library
from tdxtui.bit_state import BitState
from tdxtui.cpuid import Register
from tdxtui.tui import palette
from tdxtui.tui.settings import attribute_switches, xfam_switches
from tdxtui.tui.switches import SwitchPane
from tests.tui.screen import Screen, check_golden, opened, written

PARTS = {"leaves": "╭─ Leaves", "xfam": "╭─ XFAM", "attributes": "╭─ ATTRIBUTES", "why": "╭─ Why"}
STATES = {  # a bit of each state, on 1.5.06 with Sapphire Rapids
    BitState.FIXED_0: "1.eax.31", BitState.FIXED_1: "1.edx.0", BitState.FLEXIBLE_0: "1.ecx.3",
    BitState.FLEXIBLE_1: "1.ecx.28", BitState.CONFLICT: "1.ecx.1", BitState.RUN_TIME: "1.ecx.27",
    BitState.VE: "2.eax.0",
}
MODEL = """
module = "1.5.06"
platform = "sapphire-rapids"
[td]
xfam = ["X87", "SSE", "AVX"]
[features]
avx = true
[registers]
"1.ecx.1" = "0x0"
"""


@pytest.fixture
def all_states(tmp_path: Path) -> str:
    """A model with bits of every state that a known CPU lets be."""
    return written(tmp_path / "states.toml", MODEL)


# -- golden texts --


async def test_golden_120x40() -> None:
    async with opened() as screen:
        await screen.go("7.0.ebx.16")
        await screen.settled()
        check_golden("120x40", screen.text)


async def test_golden_80x24() -> None:
    async with opened(size=(80, 24)) as screen:
        await screen.go("7.0.ebx.16")
        await screen.settled()
        check_golden("80x24", screen.text)


async def test_golden_no_color() -> None:
    async with opened(size=(80, 24), no_color=True) as screen:
        await screen.go("7.0.ebx.16")
        await screen.settled()
        check_golden("80x24-no-color", screen.text)


async def test_golden_light_theme() -> None:
    async with opened("full-granite-rapids", theme="light", module="1.5.01") as screen:
        await screen.press("]")
        await screen.settled()
        check_golden("120x40-light-conflict", screen.text)


async def test_golden_search() -> None:
    async with opened() as screen:
        await screen.press("slash")
        await screen.type("avx5")
        await screen.press("down")
        await screen.settled()
        check_golden("120x40-search", screen.text)


async def test_golden_reasons() -> None:
    async with opened("minimal", size=(80, 24)) as screen:
        await screen.go("7.0.ebx.16")
        await screen.press("W", "down")
        await screen.settled()
        check_golden("80x24-reasons", screen.text)


@pytest.mark.parametrize("size", [(100, 40), (60, 20)])
async def test_golden_preview(size: tuple[int, int]) -> None:
    async with opened("minimal", size=size, no_color=size[0] == 60) as screen:
        await screen.flip("7.0.ebx.16")
        await screen.settled()
        await screen.press("enter")
        await screen.pilot.pause()
        check_golden(f"{size[0]}x{size[1]}-preview", screen.text)


async def test_golden_module_chooser() -> None:
    async with opened() as screen:
        await screen.press("m")
        await screen.settled()
        check_golden("module-chooser", screen.text)


async def test_golden_44x10() -> None:
    async with opened(size=(44, 10)) as screen:
        await screen.go("7.0.ebx.16")
        await screen.settled()
        check_golden("44x10", screen.text)


# -- sizes --


@pytest.mark.parametrize(("size", "parts"), [
    ((200, 60), "leaves xfam attributes why"),
    ((120, 40), "leaves xfam attributes why"),
    ((80, 40), "leaves xfam attributes why"),
    ((80, 24), "leaves xfam why"),
    ((80, 19), "leaves why"),
    ((80, 15), "leaves"),
    ((60, 20), "why"),
    ((60, 12), ""),
    ((44, 10), ""),
])
async def test_what_is_shown_in_which_size(size: tuple[int, int], parts: str) -> None:
    async with opened(size=size) as screen:
        text = screen.text
        assert [name for name, title in PARTS.items() if title in text] == parts.split()
        assert "tdxtui  kv" in screen.header and "sapphire-rapids" in screen.header
        assert len(screen.rows()) >= 4 and " 31    24" in text
        await screen.press("down")
        assert "Space toggle" in screen.status
        assert all(len(line) == size[0] for line in screen.lines) and len(screen.lines) == size[1]


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 20), (52, 20)])
async def test_hex_values_are_whole_or_left_out(size: tuple[int, int]) -> None:
    async with opened(size=size) as screen:
        assert all(re.fullmatch("0x[0-9A-F]{8}", value) for _, value in screen.rows().values())
        await screen.pilot.resize_terminal(51, 20)
        await screen.pilot.pause()
        assert not any(value for _, value in screen.rows().values()) and len(screen.row("1.eax")[0]) == 32


@pytest.mark.parametrize("size", [(43, 40), (120, 9), (30, 5), (20, 5), (5, 2), (1, 1)])
async def test_a_window_too_small_says_so_in_one_line(size: tuple[int, int]) -> None:
    async with opened(size=size) as screen:
        here = f"{size[0]}x{size[1]}"
        words = f"tdxtui needs 44x10; this is {here}", f"needs 44x10, is {here}", "needs 44x10", "44x10"
        told = next((text for text in words if len(text) <= size[0]), "4")
        assert screen.lines[0].rstrip() == told
        assert not "".join(screen.lines[1:]).strip()
        await screen.press("down", "space", "x", "]")
        await screen.pilot.resize_terminal(120, 40)
        await screen.pilot.pause()
        assert "CPU sapphire-rapids" in screen.header and screen.focus == "grid"


SIZES = [(120, 40), (80, 24), (60, 20), (44, 10), (30, 5), (44, 10), (80, 24), (120, 40), (200, 60)]


@pytest.mark.parametrize("bit", ["7.0.ebx.16", "80000008.edx.0", "0.eax.31"])
async def test_a_resize_keeps_the_bit_under_the_cursor_in_view(bit: str) -> None:
    async with opened() as screen:
        await screen.go(bit)
        place = screen.grid.cursor.leaf, screen.grid.cursor.register
        for size in SIZES:
            await screen.pilot.resize_terminal(*size)
            await screen.pilot.pause()
            assert screen.cursor == bit
            assert size[0] < 44 or place in screen.rows(), size
        assert screen.focus == "grid"


@pytest.mark.parametrize("key", ["tab", "W"])
async def test_a_pane_that_a_resize_hides_gives_the_focus_to_the_grid(key: str) -> None:
    async with opened() as screen:
        await screen.press(key)
        assert screen.focus != "grid"
        await screen.pilot.resize_terminal(60, 15)
        await screen.pilot.pause()
        await screen.press("down")
        assert screen.focus == "grid" and screen.cursor == "0.ebx.31"


async def test_where_only_one_pane_has_room_its_key_brings_it() -> None:
    async with opened(size=(80, 24)) as screen:
        assert "╭─ XFAM" in screen.text and "╭─ ATTRIBUTES" not in screen.text
        await screen.press("a")
        assert "╭─ XFAM" not in screen.text and "╭─ ATTRIBUTES" in screen.text and screen.focus == "attributes"
        await screen.press("space")
        assert screen.editor.model.attributes & 1 and "■ DEBUG" in screen.text
        await screen.press("x")
        assert "╭─ XFAM" in screen.text and "╭─ ATTRIBUTES" not in screen.text and screen.focus == "xfam"
        await screen.press("a", "escape")
        assert "╭─ XFAM" in screen.text and "╭─ ATTRIBUTES" not in screen.text and screen.focus == "grid"


async def test_all_switches_of_every_module_are_shown() -> None:
    async with opened(module="1.5.01") as screen:
        for module in library.files("modules"):
            screen.app._set_module(module)
            await screen.pilot.pause()
            panes = {"xfam": xfam_switches(screen.editor), "attributes": attribute_switches(screen.editor)}
            for name, switches in panes.items():
                shown = " ".join(screen.pane(name))
                assert all(f" {switch.name} " in shown for switch in switches), (module, name)


@pytest.mark.parametrize("size", [(60, 10), (44, 10)])
async def test_in_the_least_window_settings_are_reached_and_why_says_that_it_is_not(size: tuple[int, int]) -> None:
    async with opened(size=size) as screen:
        for key, name in (("x", "xfam"), ("a", "attributes"), ("t", "td")):
            await screen.press(key, "down", "down")
            pane = screen.app.query_one(f"#{name}", SwitchPane)
            assert screen.focus == name and pane._switches[pane._at].name[:6] in "".join(screen.pane(name))
            await screen.press("escape")
            assert screen.focus == "grid"
        await screen.press("W")
        assert screen.status == "The window is too small for that pane" and screen.focus == "grid"


async def test_a_message_survives_a_resize() -> None:
    async with opened() as screen:
        said = await screen.flip("1.eax.31")
        await screen.pilot.resize_terminal(100, 30)
        await screen.pilot.pause()
        assert screen.status[:60] == said[:60]


async def test_the_frames_are_closed() -> None:
    for size in ((120, 40), (80, 24), (79, 33)):
        async with opened(size=size) as screen:
            for name in ("leaves", "xfam", "attributes", "why"):
                pane = screen.app.query_one(f"#{name}")
                if pane.region.area:
                    region = pane.region
                    rows = [line[region.x : region.right] for line in screen.lines[region.y : region.bottom]]
                    assert rows[0][0] + rows[0][-1] + rows[-1][0] + rows[-1][-1] == "╭╮╰╯"
                    assert all(row[0] == "│" and row[-1] in "│┃◆" for row in rows[1:-1])


# -- colours and attributes --


def style_of(screen: Screen, key: str) -> tuple[str, Style]:
    """The glyph and style of a bit in view whose register has not the cursor."""
    row = screen.row(key.rsplit(".", 1)[0])[0]
    bit = int(key.rsplit(".", 1)[1])
    leaf = next(leaf for leaf in screen.grid.leaves if key.startswith(f"{leaf.key}."))
    line = screen.grid.leaves.index(leaf) * 6 + 1 + Register.parse(key.split(".")[-2])
    strip = screen.grid.render_line(line)  # the first line is in view
    x = 8 + (31 - bit) + (31 - bit) // 8 * 2
    cell = strip.crop(x, x + 1)
    assert cell.text == row[31 - bit]
    return cell.text, next(iter(cell)).style or Style()


async def styles(model: str, **how: str | bool) -> dict[str, Style]:
    """The style of each state's glyph, read from the grid."""
    async with opened(model, **how) as screen:  # type: ignore[arg-type]
        await screen.go("80000008.eax.0")
        await screen.go("0.eax.31")
        found = {}
        for state, key in STATES.items():
            glyph, style = style_of(screen, key)
            assert glyph == state.glyph, key
            found[glyph] = style
        return found


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_colour_and_attribute_tell_the_groups_apart(all_states: str, theme: str) -> None:
    found = await styles(all_states, theme=theme)
    assert found["0"] == found["1"] and found["○"] == found["●"] and found["~"] == found["v"]
    kinds = [found[glyph] for glyph in "0○~✗"]
    assert len({style.color for style in kinds}) == 4
    assert len({(style.bold, style.italic, style.underline, style.reverse) for style in kinds}) == 4


async def test_with_no_color_attributes_alone_tell_the_groups_apart(all_states: str) -> None:
    found = await styles(all_states, no_color=True)
    assert all(style.color is None and style.bgcolor is None for style in found.values())
    kinds = [found[glyph] for glyph in "0○~✗"]
    assert len({(style.bold, style.italic, style.underline, style.reverse) for style in kinds}) == 4


@pytest.mark.parametrize("keys", [
    (), ("]",), ("x",), ("W",), ("slash", "a"), ("L",), ("o",), ("r",), ("t",),
    ("v", "right"), ("m",), ("question_mark",), ("S",), ("space", "q"),
])
async def test_no_color_draws_nothing_in_colour(all_states: str, keys: tuple[str, ...]) -> None:
    async with opened(all_states, no_color=True) as screen:
        await screen.go("1.ecx.3")
        await screen.press(*keys)
        for strip in screen.strips:
            for segment in strip:
                style = segment.style or Style()
                for colour in (style.color, style.bgcolor):
                    assert colour is None or colour.is_default, (segment.text, colour)


async def test_with_no_color_the_cursor_and_the_choice_are_seen(all_states: str) -> None:
    async with opened(all_states, no_color=True) as screen:
        strip = screen.grid.render_line(1)
        assert [part.text for part in strip if part.style and part.style.reverse] == ["0"]
        leaves = screen.app.query_one("#leaves").render_line(1)
        assert any(part.style and part.style.reverse for part in leaves)
        await screen.press("x")
        switch = screen.app.query_one("#xfam").render_line(1)
        assert [part.text.strip() for part in switch if part.style and part.style.reverse] == ["■ X87"]
        await screen.press("m")
        assert screen.app.screen.query_one(OptionList).highlighted == 2
        chosen = [part.text for strip in screen.strips for part in strip if part.style and part.style.underline]
        assert [text[:9] for text in chosen if text.startswith("▸")] == ["▸ 1.5.06 "]


async def test_no_color_shows_the_same_text(all_states: str) -> None:
    async with opened(all_states) as coloured, opened(all_states, no_color=True) as plain:
        await coloured.settled()
        await plain.settled()
        assert plain.text == coloured.text


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_theme_is_readable(theme: str) -> None:
    colours = palette.load(palette.find(theme))[1]
    texts = colours.text, colours.muted, colours.strong, colours.name, colours.selected, colours.conflict
    for style in (*colours.states.values(), *texts):
        assert contrast(style) >= 4.5, style
    for state in colours.states.values():
        assert contrast(state + colours.cursor) >= 4.5


def contrast(style: Style) -> float:
    """The contrast of WCAG 2."""
    assert style.color and style.bgcolor
    lights = sorted(luminance(colour.get_truecolor()) for colour in (style.color, style.bgcolor))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(colour: tuple[int, int, int]) -> float:
    """The relative luminance of WCAG 2."""
    parts = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
