"""Thousands of random keys, clicks and window sizes: nothing breaks, and the screen never shows what isn't so."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from rich.console import Console
from textual import events

from tdxtui import library, model_file
from tdxtui.bit_state import states
from tdxtui.cpuid import WORD, Field
from tdxtui.guest_view import guest_view
from tdxtui.tui.quick import CellsUpdate, QuickCompositor
from tdxtui.tui.signs import Signs
from tests.tui.screen import Screen, opened

THOROUGH = os.environ.get("TDXTUI_THOROUGH") == "1"
COUNT = 10_000 if THOROUGH else 300
SEEDS = range(6) if THOROUGH else range(2)
MOVES = [
    *("up", "down", "left", "right", "pageup", "pagedown", "home", "end", "tab", "shift+tab", "ctrl+o"),
    *"hjklgG{}()[]nN",
]
CHANGES = [
    *("space", "space", "space", "enter", "ctrl+z", "ctrl+y", "escape"), *"wv10uuUxatW",
]
VIEWS = ["escape", "escape", *"orLMmc?/:ifdVe"]
TYPED = "avx512f7.0:xb"
SIZES = [(200, 60), (200, 60), (120, 40), (120, 40), (80, 24), (80, 24), (60, 20), (44, 10), (30, 5), (100, 30)]
NAMES = {
    "{": "left_curly_bracket", "}": "right_curly_bracket", "(": "left_parenthesis", ")": "right_parenthesis",
    "[": "left_square_bracket", "]": "right_square_bracket", "?": "question_mark", "/": "slash", ":": "colon",
    ".": "full_stop",
}


class Paper:
    """What a terminal would show, kept up by the updates of the main screen."""

    def __init__(self, screen: Screen) -> None:
        compositor = screen.app.screen_stack[0]._compositor
        assert isinstance(compositor, QuickCompositor)
        self.rows: list[str] | None = None
        self.partial = 0
        full, some = compositor.render_full_update, compositor.render_partial_update

        def render_full(simplify: bool = False) -> object:
            update = full(simplify)
            self.rows = ["".join(strip.text for strip in line) for line in update.strips]
            return update

        def render_some() -> object:
            update = some()
            if isinstance(update, CellsUpdate):
                self.partial += 1
                assert update.render_segments(Console())
                for x, y, segments in update.pieces:
                    self.put(x, y, "".join(segment.text for segment in segments))
            elif update is not None:
                self.rows = None  # drawn Textual's way: known again after the next full update
            return update

        compositor.render_full_update = render_full  # type: ignore[method-assign, assignment]
        compositor.render_partial_update = render_some  # type: ignore[method-assign, assignment]

    def put(self, x: int, y: int, text: str) -> None:
        """Write into a row."""
        if self.rows is not None and y < len(self.rows):
            self.rows[y] = self.rows[y][:x] + text + self.rows[y][x + len(text) :]


def key(name: str) -> events.Key:
    """A key's event."""
    return events.Key(NAMES.get(name, name), " " if name == "space" else name if len(name) == 1 else None)


def mouse(screen: Screen, rng: random.Random) -> None:
    """A click, a drag or a turn of the wheel, somewhere."""
    app = screen.app
    x, y = rng.randrange(app.size.width), rng.randrange(app.size.height)
    kinds: list[type[events.MouseEvent]] = [events.MouseDown, events.MouseMove, events.MouseUp]
    if rng.random() < 0.3:
        kinds = [rng.choice([events.MouseScrollDown, events.MouseScrollUp])]
    for number, kind in enumerate(kinds):
        moved = x + number * rng.randrange(3), y + number * rng.randrange(2)
        app.post_message(kind(None, *moved, 0, 0, 1, False, False, False, *moved))


def sign_of(signs: Signs, bit: Field) -> str:
    """The sign that a bit has, "" for none."""
    return next((sign.glyph for sign, mask in signs.at(bit.leaf) if mask & bit.mask), "")


def check(screen: Screen, paper: Paper) -> None:
    """What is seen is what the model comes to, and what was painted is what is seen."""
    app, shown = screen.app, screen.grid.shown
    assert shown.situation is screen.editor.situation
    assert screen.grid.cursor.leaf in screen.grid.leaves
    if len(app.screen_stack) > 1 or app.size.width < 44 or app.size.height < 10:
        return
    if not app._asks:
        app._judge_layers()
        assert shown.signs == app.signs()
    for (leaf, register), (glyphs, value) in screen.rows().items():
        if shown.guest is None:
            wanted = "".join(state.glyph for state in states(shown.situation, leaf)[register])
            signed = [sign_of(shown.signs, Field.bit(leaf, register, 31 - index)) or "·" for index in range(32)]
            assert all(glyph in (state, "·", sign) for glyph, state, sign in zip(glyphs, wanted, signed, strict=True))
            assert "·" not in glyphs or shown.filter is not None
        else:
            view = guest_view(shown.situation, leaf, shown.guest)
            digits = "v" * 32 if view.value is None else f"{view.value >> register.shift & WORD:032b}"
            assert all(glyph in (digit, *"?·≠≈!") for glyph, digit in zip(glyphs, digits, strict=True))
        known = shown.situation.td.known_at(leaf) >> register.shift & WORD
        if shown.guest is None and value and known == WORD:
            assert int(value, 16) == shown.situation.td.at(leaf) >> register.shift & WORD
    if paper.rows is not None:
        assert paper.rows == screen.lines


async def storm(screen: Screen, rng: random.Random, count: int) -> Paper:
    """Press keys at random."""
    paper = Paper(screen)
    for number in range(count):
        what = rng.random()
        if len(screen.app.screen_stack) > 1 and what < 0.3:
            screen.app.post_message(key("escape"))
        elif what < 0.5:
            screen.app.post_message(key(rng.choice(MOVES)))
        elif what < 0.8:
            screen.app.post_message(key(rng.choice(CHANGES)))
        elif what < 0.88:
            screen.app.post_message(key(rng.choice(VIEWS)))
        elif what < 0.92:
            screen.app.post_message(key(rng.choice(TYPED)))
        elif what < 0.97:
            mouse(screen, rng)
        elif what < 0.98:
            await screen.pilot.resize_terminal(*rng.choice(SIZES))
        if number % 5 == 0:
            await screen.pilot.pause()
            if number % 3 == 0:
                screen.app.foresee()  # as after a rest
        if number % 20 == 0:
            await screen.pilot.pause()
            check(screen, paper)
        assert screen.app.is_running
    return paper


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_storm_of_keys_breaks_nothing_and_can_be_undone(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "storm.toml"
    preset = library.presets()[("kvm-sapphire-rapids", "full-granite-rapids", "minimal")[seed % 3]]
    path.write_bytes(preset.read_bytes())
    monkeypatch.chdir(tmp_path)
    async with opened(str(path)) as screen:
        before = screen.editor.model
        paper = await storm(screen, random.Random(seed), COUNT)
        assert paper.partial > COUNT / 10
        while len(screen.app.screen_stack) > 1:
            await screen.press("escape")
        await screen.pilot.resize_terminal(120, 40)
        await screen.press("escape", "escape", "escape", "escape")
        while screen.editor.undo().done:
            pass
        assert screen.editor.model == before and not screen.editor.dirty
        assert [entry.name for entry in tmp_path.iterdir()] == ["storm.toml"]
        screen.editor.save(tmp_path / "again.toml")
        assert (tmp_path / "again.toml").read_bytes() == preset.read_bytes()
        assert model_file.load(path) == before
