"""tdxtui's rules: numbered sentences on what the modules do, which every reason and refusal cites.

They are numbered after the order in which the module's own code works: 1 start-up, 2 ATTRIBUTES, 3 XFAM, 4 each entry
of CPUID, 5 special leaves, 6 what the host reads, 7 run time. Then come letters for what later versions changed: A to
1.5.05 and B to 1.5.06 (what running these two showed of it is 5.C, 5.T, 6.C and 6.T), C to 1.5.08, D to 1.5.09, E to
1.5.16, F to 1.5.28, G to 1.5.34, H to 2.0. I is what is taken to hold where a version couldn't be read.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

_FILE = Path(__file__).parent / "data" / "catalog" / "rules.csv"

# Neither part of a version (1.5.06) nor of a bit's notation (7.1.eax.6): those go on after the number.
_CITED = re.compile(r"(?<![\w.])(?:[1-7]\.[CT]?[1-9]\d?|[A-I][1-9]\d?(?:\.[1-9])?)(?!\.*\w)")
_PARTS = re.compile(r"(.*?)(\d{0,4})", re.DOTALL)


# Rules on single leaves: of a statement on many, only those on a bit's own leaf are its reason.
_LEAVES = {
    "5.2": ("1",), "5.4": ("7.0",), "5.5": ("7.1", "7.2"), "5.7": ("d.",), "5.8": ("14.", "1c", "1d."),
    "5.T22": ("7.1",), "5.T23": ("7.1",), "6.T13": ("7.1",),
}


class Rule(NamedTuple):
    """Something that modules do, in one or two sentences."""

    number: str
    title: str
    sentence: str


def rules() -> tuple[Rule, ...]:
    """All rules in their order."""
    return tuple(_by_number().values())


def rule(number: str) -> Rule | None:
    """The rule of a number, in any case of letters."""
    return _by_number().get(number.upper())


def cited(text: str) -> list[str]:
    """The rule numbers within a text such as ``5.1, E2, I2``, whether or not there are such rules."""
    return _CITED.findall(text)


def on_leaf(numbers: str, key: str) -> str:
    """Of the rules that a statement cites those on an entry, by its short notation; all of them if none is."""
    every = numbers.split(", ")
    kept = [number for number in every if any(key.startswith(leaf) for leaf in _LEAVES.get(number, (key,)))]
    return ", ".join(kept) or numbers


def nearest(number: str, count: int = 4) -> list[str]:
    """The numbers that look most like one that is unknown: of its section the closest, else by their spelling."""
    section, place = _split(f"{number}." if number.isdigit() else number.upper())
    inside = [known for known in _by_number() if _split(known)[0] == section]
    if inside:
        return sorted(inside, key=lambda known: abs(_split(known)[1] - place))[:count]
    from difflib import get_close_matches  # only an error needs it

    return get_close_matches(number.upper(), _by_number(), n=count, cutoff=0.5)


@cache
def _by_number() -> dict[str, Rule]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        return {row[0]: Rule(*row) for row in list(csv.reader(file))[1:]}


def _split(number: str) -> tuple[str, int]:
    """A number's section and its place in it: ``5.C`` and 3."""
    found = _PARTS.fullmatch(number)
    return (found[1], int(found[2] or 0)) if found else (number, 0)
