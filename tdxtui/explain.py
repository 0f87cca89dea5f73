"""Why a bit of a TD has its value, from the statements that computed it, and what would change it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from tdxtui import topology
from tdxtui.anatomy import Anatomy, anatomy
from tdxtui.computed import FUNCTIONS, PLATFORM_DEPENDENT
from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.cures import Cures
from tdxtui.edits import Edit
from tdxtui.guest_reads import sentences
from tdxtui.levers import FOLLOWS, LEVERS
from tdxtui.module import Computed, Condition, Module
from tdxtui.reason import Cure, Input, Kind, Reason, Term, value_of
from tdxtui.refusal import Refused
from tdxtui.resolve import VirtualCpuid, in_config
from tdxtui.td import TdConfig
from tdxtui.view import View

if TYPE_CHECKING:
    from tdxtui.elsewhere import Elsewhere


class Explainer:
    """The reasons of one TD's bits. What is worked out for one bit is kept for the others.

    `config_on` gives the TD's configuration on another module; without it that is the same as here.
    """

    def __init__(self, td: VirtualCpuid, config_on: Callable[[Module], TdConfig] | None = None) -> None:
        self.td, self._config_on = td, config_on
        self.module, self.prepared, self.config = td.module, td.prepared, td.config
        self.cures = Cures(td)
        self._gates: dict[tuple[Condition, str], Term] = {}
        self._fields: dict[Computed, int | None] = {}

    def reason(self, bit: Field, goal: int | None = None, far: bool = True) -> Reason:
        """The reason of a bit of one of the module's entries; `goal` is the wished value, by default the other one.

        With `far`, other platforms and modules are looked at where nothing helps here: slow for the first bit.
        """
        about = anatomy(self.module, bit)
        terms = self.terms(bit)
        value = value_of(terms)
        if goal is None:
            goal = 0 if value else 1
        return Reason(
            bit=bit,
            kind=about.kind,
            group=about.group,
            terms=terms,
            inputs=self._inputs(about),
            run_time=sentences(self.module, bit),
            certainty=about.certainty,
            cure=Cure(goal, () if value == goal else self._cure(bit, goal, far)),
        )

    def terms(self, bit: Field) -> tuple[Term, ...]:
        """What the bit's value hangs on, each with its present value."""
        about = anatomy(self.module, bit)
        base = [self._base(kind, rule, about, bit) for kind, rule in about.base]
        return (*base, *(self._gate(condition, rule) for condition, rule in about.gates))

    def _cure(self, bit: Field, goal: int, far: bool) -> tuple[Edit, ...] | None:
        """Settings here, else another place; on an unknown CPU what is left to be set may be nothing."""
        return self.cures.find(bit, goal) or (self.elsewhere.find(bit, goal) if far else None)

    def _base(self, kind: Kind, rule: str, about: Anatomy, bit: Field) -> Term:
        if kind is Kind.CONSTANT:
            return Term(kind, "constant", int(about.one), rule)
        if kind is Kind.CPUID_CONFIG:
            wished = self.config.cpuid_config.get(bit.leaf, 0)
            return Term(kind, "CPUID_CONFIG", wished >> bit.shift & 1, rule, bit)
        if kind in (Kind.NATIVE, Kind.VERIFIED):
            return Term(kind, "native", self._native(bit), rule)
        if kind is Kind.MIRROR:
            assert about.mirror is not None
            return self._gate(about.mirror, rule)._replace(kind=kind)
        if kind is Kind.TOPOLOGY:
            return Term(kind, "topology", self._topology_value(bit), rule)
        assert about.computed is not None
        return Term(kind, about.computed.by, self._computed_value(about.computed, bit), rule)

    def _native(self, bit: Field) -> int | None:
        if self.prepared.platform is None and not self.module.by_leaf[bit.leaf].verify_mask & bit.mask:
            return None
        return self.prepared.start_of(bit.leaf) >> bit.shift & 1

    def _gate(self, condition: Condition, rule: str) -> Term:
        key = condition, rule
        term = self._gates.get(key)
        if term is None:
            term = self._gates[key] = self._gate_term(condition, rule)
        return term

    def _gate_term(self, condition: Condition, rule: str) -> Term:
        bit = condition.field
        if bit is None:
            held = int(in_config(condition, self.config))
            return Term(Kind.GATE, condition.text, held, rule, None, "" if held else self._obstacle(condition))
        value = value_of(self.terms(bit))
        holds = None if value is None else int(bool(value) is not condition.negated)
        return Term(Kind.GATE, condition.text, holds, rule, bit)

    def _obstacle(self, condition: Condition) -> str:
        """Why a condition on XFAM or ATTRIBUTES can't be made to hold here, as a sentence without its full stop."""
        if condition.negated:
            return ""
        if not self.module.possible(condition):
            return f"This module never allows {condition.text}"
        if condition.scope == "XFAM" and condition.mask & ~self.prepared.supported_xfam:
            return f"The CPU has no {condition.text}"
        if condition.scope == "ATTRIBUTES" and condition.mask & ~self.prepared.attributes_allowed:
            needs = (need.text for mask, need in self.module.attributes.needs if mask & condition.mask)
            named = (text.replace("native.", "the CPU's own ") for text in needs)
            return f"It needs {' and '.join(named)}, which is missing here"
        return ""

    @cached_property
    def elsewhere(self) -> Elsewhere:
        """The other platforms and modules."""
        from tdxtui.elsewhere import Elsewhere  # most bits need no look at them

        return Elsewhere(self.td, self._config_on)

    # -- computed fields --

    def _inputs(self, about: Anatomy) -> tuple[Input, ...]:
        if about.computed is None or about.base[0][0] is not Kind.COMPUTED:
            return ()
        return LEVERS[about.computed.by].inputs(View(self.td))

    def _computed_value(self, computed: Computed, bit: Field) -> int | None:
        if self.prepared.platform is None:
            return self._unknown_value(computed, bit)
        if computed not in self._fields:
            self._fields[computed] = self._compute(computed, View(self.td))
        value = self._fields[computed]
        return None if value is None else value >> bit.shift - computed.field.shift & 1

    def _compute(self, computed: Computed, view: View) -> int:
        """The field; where the module refuses, what was there before."""
        try:
            return FUNCTIONS[computed.by](view)
        except Refused:
            return view.get(computed.field)

    def _unknown_value(self, computed: Computed, bit: Field) -> int | None:
        """The bit without a platform, if it is the same on every one."""
        if computed.by in PLATFORM_DEPENDENT:
            return 0 if self.module.by_leaf[bit.leaf].fixed0 & bit.mask else None
        follows = FOLLOWS.get(computed.by)
        instead: list[dict[Field, int]] = [{follows: value} for value in self._may(follows)] if follows else [{}]
        shift = bit.shift - computed.field.shift
        values = {self._compute(computed, View(self.td, fields)) >> shift & 1 for fields in instead}
        return values.pop() if len(values) == 1 else None

    def _may(self, bit: Field) -> tuple[int, ...]:
        value = value_of(self.terms(bit))
        return (0, 1) if value is None else (value,)

    def _topology_value(self, bit: Field) -> int | None:
        values = self._topology
        if values is not None and self.prepared.platform is not None:
            return values[bit.leaf] >> bit.shift & 1
        return self.td.get(bit) if self.td.known_at(bit.leaf) & bit.mask else None

    @cached_property
    def _topology(self) -> dict[Leaf, int] | None:
        """Leaves 1F and B; as configured where the module refuses that."""
        rules = self.module.topology
        if rules is None:
            return None
        wishes, leaves = self.config.cpuid_config, (*rules.configured, *rules.derived)
        native = [self.prepared.start_of(leaf) for leaf in leaves]
        masks = [self.module.by_leaf[leaf].configured for leaf in leaves]
        now = [
            start & ~mask & ALL_ONES | wishes.get(leaf, 0) & mask
            for leaf, start, mask in zip(leaves, native, masks, strict=True)
        ]
        levels = len(rules.configured)
        try:
            configured, derived = topology.compute(rules, now[:levels], native[:levels], native[levels:])
        except Refused:
            configured, derived = now[:levels], native[levels:]
        return dict(zip(leaves, (*configured, *derived), strict=True))
