"""The words of [fields]: how a key says the values of its bits."""

from __future__ import annotations

from collections.abc import Iterator

from tdxtui import words
from tdxtui.model_file.wishes import Part, Wish, full, module_field


def reworded(key: str, parts: tuple[Part, ...]) -> int | str | None:
    """The number or words for a key, None if bits of it aren't wished any more or it can't say their values."""
    if any(part.mask != full(part.field) for part in parts):
        return None
    return next((value for value in _wordings(key, parts) if says(key, value, parts)), None)


def wording(wish: Wish, value: int | str) -> tuple[str, int | str]:
    """The canonical key and value for a wish, its own if there is no other."""
    found = words.quantity(wish.key)
    keys = dict.fromkeys([*_written(wish.parts), *([found.key] if found else []), wish.key])
    for key in keys:
        new = reworded(key, wish.parts)
        if new is not None:
            return key, new
    return wish.key, value


def _written(parts: tuple[Part, ...]) -> dict[str, int | str]:
    leaf = parts[0].field.leaf
    packed = sum(part.value << part.field.shift for part in parts)
    return words.written(leaf, packed, sum(part.field.mask for part in parts))[0]


def _wordings(key: str, parts: tuple[Part, ...]) -> Iterator[int | str]:
    quantity = words.quantity(key)
    if quantity is not None:
        yield quantity.read({part.field: part.value for part in parts})
    yield from _written(parts).values()


def says(key: str, value: int | str, parts: tuple[Part, ...]) -> bool:
    """Whether a key with a value is a wish for just these parts."""
    try:
        found = words.parse_wish(key, value)
    except ValueError:
        return False
    return {Part(module_field(field), number, full(field)) for field, number in found} == set(parts)
