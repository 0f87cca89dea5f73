"""An entry as the guest's CPUID instruction returns it (section 7, D5), bit by bit."""

from __future__ import annotations

from typing import NamedTuple

from tdxtui.bit_state import BitState, Row, rows
from tdxtui.classify import BitClass, classes_at
from tdxtui.cpuid import ALL_ONES, Leaf
from tdxtui.dynamic import GuestState
from tdxtui.evaluate import Situation
from tdxtui.runtime import cpuid

# The functions that read the CPU's own table of XSAVE components.
_OF_CPU = ("xsave_size", "xsaves_size")


class GuestView(NamedTuple):
    """What the guest reads: a packed value, None for #VE; which bits of it are known; which of them the guest's own
    state and controls decide."""

    value: int | None
    known: int
    decided: int

    def states(self) -> tuple[Row, ...]:
        """The four registers' states; only those that the run time decides are RUN_TIME."""
        if self.value is None:
            return rows([(ALL_ONES, BitState.VE)])
        unknown = ALL_ONES & ~self.known
        return rows([(unknown, BitState.UNKNOWN), (self.decided, BitState.RUN_TIME), (self.value, BitState.FIXED_1)])


def guest_view(situation: Situation, leaf: Leaf, guest: GuestState) -> GuestView:
    """What a guest in a state gets from CPUID of one of the module's entries."""
    td = situation.td
    value = cpuid(td, leaf.leaf, leaf.subleaf or 0, guest)
    masks = classes_at(situation.module, leaf).masks
    decided = masks.get(BitClass.DYNAMIC, 0) | masks.get(BitClass.GUEST, 0)
    if value is None:
        return GuestView(None, 0, decided)
    at_creation = td.known_at(leaf)
    decided |= (value ^ td.at(leaf)) & at_creation
    known = (at_creation | decided) & ~_needs_cpu(situation, leaf)
    return GuestView(value, known, decided & known)


def _needs_cpu(situation: Situation, leaf: Leaf) -> int:
    """The run-time fields that can't be worked out without a CPU."""
    if situation.platform is not None and situation.platform_refusal is None:
        return 0
    mask = 0
    for item in situation.module.exit.dynamic:
        if item.field.leaf == leaf and item.by in _OF_CPU:
            mask |= item.field.mask
    return mask
