"""`tdxtui check`."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from tdxtui.cli import options
from tdxtui.cli.completing import models as models_completed
from tdxtui.cli.output import painted, progress
from tdxtui.errors import TdxtuiError

if TYPE_CHECKING:
    from tdxtui.matrix import Cell
    from tdxtui.vmm import VmmLayer

BAD_INPUT = 2
COLOURS = {"refused": "red", "conflict": "red", "vmm": "magenta", "drift": "yellow", "warning": "yellow"}


@click.command()
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, shell_complete=models_completed)
@options.modules
@options.platforms
@options.vmm
@click.option(
    "--fail-on", type=click.Choice(["conflict", "warning"]), default="conflict", show_default=True,
    help="What exit status 1 stands for.",
)
@click.option("--elsewhere", is_flag=True, help="Where nothing helps here, look for a cure on other modules and CPUs.")
@options.as_json
@options.quiet
def check(
    models: tuple[str, ...], modules: tuple[str, ...], platforms: tuple[str, ...], kvm: str | None, qemu: str | None,
    fail_on: str, elsewhere: bool, as_json: bool, quiet: bool,
) -> None:
    """Say whether TDs would get what models want, and name each bit that they would not.

    A MODEL is a model file, a preset, a dump of a CPU, qemu:NAME or level:NAME (see tdxtui sources). Several models,
    modules and CPUs make a matrix. Exit status 0: as wanted, 1: findings, 2: bad input.

    \b
    tdxtui check web-tier.toml
    tdxtui check web-tier.toml --module 1.5.06 --module 1.5.34 --platform granite-rapids
    tdxtui check web-tier.toml --kvm 7.2 --qemu 10.2 --fail-on warning
    tdxtui check qemu:SapphireRapids-v4 -m 1.5.06 -p sapphire-rapids
    tdxtui check models/*.toml --json --quiet
    """
    from tdxtui import vmm

    gc.enable()  # `start` has turned it off, and a batch may be long
    found = _Batch(_cells(models, modules, platforms, vmm.chosen(kvm, qemu), quiet), elsewhere, fail_on)
    if quiet:
        for _ in found:
            pass
    elif as_json:
        found.put_json()
    else:
        found.put_text()
    if found.status:
        sys.exit(found.status)


def _cells(
    models: Sequence[str], modules: Sequence[str], platforms: Sequence[str], layers: Sequence[VmmLayer],
    quiet: bool,
) -> Iterator[Cell]:
    from tdxtui.matrix import cells

    for model in models if quiet else progress(models, "Checking"):
        for cell in cells(model, modules, platforms, layers):
            if cell.error and len(models) == 1:
                raise TdxtuiError(cell.error)
            yield cell


class _Batch:
    """The cells of a call, one after the other; `status` is that of those seen so far."""

    def __init__(self, cells: Iterator[Cell], far: bool, fail_on: str) -> None:
        self._cells, self._far, self._fail_on = cells, far, fail_on
        self.status = 0

    def __iter__(self) -> Iterator[Cell]:
        for cell in self._cells:
            failing = cell.worst is not None and self._fail_on in ("warning", cell.worst.value)
            self.status = max(self.status, BAD_INPUT if cell.error else int(failing))
            yield cell

    def put_json(self) -> None:
        """A list with a row a line, each written as soon as it is known."""
        import json

        encode = json.JSONEncoder(ensure_ascii=False).encode
        before = "[\n"
        for cell in self:
            sys.stdout.write(before + encode(cell.data(self._far)))
            before = ",\n"
        sys.stdout.write("\n]\n")

    def put_text(self) -> None:
        """The matrix if there is one, then each cell's findings."""
        from tdxtui import check_text

        rows = []
        texts = []
        for cell in self:
            texts.append(list(check_text.text(cell, self._far)))
            rows.append(check_text.row(cell))
        if len(rows) > 1:
            click.echo("\n".join(check_text.table(rows)))
        for number, lines in enumerate(texts):
            if number or len(rows) > 1:
                click.echo()
            for line in lines:
                click.echo(painted(line, COLOURS))
