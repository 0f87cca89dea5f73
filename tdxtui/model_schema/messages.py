"""What pydantic finds wrong with a document, in one line for people."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tdxtui.migrations import FORMAT
from tdxtui.model_schema.document import FIELD_WISH, NUMBER, TABLE, TEXT, WISH, ModelDocument
from tdxtui.strict import data_error, kind_of, quoted
from tdxtui.td import DIGESTS

_MESSAGES = {
    "extra_forbidden": "is not a key of this table",
    "bool_type": "expected true or false",
    "string_type": "expected a string",
    "int_type": "expected a whole number",
    "list_type": "expected a list",
    "dict_type": "expected a table",
    "model_type": "expected a table",
    "string_pattern_mismatch": 'expected hex digits as "0x…", at most 16',
    "less_than_equal": "expected at most {le}",
    "greater_than_equal": "expected at least {ge}",
    "missing": "is missing",
    "wish": WISH,
    "field_wish": FIELD_WISH,
}
_DIGEST = "expected 48 bytes as 96 hex digits, or in base64"
_SHOW_VALUE = ("string_pattern_mismatch", "less_than_equal", "greater_than_equal")
_WISH_TABLES = ("fields", "registers")


def check(data: dict[str, Any], source: str) -> None:
    """Check a document; DataError names the first wrong key and what was expected there."""
    try:
        ModelDocument.model_validate(data)
    except ValidationError as error:
        first, *rest = error.errors(include_url=False)
        more = f" (and {len(rest)} more)" if rest else ""
        raise data_error(source, _where(first["loc"]), _message(first) + more) from None


def _message(error: ErrorDetails) -> str:
    kind, found, place = error["type"], error["input"], error["loc"]
    if place == ("format",) and type(found) is int:
        return f"is {found}; this tdxtui reads formats 1 to {FORMAT}"
    if kind == "string_pattern_mismatch" and place[0] != "td":
        return _bad_text(place, found, error)
    if kind in ("string_pattern_mismatch", "string_type") and place[-1] in DIGESTS:
        return f"{_DIGEST}, found {found!r}" if isinstance(found, str) else f"{_DIGEST}, found {kind_of(found)}"
    if kind not in _MESSAGES:
        return error["msg"].removeprefix("Value error, ")
    hex_wanted = kind == "string_type" and place[-1] == "arch_capabilities"
    message = _MESSAGES["string_pattern_mismatch" if hex_wanted else kind].format(**error.get("ctx", {}))
    if kind in ("extra_forbidden", "missing"):
        return message
    if kind in ("wish", "field_wish", "bool_type") and isinstance(found, dict):
        return f"{message}; if the key has dots, write it in quotes"
    return f"{message}, found {found!r}" if kind in _SHOW_VALUE else f"{message}, found {kind_of(found)}"


def _bad_text(place: tuple[int | str, ...], found: Any, error: ErrorDetails) -> str:
    if place[0] == "validated":
        digits = error["ctx"]["pattern"].partition("{")[2].rstrip("}$")
        prefix = "0x and " if error["ctx"]["pattern"].startswith("^0x") else ""
        return f"expected {prefix}{digits} hex digits in lower case, as export writes them, found {found!r}"
    return f"{WISH if place[-1] == TEXT else _MESSAGES['string_pattern_mismatch']}, found {found!r}"


def _where(place: tuple[int | str, ...]) -> str:
    """The way to a wrong key; the kind of a wish is no part of it."""
    tagged = place[0] in _WISH_TABLES and len(place) > 2 and place[2] in (TEXT, TABLE, NUMBER)
    parts = place[:2] + place[3:] if tagged else place
    return "".join(f"[{part}]" if isinstance(part, int) else f".{quoted(part)}" for part in parts).removeprefix(".")
