"""Where the grid's parts lie: how many leaves stand side by side, and at which columns their bits do."""

from __future__ import annotations

from typing import NamedTuple

LINES_PER_ENTRY = 6
TITLE_LINE, FIELD_LINE = 0, 5
REGISTER_LINES = range(1, 5)
NARROW, HEX_FROM_WIDTH, MIN_COLUMN = 60, 52, 61
WIDE_START, NARROW_START = 8, 5
WIDE_GAP, NARROW_GAP = 2, 1


class Shape(NamedTuple):
    """The layout for a width, of which the last column is the scroll bar's.

    `columns` leaves stand side by side, each `column` wide; the bits begin at `start`, bytes are `gap` apart.
    """

    width: int
    columns: int
    column: int
    start: int
    gap: int
    has_hex: bool

    @classmethod
    def of(cls, width: int) -> Shape:
        """The shape for a width of the whole grid."""
        room = max(width - 1, 0)
        columns = max(1, room // MIN_COLUMN)
        start, gap = (WIDE_START, WIDE_GAP) if width >= NARROW else (NARROW_START, NARROW_GAP)
        return cls(width, columns, room // columns, start, gap, width >= HEX_FROM_WIDTH)

    @property
    def bits_end(self) -> int:
        """The first column behind the bits."""
        return self.start + 32 + 3 * self.gap

    def x_of(self, bit: int) -> int:
        """The column of a bit, within its leaf's."""
        index = 31 - bit
        return self.start + index + index // 8 * self.gap

    def bit_at(self, x: int) -> int | None:
        """The bit at a column within a leaf's, None beside the bits."""
        byte, offset = divmod(x - self.start, 8 + self.gap)
        return 31 - byte * 8 - offset if 0 <= byte < 4 and offset < 8 else None

    def nearest_bit(self, x: int) -> int:
        """The bit nearest to a column within a leaf's."""
        return min(range(32), key=lambda bit: abs(self.x_of(bit) - x))

    def ruler(self) -> str:
        """The bit numbers above the bits."""
        blocks = (f"{byte * 8 + 7:<2}    {byte * 8:>2}" for byte in (3, 2, 1, 0))
        one = " " * self.start + (" " * self.gap).join(blocks)
        return "".join(one.ljust(self.column) for _ in range(self.columns)).rstrip()
