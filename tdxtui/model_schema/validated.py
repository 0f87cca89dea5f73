"""The shape of [validated]: what an export found to come of a model, in the terms of TD_PARAMS."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Hex32 = Annotated[str, Field(pattern=r"^0x[0-9a-f]{8}$")]
Hex64 = Annotated[str, Field(pattern=r"^0x[0-9a-f]{16}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{96}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ModuleRecord(_Strict):
    """The module that the model was held against."""

    name: str = Field(description="The name or file that it was found by.")
    version: str
    evidence: str = Field(description="What the module's file is based on: run, read or partial.")
    sha256: Sha256 = Field(description="Of the bytes of the module's file.")


class PlatformRecord(_Strict):
    """The CPU that the model was held against."""

    name: str = Field(description="The name or file that it was found by.")
    sha256: Sha256 = Field(description="Of the bytes of the platform's file.")


class TdParamsRecord(_Strict):
    """TD_PARAMS but for CPUID_CONFIG."""

    attributes: Hex64
    xfam: Hex64
    max_vcpus: int
    num_l2_vms: int
    msr_config_ctls: int
    eptp_controls: Hex64
    config_flags: Hex64
    tsc_frequency: int = Field(description="In units of 25 MHz.")
    arch_capabilities_config: Hex64
    mrconfigid: Digest | None = None
    mrowner: Digest | None = None
    mrownerconfig: Digest | None = None


class LeafRecord(_Strict):
    """A CPUID leaf; `subleaf` is absent for a leaf without sub-leaves, `known_*` where every bit is known."""

    leaf: Hex32
    subleaf: Hex32 | None = None
    eax: Hex32
    ebx: Hex32
    ecx: Hex32
    edx: Hex32
    known_eax: Hex32 | None = None
    known_ebx: Hex32 | None = None
    known_ecx: Hex32 | None = None
    known_edx: Hex32 | None = None
    guest: Literal["ve", "run-time"] | None = Field(
        default=None,
        description="ve: by default the guest gets #VE here; run-time: some bits are filled in or changed as it reads.",
    )


class Validated(_Strict):
    """What an export found. Without a platform, `known_*` are the masks of the bits that don't depend on one."""

    tool: str = Field(description="The version of tdxtui that wrote this.")
    format: int = Field(description="The format of the model file that this was written into.")
    arch_capabilities: Hex64 | None = Field(default=None, description="IA32_ARCH_CAPABILITIES in the guest.")
    conflicts: list[str] = Field(default=[], description="What did not come out as wished, or was refused.")
    module: ModuleRecord
    platform: PlatformRecord | None = None
    td_params: TdParamsRecord
    cpuid_config: list[LeafRecord] = Field(description="CPUID_CONFIG in the module's order, unused slots included.")
    cpuid: list[LeafRecord] = Field(description="The CPUID that the guest gets, in the module's order.")
