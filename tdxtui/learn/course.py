"""A lesson being taken: which step, what is done, what was answered. It knows no screen."""

from __future__ import annotations

from tdxtui.learn import progress
from tdxtui.learn.lesson_file import Lesson, Step, in_order
from tdxtui.learn.lesson_file import lesson as named
from tdxtui.learn.stand import Stand


class Course:
    """A lesson under way on a stand; steps done are remembered in the state folder."""

    def __init__(self, lesson: Lesson, stand: Stand) -> None:
        self.lesson = lesson
        self.stand = stand
        self.at = 0
        self.hints_shown = 0
        self.answered: int | None = None
        self._passed: set[int] = set()
        self._begin()

    @property
    def step(self) -> Step:
        """The present step."""
        return self.lesson.steps[self.at]

    @property
    def is_last(self) -> bool:
        """Whether no step follows."""
        return self.at == len(self.lesson.steps) - 1

    @property
    def passed(self) -> bool:
        """Whether the present step's task is done and its question rightly answered, now or earlier."""
        return self.at in self._passed

    @property
    def right_answer(self) -> int:
        """The number of the right choice as it was when the step began."""
        return self._right

    @property
    def hint(self) -> str:
        """The hints asked for so far, "" for none."""
        return " ".join(self.step.hints[: self.hints_shown])

    def judge(self) -> bool:
        """Look whether the step is done now; True only the first time that it is."""
        answered = not self.step.question or self.answered == self._right
        if self.passed or not answered or not self.step.is_done(self.stand):
            return False
        self._passed.add(self.at)
        progress.record(self.lesson.name, len(self._passed))
        return True

    def answer(self, number: int) -> bool | None:
        """Choose an answer, counted from 0: whether it is right; None where there is no such choice."""
        if not 0 <= number < len(self.step.choices):
            return None
        self.answered = number
        self.judge()
        return number == self._right

    def ask_hint(self) -> str:
        """One more hint, and all so far; "" if there are none."""
        self.hints_shown = min(self.hints_shown + 1, len(self.step.hints))
        return self.hint

    def move(self, by: int) -> bool:
        """To another step; False at the ends. Where it goes on from is the stand as it is."""
        if not 0 <= self.at + by < len(self.lesson.steps):
            return False
        self.at += by
        self._begin()
        return True

    def _begin(self) -> None:
        self.hints_shown, self.answered = 0, None
        skipped = any(number not in self._passed for number in range(self.at))
        if skipped or not self._set_scene():
            self._put_at(self.lesson.stand_at(self.at))
            self._right = self.step.answer(self.stand) if self.step.question else -1
        if not self.step.task and not self.step.question:
            self.judge()

    def _set_scene(self) -> bool:
        """Begin the step where the learner stands; whether that can be done there."""
        try:
            if self.at not in self._passed:
                self.lesson.begin(self.stand, self.at)
            self._right = self.step.answer(self.stand) if self.step.question else -1
        except ValueError:
            return False
        return True

    def _put_at(self, there: Stand) -> None:
        """Bring the learner's document to another stand, as one edit that can be undone."""
        if there.editor.model != self.stand.editor.model or there.editor.module != self.stand.editor.module:
            self.stand.editor.accept(f"lesson, step {self.at + 1}", there.situation)
        self.stand.cursor, self.stand.guest = there.cursor, there.guest


def following(name: str | None) -> Lesson:
    """The lesson of a name; without one the first that isn't finished, or the very first."""
    if name is not None:
        return named(name)
    done, every = progress.load(), in_order()
    return next((item for item in every if done.get(item.name, 0) < len(item.steps)), every[0])
