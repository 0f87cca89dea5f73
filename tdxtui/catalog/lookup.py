"""From a name of any tool, plain or after its place, to the field that it means."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from tdxtui.catalog.index import LINUX_PREFIX, by_loose_name, loosen, owner, spelled
from tdxtui.catalog.named import Named, named
from tdxtui.catalog.tables import Row
from tdxtui.cpuid import Field, Leaf, Register

# Kept as text: compiled on first use by re itself, since most programs never ask for a qualified name.
_IN_REGISTER = r"(?P<place>.+?e[a-d]x)\.(?P<name>.+)"
_NUMBERED = r"[.:]e[a-d]x(?:\.\d+|\[[\d:]*\])\s*$"
_IN_LEAF = r"(?P<place>(?:0x)?[0-9a-f]{1,8}(?:\.(?:0x)?[0-9a-f]{1,8})?)\.(?P<name>.+)"


class UnknownName(ValueError):
    """No field has this name, and the text is no notation either.

    ``text`` is what was asked, ``nearest`` up to three names that come close and would be found: canonical ones,
    after their leaf if that was asked (``7.0.avx512f``); ``because`` tells what is wrong with a notation.
    """

    def __init__(self, text: str, nearest: tuple[str, ...], because: str = "") -> None:
        hint = f"; did you mean {', '.join(nearest)}?" if nearest else "; write a name or a bit such as 7.0.ebx.16"
        super().__init__(because or f"no CPUID field is called {text!r}{hint}")
        self.text = text
        self.nearest = nearest


class AmbiguousName(ValueError):
    """The tools use this name for several fields; ``candidates`` holds them, ``text`` what was asked."""

    def __init__(self, text: str, candidates: tuple[Named, ...]) -> None:
        choices = ", ".join(f"{candidate.field.key} ({candidate.name})" for candidate in candidates)
        super().__init__(f"{text!r} may mean any of {choices}")
        self.text = text
        self.candidates = candidates


class _Qualified(NamedTuple):
    """A name after the leaf, or the register, that it is looked for in."""

    leaf: Leaf
    register: Register | None
    name: str

    def admits(self, row: Row) -> bool:
        """Whether a field lies there."""
        return row.is_in(self.leaf) and self.register in (None, row.register)


@lru_cache(maxsize=8192)
def find(text: str) -> Field:
    """The field that a text means, in any case of letters.

    Takes the notations of ``Field.parse``, a name of any tool (``avx512f``, ``sse4.1``, ``X86_FEATURE_XMM4_1``;
    if no tool spells it so, ``-``, ``_`` and ``.`` are alike), or such a name after its leaf or register
    (``4.2.cache_type``, ``80000001.edx.fpu``, ``CPUID.01H:ECX.VMX``).
    A canonical name always means its own field; that of a field in many sub-leaves means the lowest sub-leaf.

    Raises UnknownName, or AmbiguousName where the tools disagree.
    """
    if "." not in text and ":" not in text:  # as every notation of a place has
        return _only(text, _candidates(text.strip().lower())).field
    try:
        return Field.parse(text)
    except ValueError as error:
        if re.search(_NUMBERED, text, re.IGNORECASE):
            raise UnknownName(text, (), str(error)) from None
        return _only(text, _candidates(text.strip().lower())).field


def _only(text: str, candidates: list[Named]) -> Named:
    if not candidates:
        raise UnknownName(text, _nearest(text.strip().lower()))
    if len(candidates) > 1:
        raise AmbiguousName(text, tuple(candidates))
    return candidates[0]


def _candidates(word: str) -> list[Named]:
    qualified = _qualified(word)
    own = owner(qualified.name if qualified else word)
    if own is not None and (qualified is None or qualified.admits(own)):
        return [named(own, qualified.leaf if qualified else None)]
    if found := spelled(word):
        return [named(row) for row in _preferred(word, found)]
    return _candidates_there(qualified) if qualified else []


def _preferred(word: str, found: list[Row]) -> list[Row]:
    """The rows that own a name, where it is but borrowed by the others."""
    if word.startswith(LINUX_PREFIX):
        owners = [row for row in found if row.names[-1].lower() == word.removeprefix(LINUX_PREFIX)]
    else:
        owners = [row for row in found if row.names[0] == word]
    return owners or found


def _candidates_there(qualified: _Qualified) -> list[Named]:
    # Leaf 80000001 repeats bits of leaf 1 under their names with e_ before; after the leaf the bare name is plain too.
    for name in (qualified.name, f"e_{qualified.name}"):
        there = [row for row in spelled(name) if qualified.admits(row)]
        if there:
            return [named(row, qualified.leaf) for row in there]
    return []


def _qualified(word: str) -> _Qualified | None:
    if match := re.fullmatch(_IN_REGISTER, word):
        try:
            place = Field.parse(match["place"])
        except ValueError:
            return None
        return _Qualified(place.leaf, place.register, match["name"])
    if match := re.fullmatch(_IN_LEAF, word):
        return _Qualified(Leaf.parse(match["place"].replace("0x", "")), None, match["name"])
    return None


def _nearest(word: str) -> tuple[str, ...]:
    from difflib import get_close_matches  # only an error needs it

    qualified = _qualified(word)
    wanted = qualified.name if qualified else word
    index = by_loose_name()
    loose = loosen(wanted.removeprefix(LINUX_PREFIX))
    beginning = sorted((name for name in index if name.startswith(loose)), key=len)[:2] if len(loose) > 1 else []
    close = list(dict.fromkeys([*beginning, *get_close_matches(loose, index, n=9)]))
    if qualified is None:
        return tuple(dict.fromkeys(index[name][0].names[0] for name in close))[:3]
    near = [row for name in close for row in index[name]]
    near.sort(key=lambda row: not qualified.admits(row))
    return tuple(dict.fromkeys(_qualified_name(row, qualified.leaf) for row in near))[:3]


def _qualified_name(row: Row, asked: Leaf) -> str:
    leaf = asked if row.is_in(asked) else row.first
    return f"{leaf.key}.{row.names[0]}"
