"""Find modules and platforms by name: the built-in ones, and the user's own files."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from tdxtui import module_file, platform_file
from tdxtui.errors import TdxtuiError
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.refusal import Refusal
from tdxtui.sysinit import Prepared, prepare, prepare_unknown

DATA = Path(__file__).with_name("data")


class NotFound(TdxtuiError):
    """No module or platform of that name; the text lists those that there are."""


def user_data() -> Path:
    """The user's own data directory: $XDG_DATA_HOME/tdxtui, by default ~/.local/share/tdxtui."""
    home = os.environ.get("XDG_DATA_HOME") or str(Path("~/.local/share").expanduser())
    return Path(home) / "tdxtui"


def files(kind: str) -> dict[str, Path]:
    """The files of a kind (modules, platforms) by name, the user's before the built-in ones of the same name."""
    found: dict[str, Path] = {}
    for folder in (DATA / kind, user_data() / kind):
        if folder.is_dir():
            found.update({path.stem: path for path in sorted(folder.glob("*.toml"))})
    return dict(sorted(found.items()))


def _find(kind: str, what: str, name: str) -> Path:
    known = files(kind)
    if name in known:
        return known[name]
    if os.sep in name or name.endswith(".toml"):
        return Path(name)
    raise NotFound(f"there is no {what} {name!r}; known are {', '.join(known)}, or give a file")


def module(name: str) -> Module:
    """A module by version, or by the path of its file."""
    return _module_of(_find("modules", "module", name))


@lru_cache(maxsize=64)
def _module_of(path: Path) -> Module:
    return module_file.load(path)


def platform(name: str) -> Platform:
    """A platform by name, or by the path of its file."""
    return _platform_of(_find("platforms", "platform", name))


@lru_cache(maxsize=64)
def _platform_of(path: Path) -> Platform:
    return platform_file.load(path)


_prepared: dict[tuple[int, int], tuple[Module, Platform, Prepared | Refusal]] = {}


def prepared(on: Module, cpu: Platform) -> Prepared | Refusal:
    """A module prepared on a platform, done once for each pair."""
    key = id(on), id(cpu)
    if key not in _prepared:
        if len(_prepared) > 256:
            _prepared.clear()
        _prepared[key] = on, cpu, prepare(on, cpu)
    return _prepared[key][2]


@lru_cache(maxsize=32)
def prepared_unknown(version: str) -> tuple[Prepared, Prepared]:
    """The two bounds of a module on an unknown CPU."""
    on = module(version)
    return prepare_unknown(on, ones=False), prepare_unknown(on, ones=True)
