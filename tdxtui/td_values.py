"""The TD parameters that are numbers: how people write them, and what a module takes (3.3, 4.6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.td import TSC_UNIT_MHZ

NONE = "none"


class TdValue(NamedTuple):
    """A parameter: `word` is the model's own name of it, `unit` follows its number, `expected` says what may be."""

    name: str
    word: str
    unit: str
    expected: Callable[[Module], str]

    def text(self, model: VcpuModel) -> str:
        """Its value as people write it."""
        value = getattr(model, self.word)
        if self.word == "arch_capabilities":
            return NONE if value is None else f"{value:#x}"
        return str(value)

    def put(self, model: VcpuModel, text: str) -> VcpuModel:
        """The model with another value. Raises ValueError, without words, for a text that is none."""
        word = text.strip().lower().removesuffix(self.unit.lower()).strip().replace("_", "")
        value = _hex_or_none(word) if self.word == "arch_capabilities" else _number(word)
        if self.word == "tsc_mhz" and _number(word) % TSC_UNIT_MHZ:
            raise ValueError(text)
        return replace(model, **{self.word: value})  # type: ignore[arg-type]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(text)
    return int(text)


def _hex_or_none(text: str) -> int | None:
    if text in (NONE, ""):
        return None
    value = int(text, 16)
    if not 0 <= value < 1 << 64:
        raise ValueError(text)
    return value


def _tsc(module: Module) -> str:
    low, high = module.td_params.tsc_frequency
    return f"{low * TSC_UNIT_MHZ} to {high * TSC_UNIT_MHZ} MHz in steps of {TSC_UNIT_MHZ}"


def _vcpus(module: Module) -> str:
    return f"1 to {module.td_params.max_vcpus}"


def _l2_vms(module: Module) -> str:
    return f"0 to {module.td_params.max_l2_vms}"


def _arch_capabilities(module: Module) -> str:
    rules = module.arch_capabilities
    return f"hex bits of IA32_ARCH_CAPABILITIES within {rules.configured_and_native | rules.configured_or_native:#x}," \
        f" or {NONE} for the module's own"


TD_VALUES: Mapping[str, TdValue] = MappingProxyType({
    item.name: item
    for item in (
        TdValue("TSC", "tsc_mhz", "MHz", _tsc),
        TdValue("MAX_VCPUS", "max_vcpus", "", _vcpus),
        TdValue("NUM_L2_VMS", "num_l2_vms", "", _l2_vms),
        TdValue("ARCH_CAPABILITIES", "arch_capabilities", "", _arch_capabilities),
    )
})
