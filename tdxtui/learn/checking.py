"""Check lessons without a screen: each solution does its task, each wrong one doesn't, each answer is the engine's."""

from __future__ import annotations

from collections.abc import Iterator

from tdxtui.errors import TdxtuiError
from tdxtui.learn.lesson_file import Lesson, Step
from tdxtui.learn.stand import Stand


def problems(lesson: Lesson) -> list[str]:
    """What is wrong with a lesson, a line each; empty if it can be learnt from."""
    try:
        return list(_problems(lesson))
    except (TdxtuiError, ValueError) as error:
        return [f"{lesson.name}: {error}"]


def _problems(lesson: Lesson) -> Iterator[str]:
    stand = lesson.start()
    for number, step in enumerate(lesson.steps):
        where = f"{lesson.name}, step {number + 1} ({step.title})"
        lesson.begin(stand, number)
        if step.question:
            step.answer(stand)
        if step.task:
            yield from (f"{where}: {problem}" for problem in _of_task(step, stand))


def _of_task(step: Step, stand: Stand) -> Iterator[str]:
    if step.is_done(stand):
        yield "the task is done before anything is"
    tried = stand.copy()
    for statement in step.wrong:
        statement.perform(tried)
    if step.is_done(tried):
        yield "the wrong solution does the task"
    for statement in step.solution:
        statement.perform(stand)
    missing = [str(predicate) for predicate in step.done if not predicate.holds(stand)]
    if missing:
        yield f"the solution leaves undone: {', '.join(missing)}"
