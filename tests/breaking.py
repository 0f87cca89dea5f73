"""What the tests of broken inputs share: good files with things replaced, and the errors that come of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tdxtui import library, model_file, module_file, platform_file
from tdxtui.errors import TdxtuiError

MODULE = library.DATA / "modules" / "1.5.06.toml"
GUEST_BITS_MODULE = library.DATA / "modules" / "1.5.34.toml"
PLATFORM = library.DATA / "platforms" / "granite-rapids.toml"
WIDEST = 200


def error_of(action: Callable[[], object]) -> str:
    """The error of an action, which must be one for people, of one line that fits a wide terminal."""
    with pytest.raises(TdxtuiError) as caught:
        action()
    text = str(caught.value)
    assert text.isprintable(), text
    assert len(text) <= WIDEST, text
    return text


def changed(source: Path, *changes: tuple[str, str]) -> str:
    """A good file's text with things replaced, each at its first place."""
    text = source.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def module_error(text: str) -> str:
    return error_of(lambda: module_file.parse(text, "m.toml"))


def platform_error(text: str) -> str:
    return error_of(lambda: platform_file.parse(text, "p.toml", "p"))


def model_error(text: str) -> str:
    return error_of(lambda: model_file.parse(text, "w.toml"))


def case(name: str, *rest: str) -> Any:
    return pytest.param(*rest, id=name)
