"""Themes: colours from a TOML file, or none at all for NO_COLOR, where glyph and attribute tell everything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from rich.style import Style
from textual.theme import Theme

from tdxtui import folders, library
from tdxtui.bit_state import BitState
from tdxtui.strict import Section, parse_toml, read_text
from tdxtui.tui.signs import Sign

UI_COLOURS = ("background", "surface", "foreground", "muted", "accent", "border")
THEME_PREFIX = "tdxtui-"
FIRST = ("dark", "light")
BIT_COLOURS = ("fixed", "flexible", "conflict", "run_time", "unknown", "cursor", "cursor_text")


@dataclass
class Palette:
    """The styles of the widgets that draw their own lines. `cursor` is laid over a bit's own style.

    All panes share one, so that another theme reaches them by `become`.
    """

    states: Mapping[BitState | Sign, Style]
    text: Style
    muted: Style
    strong: Style
    cursor: Style
    selected: Style
    name: Style
    edge: Style
    conflict: Style

    def become(self, other: Palette) -> None:
        """Take another palette's styles."""
        for item in fields(self):
            setattr(self, item.name, getattr(other, item.name))


def load(path: Path) -> tuple[Theme, Palette]:
    """A theme file as Textual's theme and our own styles; DataError says what is wrong with it."""
    top = Section(parse_toml(read_text(path), str(path)), str(path))
    dark = top.flag("dark")
    top.text("about", "")
    ui, bits = top.table("ui"), top.table("bits")
    colours = {name: ui.parsed(name, _colour) for name in UI_COLOURS}
    colours |= {name: bits.parsed(name, _colour) for name in BIT_COLOURS}
    for section in (ui, bits, top):
        section.done()
    return _theme(path.stem, dark, colours), _coloured(colours)


def about(path: Path) -> str:
    """What a theme says of itself; DataError if it can't be used."""
    load(path)
    return Section(parse_toml(read_text(path), str(path)), str(path)).text("about", "")


def _known() -> dict[str, Path]:
    """The themes' files by name: the user's own in either of their folders go before a shipped one."""
    places = (library.shipped("themes"), library.user_data() / "themes", folders.config() / "themes")
    return {path.stem: path for folder in places if folder.is_dir() for path in folder.glob("*.toml")}


def names() -> list[str]:
    """The themes by name, the first ones those that most want."""
    return sorted(_known(), key=lambda name: (name not in FIRST, name))


def find(name: str) -> Path:
    """The file of a theme by name; NotFound lists what there is."""
    known = _known()
    if name not in known:
        raise library.NotFound(f"there is no theme {name!r}; known are {', '.join(names())}")
    return known[name]


def _colour(text: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ValueError(f"{text!r} is not a colour; write #rrggbb")
    return text


def _theme(name: str, dark: bool, colours: dict[str, str]) -> Theme:
    return Theme(
        name=f"{THEME_PREFIX}{name}",
        dark=dark,
        primary=colours["accent"],
        accent=colours["accent"],
        foreground=colours["foreground"],
        background=colours["background"],
        surface=colours["surface"],
        panel=colours["surface"],
        warning=colours["conflict"],
        error=colours["conflict"],
        variables={"edge": colours["border"]},
    )


def _coloured(colours: dict[str, str]) -> Palette:
    def style(name: str, attributes: str = "") -> Style:
        return Style.parse(f"{attributes} {colours[name]} on {colours['background']}")

    # Equal styles are one object, so that neighbours can be drawn as one run.
    fixed, flexible, run_time = style("fixed"), style("flexible", "bold"), style("run_time", "italic")
    return Palette(
        states={
            BitState.FIXED_0: fixed,
            BitState.FIXED_1: fixed,
            BitState.FLEXIBLE_0: flexible,
            BitState.FLEXIBLE_1: flexible,
            BitState.CONFLICT: style("conflict", "bold reverse"),
            BitState.RUN_TIME: run_time,
            BitState.VE: run_time,
            BitState.UNKNOWN: style("unknown", "underline"),
            Sign.OTHER_VALUE: style("accent", "bold underline"),
            Sign.OTHER_CLASS: style("accent", "underline"),
            Sign.REFUSED: style("conflict", "bold"),
        },
        text=style("foreground"),
        muted=style("muted"),
        strong=style("foreground", "bold"),
        cursor=Style(color=colours["cursor_text"], bgcolor=colours["cursor"], bold=True, reverse=False),
        selected=Style(color=colours["accent"], bgcolor=colours["surface"], bold=True),
        name=style("accent", "bold"),
        edge=style("border"),
        conflict=style("conflict", "bold"),
    )


def monochrome() -> Palette:
    """Attributes only, in the terminal's own colours."""
    plain, bold, italic = Style(), Style(bold=True), Style(italic=True)
    return Palette(
        states={
            BitState.FIXED_0: plain,
            BitState.FIXED_1: plain,
            BitState.FLEXIBLE_0: bold,
            BitState.FLEXIBLE_1: bold,
            BitState.CONFLICT: Style(bold=True, underline=True),
            BitState.RUN_TIME: italic,
            BitState.VE: italic,
            BitState.UNKNOWN: Style(underline=True),
            Sign.OTHER_VALUE: bold,
            Sign.OTHER_CLASS: plain,
            Sign.REFUSED: Style(bold=True, underline=True),
        },
        text=plain,
        muted=plain,
        strong=bold,
        cursor=Style(reverse=True, bold=True),
        selected=Style(reverse=True),
        name=bold,
        edge=plain,
        conflict=Style(bold=True, underline=True),
    )
