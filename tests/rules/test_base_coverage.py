"""Every rule of 1.5.01, 1.5.05 and 1.5.06 that states behaviour has a test of its own."""

from __future__ import annotations

import re
from pathlib import Path

# How many rules each section has.
SECTIONS = {1: 10, 2: 3, 3: 3, 4: 7, 5: 12, 6: 3, 7: 4}
CHANGES = {"5c": 14, "6c": 8}
UNTESTED = {
    "5c14": "import of a TD, which the engine doesn't compute (source only)",
}


def named() -> set[str]:
    """The rules that open, or stand in, a test's name."""
    sources = (path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_base_*.py"))
    names = [name for source in sources for name in re.findall(r"^def test_(\w+)", source, re.MULTILINE)]
    return {rule for name in names for rule in re.findall(r"(?:^|and_)(\d_\d+|[56]c\d+)(?=_)", name)}


def test_every_rule_has_a_test() -> None:
    rules = {f"{section}_{n}" for section, count in SECTIONS.items() for n in range(1, count + 1)}
    rules |= {f"{change}{n}" for change, count in CHANGES.items() for n in range(1, count + 1)}
    assert rules - named() == set(UNTESTED)


def test_no_test_names_a_rule_that_there_is_not() -> None:
    assert not named() & set(UNTESTED)
    for rule in named():
        head, _, number = rule.partition("_")
        if number:
            assert int(number) <= SECTIONS[int(head)]
        else:
            assert int(rule[2:]) <= CHANGES[rule[:2]]
