"""`tdxtui query`."""

from __future__ import annotations

import click

from tdxtui.cli import completing, options
from tdxtui.cli.output import show
from tdxtui.errors import TdxtuiError


@click.command()
@click.argument("bits", metavar="BIT|NAME...", nargs=-1, required=True, shell_complete=completing.fields)
@click.option(
    "--module", "-m", required=True, help="A module version or file.", shell_complete=completing.modules
)
@options.platform
@options.as_json
def query(bits: tuple[str, ...], module: str, platform: str | None, as_json: bool) -> None:
    """Say whether a bit is fixed to 0 or 1 on a module, or flexible and how, so that a program can decide.

    Without a CPU, what is the CPU's own is unknown. For the reason of a value in a model, see tdxtui why.

    \b
    tdxtui query avx512f --module 1.5.06
    tdxtui query pks 7.0.ecx.16 --module 1.5.34 --platform granite-rapids --json
    tdxtui query 7.0.edx --module 1.5.06              a register, its bits in runs
    """
    from tdxtui import query as queries

    asker = queries.Asker(module, platform or "")
    try:
        found = [answer for asked in bits for answer in asker.ask(asked)]
    except ValueError as error:
        raise TdxtuiError(str(error)) from None
    rows = [queries.to_data(answer) for answer in found] if as_json else []
    show(rows, (line for answer in found for line in queries.text(answer)), as_json)
