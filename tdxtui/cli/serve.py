"""`tdxtui serve`."""

from __future__ import annotations

import click

from tdxtui.cli import completing, options


@click.command()
@click.argument("model", required=False, shell_complete=completing.models)
@options.module
@options.platform
@options.vmm
@click.option("--read-only", is_flag=True, help="Look, but change and write nothing: for lecture rooms.")
@click.option("--theme", help="A theme by name.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
def serve(
    model: str | None, module: str | None, platform: str | None, kvm: str | None, qemu: str | None, read_only: bool,
    theme: str | None, port: int,
) -> None:
    """Show a vCPU model in a browser on this machine (127.0.0.1 only); needs tdxtui[serve].

    \b
    tdxtui serve web-tier.toml
    tdxtui serve --read-only --port 0
    """
    from tdxtui.tui import serving

    serving.serve(serving.Request(model, module, platform, read_only, theme, kvm, qemu), port)
