"""What a model is fitted to: a module, a CPU or none, and VMM layers, with what all of them together let a TD have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from tdxtui import library
from tdxtui.checking.bits import feature_mask
from tdxtui.cpuid import Field, Leaf
from tdxtui.errors import TdxtuiError
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.refusal import Refusal
from tdxtui.sysinit import Prepared
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM, names_of
from tdxtui.vmm_layer import VmmLayer


class Unfit(TdxtuiError):
    """Nothing legal has what is demanded, or the module doesn't take the CPU. `reasons` are lines for people."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Target:
    """Where a model has to be legal. `prepared` of no CPU is the bound of one that has everything."""

    module: Module
    platform: Platform | None
    layers: tuple[VmmLayer, ...]
    prepared: Prepared
    module_name: str
    platform_name: str

    @classmethod
    def of(
        cls,
        module: Module,
        platform: Platform | None,
        layers: Sequence[VmmLayer] = (),
        names: tuple[str, str] = ("", ""),
    ) -> Target:
        """The target; Unfit with the module's reason if it refuses the CPU.

        `names` are what a model has to call module and CPU to find them again, by default their own names.
        """
        called = names[0] or module.version, names[1] or (platform.name if platform else "")
        if platform is None:
            return cls(module, None, tuple(layers), library.prepared_unknown(module)[1], *called)
        prepared = library.prepared(module, platform)
        if isinstance(prepared, Refusal):
            raise Unfit(f"module {module.version} refuses {platform.name}: {prepared}")
        return cls(module, platform, tuple(layers), prepared, *called)

    @property
    def name(self) -> str:
        """The target in words."""
        cpu = self.platform.name if self.platform else "no CPU"
        return " · ".join((f"module {self.module.version}", cpu, *(layer.label for layer in self.layers)))

    @cached_property
    def xfam(self) -> int:
        """The bits of XFAM that a TD may have."""
        allowed = self.prepared.xfam_allowed
        for layer in self.layers:
            allowed &= layer.xfam | self.module.xfam.fixed1
        return allowed

    @cached_property
    def attributes(self) -> int:
        """The bits of ATTRIBUTES that a TD may have, each by itself."""
        allowed = self.prepared.attributes_allowed
        for layer in self.layers:
            allowed &= layer.attributes | self.module.attributes.fixed1
        return allowed

    @cached_property
    def config_flags(self) -> int:
        """The bits of CONFIG_FLAGS that a TD may have, each by itself; a VMM may demand the host's own MAX_PA."""
        allowed = self.module.config_flags.allowed
        for layer in self.layers:
            allowed &= layer.config_flags
            allowed &= ~CONFIG_FLAGS["MAXPA_VIRT"] if layer.phys_bits_as_host else -1
        return allowed

    @cached_property
    def refused(self) -> dict[Leaf, int]:
        """Packed masks of bits that a VMM won't have as 1: those it refuses, and features that it has no name for."""
        masks: dict[Leaf, int] = {}
        for layer in self.layers:
            for leaf, mask in [*layer.refused.items(), *nameless(layer, self.module).items()]:
                masks[leaf] = masks.get(leaf, 0) | mask
        return masks

    @cached_property
    def forced(self) -> dict[Leaf, int]:
        """Packed masks of configurable bits that a VMM sets to 1 by itself, or believes that every TD has."""
        masks: dict[Leaf, int] = {}
        for layer in self.layers:
            ones = [(leaf, value & mask) for leaf, (value, mask) in layer.forced.items()]
            for leaf, mask in [*layer.fixed1.items(), *ones]:
                if mask := mask & self.module.configurable.get(leaf, 0):
                    masks[leaf] = masks.get(leaf, 0) | mask
        return masks

    def forcing(self, bit: Field) -> str:
        """Which layer has a configurable bit always as 1, "" if none does."""
        if not self.forced.get(bit.leaf, 0) & bit.mask:
            return ""
        for layer in self.layers:
            if bit.mask & (layer.fixed1.get(bit.leaf, 0) | layer.forced.get(bit.leaf, (0, 0))[0]):
                return f"{layer.label} has it in every TD"
        return ""

    def objection(self, what: str, value: int) -> str:
        """Which layer holds back bits of XFAM, ATTRIBUTES or CONFIG_FLAGS, "" if none does."""
        names = {"XFAM": XFAM, "ATTRIBUTES": ATTRIBUTES, "CONFIG_FLAGS": CONFIG_FLAGS}[what]
        for layer in self.layers:
            passes = {"XFAM": layer.xfam, "ATTRIBUTES": layer.attributes, "CONFIG_FLAGS": layer.config_flags}[what]
            if blocked := value & ~passes:
                return f"{layer.label} doesn't pass {what} {', '.join(names_of(blocked, names))}"
        return ""

    def refusal(self, bit: Field) -> str:
        """Which layer refuses a bit as 1, and why; "" if none does."""
        for layer in self.layers:
            if layer.refused.get(bit.leaf, 0) & bit.mask:
                because = layer.because.get(bit)
                return f"{layer.label} refuses it" + (f": {because}" if because else "")
            if nameless(layer, self.module).get(bit.leaf, 0) & bit.mask:
                return f"{layer.label} has no name for it"
        return ""


def nameless(layer: VmmLayer, module: Module) -> dict[Leaf, int]:
    """The configurable features, per leaf as packed masks, that a VMM which takes features by name can't turn on."""
    masks = {leaf: module.configurable.get(leaf, 0) & feature_mask(leaf) & word & ~layer.named[leaf]
             for leaf, word in layer.words.items()}
    return {leaf: mask for leaf, mask in masks.items() if mask}
