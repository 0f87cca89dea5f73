"""AIDA64's CPUID dumps, as InstLatx64 collects them: CPUID and MSRs of every logical processor."""

from __future__ import annotations

import re

from tdxtui.cpuid import CpuidTable, Leaf
from tdxtui.dump import LogicalCpu
from tdxtui.importers.entries import dump, line_at
from tdxtui.importers.registry import REAL
from tdxtui.importers.result import Imported, failed

NAME = "instlatx64"
TITLE = "an AIDA64 (InstLatx64) CPUID dump"
EVIDENCE = REAL

_H8, _H4 = rb"([0-9A-Fa-f]{8})", rb"([0-9A-Fa-f]{4})"
_CPUID = re.compile(
    rb"CPUID " + _H8 + rb": " + b"-".join([_H8] * 4) + rb"(?:[ \t]*\[SL ([0-9A-Fa-f]{2,8})\])?[ \t]*(?:\[.*)?\r?"
)
_MSR = re.compile(rb"MSR " + _H8 + rb": (?:" + b"-".join([_H4] * 4) + rb"|<).*")
_HEAD = re.compile(rb"-+\[ (?:CPUID|MSR) Registers / Logical CPU #([0-9]{1,6}) \].*")
_LINE = re.compile(rb"^(?:CPUID |MSR |-+\[ (?:CPUID|MSR) ).*$", re.MULTILINE)
_FIRST = re.compile(rb"^(?:CPUID [0-9A-Fa-f]{8}: [0-9A-Fa-f]{8}-|-+\[ (?:CPUID|MSR) Registers /)", re.MULTILINE)

Line = tuple[str, Leaf | int, int]


def sniff(head: bytes) -> int:
    """Sure of a section's head or an entry's line, which no other tool writes."""
    return 95 if _FIRST.search(head) else 0


def read(data: bytes, name: str) -> Imported:
    """The dump of such a text. Lines of another kind are comments."""
    tables: dict[int | None, CpuidTable] = {}
    msrs: dict[int | None, dict[int, int]] = {}
    seen: dict[bytes, Line] = {}  # the logical CPUs of a machine have most lines in common
    number: int | None = None
    for match in _LINE.finditer(data):
        text = match[0]
        line = seen.get(text)
        if line is None:
            line = seen[text] = _parsed(text, name, data, match.start())
        kind, key, value = line
        if isinstance(key, Leaf):
            if tables.setdefault(number, CpuidTable()).setdefault(key, value) != value:
                where = line_at(data, match.start())
                raise failed(name, where, f"has leaf {key.key} a second time, with another value")
        elif kind == "head":
            number = key
        elif kind == "msr":
            msrs.setdefault(number, {})[key] = value
    cpus = [LogicalCpu(number, table, msrs.pop(number, {})) for number, table in tables.items()]
    return dump(name, NAME, cpus, [f"MSRs of logical CPU {n} are left out: it has no CPUID." for n in msrs][:3])


def _parsed(text: bytes, name: str, data: bytes, offset: int) -> Line:
    """A line's kind, its leaf, MSR or logical CPU, and its value."""
    if entry := _CPUID.fullmatch(text):
        leaf, eax, ebx, ecx, edx, subleaf = entry.groups()
        at = Leaf(int(leaf, 16), int(subleaf, 16) if subleaf else None)
        return "cpuid", at, int(eax + ebx + ecx + edx, 16)
    if entry := _MSR.fullmatch(text):
        address, *groups = entry.groups()
        return ("msr", int(address, 16), int(b"".join(groups), 16)) if groups[0] else ("failed", 0, 0)
    if entry := _HEAD.fullmatch(text):
        return "head", int(entry[1]), 0
    expected = "expected CPUID LEAF: EAX-EBX-ECX-EDX [SL nn] or MSR ADDRESS: four groups of 4 hex digits"
    raise failed(name, line_at(data, offset), f"{expected}, found {text[:30].decode('latin-1').strip()!r}")
