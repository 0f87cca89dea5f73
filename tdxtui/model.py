"""The vCPU model: what its author wants of a TD. `model_file` reads and writes it as TOML.

A model is never changed in place; an edit makes a new one, so that undo can hold whole situations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tdxtui.cpuid import Field, Leaf
from tdxtui.module import Module
from tdxtui.td import CONFIG_FLAGS, DIGESTS, EPTP_4_LEVEL, EPTP_5_LEVEL, TSC_UNIT_MHZ, TdConfig


@dataclass(frozen=True)
class VcpuModel:
    """The TD settings, and the bits that are wished: per leaf a packed value and the packed mask of wished bits.

    `module` and `platform` are names, empty for none; `arch_capabilities` is None where the VMM configures no
    IA32_ARCH_CAPABILITIES. `mrconfigid`, `mrowner` and `mrownerconfig` have 48 bytes each, or none where the model
    leaves them to the VMM. `origin` is the text that the model was read from, which a save keeps but for what was
    edited; it is no part of what the model says.
    """

    name: str
    description: str = ""
    module: str = ""
    platform: str = ""
    attributes: int = 0
    xfam: int = 3
    config_flags: int = 0
    tsc_mhz: int = 2000
    max_vcpus: int = 1
    num_l2_vms: int = 0
    arch_capabilities: int | None = None
    mrconfigid: bytes = b""
    mrowner: bytes = b""
    mrownerconfig: bytes = b""
    wishes: Mapping[Leaf, tuple[int, int]] = field(default_factory=dict)
    origin: str = field(default="", compare=False, repr=False)

    @property
    def digests(self) -> dict[str, bytes]:
        """The digests that the model gives, by TD_PARAMS' names: 48 bytes each."""
        return {name: digest for name in DIGESTS if (digest := getattr(self, name))}

    def wished(self, at: Field) -> int | None:
        """The wished value of a field, None unless all its bits are wished."""
        value, mask = self.wishes.get(at.leaf, (0, 0))
        return at.get(value) if mask & at.mask == at.mask else None

    def wish(self, at: Field, value: int | None) -> VcpuModel:
        """The model with a field wished to have a value, or with None no longer wished.

        Raises ValueError for a value that the field can't have.
        """
        if value is not None and not 0 <= value < 1 << at.width:
            raise ValueError(f"{at.key} has {at.width} bit{'s' * (at.width > 1)}; {value} does not fit")
        wishes = dict(self.wishes)
        old, mask = wishes.pop(at.leaf, (0, 0))
        mask = mask & ~at.mask if value is None else mask | at.mask
        if mask:
            wishes[at.leaf] = at.put(old, value or 0) & mask, mask
        return replace(self, wishes=wishes)

    def td_config(self, module: Module) -> TdConfig:
        """What a VMM would hand to TDH.MNG.INIT of this module for the model."""
        return TdConfig(
            attributes=self.attributes,
            xfam=self.xfam,
            cpuid_config=self.cpuid_config(module),
            max_vcpus=self.max_vcpus,
            num_l2_vms=self.num_l2_vms,
            config_flags=self.config_flags,
            eptp_controls=EPTP_5_LEVEL if self.config_flags & CONFIG_FLAGS["GPAW"] else EPTP_4_LEVEL,
            tsc_frequency=self.tsc_mhz // TSC_UNIT_MHZ,
            msr_config_ctls=int(self.arch_capabilities is not None),
            arch_capabilities_config=self.arch_capabilities or 0,
        )

    def cpuid_config(self, module: Module) -> dict[Leaf, int]:
        """CPUID_CONFIG: the wished ones among the bits that may be configured; what isn't wished is 0."""
        config: dict[Leaf, int] = {}
        for leaf, (value, _) in self.wishes.items():
            entry = module.entry_for(leaf)
            if entry is not None and entry.leaf in module.configurable:
                config[entry.leaf] = config.get(entry.leaf, 0) | value & entry.configurable
        return config
