"""The screen with a lesson above its grid: the engine judges what is done on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.theme import Theme

from tdxtui import learn
from tdxtui.dynamic import GuestState
from tdxtui.editor import Outcome
from tdxtui.learn.course import Course
from tdxtui.learn.stand import Stand
from tdxtui.tui.app import TdxApp
from tdxtui.tui.layout import MIN_HEIGHT, MIN_WIDTH
from tdxtui.tui.lesson_pane import LessonPane
from tdxtui.tui.lesson_text import LETTERS
from tdxtui.tui.palette import Palette

SHARE = 0.5
LEAST_GRID, LEAST_LESSON = MIN_HEIGHT, 7


class LessonApp(TdxApp, whole=True):
    """`TdxApp` taking a course. Nothing of its document is worth keeping, so it asks for nothing on leaving."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("full_stop", "step(1)", "Lesson: next step"),
        Binding("comma", "step(-1)", "Lesson: previous step"),
        Binding("semicolon", "hint", "Lesson: a hint"),
        Binding("z", "fold", "Lesson: the rest; only what there is to do"),
        *(Binding(letter, f"answer({number})", f"Lesson: answer {letter}") for number, letter in enumerate(LETTERS)),
    ]

    def __init__(
        self, course: Course, theme: Theme, palette: Palette, no_color: bool = False,
        keys: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        super().__init__(course.stand.editor, theme, palette, no_color, keys=keys)
        self.course = course
        self._taken = 0

    def compose(self) -> ComposeResult:
        """The lesson between the header and the rest."""
        self._lesson = LessonPane(self.course, self.palette, id="lesson")
        rest = iter(super().compose())
        yield next(rest)
        yield self._lesson
        yield from rest

    def on_mount(self) -> None:
        """Begin where the lesson does."""
        super().on_mount()
        self._show_stand()

    def begin_autosave(self) -> None:
        """A lesson's document is no work of anybody's."""

    def action_leave(self) -> None:
        """Quit; what was learnt is remembered already."""
        self.exit()

    # -- laying out --

    def fit_panes(self, width: int, height: int) -> None:
        """The lesson takes what it needs, at most half, and leaves the grid its least."""
        most = max(min(int(height * SHARE), height - LEAST_GRID), LEAST_LESSON)
        self._taken = self._lesson.lay_out(width, most)
        self._lesson.styles.height = self._taken
        super().fit_panes(width, height - self._taken)
        self._lesson.display = not self._tiny

    def too_small(self, width: int, height: int, least: str = f"{MIN_WIDTH}x{MIN_HEIGHT + LEAST_LESSON}") -> str:
        """What a window too small for the lesson and the rest says."""
        return super().too_small(width, height + self._taken, least)

    def _fit_again(self) -> None:
        self.fit(self.size.width, self.size.height)
        self.show_all()

    # -- judging --

    def show_outcome(self, outcome: Outcome) -> None:
        """Show what an edit did, and judge."""
        super().show_outcome(outcome)
        self._judge()

    def flip_guest(self, name: str) -> None:
        """Turn over a switch of the guest's state, and judge."""
        super().flip_guest(name)
        self._judge()

    def _moved(self) -> None:
        super()._moved()
        self._judge()

    def _judge(self) -> None:
        stand = self.course.stand
        stand.cursor, stand.guest = self._grid.cursor, self._grid.shown.guest or self._last_guest or GuestState()
        if self.course.judge():
            self._fit_again()
            last = self.course.is_last
            self.say("Done. That was the last step: . opens the next lesson" if last else "Done: . goes on")

    # -- actions --

    def action_step(self, by: int) -> None:
        """To another step; from the last one on to the next lesson."""
        if self.course.move(by):
            self._show_stand()
        elif by > 0 and (following := self._following()) is not None:
            self._take_lesson(following)
        else:
            self.say("That was the last lesson; q quits" if by > 0 else "This is the first step")

    def _following(self) -> learn.Lesson | None:
        return next((item for item in learn.in_order() if item.number > self.course.lesson.number), None)

    def _take_lesson(self, lesson: learn.Lesson) -> None:
        """Another lesson, on the same editor."""
        self.editor.accept(f"lesson {lesson.title}", lesson.start().situation)
        self.course = Course(lesson, Stand(self.editor))
        self._lesson.take(self.course)
        self._show_stand()

    def _show_stand(self) -> None:
        """Show the course's document, cursor and guest as they are now."""
        stand = self.course.stand
        self._lesson.fold(False)
        if self.focused is None or self.focused.id != "guest":
            # A step's Space is meant for the grid, not for the switch that the last one ended on.
            self._grid.focus()
        self._grid.show(self.editor.situation)
        self._list.show(self.editor.situation, self._grid.leaves)
        if stand.guest != (self._last_guest or GuestState()) and stand.guest.td_ctls:
            self._show_guest(stand.guest)
        if stand.cursor is not None:
            self._grid.go_to(stand.cursor)
        self.say("")
        self._fit_again()

    def action_hint(self) -> None:
        """One more hint."""
        if not self.course.ask_hint():
            self.say("There is no hint here")
        self._fit_again()

    def action_fold(self) -> None:
        """The rest of a text that has no room, then only what there is to do, then everything again."""
        if not self._lesson.turn_over():
            self._lesson.fold(not self._lesson.folded)
        self._fit_again()

    def action_answer(self, number: int) -> None:
        """Answer the question."""
        right = self.course.answer(number)
        if right is None:
            self.say("This step asks nothing" if not self.course.step.question else f"There is no {LETTERS[number]}")
            return
        self._fit_again()
        self.say("Right: . goes on" if right else "No", alarm=not right)
