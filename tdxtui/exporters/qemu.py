"""A shell script that starts qemu-system-x86_64 with what makes the TD; what else a VM needs are its arguments.

Only names that the QEMU version knows are used: another one would be refused. ``-cpu host`` turns on what the host
has, so what the model doesn't want is turned off by name.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

from tdxtui.cpuid import Field, Leaf
from tdxtui.exporters import kvm_rules
from tdxtui.exporters.result import Written
from tdxtui.exporters.subject import Subject
from tdxtui.exporters.switches import Switches, names_by_bit, switches
from tdxtui.td import ATTRIBUTES, XFAM, names_of

SIGNATURE = "1.eax"
SEPT_VE_DISABLE = ATTRIBUTES["SEPT_VE_DISABLE"]
HZ = 1_000_000


def write(subject: Subject) -> Written:
    """The options for `subject.qemu`."""
    found = switches(subject, names_by_bit(subject.qemu), (SIGNATURE,))
    losses = (*found.losses, *kvm_losses(subject))
    lines = [
        "exec qemu-system-x86_64 -accel kvm",
        f"-smp {subject.model.max_vcpus}",
        "-machine q35,kernel-irqchip=split,confidential-guest-support=tdx0",
        f"-object tdx-guest,id=tdx0,{','.join(_tdx_guest(subject, found))}",
        f"-cpu host,check,{','.join(cpu_options(subject, found))}",
    ]
    return Written(script(f"{subject.header(losses)}# {made_for(subject)}\n", lines), losses)


def made_for(subject: Subject) -> str:
    """The QEMU that an export is for, and what of it nobody has read."""
    assumed = names_of(subject.config.xfam & subject.qemu.xfam_assumed, XFAM)
    unsure = f"; that it passes XFAM {', '.join(assumed)} is assumed" if assumed else ""
    return f"for {subject.qemu.label}{unsure}"


def script(head: str, lines: list[str]) -> str:
    """A shell script of one command, which hands its arguments on."""
    command = " \\\n    ".join([*lines, '"$@"'])
    return f"#!/bin/sh\n{head}{command}\n"


def kvm_losses(subject: Subject, says_gpaw: bool = True) -> tuple[str, ...]:
    """What KVM makes impossible below QEMU; what it refuses only if a KVM was named."""
    losses = [*kvm_rules.losses(subject, says_gpaw)]
    return (*losses, *kvm_rules.refusals(subject, subject.kvm)) if subject.options.kvm else tuple(losses)


def _tdx_guest(subject: Subject, found: Switches) -> Iterator[str]:
    """The properties of tdx-guest but for its id."""
    yield f"sept-ve-disable={'on' if found.attributes & SEPT_VE_DISABLE else 'off'}"
    if rest := found.attributes & ~SEPT_VE_DISABLE:
        yield f"attributes={rest:#x}"
    for name, digest in subject.model.digests.items():
        yield f"{name}={b64encode(digest).decode()}"


def cpu_options(subject: Subject, found: Switches) -> Iterator[str]:
    """What follows ``-cpu host``: numbers, switches, then features in CPUID's order."""
    yield f"tsc-frequency={subject.model.tsc_mhz * HZ}"
    yield f"guest-phys-bits={kvm_rules.phys_bits(subject)}"
    yield from _signature(subject.config_of(Leaf(1)))
    yield from (f"{name}={'on' if on else 'off'}" for name, on in found.others.items())
    yield from features(subject, found)


def features(subject: Subject, found: Switches) -> Iterator[str]:
    """Features to turn on, then those to turn off."""
    names = names_by_bit(subject.qemu)
    for wanted, sign in ((True, "+"), (False, "-")):
        yield from (f"{sign}{names[bit]}" for bit, on in sorted(found.features.items()) if on is wanted)


def _signature(packed: int) -> Iterator[str]:
    """Family, model and stepping, if the model gives any: QEMU has options for them, not for the whole register."""
    word = Field.parse(SIGNATURE).get(packed)
    if word:
        family = (word >> 8 & 0xF) + (word >> 20 & 0xFF if word >> 8 & 0xF == 0xF else 0)
        yield f"family={family}"
        yield f"model={word >> 4 & 0xF | word >> 12 & 0xF0}"
        yield f"stepping={word & 0xF}"
