"""KVM itself takes an export: KVM_SET_CPUID2 of a vCPU, where /dev/kvm answers. No TD is made; any host will do."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from tdxtui.cpuid import ALL_ONES, Leaf, pack
from tdxtui.exporters import export
from tdxtui.exporters.abi import CpuidEntry, cpuid2
from tdxtui.exporters.kvm_rules import bits_of
from tdxtui.model import VcpuModel
from tdxtui.td import XFAM
from tests.exporters.models import MINIMAL, PRESET
from tests.exporters.test_binary import rows

GET_API_VERSION, CREATE_VM, CREATE_VCPU = 0xAE00, 0xAE01, 0xAE41
SET_CPUID2, GET_CPUID2 = 0x4008AE90, 0xC008AE91
ROOM = 256


@pytest.fixture
def vcpu() -> Iterator[int]:
    """A vCPU without CPUID."""
    with ExitStack() as closing:
        try:
            kvm = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
            closing.callback(os.close, kvm)
            assert fcntl.ioctl(kvm, GET_API_VERSION) == 12
            vm = fcntl.ioctl(kvm, CREATE_VM, 0)
            closing.callback(os.close, vm)
            made = fcntl.ioctl(vm, CREATE_VCPU, 0)
            closing.callback(os.close, made)
        except OSError as error:
            pytest.skip(f"no KVM here: {error.strerror}")
        yield made


def set_cpuid(vcpu: int, data: bytes) -> None:
    fcntl.ioctl(vcpu, SET_CPUID2, bytearray(data))


def get_cpuid(vcpu: int) -> dict[Leaf, int]:
    """What KVM keeps of the entries."""
    buffer = bytearray(struct.pack("<II", ROOM, 0)) + bytearray(40 * ROOM)
    fcntl.ioctl(vcpu, GET_CPUID2, buffer)
    count = struct.unpack_from("<I", buffer)[0]
    return {row.key: row.value for row in rows(bytes(buffer[:8 + 40 * count]))}


# Leaves with bits that some KVM fills in by itself, and those of them that may be all ones without being refused.
FILLED = {Leaf(1), Leaf(7, 0), Leaf(7, 1), Leaf(0xD, 0), Leaf(0xD, 1), Leaf(0x1E)}
ONES = {Leaf(1), Leaf(7, 0)}


def entries(model: VcpuModel) -> dict[Leaf, int]:
    return {row.key: row.value for row in rows(export(model, "kvm-cpuid2").data)}


def read_back(vcpu: int, given: dict[Leaf, int]) -> dict[Leaf, int]:
    set_cpuid(vcpu, cpuid2([CpuidEntry(leaf, value) for leaf, value in given.items()]))
    return get_cpuid(vcpu)


def bits(leaf: Leaf, mask: int) -> list[str]:
    return [bit.key for bit in reversed([*bits_of(leaf, mask)])]


def test_kvm_takes_an_export_without_amx_and_gives_it_back(vcpu: int) -> None:
    """A bit that comes back otherwise is one that this KVM shows so whatever it is given: with zeros and with ones.

    On any KVM those are bits of the vCPU's state (OSXSAVE, the XSAVE area's size for XCR0); one that can't trap CPUID
    shows the host's features.
    """
    given = entries(MINIMAL)
    read = read_back(vcpu, given)
    zeros = read_back(vcpu, {leaf: 0 if leaf in FILLED else value for leaf, value in given.items()})
    ones = read_back(vcpu, {leaf: ALL_ONES if leaf in ONES else value for leaf, value in given.items()})
    for leaf in {*given, *read}:
        wrong = given.get(leaf, 0) ^ read.get(leaf, 0)
        print(f"{leaf.key}: {', '.join(bits(leaf, wrong))}" if wrong else f"{leaf.key}: as given")
        whatever = ~(read.get(leaf, 0) ^ zeros.get(leaf, 0)) & ~(read.get(leaf, 0) ^ ones.get(leaf, 0))
        assert bits(leaf, wrong & ~whatever) == []


def test_kvm_wants_a_permission_for_amx(vcpu: int) -> None:
    """TILEDATA needs arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM) of a host with AMX; without it KVM says EPERM."""
    try:
        set_cpuid(vcpu, export(PRESET, "kvm-cpuid2").data)
    except OSError as error:
        assert error.errno == errno.EPERM
    else:
        assert get_cpuid(vcpu)[Leaf(0)] == entries(PRESET)[Leaf(0)]
    set_cpuid(vcpu, export(replace(PRESET, xfam=PRESET.xfam & ~XFAM["AMX"]), "kvm-cpuid2").data)


def test_kvm_would_notice_a_broken_structure(vcpu: int) -> None:
    data = bytearray(export(MINIMAL, "kvm-cpuid2").data)
    struct.pack_into("<I", data, 0, 100_000)
    with pytest.raises(OSError):
        set_cpuid(vcpu, bytes(data))


def test_entries_are_packed_as_registers() -> None:
    first = next(iter(rows(export(MINIMAL, "kvm-cpuid2").data)))
    assert first.value & 0xFFFFFFFF == pack(0, 0, 0, 0x49656E69)
