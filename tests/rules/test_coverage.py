"""Every rule of C to H has a test of its own or a stated reason to have none, and every reading has a test."""

from __future__ import annotations

import re
from pathlib import Path

from .uncovered import UNCOVERED

RULES = {"C": 5, "D": 9, "E": 6, "F": 2, "G": 6, "H": 6}
FILES = ("test_section_[c-h]*.py", "test_readings.py", "test_platform_facts.py")
READINGS = {f"I{n}" for n in range(1, 11)}


def named_rules() -> set[str]:
    """The rules that open a test's name in the files of sections C to I."""
    paths = (path for pattern in FILES for path in Path(__file__).parent.glob(pattern))
    sources = (path.read_text(encoding="utf-8") for path in paths)
    return {rule.upper() for source in sources for rule in re.findall(r"^def test_([c-i]\d+)_", source, re.MULTILINE)}


def test_every_rule_is_tested_or_explained() -> None:
    rules = {f"{section}{n}" for section, count in RULES.items() for n in range(1, count + 1)}
    assert rules - named_rules() == set(UNCOVERED)


def test_no_explained_rule_is_tested() -> None:
    assert not named_rules() & set(UNCOVERED)


def test_every_reason_is_one_sentence() -> None:
    for reason in UNCOVERED.values():
        assert reason.endswith(".") and reason.count(". ") == 0


def test_every_reading_is_tested() -> None:
    assert named_rules() >= READINGS


def test_each_step_of_d5_is_tested() -> None:
    source = (Path(__file__).parent / "test_section_d_run_time.py").read_text(encoding="utf-8")
    assert set(re.findall(r"^def test_d5_(\d)_", source, re.MULTILINE)) == set("1234567")
