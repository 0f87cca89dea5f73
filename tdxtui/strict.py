"""Read a TOML file strictly: each value taken by name and type, whatever is left over refused.

Every error is a `DataError` that names file, table and key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import tomli

from tdxtui.errors import DataError

T = TypeVar("T")

MAX_FILE_SIZE = 4 << 20
STDIN = "-"
MAX_WHERE = 60
MAX_MESSAGE = 130
FEW = 8
_REQUIRED: Any = object()
_HEX = re.compile(r"0[xX][0-9a-fA-F]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def data_error(source: str, where: str, message: str) -> DataError:
    """A DataError of one line that is no wall of text, whatever the file has in it."""
    return DataError(shown(source, MAX_MESSAGE), shown(where, MAX_WHERE), shown(message, MAX_MESSAGE))


def shown(text: str, limit: int) -> str:
    """A text with its control characters escaped, and its middle left out if it is longer than limit."""
    line = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text[: limit * 2])
    if len(text) <= limit * 2 and len(line) <= limit:
        return line
    end = "".join(char if char.isprintable() else " " for char in text[-limit // 3 :])
    return f"{line[: limit - len(end) - 3]}...{end}"


def unknown(text: str, known: Iterable[str]) -> str:
    """That a text is none of the known ones: all of these if they are few, else those that come close."""
    names = list(known)
    if len(names) > FEW:
        from difflib import get_close_matches  # only an error needs it

        if close := get_close_matches(text.upper(), [name.upper() for name in names], cutoff=0.5):
            return f"{text!r} is unknown; did you mean {', '.join(n for n in names if n.upper() in close)}?"
    return f"{text!r} is none of {', '.join(names)}"


def quoted(key: str) -> str:
    """A key as TOML writes it: in quotes unless it is a bare one."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'"{key}"'


def read_bytes(path: Path, limit: int = MAX_FILE_SIZE) -> bytes:
    """A file's bytes; DataError if it can't be read or is larger than limit bytes."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise data_error(str(path), "", f"can't be read: {error.strerror or error}") from None
    except ValueError:
        raise data_error(str(path), "", "can't be read: that is no name of a file") from None
    if len(data) > limit:
        raise data_error(str(path), "", f"is larger than {limit >> 20} MiB; that is no file of this kind")
    return data


def read_named(name: str, limit: int = MAX_FILE_SIZE) -> bytes:
    """As `read_bytes` of what a command's argument names: standard input for "-"."""
    if name != STDIN:
        return read_bytes(Path(name), limit)
    import sys

    data = sys.stdin.buffer.read(limit + 1)
    if len(data) > limit:
        raise data_error(name, "", f"is larger than {limit >> 20} MiB; that is no file of this kind")
    return data


def read_text(path: Path) -> str:
    """A file's text as UTF-8; DataError says at which byte it is none."""
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise data_error(str(path), f"byte {error.start}", "is not UTF-8 text") from None


def parse_toml(text: str, source: str) -> dict[str, Any]:
    """Parse TOML; DataError with line and column if it is none."""
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise data_error(source, "", f"is not TOML: {error}") from None
    except RecursionError:
        raise data_error(source, "", "is not TOML that can be used: it is nested too deeply") from None
    except ValueError:
        raise data_error(source, "", "is not TOML that can be used: it has a number of thousands of digits") from None


class Section:
    """One table of a file. Take what it should hold, then call `done`."""

    def __init__(self, data: object, source: str, parent: Section | None = None, key: str = "") -> None:
        self.source = source
        self._parent, self._key = parent, key
        if not isinstance(data, Mapping):
            raise self.error("", f"expected a table, found {kind_of(data)}")
        self._data = dict(data)

    @property
    def where(self) -> str:
        """The way to this table; put together only for an error."""
        return "" if self._parent is None else self._parent.path(self._key)

    def error(self, key: str, message: str) -> DataError:
        """A DataError at a key of this table."""
        return data_error(self.source, self.path(key), message)

    def path(self, key: str) -> str:
        """Where a key of this table stands in the file."""
        name, bracket, index = key.partition("[") if key.endswith("]") else (key, "", "")
        return ".".join(part for part in (self.where, name and quoted(name) + bracket + index) if part)

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def __iter__(self) -> Iterator[str]:
        """The keys not taken yet, in the file's order; they may be taken meanwhile."""
        return iter(list(self._data))

    def is_text(self, key: str) -> bool:
        """Whether a key's value is a string."""
        return isinstance(self._data.get(key), str)

    def take(self, key: str, kind: type[T], default: Any = _REQUIRED) -> T:
        """The value of a key, which must be of that type."""
        if key not in self._data:
            if default is _REQUIRED:
                raise self.error(key, f"is missing; expected {_NAMES.get(kind, kind.__name__)}")
            return default  # type: ignore[no-any-return]
        value = self._data.pop(key)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.error(key, f"expected {_NAMES.get(kind, kind.__name__)}, found {kind_of(value)}")
        return value

    def text(self, key: str, default: Any = _REQUIRED) -> str:
        """A string of one line."""
        value = self.take(key, str, default)
        if isinstance(value, str) and not value.isprintable() and _CONTROL.search(value):
            raise self.error(key, "expected one line of text without control characters")
        return value

    def number(self, key: str, least: int, most: int, default: Any = _REQUIRED) -> int:
        """A whole number within bounds."""
        value = self.take(key, int, default)
        if value is not default and not least <= value <= most:
            raise self.error(key, f"expected a number from {least} to {most}, found {value}")
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """True or false."""
        return self.take(key, bool, default)

    def hex(self, key: str, bits: int = 64, default: Any = _REQUIRED) -> int:
        """A number written as a string of hex digits with 0x, of at most that many bits."""
        text = self._data.get(key)
        if isinstance(text, str) and _HEX.fullmatch(text) and not (value := int(text, 16)) >> bits:
            del self._data[key]  # most of what a file holds: not by the way on which errors are told
            return value
        return self.parsed(key, lambda text: parse_hex(text, bits), default)

    def parsed(self, key: str, parse: Callable[[str], T], default: Any = _REQUIRED) -> T:
        """A string read by a function that raises ValueError for a bad one."""
        if key not in self._data and default is not _REQUIRED:
            return default  # type: ignore[no-any-return]
        return self._parse(key, self.text(key), parse)

    def parsed_list(self, key: str, parse: Callable[[str], T], required: bool = False) -> tuple[T, ...]:
        """A list of strings, each read by a function that raises ValueError for a bad one."""
        items = self.take(key, list, _REQUIRED if required else [])
        return tuple(self._parse(f"{key}[{n}]", item, parse) for n, item in enumerate(items))

    def lists(self, key: str, parse: Callable[[str], T]) -> tuple[tuple[T, ...], ...]:
        """A list of lists of strings, each read by a function."""
        rows = self.take(key, list, [])
        out = []
        for number, row in enumerate(rows):
            if not isinstance(row, list):
                raise self.error(f"{key}[{number}]", f"expected a list, found {kind_of(row)}")
            out.append(tuple(self._parse(f"{key}[{number}]", item, parse) for item in row))
        return tuple(out)

    def _parse(self, key: str, item: object, parse: Callable[[str], T]) -> T:
        if not isinstance(item, str):
            raise self.error(key, f"expected a string, found {kind_of(item)}")
        try:
            return parse(item)
        except ValueError as error:
            raise self.error(key, str(error)) from None

    def table(self, key: str, required: bool = True) -> Section:
        """A table within this one; an empty one if it is missing and not required."""
        if key not in self._data and not required:
            return Section({}, self.source, self, key)
        return Section(self.take(key, dict), self.source, self, key)

    def tables(self, key: str) -> Iterator[Section]:
        """Each table of an array of tables."""
        for number, item in enumerate(self.take(key, list, [])):
            yield Section(item, self.source, self, f"{key}[{number}]")

    def done(self) -> None:
        """Refuse what was not taken."""
        for key in self._data:
            raise self.error(key, "is not a key of this table")


def parse_hex(text: str, bits: int = 64) -> int:
    """Read 0x and hex digits; ValueError if it is none or needs more bits."""
    if not _HEX.fullmatch(text):
        raise ValueError(f"{text!r} is not a hex number; write 0x and hex digits")
    value = int(text, 16)
    if value >> bits:
        raise ValueError(f"{text!r} does not fit into {bits} bits")
    return value


def parse_hex_word(text: str) -> int:
    """Read a hex number of at most 32 bits."""
    return parse_hex(text, 32)


_NAMES = {
    str: "a string", int: "a whole number", bool: "true or false", list: "a list", dict: "a table", float: "a fraction",
}


def kind_of(value: object) -> str:
    """What kind of TOML value it is, for errors."""
    return _NAMES.get(type(value), f"a {type(value).__name__}")
