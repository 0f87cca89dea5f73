"""Which state components of XFAM a set of CPUID features implies, as a VMM that derives XFAM from features has it.

What a module really gates by XFAM is said in its file; this is for sources that know of no TD.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tdxtui.cpuid import Field, Leaf
from tdxtui.td import XFAM

# The features for which a guest uses a component's state, by position.
FEATURES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "AVX": ("1.ecx.28",),
    "AVX512": ("7.0.ebx.16",),
    "PT": ("7.0.ebx.25",),
    "PKRU": ("7.0.ecx.3",),
    "CET": ("7.0.ecx.7", "7.0.edx.20"),
    "UINTR": ("7.0.edx.5",),
    "LBR": ("7.0.edx.19",),
    "AMX": ("7.0.edx.24",),
})
ALWAYS = XFAM["X87"] | XFAM["SSE"]


def implied(wishes: Mapping[Leaf, tuple[int, int]]) -> int:
    """XFAM for the bits that are wished to be 1; AVX-512 takes AVX along (3.2)."""
    xfam = ALWAYS
    for name, bits in FEATURES.items():
        if any(_is_one(wishes, Field.parse(bit)) for bit in bits):
            xfam |= XFAM[name]
    return xfam | XFAM["AVX"] if xfam & XFAM["AVX512"] else xfam


def _is_one(wishes: Mapping[Leaf, tuple[int, int]], bit: Field) -> bool:
    value, mask = wishes.get(bit.leaf, (0, 0))
    return bool(value & mask & bit.mask)
