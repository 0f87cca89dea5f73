"""What commands print: lines for people or JSON for programs, a file instead, and how far a long batch is."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import click

from tdxtui.errors import TdxtuiError

T = TypeVar("T")

BAR_AFTER = 0.5


def show(found: Any, lines: Iterable[str], as_json: bool) -> None:
    """Print a list of rows or an object as JSON, or else the lines."""
    if as_json:
        click.echo(json_text(found))
    else:
        for line in lines:
            click.echo(line)


def json_text(found: Any) -> str:
    """A list as JSON with a row a line: easy to compare, and far faster than indenting; else indented."""
    import json

    if isinstance(found, list):
        return "[\n" + ",\n".join(map(json.JSONEncoder(ensure_ascii=False).encode, found)) + "\n]"
    return json.dumps(found, indent=1, ensure_ascii=False)


def put(data: str | bytes, output: str | None) -> None:
    """Write to a file, whole or not at all, or to standard output. The user's data folder is made if need be."""
    if output is not None and output != "-":
        from tdxtui.library import user_data
        from tdxtui.model_file import write_atomically

        folder = Path(output).absolute().parent
        if folder.is_relative_to(user_data()) and not folder.exists():
            _make(folder)
        write_atomically(Path(output), data.encode() if isinstance(data, str) else data)
    else:
        click.echo(data, nl=False)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TdxtuiError(f"{folder}: can't be made: {error.strerror}") from None


def tell(notes: Iterable[str]) -> None:
    """Say on standard error what was assumed, a line each."""
    for note in notes:
        click.echo(f"note: {note}", err=True)


def painted(line: str, colours: Mapping[str, str]) -> str:
    """A line with the word before its colon in that word's colour: on a terminal, and not with NO_COLOR."""
    word, colon, rest = line.partition(":")
    if word not in colours or not colon or os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return line
    return f"{click.style(word, fg=colours[word], bold=True)}:{rest}"


def progress(items: Sequence[T], label: str) -> Iterator[T]:
    """The items, with a bar on a terminal's standard error once they take longer than half a second."""
    if not sys.stderr.isatty():
        yield from items
        return
    begin, bar = time.monotonic(), None
    with ExitStack() as closing:
        for done, item in enumerate(items):
            yield item
            if bar is not None:
                bar.update(1)
            elif time.monotonic() - begin > BAR_AFTER:
                bar = closing.enter_context(click.progressbar(length=len(items), label=label, file=sys.stderr))
                bar.update(done + 1)
