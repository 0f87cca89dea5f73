"""The commands for model files: schema, new, fmt, drift. What they need is imported when they run."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tdxtui.errors import DataError, TdxtuiError
from tdxtui.strict import STDIN

CHANGES = 1


@click.command()
def schema() -> None:
    """Print the JSON Schema of the model file, for editors and other programs."""
    import json

    from tdxtui.model_schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@click.command()
@click.argument("file", required=False)
@click.option("--from", "source", help="Copy this preset or file, its comments included.")
@click.option("--module", "-m", help="The module that the model is held against: a version or a file.")
@click.option("--platform", "-p", help='The CPU: a name or a file, "none" for no CPU.')
@click.option("--name", "-n", help="The model's name; by default the file's, or that of what is copied.")
def new(file: str | None, source: str | None, module: str | None, platform: str | None, name: str | None) -> None:
    """Write a new model file with comments, or print it if no FILE is given. Never replaces a file.

    \b
    tdxtui new web-tier.toml
    tdxtui new web-tier.toml --from kvm-sapphire-rapids --platform granite-rapids
    """
    from tdxtui import model_template

    file = None if file == STDIN else file
    text = model_template.text(file, source, name, module, platform)
    if file is None:
        click.echo(text, nl=False)
    else:
        _create(Path(file), text)


def _create(path: Path, text: str) -> None:
    from tdxtui.strict import MAX_MESSAGE, shown

    try:
        with path.open("xb") as file:
            file.write(text.encode())
    except FileExistsError:
        raise TdxtuiError(f"{shown(str(path), MAX_MESSAGE)}: exists, and new replaces no file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TdxtuiError(f"{shown(str(path), MAX_MESSAGE)}: can't be written: {reason}") from None


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--check", is_flag=True, help="Change nothing; list the files that would change, exit status 1 if any.")
@click.option("--diff", is_flag=True, help="Change nothing; print what would change.")
def fmt(files: tuple[str, ...], check: bool, diff: bool) -> None:
    """Put model files into their canonical form: order, names, a wish a line. "-" is standard input.

    The meaning stays, comments go along with their lines, and the file gets the present format.
    """
    changed = False
    for file in files:
        before, after = _formatted(file)
        changed = changed or before != after
        if diff:
            click.echo(_diff(file, before, after), nl=False)
        if check and before != after:
            click.echo(file)
        if not check and not diff:
            _put(file, before, after)
    if check and changed:
        sys.exit(CHANGES)


def _formatted(file: str) -> tuple[bytes, bytes]:
    """The bytes of a file or of standard input, and those of its canonical form."""
    from tdxtui import file_kind, model_file

    if file != STDIN:
        text = model_file.text_of(Path(file))
        try:
            return text.encode(), model_file.formatted(text, file, Path(file).stem).encode()
        except DataError:
            file_kind.demand(file_kind.MODEL, Path(file))
            raise
    text = model_file.decoded(sys.stdin.buffer.read(), "standard input")
    return text.encode(), model_file.formatted(text, "standard input").encode()


def _diff(file: str, before: bytes, after: bytes) -> str:
    import difflib

    old, new = (text.decode().splitlines(keepends=True) for text in (before, after))
    marked = difflib.unified_diff(old, new, file, f"{file} (formatted)")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in marked)


def _put(file: str, before: bytes, after: bytes) -> None:
    from tdxtui.model_file import atomic

    if file == STDIN:
        click.echo(after.decode(), nl=False)
    elif before != after:
        atomic.write(Path(file), after, backup=False)
        click.echo(file)


@click.command()
@click.argument("file")
def drift(file: str) -> None:
    """Print what comes out otherwise today than when FILE was exported; exit status 1 if anything does.

    Another version of tdxtui, or other bytes of a module's or CPU's file, are told but are no drift of themselves.
    """
    from tdxtui import exported

    values, origins = exported.drift(Path(file))
    for line in [*values, *origins]:
        click.echo(line)
    if values:
        sys.exit(CHANGES)
