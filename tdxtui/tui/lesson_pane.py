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
    """Shows the present step of a course; a text that has no room is shown in pieces."""

    def __init__(self, course: Course, palette: Palette, id: str | None = None) -> None:
        super().__init__("", palette, id)
        self._course = course
        self._lines: list[Line] = []
        self.folded = False
        self._from, self._piece, self._length = 0, 0, 0

    def take(self, course: Course) -> None:
        """Show another course."""
        self._course = course

    def fold(self, folded: bool) -> None:
        """Show only what there is to do, or everything from its beginning."""
        self.folded, self._from = folded, 0

    def turn_over(self) -> bool:
        """On to the next piece of a text that has no room; whether there is one."""
        found = self._has_more
        self._from += self._piece if found else 0
        return found

    @property
    def _has_more(self) -> bool:
        return not self.folded and 0 < self._piece < self._length - self._from

    def lay_out(self, width: int, most: int) -> int:
        """Wrap for a width; the height that it takes, at most that many lines."""
        course = self._course
        self._title = _title(course, max(width - 8, 10))
        self._lines = lines(course, self.palette, width - FRAME - 2, self.folded)
        self._piece = 0
        if len(self._lines) + FRAME > most and not self.folded:
            self._take_piece(lines(course, self.palette, width - FRAME - 2, True), most - FRAME)
        self.redraw()
        return min(len(self._lines) + FRAME, most)

    def _take_piece(self, to_do: list[Line], room: int) -> None:
        """Where all of it has no room, what is to be done matters most; of the rest a piece is shown."""
        text = self._lines[: len(self._lines) - len(to_do)]
        self._length, self._piece = len(text), max(room - len(to_do) - 1, 0)
        self._from = min(self._from, max(self._length - self._piece, 0))
        more = [[Segment("… z shows more" if self._has_more else "", self.palette.muted)]] if self._piece else []
        self._lines = [*text[self._from : self._from + self._piece], *more, *to_do]

    @property
    def note(self) -> str:
        """The keys that this step knows, or that it is done: said here, so that the pane doesn't grow by it."""
        step = self._course.step
        if self._course.passed and (step.task or step.question):
            return "Done: . goes on"
        answers = "".join(LETTERS[: len(step.choices)])
        keys = [f"{' '.join(answers)} answer"] * bool(answers) + ["; hint"] * bool(step.hints)
        fold = "z more" if self._has_more else "z all" if self.folded else "z fold"
        return "  ".join([*keys, ". next", ", back", fold])

    def inner_line(self, y: int) -> list[Segment]:
        """A line of the step."""
        line = self._lines[y] if y < len(self._lines) else []
        return [Segment(" ", self.palette.text), *line]
