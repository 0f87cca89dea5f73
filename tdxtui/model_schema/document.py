"""The shape of a model's document in the present format."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, WithJsonSchema, field_validator

from tdxtui.migrations import FORMAT
from tdxtui.model_schema.validated import Validated
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, TSC_UNIT_MHZ, XFAM

Hex = Annotated[str, Field(pattern=r"^0[xX][0-9a-fA-F]{1,16}$")]
# 48 bytes as hex digits, or in base64, where they are 64 characters without padding.
Digest = Annotated[str, Field(pattern=r"^([0-9a-fA-F]{96}|[0-9A-Za-z+/]{64})$")]
TEXT, TABLE, NUMBER = "text", "table", "number"
_DIGEST = " for TDREPORT: 48 bytes as 96 hex digits, or in base64 as QEMU and libvirt take it."
WISH = 'expected hex digits as "0x…" or a table of value and mask'
FIELD_WISH = 'expected a number, or words such as "data"'


def _one_of(known: Iterable[str]) -> WithJsonSchema:
    """A bit's name in the JSON Schema. pydantic takes any string, since `model_file` says more of a wrong one."""
    unnamed = {"type": "string", "pattern": "^bit ([0-9]|[1-5][0-9]|6[0-3])$"}
    return WithJsonSchema({"anyOf": [{"enum": list(known)}, unnamed]})


Attribute = Annotated[str, _one_of(ATTRIBUTES)]
XfamComponent = Annotated[str, _one_of(XFAM)]
ConfigFlag = Annotated[str, _one_of(CONFIG_FLAGS)]


class Strict(BaseModel):
    """A table without unknown keys or converted values."""

    model_config = ConfigDict(extra="forbid", strict=True)


class TdSettings(Strict):
    """The TD's settings, bits by name (written in capitals here, taken in any case; "bit 45" has no name)."""

    attributes: list[Attribute] = Field(default=[], description="The bits of ATTRIBUTES.")
    xfam: list[XfamComponent] = Field(default=["X87", "SSE"], description="The bits of XFAM.")
    config_flags: list[ConfigFlag] = Field(default=[], description="The bits of CONFIG_FLAGS.")
    tsc_mhz: int = Field(
        default=2000, ge=100, le=10000, json_schema_extra={"multipleOf": TSC_UNIT_MHZ},
        description="The virtual TSC's frequency in MHz, a multiple of 25.",
    )
    max_vcpus: int = Field(default=1, ge=1, le=65535, description="MAX_VCPUS: how many vCPUs the TD may have.")
    num_l2_vms: int = Field(default=0, ge=0, le=3, description="NUM_L2_VMS: how many nested VMs the TD may have.")
    arch_capabilities: Hex | None = Field(
        default=None, description="IA32_ARCH_CAPABILITIES_CONFIG in hex; without it the VMM configures none of it."
    )
    mrconfigid: Digest | None = Field(default=None, description=f"MRCONFIGID{_DIGEST}")
    mrowner: Digest | None = Field(default=None, description=f"MROWNER{_DIGEST}")
    mrownerconfig: Digest | None = Field(default=None, description=f"MROWNERCONFIG{_DIGEST}")

    @field_validator("tsc_mhz")
    @classmethod
    def _in_steps(cls, value: int) -> int:
        if value % TSC_UNIT_MHZ:
            raise ValueError(f"must be a multiple of {TSC_UNIT_MHZ}, the virtual crystal's MHz")
        return value


class MaskedValue(Strict):
    """A wish for some bits of a register or field: those of the mask."""

    value: Hex
    mask: Hex


def _wish_kind(wish: Any) -> str | None:
    if isinstance(wish, dict):
        return TABLE if wish.keys() & {"value", "mask"} else None
    return TEXT if isinstance(wish, str) else None


def _field_kind(wish: Any) -> str | None:
    return TEXT if isinstance(wish, str) else NUMBER if type(wish) is int else None


Wish = Annotated[
    Annotated[Hex, Tag(TEXT)] | Annotated[MaskedValue, Tag(TABLE)],
    Discriminator(_wish_kind, custom_error_type="wish", custom_error_message=WISH),
]
FieldWish = Annotated[
    Annotated[int, Tag(NUMBER)] | Annotated[str, Tag(TEXT)],
    Discriminator(_field_kind, custom_error_type="field_wish", custom_error_message=FIELD_WISH),
]


class ModelDocument(Strict):
    """A vCPU model: what is wanted of a TD's CPUID. What no key mentions isn't wished for."""

    model_config = ConfigDict(title="tdxtui vCPU model")

    format: int = Field(default=FORMAT, ge=1, le=FORMAT, description="2 adds fields, validated and the digests of td.")
    name: str = Field(default="", description="The model's name; the file's, if there is none.")
    description: str = Field(default="", description="What the model is for.")
    module: str = Field(default="", description="The TDX module that it is held against: a version or a file.")
    platform: str = Field(default="", description="The CPU that it is held against: a name or a file; none if empty.")
    td: TdSettings = Field(default_factory=TdSettings, description="The TD's settings.")
    features: dict[str, bool] = Field(
        default={}, description="Single bits by a name that QEMU, libvirt or Linux uses, or as 7.0.ebx.16."
    )
    fields: dict[str, FieldWish] = Field(
        default={}, description='Fields of several bits by name, as "4.0.cache_type" = "data": a number or words.'
    )
    registers: dict[str, Wish] = Field(
        default={}, description='Registers and any of their bits, as "7.0.ebx[31:26]", in hex.'
    )
    validated: Validated | None = Field(
        default=None, description="What tdxtui export found; dropped when the model is edited and saved."
    )
