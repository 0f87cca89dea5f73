"""What the tests of words share: fields, the catalogue's tables, a real CPU's values."""

from __future__ import annotations

import csv
from functools import cache

from hypothesis import strategies as st

from tdxtui import catalog, library
from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.words import parse_wish, quantity
from tdxtui.words.names import canonical

DATA = library.DATA / "catalog"
EXHAUSTIVE = 12
PACKED = st.integers(0, ALL_ONES)
SAPPHIRE_RAPIDS = "sapphire-rapids"


@cache
def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def multi_bit() -> dict[str, Field]:
    """Every multi-bit field of the catalogue, by name, at its lowest sub-leaf."""
    wide = [row["name"] for row in rows("fields.csv") if row["msb"] != row["lsb"]]
    return {name: catalog.find(name) for name in wide}


@cache
def entries() -> tuple[Leaf, ...]:
    """One entry, as TDX modules write it, of every leaf and sub-leaf range that has multi-bit fields."""
    return tuple(dict.fromkeys(canonical(field.leaf) for field in multi_bit().values()))


def field_of(key: str) -> Field:
    return parse_wish(key, "0x0")[0][0]


def native(key: str) -> int:
    return library.platform(SAPPHIRE_RAPIDS).cpuid.at(Leaf.parse(key))


def read(key: str, packed: int) -> str:
    found = quantity(key)
    assert found is not None
    return found.read({field: field.get(packed) for field in found.fields})


def write(key: str, text: str) -> dict[str, int]:
    found = quantity(key)
    assert found is not None
    return {catalog.name_at(field.leaf, field.register, field.lsb): value for field, value in found.write(text)}
