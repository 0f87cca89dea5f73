"""The names of all tools, each with the fields that it is used for."""

from __future__ import annotations

from functools import cache

from tdxtui.catalog.tables import NAME, Row, lines, row, rows

LINUX_PREFIX = "x86_feature_"

_SEPARATORS = str.maketrans("-.", "__")


def spelled(word: str) -> list[Row]:
    """The rows with a name, spelled exactly if any is, else with separators taken as alike."""
    name = word.removeprefix(LINUX_PREFIX)
    return _by_name().get(name) or _loosely(loosen(name))


def _loosely(name: str) -> list[Row]:
    """The rows with a name whose separators are all underscores; few names have any other in a table."""
    plain = _by_name().get(name, [])
    return plain + [row for row in _by_other_separators().get(name, []) if row not in plain]


def loosen(name: str) -> str:
    """A name with all separators alike."""
    return name.translate(_SEPARATORS)


def owner(name: str) -> Row | None:
    """The row whose canonical name that is, which is its alone; None for any other word."""
    number = _by_canonical_name().get(name)
    return None if number is None else row(number)


@cache
def _by_canonical_name() -> dict[str, int]:
    return {cells[NAME]: number for number, cells in enumerate(lines())}


@cache
def _by_name() -> dict[str, list[Row]]:
    index: dict[str, list[Row]] = {}
    for found in rows():
        for name in dict.fromkeys(name.lower() for name in found.names if name):
            index.setdefault(name, []).append(found)
    return index


@cache
def _by_other_separators() -> dict[str, list[Row]]:
    index: dict[str, list[Row]] = {}
    for name, named in _by_name().items():
        if "-" in name or "." in name:
            index.setdefault(loosen(name), []).extend(named)
    return index


@cache
def by_loose_name() -> dict[str, list[Row]]:
    """The rows by name in lower case, its separators alike."""
    index: dict[str, list[Row]] = {}
    for found in rows():
        for name in dict.fromkeys(loosen(name.lower()) for name in found.names if name):
            index.setdefault(name, []).append(found)
    return index
