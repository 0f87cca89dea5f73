"""Why a TD shows something else than was predicted: another setting of the VMM, or nothing that it could have set."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from tdxtui.cpuid import Field
from tdxtui.edits import Edit, applied
from tdxtui.explain import Explainer
from tdxtui.reason import Kind, Term
from tdxtui.resolve import VirtualCpuid
from tdxtui.verify.inference import Ground, td_of
from tdxtui.verify.observed import Observed
from tdxtui.verify.prediction import misfit

# What a term of a reason stands for, the more telling first: XFAM and ATTRIBUTES move many bits at once.
WORDS = ("XFAM", "ATTRIBUTES", "CONFIG_FLAGS")
CONFIG, FOLLOWS, SETTING, FIXED = "CPUID_CONFIG", "follows", "setting", "fixed"


class Cause(NamedTuple):
    """One cause: `kind` is XFAM, ATTRIBUTES, CONFIG_FLAGS, CPUID_CONFIG, "follows" (computed from what the VMM set),
    "setting" (the edits would do it) or "fixed" (no setting would). `name` is the condition or bit, `on` its value.
    """

    kind: str
    name: str = ""
    on: bool = False
    edits: tuple[Edit, ...] = ()


class Causes:
    """The causes of one TD's differences: `expected` is what was predicted, `inferred` what the VMM must have made."""

    def __init__(self, ground: Ground, expected: VirtualCpuid, inferred: VirtualCpuid, seen: Observed) -> None:
        self.inferred, self._ground, self._seen = inferred, ground, seen
        self._expected, self._inferred = Explainer(expected), Explainer(inferred)

    def of(self, field: Field, mask: int, got: int) -> Cause:
        """The cause of a field's difference in the packed mask; `got` is what was seen of the whole field.

        The field is on the leaf of one of the module's entries.
        """
        bit = next(bit for bit in field.bits() if bit.mask & mask)
        known = self.inferred.known_at(field.leaf) & mask
        if known == mask and (field.put(0, self.inferred.get(field) ^ got) & mask) == 0:
            return self._moved(bit)
        edits = self._inferred.cures.field(field, got)
        return Cause(SETTING, edits=edits) if edits and self._gives(edits, field, got) else Cause(FIXED)

    def _gives(self, edits: tuple[Edit, ...], field: Field, got: int) -> bool:
        """Whether edits give the field what was seen, the module takes them, and nothing else goes wrong by them."""
        td, refusals = td_of(self._ground, applied(self.inferred.config, edits))
        return not refusals and td.get(field) == got and misfit(td, self._seen) < self._misfit

    @cached_property
    def _misfit(self) -> int:
        return misfit(self.inferred, self._seen)

    def _moved(self, bit: Field) -> Cause:
        """The term that has another value in what the VMM made."""
        before = {(term.kind, term.name): term.value for term in self._expected.terms(bit)}
        moved = [term for term in self._inferred.terms(bit) if before.get((term.kind, term.name)) != term.value]
        return min(map(_cause, moved), key=_telling, default=Cause(FOLLOWS))


def deciding(explainer: Explainer, bit: Field) -> Cause:
    """What makes a bit 0 in a TD, or 1 where it is 1."""
    terms = explainer.terms(bit)
    zero = [term for term in terms if term.value == 0] or list(terms)
    if all(term.kind in (Kind.CONSTANT, Kind.VERIFIED) for term in zero):
        return Cause(FIXED)
    return min(map(_cause, zero), key=_telling)


def _cause(term: Term) -> Cause:
    if term.kind in (Kind.GATE, Kind.MIRROR):
        scope, _, name = term.name.removeprefix("!").partition(".")
        negated = term.name.startswith("!")
        if scope in WORDS:
            return Cause(scope, name, bool(term.value) is not negated)
        return Cause(FOLLOWS, term.name, bool(term.value) is not negated)
    if term.kind is Kind.CPUID_CONFIG:
        return Cause(CONFIG, "", bool(term.value))
    return Cause(FOLLOWS, term.name)


def _telling(cause: Cause) -> int:
    order = (*WORDS, FOLLOWS, CONFIG)
    return order.index(cause.kind) if cause.kind in order else len(order)
