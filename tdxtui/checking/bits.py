"""Bits of packed masks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from tdxtui import catalog
from tdxtui.cpuid import WORD, Field, Leaf, Register


def bits_of(leaf: Leaf, mask: int) -> Iterator[Field]:
    """The bits of a packed mask, EAX first, in each register the low bit first."""
    for register in Register:
        word = mask >> register.shift & WORD
        while word:
            low = word & -word
            yield Field.bit(leaf, register, low.bit_length() - 1)
            word ^= low


@lru_cache(maxsize=1024)
def feature_mask(leaf: Leaf) -> int:
    """The packed mask of a leaf's bits that are single features by the catalogue."""
    return sum(named.field.mask for named in catalog.fields_of(leaf) if named.field.is_bit)


def fields_of(bits: Iterable[Field]) -> list[Field]:
    """The named fields that bits are of, each once; a bit without a name is a field itself."""
    named = ((bit, catalog.named_at(bit)) for bit in bits)
    return list(dict.fromkeys(found.field if found else bit for bit, found in named))
