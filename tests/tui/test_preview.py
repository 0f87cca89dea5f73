"""The dialog before a change that does more than what was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tdxtui.td import ATTRIBUTES, XFAM
from tdxtui.tui.preview import Preview
from tests.tui.screen import Screen, opened, written

WISHES = """
module = "1.5.06"
platform = "sapphire-rapids"
[td]
xfam = ["X87", "SSE", "AVX"]
[registers]
"d.0.ecx" = { value = "0x00000340", mask = "0xffffffff" }
"1.ecx.1" = "0x0"
"""


@pytest.fixture
def wishes(tmp_path: Path) -> str:
    """A model with wishes that an edit elsewhere breaks."""
    return written(tmp_path / "wishes.toml", WISHES)


async def previewed(screen: Screen, bit: str) -> str:
    """Space and Enter on a bit; what the dialog says, line ends taken out."""
    await screen.flip(bit)
    await screen.press("enter")
    await screen.pilot.pause()
    assert isinstance(screen.app.screen, Preview)
    return " ".join(line.partition("│ ")[2].rpartition(" │")[0].strip() for line in screen.lines)


async def test_the_preview_lists_holder_edits_and_everything_else() -> None:
    async with opened("minimal", size=(120, 60)) as screen:
        text = await previewed(screen, "7.0.ebx.16")
        for part in ("7.0.ebx.16 is held by", "✗ XFAM.AVX512 0: ", "(rule 5.4", "To be changed in the model",
                     "CPUID_CONFIG 7.0.ebx.16 = 1", "XFAM.AVX512 = 1", "XFAM.AVX = 1", "Everything else that would"):
            assert part in screen.text, part
        assert "xsave_sz_max: 576 bytes → 2,688 bytes" in text and "7.0 EBX avx2 0→1" in " ".join(text.split())
        assert "avx512f 0→1" not in text, "what was asked for is no side effect"


async def test_enter_makes_the_change_and_one_undo_takes_all_back() -> None:
    async with opened("minimal") as screen:
        before = screen.editor.situation
        await previewed(screen, "7.0.ebx.16")
        assert screen.editor.situation is before
        await screen.press("enter")
        await screen.pilot.pause()
        assert screen.glyph("7.0.ebx.16") == "●" and screen.editor.model.xfam & XFAM["AVX512"]
        assert "bits changed" in screen.status
        await screen.press("u")
        assert screen.editor.situation is before and not screen.editor.dirty and screen.glyph("7.0.ebx.16") == "○"


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_escape_leaves_all_as_it_is(key: str) -> None:
    async with opened("minimal") as screen:
        before = screen.editor.situation
        await previewed(screen, "7.0.ebx.16")
        await screen.press("space", "x", "down", key)
        assert len(screen.app.screen_stack) == 1 and screen.editor.situation is before
        assert screen.focus == "grid" and screen.cursor == "7.0.ebx.16"


async def test_the_message_keeps_what_enter_does_in_every_width() -> None:
    for width in (200, 120, 80, 60, 44):
        async with opened("minimal", size=(width, 24)) as screen:
            status = await screen.flip("7.0.ebx.16")
            assert status.endswith(": Enter shows what changes") and status.startswith("7.0.ebx.16"), width


async def test_giving_up_a_wish_is_asked_too(wishes: str) -> None:
    async with opened(wishes) as screen:
        await screen.press("]")
        assert screen.cursor == "1.ecx.1"
        await screen.press("space")
        assert screen.status.endswith("Enter gives up the wish")
        await screen.press("enter")
        await screen.pilot.pause()
        assert "no wish for 1.ecx.1" in screen.text and "Conflicts that vanish" in screen.text
        await screen.press("enter")
        await screen.pilot.pause()
        assert "no conflict" in screen.header or "✗ 1 " not in screen.header
        await screen.press("u")
        assert screen.glyph("1.ecx.1") == "✗"


async def test_conflicts_that_would_appear_are_told(wishes: str) -> None:
    async with opened(wishes, size=(120, 60)) as screen:
        text = await previewed(screen, "7.0.ebx.16")
        assert "Conflicts that appear" in text and "✗ d.0.ecx." in text and "the model wants" in text


async def test_settings_that_exclude_each_other_are_asked_about() -> None:
    async with opened("minimal") as screen:
        editor = screen.editor
        editor.toggle_attribute("PERFMON")
        screen.app.show_outcome(editor.toggle_attribute("MIGRATABLE"))
        await screen.cure()
        assert editor.model.attributes & ATTRIBUTES["MIGRATABLE"]
        assert not editor.model.attributes & ATTRIBUTES["PERFMON"]


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (44, 10)])
async def test_what_is_too_long_scrolls(size: tuple[int, int]) -> None:
    async with opened("minimal", size=size) as screen:
        await previewed(screen, "7.0.ebx.16")
        assert "d.7 EBX" not in screen.text
        await screen.press("end")
        await screen.pilot.pause(0.3)
        assert "d.7 EBX" in screen.text or "d.e EAX" in screen.text or "xsave" in screen.text
        await screen.press("enter")
        assert screen.editor.dirty


async def test_a_resize_while_the_preview_is_open() -> None:
    async with opened("minimal") as screen:
        await previewed(screen, "7.0.ebx.16")
        for size in ((80, 24), (44, 10), (30, 5), (100, 30)):
            await screen.pilot.resize_terminal(*size)
            await screen.pilot.pause()
        assert "Make this change?" in screen.text
        await screen.press("enter")
        await screen.pilot.pause()
        assert screen.glyph("7.0.ebx.16") == "●"


async def test_a_read_only_model_offers_nothing() -> None:
    async with opened("minimal", read_only=True) as screen:
        await screen.flip("7.0.ebx.16")
        await screen.press("enter")
        assert len(screen.app.screen_stack) == 1 and "read only" in screen.status
