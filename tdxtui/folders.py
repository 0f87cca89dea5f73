"""Where things of the user's lie, by the XDG base directory rules. Nothing here makes a folder."""

from __future__ import annotations

import os
from pathlib import Path


def state() -> Path:
    """What the program remembers between runs: $XDG_STATE_HOME/tdxtui, by default ~/.local/state/tdxtui."""
    return _home("XDG_STATE_HOME", "~/.local/state")


def config() -> Path:
    """What the user sets: $XDG_CONFIG_HOME/tdxtui, by default ~/.config/tdxtui."""
    return _home("XDG_CONFIG_HOME", "~/.config")


def recovery() -> Path:
    """The journals of edits that are not saved."""
    return state() / "recovery"


def _home(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or os.path.expanduser(default)) / "tdxtui"  # noqa: PTH111 (~ may be unknown)
