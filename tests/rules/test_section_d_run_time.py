"""Section D, run time: what CPUID returns inside the TD from 1.5.09 on (D5 to D8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tdxtui.classify import rows

from .platforms import (
    ENUM_TOPOLOGY,
    FULL,
    FULL_OLD,
    GNR,
    PERFMON,
    REDUCE_VE,
    SPR,
    VE,
    VIRT_CPUID2,
    ZERO,
    D,
    bad_config,
    bit,
    but,
    probe,
    q,
    read,
    reads,
    row,
    verdict,
    virtual,
)

every = pytest.mark.parametrize("module", D)
either_way = pytest.mark.parametrize("td_ctls", [0, REDUCE_VE])

# A TD that has leaf 23: 23.0 = 0000000b 00000003, 23.1 = 000000ff 0000000f, 23.3 = 000000ff.
PERFMON_TD: dict[str, Any] = {
    "base": GNR,
    "attributes": PERFMON,
    "config": {"7.1": q(eax=0x100), "23.0": q(eax=0xF)},
}


# D5.1


@every
@either_way
@pytest.mark.parametrize("leaf", [0x40000000, 0x40000001, 0x4ABCDEF0, 0x4FFFFFFF])
def test_d5_1_hypervisor_leaves_are_ve(module: str, td_ctls: int, leaf: int) -> None:
    assert read(module, leaf, td_ctls=td_ctls, paravirt=0xFFF) == VE


@every
def test_d5_1_its_neighbours_are_leaf_23(module: str) -> None:
    got = reads(module, probe(0x3FFFFFFF), probe(0x50000000), **PERFMON_TD)
    assert got == [q(0xB, 3), q(0xB, 3)]


# D5.2


@every
@either_way
@pytest.mark.parametrize("leaf", [0, 1, 3, 7, 0x20, 0x24, 0x80000000, 0x80000009])
def test_d5_2_td_wide_controls_follow_the_cpl(module: str, td_ctls: int, leaf: int) -> None:
    def ve(**how: Any) -> bool:
        return read(module, leaf, td_ctls=td_ctls, td=PERFMON_TD, **how) == VE

    assert [ve(cpl=0, sup_ve=1), ve(cpl=3, user_ve=1), ve(cpl=1, user_ve=1)] == [True] * 3
    assert [ve(cpl=3, sup_ve=1), ve(cpl=0, user_ve=1)] == [False] * 2


@every
@pytest.mark.parametrize(("leaf", "sub"), [(0xC, 0), (0x12, 5), (4, 7), (0xB, 9), (0xF, 1)])
def test_d5_2_td_wide_controls_hold_for_leaves_without_an_entry(module: str, leaf: int, sub: int) -> None:
    assert read(module, leaf, sub, td_ctls=REDUCE_VE) != VE
    assert read(module, leaf, sub, td_ctls=REDUCE_VE, sup_ve=1) == VE
    assert read(module, leaf, sub, td_ctls=REDUCE_VE, cpl=3, user_ve=1) == VE


# D5.3


@every
@either_way
@pytest.mark.parametrize(
    "leaf", [0x24, 0x29, 0xFF, 0x3FFFFFFF, 0x50000000, 0x7FFFFFFF, 0x80000009, 0x80000020, 0xFFFFFFFF]
)
@pytest.mark.parametrize(("sub", "expected"), [(0, q(0xB, 3)), (1, q(0xFF, 0xF)), (2, ZERO), (3, q(0xFF))])
def test_d5_3_out_of_range_is_leaf_23_with_the_same_ecx(
    module: str, td_ctls: int, leaf: int, sub: int, expected: str
) -> None:
    assert read(module, leaf, sub, td_ctls=td_ctls, td=PERFMON_TD) == expected


@every
@pytest.mark.parametrize("leaf", [0x24, 0x80000009])
def test_d5_3_a_missing_sub_leaf_stays_missing(module: str, leaf: int) -> None:
    # 23.4 has no entry and is not in the bitmap: D5.4.
    assert read(module, leaf, 4, td=PERFMON_TD) == VE
    assert read(module, leaf, 4, td_ctls=REDUCE_VE, td=PERFMON_TD) == ZERO


HIGHER = {"80000000": q(0x8000000A), "80000009": q(9, 9, 9, 9), "8000000a": q(10, 10, 10, 10)}
HIGHER_TD = PERFMON_TD | {"cpuid": HIGHER}


@every
def test_d5_3_the_limits_are_virtual(module: str) -> None:
    # The native maximum 8000000A does not matter; 80000000.EAX reads 80000008 anyway.
    leaves = (0x80000000, 0x80000008, 0x80000009, 0x8000000A, 0x8000000B)
    got = reads(module, *(probe(leaf) for leaf in leaves), **HIGHER_TD)
    assert got == [q(0x80000008), q(0x3034), q(0xB, 3), q(0xB, 3), q(0xB, 3)]


def test_d5_3_the_limits_are_native_in_1_5_08() -> None:
    # Rule 7.1: up to the native last extended leaf no redirection, hence no entry, hence #VE.
    got = reads("1.5.08", probe(0x80000009), probe(0x8000000A), probe(0x8000000B), **HIGHER_TD)
    assert got == [VE, VE, q(0xB, 3)]
    assert read("1.5.08", 0x80000009, td=PERFMON_TD) == q(0xB, 3)


@every
@pytest.mark.parametrize("leaf", [0x23, 0x80000008])
def test_d5_3_the_last_leaves_are_themselves(module: str, leaf: int) -> None:
    expected = {0x23: q(0xB, 3), 0x80000008: q(0x3034)}
    assert read(module, leaf, td=PERFMON_TD) == expected[leaf]


# D5.4 and D6: leaves without an entry.

NOT_IN_BITMAP = [
    (4, 5), (4, 0xFFFF), (7, 3), (7, 0x20), (0xD, 0x13), (0xD, 0x3F), (0x14, 2), (0x18, 9), (0x1D, 2), (0x21, 1),
    (0x23, 4), (0x23, 5),
]  # fmt: skip


@every
@pytest.mark.parametrize(("leaf", "sub"), NOT_IN_BITMAP)
def test_d5_4_no_entry_is_zero_with_reduce_ve_else_ve(module: str, leaf: int, sub: int) -> None:
    assert read(module, leaf, sub) == VE
    assert read(module, leaf, sub, td_ctls=ENUM_TOPOLOGY | VIRT_CPUID2) == VE
    assert read(module, leaf, sub, td_ctls=REDUCE_VE, x2apic_id="77") == ZERO


@every
@pytest.mark.parametrize(
    ("leaf", "sub", "ecx"), [(0xB, 3, 3), (0xB, 0x106, 6), (0x1F, 6, 6), (0x1F, 0xFFFFFFFF, 0xFF), (0x1F, 0x300, 0)]
)
def test_d5_4_missing_topology_sub_leaves_show_number_and_id(module: str, leaf: int, sub: int, ecx: int) -> None:
    got = read(module, leaf, sub, td_ctls=REDUCE_VE, x2apic_id="1234abcd")
    assert got == q(0, 0, ecx, 0x1234ABCD)


@every
@pytest.mark.parametrize(("leaf", "sub"), [(0xB, 3), (0x1F, 6)])
def test_d5_4_enum_topology_alone_does_not_answer_missing_sub_leaves(module: str, leaf: int, sub: int) -> None:
    assert read(module, leaf, sub, td_ctls=ENUM_TOPOLOGY, x2apic_id="5") == VE


# D5.5


@every
@either_way
@pytest.mark.parametrize("leaf", [0, 1, 3, 5, 7, 8, 0x20, 0x80000001, 0x80000006])
def test_d5_5_per_leaf_controls_hold_with_reduce_ve_too(module: str, td_ctls: int, leaf: int) -> None:
    assert read(module, leaf, td_ctls=td_ctls, cpl=0, ctl_sup_ve=1) == VE
    assert read(module, leaf, td_ctls=td_ctls, cpl=3, ctl_user_ve=1) == VE
    assert read(module, leaf, td_ctls=td_ctls, cpl=3, ctl_sup_ve=1) != VE
    assert read(module, leaf, td_ctls=td_ctls, cpl=0, ctl_user_ve=1) != VE


@every
def test_d5_5_else_the_tdcs_value(module: str) -> None:
    quads = virtual(module)
    leaves = [0, 5, 0x15, 0x1C, 0x1E, 0x80000000, 0x80000007, 0x80000008]
    assert reads(module, *(probe(leaf) for leaf in leaves)) == [quads[f"{leaf:x}"] for leaf in leaves]
    assert read(module, 0x80000007) == q(edx=0x100)


@every
def test_d5_5_sub_leaves_of_leaf_18(module: str) -> None:
    got = reads(module, probe(0x18, 0), probe(0x18, 8), config={"18.8": q(edx=0x02000000)})
    assert got == [q(8), q(0, 0x80009, 0x80, 0x02000043)]


# D5.6


@every
def test_d5_6_leaf_2_needs_virt_cpuid2(module: str) -> None:
    assert read(module, 2) == VE
    assert read(module, 2, td_ctls=ENUM_TOPOLOGY) == VE
    assert read(module, 2, td_ctls=VIRT_CPUID2) == q(0x00FEFF01)
    assert read(module, 2, td_ctls=VIRT_CPUID2, ctl_sup_ve=1) == VE


@every
@pytest.mark.parametrize("leaf", [6, 0xC, 0x16, 0x17, 0x80000002, 0x80000003, 0x80000004, 0x80000005])
def test_d5_6_these_are_ve_unless_reduce_ve(module: str, leaf: int) -> None:
    assert read(module, leaf) == VE
    assert read(module, leaf, td_ctls=ENUM_TOPOLOGY | VIRT_CPUID2, paravirt=0xFFF) == VE
    assert read(module, leaf, td_ctls=REDUCE_VE) != VE


@every
@pytest.mark.parametrize("leaf", [0xC, 0x16, 0x17, 0x80000003, 0x80000004, 0x80000005])
def test_d5_6_then_the_bitmaps_leaves_read_zero(module: str, leaf: int) -> None:
    assert read(module, leaf, td_ctls=REDUCE_VE) == ZERO
    assert read(module, leaf, 5, td_ctls=REDUCE_VE) == ZERO  # any sub-leaf counts (D6)


@every
def test_d5_6_then_leaf_6_reads_its_constant(module: str) -> None:
    assert read(module, 6, td_ctls=REDUCE_VE) == q(eax=4)


FLAGGED = {9: ("DCA", 1), 0xF: ("RDT_M", 7), 0x10: ("RDT_A", 6), 0x1B: ("PCONFIG", 5)}


@every
@pytest.mark.parametrize("leaf", FLAGGED)
@pytest.mark.parametrize("sub", [0, 1, 0x10])
def test_d5_6_these_read_zero_only_with_reduce_ve_and_the_feature_off(module: str, leaf: int, sub: int) -> None:
    own = 1 << FLAGGED[leaf][1]
    full = {"config": FULL}
    assert read(module, leaf, sub, td=full) == VE
    assert read(module, leaf, sub) == VE  # the flag is 0, but there is no REDUCE_VE
    assert read(module, leaf, sub, td_ctls=REDUCE_VE, td=full) == ZERO
    assert read(module, leaf, sub, td_ctls=REDUCE_VE, paravirt=0xFFF & ~own, td=full) == ZERO
    assert read(module, leaf, sub, td_ctls=REDUCE_VE, paravirt=own, td=full) == VE
    assert read(module, leaf, sub, td_ctls=REDUCE_VE, paravirt=0xFFF) == ZERO  # not configured: the flag is 0


@every
def test_d5_6_topology_needs_enum_topology(module: str) -> None:
    how: dict[str, Any] = {"x2apic_id": "abcd1234"}
    assert read(module, 0xB, 0, td_ctls=VIRT_CPUID2, **how) == VE
    assert read(module, 0x1F, 1, td_ctls=0, **how) == VE
    assert read(module, 0xB, 0, td_ctls=ENUM_TOPOLOGY, **how) == q(1, 2, 0x100, 0xABCD1234)
    assert read(module, 0x1F, 1, td_ctls=ENUM_TOPOLOGY, **how) == q(7, 0x78, 0x201, 0xABCD1234)


# D5.7


@every
def test_d5_7_leaf_1_with_everything_configured(module: str) -> None:
    got = read(module, 1, vcpu="1ab", x2apic_id="cd", cr4="40000", td={"config": FULL})
    # EBX[31:24] = VCPU_INDEX & FF without ENUM_TOPOLOGY; ECX[27] = CR4[18].
    assert got == q(0x000806F8, 0xAB000800, 0xFFFEFB9F, 0xBFE9FBFF)


@every
def test_d5_7_leaf_1_shows_the_x2apic_id_with_enum_topology(module: str) -> None:
    got = read(module, 1, vcpu="1ab", x2apic_id="12cd", td_ctls=ENUM_TOPOLOGY, td={"config": FULL})
    assert got == q(0x000806F8, 0xCD000800, 0xF7FEFB9F, 0xBFE9FBFF)


@every
def test_d5_7_leaf_1_with_nothing_configured(module: str) -> None:
    # TDCS EDX = 07A9AB7F; MCE, MTRR and MCA (5080) are put in.
    assert read(module, 1) == q(0x000806F8, 0x800, 0xC6FAB217, 0x07A9FBFF)


@every
def test_d5_7_leaf_7_0_with_everything_and_nothing_configured(module: str) -> None:
    assert read(module, 7, td={"config": FULL}) == q(2, 0xF3BFBFF9, 0x1B417FEE, 0xFFDD4430)
    # TDCS EDX = BFD80420; CORE_CAPABILITIES (bit 30) is put in.
    assert read(module, 7) == q(2, 0x239424E1, 0x1900008A, 0xFFD80420)


@every
@either_way
def test_d5_7_ospke_and_tsx_as_before(module: str, td_ctls: int) -> None:
    td: Mapping[str, Any] = {"config": FULL, "native": {"tsx_ctrl": "2"}}
    got = {"7.0": read(module, 7, td_ctls=td_ctls, cr4="400000", td=td)}
    assert bit(got, "7.0.ecx.4") == 1  # CR4[22] is PKE
    assert (bit(got, "7.0.ebx.4"), bit(got, "7.0.ebx.11")) == (0, 0)  # IA32_TSX_CTRL[1]
    plain = {"7.0": read(module, 7, td_ctls=td_ctls, td={"config": FULL})}
    assert [bit(plain, f"7.0.{name}") for name in ("ecx.4", "ebx.4", "ebx.11")] == [0, 1, 1]


@every
@pytest.mark.parametrize("sub", [0, 1, 2, 3])
def test_d5_7_leaf_4_takes_only_eax_31_14_from_the_tdcs(module: str, sub: int) -> None:
    config = {f"4.{sub}": q(0xA5A543FF, 0xFFFFF000, 0xFFFFFFFF, 7)}
    configured = q(0xA5A543FF, 0xFFFFF03F, 0xFFFFFFFF, 7)
    reduced = [
        q(0xA5A54121, 0x02C0003F, 0x3F, 0),
        q(0xA5A54122, 0x01C0003F, 0x3F, 0),
        q(0xA5A54143, 0x03C0003F, 0x7FF, 0),
        q(0xA5A54163, 0x0380003F, 0x1FFFF, 4),
    ]
    assert read(module, 4, sub, td={"config": config}) == configured
    assert read(module, 4, sub, td_ctls=REDUCE_VE, td={"config": config}) == reduced[sub]


@every
def test_d5_7_leaf_4_4_is_the_tdcs_value(module: str) -> None:
    assert read(module, 4, 4, td_ctls=REDUCE_VE, td={"cpuid": {"4.4": q(0, 5, 5, 5)}}) == ZERO


@every
@either_way
@pytest.mark.parametrize(
    ("xcr0", "size"),
    [("1", 0x240), ("3", 0x240), ("7", 0x340), ("e7", 0xA80), ("2e7", 0xA88), ("602e7", 0x2B00)],
)
def test_d5_7_d_0_ebx_as_before(module: str, td_ctls: int, xcr0: str, size: int) -> None:
    # max(576, offset + size of each component in XCR0); ECX was fixed at init for XFAM & 602FF.
    assert read(module, 0xD, 0, td_ctls=td_ctls, xcr0=xcr0) == q(0x602E7, size, 0x2B00, 0)


@every
@either_way
def test_d5_7_d_1_ebx_as_before(module: str, td_ctls: int) -> None:
    # Compacted: 576 + AVX 100h = 340h; CET_U adds 10h.
    assert read(module, 0xD, 1, td_ctls=td_ctls, xcr0="7")[8:16] == "00000340"
    assert read(module, 0xD, 1, td_ctls=td_ctls, xcr0="7", xss="800")[8:16] == "00000350"


@every
@either_way
def test_d5_7_syscall_bit_as_before(module: str, td_ctls: int) -> None:
    assert read(module, 0x80000001, td_ctls=td_ctls, long_mode=True) == q(0, 0, 0x121, 0x2C100800)
    assert read(module, 0x80000001, td_ctls=td_ctls, long_mode=False) == q(0, 0, 0x121, 0x2C100000)


# D6


@every
@either_way
@pytest.mark.parametrize("leaf", [3, 8, 0xE, 0x11, 0x12, 0x13, 0x20, 0x22])
@pytest.mark.parametrize("sub", [0, 1, 7, 0xFFFFFFFF])
def test_d6_these_read_zero_with_or_without_reduce_ve(module: str, td_ctls: int, leaf: int, sub: int) -> None:
    native = {f"{leaf:x}": q(1, 2, 3, 4)}
    assert read(module, leaf, sub, td_ctls=td_ctls, td={"base": GNR, "cpuid": native}) == ZERO


@every
@pytest.mark.parametrize("leaf", [9, 0xC, 0xF, 0x10, 0x16, 0x17, 0x1B, 0x80000003, 0x80000004, 0x80000005])
@pytest.mark.parametrize("sub", [0, 1, 7])
def test_d6_these_are_ve_without_reduce_ve_though_in_the_bitmap(module: str, leaf: int, sub: int) -> None:
    assert read(module, leaf, sub) == VE
    assert read(module, leaf, sub, td_ctls=REDUCE_VE) == ZERO  # all flags are 0


# D7: the thirteen bits.

THIRTEEN = [
    "1.ecx.7", "1.ecx.8", "1.ecx.18", "1.ecx.24", "1.edx.7", "1.edx.12", "1.edx.14", "1.edx.22", "7.0.ebx.12",
    "7.0.ebx.15", "7.0.ecx.13", "7.0.edx.18", "7.0.edx.30",
]  # fmt: skip
FORCED = {"1.edx.7", "1.edx.12", "1.edx.14", "7.0.edx.30"}


def seen(module: str, **how: Any) -> dict[str, str]:
    """Leaves 1 and 7.0 as the guest reads them."""
    return {"1": read(module, 1, **how), "7.0": read(module, 7, **how)}


@every
@pytest.mark.parametrize("name", THIRTEEN)
@pytest.mark.parametrize("paravirt", [0, 0xFFF])
def test_d7_without_reduce_ve_four_are_one_and_nine_as_configured(module: str, name: str, paravirt: int) -> None:
    # FEATURE_PARAVIRT_CTLS has no say here (I9).
    configured, bare = seen(module, paravirt=paravirt, td={"config": FULL}), seen(module, paravirt=paravirt)
    assert bit(configured, name) == 1
    assert bit(bare, name) == (1 if name in FORCED else 0)
    assert bit(virtual(module), name) == 0  # the TDCS shows cfg AND native
    assert bit(virtual(module, config=FULL), name) == 1


@every
def test_d7_with_reduce_ve_all_thirteen_are_off_by_default(module: str) -> None:
    got = seen(module, td_ctls=REDUCE_VE, td={"config": FULL})
    assert got["1"] == q(0x000806F8, 0x800, 0xF6FAFA1F, 0xBFA9AB7F)
    assert got["7.0"] == q(2, 0xF3BF2FF9, 0x1B415FEE, 0xBFD94430)


@every
def test_d7_with_reduce_ve_and_every_control_they_are_as_configured(module: str) -> None:
    got = seen(module, td_ctls=REDUCE_VE, paravirt=0xFFF, td={"config": FULL})
    assert got["1"] == q(0x000806F8, 0x800, 0xF7FEFB9F, 0xBFE9FBFF)
    assert got["7.0"] == q(2, 0xF3BFBFF9, 0x1B417FEE, 0xFFDD4430)
    bare = seen(module, td_ctls=REDUCE_VE, paravirt=0xFFF)
    assert bare["1"] == q(0x000806F8, 0x800, 0xC6FAB217, 0x07A9AB7F)
    assert bare["7.0"] == q(2, 0x239424E1, 0x1900008A, 0xBFD80420)


@every
def test_d7_a_control_does_not_add_what_native_lacks(module: str) -> None:
    # TDCS bit = cfg AND native; native DCA is 0 here.
    td = {"config": FULL, "cpuid": {"1": but(SPR["1"], ecx=0x7FFAFBFF)}}
    assert bit(seen(module, td_ctls=REDUCE_VE, paravirt=0xFFF, td=td), "1.ecx.18") == 0


@every
def test_d7_mce_and_mca_share_a_control(module: str) -> None:
    got = seen(module, td_ctls=REDUCE_VE, paravirt=1 << 3, td={"config": {"1": q(edx=0x4000)}})
    assert (bit(got, "1.edx.14"), bit(got, "1.edx.7")) == (1, 0)  # MCE is not configured


@every
@pytest.mark.parametrize("name", THIRTEEN)
def test_d7_the_thirteen_bits_are_the_guests(module: str, name: str) -> None:
    found = row(module, name)
    assert (found["class"], found["group"]) == ("guest", "run-time")
    assert row(module, name, platform="granite-rapids")["value"] is None


@pytest.mark.parametrize("name", THIRTEEN)
def test_d7_in_1_5_08_they_are_not(name: str) -> None:
    assert row("1.5.08", name)["class"] == ("fixed-1" if name in FORCED else "configured-native")
    got = seen("1.5.08", td_ctls=REDUCE_VE, td={"config": FULL_OLD})
    assert bit(got, name) == 1


def test_d7_no_other_bit_is_the_guests() -> None:
    for module in D:
        counted = sum(r["msb"] - r["lsb"] + 1 for r in rows(module) if r["class"] == "guest")
        assert counted == 13


def test_d7_1_5_08_refuses_to_configure_the_four() -> None:
    assert verdict("1.5.08", config={"1": q(edx=0x1000)}) == bad_config("1")
    assert verdict("1.5.08", config={"7.0": q(edx=1 << 30)}) == bad_config("7.0")


# D8: REDUCE_VE implies ENUM_TOPOLOGY and VIRT_CPUID2.


@every
def test_d8_reduce_ve_implies_virt_cpuid2(module: str) -> None:
    assert read(module, 2, td_ctls=REDUCE_VE) == q(0x00FEFF01)


@every
def test_d8_reduce_ve_implies_enum_topology(module: str) -> None:
    how: dict[str, Any] = {"td_ctls": REDUCE_VE, "x2apic_id": "e5", "vcpu": "7"}
    assert read(module, 0xB, 0, **how) == q(1, 2, 0x100, 0xE5)
    assert read(module, 0xB, 1, **how) == q(7, 0x78, 0x201, 0xE5)
    assert read(module, 0x1F, 1, **how) == q(7, 0x78, 0x201, 0xE5)
    assert read(module, 1, **how)[8:16] == "e5000800"


@every
def test_d8_without_it_neither_is_implied(module: str) -> None:
    assert read(module, 1, td_ctls=VIRT_CPUID2, x2apic_id="e5", vcpu="7")[8:16] == "07000800"
    assert read(module, 0x1F, 1, td_ctls=VIRT_CPUID2, x2apic_id="e5") == VE
