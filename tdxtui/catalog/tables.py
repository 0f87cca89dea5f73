"""The catalogue's tables as they lie on disk, each read on first use and kept."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tdxtui.cpuid import Leaf, Register

_DATA = Path(__file__).parents[1] / "data" / "catalog"
# The column of fields.csv with the canonical names.
NAME = 5


class Row(NamedTuple):
    """A line of fields.csv; ``low`` is None for a leaf without sub-leaves.

    ``names`` are the columns in their order: canonical, QEMU, libvirt, Linux, kcpuid, X86_FEATURE.
    """

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

    def is_in(self, leaf: Leaf) -> bool:
        """Whether an entry has the field."""
        return self.leaf == leaf.leaf and _within(self.low, self.high, leaf)


class Entry(NamedTuple):
    """A line of leaves.csv; ``low`` is None for a leaf without sub-leaves."""

    low: int | None
    high: int
    title: str
    reserved: bool


@cache
def lines() -> list[list[str]]:
    """The cells of fields.csv. To make a `Row` of each takes longer than a start wants to wait."""
    return table("fields.csv")


@cache
def row(number: int) -> Row:
    """A line of fields.csv by its number."""
    leaf, subleaf, register, msb, lsb, *names = lines()[number]
    return Row(int(leaf, 16), *_subleaves(subleaf), Register.parse(register), int(msb), int(lsb), tuple(names))


@cache
def rows() -> tuple[Row, ...]:
    """The lines of fields.csv."""
    return tuple(row(number) for number in range(len(lines())))


@cache
def rows_of(leaf: int) -> list[Row]:
    """The lines of fields.csv of a leaf, sub-leaves mixed."""
    return [row(number) for number in _numbers_by_leaf().get(f"{leaf:x}", ())]


@cache
def _numbers_by_leaf() -> dict[str, list[int]]:
    index: dict[str, list[int]] = {}
    for number, cells in enumerate(lines()):
        index.setdefault(cells[0], []).append(number)
    return index


@cache
def entries() -> dict[int, list[Entry]]:
    """The lines of leaves.csv by leaf."""
    index: dict[int, list[Entry]] = {}
    for leaf, subleaf, _, title, reserved in table("leaves.csv"):
        index.setdefault(int(leaf, 16), []).append(Entry(*_subleaves(subleaf), title, reserved == "yes"))
    return index


@cache
def sentences() -> dict[str, str]:
    """The lines of sentences.csv by canonical name."""
    return dict(table("sentences.csv"))


def entry_at(leaf: Leaf) -> Entry | None:
    """The line of leaves.csv for an entry."""
    return next((entry for entry in entries().get(leaf.leaf, ()) if _within(entry.low, entry.high, leaf)), None)


def _within(low: int | None, high: int, leaf: Leaf) -> bool:
    subleaf = leaf.subleaf or 0
    return subleaf == 0 if low is None else low <= subleaf <= high


def table(name: str) -> list[list[str]]:
    """The cells of a table, without its header."""
    with (_DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def _subleaves(text: str) -> tuple[int | None, int]:
    """The lowest and highest sub-leaf of a cell: empty, ``1`` or ``2-3f``."""
    if not text:
        return None, 0
    low, _, high = text.partition("-")
    return int(low, 16), int(high or low, 16)
