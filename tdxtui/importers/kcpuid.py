"""The text of ``kcpuid -r``, the tool in the Linux sources (and ``-a -r``): the leaves that aren't all zero."""

from __future__ import annotations

import re

from tdxtui.cpuid import CpuidTable, Leaf
from tdxtui.dump import LogicalCpu
from tdxtui.importers.entries import dump, line_at, plain
from tdxtui.importers.registry import REAL
from tdxtui.importers.result import Imported, failed

NAME = "kcpuid"
TITLE = "the text of kcpuid -r"
EVIDENCE = REAL

_WORDS = b", ".join(b"E%cX=0x([0-9a-fA-F]{8})" % letter for letter in b"ABCD")
_LINE = re.compile(
    rb"^(?:0x([0-9a-fA-F]{1,8}):[ \t]*(?:(sublea(?:f|ve)s:)|" + _WORDS + rb")"
    rb"|[ \t]*([0-9]{1,4}):[ \t]*" + _WORDS + rb")[ \t\r]*$",
    re.MULTILINE,
)
_NO_ENTRY = re.compile(rb"^(?![ \t\r]*$|=+[ \t\r]*$|[\w \t]+ Lea(?:f|ve)s[ \t]*:[ \t\r]*$).*$", re.MULTILINE)
_ENTRY = re.compile(rb"^0x[0-9a-fA-F]{8}:[ \t]*(?:sublea(?:f|ve)s:|EAX=0x)", re.MULTILINE)


def sniff(head: bytes) -> int:
    """Sure of the line that opens a leaf."""
    return 95 if _ENTRY.search(head) else 0


def read(data: bytes, name: str) -> Imported:
    """The dump of such a text."""
    table, open_leaf, at = CpuidTable(), None, 0
    for line in _LINE.finditer(data):
        _refuse_between(data, at, line.start(), name)
        at = line.end()
        groups = line.groups()
        if groups[1]:
            open_leaf = int(groups[0], 16)
            continue
        if groups[0]:
            open_leaf, leaf, words = None, Leaf(int(groups[0], 16)), groups[2:6]
        elif open_leaf is None:
            raise failed(name, line_at(data, line.start()), "has a sub-leaf without a leaf before it")
        else:
            leaf, words = Leaf(open_leaf, int(groups[6])), groups[7:11]
        if table.setdefault(leaf, value := int(b"".join(words), 16)) != value:
            raise failed(name, line_at(data, line.start()), f"has leaf {leaf.key} a second time, with another value")
    _refuse_between(data, at, len(data), name)
    return dump(name, NAME, [LogicalCpu(None, plain(table))], ["kcpuid leaves out what is all zero."])


def _refuse_between(data: bytes, begin: int, end: int, name: str) -> None:
    if line := _NO_ENTRY.search(data, begin, end):
        expected = "expected 0xLEAF: EAX=0x..., EBX=0x..., ECX=0x..., EDX=0x... or 0xLEAF: subleafs:"
        found = line[0].decode("latin-1").strip()[:30]
        raise failed(name, line_at(data, line.start()), f"{expected}, found {found!r}")
