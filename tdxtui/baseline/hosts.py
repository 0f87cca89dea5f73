"""The CPUs of a migration pool; those that look alike to a TDX module count once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tdxtui import library
from tdxtui.cpuid import Field, Leaf
from tdxtui.errors import TdxtuiError
from tdxtui.platform import Platform

# What differs from one logical processor, or one moment, to the next.
_PASSING = {item.leaf: item.mask for item in map(Field.parse, ("1.ebx[31:24]", "d.0.ebx", "d.1.ebx"))}
_X2APIC_ID = 0xFFFFFFFF
_TOPOLOGY = frozenset({0xB, 0x1F})
Look = tuple[object, ...]


@dataclass(eq=False)
class Host:
    """A CPU, and the names of all that look like it, in the order in which they were given."""

    platform: Platform
    names: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The first of its names."""
        return self.names[0]


def gather(names: Iterable[str]) -> list[Host]:
    """The hosts of platform names and files; TdxtuiError for one that can't be read.

    Only one CPU of a kind is kept, so that memory doesn't grow with the number of dumps.
    """
    found: dict[Look, Host] = {}
    for name in names:
        platform = library.platform(name)
        found.setdefault(_look(platform), Host(platform)).names.append(name)
    return list(found.values())


def _look(platform: Platform) -> Look:
    """What a module sees of a CPU: equal for CPUs that no module tells apart."""
    cpuid = frozenset((leaf, value & ~_passing(leaf)) for leaf, value in platform.cpuid.items())
    msrs = frozenset(platform.msrs.items())
    return cpuid, platform.arch_capabilities, platform.tsx_ctrl, msrs, platform.sockets, platform.missing_facts


def _passing(leaf: Leaf) -> int:
    return _X2APIC_ID if leaf.leaf in _TOPOLOGY else _PASSING.get(leaf, 0)


def short(name: str) -> str:
    """A host's name without the folder of its file."""
    return Path(name).name


def listed(names: Sequence[str], most: int = 3) -> str:
    """Names in a few words: all of them if they are few."""
    if not names:
        raise TdxtuiError("a pool needs at least one CPU")
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
