"""Section 5: the leaves with rules of their own; 5.C7, 5.C8, 5.C13, 6.C1, 6.C4."""

from __future__ import annotations

import pytest

from .base_platform import (
    ALL_XFAM,
    AMX,
    ARCH_CAPABILITIES,
    AVX,
    AVX512,
    BASE,
    CET,
    FIVE_LEVELS,
    GPAW,
    INIT_SHUTDOWN,
    LATER,
    LBR,
    MAXPA_VIRT,
    MIGRATABLE,
    PERFMON,
    PKRU,
    PKS,
    PT,
    SUCCESS,
    UINTR,
    X87_SSE,
    bad_config,
    bad_msr,
    each,
    flags,
    invalid,
    q,
    resolve,
    values,
    verdict,
)

every = pytest.mark.parametrize("module", BASE)
later = pytest.mark.parametrize("module", LATER)
ZERO = q()


# 5.2: leaf 1.


@every
def test_5_2_avx_gates_fma_avx_f16c(module: str) -> None:
    config = {"1.ecx": 0x31044D88}
    assert values(module, config=config).field("1.ecx") & 0x30001000 == 0x30001000
    for xfam in (X87_SSE, ALL_XFAM & ~(AVX | AVX512)):
        assert values(module, config=config, xfam=xfam).field("1.ecx") & 0x30001000 == 0


@every
@pytest.mark.parametrize(("flag", "name"), [
    ("monitor_mwait", "1.ecx.3"), ("dca", "1.ecx.18"), ("tsc_deadline", "1.ecx.24"),
])
def test_5_2_flags(module: str, flag: str, name: str) -> None:
    assert flag in flags(module, config={name: 1})
    assert flag not in flags(module)
    if flag != "tsc_deadline":  # which the CPU must have
        assert flag not in flags(module, {name: 0}, config={name: 1})


# 5.3: leaf 5.


@every
def test_5_3_leaf_5_goes_with_monitor(module: str) -> None:
    assert values(module)["5"] == ZERO
    assert values(module, config={"1.ecx.3": 1})["5"] == q(0x0040, 0x0080, 0x0003, 0xF5D12020)
    assert values(module, {"1.ecx.3": 0}, config={"1.ecx.3": 1})["5"] == ZERO


# 5.4: leaf 7.0.

HLE, RTM = "7.0.ebx.4", "7.0.ebx.11"
UNEQUAL = {"1.5.01": bad_config(None), "1.5.05": bad_config("7.0"), "1.5.06": bad_config("7.0")}


@every
@pytest.mark.parametrize("native", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("wished", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_5_4_and_5c8_hle_equals_rtm(module: str, native: tuple[int, int], wished: tuple[int, int]) -> None:
    cpu, config = ({HLE: both[0], RTM: both[1]} for both in (native, wished))
    hle, rtm = (mine & asked for mine, asked in zip(native, wished, strict=True))
    assert verdict(module, cpu, config=config) == (SUCCESS if hle == rtm else UNEQUAL[module])
    if hle == rtm:
        td = values(module, cpu, config=config)
        assert (td.field(HLE), td.field(RTM)) == (hle, rtm)
        assert ("tsx" in flags(module, cpu, config=config)) is bool(hle)


def test_5c8_unequal_hle_and_rtm_name_leaf_7() -> None:
    assert [resolve(module, config={HLE: 1})["at"] for module in BASE] == [None, "7.0", "7.0"]


@every
def test_5_4_tsx_needs_its_msr(module: str) -> None:
    no_msr = ARCH_CAPABILITIES & ~0x80
    refused = bad_msr("10a", "TDH.MNG.INIT")
    assert verdict(module, config={HLE: 1, RTM: 1}, arch_cap=no_msr) == refused
    assert verdict(module, config={HLE: 1}, arch_cap=no_msr) == UNEQUAL[module]
    assert verdict(module, arch_cap=no_msr) == SUCCESS


@every
@pytest.mark.parametrize("attributes", [0, PKS])
def test_5_4_pks_shows_attributes(module: str, attributes: int) -> None:
    assert values(module, attributes=attributes).field("7.0.ecx.31") == (1 if attributes else 0)
    assert verdict(module, config={"7.0.ecx.31": 1}, attributes=attributes) == bad_config("7.0")


@every
def test_5_4_key_locker_is_zero(module: str) -> None:
    assert values(module, {"7.0.ecx.23": 1}).field("7.0.ecx.23") == 0
    assert verdict(module, config={"7.0.ecx.23": 1}) == bad_config("7.0")


@every
@pytest.mark.parametrize(("flag", "name"), [
    ("waitpkg", "7.0.ecx.5"), ("tme", "7.0.ecx.13"), ("la57", "7.0.ecx.16"), ("mktme", "7.0.edx.18"),
])
def test_5_4_flags(module: str, flag: str, name: str) -> None:
    assert flag in flags(module, config={name: 1})
    assert flag not in flags(module)


# 5.5: leaves 7.1 and 7.2.


@every
def test_5_5_ddpd_is_remembered(module: str) -> None:
    assert "ddpd" in flags(module, config={"7.2.edx.3": 1})
    assert "ddpd" not in flags(module)
    assert "ddpd" not in flags(module, {"7.2.edx.3": 0}, config={"7.2.edx.3": 1})


@every
def test_5_5_the_rest_is_constant_zero(module: str) -> None:
    td = values(module, config={"7.2.edx": 0x28, "7.1.eax": 0x1D30})
    assert td["7.2"] == q(edx=0x3F)
    assert (td.field("7.1.ebx"), td.field("7.1.ecx"), td.field("7.1.edx")) == (0, 0, 0)


@pytest.mark.parametrize(("module", "gate"), [("1.5.01", AVX512), ("1.5.05", AVX), ("1.5.06", AVX)])
def test_5_5_and_5c13_avx_vnni(module: str, gate: int) -> None:
    config = {"7.1.eax.4": 1, "7.1.eax.5": 1}
    assert values(module, config=config).field("7.1.eax[5:4]") == 3
    only_avx = values(module, config=config, xfam=X87_SSE | AVX)
    assert only_avx.field("7.1.eax[5:4]") == (0 if gate == AVX512 else 1)
    assert values(module, config=config, xfam=X87_SSE).field("7.1.eax[5:4]") == 0


# 5.6: leaf A.


@every
def test_5_6_leaf_a_goes_with_perfmon(module: str) -> None:
    assert values(module)["a"] == ZERO
    assert values(module, attributes=PERFMON)["a"] == q(0x08300805, 0x0AB0000B, 0xF, 0x9FE4)
    for name in ("a.eax.0", "a.edx.15"):
        assert verdict(module, config={name: 1}, attributes=PERFMON) == bad_config("a")


# 5.7: leaf D.


@every
@pytest.mark.parametrize(("xfam", "size"), [
    (X87_SSE, 576),
    (X87_SSE | AVX, 0x340),
    (X87_SSE | AVX | AVX512, 0xA80),
    (X87_SSE | PKRU, 0xA88),
    (X87_SSE | AVX | AVX512 | PKRU, 0xA88),
    (X87_SSE | AMX, 0x2B00),
    (ALL_XFAM, 0x2B00),
    (X87_SSE | PT | CET | UINTR | LBR, 576),
])
def test_5_7_xsave_area(module: str, xfam: int, size: int) -> None:
    td = values(module, xfam=xfam)
    assert (td.field("d.0.ebx"), td.field("d.0.ecx"), td.field("d.0.edx")) == (0, size, 0)
    assert values(module, {"d.0.ecx": 0x77777777, "d.0.ebx": 0x7777}, xfam=xfam).field("d.0.ecx") == size


@every
def test_5_7_xsave_area_is_the_greatest_end(module: str) -> None:
    native = {"d.2.eax": 0x10, "d.2.ebx": 0x240, "d.9.eax": 8, "d.9.ebx": 0x100}
    assert values(module, native, xfam=X87_SSE | PKRU).field("d.0.ecx") == 576
    assert values(module, native, xfam=X87_SSE | PKRU | AVX).field("d.0.ecx") == 0x250
    assert values(module, {"d.2.eax": 0x2000}).field("d.0.ecx") == 0x2B00


@every
@pytest.mark.parametrize(("xfam", "xcr0", "xss"), [
    (ALL_XFAM, 0x602E7, 0xD900),
    (X87_SSE, 0x3, 0),
    (X87_SSE | AVX, 0x7, 0),
    (X87_SSE | AVX | AVX512, 0xE7, 0),
    (X87_SSE | PKRU | AMX, 0x60203, 0),
    (X87_SSE | PT | CET, 0x3, 0x1900),
    (X87_SSE | UINTR | LBR, 0x3, 0xC000),
])
def test_5_7_components(module: str, xfam: int, xcr0: int, xss: int) -> None:
    td = values(module, {"d.0.eax": 0xFFFFFFFF, "d.1.ecx": 0xFFFFFFFF}, xfam=xfam)
    assert (td.field("d.0.eax"), td.field("d.1.ecx")) == (xcr0, xss)
    assert (td.field("d.1.ebx"), td.field("d.1.edx")) == (0, 0)


@every
@pytest.mark.parametrize(("native", "xfam", "xfd"), [
    ({}, ALL_XFAM, 1),
    ({}, X87_SSE | AMX, 1),
    ({}, ALL_XFAM & ~AMX, 0),
    ({"d.1.eax.4": 0}, ALL_XFAM, 0),
    ({"d.12.ecx.2": 0}, ALL_XFAM, 0),
    ({"d.12.ecx.2": 0, "d.9.ecx.2": 1}, X87_SSE | PKRU, 1),
    ({"d.e.ecx.2": 1}, X87_SSE | UINTR, 1),
])
def test_5_7_xfd(module: str, native: dict[str, int], xfam: int, xfd: int) -> None:
    td = values(module, native, xfam=xfam)
    assert td.field("d.1.eax") == 0xF | xfd << 4
    assert ("xfd" in flags(module, native, xfam=xfam)) is bool(xfd)


COMPONENTS = {
    2: q(0x100, 0x240), 5: q(0x40, 0x440), 6: q(0x200, 0x480), 7: q(0x400, 0x680), 8: q(0x80, 0, 1), 9: q(8, 0xA80),
    0xB: q(0x10, 0, 1), 0xC: q(0x18, 0, 1), 0xE: q(0x30, 0, 1), 0xF: q(0x328, 0, 1), 0x11: q(0x40, 0xAC0, 2),
    0x12: q(0x2000, 0xB00, 6),
}


@every
@pytest.mark.parametrize("group", [0, AVX, AVX | AVX512, PT, PKRU, CET, UINTR, LBR, AMX, ALL_XFAM])
def test_5_7_state_components(module: str, group: int) -> None:
    xfam = X87_SSE | group
    td = values(module, xfam=xfam)
    for number in range(2, 0x13):
        assert td[f"d.{number:x}"] == (COMPONENTS[number] if xfam >> number & 1 else ZERO), number


# 5.8: leaves 14, 1C, 1D, and 1E.


@every
def test_5_8_leaf_14_goes_with_pt(module: str) -> None:
    td = values(module, xfam=X87_SSE | PT)
    assert (td["14.0"], td["14.1"]) == (q(1, 0x1FF, 0x8000000F), q(0x02490002, 0x003F3FFF))
    td = values(module, xfam=ALL_XFAM & ~PT)
    assert (td["14.0"], td["14.1"]) == (ZERO, ZERO)


@every
@pytest.mark.parametrize("depths", [0, 0x01, 0x0A, 0xFF])
def test_5_8_leaf_1c_goes_with_lbr(module: str, depths: int) -> None:
    config = {"1c.eax": depths}
    assert values(module, config=config)["1c"] == q(0x40000000 | 0x0B & depths, 7, 7, 0x1CD)
    assert values(module, config=config, xfam=ALL_XFAM & ~LBR)["1c"] == ZERO


@every
def test_5_8_leaf_1d_goes_with_amx(module: str) -> None:
    shown = q(1, 0x1DB, 0x1DC, 0x1DD), q(0x04002000, 0x00080040, 0x10, 0x11DD)
    td = values(module, xfam=X87_SSE | AMX)
    assert (td["1d.0"], td["1d.1"]) == shown
    td = values(module, xfam=ALL_XFAM & ~AMX)
    assert (td["1d.0"], td["1d.1"]) == (ZERO, ZERO)


@every
def test_5_8_leaf_1e_is_not_gated(module: str) -> None:
    for xfam in (ALL_XFAM, X87_SSE):
        assert values(module, xfam=xfam)["1e"] == "a5001e0aa5001e0ba5001e0ca5001e0d"


# 5.9: leaf 15.


@every
@pytest.mark.parametrize("units", [4, 80, 400])
@pytest.mark.parametrize("native", [{}, {"15.eax": 7, "15.ebx": 700, "15.ecx": 19_200_000, "15.edx": 5}])
def test_5_9_tsc_frequency(module: str, units: int, native: dict[str, int]) -> None:
    assert values(module, native, tsc_frequency=units)["15"] == q(1, units, 0x017D7840)


# 5.10: constants.


@every
@pytest.mark.parametrize("native", [{}, {"21.0.eax": 1, "21.0.ebx": 2, "80000000.eax": 0x8000000F, "0.eax": 0x80}])
def test_5_10_constants(module: str, native: dict[str, int]) -> None:
    td = values(module, native)
    assert td["19"] == ZERO
    assert td["21.0"] == q(0, *(int.from_bytes(name, "little") for name in (b"Inte", b"    ", b"lTDX")))
    assert td["80000000"] == q(0x80000008)
    assert td.field("0.eax") == 0x23


# 5.11 and 5.C7: leaf 23.

LEAF_23 = {"23.0": q(0xB, 3), "23.1": q(0xFF, 0xF), "23.2": ZERO, "23.3": q(0x23FF)}


@pytest.mark.parametrize("attributes", [0, PERFMON])
@pytest.mark.parametrize("wished", [0, 0x1, 0xB, 0xF])
def test_5_11_leaf_23_is_not_gated(attributes: int, wished: int) -> None:
    td = values("1.5.01", config={"23.0.eax": wished}, attributes=attributes)
    expected = {**LEAF_23, "23.0": q(0xB & wished, 3)}
    assert {key: td[key] for key in LEAF_23} == expected


@later
@pytest.mark.parametrize(("attributes", "native", "wished", "shown"), [
    (PERFMON, 1, 1, True), (PERFMON, 1, 0, False), (PERFMON, 0, 1, False), (0, 1, 1, False), (0, 0, 0, False),
])
def test_5c7_leaf_23_needs_perfmon_and_its_bit(
    module: str, attributes: int, native: int, wished: int, shown: bool
) -> None:
    how = {"config": {"23.0.eax": 0xF, "7.1.eax.8": wished}, "attributes": attributes}
    td = values(module, {"7.1.eax.8": native}, **how)
    assert {key: td[key] for key in LEAF_23} == (LEAF_23 if shown else dict.fromkeys(LEAF_23, ZERO))


@later
@pytest.mark.parametrize(("native", "wished", "shown"), [(1, 1, True), (1, 0, False), (0, 1, False)])
def test_5c7_flag(module: str, native: int, wished: int, shown: bool) -> None:
    how = {"config": {"7.1.eax.8": wished}, "attributes": PERFMON}
    assert ("perfmon_ext_leaf" in flags(module, {"7.1.eax.8": native}, **how)) is shown
    assert "perfmon_ext_leaf" not in flags("1.5.01", {"7.1.eax.8": native}, **how)


@later
@pytest.mark.parametrize(("attributes", "shown"), [(0, q(0xA5001A0A)), (PERFMON, q(0xA5001A0A)), (MIGRATABLE, ZERO)])
def test_5c7_leaf_1a(module: str, attributes: int, shown: str) -> None:
    assert values(module, attributes=attributes)["1a"] == shown
    assert "1a" not in values("1.5.01", attributes=attributes)


# 5.12: leaf 80000008.


@every
@pytest.mark.parametrize(("native", "wished", "width"), [(1, 1, 57), (1, 0, 48), (0, 1, 48), (0, 0, 48)])
def test_5_12_linear_width(module: str, native: int, wished: int, width: int) -> None:
    cpu = {"7.0.ecx.16": native, "80000008.eax[15:8]": 57 if native else 48}
    td = values(module, cpu, config={"7.0.ecx.16": wished})
    assert td["80000008"] == q(width << 8 | 52)


@every
@pytest.mark.parametrize("wished", [0, 1])
def test_5_12_wbnoinvd(module: str, wished: int) -> None:
    assert values(module, config={"80000008.ebx.9": wished})["80000008"] == q(0x3034, wished << 9)
    assert verdict(module, {"80000008.ebx.9": 0}).endswith("at 80000008")


# The table of XFAM masks; 5.T22-24 and 6.T13 change 7.1.

GATES: list[tuple[int, str, int]] = [
    (AVX, "1.ecx", 0x30001000),
    (AVX, "7.0.ebx", 0x20), (AVX, "7.0.ecx", 0x600),
    (AVX512, "7.0.ebx", 0xDC230000), (AVX512, "7.0.ecx", 0x5842), (AVX512, "7.0.edx", 0x80010C),
    (PT, "7.0.ebx", 0x2000000),
    (PKRU, "7.0.ecx", 0x8),
    (CET, "7.0.ecx", 0x80), (CET, "7.0.edx", 0x100000),
    (UINTR, "7.0.edx", 0x20),
    (LBR, "7.0.edx", 0x80000),
    (AMX, "7.0.edx", 0x3400000),
    (AVX, "d.0.eax", 0x4), (AVX512, "d.0.eax", 0xE0), (PKRU, "d.0.eax", 0x200), (AMX, "d.0.eax", 0x60000),
    (PT, "d.1.ecx", 0x100), (CET, "d.1.ecx", 0x1800), (UINTR, "d.1.ecx", 0x4000), (LBR, "d.1.ecx", 0x8000),
]
GATES_OF_7_1 = {
    "1.5.01": [(AVX512, "7.1.eax", 0x30)],
    "1.5.05": [(AVX, "7.1.eax", 0x10), (AVX, "7.1.edx", 0x430), (AVX512, "7.1.eax", 0x20)],
    "1.5.06": [(AVX, "7.1.eax", 0x800010), (AVX, "7.1.edx", 0x430), (AVX512, "7.1.eax", 0x20)],
}
# What AMX's absence does to XFD is rule 5.7's own.
ALL_WISHES = {"1.ecx": 0x31044D88, "7.0.ebx": 0xDC2B9B18, "7.0.ecx": 0x02417F65, "7.0.edx": 0x5411C}
WISHES_OF_7_1 = {
    "1.5.01": {"7.1.eax": 0x1D30},
    "1.5.05": {"7.1.eax": 0x04001D30, "7.1.edx": 0x430},
    "1.5.06": {"7.1.eax": 0x04881DB0, "7.1.edx": 0x20430},
}


@every
@pytest.mark.parametrize("group", [AVX, AVX512, PT, PKRU, CET, UINTR, LBR, AMX])
def test_5_4_xfam_masks(module: str, group: int) -> None:
    config = {**ALL_WISHES, **WISHES_OF_7_1[module]}
    gone = group | AVX512 if group == AVX else group
    full, less = values(module, config=config), values(module, config=config, xfam=ALL_XFAM & ~gone)
    names = {name for _, name, _ in GATES + GATES_OF_7_1[module]}
    for name in sorted(names | {"1.eax", "1.ebx", "1.edx", "7.0.eax", "7.1.ebx", "7.1.ecx", "7.1.edx", "d.1.ebx"}):
        mask = sum(mask for gate, gated, mask in GATES + GATES_OF_7_1[module] if gate & gone and gated == name)
        assert full.field(name) & mask == mask, name
        assert less.field(name) == full.field(name) & ~mask, name


# 6.C1: MAX_PA.


def test_6c1_native_maxpa() -> None:
    each(range(256), lambda maxpa: verdict("1.5.06", {"80000008.eax[7:0]": maxpa}), range(53), INIT_SHUTDOWN)


@pytest.mark.parametrize("native", [46, 48, 52])
@pytest.mark.parametrize("wished", [0, 1, 45, 48, 52, 255])
def test_6c1_without_the_flag_the_configured_byte_is_ignored(native: int, wished: int) -> None:
    answer = resolve("1.5.06", {"80000008.eax[7:0]": native}, config={"80000008.eax": wished})
    assert answer["cpuid"]["80000008"] == q(0x3000 | native)
    assert answer["virt_maxpa"] == f"{native:x}"


@pytest.mark.parametrize(("native", "gpaw", "wished", "shown"), [
    (52, 0, 0, 48), (52, 0, 44, None), (52, 0, 45, 45), (52, 0, 48, 48), (52, 0, 49, None), (52, 0, 52, None),
    (52, GPAW, 0, 52), (52, GPAW, 45, 45), (52, GPAW, 52, 52), (52, GPAW, 53, None), (52, GPAW, 44, None),
    (50, GPAW, 0, 50), (50, GPAW, 50, 50), (50, GPAW, 51, None), (50, 0, 0, 48),
    (46, 0, 0, 46), (46, 0, 46, 46), (46, 0, 47, None), (46, 0, 1, None), (46, 0, 255, None),
    (44, 0, 0, 44), (44, 0, 44, None), (44, 0, 45, None),
])
def test_6c1_with_the_flag(native: int, gpaw: int, wished: int, shown: int | None) -> None:
    how = {
        "config": {"80000008.eax": wished},
        "config_flags": MAXPA_VIRT | gpaw,
        "eptp_controls": FIVE_LEVELS if gpaw else 0x1E,
    }
    cpu = {"80000008.eax[7:0]": native}
    if shown is None:
        assert verdict("1.5.06", cpu, **how) == bad_config(None)
        assert resolve("1.5.06", cpu, **how)["at"] is None
    else:
        answer = resolve("1.5.06", cpu, **how)
        assert answer["cpuid"]["80000008"] == q(0x3000 | shown)
        assert answer["virt_maxpa"] == f"{shown:x}"


@pytest.mark.parametrize("module", ["1.5.01", "1.5.05"])
def test_6c1_not_before(module: str) -> None:
    assert verdict(module, config_flags=MAXPA_VIRT) == invalid("EXEC_CONTROLS")
    assert verdict(module, config={"80000008.eax.0": 1}) == bad_config("80000008")
    assert "virt_maxpa" not in resolve(module)


# 6.C4: leaf 2.


@pytest.mark.parametrize("native", [0, 0x00FEFF41, 0xFFFFFFFF])
def test_6c4_leaf_2_is_constant(native: int) -> None:
    assert values("1.5.06", {"2.eax": native})["2"] == q(0x00FEFF01)
    assert "2" not in values("1.5.05")


# 6.C6: the entries.


@pytest.mark.parametrize(("module", "count"), [("1.5.01", 64), ("1.5.05", 68), ("1.5.06", 69)])
def test_6c6_only_valid_entries_are_answered(module: str, count: int) -> None:
    assert len(values(module)) == count
