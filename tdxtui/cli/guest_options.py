"""Options that say in which state a guest executes CPUID."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tdxtui.cli.options import hex_word, named_word
from tdxtui.dynamic import GuestState
from tdxtui.errors import TdxtuiError
from tdxtui.td import FEATURE_PARAVIRT_CTLS, TD_CTLS, names_of

if TYPE_CHECKING:
    from tdxtui.module import Module

F = TypeVar("F", bound=Callable[..., Any])


def guest_state(command: F) -> F:
    """--cr4, --xcr0, --xss, --td-ctls, --paravirt and --vcpu."""
    for option in (
        click.option("--vcpu", type=click.IntRange(0, 0xFFFFFFFF), help="The vCPU's index and x2APIC ID."),
        click.option("--paravirt", metavar="NAMES|HEX", help="The guest's FEATURE_PARAVIRT_CTLS, as MCA,MTRR."),
        click.option("--td-ctls", metavar="NAMES|HEX", help="The guest's TD_CTLS, as REDUCE_VE or ENUM_TOPOLOGY."),
        click.option("--xss", metavar="HEX", help="The guest's IA32_XSS."),
        click.option("--xcr0", metavar="HEX", help="The guest's XCR0."),
        click.option("--cr4", metavar="HEX", help="The guest's CR4: bit 18 is OSXSAVE, bit 22 PKE."),
    ):
        command = option(command)
    return command


def state(
    cr4: str | None, xcr0: str | None, xss: str | None, td_ctls: str | None, paravirt: str | None, vcpu: int | None
) -> GuestState | None:
    """The state that the options say, None if none is given. TdxtuiError for a value that is none."""
    if all(option is None for option in (cr4, xcr0, xss, td_ctls, paravirt, vcpu)):
        return None
    default = GuestState()
    return GuestState(
        cr4=hex_word("--cr4", cr4) or default.cr4,
        xcr0=hex_word("--xcr0", xcr0) or default.xcr0,
        xss=hex_word("--xss", xss) or default.xss,
        td_ctls=named_word("--td-ctls", td_ctls, TD_CTLS) or 0,
        feature_paravirt_ctls=named_word("--paravirt", paravirt, FEATURE_PARAVIRT_CTLS) or 0,
        vcpu_index=vcpu or 0,
        x2apic_id=vcpu or 0,
    )


def possible(state: GuestState | None, module: Module) -> None:
    """TdxtuiError for TD_CTLS that a module knows nothing of: it refuses a guest that would set them."""
    missing = (state.td_ctls if state else 0) & ~module.exit.td_ctls
    if missing:
        names = ", ".join(names_of(missing, TD_CTLS))
        raise TdxtuiError(f"--td-ctls: module {module.version} has no {names}; its guests can't set that")
