"""How far a learner has come, kept in the state folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tdxtui.errors import TdxtuiError

FILE = "lessons.json"


def state_folder() -> Path:
    """Where tdxtui keeps what it remembers: $XDG_STATE_HOME/tdxtui, by default ~/.local/state/tdxtui."""
    home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(home).expanduser() / "tdxtui"


def load() -> dict[str, int]:
    """The steps done by lesson; nothing where there is no such file, or one that can't be read."""
    try:
        found = json.loads((state_folder() / FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: steps for name, steps in found.items() if isinstance(steps, int) and steps > 0}


def record(name: str, steps: int) -> None:
    """Remember that so many steps of a lesson are done; a folder that can't be written forgets, silently."""
    known = load()
    if known.get(name, 0) >= steps:
        return
    from tdxtui.model_file import atomic

    try:
        state_folder().mkdir(parents=True, exist_ok=True)
        atomic.write(state_folder() / FILE, json.dumps({**known, name: steps}, indent=1).encode(), backup=False)
    except (OSError, TdxtuiError):
        return
