"""Opening a model: a file, a preset, or whatever else a model can be made from; on which module and CPU.

Of what models can be made from besides, nothing is loaded before one of them is named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tdxtui import library, model_file, settings
from tdxtui.editor import Editor
from tdxtui.errors import DataError, TdxtuiError
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.settings import Settings
from tdxtui.situations import DEFAULT_PRESET, NO_PLATFORM, module_of, platform_of
from tdxtui.strict import data_error, parse_toml, read_text

if TYPE_CHECKING:
    from tdxtui.sources import Source
    from tdxtui.vmm_layer import VmmLayer

DEFAULT_PLATFORM = "sapphire-rapids"
T = TypeVar("T")


class Document(NamedTuple):
    """An editor, a word about it for the user, and what it was made from where that is no model of ours."""

    editor: Editor
    notice: str
    source: Source | None = None


class Opened(NamedTuple):
    """A model with its file, a word about it, and what it was made from."""

    model: VcpuModel
    path: Path | None = None
    notice: str = ""
    source: Source | None = None


def open_editor(
    name: str | None, module: str | None, platform: str | None, read_only: bool = False,
    wanted: Settings = settings.NONE,
) -> tuple[Editor, str]:
    """An editor on a model (None: the default preset), and a word about it for the user."""
    return open_document(name, module, platform, read_only, wanted)[:2]


def open_document(
    name: str | None, module: str | None, platform: str | None, read_only: bool = False,
    wanted: Settings = settings.NONE, layers: Sequence[VmmLayer] = (),
) -> Document:
    """What `tdxtui open` shows: a file, a preset, or a new model made from any other source, which has no file yet."""
    found = _find(name or DEFAULT_PRESET, wanted.platform or DEFAULT_PLATFORM)
    if found.source is not None and found.source.kind == "platform" and platform is None:
        platform = found.source.text
    on, host = _module(found.model, module, wanted), _platform(found.model, platform, wanted)
    model, source, notice = found.model, found.source, found.notice
    if source is not None:
        from tdxtui import sources

        source = sources.on(source, on, host, layers)
        model, notice = source.model, _told(source)
    return Document(Editor(model, on, host, found.path, read_only), notice, source)


def _module(model: VcpuModel, name: str | None, wanted: Settings) -> Module:
    if not name and not model.module and wanted.module:
        return set_by(wanted, "module", library.module, wanted.module)
    return module_of(model, name)


def _platform(model: VcpuModel, name: str | None, wanted: Settings) -> Platform | None:
    if (model.platform if name is None else name) or wanted.platform in (None, "", NO_PLATFORM):
        return platform_of(model, name)
    return set_by(wanted, "platform", library.platform, wanted.platform or "")


def set_by(wanted: Settings, key: str, load: Callable[[str], T], name: str) -> T:
    """What a setting names; DataError with the settings' file if there is no such thing."""
    try:
        return load(name)
    except DataError:  # a file with a mistake: that says where
        raise
    except TdxtuiError as error:
        raise data_error(wanted.source, key, str(error)) from None


def _find(name: str, platform: str) -> Opened:
    """A model by file or preset name, a new one (for that platform) for a file that isn't there yet, or a source."""
    presets = library.presets()
    path = Path(name)
    if name in presets and not path.exists():
        return Opened(model_file.load_fast(presets[name]), notice=f"preset {name}: s saves it as a file of yours")
    if path.is_file() and path.stat().st_size == 0:
        return Opened(VcpuModel(path.stem, platform=platform), path, f"{path} is empty: a new model, written by s")
    if path.exists() and _is_model(path):
        return Opened(model_file.load_fast(path), path)
    if path.suffix == ".toml" and path.parent.is_dir() and not path.exists():
        return Opened(VcpuModel(path.stem, platform=platform), path, f"new model: {path} is written by s")
    from tdxtui import sources

    source = sources.find(name)
    return Opened(source.model, source=source)


def _is_model(path: Path) -> bool:
    """Whether what there is is to be read as a model: it is called so, it is TOML, or no file at all."""
    if path.suffix == ".toml" or not path.is_file():
        return True
    try:
        parse_toml(read_text(path), str(path))
    except TdxtuiError:
        return False
    return True


def _told(source: Source) -> str:
    """What the user is told of a model that was made from something else."""
    count = len(source.notes)
    more = f" (and {count - 1} more, i lists them)" if count > 1 else ""
    said = f": {source.notes[0].rstrip('.')}{more}" if source.notes else ""
    return f"{source.text}, not saved yet{said}"
