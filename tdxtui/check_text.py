"""Findings as text for people, at most 100 columns wide: those that share their reason under one heading."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from tdxtui import catalog
from tdxtui.check import Finding, Kind, Severity
from tdxtui.checking.bits import fields_of
from tdxtui.cpuid import Field
from tdxtui.matrix import Cell
from tdxtui.naming import bit_name, field_name
from tdxtui.phrase import CLASSES, WIDTH, edit_list, short_because

INDENT = "    "
FEW_LINES = 3
MODEL_WIDTH = 26
NAME_WIDTH = 24
KINDS = {
    Kind.REFUSAL: "refused", Kind.CONFLICT: "conflict", Kind.VMM: "vmm", Kind.DRIFT: "drift", Kind.WARNING: "warning",
}


class Row(NamedTuple):
    """A line of the matrix: all that is kept of a cell that was told."""

    model: str
    place: str
    counts: str
    verdict: str


def row(cell: Cell) -> Row:
    """A cell's line of the matrix."""
    counts = [cell.count(kind) for kind in (Kind.REFUSAL, Kind.CONFLICT, Kind.VMM)]
    warnings = cell.count(Kind.WARNING) + cell.count(Kind.DRIFT)
    numbers = " " * 31 if cell.error else f"{counts[0]:7} {counts[1]:9} {counts[2]:4} {warnings:8}"
    place = f"{cell.module:8.8} {cell.platform:18.18}"
    return Row(cell.model, " " * len(place) if cell.error else place, numbers, cell.verdict)


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The matrix, a line a cell."""
    wide = min(MODEL_WIDTH, max(len(item.model) for item in rows))
    yield f"{'model':{wide}}  {'module':8} {'CPU':18} refused conflicts  vmm warnings  verdict"
    for item in rows:
        name = item.model if len(item.model) <= wide else f"…{item.model[1 - wide:]}"
        yield f"{name:{wide}}  {item.place} {item.counts}  {item.verdict}"


def text(cell: Cell, far: bool = False) -> Iterator[str]:
    """One cell: a heading, then its findings, the most important first; `far` looks for cures elsewhere."""
    if cell.error:
        yield from textwrap.wrap(cell.error, WIDTH, subsequent_indent=INDENT)
        return
    yield from textwrap.wrap(_heading(cell), WIDTH, subsequent_indent=INDENT)
    for note in cell.notes:
        yield from textwrap.wrap(note, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)
    refusals = [finding for finding in cell.findings if finding.kind is Kind.REFUSAL]
    for _, group in groupby(_grouped(cell.findings, far), lambda item: item[0]):
        findings = [finding for _, finding in group]
        yield from _group(findings, far)
        if refusals and findings[-1] is refusals[-1]:
            of = " of all refusals" if len(refusals) > 1 else ""
            cure = refusals[-1].cure
            yield from _indented(f"Cure{of}: {edit_list(cure)}." if cure else "No cure on this module and CPU.")


def _heading(cell: Cell) -> str:
    cpu = "no CPU" if cell.platform == "none" else f"CPU {cell.platform}"
    where = ", ".join((f"module {cell.module}", cpu, *cell.vmm))
    counts = [(cell.count(kind), name) for kind, name in _COUNTED.items()]
    found = ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts if count)
    return f"{cell.model} on {where}: {found or 'as wanted'}."


_COUNTED = {
    Kind.REFUSAL: "refusal", Kind.CONFLICT: "conflict", Kind.VMM: "VMM verdict", Kind.DRIFT: "drift",
    Kind.WARNING: "warning",
}
Key = tuple[str, ...]


def _grouped(findings: Iterable[Finding], far: bool) -> list[tuple[Key, Finding]]:
    """The findings with what those under one heading share, in the order of the first of each group."""
    keyed = [(_key(finding, far), finding) for finding in findings]
    first: dict[Key, int] = {}
    for place, (key, _) in enumerate(keyed):
        first.setdefault(key, place)
    return sorted(keyed, key=lambda item: first[item[0]])


def _key(finding: Finding, far: bool) -> Key:
    if finding.kind is Kind.CONFLICT:
        return (*_why(finding), _cure(finding, far), *finding.says)
    return finding.kind.value, finding.message, *finding.says


def details(finding: Finding) -> list[str]:
    """One finding in sentences: what it is, its cure on this module and CPU, what the VMM says."""
    found = [_said(finding), _cure(finding, False), *(f"{said}." for said in finding.says)]
    if finding.kind is Kind.REFUSAL and finding.cure:
        found.insert(1, f"Cure of all refusals: {edit_list(finding.cure)}.")
    return [line for line in found if line]


def _said(finding: Finding) -> str:
    why = ": ".join(part for part in _why(finding) if part) if finding.kind is Kind.CONFLICT else finding.message
    return f"{KINDS[finding.kind]}: {why}."


def _group(group: list[Finding], far: bool) -> Iterator[str]:
    finding = group[0]
    yield ""
    yield from textwrap.wrap(_said(finding), WIDTH, subsequent_indent=INDENT)
    if finding.severity is Severity.CONFLICT:
        yield from _indented(_group_cure(group, far))
    for said in finding.says:
        yield from _indented(f"{said}.")
    yield from _rows(group)


def _indented(line: str) -> list[str]:
    return textwrap.wrap(line, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT * 2)


def _why(finding: Finding) -> tuple[str, str]:
    """Who decides a conflict, and by what."""
    if finding.explained is None or finding.bit_class is None:
        return finding.message, ""
    kind, because = CLASSES[finding.bit_class], short_because(finding.explained)
    return finding.message, because if because.startswith(kind) else f"{kind}, {because}"


def _group_cure(group: list[Finding], far: bool) -> str:
    """What helps a group: conflicts of one have the same cure, a VMM's verdicts each their own."""
    first = group[0]
    if first.kind is Kind.VMM:
        edits = dict.fromkeys(edit for finding in group for edit in finding.cure or ())
        cured = all(finding.cure for finding in group)
        return f"Cure: {edit_list(tuple(edits))}." if cured else "No cure on this VMM."
    return _cure(first, far) if first.kind is Kind.CONFLICT or len(group) == 1 else ""


def _cure(finding: Finding, far: bool) -> str:
    """What helps, or that nothing does; "" where that goes without saying."""
    if finding.cure and finding.kind is not Kind.REFUSAL:
        return f"Cure: {edit_list(finding.cure)}."
    if finding.kind is not Kind.CONFLICT:
        return ""
    if far and finding.elsewhere:
        return f"No cure on this module and CPU; elsewhere: {edit_list(finding.elsewhere)}."
    return "No cure on this module and CPU: the model must want what there is, or leave it out."


# -- the bits --


def _rows(group: list[Finding]) -> Iterator[str]:
    if group[0].kind is Kind.WARNING and group[0].code != "needs":
        yield from _names([bit for finding in group for bit in finding.bits])
        return
    for finding in group:
        if finding.field is not None:
            yield _row(finding)


def _row(finding: Finding) -> str:
    field = finding.field
    assert field is not None
    name, qemu = bit_name(field) if field.is_bit else field_name(field), finding.named.qemu if finding.named else ""
    if qemu and qemu.replace("-", "_") != name and len(f"{name} ({qemu})") <= NAME_WIDTH:
        name = f"{name} ({qemu})"
    line = f"{INDENT}{field.key:19} {field.sdm:30} {name:{NAME_WIDTH}} {values(finding)}"
    if len(line) > WIDTH:
        line = f"{INDENT}{field.key} {field.sdm} {name} {values(finding)}"
    return line[:WIDTH].rstrip()


def values(finding: Finding) -> str:
    """What is wanted of a finding's field, and what comes out, as far as there are such values."""
    assert finding.field is not None
    form = "d" if finding.field.is_bit else "#x"
    wanted = "" if finding.wanted is None else f"wants {finding.wanted:{form}}"
    got = "" if finding.got is None else f"gets {finding.got:{form}}"
    return ", ".join(part for part in (wanted, got) if part)


def _names(bits: list[Field]) -> Iterator[str]:
    """The names of the fields that some bits are of, in a few lines, what tools have a name for first."""
    names = [_short_name(field) for field in sorted(fields_of(bits), key=_is_obscure)]
    lines = textwrap.wrap(", ".join(names), WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)
    yield from lines[:FEW_LINES]
    if len(lines) > FEW_LINES:
        shown = sum(line.count(",") for line in lines[:FEW_LINES])
        yield f"{INDENT}and {len(names) - shown} more; --json lists them all"


def _is_obscure(field: Field) -> bool:
    named = catalog.named_at(field)
    return not named or not (named.qemu or named.linux)


def _short_name(field: Field) -> str:
    """A field's name, with its leaf where other sub-leaves have such a field."""
    named = catalog.named_at(field)
    if named is None:
        return field.key
    return named.name if catalog.find(named.name) == field else f"{field.leaf.key}.{named.name}"
