"""A document's text under change: keys set and removed where they stand, everything else kept byte by byte."""

from __future__ import annotations

from collections.abc import Iterator

import tomli

from tdxtui.model_file.read import BOM
from tdxtui.model_file.statements import BLANK, COMMENT, HEADER, PAIR, Path, Statement, split
from tdxtui.model_file.values import Value, key_text, restyled, value_text, with_member, without_member

ORDER = ("td", "features", "fields", "registers", "validated")


class Draft:
    """The text of a legal model file, statement by statement."""

    def __init__(self, text: str) -> None:
        self._bom = BOM if text.startswith(BOM) else ""
        text = text.removeprefix(BOM)
        self._line = "\r\n" if "\r\n" in text else "\n"
        self._open_end = bool(text) and not text.endswith("\n")
        self._lines = list(split(text + self._line if self._open_end else text))

    @property
    def text(self) -> str:
        """The document as it is now."""
        text = "".join(line.text for line in self._lines)
        return self._bom + (text.removesuffix(self._line) if self._open_end else text)

    def set(self, path: Path, value: Value) -> None:
        """Give a key a value: in its place, or at the end of its table, which is made if it is missing."""
        for number, line in enumerate(self._lines):
            if line.kind != PAIR or line.path != path[:len(line.path)]:
                continue
            if line.path == path:
                self._lines[number] = line.with_raw(restyled(line.raw, value))
            else:
                self._lines[number] = line.with_raw(with_member(line.raw, path[len(line.path):], value))
            return
        if isinstance(value, dict) and any(self._is_within(line, path) for line in self._lines):
            for key, item in value.items():
                self.set((*path, key), item)
        else:
            self._add(path, value)

    def remove(self, path: Path) -> None:
        """Remove a key, or a table with all that is in it, and what stands behind them in their lines."""
        for number, line in enumerate(self._lines):
            if line.kind == PAIR and line.path == path[:len(line.path)] and line.path != path:
                if self._has_member(line, path):
                    self._lines[number] = line.with_raw(without_member(line.raw, path[len(line.path):]))
                return
        gone = {number for number, line in enumerate(self._lines) if self._is_within(line, path)}
        gone |= {blank for number in gone for blank in self._blanks_above(number)}
        self._lines = [line for number, line in enumerate(self._lines) if number not in gone]

    @staticmethod
    def _is_within(line: Statement, path: Path) -> bool:
        return line.kind in (PAIR, HEADER) and line.path[:len(path)] == path

    @staticmethod
    def _has_member(line: Statement, path: Path) -> bool:
        found = tomli.loads(f"v = {line.raw}")["v"]
        for key in path[len(line.path):]:
            if not isinstance(found, dict) or key not in found:
                return False
            found = found[key]
        return True

    def _blanks_above(self, number: int) -> Iterator[int]:
        """The blank lines right above a header, which separate its table from what stands before."""
        if self._lines[number].kind == HEADER:
            while number and self._lines[number - 1].kind == BLANK:
                number -= 1
                yield number

    def _add(self, path: Path, value: Value) -> None:
        table = path[:-1]
        pairs = [n for n, line in enumerate(self._lines) if line.kind == PAIR and self._is_within(line, table)]
        headers = [n for n, line in enumerate(self._lines) if line.kind == HEADER and line.path == table]
        own = [n for n in pairs if self._lines[n].table == table and (not table or headers)]
        dotted = [n for n in pairs if len(self._lines[n].table) < len(table)]
        if own or dotted:
            self._add_after(own[-1] if own else dotted[-1], path, value)
        elif headers:
            self._insert(headers[-1] + 1, self._pair(path[-1:], value), table)
        else:
            self._add_table(path, value)

    def _add_after(self, number: int, path: Path, value: Value) -> None:
        """Add a pair below another one of its table, written as that is."""
        sibling = self._lines[number]
        between = sibling.text[sibling.key[1]:sibling.value[0]]
        text = self._pair(path[len(sibling.table):], value, sibling.lead, "=" if between == "=" else " = ")
        self._insert(number + 1, text, sibling.table)

    def _pair(self, path: Path, value: Value, lead: str = "", equals: str = " = ") -> str:
        return f"{lead}{'.'.join(map(key_text, path))}{equals}{value_text(value)}{self._line}"

    def _add_table(self, path: Path, value: Value) -> None:
        """Add a pair with its header, where the usual order of tables wants it; without one at the beginning."""
        table = path[:-1]
        number = self._place(table)
        header = f"[{'.'.join(map(key_text, table))}]{self._line}" if table else ""
        if number < len(self._lines) and self._lines[number].kind != BLANK:
            self._insert(number, self._line)
        self._insert(number, header + self._pair(path[-1:], value))
        if number and self._lines[number - 1].kind != BLANK:
            self._insert(number, self._line)

    def _place(self, table: Path) -> int:
        """Where a new table belongs: before the first that comes later; new keys at the top, below a comment there."""
        if not table:
            lead = next((n for n, line in enumerate(self._lines) if line.kind != COMMENT), len(self._lines))
            return lead if lead == len(self._lines) or self._lines[lead].kind == BLANK else 0
        later = ORDER[ORDER.index(table[0]) + 1:]
        for number, line in enumerate(self._lines):
            if line.kind == HEADER and line.path[0] in later:
                while number and self._lines[number - 1].kind == COMMENT:
                    number -= 1
                return number
        return len(self._lines)

    def _insert(self, number: int, text: str, table: Path = ()) -> None:
        self._lines[number:number] = split(text, table)
