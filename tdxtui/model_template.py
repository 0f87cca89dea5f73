"""New model files: a commented one, or the copy of a preset or file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tdxtui import library, model_file
from tdxtui.errors import TdxtuiError
from tdxtui.model import VcpuModel

MODULE, PLATFORM, NO_PLATFORM = "1.5.06", "sapphire-rapids", "none"

TEMPLATE = """\
# A vCPU model: what is wanted of a TD's CPUID. What no line mentions isn't wished for, and is 0 where the VMM decides.

format = 2
name = "new"
# description = "what it is for"
# The TDX module and the CPU that it is held against, see `tdxtui modules` and `tdxtui platforms`.
module = "1.5.06"
platform = "sapphire-rapids"

[td]
# The bits of ATTRIBUTES, XFAM and CONFIG_FLAGS by name; "bit 45" is one without a name.
attributes = ["SEPT_VE_DISABLE"]
xfam = ["X87", "SSE", "AVX"]
config_flags = ["NO_RBP_MOD"]
# The virtual TSC, in steps of 25 MHz.
tsc_mhz = 2000
max_vcpus = 1
num_l2_vms = 0
# IA32_ARCH_CAPABILITIES_CONFIG; without this line the VMM configures none of it.
# arch_capabilities = "0x0"
# Digests that TDREPORT shows as they are: 96 hex digits (sha384sum), or base64 as QEMU takes it.
# mrconfigid = "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
# mrowner = "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
# mrownerconfig = "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"

# Single bits by the names of QEMU, libvirt or Linux, see `tdxtui bits`.
[features]
# avx512f = true

# Fields of several bits by name, as numbers or words.
[fields]
# n_logical_cpu = 8
# "4.0.cache_type" = "data"

# Any other bits in hex; with a mask only those are wished.
[registers]
# "7.0.ebx[31:26]" = "0x00"
# "7.0.edx" = { value = "0x00000010", mask = "0x00000010" }
"""


def text(file: str | None, source: str | None, name: str | None, module: str | None, platform: str | None) -> str:
    """The text of a new model for a file (None: for none), copied from a preset or file `source` if one is given.

    Raises TdxtuiError for an unknown source, module or platform.
    """
    if source is not None:
        model = model_file.load(find(source))
    else:
        model = model_file.parse(TEMPLATE, "template")
        name = name or (Path(file).stem if file else None)
    model = held_against(model, module, platform)
    model = model if name is None else replace(model, name=name)
    return model_file.rewritten(model.origin, file or "", model)


def find(name: str) -> Path:
    """The file of a model by path or preset name; TdxtuiError if there is none."""
    presets = library.presets()
    if Path(name).exists():
        return Path(name)
    if name not in presets:
        raise TdxtuiError(f"there is no file or preset {name!r}; presets are {', '.join(presets)}")
    return presets[name]


def held_against(model: VcpuModel, module: str | None, platform: str | None) -> VcpuModel:
    """The model with another module or platform, where one is given; TdxtuiError if that can't be had."""
    if module is not None:
        library.module(module)
        model = replace(model, module=module)
    if platform is not None:
        cpu = "" if platform == NO_PLATFORM else platform
        if cpu:
            library.platform(cpu)
        model = replace(model, platform=cpu)
    return model
