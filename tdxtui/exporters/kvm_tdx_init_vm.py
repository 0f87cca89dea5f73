"""struct kvm_tdx_init_vm, what KVM_TDX_INIT_VM takes."""

from __future__ import annotations

from tdxtui.exporters import abi, kvm_rules
from tdxtui.exporters.result import Written
from tdxtui.exporters.subject import Subject
from tdxtui.td import DIGESTS


def write(subject: Subject) -> Written:
    """The bytes of the structure. It holds the model's words as they are, also those that KVM refuses."""
    config = subject.config
    digests = [getattr(subject.model, name) for name in DIGESTS]
    data = abi.init_vm(config.attributes, config.xfam, digests, kvm_rules.config_entries(subject))
    return Written(data, losses(subject))


def losses(subject: Subject) -> tuple[str, ...]:
    """What goes to KVM by other calls, what it has no word for, and what it refuses."""
    elsewhere = (
        f"tsc_mhz = {subject.model.tsc_mhz}: KVM takes it by KVM_SET_TSC_KHZ of the VM",
        f"max_vcpus = {subject.model.max_vcpus}: KVM takes it by KVM_CAP_MAX_VCPUS",
    )
    return (*elsewhere, *kvm_rules.losses(subject), *kvm_rules.refusals(subject, subject.kvm))
