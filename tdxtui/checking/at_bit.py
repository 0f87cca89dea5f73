"""What VMM layers make of one bit, whether the model asks for it or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tdxtui.checking.bits import feature_mask
from tdxtui.cpuid import Field
from tdxtui.module import Module
from tdxtui.vmm_layer import VmmLayer


def sayings(module: Module, layers: Sequence[VmmLayer], bit: Field) -> Iterator[str]:
    """A sentence for each layer that refuses a bit of one of the module's entries, forces it or has no name for it."""
    configurable = bool(module.configurable.get(bit.leaf, 0) & bit.mask)
    for layer in layers:
        if layer.refused.get(bit.leaf, 0) & bit.mask:
            what = f"legal for module {module.version}, refused by {layer.label}" if configurable else (
                f"{layer.label} refuses to configure it")
            yield f"As 1: {what} ({layer.because[bit]})."
        if configurable:
            yield from _of_configurable(layer, bit)


def _of_configurable(layer: VmmLayer, bit: Field) -> Iterator[str]:
    value, mask = layer.forced.get(bit.leaf, (0, 0))
    if mask & bit.mask:
        yield f"{layer.label} makes it {int(bool(value & bit.mask))} by itself ({layer.because[bit]})."
    elif layer.fixed1.get(bit.leaf, 0) & bit.mask:
        yield f"{layer.label} takes it for a bit that every TD has."
    unnamed = layer.words.get(bit.leaf, 0) & ~layer.named.get(bit.leaf, 0) & feature_mask(bit.leaf)
    if unnamed & bit.mask:
        yield f"{layer.label} has no name for it, so nothing can ask it to turn it on."
