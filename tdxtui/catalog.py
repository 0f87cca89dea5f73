"""The names of CPUID's fields: which bit a name means, and what a bit is called.

Two tables are the source: ``data/catalog/fields.csv`` (position and the names that QEMU, libvirt, Linux and kcpuid
use; positions follow the SDM) and ``data/catalog/leaves.csv`` (titles, and what the SDM reserves as a whole).
They are read on first use and kept; objects are made only for what is asked, since screens paint from here.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from tdxtui.cpuid import Field, Leaf, Register

RESERVED = "reserved"

_REGISTER_NAMES = ("eax", "ebx", "ecx", "edx")

_DATA = Path(__file__).parent / "data" / "catalog"


@dataclass(frozen=True, slots=True)
class Named:
    """A field and its names; a tool that has no name for it has an empty one.

    ``name`` is the canonical name (lower case, unique); ``x86_feature`` lacks Linux's ``X86_FEATURE_``.
    """

    field: Field
    name: str
    qemu: str
    libvirt: str
    linux: str
    kcpuid: str
    x86_feature: str

    def names(self) -> tuple[str, ...]:
        """Every distinct name, the canonical one first."""
        every = (self.name, self.qemu, self.libvirt, self.linux, self.kcpuid, self.x86_feature)
        return tuple(dict.fromkeys(name for name in every if name))


class UnknownName(ValueError):
    """No field has this name, and the text is no notation either.

    ``text`` is what was asked, ``nearest`` up to three canonical names that come close.
    """

    def __init__(self, text: str, nearest: tuple[str, ...]) -> None:
        hint = f"; did you mean {', '.join(nearest)}?" if nearest else "; write a name or a bit such as 7.0.ebx.16"
        super().__init__(f"no CPUID field is called {text!r}{hint}")
        self.text = text
        self.nearest = nearest


class AmbiguousName(ValueError):
    """The tools use this name for several fields; ``candidates`` holds them, ``text`` what was asked."""

    def __init__(self, text: str, candidates: tuple[Named, ...]) -> None:
        choices = ", ".join(f"{named.field.key} ({named.name})" for named in candidates)
        super().__init__(f"{text!r} may mean any of {choices}")
        self.text = text
        self.candidates = candidates


class _Row(NamedTuple):
    """A line of fields.csv; ``low`` is None for a leaf without sub-leaves."""

    leaf: int
    low: int | None
    high: int
    register: Register
    msb: int
    lsb: int
    names: tuple[str, ...]

    @property
    def first(self) -> Leaf:
        """The entry with the lowest sub-leaf that has the field."""
        return Leaf(self.leaf, self.low)


class _Entry(NamedTuple):
    """A line of leaves.csv; ``low`` is None for a leaf without sub-leaves."""

    low: int | None
    high: int
    title: str
    reserved: bool


def fields_of(leaf: Leaf) -> tuple[Named, ...]:
    """The named fields of an entry, EAX to EDX, the high bit first; ``()`` if none is known.

    Their ``field.leaf`` is the leaf as asked. A leaf without sub-leaf and its sub-leaf 0 have the same fields.
    """
    return _fields_of(leaf)


def named_at(field: Field) -> Named | None:
    """The smallest named field that holds all bits of a field, or None."""
    holders = [named for named in fields_of(field.leaf) if _covers(named.field, field)]
    return min(holders, key=lambda named: named.field.width, default=None)


def name_at(leaf: Leaf, register: Register, bit: int) -> str:
    """The canonical name at a bit (0 to 31): ``"reserved"`` where a documented entry has none, else ``""``."""
    return _bit_names(leaf)[register][bit]


def title(leaf: Leaf) -> str:
    """What an entry is about, in at most 24 characters; ``""`` if unknown."""
    entry = _entry(leaf)
    return entry.title if entry else ""


def has_subleaves(leaf: int) -> bool:
    """Whether entries of a leaf are written with their sub-leaf (``7.0``), as the TDX modules do; else like ``1``."""
    entries = _entries().get(leaf)
    return entries is not None and entries[0].low is not None


def find(text: str) -> Field:
    """The field that a text means, in any case of letters.

    Takes the notations of ``Field.parse``, a name of any tool (``avx512f``, ``sse4.1``, ``X86_FEATURE_XMM4_1``;
    if no tool spells it so, ``-``, ``_`` and ``.`` are alike), or such a name after its leaf (``4.2.cache_type``).
    A canonical name always means its own field; that of a field in many sub-leaves means the lowest sub-leaf.

    Raises UnknownName, or AmbiguousName where the tools disagree.
    """
    try:
        return Field.parse(text)
    except ValueError:
        return _only(text, _candidates(text.strip().lower())).field


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
    shown = {named.field for named in leading}
    best = sorted(ranks, key=lambda index: (ranks[index], index))[:limit + len(leading)]
    hits = [named for named in map(_named_by_number, best) if not shown or named.field not in shown]
    return [*leading, *hits][:limit]


def _only(text: str, candidates: list[Named]) -> Named:
    if not candidates:
        raise UnknownName(text, _nearest(text))
    if len(candidates) > 1:
        raise AmbiguousName(text, tuple(candidates))
    return candidates[0]


def _candidates(word: str) -> list[Named]:
    rows = _spelled(word)
    if rows:
        canonical = [row for row in rows if row.names[0] == word]
        return [_named(row) for row in canonical or rows]
    match = _QUALIFIED.fullmatch(word)
    return _candidates_in(Leaf.parse(match["leaf"]), match["name"]) if match else []


def _candidates_in(leaf: Leaf, word: str) -> list[Named]:
    rows = [row for row in _spelled(word) if row.leaf == leaf.leaf]
    return [_named(row, leaf) for row in rows if _within(row.low, row.high, leaf)]


_QUALIFIED = re.compile(r"(?P<leaf>[0-9a-f]{1,8}(?:\.[0-9a-f]{1,8})?)\.(?P<name>.+)")


def _spelled(word: str) -> list[_Row]:
    """The rows with a name, spelled exactly if any is, else with separators taken as alike."""
    name = word.removeprefix("x86_feature_")
    return _by_name().get(name) or _by_loose_name().get(_loosen(name), [])


_SEPARATORS = str.maketrans("-.", "__")


def _loosen(name: str) -> str:
    return name.translate(_SEPARATORS)


def _nearest(text: str) -> tuple[str, ...]:
    from difflib import get_close_matches  # only an error needs it

    index = _by_loose_name()
    close = get_close_matches(_loosen(text.strip().lower()), index, n=9)
    return tuple(dict.fromkeys(index[name][0].names[0] for name in close))[:3]


_NOTATION = re.compile(r".*[].:=()[].*|cpuid|e[a-d]x|[0-9a-f]*[0-9][0-9a-f]*h?")


def _ranks(word: str) -> dict[int, int]:
    """The row numbers that match a search, each with its rank: 0 a whole name, 1 a beginning, 2 anywhere."""
    texts = _full_texts() if _NOTATION.fullmatch(word) else _name_texts()
    ranks: dict[int, int] = {}
    for wanted in {word, _loosen(word)}:
        for index, text in enumerate(texts):
            if wanted in text:
                ranks[index] = min(_rank(wanted, text), ranks.get(index, 2))
    return ranks


def _rank(word: str, text: str) -> int:
    if f"\n{word}" not in text:
        return 2
    return 0 if f"\n{word}\n" in text else 1


_ENTRY_PREFIX = re.compile(r"([0-9a-f]{1,8}\.[0-9a-f]{1,8})(?:\..*)?")


def _fields_at_prefix(word: str) -> list[Named]:
    """The fields whose notation begins with the text, if that names one sub-leaf."""
    match = _ENTRY_PREFIX.fullmatch(word)
    if match is None:
        return []
    leaf = Leaf.parse(match[1])
    if not has_subleaves(leaf.leaf):
        return []
    return [named for named in fields_of(leaf) if named.field.key.startswith(word)]


def _covers(outer: Field, inner: Field) -> bool:
    return outer.register is inner.register and outer.msb >= inner.msb and outer.lsb <= inner.lsb


def _within(low: int | None, high: int, leaf: Leaf) -> bool:
    subleaf = leaf.subleaf or 0
    return subleaf == 0 if low is None else low <= subleaf <= high


def _named(row: _Row, leaf: Leaf | None = None) -> Named:
    field = Field(leaf or row.first, row.register, row.msb, row.lsb)
    return Named(field, *row.names)


@cache
def _named_by_number(index: int) -> Named:
    return _named(_rows()[index])


@lru_cache(maxsize=1024)
def _fields_of(leaf: Leaf) -> tuple[Named, ...]:
    rows = [row for row in _by_leaf().get(leaf.leaf, ()) if _within(row.low, row.high, leaf)]
    rows.sort(key=lambda row: (row.register, -row.msb))
    return tuple(_named(row, leaf) for row in rows)


@lru_cache(maxsize=1024)
def _bit_names(leaf: Leaf) -> tuple[tuple[str, ...], ...]:
    """The names of an entry's 4 x 32 bits, by register and bit."""
    entry = _entry(leaf)
    documented = bool(fields_of(leaf)) or (entry is not None and entry.reserved)
    names = [[RESERVED if documented else ""] * 32 for _ in Register]
    for named in fields_of(leaf):
        field = named.field
        names[field.register][field.lsb:field.msb + 1] = [named.name] * field.width
    return tuple(tuple(register) for register in names)


def _entry(leaf: Leaf) -> _Entry | None:
    entries = _entries().get(leaf.leaf, ())
    return next((entry for entry in entries if _within(entry.low, entry.high, leaf)), None)


def _lines(name: str) -> list[list[str]]:
    """The cells of a table, without its header."""
    with (_DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def _subleaves(text: str) -> tuple[int | None, int]:
    """The lowest and highest sub-leaf of a cell: empty, ``1`` or ``2-3f``."""
    if not text:
        return None, 0
    low, _, high = text.partition("-")
    return int(low, 16), int(high or low, 16)


@cache
def _rows() -> tuple[_Row, ...]:
    registers = dict(zip(_REGISTER_NAMES, Register, strict=True))
    return tuple(
        _Row(int(leaf, 16), *_subleaves(subleaf), registers[register], int(msb), int(lsb), tuple(names))
        for leaf, subleaf, register, msb, lsb, *names in _lines("fields.csv")
    )


@cache
def _entries() -> dict[int, list[_Entry]]:
    entries: dict[int, list[_Entry]] = {}
    for leaf, subleaf, _, text, reserved in _lines("leaves.csv"):
        entries.setdefault(int(leaf, 16), []).append(_Entry(*_subleaves(subleaf), text, reserved == "yes"))
    return entries


@cache
def _by_leaf() -> dict[int, list[_Row]]:
    index: dict[int, list[_Row]] = {}
    for row in _rows():
        index.setdefault(row.leaf, []).append(row)
    return index


@cache
def _by_name() -> dict[str, list[_Row]]:
    index: dict[str, list[_Row]] = {}
    for row in _rows():
        for name in dict.fromkeys(name.lower() for name in row.names if name):
            index.setdefault(name, []).append(row)
    return index


@cache
def _by_loose_name() -> dict[str, list[_Row]]:
    index: dict[str, list[_Row]] = {}
    for row in _rows():
        for name in dict.fromkeys(_loosen(name.lower()) for name in row.names if name):
            index.setdefault(name, []).append(row)
    return index


@cache
def _name_texts() -> tuple[str, ...]:
    """What a search looks through: per row, its names between line ends."""
    return tuple("\n".join(["", *row.names, ""]).lower() for row in _rows())


@cache
def _full_texts() -> tuple[str, ...]:
    """The same with both notations, each on a line of its own."""
    return tuple(names + _notations(row) for names, row in zip(_name_texts(), _rows(), strict=True))


def _notations(row: _Row) -> str:
    """A row's ``Field.key`` and ``Field.sdm`` in lower case, put together here: a search can't wait for objects."""
    key, sdm = _entry_notations(row.leaf, row.low)
    register = _REGISTER_NAMES[row.register]
    if row.msb == row.lsb:
        return f"{key}.{register}.{row.msb}\n{sdm}:{register}[{row.msb}]\n"
    bits = "" if row.msb - row.lsb == 31 else f"[{row.msb}:{row.lsb}]"
    return f"{key}.{register}{bits}\n{sdm}:{register}{bits}\n"


@cache
def _entry_notations(leaf: int, subleaf: int | None) -> tuple[str, str]:
    entry = Leaf(leaf, subleaf)
    return entry.key, entry.sdm.lower()
