"""struct kvm_cpuid2 for KVM_SET_CPUID2: the virtual CPUID, entry by entry."""

from __future__ import annotations

from tdxtui.exporters import abi, kvm_rules
from tdxtui.exporters.result import Written
from tdxtui.exporters.subject import Subject


def write(subject: Subject) -> Written:
    """The bytes of the structure. What isn't CPUID is lost, and so is a bit that depends on a CPU not given."""
    beside = ("all but CPUID: ATTRIBUTES, XFAM, CONFIG_FLAGS, the TSC's frequency, MAX_VCPUS and the digests",)
    return Written(abi.cpuid2(kvm_rules.cpuid_entries(subject)), beside + subject.unknown_losses)
