"""A model as feature switches of QEMU: what goes on, what goes off, and what no switch can say.

QEMU takes no XFAM and only some of ATTRIBUTES as a word: it derives the rest from CPU features (`state_components`,
`layer.attributes_derived`). So a feature is on if CPUID_CONFIG has its bit, or the XFAM component or ATTRIBUTES bit
that hangs on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tdxtui import catalog, state_components
from tdxtui.cpuid import Field, Leaf
from tdxtui.exporters.kvm_rules import bits_of
from tdxtui.exporters.subject import Subject
from tdxtui.naming import field_name
from tdxtui.td import ATTRIBUTES, XFAM, names_of
from tdxtui.vmm_layer import VmmLayer

FEW = 3


@dataclass
class Switches:
    """The features by bit, the switches that are no CPUID bit (``pmu``), and the word for ``attributes=``."""

    features: dict[Field, bool] = field(default_factory=dict)
    others: dict[str, bool] = field(default_factory=dict)
    attributes: int = 0
    losses: list[str] = field(default_factory=list)


def switches(subject: Subject, known: Mapping[Field, str], beside: tuple[str, ...] = ()) -> Switches:
    """The switches of a model for the bits that have a name in `known`.

    `beside` are fields of CPUID_CONFIG that the format says by other means.
    """
    out = Switches()
    for leaf, mask in subject.module.configurable.items():
        config, unsaid = subject.config_of(leaf), subject.wished_at(leaf)
        for bit in bits_of(leaf, mask):
            if bit in known:
                out.features[bit] = bool(config & bit.mask)
                unsaid &= ~bit.mask
        for key in beside:
            unsaid &= ~_mask(key, leaf)
        out.losses += _unsaid(subject, leaf, config, unsaid & mask)
    _add_attributes(out, subject.qemu, subject.config.attributes, known)
    _add_xfam(out, subject, known)
    return out


def _mask(key: str, leaf: Leaf) -> int:
    found = Field.parse(key)
    return found.mask if found.leaf == leaf else 0


def _unsaid(subject: Subject, leaf: Leaf, config: int, unsaid: int) -> Iterator[str]:
    """A line for the wishes of a slot that no switch says. A single bit without a switch is 0, as QEMU leaves it."""
    bits = (bit for bit in bits_of(leaf, unsaid) if config & bit.mask or not _is_alone(bit))
    names = dict.fromkeys(_field_of(bit) for bit in bits)
    if names:
        more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
        yield f"{leaf.sdm}: {', '.join([*names][:FEW])}{more}: {subject.qemu.label} has no switch and decides by itself"


def _is_alone(bit: Field) -> bool:
    named = catalog.named_at(bit)
    return named is None or named.field.is_bit


def _field_of(bit: Field) -> str:
    named = catalog.named_at(bit)
    return f"{field_name(named.field) if named else bit.key}"


def _add_attributes(out: Switches, layer: VmmLayer, attributes: int, known: Mapping[Field, str]) -> None:
    for item in layer.attributes_derived:
        on = bool(attributes & item.attribute)
        attributes &= ~item.attribute
        passes = bool(layer.attributes & item.attribute)
        if item.bit is None and passes:
            out.others[item.by.partition("=")[0]] = on
        elif item.bit is not None and item.bit in known and passes:
            out.features[item.bit] = on
        elif on:
            name = ", ".join(names_of(item.attribute, ATTRIBUTES))
            out.losses.append(f"ATTRIBUTES {name}: {layer.label} doesn't pass it")
    out.attributes = attributes & layer.attributes
    if refused := names_of(attributes & ~layer.attributes, ATTRIBUTES):
        out.losses.append(f"ATTRIBUTES {', '.join(refused)}: {layer.label} doesn't pass it")


def _add_xfam(out: Switches, subject: Subject, known: Mapping[Field, str]) -> None:
    xfam, layer = subject.config.xfam, subject.qemu
    said = state_components.ALWAYS
    for name, keys in state_components.FEATURES.items():
        bits = [bit for bit in map(Field.parse, keys) if bit in known]
        said |= XFAM[name]
        if xfam & XFAM[name] and layer.xfam & XFAM[name] and bits:
            _turn_on(out, name, bits, layer)
        else:
            # A feature that only shows an open gate reads 0 without it.
            out.features.update(dict.fromkeys(bits, False))
            if xfam & XFAM[name]:
                out.losses.append(f"XFAM {name}: {layer.label} doesn't pass it")
    if left := names_of(xfam & ~said, XFAM):
        out.losses.append(f"XFAM {', '.join(left)}: {layer.label} doesn't pass it")


def _turn_on(out: Switches, name: str, bits: list[Field], layer: VmmLayer) -> None:
    """A component that is on: a feature that isn't configurable follows it, a configurable one must be on already."""
    for bit in bits:
        out.features.setdefault(bit, True)
    if not any(out.features[bit] for bit in bits):
        feature = " or ".join(bit.key for bit in bits)
        out.losses.append(f"XFAM {name} while {feature} is 0: {layer.label} takes it from that feature, so it goes off")


def names_by_bit(layer: VmmLayer) -> dict[Field, str]:
    """The feature names of a QEMU version by bit, the first of several."""
    out: dict[Field, str] = {}
    for name, bit in layer.names.items():
        out.setdefault(bit, name)
    return out
