"""Open the screen on a model: find it, choose module, platform and colours, and leave the terminal as it was."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tdxtui import library, model_file, remembered, settings
from tdxtui.editor import Editor
from tdxtui.errors import TdxtuiError
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.settings import Settings
from tdxtui.situations import DEFAULT_MODULE, DEFAULT_PRESET, NO_PLATFORM
from tdxtui.strict import data_error
from tdxtui.tui import palette

if TYPE_CHECKING:
    from textual.theme import Theme

    from tdxtui.tui.app import TdxApp

DEFAULT_PLATFORM, DEFAULT_THEME = "sapphire-rapids", "dark"
FIRST_HINT = "New here? Space flips a bit, F1 explains, ? keys, q quits"
SIGNALS = signal.SIGTERM, signal.SIGHUP, signal.SIGINT
T = TypeVar("T")


def run(name: str | None, module: str | None, platform: str | None, read_only: bool, theme: str | None) -> int:
    """Show the screen until the user leaves; the exit status."""
    app, mouse = make_app(name, module, platform, read_only, theme)
    run_app(app, mouse, name or DEFAULT_PRESET)
    if app.problem:
        raise TdxtuiError(app.problem)
    return app.return_code or 0


def make_app(
    name: str | None, module: str | None, platform: str | None, read_only: bool, theme: str | None
) -> tuple[TdxApp, bool]:
    """The app, by the user's settings where nothing else is asked for; and whether it is to take the mouse."""
    wanted = settings.load()
    editor, notice = open_editor(name, module, platform, read_only, wanted)
    found, colours = _theme(theme, wanted)
    no_color = bool(os.environ.get("NO_COLOR"))
    # Textual costs most of a start; what can be wrong with the arguments is told before.
    from tdxtui.tui.app import TdxApp

    keys = None
    if wanted.keys:
        from tdxtui.tui import keymap

        keys = keymap.checked(wanted.keys, wanted.source)
    notice = notice if read_only else _hint() or notice
    app = TdxApp(editor, found, palette.monochrome() if no_color else colours, no_color, notice, keys)
    app.theme_is_set = bool(theme or wanted.theme)
    return app, wanted.mouse


def run_lesson(name: str | None, theme: str | None) -> int:
    """Take a lesson (None: the first that isn't finished) until the learner leaves; the exit status."""
    from tdxtui.learn.course import Course, following

    wanted = settings.load()
    lesson = following(name)
    course = Course(lesson, lesson.start())
    found, colours = _theme(theme, wanted)
    no_color = bool(os.environ.get("NO_COLOR"))
    from tdxtui.tui.learning import LessonApp

    app = LessonApp(course, found, palette.monochrome() if no_color else colours, no_color)
    asyncio.run(_run(app, wanted.mouse))
    return app.return_code or 0


def run_app(app: TdxApp, mouse: bool, name: str) -> None:
    """Run the app, and say on leaving what became of edits that were neither saved nor discarded."""
    edits, failed = asyncio.run(_run(app, mouse))
    count = f"{edits} unsaved edit{'s' * (edits != 1)}"
    if edits and failed:
        print(f"tdxtui: {count} could not be kept: {failed}", file=sys.stderr)
    elif edits:
        again = shlex.quote(str(app.editor.path or name))
        print(f"tdxtui: ended with {count}; tdxtui open {again} offers to recover", file=sys.stderr)


async def _run(app: TdxApp, mouse: bool) -> tuple[int, str]:
    """Run the app; a signal ends it in good order. What of its edits was kept, and why it couldn't be."""

    def stop(number: int) -> None:
        app.exit(return_code=128 + number)

    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    await app.run_async(mouse=mouse)
    return app.end_autosave()


# -- colours --


def _theme(asked: str | None, wanted: Settings) -> tuple[Theme, palette.Palette]:
    """The theme that is asked for, else that of the settings, else the one chosen last, else the default one."""
    if asked:
        return palette.load(palette.find(asked))
    if wanted.theme:
        return palette.load(_set(wanted, "theme", palette.find, wanted.theme))
    try:
        return palette.load(palette.find(str(remembered.recall().get("theme", DEFAULT_THEME))))
    except TdxtuiError:  # it was chosen once, but is gone or broken now
        return palette.load(palette.find(DEFAULT_THEME))


def _hint() -> str:
    """A first word for who is here the first time; "" for everybody else, and where it can't be remembered."""
    if remembered.recall().get("greeted"):
        return ""
    return FIRST_HINT if remembered.remember(greeted=True) else ""


# -- the model, the module, the CPU --


def open_editor(
    name: str | None, module: str | None, platform: str | None, read_only: bool = False,
    wanted: Settings = settings.NONE,
) -> tuple[Editor, str]:
    """An editor on a file or preset (None: the first one), and a word about it for the user."""
    model, path, notice = _find(name or DEFAULT_PRESET, wanted.platform or DEFAULT_PLATFORM)
    on = _module(module or model.module, wanted)
    cpu = _platform(model.platform if platform is None else platform, wanted)
    return Editor(model, on, cpu, path, read_only), notice


def _module(name: str, wanted: Settings) -> Module:
    if not name and wanted.module:
        return _set(wanted, "module", library.module, wanted.module)
    return library.module(name or DEFAULT_MODULE)


def _platform(name: str, wanted: Settings) -> Platform | None:
    if name:
        return library.platform(name) if name != NO_PLATFORM else None
    if wanted.platform in (None, "", NO_PLATFORM):
        return None
    return _set(wanted, "platform", library.platform, wanted.platform or "")


def _set(wanted: Settings, key: str, load: Callable[[str], T], name: str) -> T:
    """What a setting names; DataError with the settings' file if there is no such thing."""
    try:
        return load(name)
    except library.NotFound as error:
        raise data_error(wanted.source, key, str(error)) from None


def _find(name: str, platform: str) -> tuple[VcpuModel, Path | None, str]:
    """A model by file or preset name, or a new one (for that platform) for a file that isn't there yet."""
    presets = library.presets()
    path = Path(name)
    if name in presets and not path.exists():
        return model_file.load_fast(presets[name]), None, f"preset {name}: s saves it as a file of yours"
    if path.is_file() and path.stat().st_size == 0:
        return VcpuModel(path.stem, platform=platform), path, f"{path} is empty: a new model, written by s"
    if path.exists():
        return model_file.load_fast(path), path, ""
    if path.suffix == ".toml" and path.parent.is_dir():
        return VcpuModel(path.stem, platform=platform), path, f"new model: {path} is written by s"
    raise TdxtuiError(f"there is no file or preset {name!r}; presets are {', '.join(presets)}")
