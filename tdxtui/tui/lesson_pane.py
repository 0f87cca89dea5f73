"""The pane above the grid that a lesson speaks in."""

from __future__ import annotations

from rich.segment import Segment

from tdxtui.learn.course import Course
from tdxtui.tui.fast import Framed
from tdxtui.tui.lesson_text import LETTERS, Line, lines
from tdxtui.tui.palette import Palette

FRAME = 2


def _title(course: Course, width: int) -> str:
    """Lesson and step; without the lesson's title where both have no room."""
    step = f"{course.at + 1} of {len(course.lesson.steps)}: {course.step.title}"
    whole = f"Lesson {course.lesson.number}: {course.lesson.title} · {step}"
    return (whole if len(whole) <= width else f"Lesson {course.lesson.number} · {step}")[:width]


class LessonPane(Framed):
    """Shows the present step of a course; what doesn't fit is cut, and then said to be."""

    def __init__(self, course: Course, palette: Palette, id: str | None = None) -> None:
        super().__init__("", palette, id)
        self._course = course
        self._lines: list[Line] = []
        self.folded = False

    def take(self, course: Course) -> None:
        """Show another course."""
        self._course = course

    def lay_out(self, width: int, most: int) -> int:
        """Wrap for a width; the height that it takes, at most that many lines."""
        course = self._course
        self._title = _title(course, max(width - 8, 10))
        self._lines = lines(course, self.palette, width - FRAME - 2, self.folded)
        if len(self._lines) + FRAME > most and not self.folded:
            # Where all of it has no room, what is to be done matters most.
            text, to_do = self._lines, lines(course, self.palette, width - FRAME - 2, True)
            room = max(most - FRAME - len(to_do) - 1, 0)
            cut = [[Segment("… (a larger window shows all)", self.palette.muted)]] if room else []
            self._lines = [*text[: max(room - 1, 0)], *cut, *to_do]
        self.redraw()
        return min(len(self._lines) + FRAME, most)

    @property
    def note(self) -> str:
        """The keys that this step knows, or that it is done: said here, so that the pane doesn't grow by it."""
        step = self._course.step
        if self._course.passed and (step.task or step.question):
            return "Done: . goes on"
        answers = "".join(LETTERS[: len(step.choices)])
        keys = [f"{' '.join(answers)} answer"] * bool(answers) + ["; hint"] * bool(step.hints)
        return "  ".join([*keys, ". next", ", back", "z fold"])

    def inner_line(self, y: int) -> list[Segment]:
        """A line of the step."""
        line = self._lines[y] if y < len(self._lines) else []
        return [Segment(" ", self.palette.text), *line]
