"""Section G: 1.5.28 -> 1.5.34."""

from __future__ import annotations

from typing import Any

import pytest

from .platforms import (
    BAD_1F,
    BAD_ATTRIBUTES,
    BAD_CONFIG_FLAGS,
    BEFORE_C,
    DEBUG,
    ENABLE_HW_KEYS,
    ENUM_TOPOLOGY,
    FULL,
    GNR,
    MIGRATABLE,
    NOT_G,
    PERFMON,
    REDUCE_VE,
    SEALING,
    SPR,
    SUCCESS,
    ZERO,
    C,
    G,
    bad_config,
    bad_lp,
    bad_native,
    but,
    q,
    read,
    reg,
    resolve,
    stage,
    verdict,
    virtual,
)

every = pytest.mark.parametrize("module", G)
others = pytest.mark.parametrize("module", NOT_G)
both = pytest.mark.parametrize("module", C)


# G1


@every
def test_g1_migratable_with_debug_is_allowed(module: str) -> None:
    assert verdict(module, attributes=MIGRATABLE | DEBUG) == SUCCESS


@others
def test_g1_migratable_with_debug_is_refused_elsewhere(module: str) -> None:
    # I3: up to 1.5.28; I1: G does not hold in 2.0.08.
    assert verdict(module, attributes=MIGRATABLE | DEBUG) == BAD_ATTRIBUTES


@both
def test_g1_migratable_with_perfmon_is_not(module: str) -> None:
    assert verdict(module, attributes=MIGRATABLE | PERFMON) == BAD_ATTRIBUTES
    assert verdict(module, attributes=MIGRATABLE | PERFMON | DEBUG) == BAD_ATTRIBUTES


# G2


@every
@pytest.mark.parametrize("flags", [SEALING, SEALING | 0x16])
def test_g2_sealing_is_a_config_flag(module: str, flags: int) -> None:
    # The platform states nothing, so SEAMGETKEY is there (I8).
    assert verdict(module, config_flags=flags) == SUCCESS


@pytest.mark.parametrize("module", [module for module in NOT_G if module != "2.0.08"])
def test_g2_sealing_is_none_elsewhere(module: str) -> None:
    # 2.0.08's own CONFIG_FLAGS_FIXED0 is 9F, though it has nothing else of G (I1).
    assert verdict(module, config_flags=SEALING) == BAD_CONFIG_FLAGS


@every
@pytest.mark.parametrize("flags", [0x20, 0x40, 0xA0, 0x100, SEALING | 0x18])
def test_g2_nothing_beyond_9f(module: str, flags: int) -> None:
    assert verdict(module, config_flags=flags) == BAD_CONFIG_FLAGS


@every
def test_g2_sealing_changes_no_value(module: str) -> None:
    assert virtual(module, config=FULL, config_flags=SEALING) == virtual(module, config=FULL)


@every
@pytest.mark.parametrize("leaf", [1, 2, 4, 6, 7, 0xB, 0x23, 0x80000002])
def test_g2_enable_hw_keys_changes_nothing_that_is_read(module: str, leaf: int) -> None:
    for td_ctls in (0, REDUCE_VE):
        plain = read(module, leaf, td_ctls=td_ctls, td={"config": FULL})
        assert read(module, leaf, td_ctls=td_ctls | ENABLE_HW_KEYS, td={"config": FULL}) == plain


# G3, leaf A: the bitmap (2^EDX[4:0] - 1) | ECX must fit seven counters (I5).


@both
@pytest.mark.parametrize(("count", "ecx"), [(4, 0xF), (0, 0), (7, 0x7F), (3, 0x70), (7, 0)])
def test_g3_leaf_a_up_to_seven_fixed_counters(module: str, count: int, ecx: int) -> None:
    leaf_a = q(0x08300805, 0, ecx, 0x8600 | count)
    assert virtual(module, cpuid={"a": leaf_a}, attributes=PERFMON)["a"] == leaf_a


@both
@pytest.mark.parametrize(("count", "ecx"), [(8, 0xF), (31, 0), (8, 0x7F), (4, 0x8F)])
def test_g3_leaf_a_more_are_refused(module: str, count: int, ecx: int) -> None:
    native = {"a": q(0x08300805, 0, ecx, 0x8600 | count)}
    assert verdict(module, cpuid=native) == bad_native("a")
    assert stage(module, cpuid=native) == "TDH.SYS.INIT"


@both
@pytest.mark.parametrize(("version", "expected"), [(4, bad_native("a")), (5, SUCCESS)])
def test_g3_leaf_a_version_5_is_needed_as_before(module: str, version: int, expected: tuple[str, ...]) -> None:
    assert verdict(module, cpuid={"a": but(SPR["a"], eax=0x08300800 | version)}) == expected


# G3, leaf 1F: ECX[7:0] is the sub-leaf for all n, and is tested first (I5).

WRONG_NUMBERS = [
    {"1f.2": ZERO},
    {"1f.5": ZERO},
    {"1f.3": q(ecx=4)},
    {"1f.1": q(7, 0x78, 0x200)},
    {"1f.0": q(1, 2, 0x101)},
]


@every
@pytest.mark.parametrize("native", WRONG_NUMBERS)
def test_g3_leaf_1f_every_sub_leaf_carries_its_number(module: str, native: dict[str, str]) -> None:
    assert verdict(module, cpuid=native) == BAD_1F
    assert stage(module, cpuid=native) == "TDH.SYS.INIT"


# A configured topology keeps TDH.MNG.INIT from judging the native one (A12 a, B7).
TOPOLOGY = {"1f.0": q(1, 2, 0x100), "1f.1": q(7, 0x78, 0x201)}


@pytest.mark.parametrize("module", BEFORE_C + NOT_G)
@pytest.mark.parametrize("native", WRONG_NUMBERS)
def test_g3_leaf_1f_numbers_are_not_looked_at_elsewhere(module: str, native: dict[str, str]) -> None:
    assert verdict(module, cpuid=native, config=TOPOLOGY) == SUCCESS


NO_CORE = ("TDX_CPUID_LEAF_NOT_SUPPORTED", "-")


@both
def test_g3_leaf_1f_no_core_level_is_told_as_before(module: str) -> None:
    assert verdict(module, cpuid={"1f.1": q(7, 0x78, 0x001)}) == NO_CORE


@every
def test_g3_leaf_1f_the_number_is_tested_before_the_type(module: str) -> None:
    assert verdict(module, cpuid={"1f.1": q(7, 0x78, 0x000)}) == BAD_1F


@others
def test_g3_leaf_1f_the_type_alone_is_tested_elsewhere(module: str) -> None:
    assert verdict(module, cpuid={"1f.1": q(7, 0x78, 0x000)}) == NO_CORE


@every
def test_g3_leaf_1f_after_the_first_invalid_level_only_the_number_is_tested(module: str) -> None:
    # 1F.2 is invalid; the type of 1F.3 is no longer looked at, be it SMT again or 9, which is none.
    assert verdict(module, cpuid={"1f.3": q(7, 2, 0x103)}, config=TOPOLOGY) == SUCCESS
    assert verdict(module, cpuid={"1f.3": q(7, 2, 0x903)}, config=TOPOLOGY) == SUCCESS
    assert verdict(module, cpuid={"1f.3": q(7, 2, 0x102)}, config=TOPOLOGY) == BAD_1F


@both
def test_g3_leaf_1f_types_must_rise_as_before(module: str) -> None:
    assert verdict(module, cpuid={"1f.1": q(7, 0x78, 0x101)}) == BAD_1F
    assert verdict(module, cpuid={"1f.1": q(7, 0x78, 0x601)}) == BAD_1F


# G3, leaf 23.


@every
@pytest.mark.parametrize(
    ("native", "at"),
    [
        ({"23.0": q(0x9, 3)}, "23.1"),  # 23.1 = ff / f, but its bit is 0
        ({"23.0": q(0x3, 3)}, "23.3"),
        ({"23.2": q(1)}, "23.2"),
        ({"23.2": q(edx=0x80000000)}, "23.2"),
        ({"23.0": q(0x1, 3)}, "23.1"),  # the first in entry order
    ],
)
def test_g3_leaf_23_sub_leaves_without_their_bit_must_be_zero(module: str, native: dict[str, str], at: str) -> None:
    assert verdict(module, GNR, cpuid=native) == bad_native(at)
    assert stage(module, GNR, cpuid=native) == "TDH.SYS.INIT"


@others
@pytest.mark.parametrize("native", [{"23.0": q(0x9, 3)}, {"23.0": q(0x3, 3)}, {"23.2": q(1)}])
def test_g3_leaf_23_is_not_looked_at_elsewhere(module: str, native: dict[str, str]) -> None:
    assert verdict(module, GNR, cpuid=native) == SUCCESS


@every
@pytest.mark.parametrize("native", [{"23.0": q(0x9, 3)}, {"23.2": q(1)}, {"23.1": q(0xFF, 1)}])
def test_g3_leaf_23_is_taken_as_zero_without_7_1_eax_8(module: str, native: dict[str, str]) -> None:
    plain = {"7.1": but(GNR["7.1"], eax=0x00601C30)}
    quads = virtual(module, GNR, cpuid=plain | native, attributes=PERFMON, config={"23.0": q(eax=0xF)})
    assert [quads[f"23.{n}"] for n in range(4)] == [ZERO] * 4


@every
def test_g3_leaf_23_is_verified_first(module: str) -> None:
    native = {"7.1": but(GNR["7.1"], eax=0x00601C30), "23.1": q(0x1FF, 0xF)}
    assert verdict(module, GNR, cpuid=native) == bad_native("23.1")


# G3, GNR A0: CPUID(1).EAX exactly A06D0 or A06E0 on the executing CPU.


def gnr(fms: int, **leaves: str) -> dict[str, str]:
    """Leaf 1 with that family, model and stepping, and other leaves by name: ``leaf_7_2=...``."""
    named = {key.removeprefix("leaf_").replace("_", "."): quad for key, quad in leaves.items()}
    return {"1": but(GNR["1"], eax=fms), **named}


A0 = pytest.mark.parametrize("fms", [0xA06D0, 0xA06E0])
NOT_A0 = pytest.mark.parametrize("fms", [0xA06D1, 0xA06E1, 0x806F8])


@every
@A0
@pytest.mark.parametrize(
    ("edx", "asked", "expected"), [(0, 0, 0), (0x28, 0x28, 0x28), (0x28, 0, 0), (0x3F, 0x28, 0x3F), (0x7, 0, 0x7)]
)
def test_g3_gnr_a0_leaf_7_2_is_stored_unverified(module: str, fms: int, edx: int, asked: int, expected: int) -> None:
    quads = virtual(module, GNR, cpuid=gnr(fms, leaf_7_2=q(edx=edx)), config={"7.2": q(edx=asked)})
    assert quads["7.2"] == q(edx=expected)


@every
@NOT_A0
def test_g3_gnr_a0_leaf_7_2_is_verified_on_others(module: str, fms: int) -> None:
    assert verdict(module, GNR, cpuid=gnr(fms, leaf_7_2=ZERO)) == bad_native("7.2")


@others
@A0
def test_g3_gnr_a0_is_nothing_special_elsewhere(module: str, fms: int) -> None:
    assert verdict(module, GNR, cpuid=gnr(fms, leaf_7_2=ZERO)) == bad_native("7.2")
    assert verdict(module, GNR, cpuid=gnr(fms, leaf_6=q(eax=0x00800004))) == bad_native("6")
    without_21: dict[str, Any] = {"cpuid": gnr(fms), "native": {"arch_cap": "110fdeb"}}
    assert verdict(module, GNR, **without_21) == ("TDX_INCORRECT_MSR_VALUE", "-", "10a")


@every
@A0
def test_g3_gnr_a0_leaf_6_is_neither_verified_nor_stored(module: str, fms: int) -> None:
    assert virtual(module, GNR, cpuid=gnr(fms, leaf_6=q(0x00FFFFFF, 1, 1, 1)))["6"] == q(eax=4)


@every
@NOT_A0
def test_g3_gnr_a0_leaf_6_is_verified_on_others(module: str, fms: int) -> None:
    assert verdict(module, GNR, cpuid=gnr(fms, leaf_6=q(eax=0x00800004))) == bad_native("6")


ANY_CONFIG: list[dict[str, Any]] = [
    {},
    {"ia32_arch_capabilities_config": "1"},
    {"msr_config_ctls": "1", "ia32_arch_capabilities_config": "8000000000000000"},
    {"msr_config_ctls": "1", "ia32_arch_capabilities_config": "1180010"},
]


@every
@A0
@pytest.mark.parametrize("params", ANY_CONFIG)
def test_g3_gnr_a0_arch_capabilities_are_not_evaluated(module: str, fms: int, params: dict[str, Any]) -> None:
    answer = resolve(module, GNR, cpuid=gnr(fms), **params)
    assert (answer["status"], answer["virt_arch_cap"]) == ("TDX_SUCCESS", "0")


@every
@NOT_A0
@pytest.mark.parametrize("params", ANY_CONFIG[1:3])
def test_g3_gnr_a0_arch_capabilities_are_checked_on_others(module: str, fms: int, params: dict[str, Any]) -> None:
    got = verdict(module, GNR, cpuid=gnr(fms), **params)
    assert got == ("TDX_OPERAND_INVALID", "-", "IA32_ARCH_CAPABILITIES_CONFIG")


@every
def test_g3_gnr_a0_the_executing_cpu_decides(module: str) -> None:
    # The platform's FMS comes from the sockets (1.8), A0 from the CPU that runs TDH.SYS.INIT.
    missing = {"leaf_7_2": ZERO}
    sockets = {"sockets": ["a06d0", "a06d1"]}
    assert verdict(module, GNR, cpuid=gnr(0xA06D1, **missing), native=sockets) == bad_native("7.2")
    quads = virtual(module, GNR, cpuid=gnr(0xA06D0, **missing), native={"sockets": ["a06d1"]})
    assert (quads["7.2"], reg(quads, "1.eax")) == (ZERO, "000a06d1")


@every
@A0
def test_g3_gnr_a0_leaf_6_may_differ_between_processors(module: str, fms: int) -> None:
    assert verdict(module, GNR, cpuid=gnr(fms), lp={"6": q(eax=0x00800004)}) == SUCCESS


@every
@NOT_A0
def test_g3_gnr_a0_leaf_6_may_not_on_others(module: str, fms: int) -> None:
    assert verdict(module, GNR, cpuid=gnr(fms), lp={"6": q(eax=0x00800004)}) == bad_lp("6")


# G4: the rest of leaf B.


@every
def test_g4_the_rest_of_leaf_b_carries_its_index(module: str) -> None:
    quads = virtual(module)
    assert (quads["b.0"], quads["b.1"], quads["b.2"]) == (q(1, 2, 0x100), q(7, 0x78, 0x201), q(ecx=2))


@every
def test_g4_without_an_smt_level_two_entries_do(module: str) -> None:
    quads = virtual(module, config={"1f.0": q(4, 8, 0x200)})
    assert (quads["b.0"], quads["b.1"], quads["b.2"]) == (q(4, 8, 0x200), q(ecx=1), q(ecx=2))


@others
def test_g4_elsewhere_it_is_all_zero(module: str) -> None:
    assert virtual(module)["b.2"] == ZERO
    quads = virtual(module, config={"1f.0": q(4, 8, 0x200)})
    assert (quads["b.0"], quads["b.1"], quads["b.2"]) == (q(4, 8, 0x200), ZERO, ZERO)


@both
def test_g4_the_upper_entry_is_the_last_level(module: str) -> None:
    levels = {"1f.0": q(1, 2, 0x100), "1f.1": q(4, 8, 0x201), "1f.2": q(6, 0x40, 0x502)}
    quads = virtual(module, config=levels)
    assert (quads["b.0"], quads["b.1"]) == (q(1, 2, 0x100), q(6, 0x40, 0x201))
    assert quads["b.2"] == (q(ecx=2) if module in G else ZERO)


@both
@pytest.mark.parametrize(
    "levels",
    [
        {"1f.0": q(1, 2, 0x100), "1f.1": q(4, 8, 0x200)},  # valid level with another number
        {"1f.0": q(4, 8, 0x200), "1f.1": q(4, 8, 0x101)},  # SMT above sub-leaf 0, and not rising
        {"1f.0": q(1, 2, 0x100)},  # no core level
        {"1f.1": q(4, 8, 0x201)},  # 1F.0 is zero, so all must be
    ],
)
def test_g4_a_configured_topology_is_checked_as_b7_says(module: str, levels: dict[str, str]) -> None:
    assert verdict(module, config=levels) == BAD_1F
    assert stage(module, config=levels) == "TDH.MNG.INIT"


@every
@pytest.mark.parametrize("td_ctls", [ENUM_TOPOLOGY, REDUCE_VE])
def test_g4_the_guest_reads_the_index_and_its_id(module: str, td_ctls: int) -> None:
    assert read(module, 0xB, 2, td_ctls=td_ctls, x2apic_id="3c") == q(0, 0, 2, 0x3C)


@every
def test_g4_fms_and_bits_are_still_judged_first(module: str) -> None:
    # 4.5: entries in index order; the topology after the loop.
    assert verdict(module, config={"1": q(edx=1), "1f.1": q(4, 8, 0x201)}) == bad_config("1")
