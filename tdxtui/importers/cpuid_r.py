"""The text of ``cpuid -r`` (Todd Allen's tool), of one or all logical processors."""

from __future__ import annotations

import re

from tdxtui.cpuid import CpuidTable, Leaf
from tdxtui.dump import LogicalCpu
from tdxtui.importers.entries import dump, line_at, plain
from tdxtui.importers.registry import REAL
from tdxtui.importers.result import Imported, failed

NAME = "cpuid-r"
TITLE = "the text of cpuid -r"
EVIDENCE = REAL

_WORD = rb"=0x([0-9a-fA-F]{8})"
_HEX = rb"[ \t]+0x([0-9a-fA-F]{1,8})"
_ENTRY = re.compile(
    rb"^" + _HEX + _HEX + rb":[ \t]+eax" + _WORD + rb"[ \t]+ebx" + _WORD + rb"[ \t]+ecx" + _WORD + rb"[ \t]+edx" + _WORD
    + rb"[ \t\r]*$",
    re.MULTILINE,
)
_CPU = re.compile(rb"^CPU(?:[ \t]+([0-9]{1,6}))?:[ \t\r]*$", re.MULTILINE)
_LINE = re.compile(rb"^(?![ \t\r]*$).*$", re.MULTILINE)


def sniff(head: bytes) -> int:
    """Sure of an entry's line, which no other tool writes."""
    return 95 if _ENTRY.search(head) else 40 if _CPU.search(head) and b" eax=" in head else 0


def read(data: bytes, name: str) -> Imported:
    """The dump of such a text."""
    heads = list(_CPU.finditer(data))
    begins = [head.end() for head in heads] or [0]
    ends = [head.start() for head in heads[1:]] + [len(data)]
    numbers = [int(head[1]) if head[1] else None for head in heads] or [None]
    _refuse_between(data, 0, heads[0].start() if heads else 0, name)
    cpus = [LogicalCpu(number, _table(data, begin, end, name))
            for number, begin, end in zip(numbers, begins, ends, strict=True)]
    return dump(name, NAME, cpus)


def _table(data: bytes, begin: int, end: int, name: str) -> CpuidTable:
    table, at = CpuidTable(), begin
    for entry in _ENTRY.finditer(data, begin, end):
        if entry.start() > at + 2:
            _refuse_between(data, at, entry.start(), name)
        at = entry.end()
        words = entry.groups()
        leaf = Leaf(int(words[0], 16), int(words[1], 16))
        value = int(b"".join(words[2:]), 16)
        if table.setdefault(leaf, value) != value:
            raise failed(name, line_at(data, entry.start()), f"has leaf {leaf.key} a second time, with another value")
    _refuse_between(data, at, end, name)
    return plain(table)


def _refuse_between(data: bytes, begin: int, end: int, name: str) -> None:
    """Between two entries there may be nothing."""
    if line := _LINE.search(data, begin, end):
        text = line[0].decode("latin-1").strip()
        expected = "expected 0xLEAF 0xSUBLEAF: eax=0x... ebx=0x... ecx=0x... edx=0x..."
        raise failed(name, line_at(data, line.start()), f"{expected}, found {text[:40]!r}")
