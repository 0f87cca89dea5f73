"""Small things that the screen remembers between runs: that the first hint was shown, the theme that was chosen."""

from __future__ import annotations

from typing import Any

from tdxtui import folders
from tdxtui.errors import TdxtuiError
from tdxtui.strict import parse_toml, read_text

FILE = "remembered.toml"


def recall() -> dict[str, Any]:
    """What is remembered; nothing if there is nothing, or it can't be read."""
    path = folders.state() / FILE
    try:
        return parse_toml(read_text(path), str(path)) if path.exists() else {}
    except (OSError, TdxtuiError):
        return {}


def remember(**things: Any) -> bool:
    """Remember something besides the rest; whether that could be. What can't be is asked or told again next time."""
    import tomli_w

    from tdxtui.model_file import atomic

    try:
        folders.state().mkdir(mode=0o700, parents=True, exist_ok=True)
        atomic.write(folders.state() / FILE, tomli_w.dumps(recall() | things).encode(), backup=False)
    except (OSError, TdxtuiError):
        return False
    return True
