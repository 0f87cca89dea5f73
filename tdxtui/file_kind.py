"""Which of tdxtui's own TOML files some bytes are, by their keys and tables: a suffix tells nothing."""

from __future__ import annotations

import re
from pathlib import Path

from tdxtui.strict import data_error, read_bytes

MODEL, PLATFORM, MODULE = "model", "platform", "module"

_SIGNS = {
    MODULE: re.compile(rb"^\[entry\.", re.MULTILINE),
    PLATFORM: re.compile(rb"^\[cpuid\]", re.MULTILINE),
    MODEL: re.compile(
        rb"^(?:\xef\xbb\xbf)?format[ \t]*=[ \t]*[0-9]|^\[(?:td|features|fields|registers)\]", re.MULTILINE
    ),
}


def kind_of(data: bytes) -> str | None:
    """model, platform or module; None for another file, and for a model that has none of a model's tables."""
    return next((kind for kind, sign in _SIGNS.items() if sign.search(data)), None)


_CALLED = {MODEL: "vCPU model", PLATFORM: "platform", MODULE: "TDX module"}


def demand(kind: str, path: Path) -> None:
    """Raise DataError for a file of one of the other kinds: better than what its keys are, to who mistook it."""
    found = kind_of(read_bytes(path))
    if found not in (None, kind):
        raise data_error(str(path), "", f"is no {_CALLED[kind]} but a {_CALLED[found]}")
