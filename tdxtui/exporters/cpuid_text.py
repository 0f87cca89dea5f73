"""Text as ``cpuid -r`` prints it, which ``cpuid -f`` and other programs read."""

from __future__ import annotations

from collections.abc import Iterator

from tdxtui.cpuid import REGISTER_KEYS, Leaf, unpack
from tdxtui.dynamic import CR4_OSXSAVE, CR4_PKE, GuestState
from tdxtui.exporters.result import Written
from tdxtui.exporters.subject import Subject, tool
from tdxtui.platform_checks import XCR0_MASK
from tdxtui.runtime import cpuid
from tdxtui.strict import shown
from tdxtui.td import XFAM

SHORT = 16


def write(subject: Subject) -> Written:
    """The virtual CPUID as the module holds it, or with `guest` as a Linux guest's programs read it.

    `cpuid -f` takes no comments, and no line of more than 86 signs, so the least of the ground stands behind the
    number of the CPU, where it isn't looked at.
    """
    values = _read(subject) if subject.options.guest else _held(subject)
    losses = (*_losses(subject), *subject.unknown_losses)
    rows = [_row(leaf, value) for leaf, value in sorted(values, key=lambda row: (row[0].leaf, row[0].subleaf or 0))]
    return Written(f"CPU 0: {_ground(subject)}\n{''.join(rows)}", losses)


def _ground(subject: Subject) -> str:
    cpu = subject.model.platform if subject.situation.platform else "none"
    verdict = "NOT VALIDATED" if subject.problems else "validated"
    names = f"{shown(subject.name, SHORT)} module {shown(subject.module.version, SHORT)} platform {shown(cpu, SHORT)}"
    return f"{verdict}, {tool()} {names}"


def _losses(subject: Subject) -> Iterator[str]:
    yield "all but CPUID: ATTRIBUTES, XFAM, CONFIG_FLAGS, the TSC's frequency, MAX_VCPUS and the digests"
    if subject.options.guest:
        yield "the guest's own values are those of its first vCPU; leaves that give it #VE read 0, as under Linux"


def _held(subject: Subject) -> Iterator[tuple[Leaf, int]]:
    td = subject.td
    yield from ((leaf, value & td.known_at(leaf)) for leaf, value in td.cpuid().items())


def _read(subject: Subject) -> Iterator[tuple[Leaf, int]]:
    config = subject.config
    # A 64-bit kernel's first vCPU as programs run, with all that XFAM allows in use.
    cr4 = CR4_OSXSAVE | (CR4_PKE if config.xfam & XFAM["PKRU"] else 0)
    guest = GuestState(cr4=cr4, xcr0=config.xfam & XCR0_MASK, xss=config.xfam & ~XCR0_MASK)
    for leaf in subject.td.cpuid():
        value = cpuid(subject.td, leaf.leaf, leaf.subleaf or 0, guest)
        yield leaf, (value or 0) & subject.td.known_at(leaf)


def _row(leaf: Leaf, value: int) -> str:
    registers = " ".join(f"{key}={word:#010x}" for key, word in zip(REGISTER_KEYS, unpack(value), strict=True))
    return f"   {leaf.leaf:#010x} {leaf.subleaf or 0:#04x}: {registers}\n"
