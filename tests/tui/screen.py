"""What the tests of the screen share: open it, press keys, read it, compare it with a golden text."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from unittest import mock

from rich.segment import Segment
from textual import events
from textual.app import App
from textual.geometry import Offset, Region
from textual.pilot import Pilot

from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.editor import Editor
from tdxtui.tui import palette
from tdxtui.tui.app import TdxApp
from tdxtui.tui.bit_grid import BitGrid
from tdxtui.tui.opening import open_document
from tdxtui.vmm_layer import VmmLayer

GOLDEN = Path(__file__).parent / "golden"
GLYPHS = "01○●✗~v?·≠≈!"
ROW = rf" +(E[A-D]X) +((?:[{GLYPHS}]{{8}} *){{4}})(0x[0-9A-F?]{{8}}|#VE)?"
NAMES = {
    ".": "full_stop", "[": "left_square_bracket", "]": "right_square_bracket", "(": "left_parenthesis",
    ")": "right_parenthesis", "=": "equals_sign", ":": "colon", "_": "underscore", " ": "space", "/": "slash",
    ",": "comma", "{": "left_curly_bracket", "}": "right_curly_bracket",
}


# One that XFAM cures, and one that nothing does.
TWO_CONFLICTS = """
module = "1.5.06"
platform = "sapphire-rapids"
[td]
xfam = ["X87", "SSE", "AVX"]
[features]
avx512f = true
[registers]
"1.ecx.1" = "0x0"
"""


def written(path: Path, text: str = TWO_CONFLICTS) -> str:
    """A file with that text; its name."""
    path.write_text(text, encoding="utf-8")
    return str(path)


class Screen:
    """The open screen."""

    def __init__(self, app: TdxApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def editor(self) -> Editor:
        """The document on the screen."""
        return self.app.editor

    @property
    def grid(self) -> BitGrid:
        """The grid of bits."""
        return self.app.query_one(BitGrid)

    @property
    def cursor(self) -> str:
        """The bit under the cursor: 7.0.ebx.16."""
        return self.grid.cursor.key

    @property
    def focus(self) -> str | None:
        """The id of the focused pane."""
        return self.app.focused.id if self.app.focused else None

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        await self.pilot.press(*keys)

    async def burst(self, *events_: events.Event) -> None:
        """What comes in one piece, as after a stall of the line: nothing is worked off in between."""
        for event in events_:
            event.set_sender(self.app)
            self.app.post_message(event)
        await self.pilot.pause()
        await self.pilot.pause()

    async def go(self, key: str) -> None:
        """Put the cursor on a bit."""
        self.grid.go_to(Field.parse(key))
        await self.pilot.pause()

    async def wheel(self, pane: str, down: bool) -> None:
        """Turn the mouse wheel by one step over a pane."""
        at = self.app.query_one(f"#{pane}").region.offset + Offset(4, 4)
        kind = events.MouseScrollDown if down else events.MouseScrollUp
        event = kind(None, at.x, at.y, 0, 0, 0, False, False, False, at.x, at.y)
        event.set_sender(self.app)
        assert self.app._driver is not None
        self.app._driver.send_message(event)
        await self.pilot.pause()
        await self.pilot.pause()

    async def settled(self) -> None:
        """Wait until nothing is to come that takes longer than a key."""
        await self.pilot.pause()
        for _ in range(500):
            if not self.app._why._resting.busy and not self.app._guessing.busy:
                break
            await self.pilot.pause(0.02)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type a text, a key a character."""
        await self.press(*(NAMES.get(char, char) for char in text))

    async def cure(self) -> None:
        """Press Enter for what the last line offers, and Enter again in the preview."""
        await self.press("enter", "enter")
        await self.pilot.pause()

    async def flip(self, key: str) -> str:
        """Press Space on a bit; what the last line then says."""
        await self.go(key)
        await self.press("space")
        return self.status

    @property
    def strips(self) -> list[list[Segment]]:
        """The screen's lines as styled pieces, as a terminal would get them."""
        app: App[None] = self.app
        return [list(strip) for strip in app.screen._compositor.render_strips(app.size)]

    @property
    def lines(self) -> list[str]:
        """The screen's lines as text."""
        return ["".join(segment.text for segment in strip) for strip in self.strips]

    @property
    def text(self) -> str:
        """The whole screen as text, blanks at the ends of lines left out."""
        return "".join(f"{line.rstrip()}\n" for line in self.lines)

    @property
    def header(self) -> str:
        """The first line."""
        return self.lines[0].strip()

    @property
    def status(self) -> str:
        """The last line."""
        return self.lines[-1].strip()

    def pane(self, name: str) -> list[str]:
        """The lines inside a pane's frame."""
        region = self.app.query_one(f"#{name}").region
        return [line[region.x + 1 : region.right - 1] for line in self.lines[region.y + 1 : region.bottom - 1]]

    def row(self, key: str) -> tuple[str, str]:
        """The 32 glyphs and the hex value of a register, 7.0.ebx, which must be in view."""
        field = Field.parse(key)
        return next(row for place, row in self.rows().items() if place == (field.leaf, field.register))

    def glyph(self, key: str) -> str:
        """The glyph of a bit, which must be in view."""
        field = Field.parse(key)
        return self.row(f"{field.leaf.key}.{field.register.name.lower()}")[0][31 - field.lsb]

    def rows(self) -> dict[tuple[Leaf, Register], tuple[str, str]]:
        """The glyphs and hex values of all registers in view, read from the grid's text."""
        found: dict[tuple[Leaf, Register], tuple[str, str]] = {}
        shape, leaves = self.grid.shape, dict[int, Leaf]()
        for strip in self.grid.render_lines(Region(0, 0, *self.grid.size)):
            for column in range(shape.columns):
                text = strip.text[column * shape.column : (column + 1) * shape.column]
                if title := re.match(r" (CPUID\.\S+)", text):
                    leaves[column] = Field.parse(f"{title[1]}:EAX").leaf
                elif column in leaves and (match := re.match(ROW, text)):
                    glyphs = match[2].replace(" ", ""), match[3] or ""
                    found[leaves[column], Register.parse(match[1])] = glyphs
        return found


@asynccontextmanager
async def opened(
    name: str = "kvm-sapphire-rapids",
    *,
    module: str | None = None,
    platform: str | None = None,
    read_only: bool = False,
    size: tuple[int, int] = (120, 40),
    theme: str = "dark",
    no_color: bool = False,
    keys: Mapping[str, tuple[str, ...]] | None = None,
    layers: Sequence[VmmLayer] = (),
) -> AsyncIterator[Screen]:
    """The screen, opened on a file or preset as `tdxtui open` does."""
    document = open_document(name, module, platform, read_only, layers=layers)
    found, colours = palette.load(palette.find(theme))
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    with mock.patch.dict(os.environ, {**environment, **({"NO_COLOR": "1"} if no_color else {})}, clear=True):
        colours = palette.monochrome() if no_color else colours
        app = TdxApp(document.editor, found, colours, no_color, document.notice, keys)
        app.source, app.layers = document.source, tuple(layers)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            yield Screen(app, pilot)


def check_golden(name: str, text: str, kind: str = "txt") -> None:
    """Compare with the file of that name; UPDATE_GOLDEN=1 in the environment writes it instead."""
    path = GOLDEN / f"{name}.{kind}"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path.name} differs; look, then UPDATE_GOLDEN=1 accepts it"
