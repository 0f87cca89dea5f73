"""What is wanted of a TD's bits, on the leaves of one module's entries."""

from __future__ import annotations

from collections.abc import Mapping

from tdxtui.classify import BitClass, classes_at
from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.module import Module

Masks = dict[Leaf, int]


class Wants:
    """Packed masks by leaf: the bits wanted as 1, and those wanted as 0; no bit is in both.

    `missing` are the 1s wanted in leaves that the module has no entry for. Bits of the run time are no one's to want.
    """

    def __init__(self, module: Module, wishes: Mapping[Leaf, tuple[int, int]]) -> None:
        self.module = module
        self.ones: Masks = {}
        self.zeros: Masks = {}
        self.missing: Masks = {}
        for leaf, (value, mask) in wishes.items():
            entry = module.entry_for(leaf)
            if entry is None:
                if value & mask:
                    self.missing[leaf] = value & mask
                continue
            at, mask = entry.leaf, mask & ~run_time(module, entry.leaf)
            self.ones[at] = self.ones.get(at, 0) | value & mask
            self.zeros[at] = (self.zeros.get(at, 0) | mask & ~value) & ~self.ones[at]

    def want(self, bit: Field, value: int) -> None:
        """Want a bit, whatever was wanted before."""
        here, other = (self.ones, self.zeros) if value else (self.zeros, self.ones)
        here[bit.leaf] = here.get(bit.leaf, 0) | bit.mask
        other[bit.leaf] = other.get(bit.leaf, 0) & ~bit.mask

    def of(self, bit: Field) -> int | None:
        """What is wanted of a bit, None for nothing."""
        if self.ones.get(bit.leaf, 0) & bit.mask:
            return 1
        return 0 if self.zeros.get(bit.leaf, 0) & bit.mask else None

    def wishes(self) -> dict[Leaf, tuple[int, int]]:
        """The wants as a model's wishes."""
        masks = {leaf: self.ones.get(leaf, 0) | self.zeros.get(leaf, 0) for leaf in (*self.ones, *self.zeros)}
        return {leaf: (self.ones.get(leaf, 0), mask) for leaf, mask in masks.items() if mask}


def run_time(module: Module, leaf: Leaf) -> int:
    """The bits of an entry that the run time fills in."""
    here = classes_at(module, leaf)
    return here.masks.get(BitClass.DYNAMIC, 0) | here.entry.dynamic


def unread(module: Module, leaf: Leaf) -> int:
    """The bits that no guest reads as they are: those of the run time, and leaves that always give it #VE."""
    return ALL_ONES if leaf in module.exit.faulting else run_time(module, leaf)
