"""The x86-64 levels that compilers and distributions build for: each has the features of those below it."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from tdxtui import catalog
from tdxtui.cpuid import Field, Leaf

_FILE = Path(__file__).parent / "data" / "levels.csv"


@cache
def levels() -> dict[str, tuple[Field, ...]]:
    """The feature bits of each level by its name, ``x86-64-v1`` to ``x86-64-v4`` (x86-64 psABI, table 3.1)."""
    found: dict[str, tuple[Field, ...]] = {}
    below: tuple[Field, ...] = ()
    with _FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            below = found[row["name"]] = (*below, *(catalog.find(name) for name in row["features"].split()))
    return found


def wishes(level: str) -> dict[Leaf, tuple[int, int]]:
    """What a level asks for, per leaf as packed value and mask; it says nothing of other bits."""
    masks: dict[Leaf, int] = {}
    for bit in levels()[level]:
        masks[bit.leaf] = masks.get(bit.leaf, 0) | bit.mask
    return {leaf: (mask, mask) for leaf, mask in masks.items()}
