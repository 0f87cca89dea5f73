"""Find modules and platforms by name: the built-in ones, and the user's own files."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from tdxtui import module_file
from tdxtui.cpuid import Leaf
from tdxtui.errors import DataError, TdxtuiError
from tdxtui.module import Module
from tdxtui.module_file.constants import CLOSED, Constants, Openness
from tdxtui.platform import Platform
from tdxtui.refusal import Refusal
from tdxtui.strict import MAX_MESSAGE, read_text, shown
from tdxtui.sysinit import Prepared, prepare, prepare_unknown

PACKAGE = Path(__file__).parent
DATA = PACKAGE / "data"


class NotFound(TdxtuiError):
    """No module or platform of that name; the text lists those that there are."""


def user_data() -> Path:
    """The user's own data directory: $XDG_DATA_HOME/tdxtui, by default ~/.local/share/tdxtui."""
    return Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "tdxtui"


def files(kind: str) -> dict[str, Path]:
    """The files of a kind (modules, platforms) by name, the user's before the built-in ones of the same name."""
    return dict(_files(kind, user_data()))


@lru_cache(maxsize=16)
def _files(kind: str, user: Path) -> dict[str, Path]:
    """Looked up once: a stream of requests must not ask the file system for each."""
    return dict(sorted(_named(DATA / kind, user / kind).items()))


def _named(*folders: Path) -> dict[str, Path]:
    return {path.stem: path for folder in folders if folder.is_dir() for path in sorted(folder.glob("*.toml"))}


def shipped(kind: str) -> Path:
    """The folder of the presets or themes: inside an installed package, or beside it in a checkout."""
    inside = PACKAGE / kind
    return inside if inside.is_dir() else PACKAGE.parent / kind


def presets() -> dict[str, Path]:
    """The presets by name, the user's before the shipped ones of the same name."""
    return _named(shipped("presets"), user_data() / "presets")


def _find(kind: str, what: str, name: str) -> Path:
    known = _files(kind, user_data())
    if name in known:
        return known[name]
    if os.sep in name or name.endswith(".toml"):
        return Path(name)
    raise NotFound(f"there is no {what} {name!r}; known are {', '.join(known)}, or give a file")


def _is_file(name: str) -> bool:
    return os.path.isfile(name)  # noqa: PTH113 (no error for what can be no name)


def module_path(name: str) -> Path:
    """The file of a module by version, or the path itself; NotFound if it is neither."""
    if not name.endswith(".toml") and name not in _files("modules", user_data()) and _is_file(name):
        made = "tdxtui import FILE -o VERSION.toml makes one of Intel's CPUID table"
        raise NotFound(f"{shown(name, MAX_MESSAGE)}: is no module file (*.toml); {made}")
    return _find("modules", "module", name)


def module(name: str) -> Module:
    """A module by version, or by the path of its file."""
    return _module_of(module_path(name))


@lru_cache(maxsize=64)
def _module_of(path: Path) -> Module:
    try:
        return module_file.load(path)
    except DataError:
        from tdxtui.file_kind import MODULE, demand

        demand(MODULE, path)
        raise


def platform_path(name: str) -> Path:
    """The file of a platform by name, or the path itself, a dump's too; NotFound if it is neither."""
    if name not in _files("platforms", user_data()) and _is_file(name):
        return Path(name)
    return _find("platforms", "platform", name)


def openness(name: str, leaf: Leaf) -> Openness:
    """What can become of a leaf's bits on a module; nothing if its file can't be used.

    Far quicker than loading the module, for whoever looks through all of them.
    """
    return _openness(_find("modules", "module", name), leaf)


@lru_cache(maxsize=4096)
def _openness(path: Path, leaf: Leaf) -> Openness:
    found = _constants_of(path)
    return found.at(leaf) if found else CLOSED


@lru_cache(maxsize=64)
def _constants_of(path: Path) -> Constants | None:
    try:
        return Constants(read_text(path), str(path))
    except TdxtuiError:
        return None


def platform(name: str) -> Platform:
    """A platform by name, or by the path of its file or of a dump."""
    return _platform_of(platform_path(name))


@lru_cache(maxsize=64)
def _platform_of(path: Path) -> Platform:
    if path.suffix == ".toml":
        from tdxtui import platform_file

        try:
            return platform_file.load(path)
        except DataError:
            from tdxtui.file_kind import PLATFORM, demand

            demand(PLATFORM, path)
            raise
    from tdxtui import dump_platform

    return dump_platform.load(path)


_prepared: dict[tuple[int, int], tuple[Module, Platform, Prepared | Refusal]] = {}


def prepared(on: Module, cpu: Platform) -> Prepared | Refusal:
    """A module prepared on a platform, done once for each pair."""
    key = id(on), id(cpu)
    if key not in _prepared:
        if len(_prepared) > 256:
            _prepared.clear()
        _prepared[key] = on, cpu, prepare(on, cpu)
    return _prepared[key][2]


def prepare_or_raise(on: Module, name: str) -> Prepared:
    """A module prepared on a named platform; TdxtuiError with the module's reason if it refuses it."""
    ready = prepared(on, platform(name))
    if isinstance(ready, Refusal):
        raise TdxtuiError(f"module {on.version} refuses platform {name}: {ready}")
    return ready


_unknown: dict[int, tuple[Module, tuple[Prepared, Prepared]]] = {}


def prepared_unknown(on: Module) -> tuple[Prepared, Prepared]:
    """The two bounds of a module on an unknown CPU."""
    if id(on) not in _unknown:
        _unknown[id(on)] = on, (prepare_unknown(on, ones=False), prepare_unknown(on, ones=True))
    return _unknown[id(on)][1]
