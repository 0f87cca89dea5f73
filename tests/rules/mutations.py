"""Module files with a statement taken out, and tests called as pytest would call them.

An `Edit` changes a file's tables in place. Its path leads through them by key, by some of a table's values
(``{"field": "1.eax"}``) in a list of tables, or by value in another list.
"""

from __future__ import annotations

import pickle
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import product
from typing import Any

import pytest

from tdxtui import library, module_file
from tdxtui.classify import rows
from tdxtui.module import Module

from . import platforms

Tables = dict[str, Any]
Edit = Callable[[Tables], None]
Step = str | list[str] | dict[str, Any]


def _place(holder: Any, step: Step) -> Any:
    """The key or index of a step, which there must be once."""
    if isinstance(holder, dict):
        assert isinstance(step, str) and step in holder, step
        return step
    found = [index for index, item in enumerate(holder) if _fits(item, step)]
    assert len(found) == 1, (step, found)
    return found[0]


def _fits(item: Any, step: Step) -> bool:
    if isinstance(item, dict) and isinstance(step, dict):
        return all(item.get(key) == value for key, value in step.items())
    return bool(item == step)


def _end(tables: Any, path: tuple[Step, ...]) -> tuple[Any, Any]:
    """What holds the end of a path, and the end's key or index in it."""
    for step in path[:-1]:
        tables = tables[_place(tables, step)]
    return tables, _place(tables, path[-1])


def out(*path: Step) -> Edit:
    """Take it out."""

    def edit(tables: Tables) -> None:
        holder, place = _end(tables, path)
        del holder[place]

    return edit


def to(*path: Step, value: Any) -> Edit:
    """Give it another value."""

    def edit(tables: Tables) -> None:
        holder, place = _end(tables, path)
        assert holder[place] != value
        holder[place] = value

    return edit


def new(*path: str, value: Any) -> Edit:
    """State a key that is not stated."""

    def edit(tables: Tables) -> None:
        holder: Any = tables
        for step in path[:-1]:
            holder = holder[step]
        assert path[-1] not in holder
        holder[path[-1]] = value

    return edit


def put(*path: Step, item: Any) -> Edit:
    """Put an item in front of a list."""

    def edit(tables: Tables) -> None:
        holder, place = _end(tables, path)
        assert item not in holder[place]
        holder[place].insert(0, item)

    return edit


def less(*path: Step, bits: int) -> Edit:
    """Take bits out of a mask that has them all."""

    def edit(tables: Tables) -> None:
        holder, place = _end(tables, path)
        mask = int(holder[place], 16)
        assert mask & bits == bits, f"{mask:x}"
        holder[place] = hex(mask & ~bits)

    return edit


def more(*path: Step, bits: int) -> Edit:
    """Put bits into a mask that has none of them."""

    def edit(tables: Tables) -> None:
        holder, place = _end(tables, path)
        mask = int(holder[place], 16)
        assert not mask & bits, f"{mask:x}"
        holder[place] = hex(mask | bits)

    return edit


def both(*edits: Edit) -> Edit:
    """One edit after the other, for a statement that stands in more than one place."""

    def edit(tables: Tables) -> None:
        for one in edits:
            one(tables)

    return edit


def no_entry(key: str) -> Edit:
    """Take a lookup entry out, wherever it is spoken of."""

    def edit(tables: Tables) -> None:
        del tables["entry"][key]
        for name in ("verify", "lp_differs"):
            tables[name].pop(key, None)
        for leaves in (tables["cpuid_config"], *(item.get("leaves", []) for item in tables["inferred"])):
            if key in leaves:
                leaves.remove(key)

    return edit


def not_dynamic(field: str, key: str, register: str, bits: int) -> Edit:
    """Take a field of the run time out: its statement, and its entry's bits."""

    def edit(tables: Tables) -> None:
        statement = next(item for item in tables["dynamic"] if field in item["fields"])
        statement["fields"].remove(field)
        if not statement["fields"]:
            tables["dynamic"].remove(statement)
        less("entry", key, register, "dynamic", bits=bits)(tables)

    return edit


@cache
def _read(version: str) -> tuple[bytes, Module]:
    text = library.files("modules")[version].read_text(encoding="utf-8")
    return pickle.dumps(tomllib.loads(text)), module_file.parse(text, version)


def edited(version: str, edit: Edit) -> Tables:
    """The tables of a module's file after an edit."""
    tables: Tables = pickle.loads(_read(version)[0])
    edit(tables)
    return tables


def mutant(version: str, edit: Edit) -> Module:
    """The module of a file after an edit; it must still be one, and another one."""
    tables = edited(version, edit)
    with pytest.MonkeyPatch.context() as patch:
        # Writing TOML only to read it again would take most of the time.
        patch.setattr(module_file, "parse_toml", lambda *_: tables)
        module = module_file.parse("", version)
    assert module != _read(version)[1]
    return module


@contextmanager
def installed(version: str, module: Module) -> Iterator[None]:
    """The module in the place of the built-in one, also for what remembers the answers of that."""
    module_of, every_row = library.module, platforms.every_row
    fresh = cache(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "module", lambda name: module if name == version else module_of(name))
        patch.setattr(platforms, "every_row", lambda name, on: (fresh if name == version else every_row)(name, on))
        yield


def cases(test: Callable[..., None], version: str) -> Iterator[dict[str, Any]]:
    """The arguments that pytest gives a test; where it asks for a module, only those with this one."""
    choices = []
    for mark in getattr(test, "pytestmark", []):
        assert mark.name == "parametrize"
        names, values = mark.args
        if isinstance(names, str):
            names, values = [names], [[value] for value in values]
        found = [dict(zip(names, value, strict=True)) for value in values]
        choices.append([case for case in found if case.get("module", version) == version])
    for chosen in product(*choices):
        yield {name: value for case in chosen for name, value in case.items()}


def failing_case(test: Callable[..., None], version: str) -> dict[str, Any] | None:
    """The first arguments with which a test fails, None if it passes with all."""
    for case in cases(test, version):
        try:
            test(**case)
        except AssertionError:
            return case
    return None
