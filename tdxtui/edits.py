"""Edits of a TD: what a VMM, or whoever chooses the host, may set so that a bit comes out otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from tdxtui.cpuid import REGISTER_KEYS, Field, Leaf, unpack
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.td import EPTP_4_LEVEL, EPTP_5_LEVEL, NAMED_BITS, TSC_UNIT_MHZ, TdConfig

WORDS: Mapping[str, str] = {"XFAM": "xfam", "ATTRIBUTES": "attributes", "CONFIG_FLAGS": "config_flags"}
CPUID_CONFIG, TSC_FREQUENCY, NUM_L2_VMS, MAX_VCPUS = "CPUID_CONFIG", "TSC_FREQUENCY", "NUM_L2_VMS", "MAX_VCPUS"
ARCH_CAPABILITIES = "IA32_ARCH_CAPABILITIES_CONFIG"
# The numbers of TD_PARAMS by their names in TdConfig.
NUMBERS: Mapping[str, str] = {
    TSC_FREQUENCY: "tsc_frequency", NUM_L2_VMS: "num_l2_vms", MAX_VCPUS: "max_vcpus",
    ARCH_CAPABILITIES: "arch_capabilities_config",
}
PLATFORM, MODULE = "platform", "module"


class Edit(NamedTuple):
    """One setting: `what` it is of, the `name` of its bits (or of the platform or module), and its new value.

    Of CPUID_CONFIG it sets `field`, or with `leaf` the whole entry, its value packed. The TSC frequency is in units
    of 25 MHz.
    """

    what: str
    name: str
    value: int = 1
    field: Field | None = None
    leaf: Leaf | None = None

    @property
    def text(self) -> str:
        """The edit as people read it: ``XFAM.AVX512 = 1``."""
        if self.what in (PLATFORM, MODULE):
            return f"{self.what} {self.name}"
        if self.what == TSC_FREQUENCY:
            return f"{TSC_FREQUENCY} = {self.value * TSC_UNIT_MHZ} MHz"
        if self.what == ARCH_CAPABILITIES:
            return f"{ARCH_CAPABILITIES} = {self.value:#x}"
        if self.what == CPUID_CONFIG:
            return f"{CPUID_CONFIG} {self.name} = {self._config_value()}"
        return f"{self.what}.{self.name} = {self.value}" if self.name else f"{self.what} = {self.value}"

    def _config_value(self) -> str:
        if self.leaf is not None:
            parts = zip(REGISTER_KEYS, unpack(self.value), strict=True)
            return " ".join(f"{name}:{value:#x}" for name, value in parts if value) or "0"
        return str(self.value) if self.field is None or self.field.is_bit else f"{self.value:#x}"


def word_edit(what: str, name: str, value: int) -> Edit:
    """Turn named bits of XFAM, ATTRIBUTES or CONFIG_FLAGS on or off."""
    return Edit(what, name, value)


def config_edit(field: Field, value: int) -> Edit:
    """Set a field of CPUID_CONFIG."""
    return Edit(CPUID_CONFIG, field.key, value, field)


def entry_edit(leaf: Leaf, value: int) -> Edit:
    """Set a whole entry of CPUID_CONFIG."""
    return Edit(CPUID_CONFIG, leaf.key, value, None, leaf)


def elsewhere(edits: Iterable[Edit], what: str) -> str:
    """The platform or module that edits move to, "" for none."""
    return next((edit.name for edit in edits if edit.what == what), "")


def applied(config: TdConfig, edits: Iterable[Edit]) -> TdConfig:
    """The TD configuration with the edits made; those of platform and module are not of its kind."""
    changes: dict[str, int] = {}
    entries: dict[Leaf, int] | None = None
    for edit in edits:
        if edit.what == CPUID_CONFIG:
            entries = dict(config.cpuid_config) if entries is None else entries
            _configure(entries, edit)
        elif edit.what in WORDS:
            word = WORDS[edit.what]
            changes[word] = with_bits(changes.get(word, getattr(config, word)), edit)
        elif edit.what in NUMBERS:
            changes[NUMBERS[edit.what]] = edit.value
        if edit.what == "CONFIG_FLAGS" and edit.name == "GPAW":
            changes["eptp_controls"] = EPTP_5_LEVEL if edit.value else EPTP_4_LEVEL
    if entries is not None:
        config = config._replace(cpuid_config=entries)
    return config._replace(**changes) if changes else config  # type: ignore[arg-type]


def with_bits(word: int, edit: Edit) -> int:
    """A word with an edit's bits on or off."""
    mask = NAMED_BITS[edit.what][edit.name]
    return word | mask if edit.value else word & ~mask


def _configure(entries: dict[Leaf, int], edit: Edit) -> None:
    if edit.leaf is not None:
        entries[edit.leaf] = edit.value
    elif edit.field is not None:
        entries[edit.field.leaf] = edit.field.put(entries.get(edit.field.leaf, 0), edit.value)


def wished(model: VcpuModel, edits: Iterable[Edit], module: Module) -> VcpuModel:
    """The model with the edits made: those of CPUID_CONFIG become wishes."""
    for edit in edits:
        if edit.field is not None:
            model = model.wish(edit.field, edit.value)
        elif edit.leaf is not None:
            mask = module.configurable[edit.leaf]
            model = replace(model, wishes={**model.wishes, edit.leaf: (edit.value & mask, mask)})
        elif edit.what in WORDS:
            word = WORDS[edit.what]
            changes = {word: with_bits(getattr(model, word), edit)}
            model = replace(model, **changes)  # type: ignore[arg-type]
        elif edit.what == TSC_FREQUENCY:
            model = replace(model, tsc_mhz=edit.value * TSC_UNIT_MHZ)
        elif edit.what == ARCH_CAPABILITIES:
            model = replace(model, arch_capabilities=edit.value)
        elif edit.what in NUMBERS:
            changes = {NUMBERS[edit.what]: edit.value}
            model = replace(model, **changes)  # type: ignore[arg-type]
        elif edit.what == PLATFORM:
            model = replace(model, platform=edit.name)
        else:
            model = replace(model, module=edit.name)
    return model
