"""What `/` finds: fields by any tool's name or any notation, in the entries of one module."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from tdxtui import catalog
from tdxtui.catalog.index import LINUX_PREFIX
from tdxtui.cpuid import Field, Leaf
from tdxtui.module import Module

LIMIT = 5000
_ALIKE = str.maketrans("-.", "__")


class Hits(NamedTuple):
    """The fields found, the best first; `missing` is one that was found but has no entry in the module."""

    fields: tuple[Field, ...]
    missing: Field | None = None


class _Known(NamedTuple):
    """A named field of the module: its names in one text, and each place that has it with its notations."""

    names: str
    places: list[tuple[Field, str]]


class Finder:
    """Searches the fields of a module's entries. What a key can't wait for is put together beforehand."""

    def __init__(self, leaves: tuple[Leaf, ...]) -> None:
        self._known: dict[str, _Known] = {}
        for leaf in leaves:
            for named in catalog.fields_of(leaf):
                known = self._known.setdefault(named.name, _Known(_loosely("\n".join(named.names())), []))
                known.places.append((named.field, f"{named.field.key}\n{named.field.sdm.lower()}"))

    def find(self, text: str, module: Module) -> Hits:
        """All that a text may mean: the very bit or field that it notes, then names and notations in their ranks."""
        word = text.strip().lower().removeprefix(LINUX_PREFIX)
        loose = _loosely(word)
        exact = _noted(word, module)
        hits = catalog.search(word, LIMIT)
        found = dict.fromkeys([exact] if exact else [])
        for hit in hits:
            for field in self._everywhere(hit.name, word, loose):
                found[field] = None
        return Hits(tuple(found), hits[0].field if hits and not found else None)

    def _everywhere(self, name: str, word: str, loose: str) -> list[Field]:
        """A field in each sub-leaf that has it; where only a notation fits, in those whose own does."""
        known = self._known.get(name)
        if known is None:
            return []
        named = loose in known.names
        return [field for field, notations in known.places if named or word in notations]


def _loosely(text: str) -> str:
    """Names with all separators alike."""
    return text.lower().translate(_ALIKE)


def _noted(word: str, module: Module) -> Field | None:
    try:
        return module.entry_field(Field.parse(word))
    except ValueError:
        return None


@lru_cache(maxsize=4)
def finder(leaves: tuple[Leaf, ...]) -> Finder:
    """The finder of some entries."""
    return Finder(leaves)


def nearest(text: str) -> tuple[str, ...]:
    """The names that come close to a text that nothing has. Takes longer than a key should."""
    try:
        return (catalog.find(text).key,)
    except catalog.UnknownName as error:
        return error.nearest
    except catalog.AmbiguousName:
        return ()
