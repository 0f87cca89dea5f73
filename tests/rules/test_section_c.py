"""Section C: 1.5.06 -> 1.5.08."""

from __future__ import annotations

import pytest

from .platforms import (
    BAD_CONFIG_FLAGS,
    BEFORE_C,
    FATAL,
    FIVE_LEVELS,
    GNR,
    GPAW,
    MAXGPA_VIRT,
    MAXPA_VIRT,
    MIGRATABLE,
    SPR,
    SUCCESS,
    VE,
    ZERO,
    C,
    D,
    bad_config,
    bad_native,
    but,
    classes,
    probe,
    q,
    read,
    reads,
    reg,
    resolve,
    row,
    stage,
    verdict,
    virtual,
)

every = pytest.mark.parametrize("module", C)
before = pytest.mark.parametrize("module", BEFORE_C)
both = pytest.mark.parametrize("module", BEFORE_C + C)


# C1: CONFIG_FLAGS within 1F; MAXGPA_VIRT with MAXPA_VIRT is an error.


@every
@pytest.mark.parametrize("flags", [0, 0x2, 0x4, 0x6, MAXPA_VIRT, MAXGPA_VIRT, 0x16])
def test_c1_each_flag_within_1f_is_accepted(module: str, flags: int) -> None:
    assert verdict(module, config_flags=flags) == SUCCESS


@before
def test_c1_maxgpa_virt_is_no_flag_before_1_5_08(module: str) -> None:
    assert verdict(module, config_flags=MAXGPA_VIRT) == BAD_CONFIG_FLAGS


@both
@pytest.mark.parametrize("number", [5, 6, 8, 31, 63])
def test_c1_flags_beyond_bit_4_are_refused(module: str, number: int) -> None:
    # Bit 7 is G2's affair; 5 (TDX_CONNECT) and 6 (PAGE_RELEASE) are in no FIXED0 (H3).
    assert verdict(module, config_flags=1 << number) == BAD_CONFIG_FLAGS


@every
@pytest.mark.parametrize("flags", [MAXGPA_VIRT | MAXPA_VIRT, 0x1E])
def test_c1_maxgpa_virt_with_maxpa_virt_is_refused(module: str, flags: int) -> None:
    assert verdict(module, config_flags=flags) == BAD_CONFIG_FLAGS
    assert stage(module, config_flags=flags) == "TDH.MNG.INIT"


@every
def test_c1_the_two_flags_are_refused_with_gpaw_too(module: str) -> None:
    flags = GPAW | MAXGPA_VIRT | MAXPA_VIRT
    assert verdict(module, config_flags=flags, eptp_controls=FIVE_LEVELS) == BAD_CONFIG_FLAGS


@every
def test_c1_the_flags_are_judged_before_eptp_controls(module: str) -> None:
    # Protocol 1: CONFIG_FLAGS, then EPTP_CONTROLS.
    assert verdict(module, config_flags=0x18, eptp_controls="0") == BAD_CONFIG_FLAGS


# C2: address widths. The native register carries 5A in [31:24] and 2C in [23:16]; TDs have no LA57, so [15:8] = 48.


def widths(max_pa: int) -> dict[str, str]:
    """80000008 of a CPU with that many physical address bits, and noise above EAX[15:0]."""
    return {"80000008": but(SPR["80000008"], eax=0x5A2C_3900 | max_pa)}


@every
@pytest.mark.parametrize(
    ("native", "flags", "expected"),
    [
        (52, MAXGPA_VIRT, "5a303034"),  # min(52, 48) = 48
        (52, MAXGPA_VIRT | GPAW, "5a343034"),  # min(52, 52) = 52
        (50, MAXGPA_VIRT, "5a303032"),
        (50, MAXGPA_VIRT | GPAW, "5a323032"),  # min(50, 52) = 50
        (49, MAXGPA_VIRT | GPAW, "5a313031"),
        (48, MAXGPA_VIRT, "5a303030"),
        (46, MAXGPA_VIRT, "5a2e302e"),  # min(46, 48) = 46
    ],
)
def test_c2_maxgpa_virt_gives_native_maxpa_and_the_guest_width(
    module: str, native: int, flags: int, expected: str
) -> None:
    levels = FIVE_LEVELS if flags & GPAW else "1e"
    quads = virtual(module, cpuid=widths(native), config_flags=flags, eptp_controls=levels)
    assert reg(quads, "80000008.eax") == expected


@every
@pytest.mark.parametrize("configured", [0x01, 0x2D, 0x30, 0x34, 0xFF])
def test_c2_maxgpa_virt_ignores_the_configured_byte(module: str, configured: int) -> None:
    quads = virtual(module, cpuid=widths(52), config={"80000008": q(eax=configured)}, config_flags=MAXGPA_VIRT)
    assert reg(quads, "80000008.eax") == "5a303034"


@every
@pytest.mark.parametrize(
    ("native", "flags", "configured", "expected"),
    [
        (52, 0, 0, "5a003034"),  # neither flag: native MAXPA
        (52, 0, 0x2D, "5a003034"),  # ... whatever is configured (B6)
        (46, 0, 0, "5a00302e"),
        (52, MAXPA_VIRT, 0, "5a003030"),  # 0 -> min(52, 48)
        (52, MAXPA_VIRT | GPAW, 0, "5a003034"),  # 0 -> min(52, 52)
        (46, MAXPA_VIRT, 0, "5a00302e"),  # 0 -> min(46, 48)
        (52, MAXPA_VIRT, 0x2D, "5a00302d"),
        (52, MAXPA_VIRT, 0x30, "5a003030"),
        (52, MAXPA_VIRT | GPAW, 0x34, "5a003034"),
        (52, GPAW, 0x2D, "5a003034"),
    ],
)
def test_c2_without_maxgpa_virt_b6_holds_and_the_guest_width_is_zero(
    module: str, native: int, flags: int, configured: int, expected: str
) -> None:
    quads = virtual(
        module,
        cpuid=widths(native),
        config={"80000008": q(eax=configured)},
        config_flags=flags,
        eptp_controls=FIVE_LEVELS if flags & GPAW else "1e",
    )
    assert reg(quads, "80000008.eax") == expected


@every
@pytest.mark.parametrize("configured", [0x2C, 0x31, 0x34, 0xFF])
def test_c2_with_maxpa_virt_b6_still_refuses(module: str, configured: int) -> None:
    # B6: 45 <= v <= min(native, 48) without GPAW; RCX = 0.
    got = verdict(module, cpuid=widths(52), config={"80000008": q(eax=configured)}, config_flags=MAXPA_VIRT)
    assert got == bad_config()


@every
def test_c2_linear_width_follows_la57_beside_maxgpa_virt(module: str) -> None:
    quads = virtual(module, cpuid=widths(52), config={"7.0": q(ecx=0x10000)}, config_flags=MAXGPA_VIRT)
    assert reg(quads, "80000008.eax") == "5a303934"


@every
@pytest.mark.parametrize("eax", [0x0001_0000, 0x0030_0000, 0x0100_0000, 0x8000_0000])
def test_c2_the_upper_half_is_not_configurable(module: str, eax: int) -> None:
    got = verdict(module, config={"80000008": q(eax=eax)}, config_flags=MAXGPA_VIRT)
    assert got == bad_config("80000008")


@before
def test_c2_the_upper_half_is_zero_before_1_5_08(module: str) -> None:
    assert reg(virtual(module, cpuid=widths(52)), "80000008.eax") == "00003034"


def test_c2_classes_of_the_upper_half() -> None:
    # [31:24] passes through, [23:16] is computed; before, both were constant.
    for module in C:
        assert row(module, "80000008.eax.24")["class"] == "native"
        assert row(module, "80000008.eax.31")["group"] == "fixed"
        assert row(module, "80000008.eax.16")["class"] == "computed"
        assert row(module, "80000008.eax.23")["group"] == "fixed"
    assert classes("1.5.06", "80000008.eax.16", "80000008.eax.31") == {"fixed-0"}


# C3: seven fixed counters in A.ECX and 23.1.EBX.


@every
@pytest.mark.parametrize("ecx", [0x1F, 0x2F, 0x4F, 0x7F])
def test_c3_a_ecx_may_have_bits_6_to_4(module: str, ecx: int) -> None:
    leaf_a = but(SPR["a"], ecx=ecx)
    assert virtual(module, cpuid={"a": leaf_a}, attributes=1 << 63)["a"] == leaf_a


@before
@pytest.mark.parametrize("ecx", [0x1F, 0x2F, 0x4F])
def test_c3_a_ecx_bits_6_to_4_are_refused_in_1_5_06(module: str, ecx: int) -> None:
    assert verdict(module, cpuid={"a": but(SPR["a"], ecx=ecx)}) == bad_native("a")


@both
@pytest.mark.parametrize("ecx", [0x8F, 0x8000000F])
def test_c3_a_ecx_above_bit_6_is_refused(module: str, ecx: int) -> None:
    assert verdict(module, cpuid={"a": but(SPR["a"], ecx=ecx)}) == bad_native("a")
    assert stage(module, cpuid={"a": but(SPR["a"], ecx=ecx)}) == "TDH.SYS.INIT"


@every
@pytest.mark.parametrize("bitmap", [0x1F, 0x7F])
def test_c3_23_1_ebx_may_have_bits_6_to_4(module: str, bitmap: int) -> None:
    # A.ECX says the same, for 2.0.x compares the two (I7): ((1 << 4) - 1) | bitmap = bitmap.
    native = {"a": but(GNR["a"], ecx=bitmap), "23.1": but(GNR["23.1"], ebx=bitmap)}
    config = {"7.1": q(eax=0x100), "23.0": q(eax=0xF)}
    quads = virtual(module, GNR, cpuid=native, attributes=1 << 63, config=config)
    assert quads["23.1"] == q(eax=0xFF, ebx=bitmap)


@before
def test_c3_23_1_ebx_bits_6_to_4_are_refused_in_1_5_06(module: str) -> None:
    assert verdict(module, GNR, cpuid={"23.1": but(GNR["23.1"], ebx=0x1F)}) == bad_native("23.1")


@both
def test_c3_23_1_ebx_above_bit_6_is_refused(module: str) -> None:
    assert verdict(module, GNR, cpuid={"23.1": but(GNR["23.1"], ebx=0x8F)}) == bad_native("23.1")


def test_c3_classes_follow_the_verify_masks() -> None:
    for module in C:
        assert classes(module, "a.ecx.4", "a.ecx.6", "23.1.ebx.4", "23.1.ebx.6") == {"native"}
        assert classes(module, "a.ecx.7", "23.1.ebx.7") == {"fixed-0"}
    assert classes("1.5.06", "a.ecx.4", "23.1.ebx.4") == {"fixed-0"}


# C4: B.2 all zero, and the run time of 1.5.06.


def test_c4_the_rest_of_leaf_b_is_all_zero() -> None:
    quads = virtual("1.5.08")
    assert quads["b.0"] == q(1, 2, 0x100) and quads["b.1"] == q(7, 0x78, 0x201)
    assert quads["b.2"] == ZERO


def test_c4_without_an_smt_level_two_entries_are_all_zero() -> None:
    quads = virtual("1.5.08", config={"1f.0": q(4, 8, 0x200)})
    assert (quads["b.0"], quads["b.1"], quads["b.2"]) == (q(4, 8, 0x200), ZERO, ZERO)


@pytest.mark.parametrize("td_ctls", [0, 0x6, 0xE])
def test_c4_no_ve_reduction_in_1_5_08(td_ctls: int) -> None:
    # Rule 7.2: no entry or a faulting one -> #VE. TD_CTLS has no bit 3.
    leaves = [0x6, 0x9, 0xC, 0xF, 0x10, 0x16, 0x17, 0x18, 0x1B, 0x80000002, 0x80000003, 0x80000006]
    got = reads("1.5.08", *(probe(leaf, td_ctls=td_ctls) for leaf in leaves))
    assert got == [VE] * len(leaves)


def test_c4_missing_sub_leaves_are_ve_in_1_5_08() -> None:
    probes = [probe(leaf, sub, td_ctls=0xE) for leaf, sub in [(4, 5), (7, 3), (0xB, 3), (0x1F, 6), (0x23, 4)]]
    assert reads("1.5.08", *probes) == [VE] * 5


def test_c4_leaf_2_and_the_topology_leaves_follow_td_ctls_in_1_5_08() -> None:
    got = reads(
        "1.5.08",
        probe(2),
        probe(2, td_ctls=4),
        probe(0xB, 0, td_ctls=4, x2apic_id="a5"),
        probe(0xB, 0, td_ctls=2, x2apic_id="a5"),
        probe(0x1F, 1, td_ctls=2, x2apic_id="a5"),
    )
    assert got == [VE, q(0x00FEFF01), VE, q(1, 2, 0x100, 0xA5), q(7, 0x78, 0x201, 0xA5)]


def test_c4_mce_and_mtrr_are_constant_in_1_5_08() -> None:
    # Not configurable yet: 1.EDX 5080 has no mask before D1. EDX = native less fixed0 less the allow_direct bits.
    assert read("1.5.08", 1, td_ctls=0xE) == q(0x000806F8, 0x800, 0xC6FAB217, 0x07A9FBFF)
    assert verdict("1.5.08", config={"1": q(edx=0x80)}) == bad_config("1")


# C5: the defaulted FMS of a migratable TD meets the list.


def cpu(fms: int) -> dict[str, str]:
    """Leaf 1 of a CPU with that family, model and stepping."""
    return {"1": but(GNR["1"], eax=fms)}


def test_c5_a_default_off_the_list_shuts_the_module_down() -> None:
    assert verdict("1.5.08", cpuid=cpu(0x606A6), attributes=MIGRATABLE) == FATAL
    assert stage("1.5.08", cpuid=cpu(0x606A6), attributes=MIGRATABLE) == "TDH.MNG.INIT"


def test_c5_a_default_above_the_lists_stepping_is_refused() -> None:
    # Rule 5.1 (c): stepping 2 > the list's 1 (H5: GNR-SP A06D1).
    assert verdict("1.5.08", GNR, cpuid=cpu(0xA06D2), attributes=MIGRATABLE) == bad_config("1")


@pytest.mark.parametrize("fms", [0xD06D1, 0xA06E1, 0xA06D1, 0xA06D0, 0xA06F3, 0xC06F2, 0x806F8, 0x806F5])
def test_c5_a_default_on_the_list_is_accepted(fms: int) -> None:
    quads = virtual("1.5.08", cpuid=cpu(fms), attributes=MIGRATABLE)
    assert reg(quads, "1.eax") == f"{fms:08x}"


@pytest.mark.parametrize("module", D)
@pytest.mark.parametrize("fms", [0x606A6, 0xA06D2])
def test_c5_ends_with_1_5_16(module: str, fms: int) -> None:
    # E2: cfg EAX = 0 takes the platform's FMS without a list check.
    assert verdict(module, cpuid=cpu(fms), attributes=MIGRATABLE) == SUCCESS


def test_c5_a_td_that_cannot_migrate_needs_no_list() -> None:
    assert resolve("1.5.08", cpuid=cpu(0x606A6))["status"] == "TDX_SUCCESS"
