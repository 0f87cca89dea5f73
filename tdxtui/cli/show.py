"""`tdxtui show`."""

from __future__ import annotations

import sys

import click

from tdxtui.cli import completing, options
from tdxtui.cli.guest_options import guest_state, possible, state
from tdxtui.cli.output import json_text, tell


@click.command()
@click.argument("model", shell_complete=completing.models)
@options.module
@options.platform
@click.option("--format", "-f", "form", type=click.Choice(["table", "cpuid", "json"]), default="table",
              show_default=True, help='"cpuid" is the text of cpuid -r.')
@click.option("--guest", is_flag=True, help="As the guest's CPUID instruction returns it; options below imply it.")
@guest_state
def show(
    model: str, module: str | None, platform: str | None, form: str, guest: bool, cr4: str | None, xcr0: str | None,
    xss: str | None, td_ctls: str | None, paravirt: str | None, vcpu: int | None,
) -> None:
    """Show the CPUID that the TD of a vCPU model gets: MODEL is a preset, a file or another source.

    Exit status 1 if the module refuses the TD or the CPU; the values are then those that would be.

    \b
    tdxtui show web-tier.toml                            every leaf, four registers in hex
    tdxtui show web-tier.toml --guest --format cpuid     as cpuid -r would print it in the guest
    tdxtui show minimal -m 1.5.34 --td-ctls REDUCE_VE    for a guest with #VE reduction
    """
    from tdxtui import shown_td, sources
    from tdxtui.dynamic import GuestState

    source, situation = sources.situation(sources.find(model), module, platform)
    tell(source.notes)
    seen = state(cr4, xcr0, xss, td_ctls, paravirt, vcpu) or (GuestState() if guest else None)
    possible(seen, situation.module)
    if form == "json":
        click.echo(json_text(shown_td.data(situation, seen)))
    elif form == "cpuid":
        lines, notes = shown_td.raw(situation, seen)
        tell(notes)
        click.echo("\n".join(lines))
    else:
        click.echo("\n".join(shown_td.table(situation, seen)))
    if shown_td.problems(situation):
        sys.exit(options.FINDINGS)
