"""The command line: parse, call the library, print. Everything heavier is imported by the command that needs it."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import click

from tdxtui import cli_models
from tdxtui.cli_config import config
from tdxtui.cli_rule import rule
from tdxtui.cli_serve import serve
from tdxtui.cli_why import why
from tdxtui.errors import TdxtuiError

OK, BAD_INPUT = 0, 2
MAX_LINE = 500
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _Commands(click.Group):
    """A first word that is no command is a model to open: `tdxtui web.toml`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = [word for word in args if not word.startswith("-")]
        if not args or (args[0] not in ("-h", "--help", "--version") and not (words and words[0] in self.commands)):
            args = ["open", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. click would end with 1, our status for findings, when the reader of our output is gone."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _ReaderGone from None


class _ReaderGone(Exception):
    """Nobody reads our output any more."""


def version() -> str:
    """The installed version."""
    from importlib.metadata import version as installed

    return installed("tdxtui")


def _print_version(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"tdxtui {version()}")
        ctx.exit()


@click.group(cls=_Commands, context_settings=CONTEXT)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print it.")
def commands() -> None:
    """See and shape the CPUID of Intel TDX guests, for any TDX module version.

    Without a command, tdxtui opens a model (or the first preset) on the screen.
    """


@commands.command("open")
@click.argument("model", required=False)
@click.option("--module", "-m", help="Hold the model against this module: a version or a file.")
@click.option("--platform", "-p", help='Hold it against this CPU: a name or a file, "none" for no CPU.')
@click.option("--read-only", is_flag=True, help="Look, but change nothing.")
@click.option("--theme", help="A theme by name, of this program's or yours; T on the screen shows them.")
def open_(model: str | None, module: str | None, platform: str | None, read_only: bool, theme: str | None) -> None:
    """Open a vCPU model (a file or a preset's name) on the screen.

    \b
    tdxtui                              the first preset
    tdxtui open web-tier.toml           a model of yours; a new one if there is no such file
    tdxtui open minimal -m 1.5.34       a preset on another module
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):  # `main` has seen that there are both
        raise TdxtuiError("the screen needs a terminal; scripts use bits, resolve, guest, modules, platforms")
    from tdxtui.tui.launch import run

    sys.exit(run(model, module, platform, read_only, theme))


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def modules(as_json: bool) -> None:
    """List the TDX module versions, the built-in ones and those in your data directory."""
    from tdxtui import listing

    found = listing.modules()
    _show(found, listing.module_table(found), as_json)
    _exit_for_broken(found)


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def platforms(as_json: bool) -> None:
    """List the platforms, and which modules accept them (TDH.SYS.INIT) or why not."""
    from tdxtui import listing

    found = listing.platforms()
    _show(found, listing.platform_table(found), as_json)
    _exit_for_broken(found)


@commands.command()
@click.option("--module", "-m", required=True, help="A version or a file.")
@click.option("--platform", "-p", help="A name or a file; without it, what depends on the CPU has no value.")
@click.option("--xfam", help="XFAM in hex; without it all gates on XFAM count as open.")
@click.option("--attributes", help="ATTRIBUTES in hex; without it all gates on ATTRIBUTES count as open.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--csv", "as_csv", is_flag=True, help="For spreadsheets.")
def bits(
    module: str, platform: str | None, xfam: str | None, attributes: str | None, as_json: bool, as_csv: bool
) -> None:
    """Every CPUID bit's class, gates, group and value on a module.

    \b
    tdxtui bits -m 1.5.06 --json
    tdxtui bits -m 1.5.06 -p sapphire-rapids --xfam 0xe7 --csv
    """
    from tdxtui import classify, listing

    if as_json and as_csv:
        raise TdxtuiError("--json and --csv: one of them, not both")
    cpu = None if platform == "none" else platform
    rows = classify.rows(module, cpu, _word("--xfam", xfam), _word("--attributes", attributes))
    if as_csv:
        click.echo(listing.bits_csv(rows), nl=False)
    else:
        _show(rows, listing.bits_table(rows), as_json)


@commands.command()
@click.option("--jsonl", is_flag=True, required=True, help="One JSON request a line in, one answer a line out.")
def resolve(jsonl: bool) -> None:
    """Compute TDs from TDH.SYS.INIT to TDH.MNG.INIT: requests on standard input, answers on standard output.

    Exit status 2 if a line could not be understood; its answer says why.
    """
    from tdxtui import protocol

    _stream(protocol.answer_resolve)


@commands.command()
@click.option("--jsonl", is_flag=True, required=True, help="One JSON request a line in, one answer a line out.")
def guest(jsonl: bool) -> None:
    """As resolve, and what the CPUID instruction then returns inside the TD for each probe in "exit"."""
    from tdxtui import protocol

    _stream(protocol.answer_guest)


def _stream(answer: Callable[[Any], dict[str, Any]]) -> NoReturn:
    import json

    from tdxtui import protocol

    gc.enable()  # `start` has turned it off
    encode = json.JSONEncoder(separators=(",", ":")).encode
    status = OK
    for reply in protocol.stream(protocol.lines_of(sys.stdin.buffer), answer):
        status = BAD_INPUT if "error" in reply else status
        sys.stdout.write(encode(reply) + "\n")
        sys.stdout.flush()  # whoever asks line by line waits for this
    sys.exit(status)


def _word(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch("(0[xX])?[0-9a-fA-F]{1,16}", text):
        raise TdxtuiError(f"{option}: {text!r} is not a hex number of at most 64 bits; write it as 0xe7")
    return int(text, 16)


def _exit_for_broken(found: list[dict[str, Any]]) -> None:
    """A file of the user's that can't be used is listed with its mistake, and told by the exit status."""
    if any("error" in row for row in found):
        sys.exit(BAD_INPUT)


def _show(found: Any, table: Iterable[str], as_json: bool) -> None:
    if as_json:
        import json

        # A row a line: easy to compare, and far faster than indenting.
        click.echo("[\n" + ",\n".join(map(json.JSONEncoder().encode, found)) + "\n]")
    else:
        for line in table:
            click.echo(line)


commands.add_command(why)
commands.add_command(rule)
commands.add_command(config)
commands.add_command(serve)
cli_models.add_to(commands)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 fine, 2 bad input, 130 interrupted."""
    if sys.stdin is None or sys.stdout is None:
        _fail("standard input or output is closed")
    try:
        commands.main(arguments, prog_name="tdxtui", standalone_mode=False)
        sys.stdout.flush()
    except (TdxtuiError, click.ClickException) as error:
        text = error.format_message() if isinstance(error, click.ClickException) else str(error)
        _fail(text)
    except (BrokenPipeError, _ReaderGone):
        # Whoever read us has gone; the interpreter's own flush at exit must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
    except OSError as error:
        _fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    sys.exit(OK)


def _fail(text: str) -> NoReturn:
    from tdxtui.strict import shown

    click.echo(f"tdxtui: {shown(' '.join(text.split()), MAX_LINE)}", err=True)
    sys.exit(BAD_INPUT)

