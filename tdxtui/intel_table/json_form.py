"""Intel's `cpuid_virtualization.json`. Its outermost container isn't certain, so every object with a "Leaf" is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tdxtui.importers import Imported, failed
from tdxtui.importers.json_tree import parse
from tdxtui.importers.registry import LAYOUT
from tdxtui.intel_table.row import Row, version_in

NAME = "intel-json"
TITLE = "Intel's cpuid_virtualization.json"
EVIDENCE = LAYOUT

_REGISTERS = ("EAX", "EBX", "ECX", "EDX")


def sniff(head: bytes) -> int:
    """Sure of the words that no other JSON has."""
    is_json = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")
    return 95 if is_json and b'"Leaf"' in head and b"Virtualization Type" in head else 0


def read(data: bytes, name: str) -> Imported:
    """The module file that the table makes."""
    from tdxtui.intel_table.build import imported  # looks at all modules, which a mere sniff does not
    from tdxtui.intel_table.rows import table_of

    top = parse(data, name)
    rows = [row for leaf, where in _leaves(top, "") for row in _rows(leaf, str(leaf["Leaf"]), where, name)]
    return imported(table_of(rows, name, _version(top)), NAME)


def _leaves(value: Any, where: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Every object that has "Leaf", wherever it lies; what JSON allows is not deep enough to hurt."""
    if isinstance(value, dict):
        if "Leaf" in value:
            yield value, where or "the outermost object"
            return
        for key, item in value.items():
            yield from _leaves(item, f"{where}.{key}".lstrip("."))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{where}[{number}]")


def _rows(value: Any, leaf: str, where: str, name: str) -> Iterator[Row]:
    """The fields of a leaf's registers, which may lie deeper."""
    for key, item in value.items():
        register, place = str(key).strip().upper(), f"{where}.{key}"
        if register in _REGISTERS:
            fields = item if isinstance(item, list) else [item] if item else []
            for number, found in enumerate(fields):
                yield _row(found, leaf, register, f"{place}[{number}]", name)
        elif isinstance(item, dict):
            yield from _rows(item, leaf, place, name)


def _row(found: Any, leaf: str, register: str, where: str, name: str) -> Row:
    if not isinstance(found, dict) or "MSB" not in found or "LSB" not in found:
        raise failed(name, where, 'expected a field, an object with "MSB" and "LSB"')
    configured = found["Configuration Details"] is not None if "Configuration Details" in found else None
    return Row(leaf, register, found["MSB"], found["LSB"], str(found.get("Field Name") or ""),
               _like(found, "Virtualization Type"), _like(found, "Virtualization Details"), configured, where)


def _like(found: dict[str, Any], end: str) -> Any:
    """The value of the key that ends so: the type's key has been seen with and without "Bit or Field"."""
    return next((value for key, value in found.items() if key.strip().endswith(end)), None)


def _version(top: Any) -> str:
    """The version that a header says, which its sibling global_metadata.json has."""
    header = top.get("Header") if isinstance(top, dict) else None
    texts = header.values() if isinstance(header, dict) else ()
    return next((found for text in texts if isinstance(text, str) and (found := version_in(text))), "")
