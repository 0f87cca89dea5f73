"""`tdxtui fit`."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from tdxtui.cli import completing, options
from tdxtui.cli.output import json_text, put, show


@click.command()
@click.argument("source", shell_complete=completing.models)
@options.module
@options.platform
@options.vmm
@click.option("--require", multiple=True, metavar="FEATURE", help="A feature, or XFAM.AMX, that must be on.")
@click.option("--forbid", multiple=True, metavar="FEATURE", help="One that must be off.")
@click.option("--prefer", multiple=True, metavar="FEATURE", help="One to be on if it can, whatever SOURCE says.")
@click.option("--all", "everything", is_flag=True, help="Every change, not only the first of each kind.")
@options.titled
@options.output
@options.as_json
@options.quiet
def fit(
    source: str, module: str | None, platform: str | None, kvm: str | None, qemu: str | None, require: tuple[str, ...],
    forbid: tuple[str, ...], prefer: tuple[str, ...], everything: bool, name: str | None, description: str | None,
    output: str | None, as_json: bool, quiet: bool,
) -> None:
    """Find the nearest legal model to SOURCE, and say what was forced on, dropped and left to the module.

    SOURCE is a QEMU model, an x86-64 level, a preset, a CPU, or a file: a model, a dump, whatever can be imported.
    Where a demand can't be met, the reason is printed and the exit status is 1. With -o the model goes to a file,
    with "-o -" to standard output and the report to standard error.

    \b
    tdxtui fit qemu:SapphireRapids-v4 -m 1.5.06 -p sapphire-rapids --kvm 7.2 --qemu 10.2 -o spr.toml
    tdxtui fit level:x86-64-v4 -m 1.5.34 -p granite-rapids --require amx_tile
    tdxtui fit host.txt -p host.txt --forbid intel_pt --json
    """
    from tdxtui import fit as fitting
    from tdxtui import sources, vmm
    from tdxtui.fit import report, written

    found = sources.find(source)
    names = sources.place(found, module, platform)
    on, cpu = sources.ground(found, module, platform)
    found = sources.on(found, on, cpu, vmm.chosen(kvm, qemu))
    demands = fitting.Demands.parse(require, forbid, prefer)
    try:
        target = fitting.Target.of(on, cpu, vmm.chosen(kvm, qemu), names)
        result = fitting.fit(found, target, demands)
    except fitting.Unfit as unfit:
        fail(unfit.reasons, as_json, quiet)
    if output:
        command = _command(source, module=module, platform=platform, kvm=kvm, qemu=qemu, require=require, forbid=forbid,
                           prefer=prefer)
        put(written.text(result, command, name, description), output)
    if not quiet:
        if output == "-":
            click.echo("\n".join(report.lines(result, everything)), err=True)
        else:
            show(report.data(result) if as_json else None, report.lines(result, everything), as_json)


def fail(reasons: tuple[str, ...], as_json: bool, quiet: bool) -> NoReturn:
    """Say why nothing fits, and end with the status for findings."""
    if as_json and not quiet:
        click.echo(json_text({"unfit": list(reasons)}))
    elif not quiet:
        from tdxtui.fit.report import wrapped

        for reason in reasons:
            click.echo("\n".join(wrapped(reason, hanging="    ")))
    sys.exit(options.FINDINGS)


def _command(source: str, **options: str | tuple[str, ...] | None) -> str:
    """The command line that gives the same model."""
    import shlex

    words = ["tdxtui", "fit", source]
    for name, values in options.items():
        for value in values if isinstance(values, tuple) else (values,):
            words += [f"--{name}", value] if value is not None else []
    return shlex.join(words)
