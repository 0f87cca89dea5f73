"""`tdxtui modules`, `platforms` and `bits`."""

from __future__ import annotations

import sys
from typing import Any

import click

from tdxtui.cli.options import named_word
from tdxtui.cli.output import show
from tdxtui.errors import TdxtuiError

BAD_INPUT = 2


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def modules(as_json: bool) -> None:
    """List the TDX module versions, the built-in ones and those in your data directory."""
    from tdxtui import listing

    found = listing.modules()
    show(found, listing.module_table(found), as_json)
    _exit_for_broken(found)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def platforms(as_json: bool) -> None:
    """List the platforms, and which modules accept them (TDH.SYS.INIT) or why not."""
    from tdxtui import listing

    found = listing.platforms()
    show(found, listing.platform_table(found), as_json)
    _exit_for_broken(found)


@click.command()
@click.option("--module", "-m", required=True, help="A version or a file.")
@click.option("--platform", "-p", help="A name or a file; without it, what depends on the CPU has no value.")
@click.option("--xfam", metavar="NAMES|HEX", help="XFAM, as X87,SSE,AVX; without it all gates on it count as open.")
@click.option("--attributes", metavar="NAMES|HEX", help="ATTRIBUTES, as PKS; without it all gates on it count as open.")
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
    from tdxtui.td import ATTRIBUTES, XFAM

    if as_json and as_csv:
        raise TdxtuiError("--json and --csv: one of them, not both")
    cpu = None if platform == "none" else platform
    gates = named_word("--xfam", xfam, XFAM), named_word("--attributes", attributes, ATTRIBUTES)
    rows = classify.rows(module, cpu, *gates)
    if as_csv:
        click.echo(listing.bits_csv(rows), nl=False)
    else:
        show(rows, listing.bits_table(rows), as_json)


def _exit_for_broken(found: list[dict[str, Any]]) -> None:
    """A file of the user's that can't be used is listed with its mistake, and told by the exit status."""
    if any("error" in row for row in found):
        sys.exit(BAD_INPUT)
