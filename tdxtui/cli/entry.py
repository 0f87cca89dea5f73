"""The command line's frame: the group of commands, and how a run ends."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from tdxtui.cli.group import Commands, ReaderGone
from tdxtui.errors import TdxtuiError

OK, BAD_INPUT = 0, 2
MAX_LINE = 500
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def version() -> str:
    """The installed version."""
    from importlib.metadata import version as installed

    return installed("tdxtui")


def _print_version(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if wanted:
        from tdxtui import provenance

        click.echo("\n".join(provenance.lines(version())))
        ctx.exit()


@click.group(cls=Commands, context_settings=CONTEXT)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
    help="Print it, and which data it has.",
)
def commands() -> None:
    """See and shape the CPUID of Intel TDX guests, for any TDX module version.

    Without a command, tdxtui opens a model (the preset kvm-sapphire-rapids by default) on the screen.
    """


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
    except (BrokenPipeError, ReaderGone):
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

