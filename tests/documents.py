"""The project's documents as tests read them: their commands, with what each is shown to print, and their files.

A `sh` block is commands, a line each; a `console` block has commands with what they print. A block with a name behind
its language (```toml mine.toml) is a file that the commands after it find. Steps of CI in a `yaml` block are commands.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SCREEN = re.compile(r"tdxtui(?: +(?:open|learn|quiz|serve)\b(?!.*--(?:list|check|answers|help))| *$)")
CI_STEP = re.compile(r"^ *- (?:run: )?(tdxtui .*)$", re.MULTILINE)
ANYTHING = "..."


class File(NamedTuple):
    """A file that a page shows: its path, and what is in it."""

    page: Path
    path: str
    text: str


class Command(NamedTuple):
    """A command line of a page; `printed` are the lines it is shown to print, None where the page shows none."""

    page: Path
    line: str
    status: int
    printed: tuple[str, ...] | None

    @property
    def is_screen(self) -> bool:
        """Whether it opens a screen or serves until it is stopped."""
        return SCREEN.match(self.line) is not None


def steps(page: Path) -> list[Command | File]:
    """The commands and files of a page, in its order."""
    found: list[Command | File] = []
    for kind, path, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        found += [File(page, path, text)] if path else _COMMANDS.get(kind, _none)(page, text)
    return found


def commands(page: Path) -> list[Command]:
    """The commands of a page in order."""
    return [step for step in steps(page) if isinstance(step, Command)]


def file_of(page: Path, path: str) -> str:
    """The text of a file that a page shows."""
    return next(step.text for step in steps(page) if isinstance(step, File) and step.path == path)


def _none(page: Path, text: str) -> list[Command]:
    return []


def _of_ci(page: Path, text: str) -> list[Command]:
    return [_command(page, line, None) for line in CI_STEP.findall(text)]


def _typed(page: Path, text: str) -> list[Command]:
    lines = text.replace("\\\n", " ").splitlines()
    return [_command(page, line, None) for line in lines if line.strip() and not line.startswith("#")]


def _shown(page: Path, text: str) -> list[Command]:
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)
    assert not parts[0].strip(), f"{page}: a console block begins with output: {parts[0]!r}"
    split = (part.rstrip("\n").split("\n") for part in parts[1:])
    return [_command(page, line, tuple(printed)) for line, *printed in split]


_COMMANDS = {"sh": _typed, "console": _shown, "yaml": _of_ci}


def _command(page: Path, line: str, printed: tuple[str, ...] | None) -> Command:
    match = re.search(r"\s+# exit (\d+)$", line)
    status = int(match[1]) if match else 0
    return Command(page, line[: match.start()] if match else line, status, printed)


def same(shown: tuple[str, ...], real: list[str]) -> bool:
    """Whether a page shows what was really printed; a line of three dots stands for any lines."""
    if not shown:
        return not real
    shown, real = tuple(map(_without_version, shown)), [_without_version(line) for line in real]
    if shown[0] == ANYTHING:
        return any(same(shown[1:], real[at:]) for at in range(len(real) + 1))
    return bool(real) and shown[0].rstrip() == real[0].rstrip() and same(shown[1:], real[1:])


def _without_version(line: str) -> str:
    return re.sub(r"\btdxtui \d+\.\d+\.\d+", "tdxtui VERSION", line)


def links(page: Path) -> list[str]:
    """The targets of a page's links, pictures included."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\]\(([^)\s]+)\)", text)


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make."""
    heads = re.findall(r"^#+ +(.*?) *$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
