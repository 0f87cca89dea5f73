"""How far a learner has come, kept in the state folder."""

from __future__ import annotations

import json

from tdxtui import folders
from tdxtui.errors import TdxtuiError

FILE = "lessons.json"


def load() -> dict[str, int]:
    """The steps done by lesson; nothing where there is no such file, or one that can't be read."""
    try:
        found = json.loads((folders.state() / FILE).read_bytes())
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
        folders.state().mkdir(parents=True, exist_ok=True)
        atomic.write(folders.state() / FILE, json.dumps({**known, name: steps}, indent=1).encode(), backup=False)
    except (OSError, TdxtuiError):
        return
