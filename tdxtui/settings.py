"""The user's settings: config.toml in the configuration folder. Without one everything has its default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from tdxtui import folders
from tdxtui.strict import Section, kind_of, parse_toml, read_text, unknown

FILE = "config.toml"
KEYS_TABLE = "keys"
KNOWN = ("theme", "mouse", "module", "platform", "kvm", "qemu", KEYS_TABLE)
NO_LAYER = "none"


class Settings(NamedTuple):
    """What the user set; None for what they left to the program.

    `module` and `platform` are names or files for models that name none; `kvm` and `qemu` are versions of VMM layers
    (or files), "none" for none; `keys` has for each action the keys that are
    to do it, none to take it off the keyboard. `source` is the file, for errors.
    """

    source: str
    theme: str | None = None
    mouse: bool = True
    module: str | None = None
    platform: str | None = None
    kvm: str | None = None
    qemu: str | None = None
    keys: Mapping[str, tuple[str, ...]] = MappingProxyType({})


NONE = Settings("")


def path() -> Path:
    """The file of the settings; it need not be there."""
    return folders.config() / FILE


def load() -> Settings:
    """The settings; DataError says file, key and what was expected."""
    file = path()
    return read(read_text(file), str(file)) if file.exists() else Settings(str(file))


def read(text: str, source: str) -> Settings:
    """The settings of a file's text."""
    top = Section(parse_toml(text, source), source)
    for key in top:
        if key not in KNOWN:
            raise top.error(key, unknown(key, KNOWN))
    keys = top.table(KEYS_TABLE, required=False)
    return Settings(
        source, theme=top.text("theme", None), mouse=top.flag("mouse", True), module=top.text("module", None),
        platform=top.text("platform", None), kvm=top.text("kvm", None), qemu=top.text("qemu", None),
        keys={action: _keys(keys, action) for action in keys},
    )


def _keys(table: Section, action: str) -> tuple[str, ...]:
    """Keys as a text with commas between them, or as a list."""
    if table.is_text(action):
        found = [table.text(action)]
    else:
        found = table.take(action, list)
        if wrong := [item for item in found if not isinstance(item, str)]:
            raise table.error(action, f"expected keys as strings, found {kind_of(wrong[0])}")
    return tuple(key.strip() for text in found for key in _split(text))


def _split(text: str) -> list[str]:
    """The comma itself is a key, too."""
    return [text] if text.strip() == "," else [part for part in text.split(",") if part.strip()]


def checked(settings: Settings, checks: Mapping[str, Callable[[str], object]]) -> None:
    """Try what needs more than the file: each setting that is there by its function, whose error names file and key."""
    from tdxtui.errors import TdxtuiError
    from tdxtui.strict import data_error

    for key, check in checks.items():
        value = getattr(settings, key)
        try:
            if value is not None:
                check(value)
        except TdxtuiError as error:
            raise data_error(settings.source, key, str(error)) from None
