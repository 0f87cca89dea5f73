"""Which feature is of no use without which other, as operating systems treat them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from tdxtui.catalog.tables import table
from tdxtui.cpuid import Field


@cache
def needs() -> Mapping[Field, tuple[Field, ...]]:
    """The features, as single bits, that each feature needs directly."""
    found: dict[Field, tuple[Field, ...]] = {}
    for _, feature, _, needed in table("needs.csv"):
        bit = Field.parse(feature)
        found[bit] = (*found.get(bit, ()), Field.parse(needed))
    return found
