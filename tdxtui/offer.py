"""What a host offers a TD (KVM_TDX_CAPABILITIES) against what a module's file says: more, less, or the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tdxtui import catalog
from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.importers import Capabilities
from tdxtui.module import Module
from tdxtui.td import ATTRIBUTES, XFAM


@dataclass(frozen=True)
class Difference:
    """Bits of one thing that only one side lets a VMM set; `what` is ATTRIBUTES, XFAM, or a field's notation."""

    what: str
    name: str
    mask: int
    offered: bool

    @property
    def text(self) -> str:
        """The difference as a line."""
        whose = "offered by the host, not settable by the module's file" if self.offered else "not offered by the host"
        return f"{self.what:<22} {self.name:<24} {whose}"


def differences(offer: Capabilities, module: Module) -> list[Difference]:
    """Where an offer and a module's file differ, in the order ATTRIBUTES, XFAM, CPUID."""
    return [
        *_words("ATTRIBUTES", offer.attributes, module.attributes.allowed, ATTRIBUTES),
        *_words("XFAM", offer.xfam, module.xfam.allowed, XFAM),
        *_cpuid(offer, module),
    ]


def _words(what: str, offered: int, allowed: int, names: Mapping[str, int]) -> Iterator[Difference]:
    rest = offered ^ allowed
    for name, mask in names.items():
        if here := rest & mask:
            yield Difference(what, name, here, bool(offered & here))
            rest &= ~here
    for number in range(rest.bit_length()):
        if rest >> number & 1:
            yield Difference(what, f"bit {number}", 1 << number, bool(offered >> number & 1))


def _cpuid(offer: Capabilities, module: Module) -> Iterator[Difference]:
    settable = dict(module.configurable)
    offered: dict[Leaf, int] = {}
    for leaf, mask in offer.configurable.items():
        entry = module.entry_for(leaf)
        offered[entry.leaf if entry else leaf] = mask
    for leaf in sorted({*settable, *offered}, key=lambda leaf: (leaf.leaf, leaf.subleaf or 0)):
        both = offered.get(leaf, 0), settable.get(leaf, 0)
        yield from _leaf(leaf, both[0] & ~both[1], True)
        yield from _leaf(leaf, both[1] & ~both[0], False)


def _leaf(leaf: Leaf, mask: int, offered: bool) -> Iterator[Difference]:
    """A row for each run of bits with one name, high bit first."""
    for register in Register:
        word = mask >> register.shift & 0xFFFFFFFF
        while word:
            msb = lsb = word.bit_length() - 1
            name = catalog.name_at(leaf, register, msb)
            while lsb and word >> lsb - 1 & 1 and catalog.name_at(leaf, register, lsb - 1) == name:
                lsb -= 1
            field = Field(leaf, register, msb, lsb)
            yield Difference(field.key, name, field.mask, offered)
            word &= (1 << lsb) - 1
