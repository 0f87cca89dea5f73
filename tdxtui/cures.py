"""The smallest set of settings that gives a bit another value on this module and platform, or that there is none.

Nothing is tried out where the statements say it: a 1 needs every term of the bit's chain, a 0 the handiest one.
Edits always keep the rules on what they touch, so that a legal TD stays legal.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from tdxtui.anatomy import Anatomy, anatomy
from tdxtui.computed import FUNCTIONS
from tdxtui.cpuid import Field
from tdxtui.edits import CPUID_CONFIG, Edit, applied, config_edit
from tdxtui.levers import FOLLOWS, LEVERS, Settings
from tdxtui.module import Computed, Condition
from tdxtui.possible import possible
from tdxtui.reason import Kind
from tdxtui.refusal import Refusal, Refused
from tdxtui.resolve import VirtualCpuid, in_config
from tdxtui.td_params import td_params_problems
from tdxtui.topology_edits import TopologyEdits
from tdxtui.turning import attributes_turned, xfam_turned
from tdxtui.view import View

Found = tuple[Edit, ...] | None


class Cures:
    """The cures of one TD's bits. `find` gives () for a bit that has the value already, None where nothing helps."""

    def __init__(self, td: VirtualCpuid) -> None:
        self.td = td
        self.module, self.prepared, self.config = td.module, td.prepared, td.config
        self.possible = possible(td.prepared)
        self._conditions: dict[tuple[Condition, bool], Found] = {}
        self._changing: dict[Edit, bool] = {}
        self._levers: dict[str, list[tuple[Settings, int]]] = {}

    def reached(self, bit: Field, goal: int) -> Found:
        """As `find`, but with () where the bit has the value already."""
        known = self.td.known_at(bit.leaf) & bit.mask
        return () if known and self.td.get(bit) == goal else self.find(bit, goal)

    def find(self, bit: Field, goal: int) -> Found:
        """The edits that make a bit come out as goal."""
        if not self.possible.at(bit.leaf)[goal] >> bit.shift & 1:
            return None
        about = anatomy(self.module, bit)
        kind = about.base[0][0]
        if kind is Kind.TOPOLOGY:
            return None if self._topology is None else self._topology.find(bit, goal)
        if kind is Kind.COMPUTED and about.computed is not None:
            return self._computed(about.computed, bit, goal)
        found = self._to_one(about, bit) if goal else self._to_zero(about, bit)
        return found if found is None else self._followed(found)

    def field(self, field: Field, value: int) -> Found:
        """As `reached`, for a whole field; where no function computes it, the edits of its bits together."""
        computed = next((item for item in self.module.computed if item.field.mask & field.mask == field.mask
                         and item.field.leaf == field.leaf and item.by not in FOLLOWS), None)
        if computed is not None:
            shift, mask = field.shift - computed.field.shift, (1 << field.width) - 1
            return next((edits for edits, got in self._tried(computed) if got >> shift & mask == value), None)
        edits: dict[Edit, None] = {}
        for bit in field.bits():
            found = self.reached(bit, value >> bit.lsb - field.lsb & 1)
            if found is None:
                return None
            edits.update(dict.fromkeys(found))
        return tuple(edits)

    # -- chains --

    def _to_one(self, about: Anatomy, bit: Field) -> Found:
        needed: dict[Edit, None] = {}
        for kind, _ in about.base:
            edits = self._base_to(kind, about, bit, True)
            if edits is None:
                return None
            needed.update(dict.fromkeys(edits))
        for condition, _ in about.gates:
            edits = self._make(condition, True)
            if edits is None:
                return None
            needed.update(dict.fromkeys(edits))
        return self._with_equal(bit, 1, tuple(needed))

    def _to_zero(self, about: Anatomy, bit: Field) -> Found:
        options = [self._base_to(kind, about, bit, False) for kind, _ in about.base]
        options = [edits if edits is None else self._with_equal(bit, 0, edits) for edits in options]
        options += [self._make(condition, False) for condition, _ in about.gates]
        return min((edits for edits in options if edits is not None), key=len, default=None)

    def _base_to(self, kind: Kind, about: Anatomy, bit: Field, on: bool) -> Found:
        """The edits that turn a base term on or off."""
        if kind is Kind.CONSTANT:
            return () if about.one is on else None
        if kind is Kind.MIRROR:
            assert about.mirror is not None
            return self._make(about.mirror, on)
        if kind is Kind.CPUID_CONFIG:
            now = bool(self.config.cpuid_config.get(bit.leaf, 0) & bit.mask)
            return () if now is on else (config_edit(bit, int(on)),)
        return () if self._native_may_be(bit, on) else None

    def _native_may_be(self, bit: Field, on: bool) -> bool:
        """Whether the CPU's bit is as wished; of an unknown CPU a 1 is hoped for, a 0 isn't."""
        if self.prepared.platform is None and not self.module.by_leaf[bit.leaf].verify_mask & bit.mask:
            return on
        return bool(self.prepared.start_of(bit.leaf) & bit.mask) is on

    def _with_equal(self, bit: Field, goal: int, edits: tuple[Edit, ...]) -> Found:
        """What must be equal follows (5.4), and what a platform's MSR must allow is looked up."""
        if goal and not self._allowed_by_msr(bit):
            return None
        for equal in self.module.equals:
            if bit in equal.bits:
                other = equal.bits[0] if equal.bits[1] == bit else equal.bits[1]
                follows = self._alone(other, goal)
                if follows is None or (goal and not self._allowed_by_msr(other)):
                    return None
                edits = (*edits, *follows)
        return edits

    def _alone(self, bit: Field, goal: int) -> Found:
        """The edits for a bit, as if nothing had to be equal to it."""
        about = anatomy(self.module, bit)
        options = [self._base_to(kind, about, bit, bool(goal)) for kind, _ in about.base]
        if goal:
            return None if None in options else tuple(edit for edits in options for edit in edits or ())
        return min((edits for edits in options if edits is not None), key=len, default=None)

    def _allowed_by_msr(self, bit: Field) -> bool:
        platform = self.prepared.platform
        return platform is None or all(
            platform.msr(needs.msr, self.module.msr_defaults) & needs.mask == needs.mask
            for needs in self.module.needs_msr
            if needs.bit == bit
        )

    # -- conditions --

    def _make(self, condition: Condition, on: bool) -> Found:
        """The edits that make a condition hold, or not hold."""
        key = condition, on
        if key not in self._conditions:
            self._conditions[key] = self._turn(condition, on is not condition.negated)
        return self._conditions[key]

    def _turn(self, condition: Condition, on: bool) -> Found:
        if condition.field is not None:
            value = self.td.known_at(condition.field.leaf) & condition.field.mask
            same = value and self.td.get(condition.field) == on
            return () if same else self.find(condition.field, int(on))
        if bool(in_config(condition._replace(negated=False), self.config)) is on:
            return ()
        if condition.scope == "XFAM":
            return xfam_turned(self.prepared, self.config, condition.mask, on)
        return attributes_turned(self.prepared, self.config, condition.mask, on)

    def _followed(self, edits: tuple[Edit, ...]) -> Found:
        """What MIGRATABLE drags along: family, model and stepping must be legal with it, or without (5.1)."""
        return self.with_legal_fms(edits) if any(edit.name == "MIGRATABLE" for edit in edits) else edits

    def with_legal_fms(self, edits: tuple[Edit, ...]) -> Found:
        """The edits, with one of CPUID_CONFIG if family, model and stepping aren't legal with them."""
        computed = next((item for item in self.module.computed if item.by == "family_model_stepping"), None)
        if computed is None or self._try(computed, edits) is not None:
            return edits
        tries = (settings for settings in LEVERS[computed.by].settings(self.prepared, self.config))
        alone = (settings for settings in tries if all(edit.what == CPUID_CONFIG for edit in settings))
        return next(
            ((*edits, *more) for more in alone if self._try(computed, (*edits, *more)) is not None), None
        )

    # -- computed fields --

    def _computed(self, computed: Computed, bit: Field, goal: int) -> Found:
        if computed.by in FOLLOWS:
            return self._following(computed, bit, goal)
        shift = bit.shift - computed.field.shift
        found = (edits for edits, value in self._tried(computed) if value >> shift & 1 == goal)
        return next(found, None)

    def _following(self, computed: Computed, bit: Field, goal: int) -> Found:
        """Of a field that hangs on one other bit: that bit's cure, if the field then has the value."""
        follows = FOLLOWS[computed.by]
        for value in (0, 1):
            view = View(self.td, {follows: value})
            if FUNCTIONS[computed.by](view) >> bit.shift - computed.field.shift & 1 == goal:
                present = self.td.known_at(follows.leaf) & follows.mask and self.td.get(follows) == value
                return () if present else self.find(follows, value)
        return None

    def _tried(self, computed: Computed) -> list[tuple[Settings, int]]:
        """Every setting's edits, the fewest first, with the value that the module computes from it."""
        if computed.by not in self._levers:
            settings = LEVERS[computed.by].settings(self.prepared, self.config)
            real = dict.fromkeys(tuple(self._real(edits)) for edits in settings)
            tried = ((edits, self._try(computed, edits)) for edits in sorted(real, key=len))
            self._levers[computed.by] = [(edits, value) for edits, value in tried if value is not None]
        return self._levers[computed.by]

    def _real(self, edits: Iterable[Edit]) -> Iterable[Edit]:
        """The edits that change anything."""
        return (edit for edit in edits if self._changes(edit))

    def _changes(self, edit: Edit) -> bool:
        if edit not in self._changing:
            self._changing[edit] = applied(self.config, (edit,)) != self.config
        return self._changing[edit]

    def _try(self, computed: Computed, edits: Settings) -> int | None:
        """The field's value with the edits made, None where that is refused."""
        config = applied(self.config, edits)
        if any(problem not in self._problems for problem in td_params_problems(self.prepared, config)):
            return None
        try:
            return FUNCTIONS[computed.by](View(self.td, {}, config))
        except Refused:
            return None

    @cached_property
    def _problems(self) -> tuple[Refusal, ...]:
        return tuple(td_params_problems(self.prepared, self.config))

    @cached_property
    def _topology(self) -> TopologyEdits | None:
        rules = self.module.topology
        return None if rules is None or self.prepared.platform is None else TopologyEdits(self.td, rules)

