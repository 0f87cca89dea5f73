"""QEMU's named models of Intel CPUs, as facts: which bits QEMU would give a guest of each.

``data/qemu_models.csv`` holds, per version of a model, family, model and stepping, the last leaves, the QEMU release
that the facts are from, and the feature words. A word that isn't listed is 0. Bits that QEMU has no name for, and what
it adds by itself (the hypervisor bit, x2APIC under KVM, topology), are no part of a model.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tdxtui import catalog
from tdxtui.cpuid import Field, Leaf, Register

_FILE = Path(__file__).parent / "data" / "qemu_models.csv"
LATEST = "-latest"
_VENDOR_LEAVES = range(0x80000009, 0xFFFFFFFF)  # AMD's and VIA's
_KVM_LEAVES = range(0x40000000, 0x50000000)


class QemuModel(NamedTuple):
    """A version of a named model. `words` are packed values by leaf; `qemu` is the release that the facts are from."""

    name: str
    alias: str
    family: int
    model: int
    stepping: int
    level: int
    xlevel: int
    qemu: str
    title: str
    note: str
    words: dict[Leaf, int]

    @property
    def signature(self) -> int:
        """Family, model and stepping as CPUID(1).EAX has them."""
        extended = max(self.family - 15, 0)
        base = self.family - extended
        return extended << 20 | self.model >> 4 << 16 | base << 8 | (self.model & 0xF) << 4 | self.stepping


@cache
def models() -> dict[str, QemuModel]:
    """Every version of every model by its full name (``SapphireRapids-v4``), versions in order."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        found = [_read(row) for row in csv.DictReader(file)]
    return {item.name: item for item in found}


def find(name: str) -> QemuModel | None:
    """The model that QEMU means by a name, in any case of letters; None if it has none of Intel's.

    Without a version that is -v1, as for QEMU's machine types; ``-latest`` means the newest one that is known here.
    """
    known = _by_any_name()
    return known.get(name.lower())


@cache
def _by_any_name() -> dict[str, QemuModel]:
    names: dict[str, QemuModel] = {}
    for item in models().values():
        family = unversioned(item.name)
        names[item.name.lower()] = item
        names[f"{family}{LATEST}".lower()] = item
        names.setdefault(family.lower(), item)
        if item.alias:
            names[item.alias.lower()] = item
    return names


def families() -> tuple[str, ...]:
    """The models' names without their versions."""
    return tuple(dict.fromkeys(unversioned(name) for name in models()))


def unversioned(name: str) -> str:
    """A model's name without its version."""
    return re.sub(r"-v\d+$", "", name)


def _read(row: dict[str, str]) -> QemuModel:
    family, model, stepping, level = (int(row[key]) for key in ("family", "model", "stepping", "level"))
    words: dict[Leaf, int] = {}
    for word in row["words"].split():
        place, _, value = word.partition("=")
        field = Field.parse(place)
        words[field.leaf] = field.put(words.get(field.leaf, 0), int(value, 16))
    return QemuModel(
        row["name"], row["alias"], family, model, stepping, level, int(row["xlevel"], 16), row["qemu"], row["title"],
        row["note"], words,
    )


@cache
def named_bits() -> dict[Leaf, int]:
    """The bits of an Intel CPU that QEMU has a name for, as packed masks: what a model states, as 1 or as 0."""
    masks: dict[Leaf, int] = {}
    for row in catalog.rows():
        if row.names[1] and row.leaf not in _KVM_LEAVES and row.leaf not in _VENDOR_LEAVES:
            field = Field(row.first, row.register, row.msb, row.lsb)
            masks[row.first] = masks.get(row.first, 0) | field.mask
    return masks


SIGNATURE = Field(Leaf(1), Register.EAX, 27, 0)


def wishes(item: QemuModel) -> dict[Leaf, tuple[int, int]]:
    """What a model states, per leaf as packed value and mask: every bit that QEMU can name, and its signature."""
    stated = {leaf: (item.words.get(leaf, 0) & mask, mask) for leaf, mask in named_bits().items()}
    value, mask = stated.get(SIGNATURE.leaf, (0, 0))
    stated[SIGNATURE.leaf] = SIGNATURE.put(value, item.signature), mask | SIGNATURE.mask
    return dict(sorted(stated.items(), key=lambda pair: (pair[0].leaf, pair[0].subleaf or 0)))
