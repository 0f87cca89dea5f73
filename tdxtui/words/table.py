"""Which codec a field has, by ``data/catalog/words.csv``, read on first use and kept.

A row is a canonical name of fields.csv and a codec: ``number`` with unit, bias and scale, ``power`` with unit, ``hex``,
``text``, ``choice`` and ``items`` with their words, ``bits``. What they mean follows the SDM, volume 2A, CPUID.
"""

from __future__ import annotations

import csv
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from tdxtui.cpuid import Field
from tdxtui.words.choices import Bits, Choice, Items
from tdxtui.words.codec import Codec, Letters, YesNo
from tdxtui.words.names import name_of
from tdxtui.words.numbers import Hex, Number, Plain, Power

_FILE = Path(__file__).parents[1] / "data" / "catalog" / "words.csv"


class _Row(NamedTuple):
    name: str
    codec: str
    unit: str
    bias: str
    scale: str
    words: str


@lru_cache(maxsize=4096)
def codec_of(field: Field) -> Codec:
    """The codec of a field; a plain number for one that the catalogue or the table doesn't have."""
    if field.is_bit:
        return YesNo(1)
    return codec_named(name_of(field), field.width)


@lru_cache(maxsize=1024)
def codec_named(name: str, width: int) -> Codec:
    """The codec of the fields of a canonical name, so many bits wide."""
    row = _rows().get(name)
    return _build(row, width) if row else Plain(width)


def _build(row: _Row, width: int) -> Codec:
    match row.codec:
        case "number":
            return Number(width, row.unit, int(row.bias or 0), int(row.scale or 1))
        case "power":
            return Power(width, row.unit)
        case "choice":
            return Choice.parse(width, row.words)
        case "items":
            return Items(width, row.words.split())
        case simple:
            return _SIMPLE[simple](width)


_SIMPLE: dict[str, type[Hex | Letters | Bits]] = {"hex": Hex, "text": Letters, "bits": Bits}


@cache
def _rows() -> dict[str, _Row]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        return {line[0]: _Row(*line) for line in list(csv.reader(file))[1:]}
