"""A shell script with cloud-hypervisor, which can say little of a TD's CPU; layout from documentation, not tried."""

from __future__ import annotations

from tdxtui.exporters import kvm_rules
from tdxtui.exporters.qemu import script
from tdxtui.exporters.result import Written
from tdxtui.exporters.subject import Subject
from tdxtui.td import ATTRIBUTES, XFAM, names_of

# What it gives every TD.
OWN_ATTRIBUTES = ATTRIBUTES["SEPT_VE_DISABLE"]


def write(subject: Subject) -> Written:
    """The script."""
    config = subject.config
    losses = [f"XFAM {', '.join(names_of(config.xfam, XFAM))}: it hands no XFAM to KVM"]
    if other := names_of(config.attributes ^ OWN_ATTRIBUTES, ATTRIBUTES):
        losses.append(f"ATTRIBUTES {', '.join(other)}: it always has SEPT_VE_DISABLE alone")
    losses += [f"{leaf.sdm}: it has no options for CPUID" for leaf, value in config.cpuid_config.items() if value]
    losses.append(f"tsc_mhz = {subject.model.tsc_mhz}: it has no option for the TSC")
    losses += [f"{name}: it has no option for it" for name in subject.model.digests]
    losses += kvm_rules.losses(subject, says_gpaw=False)
    amx = ",features=amx" if config.xfam & XFAM["AMX"] else ""
    lines = ["exec cloud-hypervisor", "--platform tdx=on", f"--cpus boot={subject.model.max_vcpus}{amx}"]
    return Written(script(subject.header(losses), lines), tuple(losses))
