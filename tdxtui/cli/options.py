"""Options that several commands share, so that one word means one thing everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from tdxtui.cli import completing
from tdxtui.errors import TdxtuiError

F = TypeVar("F", bound=Callable[..., Any])

FINDINGS = 1

module = click.option(
    "--module", "-m", help="A module version or file; by default the model's.", shell_complete=completing.modules
)
platform = click.option(
    "--platform", "-p", help='A CPU by name or file, "none" for no CPU; by default the model\'s.',
    shell_complete=completing.platforms,
)
modules = click.option(
    "--module", "-m", "modules", multiple=True, help="A module version or file; may be repeated.",
    shell_complete=completing.modules,
)
platforms = click.option(
    "--platform", "-p", "platforms", multiple=True, help='A CPU by name or file, "none" for no CPU; may be repeated.',
    shell_complete=completing.platforms,
)
as_json = click.option("--json", "as_json", is_flag=True, help="For programs.")
quiet = click.option("--quiet", "-q", is_flag=True, help="Print nothing; the exit status tells.")
output = click.option("--output", "-o", help="Write to this file instead of standard output.")


def vmm(command: F) -> F:
    """--kvm and --qemu: the VMM layers to hold a model against."""
    kvm = click.option(
        "--kvm", metavar="VERSION", help="What this KVM (Linux) version refuses too, as 7.2.",
        shell_complete=completing.layers,
    )
    qemu = click.option(
        "--qemu", metavar="VERSION", help="What this QEMU version refuses or forces too, as 10.2.",
        shell_complete=completing.layers,
    )
    return kvm(qemu(command))


def titled(command: F) -> F:
    """--name and --description of a model that a command makes."""
    name = click.option("--name", help="The model's name in the file.")
    description = click.option("--description", help="What the model is for, in the file.")
    return name(description(command))


def hex_word(option: str, text: str | None) -> int | None:
    """A hex number of at most 64 bits given to an option, None for none; TdxtuiError for another text."""
    if text is None:
        return None
    if not re.fullmatch("(0[xX])?[0-9a-fA-F]{1,16}", text):
        raise TdxtuiError(f"{option}: {text!r} is not a hex number of at most 64 bits; write it as 0xe7")
    return int(text, 16)


def named_word(option: str, text: str | None, names: Mapping[str, int]) -> int | None:
    """Names with commas between them, or a hex number, None for none; TdxtuiError for another text."""
    if text is None or re.fullmatch("(0[xX])?[0-9a-fA-F]+", text):
        return hex_word(option, text)
    if not text.strip():
        raise TdxtuiError(f"{option}: {text!r} says nothing; write names with commas between them, or 0xe7")
    mask = 0
    for name in text.split(","):
        if name.strip().upper() not in names:
            from tdxtui.strict import unknown  # of no use to most commands

            raise TdxtuiError(f"{option}: {unknown(name, names)}")
        mask |= names[name.strip().upper()]
    return mask
