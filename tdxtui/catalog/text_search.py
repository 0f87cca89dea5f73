"""Searching as one types: the fields with a text somewhere in a name or in their notation."""

from __future__ import annotations

import re
from functools import cache

from tdxtui.catalog.index import loosen
from tdxtui.catalog.named import Named, fields_of, has_subleaves, named
from tdxtui.catalog.tables import Row, rows
from tdxtui.cpuid import Leaf

# Kept as text: re compiles them on the first search, not at import.
_NOTATION = r".*[].:=()[].*|cpuid|e[a-d]x|[0-9a-f]*[0-9][0-9a-f]*h?"
_ENTRY_PREFIX = r"([0-9a-f]{1,8}\.[0-9a-f]{1,8})(?:\..*)?"


def search(text: str, limit: int = 200) -> list[Named]:
    """The fields, at most ``limit``, that have the text in a name or in their notation, in any case of letters.

    Whole names come first, then names and notations that begin with the text; each group in order of position.
    Notation counts once the text looks like some (``7.0``, ``ebx``, ``[31:``): letters alone would match every ``eax``.
    A field of many sub-leaves appears at the lowest, unless the text begins with another one (``4.2.eax``).
    """
    word = text.strip().lower()
    if not word or limit <= 0:
        return []
    ranks = _ranks(word)
    leading = _fields_at_prefix(word)
    shown = {hit.field for hit in leading}
    best = sorted(ranks, key=lambda index: (ranks[index], index))[:limit + len(leading)]
    hits = [hit for hit in (named(rows()[index]) for index in best) if not shown or hit.field not in shown]
    return [*leading, *hits][:limit]


def _ranks(word: str) -> dict[int, int]:
    """The row numbers that match a search, each with its rank: 0 a whole name, 1 a beginning, 2 anywhere."""
    texts = _full_texts() if re.fullmatch(_NOTATION, word) else _name_texts()
    ranks: dict[int, int] = {}
    for wanted in {word, loosen(word)}:
        for index, text in enumerate(texts):
            if wanted in text:
                ranks[index] = min(_rank(wanted, text), ranks.get(index, 2))
    return ranks


def _rank(word: str, text: str) -> int:
    if f"\n{word}" not in text:
        return 2
    return 0 if f"\n{word}\n" in text else 1


def _fields_at_prefix(word: str) -> list[Named]:
    """The fields whose notation begins with the text, if that names one sub-leaf."""
    match = re.fullmatch(_ENTRY_PREFIX, word)
    if match is None:
        return []
    leaf = Leaf.parse(match[1])
    if not has_subleaves(leaf.leaf):
        return []
    return [hit for hit in fields_of(leaf) if hit.field.key.startswith(word)]


@cache
def _name_texts() -> tuple[str, ...]:
    """What a search looks through: per row, its names between line ends."""
    return tuple("\n".join(["", *row.names, ""]).lower() for row in rows())


@cache
def _full_texts() -> tuple[str, ...]:
    """The same with both notations, each on a line of its own."""
    return tuple(names + _notations(row) for names, row in zip(_name_texts(), rows(), strict=True))


def _notations(row: Row) -> str:
    """A row's ``Field.key`` and ``Field.sdm`` in lower case, put together here: a search can't wait for objects."""
    key, sdm = _entry_notations(row.leaf, row.low)
    register = row.register.key
    if row.msb == row.lsb:
        return f"{key}.{register}.{row.msb}\n{sdm}:{register}[{row.msb}]\n"
    bits = "" if row.msb - row.lsb == 31 else f"[{row.msb}:{row.lsb}]"
    return f"{key}.{register}{bits}\n{sdm}:{register}{bits}\n"


@cache
def _entry_notations(leaf: int, subleaf: int | None) -> tuple[str, str]:
    entry = Leaf(leaf, subleaf)
    return entry.key, entry.sdm.lower()
