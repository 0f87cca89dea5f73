"""A lesson as data (TOML): text, where it starts, and steps with a task or a question that the engine judges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tdxtui import library, situations
from tdxtui.editor import Editor
from tdxtui.errors import TdxtuiError
from tdxtui.learn.perform import Statement
from tdxtui.learn.predicate import Predicate
from tdxtui.learn.stand import Stand
from tdxtui.model import VcpuModel
from tdxtui.strict import Section, parse_toml, read_text, unknown

FORMAT = 1
T = TypeVar("T")


@dataclass(frozen=True)
class Choice:
    """An answer to choose, and what holds if it is right."""

    text: str
    holds: tuple[Predicate, ...]


@dataclass(frozen=True)
class Step:
    """One step: text, then a task, a question, or nothing but reading on.

    A task is done when all of `done` hold; `solution` makes them, `wrong` doesn't. A question's right answer is the
    choice whose predicates hold once `suppose` is made in a copy of the situation.
    """

    title: str
    text: str
    begin: tuple[Statement, ...] = ()
    task: str = ""
    done: tuple[Predicate, ...] = ()
    hints: tuple[str, ...] = ()
    solution: tuple[Statement, ...] = ()
    wrong: tuple[Statement, ...] = ()
    question: str = ""
    suppose: tuple[Statement, ...] = ()
    choices: tuple[Choice, ...] = ()
    because: str = ""

    def is_done(self, stand: Stand) -> bool:
        """Whether the task is done; a step without one always is."""
        return all(predicate.holds(stand) for predicate in self.done)

    def answer(self, stand: Stand) -> int:
        """The number of the right choice, as the engine has it; ValueError unless it is exactly one."""
        supposed = stand.copy()
        for statement in self.suppose:
            statement.perform(supposed)
        right = [n for n, choice in enumerate(self.choices) if all(item.holds(supposed) for item in choice.holds)]
        if len(right) != 1:
            raise ValueError(f"{self.question!r} has {len(right)} right answers instead of one")
        return right[0]


@dataclass(frozen=True)
class Lesson:
    """A lesson; `model`, `module` and `platform` are what it starts with."""

    name: str
    number: int
    title: str
    summary: str
    model: str
    module: str
    platform: str
    steps: tuple[Step, ...]

    def start(self) -> Stand:
        """The stand that it begins with; TdxtuiError if its model, module or platform can't be had."""
        model = _model(self.model)
        on = library.module(self.module or model.module)
        cpu = self.platform or model.platform
        return Stand(Editor(model, on, library.platform(cpu) if cpu and cpu != situations.NO_PLATFORM else None))

    def stand_at(self, step: int) -> Stand:
        """The stand of somebody who has done every step before, with the scene of this one set."""
        stand = self.start()
        for number in range(step):
            self.begin(stand, number)
            for statement in self.steps[number].solution:
                statement.perform(stand)
        self.begin(stand, step)
        return stand

    def begin(self, stand: Stand, step: int) -> None:
        """Set the scene of a step."""
        for statement in self.steps[step].begin:
            statement.perform(stand)


def _model(name: str) -> VcpuModel:
    """A preset or file, or any other source by its name."""
    if ":" not in name:
        return situations.find_model(name)
    from tdxtui import sources  # they look into far more files

    return sources.find(name).model


def lessons() -> dict[str, Path]:
    """The files of all lessons by name, the user's before built-in ones of the same name."""
    return library.files("lessons")


def lesson(name: str) -> Lesson:
    """A lesson by name, or by the path of its file; TdxtuiError if it can't be had or used."""
    known = lessons()
    if name in known:
        return load(known[name])
    if name.endswith(".toml"):
        return load(Path(name))
    raise library.NotFound(f"lesson {unknown(name, known)}")


def in_order(report: Callable[[str], None] = lambda _: None) -> list[Lesson]:
    """All lessons by their numbers; one of the user's that can't be used is reported and left out."""
    found = []
    for path in lessons().values():
        try:
            found.append(load(path))
        except TdxtuiError as error:
            report(str(error))
    return sorted(found, key=lambda item: (item.number, item.name))


def load(path: Path) -> Lesson:
    """The lesson of a file; DataError says where it is wrong."""
    return parse(read_text(path), str(path), path.stem)


def parse(text: str, source: str, name: str) -> Lesson:
    """The lesson of a file's text; `source` is what errors call the file."""
    top = Section(parse_toml(text, source), source)
    top.number("format", FORMAT, FORMAT)
    found = Lesson(
        name=name,
        number=top.number("number", 1, 999),
        title=top.text("title"),
        summary=top.text("summary"),
        model=top.text("model"),
        module=top.text("module", ""),
        platform=top.text("platform", ""),
        steps=tuple(_step(item) for item in top.tables("step")),
    )
    if not found.steps:
        raise top.error("step", "a lesson needs at least one [[step]]")
    top.done()
    return found


def _step(section: Section) -> Step:
    found = Step(
        title=section.text("title"),
        text=_prose(section.take("text", str)),
        begin=section.parsed_list("begin", Statement.parse),
        task=section.text("task", ""),
        done=section.parsed_list("done", Predicate.parse),
        hints=section.parsed_list("hints", str),
        solution=section.parsed_list("solution", Statement.parse),
        wrong=section.parsed_list("wrong", Statement.parse),
        question=section.text("question", ""),
        suppose=section.parsed_list("suppose", Statement.parse),
        choices=tuple(_choice(item) for item in section.tables("choice")),
        because=_prose(section.take("because", str, "")),
    )
    section.done()
    for key, needs, message in (
        ("done", bool(found.task) is bool(found.done), "a task needs what is then true, and the other way round"),
        ("solution", not found.task or bool(found.solution), "a task needs a solution, so that it can be checked"),
        ("wrong", not found.task or bool(found.wrong), "a task needs something wrong that doesn't do it"),
        ("choice", bool(found.question) is bool(found.choices), "a question needs choices, and the other way round"),
        ("because", not found.question or bool(found.because), "an answer needs its explanation"),
    ):
        if not needs:
            raise section.error(key, message)
    return found


def _choice(section: Section) -> Choice:
    found = Choice(section.text("text"), section.parsed_list("if", Predicate.parse, required=True))
    section.done()
    return found


def _prose(text: str) -> str:
    """Paragraphs, each in one line; a line that begins with blanks stays as it is."""
    paragraphs = text.strip("\n").split("\n\n")
    return "\n\n".join(part if part.startswith(" ") else " ".join(part.split()) for part in paragraphs)


