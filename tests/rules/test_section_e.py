"""Section E: 1.5.09 -> 1.5.13 -> 1.5.16."""

from __future__ import annotations

import pytest

from .platforms import (
    BAD_ATTRIBUTES,
    BAD_CONFIG_FLAGS,
    BAD_EPTP,
    BEFORE_E,
    DEBUG,
    FATAL,
    FIVE_LEVELS,
    GNR,
    GPAW,
    MIGRATABLE,
    PERFMON,
    REDUCE_VE,
    SPR,
    SUCCESS,
    VE,
    ZERO,
    C,
    E,
    bad_config,
    but,
    classes,
    q,
    read,
    reg,
    resolve,
    row,
    stage,
    verdict,
    virtual,
)

every = pytest.mark.parametrize("module", E)
before = pytest.mark.parametrize("module", BEFORE_E)
both = pytest.mark.parametrize("module", C)


def cpu(fms: int) -> dict[str, str]:
    """Leaf 1 of a CPU with that family, model and stepping."""
    return {"1": but(SPR["1"], eax=fms)}


def asks(fms: int) -> dict[str, str]:
    """A CPUID_CONFIG that asks for that family, model and stepping."""
    return {"1": q(eax=fms)}


# E2: a defaulted FMS is not held against the list; a configured one is.


@every
@pytest.mark.parametrize("fms", [0x606A6, 0xA06D2, 0xC06F3, 0x806F8, 0xB06F2])
def test_e2_a_default_is_the_platforms_without_a_list_check(module: str, fms: int) -> None:
    assert reg(virtual(module, cpuid=cpu(fms), attributes=MIGRATABLE), "1.eax") == f"{fms:08x}"


def test_e2_1_5_08_checks_the_default() -> None:
    assert verdict("1.5.08", cpuid=cpu(0x606A6), attributes=MIGRATABLE) == FATAL
    assert verdict("1.5.08", cpuid=cpu(0xC06F3), attributes=MIGRATABLE) == bad_config("1")


@every
@pytest.mark.parametrize(
    ("platform", "asked", "expected"),
    [
        (0xA06D1, 0xA06D1, SUCCESS),
        (0xA06D1, 0xA06D0, SUCCESS),  # same family and model, lower stepping
        (0xA06D1, 0xA06D2, bad_config("1")),  # (a) stepping above the platform's
        (0xA06D2, 0xA06D2, bad_config("1")),  # (c) stepping above the list's
        (0xA06D2, 0xA06D1, SUCCESS),
        (0xA06D1, 0xA06F3, SUCCESS),  # older in the list: SRF
        (0xA06D1, 0xC06F2, SUCCESS),
        (0xA06D1, 0xC06F3, bad_config("1")),  # (c)
        (0xA06D1, 0x806F8, SUCCESS),
        (0xA06D1, 0xA06E1, bad_config("1")),  # (b) newer in the list: GNR-D
        (0xA06D1, 0xD06D1, bad_config("1")),  # (b) CWF
        (0xA06D1, 0x606A6, bad_config("1")),  # (b) not in the list
        (0x806F8, 0xC06F2, bad_config("1")),
        (0x806F8, 0x806F7, SUCCESS),
        (0x806F8, 0x806F9, bad_config("1")),
    ],
)
def test_e2_a_configured_fms_of_a_migratable_td(
    module: str, platform: int, asked: int, expected: tuple[str, ...]
) -> None:
    assert verdict(module, cpuid=cpu(platform), config=asks(asked), attributes=MIGRATABLE) == expected


@every
@pytest.mark.parametrize("asked", [0x806F8, 0x606A6, 0x606A5])
def test_e2_a_configured_fms_on_a_platform_off_the_list_shuts_down(module: str, asked: int) -> None:
    # Rule 5.1 still holds for it (I2); (a) does not fail for these.
    assert verdict(module, cpuid=cpu(0x606A6), config=asks(asked), attributes=MIGRATABLE) == FATAL
    assert stage(module, cpuid=cpu(0x606A6), config=asks(asked), attributes=MIGRATABLE) == "TDH.MNG.INIT"


@every
def test_e2_unless_its_stepping_fails_first(module: str) -> None:
    assert verdict(module, cpuid=cpu(0x606A6), config=asks(0x606A7), attributes=MIGRATABLE) == bad_config("1")


@both
@pytest.mark.parametrize(
    ("asked", "expected"),
    [(0, SUCCESS), (0x606A6, SUCCESS), (0x606A5, bad_config("1")), (0x806F8, bad_config("1"))],
)
def test_e2_a_td_that_cannot_migrate_must_equal_the_platform(
    module: str, asked: int, expected: tuple[str, ...]
) -> None:
    assert verdict(module, cpuid=cpu(0x606A6), config=asks(asked)) == expected


# E3: 23.n needs its bit in the TD's 23.0.EAX.


def perfmon_td(module: str, bits: int) -> list[str]:
    """23.0 to 23.3 of a TD that asks for those sub-leaves."""
    config = {"7.1": q(eax=0x100), "23.0": q(eax=bits)}
    quads = virtual(module, GNR, attributes=PERFMON, config=config)
    return [quads[f"23.{n}"] for n in range(4)]


@every
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (0xF, [q(0xB, 3), q(0xFF, 0xF), ZERO, q(0xFF)]),
        (0x9, [q(0x9, 3), ZERO, ZERO, q(0xFF)]),
        (0x3, [q(0x3, 3), q(0xFF, 0xF), ZERO, ZERO]),
        (0x1, [q(0x1, 3), ZERO, ZERO, ZERO]),
        (0x8, [q(0x8, 3), ZERO, ZERO, q(0xFF)]),
        (0x0, [q(0x0, 3), ZERO, ZERO, ZERO]),
    ],
)
def test_e3_a_sub_leaf_of_23_needs_its_bit_in_23_0(module: str, asked: int, expected: list[str]) -> None:
    assert perfmon_td(module, asked) == expected


@pytest.mark.parametrize("asked", [0xF, 0x9, 0x0])
def test_e3_1_5_08_does_not_look_at_those_bits(asked: int) -> None:
    assert perfmon_td("1.5.08", asked) == [q(0xB & asked, 3), q(0xFF, 0xF), ZERO, q(0xFF)]


@every
def test_e3_the_bit_is_native_and_configured(module: str) -> None:
    # Native 23.0.EAX[1] = 0 (and 23.1 all zero, which G3 wants): asking for it gives nothing.
    native = {"23.0": q(0x9, 3), "23.1": ZERO}
    config = {"7.1": q(eax=0x100), "23.0": q(eax=0xF)}
    quads = virtual(module, GNR, cpuid=native, attributes=PERFMON, config=config)
    assert (quads["23.0"], quads["23.1"], quads["23.3"]) == (q(0x9, 3), ZERO, q(0xFF))


@every
def test_e3_the_guest_reads_the_cleared_sub_leaf(module: str) -> None:
    td = {"base": GNR, "attributes": PERFMON, "config": {"7.1": q(eax=0x100), "23.0": q(eax=0x9)}}
    assert read(module, 0x23, 1, td=td) == ZERO
    assert read(module, 0x50000000, 3, td=td) == q(0xFF)


def test_e3_gates() -> None:
    whole = {"ATTRIBUTES.PERFMON", "7.1.eax.8"}
    for module in E:
        assert set(row(module, "23.0.ebx.0")["gates"]) == whole
        assert set(row(module, "23.1.eax.0")["gates"]) == whole | {"23.0.eax.1"}
        assert set(row(module, "23.3.eax.0")["gates"]) == whole | {"23.0.eax.3"}
    assert set(row("1.5.08", "23.1.eax.0")["gates"]) == whole


# E4


@every
def test_e4_migratable_with_l2_vms_is_accepted(module: str) -> None:
    assert verdict(module, attributes=MIGRATABLE, num_l2_vms=1) == SUCCESS
    assert verdict(module, attributes=MIGRATABLE, num_l2_vms=3) == SUCCESS


@before
def test_e4_migratable_with_l2_vms_was_an_error(module: str) -> None:
    assert verdict(module, attributes=MIGRATABLE, num_l2_vms=1) == ("TDX_OPERAND_INVALID", "-", "RDX")


@every
def test_e4_more_than_three_l2_vms_are_not(module: str) -> None:
    got = verdict(module, attributes=MIGRATABLE, num_l2_vms=4)
    assert got == ("TDX_OPERAND_INVALID", "-", "NUM_L2_VMS")


@pytest.mark.parametrize("module", ["1.5.08", "1.5.16", "1.5.28"])
def test_e4_migratable_with_debug_still_is_an_error(module: str) -> None:
    assert verdict(module, attributes=MIGRATABLE | DEBUG) == BAD_ATTRIBUTES


def narrow(max_pa: int) -> dict[str, str]:
    """80000008 of a CPU with that many physical address bits."""
    return {"80000008": but(SPR["80000008"], eax=0x3900 | max_pa)}


@every
@pytest.mark.parametrize("max_pa", [46, 48, 49, 52])
def test_e4_five_levels_need_no_native_width(module: str, max_pa: int) -> None:
    assert verdict(module, cpuid=narrow(max_pa), eptp_controls=FIVE_LEVELS) == SUCCESS
    assert verdict(module, cpuid=narrow(max_pa), eptp_controls=FIVE_LEVELS, config_flags=GPAW) == SUCCESS


@before
def test_e4_five_levels_needed_49_bits(module: str) -> None:
    assert verdict(module, cpuid=narrow(48), eptp_controls=FIVE_LEVELS) == BAD_EPTP
    assert verdict(module, cpuid=narrow(49), eptp_controls=FIVE_LEVELS) == SUCCESS


@every
@pytest.mark.parametrize(("leaf", "sub"), [(6, 0), (0x80000006, 0), (0x1F, 0), (0x18, 8), (0x19, 0)])
def test_e4_every_entry_is_valid(module: str, leaf: int, sub: int) -> None:
    assert read(module, leaf, sub, td_ctls=REDUCE_VE) != VE


@every
def test_e4_80000006_is_valid_without_reduce_ve(module: str) -> None:
    assert read(module, 0x80000006) == q(ecx=0x08007040)


# E5


@every
@pytest.mark.parametrize(("asked", "xfam", "expected"), [(0x4000, "6dbe7", "00004000"), (0, "6dbe7", "00000000")])
def test_e5_prefetchiti_is_allow_direct(module: str, asked: int, xfam: str, expected: str) -> None:
    assert reg(virtual(module, GNR, config={"7.1": q(edx=asked)}, xfam=xfam), "7.1.edx") == expected


@every
def test_e5_the_mask_is_24430(module: str) -> None:
    native = {"7.1": but(GNR["7.1"], edx=0xFFFFFFFF)}
    assert reg(virtual(module, GNR, cpuid=native, config={"7.1": q(edx=0x24430)}), "7.1.edx") == "00024430"
    # XFAM[2] = 0 clears 430 (A2), not bit 14.
    assert reg(virtual(module, GNR, cpuid=native, config={"7.1": q(edx=0x24430)}, xfam="3"), "7.1.edx") == "00024000"
    for extra in (0x1, 0x40, 0x8000, 0x40000, 0x200000):
        assert verdict(module, GNR, cpuid=native, config={"7.1": q(edx=extra)}) == bad_config("7.1")
    assert row(module, "7.1.edx.14")["class"] == "configured-native"


def test_e5_1_5_08_refuses_it() -> None:
    assert verdict("1.5.08", GNR, config={"7.1": q(edx=0x4000)}) == bad_config("7.1")
    assert classes("1.5.08", "7.1.edx.14") == {"fixed-0"}


def test_e5_config_flags_and_attributes_of_1_5_16() -> None:
    assert verdict("1.5.16", config_flags=0x16) == SUCCESS
    assert verdict("1.5.16", config_flags=0x20) == BAD_CONFIG_FLAGS
    assert resolve("1.5.16", attributes=0x10010000)["status"] == "TDX_SUCCESS"
    assert verdict("1.5.16", attributes=0x40) == BAD_ATTRIBUTES
