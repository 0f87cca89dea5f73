"""A piece of kata-containers' configuration-qemu-tdx.toml; layout from documentation, not tried."""

from __future__ import annotations

from tdxtui.exporters.qemu import SEPT_VE_DISABLE, SIGNATURE, cpu_options, kvm_losses
from tdxtui.exporters.result import Written
from tdxtui.exporters.subject import Subject
from tdxtui.exporters.switches import names_by_bit, switches
from tdxtui.td import ATTRIBUTES, names_of


def write(subject: Subject) -> Written:
    """The table of the hypervisor; `cpu_features` is what kata appends to ``-cpu``."""
    found = switches(subject, names_by_bit(subject.qemu), (SIGNATURE,))
    losses = [*found.losses, *kvm_losses(subject)]
    if rest := names_of(found.attributes ^ SEPT_VE_DISABLE, ATTRIBUTES):
        losses.append(f"ATTRIBUTES {', '.join(rest)}: kata makes the tdx-guest object by itself")
    losses += [f"{name}: kata fills it in by itself" for name in subject.model.digests]
    lines = [
        "[hypervisor.qemu]",
        "confidential_guest = true",
        f'cpu_features = "{",".join(cpu_options(subject, found))}"',
        f"default_maxvcpus = {subject.model.max_vcpus}",
    ]
    return Written(subject.header(losses) + "".join(f"{line}\n" for line in lines), tuple(losses))
