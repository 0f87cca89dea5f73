"""A custom CPU template for Firecracker, which has no TDX: an ordinary microVM whose CPU looks as the model's.

Bits that the model decides are 0 or 1, all others x: as the host has them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tdxtui.cpuid import REGISTER_KEYS, Leaf, unpack
from tdxtui.exporters.abi import CpuidEntry
from tdxtui.exporters.demands import shaped
from tdxtui.exporters.result import Written
from tdxtui.exporters.subject import Subject

LOST = (
    "all but CPUID: Firecracker makes no TD, so ATTRIBUTES, XFAM and the rest have no place",
    "where it is from: Firecracker refuses a template with any key of others",
)


def write(subject: Subject) -> Written:
    """The JSON. It has no room for the ground, since unknown keys are refused and JSON has no comments."""
    template = {"cpuid_modifiers": [_modifier(*found) for found in shaped(subject)]}
    return Written(json.dumps(template, indent=2) + "\n", (*LOST, *subject.unknown_losses))


def _modifier(leaf: Leaf, value: int, mask: int) -> dict[str, Any]:
    return {
        "leaf": f"{leaf.leaf:#x}",
        "subleaf": f"{leaf.subleaf or 0:#x}",
        "flags": CpuidEntry(leaf, value).flags,
        "modifiers": list(_registers(value, mask)),
    }


def _registers(value: int, mask: int) -> Iterator[dict[str, str]]:
    for key, word, wanted in zip(REGISTER_KEYS, unpack(value), unpack(mask), strict=True):
        if wanted:
            yield {"register": key, "bitmap": f"0b{bitmap(word, wanted)}"}


def bitmap(word: int, mask: int) -> str:
    """32 characters of 0, 1 and x, bit 31 first."""
    return "".join("x" if not mask >> bit & 1 else str(word >> bit & 1) for bit in range(31, -1, -1))
