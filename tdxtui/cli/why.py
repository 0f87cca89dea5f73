"""`tdxtui why`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tdxtui.cli import completing, options
from tdxtui.cli.output import tell
from tdxtui.errors import TdxtuiError

if TYPE_CHECKING:
    from tdxtui.evaluate import Situation


@click.command()
@click.argument("bits", metavar="BIT|NAME|LEAF...", nargs=-1, required=True, shell_complete=completing.fields)
@options.module
@options.platform
@click.option(
    "--model", shell_complete=completing.models,
    help="A vCPU model: a preset, file or other source; by default kvm-sapphire-rapids.",
)
@click.option("--short", is_flag=True, help="One line for each bit.")
@options.as_json
def why(
    bits: tuple[str, ...], module: str | None, platform: str | None, model: str | None, short: bool, as_json: bool
) -> None:
    """Say why a CPUID bit has its value in a TD, and the smallest set of settings that would change it.

    \b
    tdxtui why avx512f                      by any name that QEMU, libvirt or Linux uses
    tdxtui why 7.0.ebx.16 7.0.ebx[31:26]    bits and fields
    tdxtui why 'CPUID.(EAX=07H,ECX=0):EBX[16]' --module 1.5.34 --platform granite-rapids
    tdxtui why 7.0.edx 4.3 --short          a register or a leaf, a line a field
    tdxtui why hle --model qemu:SapphireRapids-v4
    """
    from tdxtui import why as reasons

    situation = _situation(model, module, platform)
    try:
        fields = [field for text in bits for field in reasons.fields_of(text)]
    except ValueError as error:
        raise TdxtuiError(str(error)) from None
    found = [reasons.answer(situation, field) for field in fields]
    if as_json:
        import json

        click.echo(json.dumps([reasons.data(item) for item in found], indent=1))
        return
    for number, item in enumerate(found):
        if number and not short:
            click.echo()
        click.echo("\n".join(reasons.short(item) if short else reasons.text(item)))


def _situation(model: str | None, module: str | None, platform: str | None) -> Situation:
    if model is None:  # without the readers of all other sources
        from tdxtui import situations

        return situations.find(None, module, platform)
    from tdxtui import sources

    source, situation = sources.situation(sources.find(model), module, platform)
    tell(source.notes)
    return situation
