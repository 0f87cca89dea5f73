"""Caches (leaf 4, AMD's 8000001D) and TLBs (leaf 18): size, form and place in one line, and caches back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod

from tdxtui.strict import shown
from tdxtui.words.compound import Parts, Recipe
from tdxtui.words.numbers import amount, counted, size
from tdxtui.words.table import codec_named

_TYPE_BITS = 5
_FACTORS = ("nways", "npartitions", "linesize", "nsets")
_PATTERNS = {
    "nways": re.compile(r"([0-9,]+)[ -]ways?"),
    "nsets": re.compile(r"([0-9,]+) sets?"),
    "npartitions": re.compile(r"([0-9,]+) partitions?"),
    "linesize": re.compile(r"([0-9,]+)[ -]bytes? lines?"),
}
_PLACE = re.compile(r"l([0-7]) ([a-z]+)(?: cache)?")
_EXAMPLE = "2 MiB, 16 ways, 64-byte lines"


def cache_size(parts: Parts) -> str:
    """``48 KiB``: ways * partitions * line size * sets, each one more than its field (SDM, CPUID leaf 4)."""
    return size(prod(parts[name] + 1 for name in _FACTORS))


def cache(parts: Parts) -> str:
    """``L1 data, 48 KiB, 12 ways, 64 sets, 64-byte lines``; ``no cache`` if the type is none."""
    if not parts["type"]:
        return "no cache"
    words = [f"L{parts['level']} {codec_named('cache_type', _TYPE_BITS).decode(parts['type'])}", cache_size(parts)]
    words += [counted(parts["nways"] + 1, "ways"), counted(parts["nsets"] + 1, "sets")]
    words += [f"{parts['linesize'] + 1:,}-byte lines"]
    words += [counted(parts["npartitions"] + 1, "partitions")] if parts["npartitions"] else []
    return ", ".join(words)


def write_cache_size(text: str) -> Parts:
    """The four factors for a size and all but one of ways, sets and line size; partitions are 1 unless said.

    A size alone doesn't say its factors, and is refused like one that the factors don't give.
    """
    given = _parsed("cache_size", text)
    return {name: given[name] - 1 for name in _FACTORS}


def write_cache(text: str) -> Parts:
    """The factors, and level and type, for words such as ``L2 unified, 2 MiB, 16 ways, 64-byte lines``."""
    place, _, rest = text.partition(",")
    match = _PLACE.fullmatch(place.strip().lower())
    if match is None:
        raise ValueError(f"'cache' is level, type, size and form, such as 'L2 unified, {_EXAMPLE}', not {_said(text)}")
    kind = codec_named("cache_type", _TYPE_BITS).encode(match[2])
    return {"level": int(match[1]), "type": kind, **write_cache_size(rest)}


def _parsed(name: str, text: str) -> Mapping[str, int]:
    try:
        pairs = [_part(part) for part in re.split(r",\s+", text.strip().lower())]
        return _solved({"npartitions": 1, **dict(pairs)}, twice=len(dict(pairs)) < len(pairs))
    except (ValueError, ZeroDivisionError):
        expected = f"a size and all but one of ways, sets and line size, which agree, such as '{_EXAMPLE}'"
        raise ValueError(f"{name!r} is {expected}, not {_said(text)}") from None


def _part(text: str) -> tuple[str, int]:
    for name, pattern in _PATTERNS.items():
        if match := pattern.fullmatch(text):
            return name, amount(match[1])
    return "size", amount(text, "bytes")


def _solved(given: dict[str, int], twice: bool) -> dict[str, int]:
    """All factors, the missing one computed; ValueError if more are missing or they don't give the size."""
    missing = [name for name in _FACTORS if name not in given]
    if twice or len(missing) > 1 or (missing and "size" not in given):
        raise ValueError(missing)
    if missing:
        given[missing[0]] = given["size"] // prod(given[name] for name in _FACTORS if name in given)
    whole = prod(given[name] for name in _FACTORS)
    if not whole or given.get("size", whole) != whole:
        raise ValueError(whole)
    return given


def _said(text: str) -> str:
    return shown(repr(text), 40)


def tlb(parts: Parts) -> str:
    """``L1 data TLB, 4K pages, 96 entries, 6 ways, 16 sets`` (SDM, CPUID leaf 18); ``no TLB`` if the type is none."""
    if not parts["type"]:
        return "no TLB"
    pages = "/".join(page for page in ("4K", "2M", "4M", "1G") if parts[f"{page.lower()}_page"])
    kind = codec_named("tlb_type", _TYPE_BITS).decode(parts["type"])
    form = "fully associative" if parts["fully_associative"] else counted(parts["ways"], "ways")
    entries, sets = counted(parts["ways"] * parts["sets"], "entries"), counted(parts["sets"], "sets")
    return f"L{parts['cache_level']} {kind} TLB, {pages or 'no'} pages, {entries}, {form}, {sets}"


_CACHE = ("level", "type", *_FACTORS)
_TLB = ("type", "cache_level", "ways", "sets", "fully_associative", "4k_page", "2m_page", "4m_page", "1g_page")
RECIPES = (
    Recipe("cache", 4, _CACHE, cache, write_cache, prefix="cache_"),
    Recipe("cache_size", 4, _FACTORS, cache_size, write_cache_size, prefix="cache_", line=""),
    Recipe("amd_cache", 0x8000001D, _CACHE, cache, prefix="amd_cache_"),
    Recipe("tlb", 0x18, _TLB, tlb, prefix="tlb_"),
)
