"""QEMU's option values: ``key=value,…`` with doubled commas, or JSON (also in single quotes) as -object takes it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from tdxtui.importers.result import failed


def parse(text: str, name: str, where: str, first: str = "") -> dict[str, object]:
    """The properties of an option's value; a first word without "=" has the key `first`."""
    if text.lstrip().startswith("{"):
        return _json(text, name, where)
    out: dict[str, object] = {}
    for number, word in enumerate(re.split(r"(?<!,),(?!,)", text)):
        key, equals, value = word.replace(",,", ",").partition("=")
        if not number and not equals and first:
            out[first] = key.strip()
        elif key.strip():
            out[key.strip()] = value if equals else "on"
    return out


def _json(text: str, name: str, where: str) -> dict[str, object]:
    try:
        found = json.loads(text if '"' in text else _double_quoted(text))
    except RecursionError:
        raise failed(name, where, "is JSON that is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise failed(name, where, f"is not JSON: {error.msg} (column {error.colno})") from None
    except ValueError:
        raise failed(name, where, "is JSON with a number of thousands of digits") from None
    if not isinstance(found, Mapping):
        raise failed(name, where, "expected a JSON object")
    return {str(key): value for key, value in found.items()}


def _double_quoted(text: str) -> str:
    """JSON in the single quotes that QEMU takes too."""
    return re.sub(r"'([^'\\]*)'", r'"\1"', text)
