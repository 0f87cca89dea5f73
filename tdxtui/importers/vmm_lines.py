"""What the command lines of the smaller VMMs have in common: options with ``key=value`` lists."""

from __future__ import annotations

import re
from collections.abc import Sequence


def values(words: Sequence[str], *keys: str) -> list[str]:
    """The values of an option, written ``--key value`` or ``--key=value``."""
    out = []
    for number, word in enumerate(words):
        key, equals, value = word.partition("=")
        if key in keys and equals:
            out.append(value)
        elif word in keys and number + 1 < len(words):
            out.append(words[number + 1])
    return out


def pairs(text: str) -> dict[str, str]:
    """A list ``a=1,b=2`` as a table; a word alone has an empty value. Brackets hold their commas together."""
    out: dict[str, str] = {}
    for word in re.split(r",(?![^\[]*\])", text):
        key, _, value = word.partition("=")
        if key.strip():
            out[key.strip()] = value.strip()
    return out
