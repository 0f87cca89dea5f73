"""Reading this machine: which sub-leaves are asked for, and what is said where a device is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tdxtui import library
from tdxtui.cpuid import CpuidTable, Leaf
from tdxtui.dump import Dump
from tdxtui.importers import ImportFailed, host, kvm_capabilities, kvm_host
from tdxtui.importers.entries import plain
from tdxtui.importers.result import Capabilities
from tdxtui.importers.subleaves import whole_table

from . import samples

CAN_ASK = os.access("/dev/cpu/0/cpuid", os.R_OK)


def asked(cpu: CpuidTable) -> CpuidTable:
    """What is read of a CPU that answers from a table."""
    return plain(whole_table(lambda leaf, subleaf: cpu.at(Leaf(leaf, subleaf))))


@pytest.mark.parametrize("name", library.files("platforms"))
def test_every_entry_of_a_cpu_is_found(name: str) -> None:
    cpu = library.platform(name).cpuid
    found = asked(cpu)
    # What only a platform file has: 1FH from its second invalid sub-leaf on, and 1BH without its sub-leaf.
    beyond = {*(Leaf(0x1F, number) for number in range(3, 6)), Leaf(0x1B)}
    assert {leaf: found.at(leaf) for leaf in cpu if leaf not in beyond} == {
        leaf: value for leaf, value in cpu.items() if leaf not in beyond
    }


def test_enumeration_ends_on_a_cpu_that_says_all_ones() -> None:
    table = whole_table(lambda *_: (1 << 128) - 1)
    assert len(table) < 64 * 3 * 0x101


def test_a_cpu_that_says_nothing_has_leaf_0() -> None:
    assert dict(whole_table(lambda *_: 0)) == {Leaf(0, 0): 0}


def test_hypervisor_leaves_are_asked_for_only_under_one() -> None:
    cpu = CpuidTable({Leaf(0): 1 << 96, Leaf(1): 0, Leaf(0x40000000): 0x40000001 << 96})
    assert Leaf(0x40000000, 0) not in whole_table(lambda leaf, subleaf: cpu.at(Leaf(leaf, subleaf)))
    cpu[Leaf(1)] = 1 << 63
    assert Leaf(0x40000001, 0) in whole_table(lambda leaf, subleaf: cpu.at(Leaf(leaf, subleaf)))


def test_the_component_bits_of_xcr0_and_xss_choose_the_sub_leaves_of_dh() -> None:
    found = {leaf.subleaf for leaf in asked(samples.HOST) if leaf.leaf == 0xD}
    assert found == {0, 1, 2, 5, 6, 7, 8, 9, 0xA, 0xB, 0xC, 0xE, 0xF, 0x10, 0x11, 0x12}


@pytest.mark.skipif(not CAN_ASK, reason="this machine lets nobody read /dev/cpu/0/cpuid")
def test_this_machines_cpuid_is_read() -> None:
    dump = host.read_host().what
    assert isinstance(dump, Dump)
    assert dump.cpus[0].number == 0
    assert dump.cpuid.cpuid(0) >> 96 >= 1


def test_a_missing_device_says_what_to_load(tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match=r"7/cpuid: is not there: there is no such CPU, or .*modprobe cpuid"):
        host.read_host(7, tmp_path)


def test_a_device_that_gives_too_little_is_told(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "cpuid").write_bytes(b"short")
    with pytest.raises(ImportFailed, match="cpuid: can't be read: leaf 0x0 gave 5 bytes instead of 16"):
        host.read_host(0, tmp_path)


def test_a_device_that_is_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "0" / "cpuid").mkdir(parents=True)
    with pytest.raises(ImportFailed, match="Is a directory"):
        host.read_host(0, tmp_path)


def test_a_host_without_kvm_says_so(tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match="kvm: is not there: this host has no KVM"):
        kvm_host.read_kvm(str(tmp_path / "kvm"))


def test_what_is_no_kvm_says_so(tmp_path: Path) -> None:
    (tmp_path / "kvm").write_bytes(b"")
    with pytest.raises(ImportFailed, match="kvm: is no KVM: KVM_CHECK_EXTENSION says"):
        kvm_host.read_kvm(str(tmp_path / "kvm"))


@pytest.mark.skipif(not os.access("/dev/kvm", os.R_OK | os.W_OK), reason="this machine has no KVM for us")
def test_the_real_kvm_offers_something_or_says_why_not() -> None:
    try:
        found = kvm_host.read_kvm().what
    except ImportFailed as error:
        assert "KVM here has no TDX" in str(error) or "KVM_TDX_CAPABILITIES failed" in str(error)
    else:
        assert isinstance(found, Capabilities) and found.configurable


def test_the_answer_of_the_ioctls_is_read_as_the_struct_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls are KVM_CHECK_EXTENSION, KVM_CREATE_VM of type 5 and KVM_MEMORY_ENCRYPT_OP with kvm_tdx_cmd."""
    import ctypes
    import struct

    calls = []
    answer = samples.kvm_capabilities()

    def ioctl(file: int, request: int, argument: int | bytearray) -> int:
        calls.append(request)
        if isinstance(argument, bytearray):
            number, flags, address, _ = struct.unpack("<IIQQ", argument)
            assert (number, flags, len(argument)) == (0, 0, 24)
            room = int.from_bytes(ctypes.string_at(address + kvm_capabilities.CPUID, 4), "little")
            assert room == 256
            ctypes.memmove(address, answer, len(answer))
            return 0
        return {0xAE03: 1 << 5, 0xAE01: os.dup(file)}[request]

    monkeypatch.setattr(kvm_host, "ioctl", ioctl)
    found = kvm_host.read_kvm("/dev/null").what
    assert isinstance(found, Capabilities)
    assert calls == [0xAE03, 0xAE01, 0xC008AEBA]
    assert (found.attributes, found.xfam, dict(found.configurable)) == (0x10000000, 0x61AE7, samples.CAPABILITIES)


def test_kvm_without_tdx_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kvm_host, "ioctl", lambda *_: 1)
    with pytest.raises(ImportFailed, match=r"KVM here has no TDX; it needs Linux 6.16 or newer"):
        kvm_host.read_kvm("/dev/null")
