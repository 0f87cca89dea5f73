"""Open the screen on a model: find it, choose module, platform and colours, and leave the terminal as it was."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING

from tdxtui import remembered, settings
from tdxtui.errors import TdxtuiError
from tdxtui.settings import NO_LAYER, Settings
from tdxtui.situations import DEFAULT_PRESET
from tdxtui.tui import palette
from tdxtui.tui.opening import open_document, set_by

if TYPE_CHECKING:
    from textual.theme import Theme

    from tdxtui.tui.app import TdxApp
    from tdxtui.vmm_layer import VmmLayer

DEFAULT_THEME = "dark"
FIRST_HINT = "New here? Space flips a bit, F1 explains, ? keys, q quits"
SIGNALS = signal.SIGTERM, signal.SIGHUP, signal.SIGINT


def run(
    name: str | None, module: str | None, platform: str | None, read_only: bool, theme: str | None,
    kvm: str | None = None, qemu: str | None = None,
) -> int:
    """Show the screen until the user leaves; the exit status."""
    app, mouse = make_app(name, module, platform, read_only, theme, kvm, qemu)
    run_app(app, mouse, name or DEFAULT_PRESET)
    if app.problem:
        raise TdxtuiError(app.problem)
    return app.return_code or 0


def make_app(
    name: str | None, module: str | None, platform: str | None, read_only: bool, theme: str | None,
    kvm: str | None = None, qemu: str | None = None,
) -> tuple[TdxApp, bool]:
    """The app, by the user's settings where nothing else is asked for; and whether it is to take the mouse."""
    wanted = settings.load()
    held = layers(kvm, qemu, wanted)
    opened = open_document(name, module, platform, read_only, wanted, held)
    found, colours = _theme(theme, wanted)
    no_color = bool(os.environ.get("NO_COLOR"))
    # Textual costs most of a start; what can be wrong with the arguments is told before.
    from tdxtui.tui.app import TdxApp

    keys = None
    if wanted.keys:
        from tdxtui.tui import keymap

        keys = keymap.checked(wanted.keys, wanted.source)
    notice = opened.notice if read_only else _hint() or opened.notice
    app = TdxApp(opened.editor, found, palette.monochrome() if no_color else colours, no_color, notice, keys)
    app.source, app.layers = opened.source, held
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
        return palette.load(set_by(wanted, "theme", palette.find, wanted.theme))
    try:
        return palette.load(palette.find(str(remembered.recall().get("theme", DEFAULT_THEME))))
    except TdxtuiError:  # it was chosen once, but is gone or broken now
        return palette.load(palette.find(DEFAULT_THEME))


def layers(kvm: str | None, qemu: str | None, wanted: Settings) -> tuple[VmmLayer, ...]:
    """The VMM layers that are asked for, else those of the settings; "none" stands for none."""
    found = []
    for kind, asked in (("kvm", kvm), ("qemu", qemu)):
        version = asked or getattr(wanted, kind)
        if version in (None, NO_LAYER):
            continue
        from tdxtui import vmm

        load = partial(vmm.layer, kind)
        found.append(load(version) if asked else set_by(wanted, kind, load, version))
    return tuple(found)


def _hint() -> str:
    """A first word for who is here the first time; "" for everybody else, and where it can't be remembered."""
    if remembered.recall().get("greeted"):
        return ""
    return FIRST_HINT if remembered.remember(greeted=True) else ""
