"""Section D, TDH.MNG.INIT: what 1.5.08 -> 1.5.09 changed in the tables (D1 to D4); first built-in: 1.5.16."""

from __future__ import annotations

from typing import Any

import pytest

from .platforms import (
    BAD_ATTRIBUTES,
    BAD_CONFIG_FLAGS,
    FULL,
    GNR,
    ICSSD,
    LASS,
    LOCK,
    PERFMON,
    PKS,
    REDUCE_VE,
    SEPT_VE_DISABLE,
    SPR,
    SUCCESS,
    VE,
    ZERO,
    C,
    D,
    bad_config,
    bit,
    but,
    classes,
    q,
    read,
    reg,
    row,
    verdict,
    virtual,
)

every = pytest.mark.parametrize("module", D)
EIGHTEENS = [f"18.{n}" for n in range(9)]


# D1: the new entries.


@every
def test_d1_entries_are_79(module: str) -> None:
    quads = virtual(module)
    assert len(quads) == 79
    assert {*EIGHTEENS, "80000002"} <= set(quads)


def test_d1_entries_are_69_in_1_5_08() -> None:
    quads = virtual("1.5.08")
    assert len(quads) == 69
    assert not {*EIGHTEENS, "80000002"} & set(quads)


@every
@pytest.mark.parametrize(
    ("key", "configured", "expected"),
    [
        ("18.0", 0x0000_0000, q(8, 0, 0, 0)),
        ("18.0", 0x03FF_C000, q(8, 0, 0, 0x03FFC000)),
        ("18.1", 0x0000_0000, q(0, 0x80001, 0x20, 0x22)),  # native EDX 4022: bit 14 is configured, 22 passes
        ("18.1", 0x03FF_C000, q(0, 0x80001, 0x20, 0x03FFC022)),
        ("18.1", 0x0123_4000, q(0, 0x80001, 0x20, 0x01234022)),
        ("18.3", 0x0000_0000, q(0, 0x10000F, 1, 0x125)),
        ("18.4", 0x0000_4000, q(0, 0x40001, 0x10, 0x4024)),
        ("18.8", 0x0200_0000, q(0, 0x80009, 0x80, 0x02000043)),
    ],
)
def test_d1_leaf_18_edx_25_14_is_configured_the_rest_native(
    module: str, key: str, configured: int, expected: str
) -> None:
    assert virtual(module, config={key: q(edx=configured)})[key] == expected


@every
@pytest.mark.parametrize("key", ["18.0", "18.4", "18.8"])
@pytest.mark.parametrize("entry", [q(eax=1), q(ebx=1), q(ecx=1), q(edx=0x2000), q(edx=0x0400_0000)])
def test_d1_leaf_18_has_no_other_configurable_bit(module: str, key: str, entry: str) -> None:
    assert verdict(module, config={key: entry}) == bad_config(key)


@every
def test_d1_leaf_19_takes_no_bit(module: str) -> None:
    assert virtual(module, cpuid={"19": q(7, 0x15, 3, 0)})["19"] == ZERO
    assert verdict(module, cpuid={"19": q(7, 0x15, 3, 0)}, config={"19": q(eax=1)}) == bad_config("19")


@every
def test_d1_leaf_6_is_constant(module: str) -> None:
    assert virtual(module)["6"] == q(eax=4)


def test_d1_leaf_6_holds_the_raw_value_in_1_5_08() -> None:
    assert virtual("1.5.08")["6"] == SPR["6"]  # faulting (4.7)


@every
@pytest.mark.parametrize(
    ("native", "expected"),
    [
        (q(0, 0, 0x08008040, 0), q(ecx=0x08007040)),
        (q(0x11111111, 0x22222222, 0x12345640, 0x44444444), q(ecx=0x12347040)),
        (q(ecx=0xFFFFFF40), q(ecx=0xFFFF7040)),
    ],
)
def test_d1_leaf_80000006_keeps_only_the_cache_size(module: str, native: str, expected: str) -> None:
    # ECX = nat[31:16] | 7040h.
    assert virtual(module, cpuid={"80000006": native})["80000006"] == expected
    assert read(module, 0x80000006, td={"cpuid": {"80000006": native}}) == expected


def test_d1_leaf_80000006_is_faulting_in_1_5_08() -> None:
    assert virtual("1.5.08")["80000006"] == SPR["80000006"]
    assert read("1.5.08", 0x80000006) == VE
    assert classes("1.5.08", "80000006.ecx.31", "6.eax.2") == {"ve"}


@every
@pytest.mark.parametrize("key", ["4.0", "4.1", "4.2", "4.3"])
def test_d1_leaf_4_edx_has_three_configurable_bits(module: str, key: str) -> None:
    native = {"cpuid": {key: but(SPR[key], edx=0xABCDEF00 if key != "4.3" else 0xABCDEF04)}}
    assert reg(virtual(module, **native, config={key: q(edx=7)}), f"{key}.edx") == "00000007"
    assert reg(virtual(module, **native), f"{key}.edx") == "00000000"
    assert verdict(module, **native, config={key: q(edx=8)}) == bad_config(key)
    assert verdict(module, **native, config={key: q(edx=0x8000_0000)}) == bad_config(key)


@pytest.mark.parametrize("key", ["4.0", "4.1", "4.2"])
def test_d1_leaf_4_edx_bit_2_was_the_fixed_one_in_1_5_08(key: str) -> None:
    assert reg(virtual("1.5.08", config={key: q(edx=0xFFFFFFFB)}), f"{key}.edx") == "fffffffb"
    assert verdict("1.5.08", config={key: q(edx=4)}) == bad_config(key)


@every
@pytest.mark.parametrize("name", ["1.edx.7", "1.edx.12", "1.edx.14", "7.0.edx.30"])
def test_d1_mce_mtrr_mca_and_core_capabilities_are_allow_direct(module: str, name: str) -> None:
    key, register, number = name.rsplit(".", 2)
    quads = virtual(module, config={key: q(**{register: 1 << int(number)})})
    assert bit(quads, name) == 1
    assert bit(virtual(module), name) == 0
    assert row(module, name)["class"] == "guest"


@pytest.mark.parametrize("name", ["1.edx.7", "1.edx.12", "1.edx.14", "7.0.edx.30"])
def test_d1_the_same_bits_are_verified_in_1_5_08(name: str) -> None:
    key, register, number = name.rsplit(".", 2)
    assert bit(virtual("1.5.08"), name) == 1
    assert verdict("1.5.08", config={key: q(**{register: 1 << int(number)})}) == bad_config(key)
    assert row("1.5.08", name)["class"] == "fixed-1"


@every
def test_d1_tdcs_of_leaf_1_and_7_0(module: str) -> None:
    # G of leaf 1 = 00800800 F7FEFB9F BFE9FBFF; less allow_direct where cfg is 0; 1.EBX[23:16] is config_direct.
    none, full = virtual(module), virtual(module, config=FULL)
    assert none["1"] == q(0x000806F8, 0x800, 0xC6FAB217, 0x07A9AB7F)
    assert full["1"] == q(0x000806F8, 0x800, 0xF7FEFB9F, 0xBFE9FBFF)
    # 7.0.ECX[31] is ATTRIBUTES.PKS (5.4), here 0.
    assert none["7.0"] == q(2, 0x239424E1, 0x1900008A, 0xBFD80420)
    assert full["7.0"] == q(2, 0xF3BFBFF9, 0x1B417FEE, 0xFFDD4430)


def test_d1_classes_of_the_new_entries() -> None:
    for module in D:
        assert classes(module, *(f"18.{n}.edx.{b}" for n in (0, 8) for b in (14, 25))) == {"configured"}
        assert classes(module, "18.0.edx.13", "18.0.edx.26", "18.8.eax.0", "80000006.ecx.16") == {"native"}
        assert classes(module, "80000006.ecx.12", "80000006.ecx.14") == {"fixed-1"}
        assert classes(module, "19.eax.0", "4.0.edx.3", "4.2.edx.31", "80000006.eax.0") == {"fixed-0"}
        assert classes(module, "4.0.edx.0", "4.2.edx.2") == {"configured"}
        assert classes(module, "6.eax.2", "6.eax.0", "80000002.eax.0", "2.eax.0") == {"ve"}
        assert row(module, "18.1.edx.20")["group"] == "flexible"
        assert row(module, "6.eax.2")["group"] == "run-time"


# D2: what leaf 4 keeps of the native value, seen through REDUCE_VE (D5.7, I9).


@every
@pytest.mark.parametrize(
    ("key", "native", "expected"),
    [
        # EAX[31:14] from the TDCS (cfg 0), EAX[13:10] and EDX[31:3] cleared, the rest native.
        ("4.0", q(0xFC007D21, 0x02C0003F, 0x3F, 0xABCDEF05), q(0x121, 0x02C0003F, 0x3F, 5)),
        ("4.1", q(0xFC007D22, 0x01C0003F, 0x3F, 0xABCDEF02), q(0x122, 0x01C0003F, 0x3F, 2)),
        ("4.2", q(0xFC007D43, 0x03C0003F, 0x7FF, 0xABCDEF00), q(0x143, 0x03C0003F, 0x7FF, 0)),
        ("4.3", q(0xFC1FFD63, 0x0380003F, 0x1FFFF, 0xABCDEF04), q(0x163, 0x0380003F, 0x1FFFF, 4)),
    ],
)
def test_d2_the_native_value_of_leaf_4_is_masked(module: str, key: str, native: str, expected: str) -> None:
    sub = int(key[2:])
    assert read(module, 4, sub, td_ctls=REDUCE_VE, td={"cpuid": {key: native}}) == expected


@every
def test_d2_mce_mca_mtrr_core_capabilities_start_as_supported(module: str) -> None:
    # "Not supported" = false at TDH.MNG.INIT, whatever cfg says; the other nine start as configured.
    assert int(reg({"1": read(module, 1)}, "1.edx"), 16) & 0x00405080 == 0x5080
    assert int(read(module, 7)[24:], 16) >> 30 & 1 == 1


@every
@pytest.mark.parametrize("sub", [0, 1, 2, 3])
def test_d2_without_reduce_ve_leaf_4_is_as_configured(module: str, sub: int) -> None:
    # [11:0] of EBX (line size 64) is not configurable and stays native.
    assert read(module, 4, sub) == q(ebx=0x3F)


# D3: CONFIG_FLAGS, ATTRIBUTES, and the bits of TD_CTLS and FEATURE_PARAVIRT_CTLS.


@pytest.mark.parametrize("module", C)
@pytest.mark.parametrize("attribute", [0x1, ICSSD, SEPT_VE_DISABLE, 1 << 29, PKS, PERFMON])
def test_d3_attributes_are_those_of_1_5_06(module: str, attribute: int) -> None:
    assert verdict(module, attributes=attribute) == SUCCESS


@pytest.mark.parametrize("module", C)
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 7, 15, 17, 18, 26, 31, 32, 56, 61])
def test_d3_other_attributes_are_refused(module: str, number: int) -> None:
    # FIXED0 = 8000000078010001; 6 and 62 are H3's.
    assert verdict(module, attributes=1 << number) == BAD_ATTRIBUTES


@pytest.mark.parametrize("module", C)
def test_d3_lass_needs_a_native_bit(module: str) -> None:
    assert verdict(module, attributes=LASS) == BAD_ATTRIBUTES
    quads = virtual(module, cpuid={"7.1": q(eax=0x1C70)}, attributes=LASS)
    assert reg(quads, "7.1.eax") == "00000040"


@pytest.mark.parametrize("module", C)
def test_d3_perfmon_with_icssd_is_refused(module: str) -> None:
    assert verdict(module, attributes=PERFMON | ICSSD) == BAD_ATTRIBUTES


@pytest.mark.parametrize("module", ["1.5.16", "1.5.28"])
def test_d3_config_flags_stay_within_1f(module: str) -> None:
    assert verdict(module, config_flags=0x16) == SUCCESS
    assert verdict(module, config_flags=0x80) == BAD_CONFIG_FLAGS


PARAVIRT = {  # bit of FEATURE_PARAVIRT_CTLS -> the CPUID bits that it lets through
    0: ["7.0.edx.30"],  # CORE_CAP
    1: ["1.ecx.18"],  # DCA
    2: ["1.ecx.7"],  # EST
    3: ["1.edx.14", "1.edx.7"],  # MCA, and MCE with it (D7)
    4: ["1.edx.12"],  # MTRR
    5: ["7.0.edx.18"],  # PCONFIG
    6: ["7.0.ebx.15"],  # RDT_A
    7: ["7.0.ebx.12"],  # RDT_M
    8: ["1.edx.22"],  # ACPI
    9: ["1.ecx.8"],  # TM2
    10: ["7.0.ecx.13"],  # TME
    11: ["1.ecx.24"],  # TSC_DEADLINE
}
THIRTEEN = sorted(name for names in PARAVIRT.values() for name in names)


@every
@pytest.mark.parametrize("control", PARAVIRT)
def test_d3_each_paravirt_control_lets_its_own_feature_through(module: str, control: int) -> None:
    how: dict[str, Any] = {"td_ctls": REDUCE_VE, "paravirt": 1 << control, "td": {"config": FULL}}
    seen = {"1": read(module, 1, **how), "7.0": read(module, 7, **how)}
    assert [name for name in THIRTEEN if bit(seen, name)] == sorted(PARAVIRT[control])


@every
@pytest.mark.parametrize("leaf", [1, 4, 6, 7, 9, 0xC, 0x80000002])
def test_d3_lock_changes_nothing_that_is_read(module: str, leaf: int) -> None:
    for td_ctls in (0, REDUCE_VE):
        with_lock = read(module, leaf, td_ctls=td_ctls | LOCK, paravirt=0x5A5, td={"config": FULL})
        assert with_lock == read(module, leaf, td_ctls=td_ctls, paravirt=0x5A5, td={"config": FULL})


# D4: leaf 23 as A8. (Its first half, the FMS default, is C5 again and ends with E2, before the first built-in.)


@pytest.mark.parametrize("module", C)
@pytest.mark.parametrize(
    ("attributes", "config"),
    [
        (0, {"7.1": q(eax=0x100), "23.0": q(eax=0xF)}),  # no PERFMON
        (PERFMON, {"23.0": q(eax=0xF)}),  # the TD's 7.1.EAX[8] is 0
        (0, {}),
    ],
)
def test_d4_leaf_23_needs_perfmon_and_7_1_eax_8(module: str, attributes: int, config: dict[str, str]) -> None:
    quads = virtual(module, GNR, attributes=attributes, config=config)
    assert [quads[f"23.{n}"] for n in range(4)] == [ZERO] * 4


@pytest.mark.parametrize("module", C)
def test_d4_leaf_23_with_both(module: str) -> None:
    config = {"7.1": q(eax=0x100), "23.0": q(eax=0xF)}
    quads = virtual(module, GNR, attributes=PERFMON, config=config)
    assert [quads[f"23.{n}"] for n in range(4)] == [q(0xB, 3), q(0xFF, 0xF), ZERO, q(0xFF)]
