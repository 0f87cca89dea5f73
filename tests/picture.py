"""The README's picture of the screen: `make picture`, or `python -m tests.picture FILE.svg`."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from tdxtui.cpuid import Field
from tdxtui.tui import palette
from tdxtui.tui.app import TdxApp
from tdxtui.tui.launch import open_editor

BIT = Field.parse("7.0.ebx.16")


async def picture(theme: str = "dark") -> str:
    """The screen as SVG, the cursor on AVX512F."""
    editor, _ = open_editor("kvm-sapphire-rapids", None, None)
    app = TdxApp(editor, *palette.load(palette.find(theme)))
    async with app.run_test(size=(120, 40)) as pilot:
        app.show_bit(BIT)
        await pilot.pause()
        svg = app.export_screenshot(title="tdxtui")
    # The export names a web font; whoever looks at the picture shall not fetch one.
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(asyncio.run(picture()), encoding="utf-8")
