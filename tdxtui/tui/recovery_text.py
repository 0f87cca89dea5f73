"""What the dialog says that offers edits again which were never saved."""

from __future__ import annotations

import time
from pathlib import Path

from tdxtui.journal import Draft

ANSWERS = (("r", "recover"), ("d", "discard"))
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def recovery_text(draft: Draft, differs: bool, now: float) -> str:
    """What was edited, when, how much, and whether the file was written by somebody else since."""
    name = Path(draft.path).name if draft.path else f"{draft.model.name} (never saved)"
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(draft.when))
    lines = [f"{name} was being edited when tdxtui ended without saving it.", "", f"  {when}, {age(now - draft.when)}"]
    lines.append(f"  on module {draft.module}, CPU {draft.platform or 'none'}")
    lines.append(f"  {draft.edits} edit{'s' * (draft.edits != 1)}" + (", the last:" if draft.labels else ""))
    lines += [f"    {label}" for label in draft.labels]
    if differs:
        lines += ["", "The file has other content now than when these edits began; to save asks first."]
    return "\n".join([*lines, ""])


def age(seconds: float) -> str:
    """How long ago that is, in one unit."""
    for size, name in _UNITS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'s' * (count != 1)} ago"
    return "just now"
