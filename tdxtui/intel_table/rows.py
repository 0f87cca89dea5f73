"""What Intel's table says, whatever its form: the type of each bit of each leaf."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from tdxtui.cpuid import ALL_ONES, Field, Leaf, Register
from tdxtui.importers import failed
from tdxtui.intel_table.kinds import UNKNOWN, Kind, Kinds, kind_of
from tdxtui.intel_table.row import Row, version_in
from tdxtui.strict import shown

MAX_SUBLEAVES = 64
_LEAF = re.compile(
    r"\s*(?:Leaf\s+)?(?:0x)?([0-9a-f]{1,8})h?\s*"
    r"(?:/\s*Sub-?\s*lea(?:f|ves)\s+(?:(?:0x)?([0-9a-f]{1,8})h?(?:\s*-\s*(?:0x)?([0-9a-f]{1,8})h?)?|N/?A|none)\s*)?",
    re.IGNORECASE,
)


@dataclass
class Table:
    """The types of all bits that the table describes; `open` are sentences on what it leaves open."""

    name: str
    version: str = ""
    kinds: Kinds = field(default_factory=dict)
    open: list[str] = field(default_factory=list)


def table_of(rows: Iterable[Row], name: str, version: str) -> Table:
    """The table of some rows; ImportFailed for one that can't be understood or that contradicts another."""
    table = Table(name, version or version_in(name))
    unread: dict[str, str] = {}
    for row in rows:
        leaves = leaves_of(row.leaf)
        if not leaves:
            unread.setdefault(row.leaf, row.where)
            continue
        _take(table, row, leaves)
    if not table.kinds:
        raise failed(name, "", "describes no field of any CPUID leaf")
    table.open += [f"{where}: {shown(text, 40)!r} is no leaf that can be read; it is left out."
                   for text, where in unread.items()]
    return table


def leaves_of(text: str) -> list[Leaf]:
    """The leaves of ``0xd / Sub-Leaves 0x2-0x12`` or ``Leaf 0x1``; none if the text says no leaf."""
    match = _LEAF.fullmatch(text)
    if match is None:
        return []
    leaf, first, last = match.groups()
    if first is None:
        return [Leaf(int(leaf, 16))]
    numbers = range(int(first, 16), int(last or first, 16) + 1)
    return [Leaf(int(leaf, 16), number) for number in numbers] if len(numbers) <= MAX_SUBLEAVES else []


def _take(table: Table, row: Row, leaves: list[Leaf]) -> None:
    at, kind = _field(row, leaves[0], table.name), _kind(row, table)
    for leaf in leaves:
        known = table.kinds.setdefault(leaf, {})
        for part, mask in _parts(kind, at).items():
            _put(known, part, mask, row, table.name)


def _put(known: dict[Kind, int], kind: Kind, mask: int, row: Row, name: str) -> None:
    for other, bits in known.items():
        if other != kind and bits & mask:
            said = f"{other.text} by an earlier field"
            raise failed(name, row.where, f"{row.register}[{row.msb}:{row.lsb}] of {row.leaf} is {said}")
    known[kind] = known.get(kind, 0) | mask


def _field(row: Row, leaf: Leaf, name: str) -> Field:
    """Where a row's field lies."""
    try:
        register = Register.parse(row.register)
        msb, lsb = (int(str(number).strip()) for number in (row.msb, row.lsb))
    except ValueError:
        raise failed(name, row.where, f"expected MSB and LSB as numbers, found {row.msb!r} and {row.lsb!r}") from None
    if not 31 >= msb >= lsb >= 0:
        raise failed(name, row.where, f"expected 31 >= MSB >= LSB >= 0, found {msb} and {lsb}")
    return Field(leaf, register, msb, lsb)


def _kind(row: Row, table: Table) -> Kind | int:
    """A row's type, or the value of a Fixed one."""
    kind = kind_of(str(row.type or ""))
    place = f"{row.leaf} {row.register}[{row.msb}:{row.lsb}]"
    if kind is UNKNOWN:
        table.open.append(f"{place}: the type {shown(str(row.type), 40)!r} is not known; the bits are as before.")
        return UNKNOWN
    if kind is not None:
        if row.configured is not None and row.configured != (kind.base in ("configured", "configured_native")):
            says = "says" if row.configured else "does not say"
            table.open.append(f"{place}: the type is {kind.text}, but the table {says} TD_PARAMS.CPUID_CONFIG.")
        return kind
    if (value := _number(row.details)) is not None:
        return value
    table.open.append(f"{place}: Fixed without a value that can be read; 0 is assumed.")
    return 0


def _number(details: object) -> int | None:
    text = str(details).strip().replace("_", "")
    try:
        return int(text, 16 if re.fullmatch("0[xX].*", text) else 2 if re.fullmatch("0[bB].*", text) else 10)
    except ValueError:
        return None


def _parts(kind: Kind | int, at: Field) -> dict[Kind, int]:
    """A field's bits by type: those of a fixed value are zeros and ones."""
    if isinstance(kind, Kind):
        return {kind: at.mask}
    ones = at.put(0, kind) & ALL_ONES
    parts = {Kind("fixed0"): at.mask & ~ones, Kind("fixed1"): ones}
    return {part: mask for part, mask in parts.items() if mask}
