"""JSON from strangers: parsed within bounds, its mistakes told with line and column."""

from __future__ import annotations

import json
from typing import Any

from tdxtui.importers.result import failed

MAX_VALUES = 400_000


def parse(data: bytes, name: str) -> Any:
    """The value of a JSON text; ImportFailed with line and column, or byte, if it is none or too large a one."""
    if sum(map(data.count, (b",", b"[", b"{", b":"))) > MAX_VALUES:
        raise failed(name, "", f"has more than {MAX_VALUES} values; that is no file of this kind")
    try:
        return json.loads(data.decode("utf-8-sig"))
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
