"""The line below a leaf's registers: brackets for the fields of the cursor's register, with their values."""

from __future__ import annotations

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style

from tdxtui import catalog
from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.naming import bit_name
from tdxtui.tui.grid_shape import Shape
from tdxtui.tui.lines import shortened
from tdxtui.tui.palette import Palette
from tdxtui.tui.shown import Shown

LEAST_REST = 12


@lru_cache(maxsize=1024)
def fields_in(leaf: Leaf, register: Register) -> tuple[Field, ...]:
    """The fields of several bits of a register, the widest where some overlap, the high bit first."""
    wide = [named.field for named in catalog.fields_of(leaf) if named.field.register is register]
    out: list[Field] = []
    for field in sorted(wide, key=lambda field: -field.width):
        if not field.is_bit and not any(field.register_mask & other.register_mask for other in out):
            out.append(field)
    return tuple(sorted(out, key=lambda field: -field.lsb))


def field_at(bit: Field) -> Field | None:
    """The field of several bits that a bit is in, the smallest there is; None for a flag."""
    named = catalog.named_at(bit)
    return named.field if named is not None and not named.field.is_bit else None


class _Line:
    """Cells that can be written once."""

    def __init__(self, width: int, blank: Style) -> None:
        self.text, self.styles = [" "] * width, [blank] * width

    def put(self, x: int, text: str, style: Style) -> bool:
        """Write a text if all of its cells are there and blank; whether it was."""
        end = x + len(text)
        if x < 0 or end > len(self.text) or any(char != " " for char in self.text[x:end]):
            return False
        self.text[x:end] = text
        self.styles[x:end] = [style] * len(text)
        return True

    def segments(self) -> list[Segment]:
        """Runs of one style."""
        out, start = [], 0
        for x in range(1, len(self.text) + 1):
            if x == len(self.text) or self.styles[x] is not self.styles[start]:
                out.append(Segment("".join(self.text[start:x]), self.styles[start]))
                start = x
        return out


def field_line(shown: Shown, bit: Field, shape: Shape, palette: Palette) -> list[Segment]:
    """The line for the register that the cursor is in; the field under the cursor stands out and is named."""
    line = _Line(shape.column, palette.text)
    line.put(max(shape.start - 6, 0) + 1, bit.register.name, palette.muted)
    here = field_at(bit)
    for field in fields_in(bit.leaf, bit.register):
        style = palette.strong if here is not None and field.mask & here.mask else palette.muted
        line.put(shape.x_of(field.msb), _bracket(shown, field, shape), style)
    if here is None:
        _mark(line, shape.x_of(bit.lsb), bit_name(bit), palette)
    _beside(line, shown, bit, here, shape, palette)
    return line.segments()


def words_of(shown: Shown, field: Field) -> str:
    """A field's value in words, ? where it isn't known."""
    from tdxtui import words  # not before the first frame

    value = shown.value_of(field)
    return "?" if value is None else words.decode(field, value)


def _name(field: Field) -> str:
    named = catalog.named_at(field)
    return named.name if named is not None else field.key


def _bracket(shown: Shown, field: Field, shape: Shape) -> str:
    """A bracket as wide as the field, with its name and value, or its value, where there is room."""
    width = shape.x_of(field.lsb) - shape.x_of(field.msb) + 1
    value = words_of(shown, field)
    inside = next((text for text in (f" {_name(field)} {value} ", f" {value} ") if len(text) + 2 <= width), "")
    return f"└{inside.center(width - 2, '─')}┘"


def _mark(line: _Line, x: int, label: str, palette: Palette) -> None:
    """A flag's name, with a corner below its bit."""
    if not (line.put(x, f"╰ {label}", palette.strong) or line.put(x - len(label) - 1, f"{label} ╯", palette.strong)):
        line.put(x, "╵", palette.strong)


def _beside(
    line: _Line, shown: Shown, bit: Field, here: Field | None, shape: Shape, palette: Palette
) -> None:
    """Behind the bits the name and value of the field under the cursor, then those of the register's other ones."""
    at, room = shape.bits_end + 2, shape.column - shape.bits_end - 3
    if here is not None:
        both = f"{_name(here)} = {words_of(shown, here)}"
        text = both if len(both) <= room else shortened(_name(here), room)
        line.put(at, text, palette.strong)
        at, room = at + len(text) + 2, room - len(text) - 2
    others = [field for field in reversed(fields_in(bit.leaf, bit.register)) if field != here]
    text = " · ".join(f"{_name(field)} {words_of(shown, field)}" for field in others)
    if room >= LEAST_REST and text:
        line.put(at, shortened(text, room), palette.muted)
