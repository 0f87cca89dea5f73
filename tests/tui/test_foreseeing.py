"""Space worked out before it is pressed: it saves the work, and shows nothing else than without."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import pytest
from rich.segment import Segment

from tdxtui import editor, vmm
from tdxtui.editor import Editor
from tdxtui.flipping import Flip
from tdxtui.tui import foreseeing, why_pane
from tdxtui.tui.bit_grid import BitGrid
from tdxtui.tui.foreseeing import LULL, ForeseeingApp
from tdxtui.tui.why_pane import WhyPane
from tdxtui.vmm_layer import VmmLayer
from tests.tui.screen import TWO_CONFLICTS, Screen, opened, written

# One that conflicts, one that moves another, one that can't be as wished, one that nothing changes.
BITS = "7.0.ebx.16", "7.0.ebx.4", "1.ecx.1", "2.eax.0"
WAYS = (
    ("space", "space", "u", "space"), ("w", "space", "space"), ("space", "right", "space", "left", "space"),
    ("space", "down", "up", "space", "ctrl+y"),
)
SIZES = (120, 40), (80, 24), (200, 60), (60, 20)


async def rested(screen: Screen) -> None:
    """Wait as long as a user who looks at the screen."""
    await screen.pilot.pause(LULL * 2)


async def seen(
    name: str, keys: Sequence[str], layers: Sequence[VmmLayer] = (), size: tuple[int, int] = (120, 40)
) -> list[list[list[Segment]]]:
    """The screen after each key, on each bit, but for what comes later by itself."""
    out = []
    with mock.patch.object(why_pane, "looks_far", lambda _: False):
        async with opened(name, size=size, layers=layers) as screen:
            for bit in BITS:
                await screen.go(bit)
                screen.app.foresee()
                for key in keys:
                    await screen.press(key)
                    out.append(screen.strips)
                    screen.app.foresee()
    return out


def no_work(*_: object) -> Flip:
    raise AssertionError("worked out anew")


async def test_space_after_a_rest_works_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as screen:
        await screen.go("7.0.ebx.3")
        await screen.press("left", "right")
        await rested(screen)
        with monkeypatch.context() as patched:
            patched.setattr(editor, "flip", no_work)
            patched.setattr(BitGrid, "_step", lambda grid, *_: grid._ahead or no_work())
            patched.setattr(WhyPane, "_lay", no_work)
            await screen.press("space")
        assert screen.glyph("7.0.ebx.3") == "○" and screen.editor.dirty


async def test_a_key_that_comes_at_once_needs_no_foresight() -> None:
    async with opened() as screen:
        await screen.go("7.0.ebx.3")
        await screen.press("left", "right", "space")
        assert screen.glyph("7.0.ebx.3") == "○" and screen.editor.dirty


async def test_what_was_foreseen_elsewhere_or_earlier_is_not_shown() -> None:
    async with opened() as screen:
        await screen.go("7.0.ebx.3")
        screen.app.foresee()
        await screen.go("7.0.ebx.16")
        screen.editor.set_module("1.5.06")
        await screen.press("space")
        assert screen.editor.history[0][-1] == "CPUID_CONFIG 7.0.ebx.16 = 0"
        assert screen.editor.situation.td.at(screen.grid.cursor.leaf) >> screen.grid.cursor.shift & 1 == 0


async def test_a_way_foreseen_from_one_bit_may_be_gone_from_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreseeing, "LULL", 60)
    async with opened() as screen:
        await screen.go("7.0.ebx.3")
        await screen.press("space", "u")
        screen.app.foresee()
        await screen.press("right", "U")
        shown = screen.strips
        assert screen.cursor == "7.0.ebx.2" and screen.glyph("7.0.ebx.3") == "○"
        screen.grid.resized()  # draws all anew
        assert screen.strips == shown


@pytest.mark.parametrize(("keys", "size"), list(zip(WAYS, SIZES, strict=True)))
async def test_foresight_shows_what_is_shown_without_it(
    keys: Sequence[str], size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = written(tmp_path / "two.toml", TWO_CONFLICTS)
    with_it = await seen(name, keys, size=size)
    monkeypatch.setattr(ForeseeingApp, "foresee", lambda _: None)
    assert await seen(name, keys, size=size) == with_it


async def test_foresight_leaves_what_a_vmm_says_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [vmm.layer("kvm", "7.2"), vmm.layer("qemu", "10.2")]
    with_it = await seen("kvm-sapphire-rapids", WAYS[2], layers)
    monkeypatch.setattr(ForeseeingApp, "foresee", lambda _: None)
    assert await seen("kvm-sapphire-rapids", WAYS[2], layers) == with_it


async def test_nothing_is_foreseen_where_nothing_can_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Editor, "flip_of", no_work)
    async with opened(read_only=True) as screen:
        screen.app.foresee()
    async with opened() as screen:
        await screen.press("v")
        screen.app.foresee()
