"""Section I: the readings taken where C to H leave a choice."""

from __future__ import annotations

from typing import Any

import pytest

from tdxtui.protocol import answer_resolve

from .platforms import (
    BAD_1F,
    BAD_ATTRIBUTES,
    BAD_EPTP,
    BEFORE_C,
    DEBUG,
    FATAL,
    FIVE_LEVELS,
    FOUR_LEVELS,
    FULL,
    GNR,
    GPAW,
    ICSSD,
    MAXGPA_VIRT,
    MAXPA_VIRT,
    MIGRATABLE,
    NOT_G,
    PERFMON,
    PMT_PROF,
    REDUCE_VE,
    SEALING,
    SEPT_VE_DISABLE,
    SPR,
    SUCCESS,
    TPA,
    VE,
    ZERO,
    C,
    D,
    G,
    H,
    bad_config,
    bad_lp,
    bad_native,
    but,
    classes,
    probe,
    q,
    read,
    reads,
    reg,
    request,
    resolve,
    row,
    verdict,
    virtual,
)

every = pytest.mark.parametrize("module", C)


def fms(value: int) -> dict[str, str]:
    """Leaf 1 of a CPU with that family, model and stepping."""
    return {"1": but(GNR["1"], eax=value)}


# I1: which module has which section.


def test_i1_1_5_08_is_1_5_06_plus_c() -> None:
    assert verdict("1.5.08", config_flags=MAXGPA_VIRT) == SUCCESS
    quads = virtual("1.5.08")
    assert len(quads) == 69 and quads["b.2"] == ZERO
    assert verdict("1.5.08", attributes=MIGRATABLE, num_l2_vms=1) == ("TDX_OPERAND_INVALID", "-", "RDX")
    assert verdict("1.5.08", attributes=MIGRATABLE | DEBUG) == BAD_ATTRIBUTES
    assert verdict("1.5.08", config={"4.0": q(edx=0xFFFFFFFB)}) == SUCCESS


def test_i1_1_5_16_is_d_plus_e() -> None:
    quads = virtual("1.5.16")
    assert len(quads) == 79 and quads["b.2"] == ZERO
    assert quads["80000002"] == q(0x65746E49, 0x58204454, 0x6C202020, 0)  # F2 came later
    assert verdict("1.5.16", attributes=MIGRATABLE, num_l2_vms=1) == SUCCESS
    assert read("1.5.16", 0xC, td_ctls=REDUCE_VE) == ZERO


def test_i1_2_0_08_has_d_to_f_and_h() -> None:
    quads = virtual("2.0.08", GNR, cpuid={"7.1": but(GNR["7.1"], eax=0x00601D31)}, config={"7.1": q(eax=1)})
    assert len(quads) == 79
    assert reg(quads, "7.1.eax") == "00000001"  # H2
    assert read("2.0.08", 0xC, td_ctls=REDUCE_VE) == ZERO  # D5
    assert verdict("2.0.08", attributes=MIGRATABLE, num_l2_vms=1) == SUCCESS  # E4
    assert verdict("2.0.08", attributes=PMT_PROF | TPA) == SUCCESS  # H3
    assert verdict("2.0.08", GNR, cpuid={"23.1": q(0xFF, 7)}) == bad_native("23.1")  # H4


def test_i1_2_0_08_has_not_g() -> None:
    # G2's flag is asked for in test_section_g.
    assert verdict("2.0.08", attributes=MIGRATABLE | DEBUG) == BAD_ATTRIBUTES  # G1
    assert verdict("2.0.08", cpuid={"1f.4": ZERO}) == SUCCESS  # G3
    assert virtual("2.0.08")["b.2"] == ZERO  # G4


@pytest.mark.parametrize("module", ["1.5.34", "2.0.18"])
def test_i1_1_5_34_and_2_0_18_have_d_to_g(module: str) -> None:
    assert verdict(module, attributes=MIGRATABLE | DEBUG, num_l2_vms=1) == SUCCESS
    assert verdict(module, config_flags=SEALING) == SUCCESS
    assert verdict(module, cpuid={"1f.4": ZERO}) == BAD_1F
    assert virtual(module)["b.2"] == q(ecx=2)
    assert virtual(module)["80000002"] == q(0x65746E49, 0x4454206C, 0x20202058, 0)


# I2: H5's list for all of them; a configured FMS of a migratable TD meets rule 5.1.


@every
@pytest.mark.parametrize("older", [0xA06E1, 0xA06D1, 0xA06F3, 0xC06F2, 0x806F8])
def test_i2_clearwater_forest_may_be_any_older_cpu(module: str, older: int) -> None:
    config = {"1": q(eax=older)}
    assert verdict(module, cpuid=fms(0xD06D1), config=config, attributes=MIGRATABLE) == SUCCESS
    config = {"1": q(eax=older + 1)}
    assert verdict(module, cpuid=fms(0xD06D1), config=config, attributes=MIGRATABLE) == bad_config("1")


@every
def test_i2_granite_rapids_stepping_1_may_migrate(module: str) -> None:
    # Not in 1.5.06 and before: their list has stepping 0.
    quads = virtual(module, GNR, config={"1": q(eax=0xA06D1)}, attributes=MIGRATABLE)
    assert reg(quads, "1.eax") == "000a06d1"


@pytest.mark.parametrize("module", BEFORE_C)
def test_i2_before_it_could_not(module: str) -> None:
    assert verdict(module, GNR, config={"1": q(eax=0xA06D1)}, attributes=MIGRATABLE) == bad_config("1")


@every
def test_i2_off_list_platforms_shut_down_on_a_configured_fms(module: str) -> None:
    config = {"1": q(eax=0x606A6)}
    assert verdict(module, cpuid=fms(0x606A6), config=config, attributes=MIGRATABLE) == FATAL


# I3


@pytest.mark.parametrize("module", ["1.5.06", "1.5.08", "1.5.16", "1.5.28"])
def test_i3_migratable_with_debug_is_refused_up_to_1_5_28(module: str) -> None:
    assert verdict(module, attributes=MIGRATABLE | DEBUG) == BAD_ATTRIBUTES


@every
@pytest.mark.parametrize("attributes", [0, MIGRATABLE])
def test_i3_three_l2_vms_at_most(module: str, attributes: int) -> None:
    assert verdict(module, num_l2_vms=3) == SUCCESS
    got = verdict(module, attributes=attributes, num_l2_vms=4)
    assert got == ("TDX_OPERAND_INVALID", "-", "NUM_L2_VMS")


@pytest.mark.parametrize(
    ("module", "expected"), [("1.5.06", BAD_EPTP), ("1.5.08", BAD_EPTP)] + [(module, SUCCESS) for module in D]
)
def test_i3_five_levels_need_49_bits_up_to_1_5_13(module: str, expected: tuple[str, ...]) -> None:
    native = {"80000008": but(SPR["80000008"], eax=0x3930)}
    assert verdict(module, cpuid=native, eptp_controls=FIVE_LEVELS) == expected
    assert verdict(module, cpuid=native, eptp_controls=FOUR_LEVELS) == SUCCESS


@every
def test_i3_gpaw_always_needs_five_levels(module: str) -> None:
    assert verdict(module, config_flags=GPAW, eptp_controls=FOUR_LEVELS) == BAD_EPTP
    assert verdict(module, config_flags=GPAW | MAXGPA_VIRT, eptp_controls=FOUR_LEVELS) == BAD_EPTP
    assert verdict(module, config_flags=GPAW, eptp_controls=FIVE_LEVELS) == SUCCESS


# I4


@pytest.mark.parametrize("module", ["1.5.06", "1.5.08", "1.5.16", "1.5.28"])
def test_i4_the_rest_of_b_is_zero_up_to_1_5_28(module: str) -> None:
    assert virtual(module, config={"1f.0": q(3, 8, 0x200)})["b.1"] == ZERO
    assert virtual(module)["b.2"] == ZERO


@pytest.mark.parametrize("module", G)
def test_i4_and_carries_its_index_from_1_5_34(module: str) -> None:
    assert virtual(module, config={"1f.0": q(3, 8, 0x200)})["b.1"] == q(ecx=1)
    assert virtual(module)["b.2"] == q(ecx=2)


# I5


@pytest.mark.parametrize("module", NOT_G)
def test_i5_before_1_5_34_the_checks_of_1_5_06(module: str) -> None:
    topology = {"1f.0": q(1, 2, 0x100), "1f.1": q(7, 0x78, 0x201)}
    assert verdict(module, cpuid={"1f.1": q(7, 0x78, 0x2FF)}, config=topology) == SUCCESS
    assert verdict(module, GNR, cpuid={"23.2": q(1)}) == SUCCESS


@every
def test_i5_lp_init_compares_the_raw_leaf_23(module: str) -> None:
    # Also where the sampled values were replaced by 0, because the CPU lacks 7.1.EAX[8] (G3).
    native = {"7.1": but(GNR["7.1"], eax=0x00601C30)}
    assert verdict(module, GNR, cpuid=native) == SUCCESS
    assert verdict(module, GNR, cpuid=native, lp={"23.1": GNR["23.1"]}) == SUCCESS
    assert verdict(module, GNR, cpuid=native, lp={"23.1": q(0x7F, 0xF)}) == bad_lp("23.1")
    assert verdict(module, GNR, cpuid=native, lp={"23.3": ZERO}) == bad_lp("23.3")
    assert resolve(module, GNR, cpuid=native, lp={"23.3": ZERO})["stage"] == "TDH.SYS.LP.INIT"


@every
def test_i5_max_fixed_ctrs_is_seven(module: str) -> None:
    assert verdict(module, cpuid={"a": q(0x08300805, 0, 0x7F, 0x8607)}) == SUCCESS
    assert verdict(module, cpuid={"a": q(0x08300805, 0, 0x7F, 0x8608)}) == bad_native("a")


A0: dict[str, Any] = {"cpuid": fms(0xA06D0)}
NO_BIT_21 = {"arch_cap": "110fdeb"}


@pytest.mark.parametrize("module", G)
def test_i5_gnr_a0_needs_no_arch_capabilities_bit_21(module: str) -> None:
    assert resolve(module, GNR, **A0, native=NO_BIT_21)["virt_arch_cap"] == "0"
    assert verdict(module, GNR, cpuid=fms(0xA06D1), native=NO_BIT_21) == ("TDX_INCORRECT_MSR_VALUE", "-", "10a")
    # Its other bits are needed as before: here bit 0 is missing.
    assert verdict(module, GNR, **A0, native={"arch_cap": "130fdea"}) == ("TDX_INCORRECT_MSR_VALUE", "-", "10a")


@pytest.mark.parametrize("module", G)
def test_i5_gnr_a0_compares_7_2_but_not_6_at_lp_init(module: str) -> None:
    assert verdict(module, GNR, **A0, lp={"6": q(eax=0x00800004)}) == SUCCESS
    assert verdict(module, GNR, **A0, lp={"7.2": q(edx=0x1F)}) == bad_lp("7.2")


# I6


@every
@pytest.mark.parametrize("configured", [0x00, 0x01, 0x2C, 0x35, 0xFF])
def test_i6_maxgpa_virt_never_refuses_the_byte_and_states_no_maxpa(module: str, configured: int) -> None:
    answer = resolve(module, config={"80000008": q(eax=configured)}, config_flags=MAXGPA_VIRT)
    assert answer["status"] == "TDX_SUCCESS"
    assert "virt_maxpa" not in answer
    assert reg(answer["cpuid"], "80000008.eax") == "00303034"


@every
@pytest.mark.parametrize(
    ("flags", "configured", "maxpa"), [(0, 0, "34"), (0, 0x2D, "34"), (MAXPA_VIRT, 0, "30"), (MAXPA_VIRT, 0x2E, "2e")]
)
def test_i6_without_it_maxpa_is_stated(module: str, flags: int, configured: int, maxpa: str) -> None:
    answer = resolve(module, config={"80000008": q(eax=configured)}, config_flags=flags)
    assert answer["virt_maxpa"] == maxpa


@every
def test_i6_the_guest_width_is_always_written(module: str) -> None:
    native = {"80000008": but(SPR["80000008"], eax=0xFFFF_3934)}
    assert reg(virtual(module, cpuid=native), "80000008.eax") == "ff003034"
    assert reg(virtual(module, cpuid=native, config_flags=MAXGPA_VIRT), "80000008.eax") == "ff303034"
    assert verdict(module, cpuid=native, config={"80000008": q(eax=0x00300000)}) == bad_config("80000008")
    assert verdict(module, cpuid=native, config={"80000008": q(eax=0xFF000000)}) == bad_config("80000008")


# I7


@pytest.mark.parametrize("module", H)
def test_i7_the_bitmap_of_leaf_a(module: str) -> None:
    leaf_a = q(0x08300805, 0, 0x21, 0x8603)  # (1 << 3) - 1 | 21h = 27h
    assert verdict(module, GNR, cpuid={"a": leaf_a, "23.1": q(0xFF, 0x27)}) == SUCCESS
    for wrong in (0x26, 0x07, 0x21, 0x2F, 0x0F, 0):
        assert verdict(module, GNR, cpuid={"a": leaf_a, "23.1": q(0xFF, wrong)}) == bad_native("23.1")


@pytest.mark.parametrize("module", H)
def test_i7_both_facts_must_hold(module: str) -> None:
    without_leaf = {"7.1": but(GNR["7.1"], eax=0x00601C30), "23.1": q(0xFF, 1)}
    without_sub_leaf = {"23.0": q(0x9, 3), "23.1": ZERO}
    assert verdict(module, GNR, cpuid=without_leaf) == SUCCESS
    assert verdict(module, GNR, cpuid=without_sub_leaf) == SUCCESS


# I8: what a platform that states nothing has.


@pytest.mark.parametrize("module", H)
def test_i8_tdx_io_is_there(module: str) -> None:
    assert verdict(module, attributes=TPA) == SUCCESS
    assert verdict(module, attributes=TPA | MIGRATABLE) == SUCCESS


@pytest.mark.parametrize("module", G)
def test_i8_seamgetkey_is_there(module: str) -> None:
    assert verdict(module, config_flags=SEALING) == SUCCESS


@pytest.mark.parametrize("module", H)
@pytest.mark.parametrize("other", [DEBUG, ICSSD, SEPT_VE_DISABLE, MIGRATABLE, 1 << 30, TPA, PERFMON])
def test_i8_pmt_prof_combines_with_everything(module: str, other: int) -> None:
    assert verdict(module, attributes=PMT_PROF | other) == SUCCESS


# I9


@pytest.mark.parametrize("module", D)
@pytest.mark.parametrize("leaf", [9, 0xC, 0xF, 0x10, 0x16, 0x17, 0x1B, 0x80000003, 0x80000005])
def test_i9_bitmap_leaves_without_an_entry_have_no_control(module: str, leaf: int) -> None:
    got = reads(
        module,
        probe(leaf, td_ctls=REDUCE_VE, cpl=0, ctl_sup_ve=1),
        probe(leaf, td_ctls=REDUCE_VE, cpl=3, ctl_user_ve=1),
    )
    assert got == [ZERO, ZERO]


@pytest.mark.parametrize("module", D)
@pytest.mark.parametrize("leaf", [3, 8, 0xE, 0x20, 0x22])
def test_i9_bitmap_leaves_with_an_entry_have_one(module: str, leaf: int) -> None:
    assert read(module, leaf, cpl=0, ctl_sup_ve=1) == VE
    assert read(module, leaf, td_ctls=REDUCE_VE, cpl=3, ctl_user_ve=1) == VE


@pytest.mark.parametrize("module", D)
@pytest.mark.parametrize("td_ctls", [0, REDUCE_VE])
@pytest.mark.parametrize("leaf", [0x24, 0x3FFFFFFF, 0x50000000, 0x80000009, 0xFFFFFFFF])
def test_i9_redirected_leaves_have_no_control(module: str, td_ctls: int, leaf: int) -> None:
    td = {"base": GNR, "attributes": PERFMON, "config": {"7.1": q(eax=0x100), "23.0": q(eax=0xF)}}
    assert read(module, leaf, 0, td_ctls=td_ctls, cpl=0, ctl_sup_ve=1, td=td) == q(0xB, 3)
    assert read(module, leaf, 1, td_ctls=td_ctls, cpl=3, ctl_user_ve=1, td=td) == q(0xFF, 0xF)


@pytest.mark.parametrize("module", D)
def test_i9_a_flag_is_judged_after_feature_paravirt_ctls(module: str) -> None:
    # DCA is configured; its control (bit 1) is clear, so the flag is 0 and leaf 9 reads zero.
    assert read(module, 9, td_ctls=REDUCE_VE, paravirt=0, td={"config": FULL}) == ZERO
    assert read(module, 9, td_ctls=REDUCE_VE, paravirt=2, td={"config": FULL}) == VE


@pytest.mark.parametrize("module", D)
def test_i9_feature_paravirt_ctls_is_ignored_without_reduce_ve(module: str) -> None:
    for leaf in (1, 7, 9, 0xC, 0xF):
        plain = read(module, leaf, td={"config": FULL})
        assert read(module, leaf, paravirt=0xFFF, td={"config": FULL}) == plain


@pytest.mark.parametrize("module", D)
def test_i9_reduce_ve_counts_as_the_two_other_bits(module: str) -> None:
    how: dict[str, Any] = {"td_ctls": REDUCE_VE, "x2apic_id": "1ff"}
    assert read(module, 2, **how) == q(0x00FEFF01)
    assert read(module, 0x1F, 0, **how) == q(1, 2, 0x100, 0x1FF)
    assert read(module, 1, **how)[8:16] == "ff000800"


@pytest.mark.parametrize("module", D)
def test_i9_leaf_4_is_g_with_the_tdcs_31_14(module: str) -> None:
    td = {"config": {"4.3": q(0x08C0C3E3, 0xFFFFF000, 0x12345678, 1)}}
    assert read(module, 4, 3, td=td) == q(0x08C0C3E3, 0xFFFFF03F, 0x12345678, 1)
    # G = fc1fc163 0380003f 0001ffff 00000004; only EAX[31:14] is taken from above: 08C0C000.
    assert read(module, 4, 3, td_ctls=REDUCE_VE, td=td) == q(0x08C0C163, 0x0380003F, 0x1FFFF, 4)


# I10: platforms made from dumps.

PLATFORMS = pytest.mark.parametrize("platform", ["sapphire-rapids", "emerald-rapids", "granite-rapids"])


def on(module: str, platform: str, **changes: Any) -> dict[str, Any]:
    """A request on a built-in platform."""
    line = request(module, **changes)
    del line["native"]
    return line | {"platform": platform}


@every
@PLATFORMS
def test_i10_built_in_platforms_pass_tdh_sys_init(module: str, platform: str) -> None:
    answer = answer_resolve(on(module, platform, xfam="3"))
    assert answer["status"] == "TDX_SUCCESS"


@every
@PLATFORMS
def test_i10_the_invalid_sub_leaves_of_1f_carry_their_number(module: str, platform: str) -> None:
    quads = answer_resolve(on(module, platform, xfam="3"))["cpuid"]
    cores = {"sapphire-rapids": 0x28, "emerald-rapids": 0x20, "granite-rapids": 0x30}[platform]
    assert quads["1f.0"] == q(1, 2, 0x100)
    assert quads["1f.1"] == q(7, cores, 0x201)
    assert [quads[f"1f.{n}"] for n in range(2, 6)] == [q(ecx=n) for n in range(2, 6)]


@pytest.mark.parametrize("module", G)
def test_i10_without_those_numbers_a_platform_would_be_refused(module: str) -> None:
    # The reason for the reading: what a dump leaves out reads as zero.
    missing = {f"1f.{n}": ZERO for n in range(2, 6)}
    assert verdict(module, GNR, cpuid=missing) == BAD_1F


def test_i10_classes_know_the_platforms() -> None:
    for platform in ("sapphire-rapids", "emerald-rapids", "granite-rapids"):
        assert row("1.5.34", "0.eax.0", platform=platform)["value"] is not None
    assert classes("1.5.34", "1f.2.ecx.0") == {"ve"}
