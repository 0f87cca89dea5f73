"""Masks as runs of bits, for sentences."""

from __future__ import annotations

from collections.abc import Iterator

from tdxtui import catalog
from tdxtui.cpuid import WORD, Field, Leaf, Register


def runs(leaf: Leaf, mask: int) -> Iterator[Field]:
    """The runs of a packed mask's bits, EAX to EDX, high bit first."""
    for register in Register:
        word = mask >> register.shift & WORD
        while word:
            msb = word.bit_length() - 1
            lsb = msb
            while lsb and word >> lsb - 1 & 1:
                lsb -= 1
            yield Field(leaf, register, msb, lsb)
            word &= (1 << lsb) - 1


def said(field: Field) -> str:
    """A run for people: its position, and its name if all of it has one."""
    names = {catalog.name_at(field.leaf, field.register, number) for number in range(field.lsb, field.msb + 1)}
    name = names.pop() if len(names) == 1 else ""
    return f"{field.sdm} {name}" if name and name != catalog.RESERVED else field.sdm
