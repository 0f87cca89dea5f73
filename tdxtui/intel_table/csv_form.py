"""The CSV form of Intel's table: a row that names no register opens a leaf, the others are its fields."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping

from tdxtui.importers import Imported, failed
from tdxtui.importers.registry import LAYOUT
from tdxtui.intel_table.row import Row, version_in

NAME = "intel-csv"
TITLE = "the CSV of Intel's CPUID table"
EVIDENCE = LAYOUT

HEADER_WITHIN = 10
_NEEDED = ("Reg.", "MSB", "LSB", "Field Name", "Virtualization Type", "Virtualization Details")


def sniff(head: bytes) -> int:
    """Sure of the header's words in something that is no JSON."""
    is_text = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"[", b"<")
    return 90 if is_text and b"MSB" in head and b"Virtualization Type" in head and b"," in head else 0


def read(data: bytes, name: str) -> Imported:
    """The module file that the table makes."""
    from tdxtui.intel_table.build import imported  # looks at all modules, which a mere sniff does not
    from tdxtui.intel_table.rows import table_of

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise failed(name, f"byte {error.start}", "is not UTF-8 text") from None
    lines = text.split("\n", 1)
    return imported(table_of(_rows(text, name), name, version_in(lines[0])), NAME)


def _rows(text: str, name: str) -> Iterator[Row]:
    cells = _cells(text, name)
    columns = _columns(cells, name)
    leaf = ""
    for line, row in cells:
        values = {column: row[place].strip() if place < len(row) else "" for column, place in columns.items()}
        if not any(values.values()):
            continue
        if not values["Reg."]:
            leaf = values["Field Name"] or leaf
            continue
        if not leaf:
            raise failed(name, f"line {line}", "has a field before any leaf; a row without Reg. opens one")
        configured = bool(values["Configuration Details"]) if "Configuration Details" in values else None
        yield Row(leaf, values["Reg."], values["MSB"], values["LSB"], values["Field Name"],
                  values["Virtualization Type"], values["Virtualization Details"], configured, f"line {line}")


def _cells(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise failed(name, f"line {reader.line_num}", f"is not CSV: {error}") from None
        if row is None:
            return
        yield reader.line_num, row


def _columns(cells: Iterator[tuple[int, list[str]]], name: str) -> Mapping[str, int]:
    """Where each column is, from the header, which is one of the first rows."""
    for line, row in cells:
        names = [cell.strip() for cell in row]
        if "MSB" in names and "LSB" in names:
            found = {key: place for place, key in enumerate(names)}
            found |= {key: place for key in _NEEDED for place, cell in enumerate(names)
                      if cell.endswith(key) and key not in found}
            if missing := [key for key in _NEEDED if key not in found]:
                raise failed(name, f"line {line}", f"the header lacks {', '.join(missing)}")
            return found
        if line > HEADER_WITHIN:
            break
    raise failed(name, "", f"has no header with MSB and LSB within its first {HEADER_WITHIN} lines")
