"""Which CPUID_CONFIG of leaf 1F would give a bit of leaf 1F or B another value.

A shape is the level types of 1F's sub-leaves. `topology.compute` says which shapes a module takes and where leaf B
comes from; the other bits of a sub-leaf are free, but for the number of a valid level.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property, lru_cache
from itertools import combinations

from tdxtui import topology
from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.edits import Edit, entry_edit
from tdxtui.module import TopologyRules
from tdxtui.refusal import Refused
from tdxtui.resolve import VirtualCpuid

_TYPE_SHIFT, _NUMBER_SHIFT = 40, 32
_SHAPED = 0xFFFF << _NUMBER_SHIFT

Levels = tuple[int, ...]
Shape = tuple[int, ...]


class TopologyEdits:
    """The edits of leaf 1F of one TD."""

    def __init__(self, td: VirtualCpuid, rules: TopologyRules) -> None:
        module, config = td.module, td.config.cpuid_config
        self._rules = rules
        self._masks = [module.configurable.get(leaf, 0) for leaf in rules.configured]
        self._now = tuple(config.get(leaf, 0) & mask for leaf, mask in zip(rules.configured, self._masks, strict=True))
        self._native = tuple(td.prepared.start_of(leaf) for leaf in rules.configured)
        self._derived = [td.prepared.start_of(leaf) for leaf in rules.derived]

    def find(self, bit: Field, goal: int) -> tuple[Edit, ...] | None:
        """The fewest entries that make a bit come out as wished; None if nothing legal does."""
        for levels in self._tries(bit, goal):
            if self._gives(levels, bit, goal):
                return self._least(levels, bit, goal)
        return None

    def _values(self, levels: Levels) -> dict[object, int] | None:
        """Every sub-leaf's value by leaf, None if the module refuses the levels."""
        try:
            configured, derived = topology.compute(self._rules, list(levels), list(self._native), self._derived)
        except Refused:
            return None
        leaves = (*self._rules.configured, *self._rules.derived)
        return dict(zip(leaves, (*configured, *derived), strict=True))

    def _gives(self, levels: Levels, bit: Field, goal: int) -> bool:
        values = self._values(levels)
        return values is not None and bit.get(values[bit.leaf]) == goal

    def _tries(self, bit: Field, goal: int) -> Iterator[Levels]:
        """Every shape, nearest first, with the bit set in the sub-leaf itself or in each that leaf B may copy."""
        configured = self._rules.configured
        places = [configured.index(bit.leaf)] if bit.leaf in configured else range(len(configured))
        for levels in self._shaped:
            yield levels
            for place in places:
                value = bit.put(levels[place], goal) & self._masks[place]
                if value != levels[place]:
                    yield (*levels[:place], value, *levels[place + 1 :])

    def _least(self, levels: Levels, bit: Field, goal: int) -> tuple[Edit, ...]:
        """The smallest part of a change that is enough."""
        changed = [place for place, value in enumerate(levels) if value != self._now[place]]
        parts = (part for size in range(len(changed) + 1) for part in combinations(changed, size))
        enough = next(part for part in parts if self._gives(self._only(levels, part), bit, goal))
        return tuple(entry_edit(self._rules.configured[place], levels[place]) for place in enough)

    def _only(self, levels: Levels, part: tuple[int, ...]) -> Levels:
        return tuple(levels[place] if place in part else value for place, value in enumerate(self._now))

    @cached_property
    def _shaped(self) -> list[Levels]:
        """What is configured and what the CPU has, in every shape that is legal, nearest to what is configured."""
        native = tuple(value & mask for value, mask in zip(self._native, self._masks, strict=True))
        tries = [levels for levels in (self._now, native) if self._values(levels) is not None]
        tries += [self._in_shape(base, shape) for base in (self._now, native) for shape in _legal_shapes(self._rules)]
        return sorted(dict.fromkeys(tries), key=self._distance)

    def _distance(self, levels: Levels) -> int:
        return sum(here != there for here, there in zip(levels, self._now, strict=True))

    def _in_shape(self, base: Levels, shape: Shape) -> Levels:
        """The levels with the types of a shape, and of each valid one its number."""
        words = [
            value & ~_SHAPED | kind << _TYPE_SHIFT | (place if kind else 0) << _NUMBER_SHIFT
            for place, (value, kind) in enumerate(zip(base, shape, strict=True))
        ]
        return tuple(word & mask for word, mask in zip(words, self._masks, strict=True))


@lru_cache(maxsize=64)
def reachable(rules: TopologyRules, masks: tuple[int, ...]) -> dict[Leaf, tuple[int, int]]:
    """By leaf the bits that can be 0, and those that can be 1, over every legal shape with all free bits 0 and 1.

    `masks` are the bits of each sub-leaf of 1F that may be configured.
    """
    reached: dict[Leaf, tuple[int, int]] = {}
    leaves, empty = (*rules.configured, *rules.derived), [0] * len(rules.derived)
    for levels in _extremes(rules, masks):
        with suppress(Refused):
            configured, derived = topology.compute(rules, levels, levels, empty)
            for leaf, value in zip(leaves, (*configured, *derived), strict=True):
                zeros, ones = reached.get(leaf, (0, 0))
                reached[leaf] = zeros | ~value & ALL_ONES, ones | value
    return reached


def _extremes(rules: TopologyRules, masks: tuple[int, ...]) -> Iterator[list[int]]:
    for shape in _legal_shapes(rules):
        levels = _numbered(shape)
        yield levels
        # The number of an invalid level is free, too.
        yield [
            value | mask & ~_SHAPED | (0 if kind else mask & 0xFF << _NUMBER_SHIFT)
            for value, mask, kind in zip(levels, masks, shape, strict=True)
        ]


def _numbered(shape: Shape) -> list[int]:
    """The sub-leaves of a shape, each valid one with its number, all else 0."""
    return [(place | kind << 8) << _NUMBER_SHIFT if kind else 0 for place, kind in enumerate(shape)]


@lru_cache(maxsize=64)
def _legal_shapes(rules: TopologyRules) -> list[Shape]:
    """The shapes that a module takes, with numbered levels."""
    empty = [0] * len(rules.derived)
    legal = []
    for shape in _shapes():
        levels = _numbered(shape)
        with suppress(Refused):
            topology.compute(rules, levels, levels, empty)
            legal.append(shape)
    return legal


def _shapes() -> list[Shape]:
    """Rising levels from sub-leaf 0 on, with or without one more behind a gap; not all of them are legal."""
    shapes: list[Shape] = []
    for size in range(1, topology.END):
        for rising in combinations(range(1, topology.END), size):
            shape = (*rising, *(0,) * (topology.END - size))
            shapes.append(shape)
            later = range(size + 1, topology.END)
            shapes += [(*shape[:at], kind, *shape[at + 1 :]) for at in later for kind in range(1, topology.END)]
    return shapes
