"""Section 6: what the host reads through TDH.SYS.INFO, TDH.SYS.RD and TDH.MNG.RD; 5.C5, 5.C12."""

from __future__ import annotations

import pytest

from tdxtui import library, metadata
from tdxtui.cpuid import Leaf, quad
from tdxtui.resolve import VirtualCpuid, resolve
from tdxtui.sysinit import Prepared
from tdxtui.td import TdConfig

from .base_platform import ALL_XFAM, BASE, LASS, LATER, PKS, packed, prepared, q, virtual

every = pytest.mark.parametrize("module", BASE)
later = pytest.mark.parametrize("module", LATER)

LEAVES = ("1", "4.0", "4.1", "4.2", "4.3", "7.0", "7.1", "a", "1c", "80000008", "7.2", "23.0")
TOPOLOGY = ("1f.0", "1f.1", "1f.2", "1f.3", "1f.4", "1f.5")
ORDER = {"1.5.01": LEAVES, "1.5.05": LEAVES + TOPOLOGY, "1.5.06": LEAVES + TOPOLOGY}
CACHE = q(0xFFFFC3FF, 0xFFFFF000, 0xFFFFFFFF, 0xFFFFFFFB)
DIRECT = {
    "1": q(0x0FFF3FFF, 0x00FF0000), "4.0": CACHE, "4.1": CACHE, "4.2": CACHE,
    "4.3": q(0xFFFFC3FF, 0xFFFFF000, 0xFFFFFFFF, 0x7),
    **dict.fromkeys(TOPOLOGY, q(0x1F, 0xFFFF, 0xFFFF)),
}
# Every allow_direct bit is native on this CPU but for 1C's and 23.0's.
NATIVE = {
    "1": q(0x0FFF3FFF, 0x00FF0000, 0x31044D88, 0xB8440000),
    "7.0": q(0, 0xDC2B9B18, 0x02417F65, 0x0005411C),
    "7.1": q(0x1D30),
    "1c": q(0x0B),
    "80000008": q(0, 0x200),
    "7.2": q(0, 0, 0, 0x28),
    "23.0": q(0xB),
}
NEW = {
    "1.5.01": {},
    "1.5.05": {"7.1": q(0x04001D30, 0, 0, 0x430)},
    "1.5.06": {"7.1": q(0x04881DB0, 0, 0, 0x20430), "80000008": q(0xFF, 0x200)},
}


def texts(table: dict[Leaf, int]) -> dict[str, str]:
    """Packed values as keys and quadruples."""
    return {leaf.key: quad(value) for leaf, value in table.items()}


def expected(module: str, *parts: dict[str, str]) -> dict[str, str]:
    """A whole list: zeros but for what the parts say."""
    known = {key: value for part in parts for key, value in part.items()}
    return {key: known.get(key, q()) for key in ORDER[module]}


# 6.1: TDH.SYS.INFO.


@every
def test_6_1_cpuid_config(module: str) -> None:
    assert texts(metadata.cpuid_config(prepared(module))) == expected(module, DIRECT, NATIVE, NEW[module])


@every
def test_6_1_bits_that_the_cpu_lacks_are_left_out(module: str) -> None:
    poor = {"7.0.ebx": 0x219424C3, "1.ecx.3": 0, "7.1.eax": 0x40, "7.1.edx": 0, "23.0.eax": 0}
    found = texts(metadata.cpuid_config(prepared(module, poor)))
    assert found["7.0"] == q(0, 0, 0x02417F65, 0x0005411C)
    assert found["1"] == q(0x0FFF3FFF, 0x00FF0000, 0x31044D80, 0xB8440000)
    assert (found["7.1"], found["23.0"]) == (q(), q())
    assert found["4.0"] == CACHE


@every
def test_6_1_order_is_that_of_td_params(module: str) -> None:
    assert tuple(leaf.key for leaf in metadata.cpuid_config(prepared(module))) == ORDER[module]


@every
@pytest.mark.parametrize(("native", "supported"), [
    ({}, ALL_XFAM), ({"d.0.eax": 0x202E7}, 0x2DBE7), ({"d.0.eax": 0x7, "d.1.ecx": 0x1900}, 0x1907),
])
def test_6_1_xfam_fixed0(module: str, native: dict[str, int], supported: int) -> None:
    ready = prepared(module, native)
    assert (ready.xfam_allowed, ready.module.xfam.fixed1) == (supported, 3)


@every
def test_6_1_attributes_fixed0(module: str) -> None:
    fixed0 = {"1.5.01": 0x8000000070000001, "1.5.05": 0x8000000078000001, "1.5.06": 0x8000000078010001}
    ready = prepared(module)
    assert (ready.attributes_allowed, ready.module.attributes.fixed1) == (fixed0[module], 0)


@later
def test_5c12_attributes_fixed0_drops_lass_without_native_lass(module: str) -> None:
    with_lass, without = prepared(module).attributes_allowed, prepared(module, {"7.1.eax.6": 0}).attributes_allowed
    assert with_lass ^ without == with_lass & LASS == LASS


# 6.2: TDH.SYS.RD.


def test_6_2_cpuid_config_values_of_1_5_01_are_config_direct_only() -> None:
    found = texts(metadata.cpuid_config_values(prepared("1.5.01")))
    assert found == expected("1.5.01", DIRECT)
    assert [found[key] for key in ("7.0", "7.1", "7.2", "1c", "23.0", "80000008")] == [q()] * 6


@later
def test_5c12_cpuid_config_values_are_those_of_tdh_sys_info(module: str) -> None:
    ready = prepared(module)
    assert texts(metadata.cpuid_config_values(ready)) == expected(module, DIRECT, NATIVE, NEW[module])
    assert metadata.cpuid_config_values(ready) == metadata.cpuid_config(ready)


@pytest.mark.parametrize(("key", "code"), [
    ("1", 0xFFFFFFFF_00000001), ("4.0", 0x00000000_00000004), ("4.3", 0x00000003_00000004),
    ("80000008", 0xFFFFFFFF_80000008), ("23.0", 0x00000000_00000023), ("1f.5", 0x00000005_0000001F),
])
def test_6_2_cpuid_config_leaves(key: str, code: int) -> None:
    # "leaf | subleaf<<32"; the vectors show all ones for an entry without sub-leaves.
    assert metadata.leaf_code(Leaf.parse(key)) == code


# 6.3: TDH.MNG.RD.

NOT_READABLE, ID_INCORRECT = "TDX_METADATA_FIELD_NOT_READABLE", "TDX_METADATA_FIELD_ID_INCORRECT"
FAULTING = {"1.5.01": ("6", "80000006", *TOPOLOGY), "1.5.05": ("6", "80000006"), "1.5.06": ("6", "80000006")}


@every
def test_6_3_faulting_entries_are_not_readable(module: str) -> None:
    td = virtual(module, TdConfig())
    for key in ("6", "80000006", *TOPOLOGY):
        value = metadata.cpuid_value(td, Leaf.parse(key))
        assert (value == NOT_READABLE) is (key in FAULTING[module])


@every
@pytest.mark.parametrize("key", ["9", "c", "7.3", "d.13", "14.2", "1b", "40000000", "80000002", "24", "7"])
def test_6_3_what_is_not_in_the_table(module: str, key: str) -> None:
    assert metadata.cpuid_value(virtual(module, TdConfig()), Leaf.parse(key)) == ID_INCORRECT


@every
def test_6_3_tdcs_values_without_what_the_run_time_decides(module: str) -> None:
    config = TdConfig(attributes=PKS, xfam=ALL_XFAM, cpuid_config=packed({"1.ebx": 0x00AB0000, "7.0.ebx.16": 1}))
    td = virtual(module, config)
    found = {key: metadata.cpuid_value(td, Leaf.parse(key)) for key in ("1", "7.0", "d.0", "d.1", "80000001")}
    assert {key: quad(value) for key, value in found.items() if isinstance(value, int)} == {
        "1": q(0x000806F8, 0x00AB0800, 0xC6FAB217, 0x07A9FBFF),
        "7.0": q(2, 0x239524E1, 0x9900008A, 0xFFD80420),
        "d.0": q(0x602E7, 0, 0x2B00, 0),
        "d.1": q(0x1F, 0, 0xD900, 0),
        "80000001": q(0, 0, 0x121, 0x2C100000),
    }


@pytest.mark.parametrize(("version", "answer"), [("1.5.28", ID_INCORRECT), ("1.5.34", 0), ("2.0.08", ID_INCORRECT)])
def test_host_reads_a_leaf_of_the_bitmap_only_where_g5_holds(version: str, answer: int | str) -> None:
    module = library.module(version)
    ready = library.prepared(module, library.platform("granite-rapids"))
    assert isinstance(ready, Prepared)
    td = resolve(ready, TdConfig())
    assert isinstance(td, VirtualCpuid)
    assert metadata.cpuid_value(td, Leaf(0x9)) == answer
    assert metadata.cpuid_value(td, Leaf(0x2A)) == ID_INCORRECT
