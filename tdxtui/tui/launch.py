"""Open the screen on a model: find it, choose module and platform, and leave the terminal as it was."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tdxtui import library, model_file
from tdxtui.editor import Editor
from tdxtui.errors import TdxtuiError
from tdxtui.model import VcpuModel
from tdxtui.situations import DEFAULT_MODULE, DEFAULT_PRESET, NO_PLATFORM
from tdxtui.tui import palette

if TYPE_CHECKING:
    from tdxtui.tui.app import TdxApp


def run(name: str | None, module: str | None, platform: str | None, read_only: bool, theme: str) -> int:
    """Show the screen until the user leaves; the exit status."""
    editor, notice = open_editor(name, module, platform, read_only)
    found, colours = palette.load(palette.find(theme))
    no_color = bool(os.environ.get("NO_COLOR"))
    # Textual costs most of a start; what can be wrong with the arguments is told before.
    from tdxtui.tui.app import TdxApp

    app = TdxApp(editor, found, palette.monochrome() if no_color else colours, no_color, notice)
    saved = asyncio.run(_run(app))
    if saved:
        print(f"tdxtui: stopped by a signal; the changes are in {saved}", file=sys.stderr)
    if app.problem:
        raise TdxtuiError(app.problem)
    return app.return_code or 0


def open_editor(
    name: str | None, module: str | None, platform: str | None, read_only: bool = False
) -> tuple[Editor, str]:
    """An editor on a file or preset (None: the first one), and a word about it for the user."""
    model, path, notice = _find(name or DEFAULT_PRESET)
    on = library.module(module or model.module or DEFAULT_MODULE)
    cpu_name = model.platform if platform is None else platform
    cpu = library.platform(cpu_name) if cpu_name and cpu_name != NO_PLATFORM else None
    return Editor(model, on, cpu, path, read_only), notice


def _find(name: str) -> tuple[VcpuModel, Path | None, str]:
    """A model by file or preset name, or a new one for a file that isn't there yet."""
    presets = library.presets()
    path = Path(name)
    if name in presets and not path.exists():
        return model_file.load_fast(presets[name]), None, f"preset {name}: s saves it as a file of yours"
    if path.is_file() and path.stat().st_size == 0:
        return _new(path), path, f"{path} is empty: a new model, written by s"
    if path.exists():
        return model_file.load_fast(path), path, ""
    if path.suffix == ".toml" and path.parent.is_dir():
        return _new(path), path, f"new model: {path} is written by s"
    raise TdxtuiError(f"there is no file or preset {name!r}; presets are {', '.join(presets)}")


def _new(path: Path) -> VcpuModel:
    return VcpuModel(name=path.stem, platform="sapphire-rapids")


async def _run(app: TdxApp) -> Path | None:
    """Run the app; on SIGTERM or SIGHUP leave it in good order, with unsaved changes kept in a file."""
    kept: list[Path | None] = []

    def stop(number: int) -> None:
        kept.append(_keep(app.editor))
        app.exit(return_code=128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    await app.run_async()
    return kept[-1] if kept else None


def state_folder() -> Path:
    """Where unsaved work is kept: $XDG_STATE_HOME/tdxtui, by default ~/.local/state/tdxtui."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path("~/.local/state").expanduser())
    return Path(home) / "tdxtui"


def _keep(editor: Editor) -> Path | None:
    """Write unsaved changes to the state folder; None if there are none, or it can't be."""
    if not editor.dirty or editor.read_only:
        return None
    name = re.sub(r"[^\w.-]+", "_", editor.model.name)[:80]
    path = state_folder() / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.toml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        model_file.save(editor.model, path)
    except (OSError, TdxtuiError):
        return None
    return path
