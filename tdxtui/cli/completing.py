"""What a shell may complete: names of modules, CPUs, VMM versions, presets, sources and CPUID's fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    Items = list[CompletionItem]


def _item(value: str, type: str = "plain") -> CompletionItem:
    from click.shell_completion import CompletionItem  # only a shell that completes needs it

    return CompletionItem(value, type=type)


def _named(incomplete: str, names: Iterable[str]) -> Items:
    return [_item(name) for name in names if name.startswith(incomplete)]


def _starting(incomplete: str, names: Iterable[str]) -> Items:
    """The names that begin so, else whatever files do."""
    return _named(incomplete, names) or [_item(incomplete, type="file")]


def modules(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Module versions, or files."""
    from tdxtui import library

    return _starting(incomplete, library.files("modules"))


def platforms(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """CPUs, or files."""
    from tdxtui import library

    return _starting(incomplete, [*library.files("platforms"), "none"])


def layers(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """The versions of the VMM that the option is named after."""
    from tdxtui import vmm

    return _starting(incomplete, vmm.versions(param.name or ""))


def presets(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Presets, or files."""
    from tdxtui import library

    return [*_named(incomplete, library.presets()), _item(incomplete, type="file")]


def models(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Presets, CPUs, qemu:NAME, level:NAME, or files."""
    from tdxtui import levels, library, qemu_models
    from tdxtui.sources import LEVEL, QEMU

    if incomplete.startswith(QEMU):
        return _starting(incomplete, (f"{QEMU}{name}" for name in qemu_models.models()))
    if incomplete.startswith(LEVEL):
        return _starting(incomplete, (f"{LEVEL}{name}" for name in levels.levels()))
    names = (*library.presets(), *library.files("platforms"), QEMU, LEVEL)
    return [*_named(incomplete, names), _item(incomplete, type="file")]


def subjects(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """What `diff` compares: module versions, and whatever `models` offers."""
    from tdxtui import library

    return [*_named(incomplete, library.files("modules")), *models(ctx, param, incomplete)]


def fields(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Names of CPUID's fields."""
    from tdxtui.catalog import tables

    names = dict.fromkeys(name for row in tables.rows() for name in row.names[:2] if name)
    return _named(incomplete, names)
