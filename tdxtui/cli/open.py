"""`tdxtui open`."""

from __future__ import annotations

import sys

import click

from tdxtui.cli import completing, options
from tdxtui.errors import TdxtuiError
from tdxtui.strict import STDIN


@click.command("open")
@click.argument("model", required=False, shell_complete=completing.models)
@options.module
@options.platform
@options.vmm
@click.option("--read-only", is_flag=True, help="Look, but change nothing.")
@click.option("--theme", help="A theme by name, of this program's or yours; T on the screen shows them.")
def open_(
    model: str | None, module: str | None, platform: str | None, kvm: str | None, qemu: str | None, read_only: bool,
    theme: str | None,
) -> None:
    """Open a vCPU model on the screen: a file, a preset, or what a new one can be made from.

    Besides models that is what `tdxtui sources` lists, and any file that can be imported: a dump, a command line.

    \b
    tdxtui                                      the preset kvm-sapphire-rapids
    tdxtui open web-tier.toml                   a model of yours; a new one if there is no such file
    tdxtui open minimal -m 1.5.34               a preset on another module
    tdxtui open qemu:SapphireRapids-v4 --kvm 7.2
    tdxtui open host-dump.txt                   what a host shows, as a model
    """
    if model == STDIN:
        raise TdxtuiError("the screen has the keyboard on standard input; give it a file")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):  # `main` has seen that there are both
        raise TdxtuiError("the screen needs a terminal; tdxtui --help lists what scripts use")
    from tdxtui.tui.launch import run

    sys.exit(run(model, module, platform, read_only, theme, kvm, qemu))
