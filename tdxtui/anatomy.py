"""Which statements of a module concern a bit: the part of a reason that is the same for every TD."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tdxtui.classify import BitClass, EntryClasses, Group, classes_at
from tdxtui.cpuid import Field, Leaf
from tdxtui.module import Computed, Condition, Mirror, Module
from tdxtui.reason import Certainty, Kind
from tdxtui.rules import on_leaf

CONSTANTS_RULE, VERIFIED_RULE, CONFIG_RULE = "1.10", "1.5", "4.2"

Base = tuple[tuple[Kind, str], ...]
Gates = tuple[tuple[Condition, str], ...]


class Anatomy(NamedTuple):
    """How a bit comes about: its base terms, then the gates, all of which must be 1 for a 1.

    `base` pairs each kind with its rule; `one` is the value of a constant; `gates` pairs each condition with its rule.
    """

    kind: BitClass
    group: Group
    base: Base
    one: bool
    mirror: Condition | None
    computed: Computed | None
    gates: Gates
    certainty: Certainty

    def without_value(self) -> Anatomy:
        """The same for a constant of either value, so that the bits of one field can be told together."""
        fixed = self.kind in (BitClass.FIXED_0, BitClass.FIXED_1)
        return self._replace(kind=BitClass.FIXED_0 if fixed else self.kind, one=False)


def anatomy(module: Module, bit: Field) -> Anatomy:
    """The statements on a bit of one of the module's entries."""
    entries: dict[Leaf, _Entry] = module.__dict__.setdefault("_anatomies", {})
    found = entries.get(bit.leaf)
    if found is None:
        found = entries[bit.leaf] = _Entry(module, classes_at(module, bit.leaf))
    return found.at(bit)


class _Entry:
    """The statements on one entry; bits that share all of them share an anatomy."""

    def __init__(self, module: Module, here: EntryClasses) -> None:
        leaf, topology = here.entry.leaf, module.topology
        self._module, self._here, self._entry = module, here, here.entry
        self._computed = [(item.field.mask, item) for item in module.computed if item.field.leaf == leaf]
        self._mirrors = [(item.bit.mask, item) for item in module.mirrors if item.bit.leaf == leaf]
        self._gates = [(gate.clears[leaf], gate) for gate in module.gates if leaf in gate.clears]
        self._configurable = leaf in module.configurable
        self._topology = topology.rule if topology and leaf in (*topology.configured, *topology.derived) else ""
        self._kept: dict[int, Anatomy] = {}
        self._shared: dict[Anatomy, Anatomy] = {}

    def at(self, bit: Field) -> Anatomy:
        """The anatomy of a bit, worked out once."""
        found = self._kept.get(bit.shift)
        if found is None:
            made = self._make(bit)
            found = self._kept[bit.shift] = self._shared.setdefault(made, made)
        return found

    def _make(self, bit: Field) -> Anatomy:
        mask = 1 << bit.shift
        computed = next((item for where, item in self._computed if where & mask), None)
        mirror = next((item for where, item in self._mirrors if where & mask), None)
        base = self._base(mask, computed, mirror)
        one = bool(self._entry.fixed1 & mask)
        # What is computed or mirrored, or of the topology, is set after the gates; a constant 0 has no need of them.
        free = base[0][0] in (Kind.MIRROR, Kind.COMPUTED, Kind.TOPOLOGY) or (base[0][0] is Kind.CONSTANT and not one)
        gates = () if free else self._gates_on(mask)
        inferred = bool(self._here.inferred & mask)
        return Anatomy(
            kind=self._here.class_of(bit),
            group=self._here.group_of(bit),
            base=base,
            one=one,
            mirror=mirror.of if mirror else None,
            computed=computed,
            gates=gates,
            certainty=certainty(self._module, [rule for _, rule in (*base, *gates)], inferred),
        )

    def _base(self, mask: int, computed: Computed | None, mirror: Mirror | None) -> Base:
        """What gives a bit its value before the gates, as `resolve` does it."""
        entry = self._entry
        if mirror is not None:
            return ((Kind.MIRROR, mirror.rule),)
        if self._topology:
            return ((Kind.TOPOLOGY, self._topology),)
        if computed is not None:
            return ((Kind.COMPUTED, computed.rule),)
        if self._configurable and entry.configured & mask:
            return ((Kind.CPUID_CONFIG, CONFIG_RULE),)
        if (entry.fixed0 | entry.fixed1 | entry.dynamic) & mask:
            return ((Kind.CONSTANT, CONSTANTS_RULE),)
        native = (Kind.VERIFIED, VERIFIED_RULE) if entry.verify_mask & mask else (Kind.NATIVE, CONSTANTS_RULE)
        if self._configurable and entry.configured_native & mask:
            return ((Kind.CPUID_CONFIG, CONFIG_RULE), native)
        return (native,)

    def _gates_on(self, mask: int) -> Gates:
        """The conditions that clear a bit unless they hold, each once."""
        held: dict[Condition, str] = {}
        for where, gate in self._gates:
            if where & mask:
                for condition in gate.needs:
                    held.setdefault(condition, on_leaf(gate.rule, self._entry.leaf.key))
        return tuple(held.items())


def certainty(module: Module, rules: list[str], mask_inferred: bool) -> Certainty:
    """How sure the statements are: inferred if the mask or one of the rules is, else as the module's evidence."""
    doubtful: set[str] | None = module.__dict__.get("_doubtful")
    if doubtful is None:
        doubtful = module.__dict__["_doubtful"] = _parts(item.rule for item in module.inferred if not item.mask)
    if mask_inferred or (doubtful and _parts(rules) & doubtful):
        return Certainty.INFERRED
    return Certainty.RUN if module.evidence == "run" else Certainty.READ


def _parts(rules: Iterable[str]) -> set[str]:
    """The rule numbers in some lists of them."""
    return {part.strip() for rule in rules for part in rule.split(",")}
