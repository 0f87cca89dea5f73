"""`tdxtui diff`."""

from __future__ import annotations

import sys

import click

from tdxtui.cli import completing, options
from tdxtui.cli.output import show


@click.command()
@click.argument("a", metavar="A", shell_complete=completing.subjects)
@click.argument("b", metavar="B", shell_complete=completing.subjects)
@click.option(
    "--model", shell_complete=completing.models,
    help="With two modules: what they mean for this vCPU model, a preset, file or other source.",
)
@click.option(
    "--module", "-m", shell_complete=completing.modules,
    help="Where models are compared: a module version or file; by default each one's own.",
)
@options.platform
@options.as_json
@options.quiet
def diff(
    a: str, b: str, model: str | None, module: str | None, platform: str | None, as_json: bool, quiet: bool
) -> None:
    """Say what differs between two modules, two models, two CPUs or dumps, or a model and a dump.

    Exit status 0 if nothing does, 1 if something does. A name that could be several things is told; "module:",
    "model:" or "cpu:" before it says which.

    \b
    tdxtui diff 1.5.06 1.5.34                          two modules, by what changes mean to people
    tdxtui diff 1.5.06 1.5.34 --model web-tier.toml    and what to set for this model
    tdxtui diff minimal web-tier.toml -m 1.5.34        settings, wishes, what each TD gets
    tdxtui diff sapphire-rapids granite-rapids         two CPUs, built in or dumps of yours
    tdxtui diff web-tier.toml guest.txt                what a model's TD gets, and a dump
    """
    from tdxtui.diff.report import report

    found = report(a, b, model, module, platform)
    if not quiet:
        show(found.data, found.lines, as_json)
    if not found.same:
        sys.exit(options.FINDINGS)
