"""What a search among things to do finds."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple


class Hit(NamedTuple):
    """A line of the list: a short word before it (a key), what it is, where it holds, and what Enter does."""

    word: str
    text: str
    where: str
    run: Callable[[], None]


def fits(words: str, *texts: str) -> bool:
    """Whether each word that was typed is somewhere in the texts, "goto" also in "go to"."""
    within = "\n".join(texts).lower()
    parts = within.split()
    pairs = [f"{one}{other}" for one, other in pairwise(parts)]
    return all(word in within or any(pair.startswith(word) for pair in pairs) for word in words.split())
