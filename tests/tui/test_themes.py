"""Every theme can be read by everybody: contrast, colour vision, and the switch while the screen is open."""

from __future__ import annotations

import pytest
from rich.color import Color, ColorSystem
from rich.style import Style

from tdxtui import folders, library, remembered
from tdxtui.bit_state import BitState
from tdxtui.strict import parse_toml
from tdxtui.tui import palette
from tdxtui.tui.signs import Sign
from tests.colour_vision import VISIONS, contrast, difference, least_difference, seen
from tests.tui.screen import check_golden, opened

THEMES = sorted(path.stem for path in library.shipped("themes").glob("*.toml"))
CLASSES = ("fixed", "flexible", "conflict", "run_time", "unknown")
# The strokes of a digit or dot cover a tenth or so of its cell. An eye that doesn't resolve them sees a mix with the
# background, in which a difference of 10 is one of 1: what is just noticed between two patches (CIEDE2000).
APART = 10.0
# Without hues five steps from a contrast of 4.5 up to white are all that there is; bold, italic and underline help.
APART_BY_LIGHTNESS_ALONE = 8.0
XTERM = (
    "#000000", "#cd0000", "#00cd00", "#cdcd00", "#0000ee", "#cd00cd", "#00cdcd", "#e5e5e5",
    "#7f7f7f", "#ff0000", "#00ff00", "#ffff00", "#5c5cff", "#ff00ff", "#00ffff", "#ffffff",
)
every_theme = pytest.mark.parametrize("name", THEMES)


def colours(name: str) -> dict[str, str]:
    """A theme's colours."""
    path = library.shipped("themes") / f"{name}.toml"
    data = parse_toml(path.read_text(encoding="utf-8"), str(path))
    return {**data["ui"], **data["bits"]}


def test_there_are_dark_light_high_contrast_monochrome_and_two_for_taste() -> None:
    assert THEMES == ["amber", "dark", "forest", "high-contrast", "light", "monochrome"]
    assert palette.names()[:2] == ["dark", "light"] and sorted(palette.names()) == THEMES


@every_theme
def test_every_bit_class_and_text_stands_out_from_its_ground(name: str) -> None:
    found = colours(name)
    for ground in ("background", "surface"):
        for what in (*CLASSES, "foreground", "muted", "accent"):
            if ground == "background" or what not in CLASSES:
                assert contrast(found[what], found[ground]) >= 4.5, f"{what} on {ground}"
    assert contrast(found["cursor"], found["cursor_text"]) >= 4.5


def test_the_high_contrast_theme_has_seven_to_one() -> None:
    found = colours("high-contrast")
    assert all(contrast(found[what], found["background"]) >= 7 for what in (*CLASSES, "foreground", "muted"))


@every_theme
@pytest.mark.parametrize("vision", VISIONS)
def test_bit_classes_are_apart_for_every_kind_of_colour_vision(name: str, vision: str) -> None:
    found = {key: value for key, value in colours(name).items() if key in CLASSES}
    least, which = least_difference(found, vision)
    assert least >= (APART_BY_LIGHTNESS_ALONE if name == "monochrome" else APART), f"{which} with {vision}"


@every_theme
@pytest.mark.parametrize("vision", VISIONS)
def test_the_cursor_is_no_conflict(name: str, vision: str) -> None:
    found = colours(name)
    assert difference(seen(found["cursor"], vision), seen(found["conflict"], vision)) >= APART


@every_theme
def test_with_the_16_colours_of_xterm_all_but_frames_stand_out_from_the_ground(name: str) -> None:
    found = {what: XTERM[number] for what, number in _in_16(name).items() if number is not None}
    for what in (*CLASSES, "foreground", "muted", "accent"):
        assert contrast(found[what], found["background"]) >= 3, what


@every_theme
def test_with_16_colours_all_can_be_read_and_the_cursor_is_no_conflict(name: str) -> None:
    found = _in_16(name)
    assert all(found[what] != found["background"] for what in (*CLASSES, "foreground", "muted", "accent", "border"))
    assert found["cursor"] not in (found["background"], found["conflict"], found["cursor_text"])


def _in_16(name: str) -> dict[str, int | None]:
    """What a terminal with 16 colours makes of a theme."""
    return {key: Color.parse(value).downgrade(ColorSystem.STANDARD).number for key, value in colours(name).items()}


def test_the_measures_are_right() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    # Pairs 1 and 17 of the test data of Sharma, Wu and Dalal.
    assert difference((50, 2.6772, -79.7751), (50, 0, -82.7485)) == pytest.approx(2.0425, abs=1e-4)
    assert difference((50, 2.5, 0), (73, 25, -18)) == pytest.approx(27.1492, abs=1e-4)
    reds = seen("#ff0000", "protanopia"), seen("#6d5c00", "protanopia")
    assert difference(*reds) < difference(seen("#ff0000", "full"), seen("#6d5c00", "full")) / 4


@every_theme
def test_each_state_is_told_by_glyph_and_attribute_too(name: str) -> None:
    _, found = palette.load(palette.find(name))
    for styles in (found.states, palette.monochrome().states):
        looks = {state: (state.glyph, _attributes(style)) for state, style in styles.items()}
        assert len(set(looks.values())) == len(BitState) + len(Sign)
        kinds = [BitState.FIXED_0, BitState.FLEXIBLE_0, BitState.CONFLICT, BitState.RUN_TIME, BitState.UNKNOWN]
        assert len({looks[state][1] for state in kinds}) == len(kinds)


def _attributes(style: Style) -> tuple[bool, ...]:
    return bool(style.bold), bool(style.italic), bool(style.underline), bool(style.reverse)


# -- on the screen --


@every_theme
async def test_a_screen_has_the_colours_of_its_theme_and_no_others(name: str) -> None:
    async with opened("full-granite-rapids", module="1.5.01", theme=name) as screen:
        await screen.go("7.0.ebx.16")
        await screen.settled()
        found, used = colours(name), set()
        for segment in (segment for strip in screen.strips for segment in strip if segment.text.strip()):
            style = segment.style
            assert style is not None and style.color is not None and style.color.triplet is not None
            assert style.bgcolor is not None and style.bgcolor.triplet is not None
            used |= {style.color.triplet.hex, style.bgcolor.triplet.hex}
        assert used <= set(found.values())
        wanted = ("fixed", "flexible", "conflict", "run_time", "cursor", "foreground", "muted", "accent", "border")
        assert {found[key] for key in wanted} <= used


async def test_a_theme_is_shown_while_it_is_looked_for_and_taken_by_enter() -> None:
    async with opened() as screen:
        await screen.go("7.0.ebx.16")
        await screen.settled()
        text, before = screen.text, screen.strips
        await screen.press("T", "down")
        await screen.pilot.pause()
        assert screen.app.theme == "tdxtui-light" and "flexible, now 1" in screen.text
        await screen.press("enter")
        await screen.settled()
        assert screen.status == "Theme light"
        assert remembered.recall() == {"theme": "light"}
        await screen.press("T", "home", "enter")
        await screen.settled()
        screen.app.say("")
        await screen.settled()
        assert screen.text == text and screen.strips == before


async def test_a_live_switch_looks_like_a_start_with_that_theme() -> None:
    async with opened(theme="light") as other:
        await other.go("7.0.ebx.16")
        await other.settled()
        wanted = other.strips
    async with opened() as screen:
        await screen.go("7.0.ebx.16")
        await screen.press("T", "down", "enter")
        await screen.settled()
        screen.app.say("")
        await screen.settled()
        assert screen.strips == wanted


async def test_esc_goes_back_to_the_theme_before() -> None:
    async with opened() as screen:
        await screen.settled()
        before = screen.strips
        await screen.press("T", "down", "down", "escape")
        await screen.settled()
        assert screen.app.theme == "tdxtui-dark" and screen.strips == before
    assert remembered.recall() == {}


async def test_a_theme_of_the_users_is_listed_and_a_broken_one_says_what_is_wrong() -> None:
    folder = folders.config() / "themes"
    folder.mkdir(parents=True)
    text = (library.shipped("themes") / "dark.toml").read_text(encoding="utf-8")
    (folder / "mine.toml").write_text(text.replace('about = "', 'about = "my own '), encoding="utf-8")
    (folder / "odd.toml").write_text('dark = true\n[ui]\nbackground = "black"\n', encoding="utf-8")
    async with opened(theme="mine") as screen:
        await screen.press("T")
        await screen.pilot.pause()
        assert "my own blue" in screen.text
        await screen.press("down", "down", "enter")
        await screen.settled()
        assert screen.app.theme == "tdxtui-mine" and "odd.toml: " in screen.status


async def test_without_colours_there_is_none_to_choose() -> None:
    async with opened(no_color=True) as screen:
        await screen.press("T")
        assert screen.status.startswith("NO_COLOR is set") and len(screen.app.screen_stack) == 1


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_golden_theme_chooser(size: tuple[int, int]) -> None:
    async with opened(size=size) as screen:
        await screen.settled()
        await screen.press("T")
        await screen.settled()
        check_golden(f"{size[0]}x{size[1]}-themes", screen.text)


