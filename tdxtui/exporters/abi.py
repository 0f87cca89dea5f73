"""The structures of the KVM TDX ABI and TD_PARAMS, byte for byte (Linux 7.2, arch/x86/include/uapi/asm/kvm.h)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from tdxtui.cpuid import Leaf, unpack
from tdxtui.td import DIGEST_SIZE, DIGESTS

SIGNIFICANT_INDEX = 1
INIT_VM_CPUID = 256
TD_PARAMS_SIZE = 1024
TD_PARAMS_CPUID = 256
TD_PARAMS_MRS = 80
TD_PARAMS_ARCH_CAPABILITIES = 224

_ENTRY = struct.Struct("<7I12x")
_HEADER = struct.Struct("<II")
_WORDS = struct.Struct("<QQ")
_TD_PARAMS = struct.Struct("<QQHBB4xQQH")
_QUAD = struct.Struct("<4I")


class CpuidEntry(NamedTuple):
    """One kvm_cpuid_entry2: a leaf and its packed value."""

    leaf: Leaf
    value: int

    @property
    def subleaf(self) -> int:
        """The sub-leaf, 0 for a leaf without."""
        return self.leaf.subleaf or 0

    @property
    def flags(self) -> int:
        """KVM_CPUID_FLAG_SIGNIFCANT_INDEX for a leaf with sub-leaves, which KVM's capabilities leave out."""
        return 0 if self.leaf.subleaf is None else SIGNIFICANT_INDEX

    @property
    def words(self) -> tuple[int, ...]:
        """function, index, flags, eax, ebx, ecx, edx."""
        return self.leaf.leaf, self.subleaf, self.flags, *unpack(self.value)


def cpuid2(entries: Sequence[CpuidEntry]) -> bytes:
    """struct kvm_cpuid2: nent, padding, 40 bytes an entry."""
    return _HEADER.pack(len(entries), 0) + b"".join(_ENTRY.pack(*entry.words) for entry in entries)


def init_vm(attributes: int, xfam: int, digests: Sequence[bytes], entries: Sequence[CpuidEntry]) -> bytes:
    """struct kvm_tdx_init_vm; `digests` are MRCONFIGID, MROWNER and MROWNERCONFIG, empty for zeros."""
    head = _WORDS.pack(attributes, xfam) + b"".join(digest.ljust(DIGEST_SIZE, b"\0") for digest in digests)
    return head.ljust(INIT_VM_CPUID, b"\0") + cpuid2(entries)


class TdParams(NamedTuple):
    """The words of TD_PARAMS at its beginning, in their order."""

    attributes: int
    xfam: int
    max_vcpus: int
    num_l2_vms: int
    msr_config_ctls: int
    eptp_controls: int
    config_flags: int
    tsc_frequency: int


def td_params(words: TdParams, digests: Sequence[bytes], arch_capabilities: int, cpuid: Sequence[int]) -> bytes:
    """TD_PARAMS of 1024 bytes; `cpuid` are packed values in the module's CPUID_CONFIG order."""
    data = bytearray(TD_PARAMS_SIZE)
    _TD_PARAMS.pack_into(data, 0, *words)
    for number, digest in enumerate(digests):
        place = TD_PARAMS_MRS + number * DIGEST_SIZE
        data[place:place + len(digest)] = digest
    struct.pack_into("<Q", data, TD_PARAMS_ARCH_CAPABILITIES, arch_capabilities)
    for number, value in enumerate(cpuid):
        _QUAD.pack_into(data, TD_PARAMS_CPUID + number * _QUAD.size, *unpack(value))
    return bytes(data)


assert DIGESTS == ("mrconfigid", "mrowner", "mrownerconfig"), "the structures hold them in this order"
