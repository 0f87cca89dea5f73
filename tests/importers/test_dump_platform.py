"""A dump as a platform: what is corrected, what is told, and that the built-in platforms are their dumps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tdxtui import importers, library, platform_file
from tdxtui.cpuid import CpuidTable, Field, Leaf
from tdxtui.dump import Dump, LogicalCpu
from tdxtui.dump_platform import ASSUMED_ARCH_CAPABILITIES, platform_of
from tdxtui.platform import Platform
from tdxtui.refusal import Refusal

from . import samples
from .samples import HOST

# What the built-in platforms have otherwise than their dumps: MAX_PA that firmware limited, a bit of IA32_MISC_ENABLE
# (fast strings), and PCONFIG's leaf without its sub-leaf, where no module looks.
KNOWN = {
    "emerald-rapids": {"80000008": (0x0000392E << 96 | 0x200 << 64, 0x00003934 << 96 | 0x200 << 64)},
    "granite-rapids": {"1b": (0, 1 << 96 | 1 << 64), "msr 1a0": (0x850088, 0x850089)},
    "sapphire-rapids": {},
}


def dump_of(table: CpuidTable, **msrs: int) -> Dump:
    return Dump("box", "cpuid-r", (LogicalCpu(None, table, {int(key[1:], 16): value for key, value in msrs.items()}),))


def differences(got: Platform, expected: Platform) -> dict[str, tuple[int, int]]:
    leaves = {leaf: (got.cpuid.at(leaf), expected.cpuid.at(leaf)) for leaf in {*got.cpuid, *expected.cpuid}}
    msrs = {f"msr {at:x}": (got.msrs.get(at, 0), expected.msrs.get(at, 0)) for at in {*got.msrs, *expected.msrs}}
    both = {leaf.key: pair for leaf, pair in leaves.items()} | msrs
    both["arch_capabilities"] = got.arch_capabilities, expected.arch_capabilities
    return {key: pair for key, pair in both.items() if pair[0] != pair[1]}


@pytest.mark.parametrize("path", samples.DUMPS, ids=lambda path: path.name)
def test_a_built_in_platform_is_its_dump_but_for_what_it_says(path: Path) -> None:
    name = next(name for name in KNOWN if name.replace("-r", "R").replace("-", "").lower() in path.name.lower())
    assert differences(library.platform(str(path)), library.platform(name)) == KNOWN[name]


@pytest.mark.parametrize("name", KNOWN)
def test_a_written_platform_reads_back_the_same(name: str) -> None:
    platform = library.platform(name)
    assert platform_file.parse(platform_file.text_of(platform), "p.toml", name) == platform


def test_a_written_platform_keeps_sockets_and_facts() -> None:
    platform = replace(
        library.platform("granite-rapids"), sockets=(0xA06D1, 0xA06D0), missing_facts=frozenset({"TDX_IO"}),
        tsx_ctrl=3, title='a "quoted" one\x00',
    )
    back = platform_file.parse(platform_file.text_of(platform), "p.toml", platform.name)
    assert back == replace(platform, title='a "quoted" one?')


@pytest.mark.parametrize("write", [samples.cpuid_r, samples.instlatx64, samples.kcpuid, samples.cpuid_json])
def test_any_dump_stands_for_the_platform_that_it_shows(write: object) -> None:
    dump = importers.dump_of(importers.read(write(), "box"), "box")  # type: ignore[operator]
    platform = platform_of(dump)
    known = library.platform("granite-rapids")
    assert {leaf: platform.cpuid.at(leaf) for leaf in HOST} == HOST
    for version in library.files("modules"):
        here, there = (library.prepared(library.module(version), item) for item in (platform, known))
        assert isinstance(here, Refusal) == isinstance(there, Refusal)


def test_syscall_is_corrected_and_told() -> None:
    syscall = Field.parse("80000001.edx.11")
    outside = CpuidTable(HOST)
    outside[syscall.leaf] = syscall.put(outside[syscall.leaf], 0)
    platform = platform_of(dump_of(outside))
    assert syscall.get(platform.cpuid[syscall.leaf]) == 1
    assert any("80000001.edx.11 (SYSCALL) is set" in note for note in platform.notes)
    assert not any("SYSCALL" in note for note in platform_of(dump_of(HOST)).notes)


def test_i10_invalid_sub_leaves_of_1f_get_their_number() -> None:
    table = CpuidTable((leaf, value) for leaf, value in HOST.items() if leaf.leaf != 0x1F or (leaf.subleaf or 0) < 2)
    platform = platform_of(dump_of(table))
    assert [platform.cpuid[Leaf(0x1F, n)] >> 32 & 0xFF for n in range(2, 6)] == [2, 3, 4, 5]
    assert any(note.startswith("Leaf 1FH: the invalid sub-leaves") for note in platform.notes)


def test_a_leaf_looked_up_without_a_sub_leaf_loses_its_sub_leaf_0() -> None:
    table = CpuidTable((Leaf(0x1E, 0) if leaf == Leaf(0x1E) else leaf, value) for leaf, value in HOST.items())
    platform = platform_of(dump_of(table))
    assert platform.cpuid.at(Leaf(0x1E)) == HOST[Leaf(0x1E)]
    assert any(note.endswith("as sub-leaf 0: 1EH.") for note in platform.notes)


def test_without_the_msr_arch_capabilities_are_assumed_and_told() -> None:
    platform = platform_of(dump_of(HOST))
    assert platform.arch_capabilities == ASSUMED_ARCH_CAPABILITIES
    assert any("IA32_ARCH_CAPABILITIES is not in the dump" in note for note in platform.notes)


def test_a_cpu_without_arch_capabilities_has_none() -> None:
    bit = Field.parse("7.0.edx.29")
    old = CpuidTable(HOST)
    old[bit.leaf] = bit.put(old[bit.leaf], 0)
    assert platform_of(dump_of(old)).arch_capabilities == 0


def test_only_msrs_that_modules_look_at_are_kept() -> None:
    platform = platform_of(dump_of(HOST, x10a=0x2DA9FDEB, x122=2, x1a0=0x850089, x17=4))
    assert (platform.arch_capabilities, platform.tsx_ctrl, platform.msrs) == (0x2DA9FDEB, 2, {0x1A0: 0x850089})


def test_a_dump_of_another_vendors_cpu_is_imported_with_a_note_but_is_no_cpu_for_a_module(tmp_path: Path) -> None:
    amd = CpuidTable(HOST)
    amd[Leaf(0)] = 0x20_68747541_444D4163_69746E65
    path = tmp_path / "box.txt"
    path.write_bytes(samples.cpuid_r(table=amd))
    found = importers.read_path(path)
    assert "is of a CPU that isn't Intel's: no TDX module runs on it." in found.notes
    assert platform_of(importers.dump_of(found, "box")).cpuid.cpuid(0) == amd[Leaf(0)]
    with pytest.raises(importers.ImportFailed, match="box: is of no Intel CPU"):
        library.platform(str(path))


def test_a_dumps_path_is_a_platform_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "host.txt"
    path.write_bytes(samples.instlatx64())
    platform = library.platform(str(path))
    assert (platform.name, platform.title) == ("host", "Intel(R) Xeon(R) 658X")
    assert library.platform_path(str(path)) == path


def test_a_platform_file_may_be_named_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "host.platform"
    path.write_text(platform_file.text_of(library.platform("granite-rapids")))
    assert library.platform(str(path)).cpuid == library.platform("granite-rapids").cpuid


def test_a_guests_dump_is_told_to_be_one() -> None:
    guest = CpuidTable(HOST)
    guest[Leaf(1)] |= 1 << 63
    assert any("a guest saw this" in note for note in platform_of(dump_of(guest)).notes)
    assert not any("a guest saw this" in note for note in platform_of(dump_of(HOST)).notes)


def test_what_is_no_dump_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "caps.bin"
    path.write_bytes(samples.kvm_capabilities())
    with pytest.raises(importers.ImportFailed, match="is no dump of a CPU but a struct kvm_tdx_capabilities"):
        library.platform(str(path))
