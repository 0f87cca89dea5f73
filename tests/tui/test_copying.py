"""y copies what the cursor is on by OSC 52, and says what."""

from __future__ import annotations

import base64
from pathlib import Path

from tests.tui.screen import opened
from tests.tui.terminal import Terminal


async def test_y_copies_the_bit_then_its_register_then_its_leaf() -> None:
    async with opened() as screen:
        await screen.go("7.0.ebx.16")
        value = screen.row("7.0.ebx")[1]
        await screen.press("y")
        assert screen.app.clipboard == "7.0.ebx.16 = 1  # avx512f"
        assert screen.status == "Copied 7.0.ebx.16 = 1  # avx512f; y again copies the register"
        await screen.press("y")
        assert screen.app.clipboard == f"7.0.ebx = {value.lower()}"
        await screen.press("y")
        lines = screen.app.clipboard.splitlines()
        assert [line.partition(" = ")[0] for line in lines] == [f"7.0.{name}" for name in ("eax", "ebx", "ecx", "edx")]
        assert screen.status == "Copied CPUID.(EAX=07H,ECX=0), 4 lines; y again copies the bit"
        await screen.press("y")
        assert screen.app.clipboard.startswith("7.0.ebx.16 = 1")
        await screen.press("y", "left", "y")
        assert screen.app.clipboard.startswith("7.0.ebx.17 = ")


async def test_what_is_unknown_without_a_cpu_is_not_copied_as_0() -> None:
    async with opened(platform="none") as screen:
        await screen.go("1.eax.4")
        await screen.press("y")
        assert screen.app.clipboard.startswith("1.eax.4 = ?")
        await screen.press("y")
        assert "  # known bits: 0x" in screen.app.clipboard


def test_the_terminal_gets_it(tmp_path: Path) -> None:
    with Terminal("open", "minimal", cwd=tmp_path) as terminal:
        terminal.wait_for("CPU sapphire-rapids")
        terminal.press("y")
        terminal.wait_for("Copied 0.eax.31 = 0")
        text = base64.b64encode(b"0.eax.31 = 0  # max_std_leaf[31]").decode()
        assert f"\x1b]52;c;{text}\x07" in terminal.raw
