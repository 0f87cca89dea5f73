"""Every key of every binding does what it is for, pressed on the screen; a binding without a case is told by name."""

from __future__ import annotations

import importlib
from collections import defaultdict
from pathlib import Path

import pytest

from tests.tui.bindings import CASES, ELSEWHERE, every_binding, make_ready, press
from tests.tui.screen import opened, written


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A model with two conflicts."""
    return written(tmp_path / "keys.toml")


def test_no_binding_is_without_a_test() -> None:
    found = {(kind.__name__, item.action) for kind, item in every_binding()}
    assert len(found) > 80
    assert sorted(found - CASES.keys() - ELSEWHERE.keys()) == [], "each needs a case in tests/tui/bindings.py"
    assert sorted((CASES.keys() | ELSEWHERE.keys()) - found) == [], "cases of bindings that are gone"
    for module, test in ELSEWHERE.values():
        assert callable(getattr(importlib.import_module(f"tests.tui.{module}"), test, None)), test


async def test_every_key_does_what_it_is_for(model: str) -> None:
    keys: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for kind, item in every_binding():
        keys[kind.__name__, item.action] += item.key.split(",")
    wrong = []
    async with opened(model) as screen:
        # What is saved can't be taken back for the next case, so that one comes last.
        for binding, case in sorted(CASES.items(), key=lambda pair: pair[0] == ("TdxApp", "save")):
            for key in keys[binding]:
                await make_ready(screen, case.at, case.pane)
                await press(screen, *case.keys)
                before = case.after(screen)
                await press(screen, key.strip())
                if before or not case.after(screen):
                    wrong.append(f"{binding}: {key}{' was so before' if before else ''}: {screen.status}")
    assert not wrong, "\n".join(wrong)
