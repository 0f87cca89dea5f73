"""The shape of a vCPU model file (pydantic): the keys, their types, and the values that are possible at all."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, field_validator
from pydantic_core import ErrorDetails

from tdxtui.strict import data_error, kind_of, quoted
from tdxtui.td import TSC_UNIT_MHZ

Hex = Annotated[str, Field(pattern=r"^0[xX][0-9a-fA-F]{1,16}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TdSettings(_Strict):
    """The TD's settings, bits by name."""

    attributes: list[str] = []
    xfam: list[str] = ["X87", "SSE"]
    config_flags: list[str] = []
    tsc_mhz: Annotated[int, Field(ge=100, le=10000)] = 2000
    max_vcpus: Annotated[int, Field(ge=1, le=65535)] = 1
    num_l2_vms: Annotated[int, Field(ge=0, le=3)] = 0
    arch_capabilities: Hex | None = None

    @field_validator("tsc_mhz")
    @classmethod
    def _in_steps(cls, value: int) -> int:
        if value % TSC_UNIT_MHZ:
            raise ValueError(f"must be a multiple of {TSC_UNIT_MHZ}, the virtual crystal's MHz")
        return value


class MaskedValue(_Strict):
    """A wish for some bits of a field."""

    value: Hex
    mask: Hex


_TEXT, _TABLE = "text", "table"
_WISH = 'expected hex digits as "0x…" or a table of value and mask'


def _wish_kind(wish: Any) -> str | None:
    if isinstance(wish, dict):
        return _TABLE if wish.keys() & {"value", "mask"} else None
    return _TEXT if isinstance(wish, str) else None


Wish = Annotated[
    Annotated[Hex, Tag(_TEXT)] | Annotated[MaskedValue, Tag(_TABLE)],
    Discriminator(_wish_kind, custom_error_type="wish", custom_error_message=_WISH),
]


class ModelDocument(_Strict):
    """A whole file."""

    format: Annotated[int, Field(ge=1, le=1)] = 1
    name: str = ""
    description: str = ""
    module: str = ""
    platform: str = ""
    td: TdSettings = TdSettings()
    features: dict[str, bool] = {}
    registers: dict[str, Wish] = {}


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
    "wish": _WISH,
}
_SHOW_VALUE = ("string_pattern_mismatch", "less_than_equal", "greater_than_equal")


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
        return f"is {found}; this tdxtui reads format 1"
    if kind == "string_pattern_mismatch" and place[0] == "registers" and place[-1] == _TEXT:
        return f"{_WISH}, found {found!r}"
    if kind not in _MESSAGES:
        return error["msg"].removeprefix("Value error, ")
    message = _MESSAGES[kind].format(**error.get("ctx", {}))
    if kind in ("extra_forbidden", "missing"):
        return message
    if kind == "wish" and isinstance(found, dict):
        return f"{message}; if the key has dots, write it in quotes"
    return f"{message}, found {found!r}" if kind in _SHOW_VALUE else f"{message}, found {kind_of(found)}"


def _where(place: tuple[int | str, ...]) -> str:
    """The way to a wrong key; the kind of a wish is no part of it."""
    parts = place[:2] + place[3:] if place[0] == "registers" else place
    return "".join(f"[{part}]" if isinstance(part, int) else f".{quoted(part)}" for part in parts).removeprefix(".")
