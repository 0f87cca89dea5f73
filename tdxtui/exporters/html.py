"""One page of HTML for reading in a browser: the grid, a legend, every bit's reason and a search."""

from __future__ import annotations

from tdxtui.exporters.result import Written
from tdxtui.exporters.subject import Subject
from tdxtui.web_page import page

VERDICT = 2


def write(subject: Subject) -> Written:
    """The page; its last line is the ground, without the conflicts, which stand at its head."""
    ground = " · ".join(subject.ground[:VERDICT + 1]).removesuffix(":")
    return Written(page(subject.situation, ground))
