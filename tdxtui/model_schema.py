"""The shape of a vCPU model file (pydantic): the keys, their types, and the values that are possible at all."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tdxtui.errors import DataError
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


class ModelDocument(_Strict):
    """A whole file."""

    format: Annotated[int, Field(ge=1, le=1)] = 1
    name: str = ""
    description: str = ""
    module: str = ""
    platform: str = ""
    td: TdSettings = TdSettings()
    features: dict[str, bool] = {}
    registers: dict[str, Hex | MaskedValue] = {}


_MESSAGES = {
    "extra_forbidden": "is not a key of this table",
    "bool_type": "expected true or false",
    "string_type": "expected a string",
    "int_type": "expected a whole number",
    "list_type": "expected a list",
    "dict_type": "expected a table",
    "model_type": "expected a table",
    "string_pattern_mismatch": "expected hex digits after 0x, at most 16",
    "missing": "is missing",
}


def validate(data: dict[str, Any], source: str) -> ModelDocument:
    """The checked document; DataError names the first wrong key and what was expected there."""
    try:
        return ModelDocument.model_validate(data)
    except ValidationError as error:
        first, *rest = error.errors(include_url=False)
        where = ".".join(_shown(part) for part in first["loc"] if part not in ("MaskedValue", _UNION_STRING))
        message = _MESSAGES.get(first["type"]) or first["msg"].removeprefix("Value error, ").replace("Input", "it")
        more = f" (and {len(rest)} more)" if rest and first["loc"][0] != "registers" else ""
        raise DataError(source, where, message + more) from None


_UNION_STRING = "constrained-str"


def _shown(part: int | str) -> str:
    return f'"{part}"' if isinstance(part, str) and "." in part else str(part)
