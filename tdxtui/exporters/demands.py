"""The bits that a check inside the guest can ask for: what every read gives, and what a template may set."""

from __future__ import annotations

from collections.abc import Iterator

from tdxtui.classify import BitClass, classes
from tdxtui.cpuid import Leaf
from tdxtui.exporters.subject import Subject


def steady(subject: Subject) -> Iterator[tuple[Leaf, int, int]]:
    """Per entry the packed value and mask of the bits that a guest always reads so, whatever it does.

    Left out are leaves that give #VE by default, bits that the guest or the run time decides, and what isn't known
    without a CPU.
    """
    for leaf, found in classes(subject.module).items():
        loose = sum(found.masks.get(kind, 0) for kind in (BitClass.VE, BitClass.DYNAMIC, BitClass.GUEST))
        loose |= sum(bit.mask for bit in subject.module.exit.cleared_by_tsx_ctrl if bit.leaf == leaf)
        mask = subject.td.known_at(leaf) & ~loose
        if leaf in subject.module.exit.native_cache_leaves:
            mask = 0  # with TD_CTLS.REDUCE_VE the guest reads the CPU's own
        if mask:
            yield leaf, subject.td.at(leaf) & mask, mask


def shaped(subject: Subject) -> Iterator[tuple[Leaf, int, int]]:
    """Per entry the packed value and mask of the bits that the model decides: configured ones, and other wishes."""
    for entry in subject.module.entries:
        decided = subject.module.configurable.get(entry.leaf, 0) | subject.wished_at(entry.leaf)
        mask = decided & subject.td.known_at(entry.leaf)
        if mask:
            yield entry.leaf, subject.td.at(entry.leaf) & mask, mask
