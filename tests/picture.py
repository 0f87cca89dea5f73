"""The documents' pictures of the screen: `make picture`, or `python -m tests.picture FOLDER` for all of the table."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tdxtui import catalog, learn
from tdxtui.learn.course import Course
from tdxtui.tui import palette
from tdxtui.tui.app import TdxApp
from tdxtui.tui.bit_grid import BitGrid
from tdxtui.tui.learning import LessonApp
from tdxtui.tui.opening import open_editor


class Picture(NamedTuple):
    """A screen: what is open, where the cursor goes, which keys are then pressed. `size` is columns and rows.

    `model` is a model's name, or "lesson NAME".
    """

    model: str
    at: str
    module: str | None = None
    keys: tuple[str, ...] = ()
    size: tuple[int, int] = (120, 32)
    theme: str = "dark"

    def app(self) -> TdxApp:
        """The screen, not running yet."""
        look = palette.load(palette.find(self.theme))
        if self.model.startswith("lesson "):
            lesson = learn.lesson(self.model.removeprefix("lesson "))
            return LessonApp(Course(lesson, lesson.start()), *look)
        return TdxApp(open_editor(self.model, self.module, None)[0], *look)


PICTURES: Mapping[str, Picture] = {
    "screen": Picture("kvm-sapphire-rapids", "avx512f", size=(120, 40)),
    "conflict": Picture("full-granite-rapids", "prefetchiti", "1.5.06"),
    "cure": Picture("minimal", "avx512f", keys=("space", "enter")),
    "guest": Picture("kvm-sapphire-rapids", "mca", "1.5.34", ("r",)),
    "lesson": Picture("lesson xfam", "fma"),
}


async def drawn(picture: Picture) -> str:
    """The screen as SVG."""
    app = picture.app()
    async with app.run_test(size=picture.size) as pilot:
        app.query_one(BitGrid).go_to(catalog.find(picture.at))
        await pilot.pause()
        for key in picture.keys:
            await pilot.press(key)
            await pilot.pause()
        return svg(app)


def svg(app: TdxApp) -> str:
    """The screen as it is now, as SVG. The export names a web font; whoever looks at it shall not fetch one."""
    return re.sub(r"@font-face \{.*?\}\s*", "", app.export_screenshot(title="tdxtui"), flags=re.DOTALL)


def main(folder: Path) -> None:
    """Draw all of them, whatever the user has begun or learnt."""
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"XDG_STATE_HOME": home, "XDG_CONFIG_HOME": home}
        for name, picture in PICTURES.items():
            (folder / f"{name}.svg").write_text(asyncio.run(drawn(picture)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
