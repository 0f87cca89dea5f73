"""What the pane of a lesson says: text, task or question, hints, and how it stands."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from rich.segment import Segment
from rich.style import Style

from tdxtui.learn.course import Course
from tdxtui.tui.palette import Palette

LETTERS = "ABCD"
TRY_AGAIN = "Look at Why (z makes room for it), and try again."
Line = list[Segment]


def lines(course: Course, palette: Palette, width: int, folded: bool = False) -> list[Line]:
    """The present step in lines of that width; folded, only what there is to do."""
    out: list[Line] = []
    step = course.step
    if not folded:
        for paragraph in step.text.split("\n\n"):
            out += [*_wrapped(paragraph, palette.text, width), []]
    out += _to_do(course, palette, width)
    return out if out and out[-1] else out[:-1]


def _to_do(course: Course, palette: Palette, width: int) -> list[Line]:
    step, mark = course.step, "✓ " if course.passed else "▸ "
    out: list[Line] = []
    if step.task:
        out += _wrapped(f"{mark}{step.task}", palette.strong, width, "  ")
    if step.question:
        out += _wrapped(f"{mark}{step.question}", palette.strong, width, "  ")
        out += [line for text in _choices(course) for line in _wrapped(text, palette.text, width, "      ")]
    if course.hint and not course.passed:
        out += _wrapped(f"  Hint: {course.hint}", palette.muted, width, "  ")
    out += _verdict(course, palette, width)
    return out


def _choices(course: Course) -> Iterator[str]:
    """The answers to choose from; once the right one is chosen, that alone, for its explanation takes room."""
    for number, choice in enumerate(course.step.choices):
        if course.answered == course.right_answer != number:
            continue
        chosen = "●" if course.answered == number else " "
        yield f"  {chosen} {LETTERS[number]} {choice.text}"


def _verdict(course: Course, palette: Palette, width: int) -> list[Line]:
    """What the answer is worth."""
    step = course.step
    if not step.question or course.answered is None:
        return []
    right = course.answered == course.right_answer
    words = f"  {'Right' if right else 'No'}. {step.because if right else TRY_AGAIN}"
    return _wrapped(words, palette.name if right else palette.conflict, width, "  ")


def _wrapped(text: str, style: Style, width: int, indent: str = "") -> list[Line]:
    found = textwrap.wrap(text, max(width, 20), subsequent_indent=indent, break_on_hyphens=False)
    return [[Segment(line, style)] for line in found]
