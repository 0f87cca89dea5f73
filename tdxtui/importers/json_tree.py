"""JSON from strangers: parsed within bounds, its mistakes told with line and column."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from tdxtui.importers.result import failed

MAX_VALUES = 400_000
_BLANK = re.compile(r"\s*")


def parse(data: bytes, name: str) -> Any:
    """The value of a JSON text; ImportFailed with line and column, or byte, if it is none or too large a one."""
    return _guarded(json.loads, data, name)


def documents(data: bytes, name: str) -> list[Any]:
    """The values of a text that has one JSON after the other, as a QMP session gives them."""
    return _guarded(lambda text: list(_each(text)), data, name)  # type: ignore[no-any-return]


def _each(text: str) -> Iterator[Any]:
    decoder, begin = json.JSONDecoder(), _BLANK.match(text, 0)
    at = begin.end() if begin else 0
    while at < len(text) or not at:
        value, at = decoder.raw_decode(text, at)
        yield value
        blank = _BLANK.match(text, at)
        at = blank.end() if blank else at


def _guarded(read: Callable[[str], Any], data: bytes, name: str) -> Any:
    if sum(map(data.count, (b",", b"[", b"{", b":"))) > MAX_VALUES:
        raise failed(name, "", f"has more than {MAX_VALUES} values; that is no file of this kind")
    try:
        return read(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise failed(name, f"byte {error.start}", "is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise failed(name, f"line {error.lineno} column {error.colno}", f"is not JSON: {error.msg}") from None
    except RecursionError:
        raise failed(name, "", "is nested too deeply") from None
    except ValueError:
        raise failed(name, "", "has a number of thousands of digits") from None


def child(parent: Any, key: str, kind: type, name: str, where: str = "") -> Any:
    """A key's value of an object, which must be of a type; `where` is the way to the object."""
    if not isinstance(parent, dict):
        raise failed(name, where, f"expected an object, found {kind_of(parent)}")
    if key not in parent:
        raise failed(name, where, f"lacks {key!r}")
    if not isinstance(parent[key], kind) or isinstance(parent[key], bool) is not (kind is bool):
        raise failed(name, f"{where}.{key}".lstrip("."), f"expected {_KINDS[kind]}, found {kind_of(parent[key])}")
    return parent[key]


def kind_of(value: object) -> str:
    """What kind of JSON value it is, for errors."""
    return _KINDS.get(type(value), "null")


_KINDS = {
    str: "a string", int: "a whole number", float: "a fraction", list: "a list", dict: "an object",
    bool: "true or false",
}
