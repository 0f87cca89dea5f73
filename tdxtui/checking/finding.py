"""A finding: something of a model that a TD would not have, or that its author should know."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from tdxtui import catalog
from tdxtui.classify import BitClass
from tdxtui.cpuid import Field
from tdxtui.edits import Edit
from tdxtui.evaluate import Situation
from tdxtui.reason import Reason, Term
from tdxtui.refusal import MNG_INIT, Refusal
from tdxtui.repair import repaired
from tdxtui.sysinit import Prepared


class Kind(StrEnum):
    """What sort of finding it is, the gravest first.

    ``refusal``: the module takes no such TD; ``conflict``: a wished bit comes out otherwise; ``vmm``: legal for the
    module, but not with a VMM layer; ``drift``: otherwise than [validated] says; ``warning``: legal, but look at it.
    """

    REFUSAL = "refusal"
    CONFLICT = "conflict"
    VMM = "vmm"
    DRIFT = "drift"
    WARNING = "warning"


class Layer(StrEnum):
    """Who decides it."""

    MODULE = "module"
    PLATFORM = "platform"
    TD = "td"
    KVM = "kvm"
    QEMU = "qemu"


class Severity(StrEnum):
    """How much it weighs: a conflict is something that the model wants and can't have."""

    CONFLICT = "conflict"
    WARNING = "warning"


_PLACES = {kind: place for place, kind in enumerate(Kind)}


@dataclass(frozen=True)
class Finding:
    """One finding. `code` names its sort for programs; `message` is a sentence without its full stop.

    `field` is the bit or field, None where it is of no single one; `bits` are the bits that it is about, the lowest
    last. `wanted` and `got` are the field's values, None where there is no such value. `says` are the words of the
    VMM's own that a user would see. `reason` and `cure` are worked out when they are asked for.
    """

    kind: Kind
    layer: Layer
    code: str
    message: str
    field: Field | None = None
    bits: tuple[Field, ...] = ()
    wanted: int | None = None
    got: int | None = None
    bit_class: BitClass | None = None
    refusal: Refusal | None = None
    says: tuple[str, ...] = ()
    edits: tuple[Edit, ...] | None = None
    severity: Severity = Severity.CONFLICT
    situation: Situation | None = dataclasses.field(default=None, repr=False, compare=False)

    @cached_property
    def named(self) -> catalog.Named | None:
        """The catalogue's field that holds this one."""
        return catalog.named_at(self.field) if self.field else None

    @property
    def name(self) -> str:
        """The name of the bit or field, "" if it has none."""
        return self.named.name if self.named else ""

    @cached_property
    def explained(self) -> Reason | None:
        """The reason of the lowest bit with its cure here; None for what is no bit of an entry of the module."""
        if self.situation is None or self.kind is not Kind.CONFLICT or not self.bits:
            return None
        bit = self.situation.module.entry_field(self.bits[-1])
        return None if bit is None else self.situation.explainer.reason(bit, self._goal(self.bits[-1]), far=False)

    @property
    def reason(self) -> tuple[Term, ...]:
        """What the lowest bit's value hangs on; () for what is no bit of an entry."""
        return self.explained.terms if self.explained else ()

    @cached_property
    def cure(self) -> tuple[Edit, ...] | None:
        """The smallest edits after which it is as wished, None if there are none on this module and CPU."""
        if self.edits is not None or self.situation is None:
            return self.edits
        if self.kind is Kind.CONFLICT:
            return self._bits_cure(self.situation)
        if self.kind is Kind.VMM and self.field is not None and self.wanted == 1:
            # Whatever must be equal to the bit goes with it, so that the module still takes the TD.
            return self.situation.explainer.cures.find(self.field, 0)
        return self._refusal_cure(self.situation) if self.kind is Kind.REFUSAL else None

    @cached_property
    def elsewhere(self) -> tuple[Edit, ...] | None:
        """Where nothing helps a bit here: another platform or module, and what to set there. Slow for the first bit."""
        if self.situation is None or self.explained is None or self.cure is not None or len(self.bits) != 1:
            return None
        return self.situation.explainer.elsewhere.find(self.explained.bit, self.explained.cure.goal)

    def _goal(self, bit: Field) -> int:
        assert self.field is not None and self.wanted is not None
        return self.wanted >> bit.lsb - self.field.lsb & 1

    def _bits_cure(self, situation: Situation) -> tuple[Edit, ...] | None:
        """The cures of all bits together; on an unknown CPU what is left to be set may be nothing."""
        edits: dict[Edit, None] = {}
        for bit in self.bits if self.explained else ():
            found = situation.explainer.cures.find(bit, self._goal(bit))
            if found is None:
                return None
            edits.update(dict.fromkeys(found))
        return tuple(edits) or None

    def _refusal_cure(self, situation: Situation) -> tuple[Edit, ...] | None:
        prepared: Prepared = situation.td.prepared
        if situation.platform_refusal or self.refusal is None or self.refusal.stage != MNG_INIT:
            return None
        return repaired(prepared, situation.td.config)


def rank(finding: Finding) -> tuple[int, int, int, int]:
    """What to sort findings by: conflicts before warnings, then by kind; what has a name in some tool first."""
    named = finding.named
    weight = 2
    if named is not None:
        known = named.qemu or named.linux
        weight = 0 if known and named.field.is_bit else 1
    return finding.severity is not Severity.CONFLICT, _PLACES[finding.kind], weight, not finding.wanted
