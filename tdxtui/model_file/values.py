"""Values as TOML text: new ones, and old ones changed in their own style. tomlkit does it; only a save loads it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tomlkit
from tomlkit.items import InlineTable

from tdxtui.model_file.lists import with_items

Value = bool | int | str | Sequence[str] | Mapping[str, str]

_HEX = re.compile(r"""(["'])0([xX])([0-9a-fA-F]+)["']""")


def key_text(key: str) -> str:
    """A key as TOML, quoted where it must be."""
    return tomlkit.key(key).as_string()


def value_text(value: Value) -> str:
    """A value as TOML on one line."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key_text(key)} = {value_text(item)}" for key, item in value.items())
        return f"{{ {inner} }}"
    return tomlkit.item(value).as_string()


def restyled(raw: str, value: Value) -> str:
    """A value as TOML in the style of the one that it takes the place of: quotes, digits, layout of a list."""
    if isinstance(value, Mapping) and raw.startswith("{"):
        return _inside(raw, lambda table: _set_all(table, value))
    if isinstance(value, list | tuple) and raw.startswith("["):
        return with_items(raw, value)
    if isinstance(value, str):
        return _restyled_text(raw, value)
    return value_text(value)


def _restyled_text(raw: str, value: str) -> str:
    old = _HEX.fullmatch(raw)
    if old and value.startswith("0x"):
        digits = value[2:].lstrip("0").rjust(len(old[3]), "0") or "0"
        upper = old[3] != old[3].lower()
        return f"{old[1]}0{old[2]}{digits.upper() if upper else digits}{old[1]}"
    if raw.startswith("'") and not raw.startswith("'''") and value.isprintable() and "'" not in value:
        return f"'{value}'"
    return value_text(value)


def with_member(raw: str, path: Sequence[str], value: Value) -> str:
    """An inline table with the value of a key set, in place if it is there."""
    *tables, key = path

    def change(table: Any) -> None:
        for name in tables:
            if name not in table:
                table[name] = tomlkit.inline_table()
            table = table[name]
        if isinstance(value, Mapping) and isinstance(table.get(key), Mapping):
            _set_all(table[key], value)
        else:
            _set_all(table, {key: value})

    return _inside(raw, change)


def without_member(raw: str, path: Sequence[str]) -> str:
    """An inline table without a key."""
    *tables, key = path

    def change(table: Any) -> None:
        for name in tables:
            table = table[name]
        del table[key]

    return _inside(raw, change)


def _inside(raw: str, change: Callable[[Any], None]) -> str:
    """An inline table changed by tomlkit, which knows only one kind of line end."""
    document = tomlkit.parse("v = " + raw.replace("\r\n", "\n"))
    item = document.item("v")
    assert isinstance(item, InlineTable)
    change(item)
    text = document.as_string().removeprefix("v = ")
    return text.replace("\n", "\r\n") if "\r\n" in raw else text


def _set_all(table: Any, values: Mapping[str, Value]) -> None:
    for key, value in values.items():
        old = table.value.item(key).as_string().strip() if key in table else ""
        table[key] = tomlkit.parse(f"v = {restyled(old, value)}").item("v")
