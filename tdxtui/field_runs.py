"""Bits of a packed mask as what people tell: neighbouring bits, or whole fields of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tdxtui import catalog
from tdxtui.cpuid import WORD, Field, Leaf, Register


def runs(leaf: Leaf, mask: int, coarse: bool = False) -> Iterator[tuple[Field, str]]:
    """The neighbouring bits of a packed mask, EAX to EDX, high bit first, with their name.

    Runs end where the catalogue's fields do, unless `coarse`; a coarse run of several fields has the name "".
    """
    for register in Register:
        left = mask >> register.shift & WORD
        while left:
            msb = lsb = left.bit_length() - 1
            name = catalog.name_at(leaf, register, msb)
            while lsb and left >> lsb - 1 & 1 and (coarse or catalog.name_at(leaf, register, lsb - 1) == name):
                lsb -= 1
            same = catalog.name_at(leaf, register, lsb) == name
            yield Field(leaf, register, msb, lsb), name if same else ""
            left &= (1 << lsb) - 1


def fields_in(leaf: Leaf, mask: int) -> Iterator[tuple[Field, str]]:
    """The catalogue's fields that a packed mask touches, whole, and the runs of its bits that are in none."""
    seen = set()
    for run, name in runs(leaf, mask):
        named = catalog.named_at(run)
        field = named.field if named else run
        if field not in seen:
            seen.add(field)
            yield field, name


def leaf_list(leaves: Iterable[Leaf]) -> str:
    """Leaves in few words: ``18.0-8, 80000006``."""
    spans: list[list[Leaf]] = []
    for leaf in leaves:
        if spans and _follows(spans[-1][-1], leaf):
            spans[-1].append(leaf)
        else:
            spans.append([leaf])
    return ", ".join(_span(span) for span in spans)


def _follows(leaf: Leaf, after: Leaf) -> bool:
    if leaf.subleaf is None or after.subleaf is None:
        return leaf.subleaf is after.subleaf and after.leaf == leaf.leaf + 1
    return after == (leaf.leaf, leaf.subleaf + 1)


def _span(span: list[Leaf]) -> str:
    first, last = span[0], span[-1]
    if len(span) < 3:
        return ", ".join(leaf.key for leaf in span)
    return f"{first.key}-{last.key if last.subleaf is None else f'{last.subleaf:x}'}"
