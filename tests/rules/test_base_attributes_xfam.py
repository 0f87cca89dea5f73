"""Sections 2 and 3: ATTRIBUTES, XFAM and the other fields of TD_PARAMS; 5.C5, 5.C6, 6.C2, 6.C3, 6.C8."""

from __future__ import annotations

from typing import Any

import pytest

from .base_platform import (
    ALL_XFAM,
    AMX,
    AVX,
    AVX512,
    BASE,
    CET,
    DEBUG,
    FIVE_LEVELS,
    FOUR_LEVELS,
    GPAW,
    ICSSD,
    LASS,
    LATER,
    LBR,
    MIGRATABLE,
    PERFMON,
    PKRU,
    PKS,
    PT,
    SEPT_VE_DISABLE,
    SUCCESS,
    TD_SHUTDOWN,
    UINTR,
    X87_SSE,
    bad_config,
    each,
    invalid,
    values,
    verdict,
)

every = pytest.mark.parametrize("module", BASE)
later = pytest.mark.parametrize("module", LATER)

ALLOWED = {
    "1.5.01": (0, 28, 29, 30, 63),
    "1.5.05": (0, 27, 28, 29, 30, 63),
    "1.5.06": (0, 16, 27, 28, 29, 30, 63),
}
PLAIN_CPU = {"d.0.eax": 3, "d.1.ecx": 0x1800, "7.0.ebx": 0x219424C3, "7.1.eax": 0x40, "23.0.eax": 0}


# 2.1: legal ATTRIBUTES.


@every
def test_2_1_each_bit_of_attributes(module: str) -> None:
    each(range(64), lambda bit: verdict(module, attributes=1 << bit), ALLOWED[module], invalid("ATTRIBUTES"))


@every
def test_2_1_no_bit_is_demanded(module: str) -> None:
    assert verdict(module, attributes=0) == SUCCESS


@every
def test_2_1_legal_bits_do_not_depend_on_the_platform(module: str) -> None:
    def judged(bit: int) -> str:
        return verdict(module, PLAIN_CPU, attributes=1 << bit, xfam=3)

    each(range(64), judged, ALLOWED[module], invalid("ATTRIBUTES"))


@every
def test_2_1_illegal_bit_among_legal_ones(module: str) -> None:
    assert verdict(module, attributes=PKS | PERFMON | 1 << 31) == invalid("ATTRIBUTES")


@every
def test_2_1_attributes_come_before_xfam_and_cpuid(module: str) -> None:
    assert verdict(module, attributes=2, xfam=0, config={"1.ecx.0": 1}) == invalid("ATTRIBUTES")


# 2.2: combinations.


@every
@pytest.mark.parametrize(("attributes", "expected"), [
    (MIGRATABLE | DEBUG, invalid("ATTRIBUTES")),
    (MIGRATABLE | PERFMON, invalid("ATTRIBUTES")),
    (MIGRATABLE | DEBUG | PERFMON, invalid("ATTRIBUTES")),
    (MIGRATABLE | PKS | SEPT_VE_DISABLE, SUCCESS),
    (DEBUG | PERFMON | PKS | SEPT_VE_DISABLE, SUCCESS),
])
def test_2_2_combinations(module: str, attributes: int, expected: str) -> None:
    assert verdict(module, attributes=attributes) == expected


@every
@pytest.mark.parametrize("count", [1, 3])
def test_2_2_migratable_with_l2_vms(module: str, count: int) -> None:
    assert verdict(module, attributes=MIGRATABLE, num_l2_vms=count) == invalid("RDX")
    assert verdict(module, attributes=MIGRATABLE, num_l2_vms=0) == SUCCESS
    assert verdict(module, attributes=0, num_l2_vms=count) == SUCCESS


@every
def test_2_2_l2_vms_are_judged_after_the_whole_computation(module: str) -> None:
    both: dict[str, Any] = {"attributes": MIGRATABLE, "num_l2_vms": 1}
    assert verdict(module, config={"23.0.ebx.0": 1}, **both) == bad_config("23.0")
    refused = invalid("IA32_ARCH_CAPABILITIES_CONFIG")
    assert verdict(module, ia32_arch_capabilities_config=1, **both) == refused
    assert verdict(module, tsc_frequency=1, **both) == invalid("TSC_FREQUENCY")


# 2.3: effects on CPUID.


@every
@pytest.mark.parametrize("attributes", [DEBUG, SEPT_VE_DISABLE, DEBUG | SEPT_VE_DISABLE])
def test_2_3_no_effect(module: str, attributes: int) -> None:
    assert values(module, attributes=attributes) == values(module)


@every
def test_2_3_pks(module: str) -> None:
    before, after = values(module), values(module, attributes=PKS)
    assert (before.field("7.0.ecx.31"), after.field("7.0.ecx.31")) == (0, 1)
    assert [key for key in before if before[key] != after[key]] == ["7.0"]


def test_2_3_perfmon() -> None:
    before, after = values("1.5.01"), values("1.5.01", attributes=PERFMON)
    assert [key for key in before if before[key] != after[key]] == ["a"]


@every
@pytest.mark.parametrize("attributes", [0, PKS, PERFMON, MIGRATABLE])
def test_2_3_key_locker_is_never_there(module: str, attributes: int) -> None:
    td = values(module, attributes=attributes)
    assert (td.field("7.0.ecx.23"), td["19"]) == (0, "0" * 32)


# 5.C5: LASS.


@later
@pytest.mark.parametrize("lass", [0, 1])
@pytest.mark.parametrize("native", [0, 1])
def test_5c5_lass(module: str, lass: int, native: int) -> None:
    how = {"attributes": LASS * lass}
    if lass and not native:
        assert verdict(module, {"7.1.eax.6": native}, **how) == invalid("ATTRIBUTES")
    else:
        assert values(module, {"7.1.eax.6": native}, **how).field("7.1.eax.6") == lass


@later
def test_5c5_lass_is_not_configurable(module: str) -> None:
    for attributes in (0, LASS):
        assert verdict(module, config={"7.1.eax.6": 1}, attributes=attributes) == bad_config("7.1")


def test_5c5_no_lass_in_1_5_01() -> None:
    assert verdict("1.5.01", attributes=LASS) == invalid("ATTRIBUTES")
    assert values("1.5.01").field("7.1.eax.6") == 0


# 6.C3: ICSSD.


@pytest.mark.parametrize(("attributes", "expected"), [
    (ICSSD, SUCCESS),
    (ICSSD | PERFMON, invalid("ATTRIBUTES")),
    (ICSSD | DEBUG | PKS, SUCCESS),
    (ICSSD | MIGRATABLE, SUCCESS),
])
def test_6c3_icssd(attributes: int, expected: str) -> None:
    assert verdict("1.5.06", attributes=attributes) == expected
    assert verdict("1.5.05", attributes=attributes) == invalid("ATTRIBUTES")


# 3.1: legal XFAM.

CANDIDATES = (0, 1, 2, 5, 6, 7, 8, 9, 11, 12, 14, 15, 17, 18)
GROUPS = {2: AVX, 5: AVX | AVX512, 6: AVX | AVX512, 7: AVX | AVX512, 11: CET, 12: CET, 17: AMX, 18: AMX}


@every
def test_3_1_each_bit_of_xfam(module: str) -> None:
    def judged(bit: int) -> str:
        return verdict(module, xfam=X87_SSE | GROUPS.get(bit, 1 << bit))

    each(range(64), judged, CANDIDATES, invalid("XFAM"))


@every
@pytest.mark.parametrize("bit", [bit for bit in CANDIDATES if bit not in (0, 1, 11, 12)])
def test_3_1_bit_that_the_cpu_lacks(module: str, bit: int) -> None:
    register = "d.0.eax" if bit in (2, 5, 6, 7, 9, 17, 18) else "d.1.ecx"
    xfam = X87_SSE | GROUPS.get(bit, 1 << bit)
    assert verdict(module, {f"{register}.{bit}": 0}, xfam=xfam) == invalid("XFAM")
    assert verdict(module, {f"{register}.{bit}": 0}, xfam=X87_SSE | PKRU if bit != 9 else X87_SSE) == SUCCESS


@every
@pytest.mark.parametrize("bit", [3, 4, 10, 13, 16, 19])
def test_3_1_never_even_if_the_cpu_has_it(module: str, bit: int) -> None:
    native = {"d.0.eax": 0xFFFFFFFF, "d.1.ecx": 0xFFFFFFFF}
    assert verdict(module, native, xfam=ALL_XFAM) == SUCCESS
    assert verdict(module, native, xfam=ALL_XFAM | 1 << bit) == invalid("XFAM")


# 3.2: combinations; 6.C8: unchanged.


@every
@pytest.mark.parametrize("xfam", [
    0x3, 0x7, 0xE7, ALL_XFAM, X87_SSE | CET, X87_SSE | AMX, X87_SSE | PT, X87_SSE | PKRU, X87_SSE | LBR,
    X87_SSE | UINTR, X87_SSE | AMX | PT | PKRU | CET | UINTR | LBR, ALL_XFAM & ~AVX512, ALL_XFAM & ~(AVX512 | AVX),
])
def test_3_2_legal(module: str, xfam: int) -> None:
    assert verdict(module, xfam=xfam) == SUCCESS


@every
@pytest.mark.parametrize("xfam", [
    0, 1, 2, ALL_XFAM & ~1, ALL_XFAM & ~2,
    0x27, 0x47, 0x87, 0x67, 0xA7, 0xC7, 0xE3, 0x23, ALL_XFAM & ~AVX,
    0x803, 0x1003, ALL_XFAM & ~0x800, ALL_XFAM & ~0x1000,
    0x20003, 0x40003, ALL_XFAM & ~0x20000, ALL_XFAM & ~0x40000,
])
def test_3_2_illegal(module: str, xfam: int) -> None:
    assert verdict(module, xfam=xfam) == invalid("XFAM")


def test_6c8_xfam_is_judged_as_before() -> None:
    for xfam in (*range(3, 0x400, 7), *(1 << bit | 3 for bit in range(10, 64))):
        assert verdict("1.5.06", xfam=xfam) == verdict("1.5.05", xfam=xfam) == verdict("1.5.01", xfam=xfam)


# 3.3: the other fields, each alone and in their order.

LAST_FLAG = {"1.5.01": 2, "1.5.05": 2, "1.5.06": 3}
MOST_VCPUS = {"1.5.01": 0xFFFF, "1.5.05": 576, "1.5.06": 576}


@every
def test_3_3_max_vcpus(module: str) -> None:
    assert verdict(module, max_vcpus=0) == invalid("MAX_VCPUS")
    assert verdict(module, max_vcpus=1) == SUCCESS
    assert verdict(module, max_vcpus=MOST_VCPUS[module]) == SUCCESS


@later
def test_5c6_at_most_576_vcpus(module: str) -> None:
    counts = (1, 575, 576, 577, 0x241, 0x1000, 0xFFFF)
    each(counts, lambda count: verdict(module, max_vcpus=count), (1, 575, 576), invalid("MAX_VCPUS"))
    each(counts, lambda count: verdict("1.5.01", max_vcpus=count), counts, "")


@every
def test_3_3_num_l2_vms(module: str) -> None:
    each(range(256), lambda count: verdict(module, num_l2_vms=count), range(4), invalid("NUM_L2_VMS"))


@every
def test_3_3_config_flags(module: str) -> None:
    def judged(bit: int) -> str:
        return verdict(module, config_flags=1 << bit, eptp_controls=FIVE_LEVELS if bit == 0 else FOUR_LEVELS)

    each(range(64), judged, range(LAST_FLAG[module] + 1), invalid("EXEC_CONTROLS"))


@every
@pytest.mark.parametrize(("eptp", "flags", "expected"), [
    (0x1E, 0, SUCCESS), (0x26, 0, SUCCESS), (0x26, GPAW, SUCCESS), (0x1E, GPAW, invalid("EPTP_CONTROLS")),
    *((eptp, 0, invalid("EPTP_CONTROLS")) for eptp in (0, 0x06, 0x0E, 0x16, 0x2E, 0x3E, 0x18, 0x1D, 0x1F, 0x20)),
    *((0x1E | 1 << bit, 0, invalid("EPTP_CONTROLS")) for bit in (6, 7, 11, 12, 51, 63)),
])
def test_3_3_eptp_controls(module: str, eptp: int, flags: int, expected: str) -> None:
    assert verdict(module, eptp_controls=eptp, config_flags=flags) == expected


@every
def test_3_3_tsc_frequency(module: str) -> None:
    units = (0, 3, 4, 5, 399, 400, 401, 0xFFFF)
    each(units, lambda unit: verdict(module, tsc_frequency=unit), range(4, 401), invalid("TSC_FREQUENCY"))


@every
def test_3_3_msr_config_ctls_has_one_bit(module: str) -> None:
    # Protocol 1: bits 7:1 are reserved.
    each(range(8), lambda bit: verdict(module, msr_config_ctls=1 << bit), (0,), invalid("RDX"))


ORDER: tuple[tuple[str, str, int], ...] = (
    ("ATTRIBUTES", "attributes", 2),
    ("XFAM", "xfam", 1),
    ("MAX_VCPUS", "max_vcpus", 0),
    ("NUM_L2_VMS", "num_l2_vms", 4),
    ("EXEC_CONTROLS", "config_flags", 1 << 40),
    ("EPTP_CONTROLS", "eptp_controls", 0),
    ("TSC_FREQUENCY", "tsc_frequency", 3),
    ("RDX", "msr_config_ctls", 2),
)


@every
@pytest.mark.parametrize("first", range(len(ORDER)))
def test_3_3_first_bad_field_is_named(module: str, first: int) -> None:
    rest: dict[str, Any] = {name: value for _, name, value in ORDER[first:]}
    assert verdict(module, config={"1.ecx.0": 1}, **rest) == invalid(ORDER[first][0])


FAST = {"15.eax": 1, "15.ebx": 172, "15.ecx": 25_000_000}  # 4.3 GHz


@every
def test_3_3_native_tsc_above_32_bits_shuts_down(module: str) -> None:
    assert verdict(module, FAST) == TD_SHUTDOWN
    assert verdict(module, {**FAST, "15.ebx": 171}) == SUCCESS
    assert verdict(module, {"15.eax": 1, "15.ebx": 1, "15.ecx": 0xFFFFFFFF}) == SUCCESS
    assert verdict(module, {"15.eax": 1, "15.ebx": 2, "15.ecx": 0x80000000}) == TD_SHUTDOWN


@every
@pytest.mark.parametrize(("name", "value"), [(name, value) for _, name, value in ORDER[2:]])
def test_3_3_native_tsc_comes_before_the_other_fields(module: str, name: str, value: int) -> None:
    wrong: dict[str, Any] = {name: value}
    assert verdict(module, FAST, **wrong) == TD_SHUTDOWN


def test_6c8_order_of_the_checks_is_as_before() -> None:
    for first in range(len(ORDER)):
        rest: dict[str, Any] = {name: value for _, name, value in ORDER[first:]}
        assert verdict("1.5.06", **rest) == verdict("1.5.05", **rest) == invalid(ORDER[first][0])


# 6.C2: 5-level EPT and the native width.


@pytest.mark.parametrize("flags", [0, GPAW])
def test_6c2_five_levels_need_maxpa_49(flags: int) -> None:
    def judged(maxpa: int) -> str:
        native = {"80000008.eax[7:0]": maxpa}
        return verdict("1.5.06", native, eptp_controls=FIVE_LEVELS, config_flags=flags)

    each(range(39, 53), judged, range(49, 53), invalid("EPTP_CONTROLS"))


@pytest.mark.parametrize("maxpa", [46, 48, 49, 52])
def test_6c2_gpaw_is_legal_in_config_flags_whatever_the_width(maxpa: int) -> None:
    # The module's clearing of GPAW in CONFIG_FLAGS_FIXED1 does nothing: the operand is EPTP_CONTROLS.
    native = {"80000008.eax[7:0]": maxpa}
    assert verdict("1.5.06", native, eptp_controls=FOUR_LEVELS, config_flags=GPAW) == invalid("EPTP_CONTROLS")
