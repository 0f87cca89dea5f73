"""Cures on another platform or module, where this module on this platform has none."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

from tdxtui import library
from tdxtui.classify import always_ve
from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.cures import Cures
from tdxtui.edits import CPUID_CONFIG, MODULE, PLATFORM, Edit, applied
from tdxtui.errors import TdxtuiError
from tdxtui.levers import LEVERS
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.refusal import Refusal
from tdxtui.repair import repaired
from tdxtui.resolve import VirtualCpuid, attempt, attempt_unknown
from tdxtui.sysinit import Prepared
from tdxtui.td import TdConfig

_FMS_LEAF = Leaf(1)


class Place(NamedTuple):
    """Another platform or module: the moves there, what the TD must give up for it, and the cures it then has."""

    moves: tuple[Edit, ...]
    given_up: tuple[Edit, ...]
    cures: Cures
    config: TdConfig


class Elsewhere:
    """The other places that a TD might be held against: the known platforms, then the known modules, then both.

    `config_on` gives the TD's configuration on another module, where more of a model's wishes can be configured.
    """

    def __init__(self, td: VirtualCpuid, config_on: Callable[[Module], TdConfig] | None = None) -> None:
        self._td, self._module, self._platform = td, td.module, td.prepared.platform
        self._config_on = config_on or (lambda _: td.config)
        self._refused = frozenset(_kinds(attempt(td.prepared, td.config)[1])) if self._platform else frozenset()
        self._tried: dict[tuple[tuple[Edit, ...], tuple[Edit, ...]], VirtualCpuid | None] = {}
        self._open: dict[tuple[Leaf, int], list[tuple[tuple[str, str], int]]] = {}
        self._held: dict[tuple[str, str], Place | None] = {}

    def find(self, bit: Field, goal: int) -> tuple[Edit, ...] | None:
        """The edits that give a bit the value in the nearest other place, None if none of the known ones does."""
        shift = bit.shift
        for names, mask in self._places(bit.leaf, goal):
            place = self._at(*names) if mask >> shift & 1 else None
            if place is None or self._hidden(place, bit) or self._as_unsure(place, bit):
                continue
            if place.cures.possible.at(bit.leaf)[goal] >> shift & 1:
                found = place.cures.reached(bit, goal)
                if found is not None:
                    return (*place.moves, *self._least(place, found, bit, goal))
        return None

    def _hidden(self, place: Place, bit: Field) -> bool:
        """Whether a guest there gets #VE where one here reads the bit: that is no cure."""
        return always_ve(place.cures.module, bit.leaf) and not always_ve(self._module, bit.leaf)

    def _as_unsure(self, place: Place, bit: Field) -> bool:
        """Whether an unknown CPU decides the bit here as well as there: then the other module is no cure."""
        return not any(td.known_at(bit.leaf) & bit.mask for td in (self._td, place.cures.td))

    def _least(self, place: Place, found: tuple[Edit, ...], bit: Field, goal: int) -> tuple[Edit, ...]:
        """The smallest part of what had to be given up and what is then set."""
        touched = [edit for edit in place.given_up if any(_touch(edit, other) for other in found)]
        if not touched:
            return (*place.given_up, *found)
        core = tuple(edit for edit in place.given_up if edit not in touched)
        edits = (*touched, *found)
        parts = ((*core, *part) for size in range(len(edits)) for part in combinations(edits, size))
        return next((part for part in parts if self._gives(place, part, bit, goal)), (*core, *edits))

    def _gives(self, place: Place, edits: tuple[Edit, ...], bit: Field, goal: int) -> bool:
        key = place.moves, edits
        if key not in self._tried:
            td, refusals = attempt(place.cures.prepared, applied(place.config, edits))
            self._tried[key] = None if _kinds(refusals) - self._refused else td
        found = self._tried[key]
        return found is not None and found.get(bit) == goal

    def _places(self, leaf: Leaf, goal: int) -> list[tuple[tuple[str, str], int]]:
        """Platform and module by name, with the bits of a leaf that could have the value there.

        First the other platforms for this module, then the other modules here, then both.
        """
        key = leaf, goal
        if key not in self._open:
            near = [((platform, ""), ALL_ONES) for platform in self._platforms]
            self._open[key] = [*near, *self._far(leaf, goal)]
        return self._open[key]

    def _far(self, leaf: Leaf, goal: int) -> list[tuple[tuple[str, str], int]]:
        modules = [(name, library.openness(name, leaf)) for name in self._modules]
        reach = ALL_ONES & ~self._out_of_reach(leaf) if goal else ALL_ONES
        far = []
        for platform in ["", *self._platforms]:
            cpu = _platform(platform) if platform else self._platform
            # An unknown CPU may have any bit.
            natives = (cpu.cpuid.at(leaf),) if cpu else (0, ALL_ONES)
            for name, open_ in modules:
                reached = [open_.reach(native)[goal] & reach for native in natives]
                far.append(((platform, name), reached[0] | reached[-1]))
        return [(names, mask) for names, mask in far if mask]

    def _out_of_reach(self, leaf: Leaf) -> int:
        """The bits of computed fields that no value of theirs has, here or elsewhere."""
        mask = 0
        for item in self._module.computed:
            if item.field.leaf == leaf:
                mask |= item.field.mask & ~item.field.put(0, LEVERS[item.by].reach(self._td.prepared))
        return mask

    @cached_property
    def _platforms(self) -> list[str]:
        return [name for name in library.files("platforms") if name != getattr(self._platform, "name", None)]

    @cached_property
    def _modules(self) -> list[str]:
        """The other modules, the later ones first, each group from the nearest on."""
        names, here = list(library.files("modules")), self._module.version
        at = names.index(here) if here in names else len(names)
        return names[at + 1 :] + names[:at][::-1]

    def _at(self, platform: str, module: str) -> Place | None:
        key = platform, module
        if key not in self._held:
            self._held[key] = self._hold(platform, module)
        return self._held[key]

    def _hold(self, platform: str, module: str) -> Place | None:
        """The TD held there, None where the module doesn't take the platform, nor the TD whatever is given up."""
        try:
            on = library.module(module) if module else self._module
            cpu = library.platform(platform) if platform else self._platform
        except TdxtuiError:
            return None
        moves = tuple(Edit(what, name) for what, name in ((PLATFORM, platform), (MODULE, module)) if name)
        config = self._config_on(on)
        if cpu is None:
            td, refusals = attempt_unknown(library.prepared_unknown(on), config)
            return None if _kinds(refusals) - self._refused else Place(moves, (), Cures(td), config)
        prepared = library.prepared(on, cpu)
        return None if isinstance(prepared, Refusal) else self._place(moves, prepared, config)

    def _place(self, moves: tuple[Edit, ...], prepared: Prepared, config: TdConfig) -> Place | None:
        td, refusals = attempt(prepared, config)
        if not _kinds(refusals) - self._refused:
            return Place(moves, (), Cures(td), config)
        given_up = repaired(prepared, config)
        if given_up is None:
            return None
        return Place(moves, given_up, Cures(attempt(prepared, applied(config, given_up))[0]), config)


def _touch(one: Edit, other: Edit) -> bool:
    """Whether two edits may stand for one another: of the same word or entry, or both of what 5.1 looks at."""
    if one.what != other.what:
        return _of_fms(one) and _of_fms(other)
    return one.what != CPUID_CONFIG or _leaf(one) == _leaf(other)


def _of_fms(edit: Edit) -> bool:
    return edit.name == "MIGRATABLE" or _leaf(edit) == _FMS_LEAF


def _leaf(edit: Edit) -> Leaf | None:
    return edit.leaf or (edit.field.leaf if edit.field else None)


def _kinds(refusals: tuple[Refusal, ...]) -> set[tuple[object, ...]]:
    return {(item.status, item.operand, item.at, item.msr) for item in refusals}


def _platform(name: str) -> Platform | None:
    try:
        return library.platform(name)
    except TdxtuiError:
        return None
