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
    rb"^CPUID " + _H8 + rb": " + b"-".join([_H8] * 4) + rb"(?:[ \t]*\[SL ([0-9A-Fa-f]{2,8})\])?[ \t]*(?:\[.*)?\r?$",
    re.MULTILINE,
)
_MSR = re.compile(rb"^MSR " + _H8 + rb": (?:" + b"-".join([_H4] * 4) + rb"|<)", re.MULTILINE)
_HEAD = re.compile(rb"^-+\[ (CPUID|MSR) Registers / Logical CPU #([0-9]{1,6}) \]", re.MULTILINE)
_ANY = re.compile(rb"^(?:CPUID|MSR) .*$", re.MULTILINE)


def sniff(head: bytes) -> int:
    """Sure of a section's head or an entry's line, which no other tool writes."""
    return 95 if _CPUID.search(head) else 80 if _HEAD.search(head) else 0


def read(data: bytes, name: str) -> Imported:
    """The dump of such a text. Other lines than CPUID's and MSRs' are comments."""
    tables: dict[int | None, CpuidTable] = {}
    msrs: dict[int | None, dict[int, int]] = {}
    for kind, number, begin, end in _sections(data):
        if kind != b"MSR":
            table = tables.setdefault(number, CpuidTable())
            seen = _entries(data, begin, end, table, name)
        else:
            seen = _registers(data, begin, end, msrs.setdefault(number, {}))
        if seen != len(_ANY.findall(data, begin, end)):
            raise _bad_line(data, begin, end, name)
    cpus = [LogicalCpu(number, table, msrs.pop(number, {})) for number, table in tables.items() if table]
    return dump(name, NAME, cpus, [f"MSRs of logical CPU {n} are left out: it has no CPUID." for n in msrs][:3])


def _sections(data: bytes) -> list[tuple[bytes, int | None, int, int]]:
    """Kind, number, begin and end of each section; all is one of CPUID where the file has no heads."""
    heads = list(_HEAD.finditer(data))
    if not heads:
        return [(b"CPUID", None, 0, len(data))]
    ends = [head.start() for head in heads[1:]] + [len(data)]
    return [(head[1], int(head[2]), head.end(), end) for head, end in zip(heads, ends, strict=True)]


def _entries(data: bytes, begin: int, end: int, table: CpuidTable, name: str) -> int:
    count = 0
    for entry in _CPUID.finditer(data, begin, end):
        leaf, eax, ebx, ecx, edx, subleaf = entry.groups()
        at = Leaf(int(leaf, 16), int(subleaf, 16) if subleaf else None)
        value = int(eax + ebx + ecx + edx, 16)
        if table.setdefault(at, value) != value:
            raise failed(name, line_at(data, entry.start()), f"has leaf {at.key} a second time, with another value")
        count += 1
    return count


def _registers(data: bytes, begin: int, end: int, msrs: dict[int, int]) -> int:
    """The MSRs that could be read."""
    count = 0
    for entry in _MSR.finditer(data, begin, end):
        address, *groups = entry.groups()
        if groups[0]:
            msrs[int(address, 16)] = int(b"".join(groups), 16)
        count += 1
    return count


def _bad_line(data: bytes, begin: int, end: int, name: str) -> Exception:
    good = {entry.start() for pattern in (_CPUID, _MSR) for entry in pattern.finditer(data, begin, end)}
    bad = next((line for line in _ANY.finditer(data, begin, end) if line.start() not in good), None)
    at = begin if bad is None else bad.start()
    text = "" if bad is None else bad[0].decode("latin-1").strip()
    expected = "expected CPUID LEAF: EAX-EBX-ECX-EDX [SL nn] or MSR ADDRESS: four groups of 4 hex digits"
    return failed(name, line_at(data, at), f"{expected}, found {text[:30]!r}")
