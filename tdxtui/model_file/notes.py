"""Which comment of a document belongs to which key, so that it can go along when keys are put in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tdxtui.model_file.statements import BLANK, COMMENT, HEADER, Path, Statement, comments_in, split
from tdxtui.model_file.wishes import TABLES

ROOT: Path = ()
_WITH_KEYS = ("td", *TABLES)


@dataclass
class Note:
    """The comments of a key or table: the lines above it ("" for a blank one), and what stands behind it."""

    above: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)

    def add(self, other: Note) -> None:
        """Take the comments of another spelling of the same key."""
        self.above += other.above
        self.behind += other.behind


@dataclass
class Notes:
    """A document's comments: at its head, with keys and tables, and at the ends of tables."""

    head: list[str] = field(default_factory=list)
    of: dict[Path, Note] = field(default_factory=dict)
    ends: dict[Path, list[str]] = field(default_factory=dict)

    def note(self, path: Path) -> Note:
        """The comments of a key or table."""
        return self.of.setdefault(path, Note())


def notes_of(text: str) -> Notes:
    """The comments of a legal model file. A comment belongs to the key below it, or to the table whose end it is."""
    notes, pending, table = Notes(), list[str](), ROOT
    for number, line in enumerate(statements := list(split(text))):
        if line.kind in (BLANK, COMMENT):
            pending.append(line.text.strip())
            if not notes.of and not notes.head and _is_head(pending, statements[number + 1:]):
                gap = [""] if statements[number + 1:] and statements[number + 1].kind == BLANK else []
                notes.head, pending = pending + gap, []
            continue
        if line.kind == HEADER:
            ended, pending = _cut(pending)
            _append(notes.ends.setdefault(table, []), ended)
            table = line.path[:1]
        _attach(notes, line, pending)
        pending = []
    _append(notes.ends.setdefault(table, []), pending)
    return notes


def _is_head(pending: list[str], rest: list[Statement]) -> bool:
    """Whether the comments so far are the first block of a file, and not about the table that follows."""
    return all(pending) and not (rest and rest[0].kind in (COMMENT, HEADER))


def _cut(pending: list[str]) -> tuple[list[str], list[str]]:
    """The comments before a header that belong to what it ends, and those that stand right above it."""
    start = max((number + 1 for number, line in enumerate(pending) if not line), default=0)
    return pending[:start], pending[start:]


def _attach(notes: Notes, line: Statement, pending: Iterable[str]) -> None:
    owner = notes.note(line.path[:2 if line.path[0] in _WITH_KEYS else 1])
    _append(owner.above, pending)
    owner.above += comments_in(line.raw) if line.kind != HEADER else []
    owner.behind += [line.comment] if line.comment else []


def _append(lines: list[str], more: Iterable[str]) -> None:
    """Add lines without doubling blank ones, and none at the beginning."""
    for line in more:
        if line or (lines and lines[-1]):
            lines.append(line)
