"""A built-in module being changed, bit by bit, into what Intel's table says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.intel_table.kinds import COMPUTED, Kind
from tdxtui.intel_table.runs import runs, said
from tdxtui.module import Condition, Entry, Gate, Inferred, Module

MASKS = ("fixed0", "fixed1", "configured", "configured_native", "dynamic")
_WHAT = {"XFAM": "component of XFAM", "ATTRIBUTES": "bit of ATTRIBUTES", "bit": "other CPUID bit"}


class Draft:
    """The module so far, and what had to be assumed.

    `others` are further built-in modules, the nearest first, which may know a gate that this one doesn't have.
    """

    def __init__(self, base: Module, others: Sequence[Module]) -> None:
        self.base, self.others = base, others
        self.entries = {entry.leaf: entry for entry in base.entries}
        self.order = {entry.leaf: number for number, entry in enumerate(base.entries)}
        self.gates = list(base.gates)
        self.mirrors = list(base.mirrors)
        self.computed = list(base.computed)
        self.dynamic = list(base.exit.dynamic)
        self.assumptions: list[str] = []
        self.inferred: list[Inferred] = []
        self.settled: dict[Leaf, int] = {}
        self.kept: dict[Leaf, int] = {}

    def module(self) -> Module:
        """The module as it is now."""
        return replace(
            self.base,
            entries=tuple(self.entries.values()),
            cpuid_config=self._cpuid_config(),
            gates=tuple(gate for gate in self.gates if gate.clears),
            mirrors=tuple(self.mirrors),
            computed=tuple(self.computed),
            exit=self.base.exit._replace(dynamic=tuple(self.dynamic)),
            inferred=(*self.base.inferred, *self.inferred),
        )

    def _cpuid_config(self) -> tuple[Leaf, ...]:
        """The base's order, then what is newly configurable."""
        old = [leaf for leaf in self.base.cpuid_config
               if self.entries[leaf].configurable or not self.base.by_leaf[leaf].configurable]
        new = [entry.leaf for entry in self.entries.values() if entry.configurable and entry.leaf not in old]
        if new:
            keys = ", ".join(leaf.key for leaf in new)
            self.assume(f"The order of CPUID_CONFIG is not in the table: {keys} come last.")
        return (*old, *new)

    def assume(self, sentence: str, leaf: Leaf | None = None, mask: int = 0) -> None:
        """Note an assumption, of some bits if a leaf is given."""
        if leaf is None:
            self.assumptions.append(sentence)
            return
        self.settled[leaf] = self.settled.get(leaf, 0) | mask
        for field in runs(leaf, mask):
            self.assumptions.append(f"{said(field)}: {sentence}")
            self.inferred.append(Inferred(frozenset(), field, "", "", sentence))

    def add(self, leaf: Leaf) -> None:
        """A new entry, all zero so far, after the others."""
        self.order[leaf] = len(self.entries)
        self.entries[leaf] = Entry(leaf, fixed0=ALL_ONES)

    def set(self, leaf: Leaf, mask: int, kind: Kind, was: Kind) -> None:
        """Give bits another type; what can't be stated stays, as an assumption."""
        if kind == COMPUTED:
            self.assume(f"calculated, the table doesn't say how; taken as {was.text}.", leaf, mask)
            return
        if was == COMPUTED and (kept := mask & self.kept.get(leaf, 0)):
            self.assume(f"the table says {kind.text}, but module {self.base.version} computes the whole field; kept.",
                        leaf, kept)
            mask &= ~kept
        if not mask:
            return
        self._set_masks(leaf, mask, kind.base)
        self.mirrors = [item for item in self.mirrors
                        if not (item.bit.leaf == leaf and item.bit.mask & mask) or kind == _MIRRORED]
        self._ungate(leaf, mask, kind.scopes)
        for scope in sorted(kind.scopes):
            self._gate(leaf, mask & ~self._gated(leaf, scope), scope, kind)

    def _set_masks(self, leaf: Leaf, mask: int, base: str) -> None:
        entry = self.entries[leaf]
        masks = {name: getattr(entry, name) & ~mask for name in MASKS}
        if base in masks:
            masks[base] |= mask
        self.entries[leaf] = entry._replace(
            **masks, verify_mask=entry.verify_mask & ~mask, verify_value=entry.verify_value & ~mask
        )

    def release(self, leaf: Leaf, mask: int) -> None:
        """Take from what computes them the fields of which all bits shall get another type; the others are kept."""
        kept = mask if self.base.topology and leaf in self.base.topology.derived else 0
        fields = [item.field for item in self.computed] + [item.field for item in self.dynamic]
        for field in fields:
            if field.leaf == leaf and field.mask & mask and field.mask & ~mask:
                kept |= field.mask & mask
        gone = mask & ~kept
        self.computed = [item for item in self.computed if item.field.leaf != leaf or not item.field.mask & gone]
        self.dynamic = [item for item in self.dynamic if item.field.leaf != leaf or not item.field.mask & gone]
        self.kept[leaf] = kept

    def _ungate(self, leaf: Leaf, mask: int, scopes: frozenset[str]) -> None:
        """Take bits from the gates whose conditions the table doesn't name."""
        for number, gate in enumerate(self.gates):
            if gate.clears.get(leaf, 0) & mask and not _scopes(gate.needs) <= scopes:
                rest = {**gate.clears, leaf: gate.clears[leaf] & ~mask}
                self.gates[number] = gate._replace(clears={at: bits for at, bits in rest.items() if bits})

    def _gated(self, leaf: Leaf, scope: str) -> int:
        """The bits that something of a scope gates already."""
        mask = 0
        for gate in self.gates:
            if scope in _scopes(gate.needs):
                mask |= gate.clears.get(leaf, 0)
        for mirror in self.mirrors if scope == "ATTRIBUTES" else ():
            if mirror.bit.leaf == leaf:
                mask |= mirror.bit.mask
        return mask

    def _gate(self, leaf: Leaf, missing: int, scope: str, kind: Kind) -> None:
        """Gate bits as the nearest module does that gates them so; what none does stays open."""
        for other in self.others:
            for gate in other.gates:
                scopes, bits = _scopes(gate.needs), gate.clears.get(leaf, 0) & missing
                if bits and scope in scopes and scopes <= kind.scopes and self._can_ask(gate.needs, leaf):
                    self._add_gate(gate, leaf, bits)
                    names = " and ".join(condition.text for condition in gate.needs)
                    self.assume(f"which {_WHAT[scope]} it needs is taken from {other.version}: {names}.", leaf, bits)
                    missing &= ~bits
            for mirror in other.mirrors if scope == "ATTRIBUTES" and kind == _MIRRORED else ():
                if mirror.bit.leaf == leaf and mirror.bit.mask & missing:
                    self.mirrors.append(mirror)
                    self.assume(f"that it shows {mirror.of.text} is taken from {other.version}.", leaf, mirror.bit.mask)
                    missing &= ~mirror.bit.mask
        if missing:
            self.assume(f"{kind.text}, but the table doesn't say which {_WHAT[scope]}; taken as not gated by one.",
                        leaf, missing)

    def _can_ask(self, needs: Iterable[Condition], leaf: Leaf) -> bool:
        """Whether the conditions' own bits are computed before the leaf."""
        last = self.order[leaf]
        return all(item.field is None or self.order.get(item.field.leaf, last + 1) <= last for item in needs)

    def _add_gate(self, like: Gate, leaf: Leaf, bits: int) -> None:
        for number, gate in enumerate(self.gates):
            if gate.needs == like.needs:
                clears = {**gate.clears, leaf: gate.clears.get(leaf, 0) | bits}
                self.gates[number] = gate._replace(clears=clears)
                return
        self.gates.append(like._replace(clears={leaf: bits}))


_MIRRORED = Kind("native", frozenset({"ATTRIBUTES"}))


def _scopes(needs: Iterable[Condition]) -> frozenset[str]:
    return frozenset(condition.scope for condition in needs)


def fields_text(leaf: Leaf, mask: int) -> list[str]:
    """A mask's runs, for sentences."""
    return [said(field) for field in runs(leaf, mask)]


def word_of(entry: Entry | None, field: Field) -> int | None:
    """A field's constant value by its entry's masks, None if it has none."""
    if entry is None or (entry.fixed0 | entry.fixed1) & field.mask != field.mask:
        return None
    return field.get(entry.fixed1)
