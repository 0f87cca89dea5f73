"""Small things that the screen remembers between runs: that the first hint was shown, the theme that was chosen."""

from __future__ import annotations

from typing import Any

from tdxtui import folders
from tdxtui.errors import TdxtuiError

FILE = "remembered.json"


def recall() -> dict[str, Any]:
    """What is remembered; nothing if there is nothing, or it can't be read."""
    try:
        data = (folders.state() / FILE).read_bytes()
    except OSError:
        return {}
    import json

    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def remember(**things: Any) -> bool:
    """Remember something besides the rest; whether that could be. What can't be is asked or told again next time."""
    import json

    from tdxtui.model_file import atomic

    try:
        folders.state().mkdir(mode=0o700, parents=True, exist_ok=True)
        atomic.write(folders.state() / FILE, json.dumps(recall() | things).encode(), backup=False)
    except (OSError, TdxtuiError):
        return False
    return True
