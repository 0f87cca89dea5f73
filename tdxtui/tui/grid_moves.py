"""Where the cursor goes in a grid of leaves, some of which may stand side by side."""

from __future__ import annotations

from collections.abc import Sequence

from tdxtui.cpuid import Register
from tdxtui.tui.grid_lines import Cursor


def over(at: Cursor, step: int, columns: int, count: int) -> Cursor:
    """To the register above (-1) or below (1), on into the leaf there; the same place at the ends."""
    register = at.register + step
    if 0 <= register < 4:
        return at._replace(register=Register(register))
    entry = at.entry + step * columns
    if entry >= count and at.entry // columns < (count - 1) // columns:
        entry = count - 1
    if not 0 <= entry < count:
        return at
    return Cursor(entry, Register(register % 4), at.bit)


def beside(at: Cursor, step: int, columns: int, count: int) -> Cursor:
    """To the bit on the left (1) or right (-1); at a register's end as one reads on: the leaf beside, then the line."""
    bit = at.bit + step
    if 0 <= bit < 32:
        return at._replace(bit=bit)
    bit %= 32
    entry, first = at.entry - step, at.entry // columns * columns
    if first <= entry < min(first + columns, count):
        return Cursor(entry, at.register, bit)
    above_or_below = over(at._replace(entry=first), -step, columns, count)
    if above_or_below == at._replace(entry=first):
        return at
    start = above_or_below.entry // columns * columns
    entry = start if step < 0 else min(start + columns, count) - 1
    return Cursor(entry, above_or_below.register, bit)


def next_flexible(at: Cursor, step: int, masks: Sequence[int]) -> Cursor | None:
    """To the next (1) or previous (-1) bit of some packed masks, one an entry, round the ends; None for none."""
    count = len(masks)
    # A packed mask read from its highest bit is the grid's reading order of an entry.
    here = (3 - at.register) * 32 + at.bit
    low = masks[at.entry] & ((1 << here) - 1)
    high = masks[at.entry] >> here + 1 << here + 1
    for distance in range(count + 1):
        entry = (at.entry + step * distance) % count
        mask = masks[entry] if 0 < distance < count else (low, high)[(step < 0) is (distance == 0)]
        if mask:
            number = mask.bit_length() - 1 if step > 0 else (mask & -mask).bit_length() - 1
            return Cursor(entry, Register(3 - number // 32), number % 32)
    return at if masks[at.entry] >> here & 1 else None
