"""The text of ``kcpuid`` and ``kcpuid -a`` without -r: the names of the flags that are set, and numbers by name."""

from __future__ import annotations

import re
from functools import cache

from tdxtui.catalog.tables import rows
from tdxtui.cpuid import Field, Leaf
from tdxtui.importers.entries import line_at
from tdxtui.importers.registry import REAL
from tdxtui.importers.result import Features, Imported, failed

NAME = "kcpuid-flags"
TITLE = "the text of kcpuid -a"
EVIDENCE = REAL

_LINUX, _KCPUID = 3, 4  # columns of the catalogue

_TITLE = re.compile(rb"^CPU features:[ \t\r]*\n=+[ \t\r]*$", re.MULTILINE)
_LINE = re.compile(rb"^[ \t]+([\w.-]{1,60})[ \t]*(:[ \t]*0x[0-9a-fA-F]{1,8})?(?:[ \t].*)?\r?$", re.MULTILINE)
_OTHER = re.compile(rb"^(?![ \t\r]*$).+$", re.MULTILINE)


def sniff(head: bytes) -> int:
    """Sure of the heading."""
    return 95 if _TITLE.search(head) else 0


def read(data: bytes, name: str) -> Imported:
    """The flags that are set, as wishes for a 1. Numbers are left out: sub-leaves share their names."""
    wishes: dict[Leaf, tuple[int, int]] = {}
    unknown: list[str] = []
    title = _TITLE.search(data)
    at = title.end() if title else 0
    for line in _LINE.finditer(data, at):
        _refuse_between(data, at, line.start(), name)
        at = line.end()
        flag = line[1].decode("latin-1")
        if line[2]:
            continue
        field = _flags().get(flag)
        if field is None:
            unknown.append(flag)
            continue
        value, mask = wishes.get(field.leaf, (0, 0))
        wishes[field.leaf] = value | field.mask, mask | field.mask
    _refuse_between(data, at, len(data), name)
    if not wishes:
        raise failed(name, "", "has no flag of CPUID that is known")
    return Imported(NAME, Features(name, wishes), tuple(_notes(unknown)))


@cache
def _flags() -> dict[str, Field]:
    """The bits by kcpuid's names, or by Linux's where kcpuid has none; 80000001H has copies of bits of leaf 1."""
    found: dict[str, Field] = {}
    for row in rows():
        name = row.names[_KCPUID] or row.names[_LINUX]
        if name and row.msb == row.lsb:
            found.setdefault(name, Field.bit(row.first, row.register, row.msb))
    return found


def _notes(unknown: list[str]) -> list[str]:
    left = ["kcpuid prints flags that are set; the others, and numbers, are left open."]
    if unknown:
        more = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
        left.append(f"Not the name of one bit, left out: {', '.join(unknown[:8])}{more}.")
    return left


def _refuse_between(data: bytes, begin: int, end: int, name: str) -> None:
    if line := _OTHER.search(data, begin, end):
        found = line[0].decode("latin-1").strip()[:30]
        where = line_at(data, line.start())
        raise failed(name, where, f"expected a flag's name, or a name and : 0x..., found {found!r}")
