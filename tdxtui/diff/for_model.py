"""What another module means for one vCPU model: which bits come out otherwise there, what conflicts, what to set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tdxtui.cpuid import Field, Leaf
from tdxtui.dynamic import GuestState
from tdxtui.edits import Edit
from tdxtui.evaluate import Situation, evaluate
from tdxtui.field_runs import fields_in
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.runtime import guest_value


class ValueChange(NamedTuple):
    """A field that comes out otherwise.

    `old` and `new` are the values of TDH.MNG.INIT, `guest_old` and `guest_new` what a guest with default TD_CTLS
    reads. `wished` is what the model wants, None if it doesn't want all of the bits. `edits` would keep the old value,
    () where nothing has to be set, None where nothing helps on the new module.
    """

    field: Field
    name: str
    old: int
    new: int
    guest_old: int
    guest_new: int
    wished: int | None
    edits: tuple[Edit, ...] | None


@dataclass(frozen=True)
class Impact:
    """A model on both modules. `conflicts` are the wished bits that come out otherwise there, and not here."""

    old: Situation
    new: Situation
    values: tuple[ValueChange, ...]
    conflicts: dict[Leaf, int]
    settled: dict[Leaf, int]
    refusals: tuple[str, ...]
    accepted: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether the model is the same on both."""
        return not (self.values or self.conflicts or self.settled or self.refusals or self.accepted)


def impact(model: VcpuModel, old: Module, new: Module, platform: Platform | None) -> Impact:
    """Hold a model against both modules on a platform, None for an unknown one."""
    before, after = evaluate(model, old, platform), evaluate(model, new, platform)
    was, now = _refusals(before), _refusals(after)
    return Impact(
        before, after, tuple(_values(before, after)),
        conflicts=_only(after.conflicts, before.conflicts),
        settled=_only(before.conflicts, after.conflicts),
        refusals=tuple(text for text in now if text not in was),
        accepted=tuple(text for text in was if text not in now),
    )


def _refusals(situation: Situation) -> list[str]:
    found = (situation.platform_refusal, *situation.refusals)
    return [f"{refusal} (rule {refusal.rule})" for refusal in found if refusal]


def _only(some: dict[Leaf, int], others: dict[Leaf, int]) -> dict[Leaf, int]:
    left = {leaf: mask & ~others.get(leaf, 0) for leaf, mask in some.items()}
    return {leaf: mask for leaf, mask in left.items() if mask}


def _values(before: Situation, after: Situation) -> Iterator[ValueChange]:
    for entry in before.module.entries:
        if not (_readable(before, entry.leaf) and _readable(after, entry.leaf)):
            continue
        old, new = before.td.at(entry.leaf), after.td.at(entry.leaf)
        known = before.td.known_at(entry.leaf) & after.td.known_at(entry.leaf)
        guest_old, guest_new = _guest(before, entry.leaf), _guest(after, entry.leaf)
        for field, name in fields_in(entry.leaf, (old ^ new) & known):
            yield ValueChange(
                field, name, field.get(old), field.get(new), field.get(guest_old), field.get(guest_new),
                after.model.wished(field), after.explainer.cures.field(field, field.get(old)),
            )


def _readable(situation: Situation, leaf: Leaf) -> bool:
    """Whether a guest can ever read an entry; the value of one that always faults is nobody's."""
    return leaf in situation.module.by_leaf and leaf not in situation.module.exit.faulting


def _guest(situation: Situation, leaf: Leaf) -> int:
    return guest_value(situation.td, situation.module.by_leaf[leaf], GuestState())
