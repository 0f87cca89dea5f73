"""Section H: 2.0.18 (and 2.0.08) against 1.5.34."""

from __future__ import annotations

import pytest

from .platforms import (
    BAD_ATTRIBUTES,
    BAD_CONFIG_FLAGS,
    BAD_XFAM,
    GNR,
    MIGRATABLE,
    NOT_H,
    PERFMON,
    PMT_PROF,
    SPR,
    SUCCESS,
    TDX_CONNECT,
    TPA,
    ZERO,
    C,
    H,
    bad_config,
    bad_native,
    but,
    classes,
    q,
    read,
    reg,
    row,
    stage,
    verdict,
    virtual,
)

every = pytest.mark.parametrize("module", H)
others = pytest.mark.parametrize("module", NOT_H)
both = pytest.mark.parametrize("module", C)

# H2: native 7.1.EAX has [3:0], 20, 21 and 22 beside the usual ones; fixed0 FB57E200 takes 20 and 22 away.
RICH = {"7.1": but(GNR["7.1"], eax=0x00701D3F)}


@every
def test_h2_seven_1_eax_gains_five_bits(module: str) -> None:
    quads = virtual(module, GNR, cpuid=RICH, config={"7.1": q(eax=0x04A81DBF)})
    assert reg(quads, "7.1.eax") == "00201d3f"


@every
@pytest.mark.parametrize("number", [0, 1, 2, 3, 21])
def test_h2_each_new_bit_is_native_and_configured(module: str, number: int) -> None:
    asked = {"7.1": q(eax=1 << number)}
    assert reg(virtual(module, GNR, cpuid=RICH, config=asked), "7.1.eax") == f"{1 << number:08x}"
    assert reg(virtual(module, GNR, cpuid=RICH), "7.1.eax") == "00000000"
    poor = {"7.1": but(GNR["7.1"], eax=0x00401D30)}
    assert reg(virtual(module, GNR, cpuid=poor, config=asked), "7.1.eax") == "00000000"
    assert row(module, f"7.1.eax.{number}")["class"] == "configured-native"


@others
@pytest.mark.parametrize("number", [0, 1, 2, 3, 21])
def test_h2_earlier_modules_refuse_them(module: str, number: int) -> None:
    assert verdict(module, GNR, cpuid=RICH, config={"7.1": q(eax=1 << number)}) == bad_config("7.1")
    assert classes(module, f"7.1.eax.{number}") == {"fixed-0"}


@every
@pytest.mark.parametrize("number", [6, 9, 13, 16, 17, 18, 20, 22, 24, 25, 27, 31])
def test_h2_no_other_bit_is_configurable(module: str, number: int) -> None:
    assert verdict(module, GNR, cpuid=RICH, config={"7.1": q(eax=1 << number)}) == bad_config("7.1")


@every
def test_h2_amx_gates_bit_21(module: str) -> None:
    asked = {"7.1": q(eax=0x04A81DBF)}
    assert reg(virtual(module, GNR, cpuid=RICH, config=asked, xfam="dbe7"), "7.1.eax") == "00001d3f"
    assert row(module, "7.1.eax.21")["gates"]


def test_h2_all_other_masks_are_equal() -> None:
    # XFAM[5..7] = 0 clears bit 5 alone, XFAM[2] = 0 bits 4 and 23: A2, B3. (For 2.0.08 the table also has bit 0.)
    asked = {"7.1": q(eax=0x04A81DBF)}
    assert reg(virtual("2.0.18", GNR, cpuid=RICH, config=asked, xfam="7"), "7.1.eax") == "00001d1f"
    assert reg(virtual("2.0.18", GNR, cpuid=RICH, config=asked, xfam="3"), "7.1.eax") == "00001d0f"


# H3


@every
@pytest.mark.parametrize("attributes", [PMT_PROF, TPA, PMT_PROF | TPA])
def test_h3_pmt_prof_and_tpa_are_attributes(module: str, attributes: int) -> None:
    # The platform states nothing, so TDX IO is there (I8).
    assert verdict(module, attributes=attributes) == SUCCESS


@others
@pytest.mark.parametrize("attributes", [PMT_PROF, TPA])
def test_h3_they_are_none_before(module: str, attributes: int) -> None:
    assert verdict(module, attributes=attributes) == BAD_ATTRIBUTES


@every
def test_h3_they_change_no_value(module: str) -> None:
    assert virtual(module, GNR, attributes=PMT_PROF | TPA) == virtual(module, GNR)


@every
def test_h3_tdx_connect_is_not_in_fixed0(module: str) -> None:
    assert verdict(module, config_flags=TDX_CONNECT) == BAD_CONFIG_FLAGS


@every
@pytest.mark.parametrize("number", [1, 4, 5, 17, 31, 61])
def test_h3_no_other_attribute_came(module: str, number: int) -> None:
    assert verdict(module, attributes=1 << number) == BAD_ATTRIBUTES


def test_h3_config_flags_of_2_0_18() -> None:
    assert verdict("2.0.18", config_flags=0x96) == SUCCESS
    assert verdict("2.0.18", config_flags=0x40) == BAD_CONFIG_FLAGS


# H4: 23.1.EBX must equal the fixed-counter bitmap of leaf A.


@every
@pytest.mark.parametrize(
    ("count", "ecx", "bitmap", "expected"),
    [
        (4, 0x0F, 0x0F, SUCCESS),
        (4, 0x0F, 0x07, bad_native("23.1")),
        (4, 0x0F, 0x1F, bad_native("23.1")),
        (4, 0x0F, 0x00, bad_native("23.1")),
        (3, 0x10, 0x17, SUCCESS),  # (2^3 - 1) | 10h
        (3, 0x10, 0x10, bad_native("23.1")),
        (0, 0x05, 0x05, SUCCESS),
        (7, 0x00, 0x7F, SUCCESS),
    ],
)
def test_h4_23_1_ebx_is_the_bitmap_of_leaf_a(
    module: str, count: int, ecx: int, bitmap: int, expected: tuple[str, ...]
) -> None:
    native = {"a": q(0x08300805, 0, ecx, 0x8600 | count), "23.1": q(0xFF, bitmap)}
    assert verdict(module, GNR, cpuid=native) == expected
    if expected != SUCCESS:
        assert stage(module, GNR, cpuid=native) == "TDH.SYS.INIT"


@others
def test_h4_earlier_modules_do_not_compare(module: str) -> None:
    assert verdict(module, GNR, cpuid={"23.1": q(0xFF, 0x07)}) == SUCCESS


@every
def test_h4_nothing_is_compared_without_7_1_eax_8(module: str) -> None:
    native = {"7.1": but(GNR["7.1"], eax=0x00601C30), "23.1": q(0xFF, 0x07)}
    assert verdict(module, GNR, cpuid=native) == SUCCESS


@every
def test_h4_nothing_is_compared_without_23_1(module: str) -> None:
    assert verdict(module, GNR, cpuid={"23.0": q(0x9, 3), "23.1": ZERO}) == SUCCESS


@every
@pytest.mark.parametrize(
    "native",
    [
        {"a": but(GNR["a"], eax=0x08300806)},  # version 6
        {"7.1": but(GNR["7.1"], eax=0x00701D30)},  # NMI-source, bit 20
        {"23.0": q(0x2B, 3)},  # 23.0.EAX[5]
    ],
)
def test_h4_newer_facts_are_only_remembered(module: str, native: dict[str, str]) -> None:
    plain = virtual(module, GNR)
    quads = virtual(module, GNR, cpuid=native)
    assert quads == plain
    config = {"7.1": q(eax=0x100), "23.0": q(eax=0xF)}
    assert virtual(module, GNR, cpuid=native, attributes=PERFMON, config=config)["23.0"] == q(0xB, 3)


# H5: the list, newest first: CWF D06D1, GNR-D A06E1, GNR-SP A06D1, SRF A06F3, EMR C06F2, SPR 806F8.

LIST = [0xD06D1, 0xA06E1, 0xA06D1, 0xA06F3, 0xC06F2, 0x806F8]


@every
@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("asked", range(6))
def test_h5_a_migratable_td_may_be_as_old_as_the_list_allows(module: str, place: int, asked: int) -> None:
    native = {"1": but(SPR["1"], eax=LIST[place])}
    got = verdict(module, cpuid=native, config={"1": q(eax=LIST[asked])}, attributes=MIGRATABLE)
    assert got == (SUCCESS if asked >= place else bad_config("1"))


@every
@pytest.mark.parametrize("place", range(1, 6))
def test_h5_steppings_above_the_lists_are_refused(module: str, place: int) -> None:
    native = {"1": but(SPR["1"], eax=0xD06D1)}
    config = {"1": q(eax=LIST[place] + 1)}
    assert verdict(module, cpuid=native, config=config, attributes=MIGRATABLE) == bad_config("1")


def test_h5_1_5_06_had_steppings_0() -> None:
    native = {"1": but(SPR["1"], eax=0xD06D1)}
    got = verdict("1.5.06", cpuid=native, config={"1": q(eax=0xD06D1)}, attributes=MIGRATABLE)
    assert got == bad_config("1")


# H6: no APX, AVX10, FRED, UMSR, Key Locker or arch-PEBS. The native CPU has them all.

FUTURE = {
    "0": but(GNR["0"], eax=0x29),
    "7.0": but(GNR["7.0"], ecx=0xFBC17FFE),  # Key Locker, bit 23
    "7.1": but(GNR["7.1"], eax=0x00621D30, edx=0x002C4000),  # FRED 17; AVX10 19, APX 21
    "19": q(7, 0x15, 3),
    "23.0": q(0x3B, 3),
    "24": q(0, 0x00070002),
    "d.0": but(GNR["d.0"], eax=0x000E02E7),  # APX component, bit 19
}


@both
def test_h6_xfam_has_no_apx(module: str) -> None:
    native = {"0": FUTURE["0"], "d.0": FUTURE["d.0"], "24": FUTURE["24"]}
    assert verdict(module, GNR, cpuid=native, xfam="80007") == BAD_XFAM
    assert reg(virtual(module, GNR, cpuid=native), "d.0.eax") == "000602e7"


@both
@pytest.mark.parametrize(
    ("key", "entry"),
    [
        ("7.0", q(ecx=0x00800000)),  # Key Locker
        ("7.1", q(eax=0x00020000)),  # FRED
        ("7.1", q(edx=0x00080000)),  # AVX10
        ("7.1", q(edx=0x00200000)),  # APX
        ("23.0", q(eax=0x10)),  # arch-PEBS
        ("23.0", q(eax=0x20)),
    ],
)
def test_h6_none_of_them_is_configurable(module: str, key: str, entry: str) -> None:
    assert verdict(module, GNR, cpuid=FUTURE, config={key: entry}) == bad_config(key)


@both
def test_h6_none_of_them_shows(module: str) -> None:
    config = {"7.1": q(eax=0x100), "23.0": q(eax=0xF)}
    quads = virtual(module, GNR, cpuid=FUTURE, attributes=PERFMON, config=config)
    assert reg(quads, "0.eax") == "00000023"
    assert reg(quads, "7.0.ecx") == "1900008a"
    assert quads["7.1"] == q(eax=0x100)
    assert quads["19"] == ZERO
    assert quads["23.0"] == q(0xB, 3)


@both
def test_h6_leaf_24_is_leaf_23(module: str) -> None:
    config = {"7.1": q(eax=0x100), "23.0": q(eax=0xF)}
    td = {"base": GNR, "cpuid": FUTURE, "attributes": PERFMON, "config": config}
    assert read(module, 0x24, 0, td=td) == q(0xB, 3)
