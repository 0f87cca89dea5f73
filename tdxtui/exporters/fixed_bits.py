"""The bits of a module that are the same in every legal TD, as proposed global metadata: CPUID_FIXED0/1_BITS.

Field code (proposal of December 2024): bit 16 is the leaf's bit 31, 15:9 its bits 6:0, bit 8 "no sub-leaf" with 7:1
all ones, else 7:1 the sub-leaf, bit 0 the element: 0 is EBX:EAX, 1 is EDX:ECX. FIXED0: a 0 is fixed to 0; FIXED1: a 1
is fixed to 1. What the guest or the run time can change is in neither.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from tdxtui.classify import BitClass, EntryClasses, classes
from tdxtui.cpuid import ALL_ONES, Leaf, unpack
from tdxtui.exporters.result import Written
from tdxtui.module import Gate, Module

NO_SUBLEAF = 0x1FE
_RECORD = struct.Struct("<QQQ")
LOST = ("how sure it is, and which module: the file has no room for it",)


class Record(NamedTuple):
    """A field code with the element's words."""

    code: int
    fixed0_bits: int
    fixed1_bits: int


def write(module: Module) -> Written:
    """Records of three little-endian words of 64 bits: field code, FIXED0 bits, FIXED1 bits."""
    return Written(b"".join(_RECORD.pack(*record) for record in records(module)), LOST)


def records(module: Module) -> Iterator[Record]:
    """Two records an entry, in the module's order."""
    for leaf, found in classes(module).items():
        zeros, ones = constants(module, found)
        fixed0, fixed1 = unpack(ALL_ONES & ~zeros), unpack(ones)
        for element in (0, 1):
            low, high = 2 * element, 2 * element + 1
            yield Record(
                field_code(leaf, element), fixed0[high] << 32 | fixed0[low], fixed1[high] << 32 | fixed1[low]
            )


def field_code(leaf: Leaf, element: int) -> int:
    """The code of half an entry."""
    subleaf = NO_SUBLEAF if leaf.subleaf is None else (leaf.subleaf & 0x7F) << 1
    return (leaf.leaf >> 31) << 16 | (leaf.leaf & 0x7F) << 9 | subleaf | element


def constants(module: Module, found: EntryClasses) -> tuple[int, int]:
    """The packed masks of an entry's bits that are 0, and that are 1, in every legal TD of this module."""
    gated = 0
    for gate, mask in found.gates:
        if not _always_open(module, gate):
            gated |= mask
    return found.masks.get(BitClass.FIXED_0, 0), found.masks.get(BitClass.FIXED_1, 0) & ~gated


def _always_open(module: Module, gate: Gate) -> bool:
    """Whether a gate hangs only on what every TD has."""
    demanded = {"XFAM": module.xfam.fixed1, "ATTRIBUTES": module.attributes.fixed1}
    return all(not item.negated and item.mask and not item.mask & ~demanded.get(item.scope, 0) for item in gate.needs)
