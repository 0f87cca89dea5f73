"""From a bit to its names, its sentence and its entry's title."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from tdxtui.catalog.tables import Row, entries, entry_at, rows_of, sentences
from tdxtui.cpuid import Field, Leaf, Register

RESERVED = "reserved"


class Named(NamedTuple):
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


def named(row: Row, leaf: Leaf | None = None) -> Named:
    """The object of a table's line, at an entry or else at the lowest that has the field."""
    return Named(Field(leaf or row.first, row.register, row.msb, row.lsb), *row.names)


def fields_of(leaf: Leaf) -> tuple[Named, ...]:
    """The named fields of an entry, EAX to EDX, the high bit first; ``()`` if none is known.

    Their ``field.leaf`` is the leaf as asked. A leaf without sub-leaf and its sub-leaf 0 have the same fields.
    """
    return _fields_of(leaf)


@lru_cache(maxsize=8192)
def named_at(field: Field) -> Named | None:
    """The smallest named field that holds all bits of a field, or None."""
    holders = [holder for holder in fields_of(field.leaf) if _covers(holder.field, field)]
    return min(holders, key=lambda holder: holder.field.width, default=None)


def name_at(leaf: Leaf, register: Register, bit: int) -> str:
    """The canonical name at a bit (0 to 31): ``"reserved"`` where a documented entry has none, else ``""``."""
    return _bit_names(leaf)[register][bit]


def sentence(name: str) -> str:
    """What the field of a canonical name is, and what it means to a TD; ``""`` if there is none."""
    return sentences().get(name, "")


def title(leaf: Leaf) -> str:
    """What an entry is about, in at most 24 characters; ``""`` if unknown."""
    entry = entry_at(leaf)
    return entry.title if entry else ""


def has_subleaves(leaf: int) -> bool:
    """Whether entries of a leaf are written with their sub-leaf (``7.0``), as the TDX modules do; else like ``1``."""
    of_leaf = entries().get(leaf)
    return of_leaf is not None and of_leaf[0].low is not None


def _covers(outer: Field, inner: Field) -> bool:
    return outer.register is inner.register and outer.msb >= inner.msb and outer.lsb <= inner.lsb


@lru_cache(maxsize=1024)
def _fields_of(leaf: Leaf) -> tuple[Named, ...]:
    rows = [row for row in rows_of(leaf.leaf) if row.is_in(leaf)]
    rows.sort(key=lambda row: (row.register, -row.msb))
    return tuple(named(row, leaf) for row in rows)


@lru_cache(maxsize=1024)
def _bit_names(leaf: Leaf) -> tuple[tuple[str, ...], ...]:
    """The names of an entry's 4 x 32 bits, by register and bit."""
    entry = entry_at(leaf)
    documented = bool(fields_of(leaf)) or (entry is not None and entry.reserved)
    names = [[RESERVED if documented else ""] * 32 for _ in Register]
    for holder in fields_of(leaf):
        field = holder.field
        names[field.register][field.lsb:field.msb + 1] = [holder.name] * field.width
    return tuple(tuple(register) for register in names)
