"""`tdxtui export`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tdxtui.cli import completing, options
from tdxtui.cli.output import put, tell
from tdxtui.errors import TdxtuiError

if TYPE_CHECKING:
    from tdxtui.exporters import Export, Format, Options
    from tdxtui.model import VcpuModel


def _list(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    """Print the formats and end."""
    if not wanted:
        return
    from tdxtui.exporters import FORMATS

    for found in FORMATS.values():
        click.echo(f"{found.name:17} {found.title}")
        click.echo(f"{'':17}   {found.evidence}")
    ctx.exit()


@click.command()
@click.argument("model", required=False, shell_complete=completing.presets)
@click.option("--to", "format_", default="toml", metavar="FORMAT", help="One of --formats; by default toml.")
@click.option("--formats", is_flag=True, is_eager=True, expose_value=False, callback=_list,
              help="List the formats, and which programs have read them.")
@options.output
@options.module
@click.option("--platform", "-p", help='Hold the model against this CPU: a name or a file, "none" for no CPU.')
@options.vmm
@click.option("--guest", is_flag=True, help="cpuid: what a Linux guest's programs read, not what the module holds.")
@click.option("--strict", is_flag=True, help="Exit status 1 if the format can't say everything of the model.")
@click.option("--allow-conflicts", is_flag=True, help="Export a model that doesn't come out as wished too.")
def export(
    model: str | None, format_: str, output: str | None, module: str | None, platform: str | None, kvm: str | None,
    qemu: str | None, guest: bool, strict: bool, allow_conflicts: bool,
) -> None:
    """Write a model (a preset, file or other source), or with --module alone a module, as VMMs and tools read it.

    What the format can't say is listed in the file, or on standard error where a file has no room for it.

    \b
    tdxtui export web-tier.toml -o web-tier.validated.toml
    tdxtui export web-tier.toml --to qemu --qemu 11.1 --strict
    tdxtui export web-tier.toml --to kvm-tdx-init-vm -o web-tier.bin
    tdxtui export web-tier.toml --to html -o web-tier.html
    tdxtui export --module 1.5.06 --to fixed-bits-c
    """
    from tdxtui.exporters import Conflicting, Options

    try:
        found = _exported(model, module, platform, format_, Options(qemu, kvm, guest, allow_conflicts))
    except Conflicting as error:
        click.echo(f"tdxtui: {error}", err=True)
        sys.exit(options.FINDINGS)
    _check_target(found, output)
    put(found.content, output)
    _tell(found, strict)
    if strict and found.losses:
        sys.exit(options.FINDINGS)


def _exported(
    model: str | None, module: str | None, platform: str | None, format_: str, chosen: Options
) -> Export:
    from tdxtui import exporters, library

    if exporters.format_of(format_).of_module:
        if model is not None or module is None:
            raise TdxtuiError(f"{format_} is made of a module: tdxtui export --module VERSION --to {format_}")
        return exporters.export_module(library.module(module), format_)
    if model is None:
        raise TdxtuiError("which model? Name a file or a preset")
    _check_options(exporters.format_of(format_), chosen)
    return exporters.export(_model(model, module, platform), format_, chosen)


def _model(name: str, module: str | None, platform: str | None) -> VcpuModel:
    """A model's own file as it is, but for a module or CPU that is given; of another source what it is there."""
    from tdxtui import model_template, sources

    found = sources.find(name)
    if found.kind in ("model", "preset"):
        return model_template.held_against(found.model, module, platform)
    worked_out, named = sources.model_at(found, module, platform)
    tell(worked_out.notes)
    return named


def _check_options(found: Format, chosen: Options) -> None:
    """Refuse an option that the format would not look at."""
    for name in ("qemu", "kvm", "guest"):
        if getattr(chosen, name) and name not in found.options:
            raise TdxtuiError(f"--{name} means nothing to {found.name}")


def _check_target(found: Export, output: str | None) -> None:
    """Refuse to fill a terminal with bytes."""
    if isinstance(found.content, bytes) and output in (None, "-") and sys.stdout.isatty():
        raise TdxtuiError(f"{found.format} is binary; give a file with --output")


def _tell(found: Export, strict: bool) -> None:
    """Say on standard error what a file of the format has no room for, or that must be known."""
    from tdxtui.exporters import FORMATS

    silent = FORMATS[found.format].silent
    for line in found.ground if silent else ():
        click.echo(line, err=True)
    for line in found.losses if strict or silent else ():
        click.echo(f"lost: {line}", err=True)
