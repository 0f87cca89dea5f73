"""`tdxtui import`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tdxtui.cli import options
from tdxtui.cli.output import put, show, tell
from tdxtui.errors import TdxtuiError

if TYPE_CHECKING:
    from tdxtui.importers import Imported


@click.command("import")
@click.argument("words", metavar="[FILE | -- COMMAND ...]", nargs=-1)
@click.option("--format", "-f", "format_", help="Take the file for this format, whatever it looks like; see --list.")
@click.option("--cpu", type=click.IntRange(0), help="Which logical CPU of a dump, or of this machine with --host.")
@click.option("--host", is_flag=True, help="Read this machine's CPUID instead of a file (/dev/cpu, needs root).")
@click.option("--kvm", is_flag=True, help="Ask KVM here what it offers a TD (KVM_TDX_CAPABILITIES).")
@click.option("--module", "-m", help="The module that a configuration is for, or that a host's offer is held against.")
@click.option("--platform", "-p", help="The CPU to work out what a configuration leaves to the host (-cpu host).")
@click.option("--list", "list_", is_flag=True, help="List the formats, and what each is known from.")
@options.output
@options.as_json
def import_(
    words: tuple[str, ...], format_: str | None, cpu: int | None, host: bool, kvm: bool, module: str | None,
    platform: str | None, list_: bool, output: str | None, as_json: bool,
) -> None:
    """Read what a machine or another tool shows, and print the file that comes of it.

    A dump of a CPU becomes a platform, a configuration a model, Intel's CPUID table a module; each is a TOML file that
    goes wherever tdxtui takes one, or into the folder of your own. "-" is standard input.

    \b
    tdxtui import cpuid-r.txt -o ~/.local/share/tdxtui/platforms/my-host.toml
    tdxtui import --host --json
    tdxtui import /proc/4711/cmdline --platform sapphire-rapids -o web.toml
    tdxtui import -- qemu-system-x86_64 -cpu host,-avx512f -object tdx-guest,id=tdx0
    tdxtui import cpuid_virtualization.json -o 1.5.99.toml
    tdxtui import --kvm --module 1.5.06
    """
    from tdxtui import imported

    if list_:
        rows = imported.formats()
        show(rows, (f"{row['format']:<23}  {row['title']:<37}  {row['evidence']}" for row in rows), as_json)
        return
    found = _chosen(_found(words, format_, cpu, host, kvm), cpu)
    tell(imported.notes_of(found, module, platform))
    if as_json:
        from tdxtui.cli.output import json_text

        put(json_text(imported.data_of(found, module, platform)) + "\n", output)
    else:
        put(imported.text_of(found, module, output, platform), output)


def _found(words: tuple[str, ...], format_: str | None, cpu: int | None, host: bool, kvm: bool) -> Imported:
    if bool(words) + host + kvm != 1:
        raise TdxtuiError("import reads one thing: a FILE, or a command line after --, or --host, or --kvm")
    if host:
        from tdxtui.importers.host import read_host

        return read_host(cpu or 0)
    if kvm:
        from tdxtui.importers.kvm_host import read_kvm

        return read_kvm()
    from tdxtui import importers

    if len(words) > 1:
        return importers.read("\0".join(words).encode(errors="surrogateescape"), "command line", format_)
    if words[0] == "-":
        return importers.read(sys.stdin.buffer.read(importers.MAX_SIZE + 1), "standard input", format_)
    return importers.read_path(Path(words[0]), format_)


def _chosen(found: Imported, cpu: int | None) -> Imported:
    """The import with the chosen logical CPU first."""
    from dataclasses import replace

    from tdxtui.dump import Dump

    if cpu is None:
        return found
    if not isinstance(found.what, Dump):
        raise TdxtuiError("--cpu: this is no dump of a machine")
    try:
        return replace(found, what=found.what.begun_with(cpu))
    except KeyError as error:
        raise TdxtuiError(f"--cpu: {error.args[0]}") from None
