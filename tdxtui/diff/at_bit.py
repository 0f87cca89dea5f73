"""What differs on a second module, by bit: which bits are of another class there, and what is told of one of them."""

from __future__ import annotations

from functools import cached_property

from tdxtui.classify import BitClass, classes_at
from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.diff.groups import Group
from tdxtui.diff.modules import BitChange, compare
from tdxtui.module import Module

# These change nothing of what a TD's bit is.
NO_CLASS = (Group.DEMANDS, Group.LP, Group.HOST, Group.SAME)


class BitDiff:
    """The changes from one module to another, looked at from the bits of the first."""

    def __init__(self, old: Module, new: Module) -> None:
        self.old, self.new = old, new
        self._changes: dict[Leaf, list[tuple[int, BitChange]]] = {}
        for change in compare(old, new).changes:
            if isinstance(change, BitChange):
                for field in change.fields:
                    self._changes.setdefault(field.leaf, []).append((field.mask, change))

    def at(self, bit: Field) -> list[BitChange]:
        """The changes of a bit's statements, the most important first."""
        return [change for mask, change in self._changes.get(bit.leaf, ()) if mask & bit.mask]

    @cached_property
    def other_class(self) -> dict[Leaf, int]:
        """Packed masks of the bits of the first module's entries that are of another class, or decided otherwise.

        Of an entry that is gone, what was always 0 is left out: that still reads as nothing.
        """
        masks: dict[Leaf, int] = {}
        for leaf in self.old.by_leaf:
            zeros = classes_at(self.old, leaf).masks.get(BitClass.FIXED_0, 0)
            for mask, change in self._changes.get(leaf, ()):
                if change.group not in NO_CLASS:
                    kept = ALL_ONES & ~zeros if change.group is Group.REMOVED else ALL_ONES
                    masks[leaf] = masks.get(leaf, 0) | mask & kept
        return {leaf: mask for leaf, mask in masks.items() if mask}

    @property
    def only_there(self) -> list[Leaf]:
        """The entries that only the second module has."""
        return [leaf for leaf in self.new.by_leaf if leaf not in self.old.by_leaf]
