"""A file with ``struct kvm_cpuid2``: what a VMM gives to KVM_SET_CPUID2, or KVM_TDX_GET_CPUID gives back."""

from __future__ import annotations

from tdxtui.dump import LogicalCpu
from tdxtui.importers import kvm_entries
from tdxtui.importers.entries import dump
from tdxtui.importers.registry import LAYOUT
from tdxtui.importers.result import Imported

NAME = "kvm-cpuid2"
TITLE = "a struct kvm_cpuid2"
EVIDENCE = LAYOUT


def sniff(head: bytes) -> int:
    """Sure if count, flags and size fit together."""
    return 85 if kvm_entries.looks_right(head, 0) else 0


def read(data: bytes, name: str) -> Imported:
    """The dump of a guest's CPUID."""
    return dump(name, NAME, [LogicalCpu(None, kvm_entries.table(data, 0, name))],
                ["These are the values of a guest, as its VMM set them or the TDX module reported them."])
