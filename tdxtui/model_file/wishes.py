"""The wishes of a document, as it writes them: which key says what of which bits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from tdxtui import catalog
from tdxtui.cpuid import Field, Leaf
from tdxtui.strict import data_error, parse_hex, quoted

FEATURES, FIELDS, REGISTERS = TABLES = ("features", "fields", "registers")


class Part(NamedTuple):
    """What a wish says of one field: a value, and the mask of its bits that are wished, both relative to it."""

    field: Field
    value: int
    mask: int


class Wish(NamedTuple):
    """One key of a table of wishes."""

    table: str
    key: str
    parts: tuple[Part, ...]

    @property
    def where(self) -> str:
        """The way to the key, for errors."""
        return f"{self.table}.{quoted(self.key)}"


def wishes_of(data: Mapping[str, Any], source: str) -> Iterator[Wish]:
    """Every wish of a document that `model_schema` takes, in the document's order; DataError for one that can't be."""
    for table, read in ((FEATURES, _feature), (FIELDS, _field), (REGISTERS, _register)):
        for key, value in data.get(table, {}).items():
            try:
                yield Wish(table, key, read(key, value))
            except ValueError as error:
                raise data_error(source, f"{table}.{quoted(key)}", str(error)) from None


def merged(wishes: Iterable[Wish], source: str) -> dict[Leaf, tuple[int, int]]:
    """Per leaf the packed value and mask of all wishes; DataError if two contradict each other."""
    out: dict[Leaf, tuple[int, int]] = {}
    for wish in wishes:
        for field, part, part_mask in wish.parts:
            if not part_mask:
                continue
            value, mask = part << field.shift, part_mask << field.shift
            old, old_mask = out.get(field.leaf, (0, 0))
            if (old ^ value) & mask & old_mask:
                raise data_error(source, wish.where, "contradicts another wish of this file for the same bits")
            out[field.leaf] = old | value, old_mask | mask
    return out


def _feature(name: str, wanted: bool) -> tuple[Part, ...]:
    field = catalog.find(name)
    if not field.is_bit:
        raise ValueError(f"is a field of {field.width} bits; wish it in [fields], as a number")
    return (Part(module_field(field), int(wanted) & 1, 1),)


def _field(key: str, value: int | str) -> tuple[Part, ...]:
    from tdxtui import words  # most models that are looked at have none

    parts = ((module_field(field), value) for field, value in words.parse_wish(key, value))
    return tuple(Part(field, value, full(field)) for field, value in parts)


def _register(key: str, wish: Any) -> tuple[Part, ...]:
    field = module_field(Field.parse(key))
    value_text, mask_text = (wish, None) if isinstance(wish, str) else (wish["value"], wish["mask"])
    value = parse_hex(value_text, field.width)
    mask = full(field) if mask_text is None else parse_hex(mask_text, field.width)
    if value & ~mask:
        raise ValueError(f"the value has bits {value & ~mask:#x} outside its mask")
    return (Part(field, value, mask),)


def full(field: Field) -> int:
    """The mask of all bits of a field, relative to it."""
    return (1 << field.width) - 1


@lru_cache(maxsize=8192)
def module_field(field: Field) -> Field:
    """The field as modules write it: with or without sub-leaf 0."""
    if field.leaf.subleaf in (None, 0) and catalog.title(field.leaf):
        subleaf = 0 if catalog.has_subleaves(field.leaf.leaf) else None
        return field._replace(leaf=Leaf(field.leaf.leaf, subleaf))
    return field
