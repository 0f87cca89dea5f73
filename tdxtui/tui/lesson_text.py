"""What the pane of a lesson says: text, task or question, hints, and how it stands."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from rich.segment import Segment
from rich.style import Style

from tdxtui.learn.course import Course
from tdxtui.tui.palette import Palette

LETTERS = "ABCD"
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
    for number, choice in enumerate(course.step.choices):
        chosen = "●" if course.answered == number else " "
        yield f"  {chosen} {LETTERS[number]} {choice.text}"


def _verdict(course: Course, palette: Palette, width: int) -> list[Line]:
    """What the answer is worth; that the task is done."""
    step = course.step
    if step.question and course.answered is not None:
        right = course.answered == course.right_answer
        words = f"  {'Right' if right else 'No'}. {step.because if right else 'Look at Why, and try again.'}"
        return _wrapped(words, palette.name if right else palette.conflict, width, "  ")
    if step.task and course.passed:
        return _wrapped(f"  Done. {'That was the last step.' if course.is_last else '. goes on.'}", palette.name, width)
    return []


def _wrapped(text: str, style: Style, width: int, indent: str = "") -> list[Line]:
    found = textwrap.wrap(text, max(width, 20), subsequent_indent=indent, break_on_hyphens=False)
    return [[Segment(line, style)] for line in found]
