"""Golden captures: every dialog in every size, and every look of the screen with its colours and attributes.

`golden/dialogs-SIZE.txt` has the dialogs' boxes. `golden/looks.txt` has each scene as a map of letters (with the number
of cells), one for each way that a cell looks in all themes and without colour, and what the letters mean. The
pictures, `golden/SIZE-THEME.svg`, are for eyes.
UPDATE_GOLDEN=1 and TDXTUI_THOROUGH=1 write them anew.
"""

from __future__ import annotations

import os
import string
from itertools import groupby
from pathlib import Path

import pytest
from rich.style import Style

from tests.picture import svg
from tests.tui.bindings import make_ready, press
from tests.tui.screen import Screen, check_golden, opened, written
from tests.tui.test_themes import THEMES

FLAG, REFUSED, FIELD = "7.0.ecx.5", "7.0.ebx.17", "4.0.eax.31"
Scene = tuple[str, tuple[str, ...]]
DIALOGS: dict[str, Scene] = {
    "choose a module": (FLAG, ("m",)),
    "choose a CPU": (FLAG, ("c",)),
    "choose a filter": (FLAG, ("o",)),
    "choose what to compare with": (FLAG, ("o", "down", "down", "down", "enter")),
    "choose a theme": (FLAG, ("T",)),
    "all keys": (FLAG, ("question_mark",)),
    "commands": (FLAG, ("ctrl+p",)),
    "commands, searched": (FLAG, ("ctrl+p", *"avx512")),
    "the pane explained": (FLAG, ("x", "f1")),
    "legend": (FLAG, ("L",)),
    "history": (FLAG, ("space", "space", "u", "Z")),
    "quit": (FLAG, ("space", "q")),
    "save as": (FLAG, ("S",)),
    "a field's value": (FIELD, ("enter",)),
    "a field's value that means nothing": (FIELD, ("enter", "x", "enter")),
    "a TD parameter": (FLAG, ("t", "g", "enter")),
    "findings": (FLAG, ("i",)),
    "VMM layers": (FLAG, ("V",)),
    "a second module": (FLAG, ("d",)),
    "a fit": (FLAG, ("f",)),
    "what a cure changes": (REFUSED, ("space", "enter")),
}
SCREENS: dict[str, Scene] = {
    "plain": (FLAG, ()),
    "a marked block": ("7.0.ebx.18", ("v", "right", "right", "down")),
    "a refusal": (REFUSED, ("space",)),
    "XFAM": (FLAG, ("x", "down")),
    "run time": (FLAG, ("r", "escape")),
    "only conflicts": (FLAG, ("o", "down", "enter")),
    "all keys": (FLAG, ("question_mark",)),
    "findings": (FLAG, ("i",)),
    "a second module": (FLAG, ("d", "end", "enter")),
    "a cure": (REFUSED, ("space", "enter")),
}
THOROUGH = os.environ.get("TDXTUI_THOROUGH") == "1"
SIZES = [(120, 40), (60, 20), *[(200, 60), (80, 24)] * THOROUGH]
LOOKS = [*THEMES, "no colour"]
LETTERS = ".abcdefghijklmnopqrstuvwxyz" + string.ascii_uppercase + string.digits + "#$%&*+=@<>"
Cells = list[list[Style]]


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A model with two conflicts."""
    return written(tmp_path / "looks.toml")


async def play(screen: Screen, scene: Scene) -> None:
    """Bring a scene about."""
    at, keys = scene
    await make_ready(screen, at)
    await press(screen, *keys)
    if len(screen.app.screen_stack) > 1:
        await screen.pilot.pause()  # until what scrolls has its bar
        await screen.pilot.pause()
    else:
        await screen.settled()


def box(screen: Screen) -> str:
    """The dialog on top, as text."""
    region = screen.app.screen.query_one(".box").region
    rows = screen.lines[region.y : region.bottom]
    return "".join(f"{row[region.x : region.right].rstrip()}\n" for row in rows)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_golden_dialogs(size: tuple[int, int], model: str) -> None:
    drawn = []
    async with opened(model, size=size) as screen:
        for name, scene in DIALOGS.items():
            await play(screen, scene)
            drawn.append(f"{name}\n{box(screen)}")
            at = screen.app.screen.query_one(".box").region
            assert at.right <= size[0] and at.bottom <= size[1], name
    check_golden(f"dialogs-{size[0]}x{size[1]}", "\n".join(drawn))


async def test_every_dialog_outlives_a_resize_and_stays_within_the_window(model: str) -> None:
    async with opened(model) as screen:
        for name, scene in list(DIALOGS.items())[:: 1 if THOROUGH else 4]:
            await play(screen, scene)
            for size in ((60, 20), (44, 10), (120, 40)):
                await screen.pilot.resize_terminal(*size)
                await screen.pilot.pause()
                at = screen.app.screen.query_one(".box").region
                assert 0 <= at.x < at.right <= size[0] and 0 <= at.y < at.bottom <= size[1], (name, size, at)
            await press(screen, "escape")
            assert len(screen.app.screen_stack) == 1, name


async def test_golden_looks(model: str) -> None:
    seen = [await looks(model, name) for name in LOOKS]
    letters: dict[tuple[str, ...], str] = {}
    drawn = []
    for name in SCREENS:
        drawn.append(f"{name}\n")
        for rows in zip(*(look[name] for look in seen), strict=True):
            kinds = [tuple(map(told, cells)) for cells in zip(*rows, strict=True)]
            row = "".join(letters.setdefault(kind, LETTERS[len(letters)]) for kind in kinds)
            drawn.append("".join(f"{letter}{len(list(run)):<3}" for letter, run in groupby(row)).rstrip() + "\n")
    table = [f"{letter}  {LOOKS[at]:14} {kind[at]}\n" for kind, letter in letters.items() for at in range(len(LOOKS))]
    check_golden("looks", "".join([*drawn, "\n", *table]))


@pytest.mark.parametrize(
    ("name", "size"),
    [*((name, (80, 24)) for name in LOOKS), *(("dark", size) for size in ((200, 60), (120, 40), (60, 20)))],
)
async def test_golden_pictures(name: str, size: tuple[int, int], model: str) -> None:
    plain = name == "no colour"
    async with opened(model, size=size, theme="dark" if plain else name, no_color=plain) as screen:
        await play(screen, SCREENS["a refusal"])
        check_golden(f"{size[0]}x{size[1]}-{name.replace(' ', '-')}", svg(screen.app), "svg")


async def looks(model: str, name: str) -> dict[str, Cells]:
    """The styles of all cells of each scene in a theme, or without colour."""
    plain = name == "no colour"
    found = {}
    async with opened(model, size=(80, 24), theme="dark" if plain else name, no_color=plain) as screen:
        for scene, what in SCREENS.items():
            await play(screen, what)
            rows = [[segment.style or Style() for segment in strip for _ in segment.text] for strip in screen.strips]
            found[scene] = rows
    return found


def told(style: Style) -> str:
    """A style in words: colour on ground, and attributes."""

    def colour(which: object) -> str:
        triplet = getattr(which, "triplet", None)
        return triplet.hex if triplet else "default"

    marks = ("bold", "italic", "underline", "reverse", "dim")
    return " ".join([colour(style.color), colour(style.bgcolor), *(mark for mark in marks if getattr(style, mark))])
