"""The parts of a libvirt domain that make a TD of the model (libvirt 12.8 and later; schema of 12.8.0)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from functools import cache

from tdxtui import catalog
from tdxtui.cpuid import Field
from tdxtui.exporters.qemu import HZ, kvm_losses, made_for
from tdxtui.exporters.result import Written
from tdxtui.exporters.subject import Subject
from tdxtui.exporters.switches import Switches, names_by_bit, switches

# libvirt's elements by TD_PARAMS' names.
DIGEST_ELEMENTS = {"mrconfigid": "mrConfigId", "mrowner": "mrOwner", "mrownerconfig": "mrOwnerConfig"}


def write(subject: Subject) -> Written:
    """A domain of these parts alone, to be merged into one that has a name, memory and devices."""
    names = names_of_libvirt(subject)
    found = switches(subject, names)
    # libvirt has no word for the width of guest-physical addresses.
    losses = (*found.losses, *kvm_losses(subject, says_gpaw=False))
    lines = [
        f"  <vcpu>{subject.model.max_vcpus}</vcpu>",
        *_pmu(found),
        *_cpu(found, names),
        f"  <clock offset='utc'>\n    <timer name='tsc' frequency='{subject.model.tsc_mhz * HZ}'/>\n  </clock>",
        *_security(subject, found),
    ]
    comment = _comment(subject.header((*losses,), "  ") + f"  {made_for(subject)}\n")
    return Written("\n".join(["<domain type='kvm'>", comment, *lines, "</domain>", ""]), losses)


def names_of_libvirt(subject: Subject) -> dict[Field, str]:
    """libvirt's names of the bits that both libvirt and the QEMU below it know."""
    return {bit: _libvirt(bit) for bit in names_by_bit(subject.qemu) if _libvirt(bit)}


@cache
def _libvirt(bit: Field) -> str:
    named = catalog.named_at(bit)
    return named.libvirt if named else ""


def _comment(text: str) -> str:
    """An XML comment, which may not have two dashes in a row."""
    return f"  <!--\n{text.replace('--', '- -')}  -->"


def _pmu(found: Switches) -> Iterator[str]:
    for name, on in found.others.items():
        yield f"  <features>\n    <{name} state='{'on' if on else 'off'}'/>\n  </features>"


def _cpu(found: Switches, names: dict[Field, str]) -> Iterator[str]:
    # Migratable CPUs only have what QEMU knows by name: what has no name can't come in unasked.
    yield "  <cpu mode='host-passthrough' migratable='on'>"
    for bit, on in sorted(found.features.items()):
        yield f"    <feature policy='{'require' if on else 'disable'}' name='{names[bit]}'/>"
    yield "  </cpu>"


def _security(subject: Subject, found: Switches) -> Iterator[str]:
    yield "  <launchSecurity type='tdx'>"
    yield f"    <policy>{found.attributes:#x}</policy>"
    for name, digest in subject.model.digests.items():
        element = DIGEST_ELEMENTS[name]
        yield f"    <{element}>{b64encode(digest).decode()}</{element}>"
    yield "  </launchSecurity>"
