"""`tdxtui baseline`."""

from __future__ import annotations

import shlex

import click

from tdxtui.cli import completing, options
from tdxtui.cli.fit import fail
from tdxtui.cli.output import progress, put, show


@click.command()
@click.argument("hosts", metavar="CPU|DUMP...", nargs=-1, required=True, shell_complete=completing.platforms)
@options.modules
@options.vmm
@click.option("--cold", is_flag=True, help="TDs needn't move while they run: without MIGRATABLE, with PERFMON.")
@click.option("--all", "everything", is_flag=True, help="Every lost feature, not only the first groups.")
@options.titled
@options.output
@options.as_json
@options.quiet
def baseline(
    hosts: tuple[str, ...], modules: tuple[str, ...], kvm: str | None, qemu: str | None, cold: bool, everything: bool,
    name: str | None, description: str | None, output: str | None, as_json: bool, quiet: bool,
) -> None:
    """Find the richest model that every CPU can run on every module: that of a migration pool.

    Says which CPU or module costs which feature, and what differs whatever one sets. The exit status is 1 if a module
    refuses a CPU. With -o the model goes to a file, with "-o -" to standard output and the report to standard error.

    \b
    tdxtui baseline sapphire-rapids emerald-rapids granite-rapids -m 1.5.06
    tdxtui baseline dumps/*.txt -m 1.5.06 -m 1.5.34 -o pool.toml
    tdxtui baseline sapphire-rapids granite-rapids --cold --kvm 7.2 --json
    """
    from tdxtui import library, situations, vmm
    from tdxtui.baseline import gather, pool, report
    from tdxtui.fit import Unfit

    names = modules or (situations.DEFAULT_MODULE,)
    on = [(name, library.module(name)) for name in dict.fromkeys(names)]
    layers = vmm.chosen(kvm, qemu)
    try:
        found = pool(gather(progress(hosts, "Reading CPUs")), on, layers, cold)
    except Unfit as unfit:
        fail(unfit.reasons, as_json, quiet)
    if output:
        command = _command(hosts, modules, kvm, qemu, cold)
        put(report.text(found, command, name, description), output)
    if quiet:
        return
    if output == "-":
        click.echo("\n".join(report.lines(found, everything)), err=True)
    else:
        show(report.data(found) if as_json else None, report.lines(found, everything), as_json)


def _command(hosts: tuple[str, ...], modules: tuple[str, ...], kvm: str | None, qemu: str | None, cold: bool) -> str:
    """The command line that gives the same model; of many hosts only the first are named."""
    few = [*hosts[:6], *(["..."] if len(hosts) > 6 else [])]
    words = ["tdxtui", "baseline", *few, *(word for name in modules for word in ("--module", name))]
    words += [word for name, value in (("--kvm", kvm), ("--qemu", qemu)) if value for word in (name, value)]
    return shlex.join([*words, *(["--cold"] if cold else [])])
