"""What a TD should show at a leaf, and which of its bits can be held against what was seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, combinations
from typing import NamedTuple

from tdxtui.classify import sum_masks
from tdxtui.cpuid import ALL_ONES, Leaf
from tdxtui.dynamic import GuestState
from tdxtui.module import Entry, Module
from tdxtui.resolve import VirtualCpuid
from tdxtui.runtime import HYPERVISOR_LEAVES, cpuid
from tdxtui.td import TD_CTLS
from tdxtui.verify.observed import GUEST, Observed

REDUCE_VE = TD_CTLS["REDUCE_VE"]


class Prediction(NamedTuple):
    """What is predicted for a leaf: `value` packed, None for #VE; `mask` the bits that can be compared.

    `guest_zeros` and `guest_ones` are the bits that may also read 0, or 1, as the guest decides (D7): after it has set
    REDUCE_VE by its FEATURE_PARAVIRT_CTLS, before that not at all.
    """

    value: int | None
    mask: int
    run_time: int = 0
    guest_zeros: int = 0
    guest_ones: int = 0


def predict(td: VirtualCpuid, leaf: Leaf, view: str, state: GuestState) -> Prediction | None:
    """The prediction for a leaf; None where the module has no say."""
    entry = td.module.by_leaf.get(leaf) or td.module.by_leaf.get(Leaf(leaf.leaf))
    if view != GUEST:
        if entry is None:
            return None
        return Prediction(None if entry.leaf in td.module.exit.faulting else td.at(entry.leaf), td.known_at(entry.leaf))
    if leaf.leaf in HYPERVISOR_LEAVES:
        return None
    value = cpuid(td, leaf.leaf, leaf.subleaf or 0, state)
    if value is None or entry is None:
        # Beyond the maxima leaf 23H answers: what the CPU decides of it is not known without one.
        return Prediction(value, ALL_ONES if td.prepared.platform or not value else 0)
    run_time, bits, unreduced = _run_time(td.module)[entry.leaf]
    known, reduced = td.known_at(entry.leaf), bool(state.td_ctls & REDUCE_VE)
    return Prediction(
        value, (known | unreduced) & ~run_time, run_time,
        guest_zeros=bits if reduced else 0, guest_ones=bits & (td.at(entry.leaf) | ~known) if reduced else 0,
    )


def _run_time(module: Module) -> dict[Leaf, tuple[int, int, int]]:
    """Per entry the bits of the run time, those that the guest controls, and those of them that read 1 at first."""
    found: dict[Leaf, tuple[int, int, int]] | None = module.__dict__.get("_run_time_masks")
    if found is None:
        found = module.__dict__["_run_time_masks"] = {entry.leaf: _masks(module, entry) for entry in module.entries}
    return found


def _masks(module: Module, entry: Entry) -> tuple[int, int, int]:
    bits = [item for item in module.exit.guest_bits if item.bit.leaf == entry.leaf]
    unreduced = sum_masks(item.bit for item in bits if item.unreduced_one)
    return entry.dynamic, sum_masks(item.bit for item in bits), unreduced


def differing(td: VirtualCpuid, seen: Observed, state: GuestState) -> dict[Leaf, int]:
    """The packed masks of the bits that can be compared, were seen and aren't as predicted, by leaf."""
    return _differing(td, seen, state)[0]


def _differing(td: VirtualCpuid, seen: Observed, state: GuestState) -> tuple[dict[Leaf, int], int]:
    """The same, and how many leaves showed something where the guest gets #VE."""
    out, answered = {}, 0
    for leaf, value in seen.values.items():
        expected = predict(td, leaf, seen.view, state)
        if expected is None:
            continue
        if expected.value is None:
            answered += bool(value & seen.known_at(leaf))
            continue
        wrong = (value ^ expected.value) & expected.mask & seen.known_at(leaf)
        wrong &= ~(expected.guest_zeros & ~value | expected.guest_ones & value)
        if wrong:
            out[leaf] = wrong
    return out, answered


def states(td: VirtualCpuid, seen: Observed) -> Iterator[GuestState]:
    """The states that the guest may have had: TD_CTLS is its own business, as far as it decides what CPUID answers."""
    names = ("ENUM_TOPOLOGY", "VIRT_CPUID2")
    masks = [TD_CTLS[name] & td.module.exit.td_ctls for name in names]
    some: Iterable[tuple[int, ...]] = chain(*(combinations(masks, count) for count in range(len(masks) + 1)))
    for chosen in some:
        if 0 not in chosen and (seen.view == GUEST or not chosen):
            yield GuestState(td_ctls=sum(chosen))
    if td.module.exit.td_ctls & REDUCE_VE and seen.view == GUEST:
        yield GuestState(td_ctls=REDUCE_VE)


def likely_state(td: VirtualCpuid, seen: Observed) -> GuestState:
    """The state of the guest that explains most of what was seen: fewest bits wrong, then fewest leaves left to #VE.

    Where a leaf answered 0 it may well have been a #VE handler, so that TD_CTLS are taken as clear unless they help.
    """
    return min(states(td, seen), key=lambda state: _misfit(td, seen, state))


def misfit(td: VirtualCpuid, seen: Observed) -> int:
    """How many bits aren't as predicted, a leaf that shows something where the guest gets #VE counted as one."""
    return sum(min(_misfit(td, seen, state) for state in states(td, seen)))


def _misfit(td: VirtualCpuid, seen: Observed, state: GuestState) -> tuple[int, int]:
    wrong, answered = _differing(td, seen, state)
    return sum(mask.bit_count() for mask in wrong.values()), answered
