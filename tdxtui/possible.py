"""Which bits of an entry could be 0, and which 1, on a module and platform, whatever the TD configuration."""

from __future__ import annotations

from tdxtui.cpuid import ALL_ONES, WORD, Leaf
from tdxtui.levers import LEVERS, Masks
from tdxtui.module import Module
from tdxtui.sysinit import Prepared
from tdxtui.topology_edits import reachable


def possible(prepared: Prepared) -> Possible:
    """What is possible on a module and platform, kept with them."""
    found = prepared.__dict__.get("_possible")
    if found is None:
        found = prepared.__dict__["_possible"] = Possible(prepared)
    return found


class Possible:
    """Packed masks by leaf: the bits that could be 0, and those that could be 1; none of a leaf without entry."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._masks: dict[Leaf, Masks] = {}

    def at(self, leaf: Leaf) -> Masks:
        """The masks of a leaf; not every bit in them really can, but no other one does."""
        found = self._masks.get(leaf)
        if found is None:
            found = self._masks[leaf] = self._at(leaf)
        return found

    def _at(self, leaf: Leaf) -> Masks:
        module = self._prepared.module
        entry = module.by_leaf.get(leaf)
        if entry is None:
            return 0, 0
        zeros, ones = _decided(self._prepared, leaf)
        if not _of_topology(module, leaf):
            computed = _computed(module, leaf)
            zeros |= entry.configurable & ~computed | _gated(module, leaf)
            ones |= entry.configured & ~computed
        if self._prepared.platform is None:
            fixed = entry.fixed0 | entry.fixed1 | entry.verify_mask
            unknown = ALL_ONES & ~fixed
            start = entry.fixed1 | entry.verify_value & ~entry.fixed0
            return ~start & ALL_ONES | zeros | unknown, start | ones | unknown
        start = self._prepared.start_of(leaf)
        return ~start & ALL_ONES | zeros, start | ones


def _of_topology(module: Module, leaf: Leaf) -> bool:
    topology = module.topology
    return topology is not None and leaf in (*topology.configured, *topology.derived)


def _gated(module: Module, leaf: Leaf) -> int:
    mask = 0
    for gate in module.gates:
        mask |= gate.clears.get(leaf, 0)
    return mask


def _decided(prepared: Prepared, leaf: Leaf) -> Masks:
    """What is computed, mirrored, or of the topology: the bits that can then be 0, and those that can be 1."""
    module, topology = prepared.module, prepared.module.topology
    if topology and _of_topology(module, leaf):
        masks = tuple(module.configurable.get(level, 0) for level in topology.configured)
        return reachable(topology, masks).get(leaf, (0, 0))
    zeros = ones = 0
    for item in module.computed:
        if item.field.leaf == leaf:
            lever = LEVERS[item.by]
            off, on = lever.here(prepared) or (WORD, lever.reach(prepared))
            zeros, ones = zeros | item.field.put(0, off), ones | item.field.put(0, on)
    for mirror in module.mirrors:
        mask = mirror.bit.mask if mirror.bit.leaf == leaf else 0
        allowed = mirror.of.scope != "ATTRIBUTES" or mirror.of.mask & prepared.attributes_allowed
        zeros, ones = zeros | mask, ones | (mask if allowed else 0)
    return zeros, ones


def _computed(module: Module, leaf: Leaf) -> int:
    """The bits of a leaf that a function computes."""
    mask = 0
    for item in module.computed:
        mask |= item.field.mask if item.field.leaf == leaf else 0
    return mask
