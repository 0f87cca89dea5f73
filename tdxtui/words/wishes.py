"""Wishes of a model file in words: a key and a human value for fields' bits, and back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tdxtui import catalog
from tdxtui.cpuid import Field, Leaf
from tdxtui.words.fields import decode, encode
from tdxtui.words.names import canonical, in_many, key_of, multi_bit_fields, name_of
from tdxtui.words.table import codec_of

if TYPE_CHECKING:
    from tdxtui.words.compound import Quantity

_QUALIFIED = r"(?P<leaf>[0-9A-Fa-f]{1,8}(?:\.[0-9A-Fa-f]{1,8})?)\.(?P<name>.+)"


def parse_wish(key: str, value: int | str) -> tuple[tuple[Field, int], ...]:
    """The fields that a key means, each with the bits that the value, in words, wishes for it.

    A key is a field's name (``n_logical_cpu``), the name after its leaf where several sub-leaves have the field
    (``4.0.cache_nways``), or a quantity that can be written (``family_model_stepping``, ``4.2.cache_size``). Values
    are as `encode` and `Quantity.write` take them. Fields have the leaf as TDX modules write it.

    Raises ValueError, in one sentence, for a key or value that means nothing.
    """
    try:
        field = _find(key)
    except ValueError:
        found = _quantity(key)
        if found is None:
            raise
        return _write(found, value)
    return ((field, encode(field, value)),)


def _quantity(key: str) -> Quantity | None:
    from tdxtui.words.recipes import quantity  # most wishes are of single fields, and the screen waits for them

    return quantity(key)


def written(leaf: Leaf, value: int, mask: int) -> tuple[dict[str, int | str], int]:
    """Keys and human values for the wished bits (mask) of a leaf's packed value, and the mask of what is left over.

    Every multi-bit field of the catalogue that is wholly in the mask is a key that `parse_wish` takes, which gives
    the same bits back; plain numbers are ints. Identity strings and 1.EAX's family, model and stepping go together.
    """
    from tdxtui.words.recipes import quantities

    wishes: dict[str, int | str] = {}
    entry = canonical(leaf)
    for found in quantities(entry):
        if found.recipe.whole and _reproduces(found, value, mask):
            wishes[found.key] = _read(found, value)
            mask &= ~found.mask
    for field in multi_bit_fields(entry):
        if mask & field.mask == field.mask:
            wishes[key_of(field)] = _human(field, field.get(value))
            mask &= ~field.mask
    return wishes, mask


def _find(key: str) -> Field:
    field = catalog.find(key)
    match = re.fullmatch(_QUALIFIED, key.strip())
    name = name_of(field)
    if in_many(name) and not (match and "." in match["leaf"]):
        raise ValueError(f"{key!r} is in several sub-leaves; name one, as in '{catalog.find(name).leaf}.{name}'")
    return field._replace(leaf=canonical(field.leaf))


def _write(found: Quantity, value: int | str) -> tuple[tuple[Field, int], ...]:
    if found.recipe.refusal:
        raise ValueError(found.recipe.refusal)
    return found.write(str(value))


def _reproduces(found: Quantity, value: int, mask: int) -> bool:
    wanted = found.mask
    if mask & wanted != wanted:
        return False
    try:
        return dict(found.write(_read(found, value))) == {field: field.get(value) for field in found.fields}
    except ValueError:
        return False


def _read(found: Quantity, value: int) -> str:
    return found.read({field: field.get(value) for field in found.fields})


def _human(field: Field, value: int) -> int | str:
    words = decode(field, value)
    digits = words.replace(",", "")
    return int(digits) if codec_of(field).numeric and digits.isdecimal() else words
