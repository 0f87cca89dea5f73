"""Dumps: each format gives back the CPUID and MSRs that were written into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tdxtui import importers
from tdxtui.cpuid import CpuidTable, Field, Leaf
from tdxtui.dump import Dump
from tdxtui.errors import TdxtuiError
from tests.configuration_samples import SAMPLES

from . import samples
from .samples import HOST, WRITERS

NO_DUMPS = ("intel-json", "intel-csv", "kvm-tdx-capabilities", "kcpuid-flags", *SAMPLES)
OF_DUMPS = {name: write for name, write in WRITERS.items() if name not in NO_DUMPS}
REAL = {
    "cpuid/cpuid-20260503-r-1-amd-guest.txt": "cpuid-r",
    "cpuid/cpuid-r-1-amd-guest.txt": "cpuid-r",
    "cpuid/kcpuid-r-amd-guest.txt": "kcpuid",
    "firecracker/fingerprint_INTEL_GRANITE_RAPIDS_6.1host.json": "firecracker-fingerprint",
    "firecracker/fingerprint_INTEL_SAPPHIRE_RAPIDS_6.1host.json": "firecracker-fingerprint",
    "qmp/x86_64-cpuid-Ice-Lake-Server.xml": "libvirt-cpudata",
}


def read(data: bytes, format: str | None = None) -> Dump:
    found = importers.read(data, "sample", format)
    assert isinstance(found.what, Dump)
    return found.what


@pytest.mark.parametrize("name", WRITERS)
def test_a_format_is_told_by_its_content(name: str) -> None:
    assert importers.read(WRITERS[name](), "sample").format == name


@pytest.mark.parametrize("name", OF_DUMPS)
def test_a_dump_has_what_was_written(name: str) -> None:
    dump = read(OF_DUMPS[name]())
    assert {leaf: dump.cpuid.at(leaf) for leaf in HOST} == HOST
    assert set(dump.cpuid) == set(HOST)


@pytest.mark.parametrize("name", OF_DUMPS)
def test_lines_may_end_as_on_windows(name: str) -> None:
    data = OF_DUMPS[name]()
    if name != "kvm-cpuid2":
        assert read(data.replace(b"\n", b"\r\n")).cpus == read(data).cpus


def test_json_may_be_a_list_of_entries() -> None:
    assert read(samples.cpuid_json_list()).cpuid == HOST


def test_flags_that_kcpuid_names_are_wishes_for_a_1() -> None:
    found = importers.read(samples.kcpuid_flags(), "box")
    bits = [Field.parse(text) for text in ("1.ecx.28", "7.0.ebx.16", "7.0.edx.4")]
    wishes = {Leaf(1): (bits[0].mask,) * 2, Leaf(7, 0): (bits[1].mask | bits[2].mask,) * 2}
    assert isinstance(found.what, importers.Features) and found.what.wishes == wishes
    assert found.notes[1] == "Not the name of one bit, left out: not_a_flag_of_ours."


@pytest.mark.parametrize("write", [samples.instlatx64, samples.cpudata, samples.fingerprint, samples.cpuid_json])
def test_msrs_are_read(write: Callable[[], bytes]) -> None:
    assert read(write()).cpus[0].msrs[0x10A] == 0x2DA9FDEB


def test_an_msr_that_could_not_be_read_is_left_out() -> None:
    assert 0x49 not in read(samples.instlatx64()).cpus[0].msrs


def test_all_logical_cpus_are_read_with_their_numbers() -> None:
    assert [cpu.number for cpu in read(samples.instlatx64()).cpus] == [0, 1]
    assert [cpu.number for cpu in read(samples.cpuid_r([3, 5, 7])).cpus] == [3, 5, 7]


def test_a_logical_cpu_can_be_chosen() -> None:
    dump = read(samples.cpuid_r([3, 5, 7])).begun_with(5)
    assert [cpu.number for cpu in dump.cpus] == [5, 3, 7]
    with pytest.raises(KeyError, match="has no logical CPU 4; it has 3 to 7"):
        dump.begun_with(4)


def test_apic_ids_are_no_difference_between_logical_cpus() -> None:
    other = CpuidTable(HOST)
    other[Leaf(1)] |= 0x05000000 << 64
    other[Leaf(0x1F, 0)] |= 5
    other[Leaf(6)] |= 0x50000
    assert not read(samples.instlatx64([HOST, other])).notes


def test_a_difference_between_logical_cpus_is_told() -> None:
    other = CpuidTable(HOST)
    other[Leaf(7, 0)] ^= 1 << 64
    other[Leaf(0x1A)] ^= 1 << 96
    notes = read(samples.instlatx64([HOST, HOST, other])).notes
    assert notes == ("1 of 3 logical CPUs differ from the first, logical CPU 2 in 7.0, 1a; --cpu N takes another one.",)


def test_a_forced_format_is_not_guessed() -> None:
    with pytest.raises(importers.ImportFailed, match="line 1: expected 0xLEAF: EAX="):
        read(samples.cpuid_r(), "kcpuid")


def test_an_unknown_format_is_answered_with_what_comes_close() -> None:
    with pytest.raises(TdxtuiError, match=r"'kcpuidd' is unknown; did you mean .*kcpuid"):
        read(samples.kcpuid(), "kcpuidd")


@pytest.mark.skipif(not samples.DUMPS, reason="the shared samples are not there")
@pytest.mark.parametrize("name", REAL)
def test_real_samples_are_read(name: str) -> None:
    found = importers.read_path(samples.SHARED / "samples" / name)
    assert found.format == REAL[name] and isinstance(found.what, Dump)
    assert len(found.what.cpuid) >= 28


@pytest.mark.parametrize("path", samples.DUMPS, ids=lambda path: path.name)
def test_real_dumps_are_read_whole(path: Path) -> None:
    dump = importers.dump(str(path))
    text = path.read_text()
    assert len(dump.cpus) == text.count("[ CPUID Registers")
    assert sum(len(cpu.cpuid) for cpu in dump.cpus) == text.count("\nCPUID ")
    assert all(cpu.msrs[0x10A] == dump.cpus[0].msrs[0x10A] for cpu in dump.cpus)
