"""Reports in columns, no line wider than `WIDTH`: where, what it is called, what is to be said of it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

WIDTH = 100
PLACE, NAME = 22, 22
INDENT = 2


def row(place: str, name: str, text: str, place_width: int = PLACE, name_width: int = NAME) -> list[str]:
    """One row, the text wrapped within its own column; a place or name that is too wide has a line of its own."""
    start = INDENT + place_width + 1 + (name_width + 1 if name_width else 0)
    head = f"{' ' * INDENT}{place:{place_width}} "
    head += f"{name:{name_width}} " if name_width else ""
    if len(head) > start:
        return [*_wrapped(head.rstrip(), INDENT + 2), *_wrapped(" " * start + text, start)] if text else [head.rstrip()]
    return _wrapped(head + text, start)


def section(title: str, rows: Iterable[list[str]]) -> list[str]:
    """A blank line, a title, and its rows; nothing if there are no rows."""
    lines = [line for one in rows for line in one]
    return ["", *textwrap.wrap(title, WIDTH), *lines] if lines else []


def sentences(texts: Iterable[str]) -> list[str]:
    """Sentences, each from a new line on."""
    return [line for text in texts for line in _wrapped(text, len(text) - len(text.lstrip()))]


def counted(number: int, noun: str) -> str:
    """``1 bit``, ``2 bits``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _wrapped(text: str, indent: int) -> list[str]:
    if len(text) <= WIDTH:
        return [text.rstrip()]
    body = text[indent:]
    lines = textwrap.wrap(body, WIDTH - indent, break_long_words=True, break_on_hyphens=False)
    return [f"{text[:indent]}{lines[0]}", *(" " * indent + line for line in lines[1:])]
