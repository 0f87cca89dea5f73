"""Options that several commands share, so that one word means one thing everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from tdxtui.errors import TdxtuiError

F = TypeVar("F", bound=Callable[..., Any])

FINDINGS = 1

module = click.option("--module", "-m", help="A module version or file; by default the model's.")
platform = click.option("--platform", "-p", help='A CPU by name or file, "none" for no CPU; by default the model\'s.')
modules = click.option("--module", "-m", "modules", multiple=True, help="A module version or file; may be repeated.")
platforms = click.option(
    "--platform", "-p", "platforms", multiple=True, help='A CPU by name or file, "none" for no CPU; may be repeated.'
)
as_json = click.option("--json", "as_json", is_flag=True, help="For programs.")
quiet = click.option("--quiet", "-q", is_flag=True, help="Print nothing; the exit status tells.")
output = click.option("--output", "-o", help="Write to this file instead of standard output.")


def vmm(command: F) -> F:
    """--kvm and --qemu: the VMM layers to hold a model against."""
    kvm = click.option("--kvm", metavar="VERSION", help="What this KVM (Linux) version refuses too, as 7.2.")
    qemu = click.option("--qemu", metavar="VERSION", help="What this QEMU version refuses or forces too, as 10.2.")
    return kvm(qemu(command))


def hex_word(option: str, text: str | None) -> int | None:
    """A hex number of at most 64 bits given to an option, None for none; TdxtuiError for another text."""
    if text is None:
        return None
    if not re.fullmatch("(0[xX])?[0-9a-fA-F]{1,16}", text):
        raise TdxtuiError(f"{option}: {text!r} is not a hex number of at most 64 bits; write it as 0xe7")
    return int(text, 16)
