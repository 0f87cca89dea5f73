"""The model file with [validated]: all that was found to come of it, so that a VMM can use the file as it is."""

from __future__ import annotations

from tdxtui.exported import exported
from tdxtui.exporters.result import Written
from tdxtui.exporters.subject import Subject


def write(subject: Subject) -> Written:
    """The text; nothing is lost, comments included."""
    return Written(exported(subject.model, allow_conflicts=True))
