"""Section 1: what TDH.SYS.INIT, TDH.SYS.LP.INIT and TDH.SYS.CONFIG make of a CPU; 5.C9 and 5.C10."""

from __future__ import annotations

import pytest

from tdxtui.cpuid import Leaf, quad

from .base_platform import (
    ARCH_CAPABILITIES,
    BASE,
    INIT_SHUTDOWN,
    LATER,
    ONES,
    SUCCESS,
    bad_config,
    bad_msr,
    bad_native,
    cpu,
    each,
    flags,
    prepared,
    q,
    resolve,
    values,
    verdict,
)

every = pytest.mark.parametrize("module", BASE)
later = pytest.mark.parametrize("module", LATER)

REQUIRED = (0, 1, 3, 5, 6, 8, 10, 11, 12, 13, 14, 15, 21)
LIMITED = {"msr": {"1a0": "400080"}}
TOO_OLD = "TDH.SYS.INIT TDX_LIMIT_CPUID_MAXVAL_SET"


# 1.1: MSRs.


@every
def test_1_1_arch_capabilities(module: str) -> None:
    # All bits of REQUIRED are set and bit 2 is clear in ARCH_CAPABILITIES: each is flipped.
    optional = set(range(64)) - {*REQUIRED, 2, *(() if module == "1.5.01" else (18,))}
    each(range(64), lambda bit: verdict(module, arch_cap=ARCH_CAPABILITIES ^ 1 << bit), optional, bad_msr("10a"))


@every
def test_1_1_limited_maxval_comes_before_every_other_check(module: str) -> None:
    assert verdict(module, platform=LIMITED) == TOO_OLD
    assert verdict(module, {"0.eax": 3}, arch_cap=0, platform=LIMITED) == TOO_OLD


@every
def test_1_1_arch_capabilities_come_before_cpuid(module: str) -> None:
    assert verdict(module, {"0.eax": 0x1E, "1.ebx": 0}, arch_cap=0) == bad_msr("10a")


# 1.2: TSX.

TSX = {"7.0.ebx.4": 1, "7.0.ebx.11": 1}


@every
def test_1_2_hidden_tsx_is_seen_with_its_true_value(module: str) -> None:
    assert "tsx" in flags(module, config=TSX, platform={"tsx_ctrl": "2"})
    native = {"7.0.ebx.4": 0, "7.0.ebx.11": 0}
    assert "tsx" not in flags(module, native, config=TSX, platform={"tsx_ctrl": "2"})


@every
def test_1_2_without_tsx_ctrl_the_msr_is_not_touched(module: str) -> None:
    # The CPU then shows HLE and RTM as 0, and both of 0 are equal (5.4).
    no_msr = ARCH_CAPABILITIES & ~0x80
    td = values(module, config=TSX, arch_cap=no_msr, platform={"tsx_ctrl": "2"})
    assert (td.field("7.0.ebx.4"), td.field("7.0.ebx.11")) == (0, 0)
    assert verdict(module, config=TSX, arch_cap=no_msr) == bad_msr("10a", "TDH.MNG.INIT")


# 1.3: maximum leaves.


@every
@pytest.mark.parametrize(("last", "expected"), [
    (0x0, "TDH.SYS.INIT TDX_CPUID_LEAF_NOT_SUPPORTED detail 1f"),
    (0x1E, "TDH.SYS.INIT TDX_CPUID_LEAF_NOT_SUPPORTED detail 1f"),
    (0x1F, SUCCESS),
    (0x20, SUCCESS),
    (0x100, SUCCESS),
])
def test_1_3_last_base_leaf(module: str, last: int, expected: str) -> None:
    assert verdict(module, {"0.eax": last}) == expected


@every
@pytest.mark.parametrize(("last", "expected"), [
    (0x80000007, "TDH.SYS.INIT TDX_CPUID_LEAF_NOT_SUPPORTED detail 80000008"),
    (0x80000008, SUCCESS),
    (0x8000000A, SUCCESS),
])
def test_1_3_last_extended_leaf(module: str, last: int, expected: str) -> None:
    assert verdict(module, {"80000000.eax": last}) == expected


@every
@pytest.mark.parametrize("last", [0x1F, 0x20, 0x23, 0x24, 0x100])
def test_1_3_virtual_last_base_leaf_is_constant(module: str, last: int) -> None:
    assert values(module, {"0.eax": last}).field("0.eax") == 0x23


@every
def test_1_3_maxima_come_before_the_entries(module: str) -> None:
    assert verdict(module, {"0.eax": 0x1E, "1.ebx": 0}).endswith("detail 1f")


# 1.4: sampling.


def test_1_4_leaf_above_the_native_maximum_counts_as_zero() -> None:
    assert values("1.5.01", {"0.eax": 0x23})["23.3"] == q(eax=0x23FF)
    assert values("1.5.01", {"0.eax": 0x22})["23.3"] == q()


@every
def test_1_4_what_a_leaf_above_the_maximum_holds_is_not_verified(module: str) -> None:
    wrong = {"23.1.eax": 0x100}
    assert verdict(module, wrong) == bad_native("23.1")
    assert verdict(module, {**wrong, "0.eax": 0x22}) == SUCCESS


@every
def test_1_4_first_entry_in_index_order_is_named(module: str) -> None:
    wrong = {"1.ebx.11": 0, "7.0.eax": 1, "80000007.edx.8": 0}
    assert verdict(module, wrong) == bad_native("1")
    del wrong["1.ebx.11"]
    assert verdict(module, wrong) == bad_native("7.0")


@every
def test_1_4_entry_without_sub_leaf_is_read_with_ecx_all_ones(module: str) -> None:
    assert values(module)["1e"] == "a5001e0aa5001e0ba5001e0ca5001e0d"
    only_sub_leaf_0 = cpu(None, ["1e"], **{"1e.0": ONES})
    assert values(module, table=only_sub_leaf_0)["1e"] == q()


@every
def test_1_4_entry_without_sub_leaf_takes_the_value_of_ecx_all_ones(module: str) -> None:
    # Protocol 1: "L" answers any ECX, "L.S" only its own; FFFFFFFF is an ECX as any other.
    with_last = cpu(None, ["1e"], **{"1e.0": ONES, "1e.ffffffff": q(1, 2, 3, 4)})
    assert values(module, table=with_last)["1e"] == q(1, 2, 3, 4)


@every
def test_1_4_native_leaf_without_sub_leaf_answers_every_entry(module: str) -> None:
    # The CPU's 14.0 asks for EAX = 1, and 14.1 shows EAX but for FFF8.
    table = cpu(None, ["14.0", "14.1"], **{"14": q(1, 0x1FF, 0x7, 0)})
    td = values(module, table=table)
    assert (td["14.0"], td["14.1"]) == (q(1, 0x1FF, 0x7), q(1, 0x1FF))


# 1.5 is tested bit by bit with the table of section 8.


@every
def test_1_5_wrong_value_names_the_entry_and_nothing_else(module: str) -> None:
    answer = resolve(module, {"7.0.eax": 3})
    assert answer == {
        "id": "rule", "status": "TDX_INCORRECT_CPUID_VALUE", "stage": "TDH.SYS.INIT", "at": "7.0",
    }


# 1.6: checks beyond masks.


@every
@pytest.mark.parametrize(("version", "expected"), [(0, "a"), (4, "a"), (5, ""), (6, ""), (0xFF, "")])
def test_1_6_perfmon_version_is_5_at_least(module: str, version: int, expected: str) -> None:
    assert verdict(module, {"a.eax[7:0]": version}) == (bad_native(expected) if expected else SUCCESS)


@every
@pytest.mark.parametrize(("counters", "expected"), [(0, ""), (7, ""), (8, "a"), (31, "a")])
def test_1_6_at_most_7_fixed_counters(module: str, counters: int, expected: str) -> None:
    assert verdict(module, {"a.edx[4:0]": counters}) == (bad_native(expected) if expected else SUCCESS)


@every
@pytest.mark.parametrize(("la57", "width", "expected"), [
    (1, 57, ""), (0, 48, ""), (1, 48, "80000008"), (0, 57, "80000008"), (1, 56, "80000008"), (0, 0, "80000008"),
])
def test_1_6_linear_width_goes_with_la57(module: str, la57: int, width: int, expected: str) -> None:
    native = {"7.0.ecx.16": la57, "80000008.eax[15:8]": width}
    assert verdict(module, native) == (bad_native(expected) if expected else SUCCESS)


@pytest.mark.parametrize("module", ["1.5.01", "1.5.05"])
@pytest.mark.parametrize("maxpa", [0, 46, 48, 51, 53])
def test_1_6_maxpa_is_exactly_52(module: str, maxpa: int) -> None:
    assert verdict(module, {"80000008.eax[7:0]": maxpa}) == bad_native("80000008")


@every
@pytest.mark.parametrize(("eax", "ebx", "ecx", "expected"), [
    (2, 0, 25_000_000, "TDH.SYS.INIT TDX_CPUID_LEAF_NOT_SUPPORTED detail 15"),
    (0, 0, 0, "TDH.SYS.INIT TDX_CPUID_LEAF_NOT_SUPPORTED detail 15"),
    (1, 1, 0x2540C, SUCCESS),
    (1, 1, 0x2540B, INIT_SHUTDOWN),
    (2, 1, 0x4A817, INIT_SHUTDOWN),
    (1, 160, 0, INIT_SHUTDOWN),
    (0, 160, 25_000_000, INIT_SHUTDOWN),  # #DE in the module
])
def test_1_6_tsc_ratio(module: str, eax: int, ebx: int, ecx: int, expected: str) -> None:
    assert verdict(module, {"15.eax": eax, "15.ebx": ebx, "15.ecx": ecx}) == expected


@every
def test_1_6_lbr_depth_is_named(module: str) -> None:
    assert verdict(module, {"1c.eax[7:0]": 0}) == INIT_SHUTDOWN
    assert verdict(module, {"1c.eax": 0x01}) == SUCCESS


@every
@pytest.mark.parametrize("component", [2, 5, 6, 7, 9, 0x11, 0x12])
def test_1_6_user_component_is_not_supervisor_state(module: str, component: int) -> None:
    assert verdict(module, {f"d.{component:x}.ecx.0": 1}) == INIT_SHUTDOWN
    assert verdict(module, {f"d.{component:x}.ecx.0": 1, f"d.0.eax.{component}": 0}, xfam=3) == SUCCESS


@every
@pytest.mark.parametrize("component", [8, 0xA, 0xB, 0xC, 0xD, 0xE, 0xF, 0x10])
def test_1_6_supervisor_component_is_not_user_state(module: str, component: int) -> None:
    assert verdict(module, {f"d.{component:x}.ecx.0": 0}) == INIT_SHUTDOWN
    # CET is verified 1 in D.1.ECX.
    expected = bad_native("d.1") if component in (0xB, 0xC) else SUCCESS
    assert verdict(module, {f"d.{component:x}.ecx.0": 0, f"d.1.ecx.{component}": 0}, xfam=3) == expected


@every
def test_1_6_checks_are_made_at_the_entry(module: str) -> None:
    assert verdict(module, {"a.eax[7:0]": 4, "80000007.edx.8": 0}) == bad_native("a")
    assert verdict(module, {"a.eax[7:0]": 4, "1.ebx.11": 0}) == bad_native("1")
    assert verdict(module, {"1c.eax[7:0]": 0, "80000007.edx.8": 0}) == INIT_SHUTDOWN


# 1.7: topology. A level is type and shift; 0 is an invalid sub-leaf.

UNRECOGNIZED = "TDH.SYS.INIT TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED"
NO_CORE = "TDH.SYS.INIT TDX_CPUID_LEAF_NOT_SUPPORTED"
BAD_SCOPE = "TDH.SYS.INIT TDX_INVALID_WBINVD_SCOPE"


def levels(*pairs: tuple[int, int]) -> dict[str, int]:
    """Leaf 1F with these levels, the rest invalid; 4.3 goes with the last shift."""
    fields: dict[str, int] = {}
    for number, (kind, shift) in enumerate([*pairs, *[(0, 0)] * (6 - len(pairs))]):
        fields |= {f"1f.{number}.eax": shift, f"1f.{number}.ebx": 2 if kind else 0}
        fields[f"1f.{number}.ecx"] = kind << 8 | number
    valid = [shift for kind, shift in pairs if kind]
    return {**fields, "4.3.eax[25:14]": (1 << valid[-1] - 1) if valid and 0 < valid[-1] < 13 else 1}


@every
@pytest.mark.parametrize(("pairs", "expected"), [
    ([(1, 1), (2, 7)], SUCCESS),
    ([(2, 7)], SUCCESS),
    ([(1, 0), (2, 5)], SUCCESS),
    ([(1, 1), (2, 5), (3, 6), (4, 7), (5, 8)], SUCCESS),
    ([(2, 5), (5, 8)], SUCCESS),
    ([(2, 7), (1, 8)], UNRECOGNIZED),
    ([(1, 1), (1, 2), (2, 7)], UNRECOGNIZED),
    ([(1, 1), (2, 5), (2, 7)], UNRECOGNIZED),
    ([(1, 1), (2, 5), (6, 7)], UNRECOGNIZED),
    ([(1, 1), (2, 5), (0xFF, 7)], UNRECOGNIZED),
    ([(0, 0), (1, 1), (2, 7)], NO_CORE),
    ([(1, 1), (0, 0), (2, 7)], NO_CORE),
    ([(1, 1), (3, 7)], NO_CORE),
    ([(1, 1)], NO_CORE),
    ([], NO_CORE),
    ([(1, 5), (2, 3)], INIT_SHUTDOWN),
    ([(1, 5), (2, 5)], SUCCESS),
])
def test_1_7_levels(module: str, pairs: list[tuple[int, int]], expected: str) -> None:
    assert verdict(module, levels(*pairs)) == expected


@every
@pytest.mark.parametrize(("sharing", "expected"), [
    (0x3F, BAD_SCOPE), (0x40, SUCCESS), (0x7F, SUCCESS), (0x80, BAD_SCOPE), (0xFFF, BAD_SCOPE), (0, BAD_SCOPE),
])
def test_1_7_cache_sharing_goes_with_the_last_shift(module: str, sharing: int, expected: str) -> None:
    assert verdict(module, {"1f.1.eax": 7, "4.3.eax[25:14]": sharing}) == expected


@every
def test_1_7_only_eax_4_0_is_a_shift(module: str) -> None:
    assert verdict(module, {"1f.0.eax": 0xFFFFFFE1, "1f.1.eax": 0xFFFFFFE7}) == SUCCESS


@every
def test_1_7_topology_comes_after_the_entries(module: str) -> None:
    assert verdict(module, {"1f.1.ecx": 0x101, "80000007.edx.8": 0}) == bad_native("80000007")


# 1.8: what is derived.


@every
@pytest.mark.parametrize(("sockets", "fms"), [
    (["806f8"], 0x806F8),
    (["806f8", "806f6"], 0x806F6),
    (["806f6", "806f8"], 0x806F6),
    (["c06f2"], 0xC06F2),
    (["c06f3", "806f1", "806f7"], 0xC06F1),
])
def test_1_8_platform_fms_is_of_socket_0_with_the_lowest_stepping(module: str, sockets: list[str], fms: int) -> None:
    assert values(module, platform={"sockets": sockets}).field("1.eax") == fms
    assert verdict(module, config={"1.eax": fms}, platform={"sockets": sockets}) == SUCCESS
    assert verdict(module, config={"1.eax": fms + 1}, platform={"sockets": sockets}) == bad_config("1")


@every
@pytest.mark.parametrize(("native", "supported"), [
    ({}, 0x6DBE7),
    ({"d.0.eax": 0x3}, 0xD903),
    ({"d.0.eax": 0xFFFFFFFF}, 0x6DBE7),
    ({"d.0.eax.17": 0, "d.0.eax.18": 0}, 0xDBE7),
    ({"d.1.ecx": 0x1800}, 0x61AE7),
    ({"d.1.ecx": 0xFFFFFFFF}, 0x6DBE7),
])
def test_1_8_supported_xfam(module: str, native: dict[str, int], supported: int) -> None:
    ready = prepared(module, native)
    assert ready.xfam_allowed == supported
    assert verdict(module, native, xfam=supported) == SUCCESS


@every
@pytest.mark.parametrize(("native", "mask"), [
    ({}, 0x40000),
    ({"d.11.ecx.2": 1}, 0x60000),
    ({"d.12.ecx.2": 0}, 0),
    ({"d.1.eax.4": 0}, 0),
])
def test_1_8_xfd_mask(module: str, native: dict[str, int], mask: int) -> None:
    assert prepared(module, native).xfd_mask == mask


# 1.9: logical processors.


@every
@pytest.mark.parametrize(("name", "at"), [
    ("1.ebx.23", ""), ("1.ebx.31", ""), ("1f.0.edx.0", ""), ("1f.5.edx.31", ""),  # APIC IDs
    ("1.eax.0", ""), ("1.eax.4", ""), ("1.eax.27", ""),  # family, model, stepping
    ("d.0.ebx.0", ""), ("d.1.ebx.31", ""),
    ("1.ecx.5", ""), ("1.ecx.6", ""), ("1.ecx.27", ""),  # VMX, SMX, OSXSAVE
    ("7.0.ebx.2", ""), ("7.0.ecx.4", ""), ("7.0.ecx.7", ""), ("7.0.edx.20", ""), ("7.0.edx.18", ""),
    ("1.eax.31", "1"), ("1.ebx.0", "1"), ("1.ecx.3", "1"), ("1.edx.0", "1"),
    ("4.0.eax.31", "4.0"), ("5.eax.0", "5"), ("7.0.ebx.16", "7.0"), ("7.0.edx.9", "7.0"), ("7.1.eax.4", "7.1"),
    ("a.eax.31", "a"), ("d.0.ecx.0", "d.0"), ("d.1.eax.4", "d.1"), ("d.2.eax.8", "d.2"), ("15.ebx.0", "15"),
    ("1c.eax.1", "1c"), ("1f.0.eax.0", "1f.0"), ("1f.5.ecx.31", "1f.5"), ("80000008.eax.0", "80000008"),
])
def test_1_9_differing_processor(module: str, name: str, at: str) -> None:
    key = name.rsplit(".", 2)[0]
    mine = cpu()[key]
    other = cpu({name: 0})[key] if cpu({name: 0})[key] != mine else cpu({name: 1})[key]
    expected = f"TDH.SYS.LP.INIT TDX_INCONSISTENT_CPUID_FIELD at {at}" if at else SUCCESS
    assert verdict(module, lp={key: other}) == expected


@every
def test_1_9_leaf_that_the_cpu_lacks_is_not_compared(module: str) -> None:
    inconsistent = "TDH.SYS.LP.INIT TDX_INCONSISTENT_CPUID_FIELD at 23.0"
    assert verdict(module, {"0.eax": 0x23}, lp={"23.0": q()}) == inconsistent
    assert verdict(module, {"0.eax": 0x22}, lp={"23.0": q()}) == SUCCESS


@every
def test_1_9_comes_after_tdh_sys_init(module: str) -> None:
    assert verdict(module, {"1f.1.ecx": 0x101}, lp={"7.0": q()}) == UNRECOGNIZED


# 1.10: G.


@every
@pytest.mark.parametrize(("key", "start"), [
    ("1", q(0x000806F8, 0x00800800, 0xF7FEFF9F, 0xBFEDFBFF)),
    ("4.0", q(0xFC004121, 0x02C0003F, 0x3F, 0)),
    ("7.0", q(2, 0xFFBFBFF9, 0x9BC17FEF, 0xFFDD453C)),
    ("a", q(0x08300805, 0x0AB0000B, 0x0000000F, 0x00009FE4)),
    ("d.0", q(0x602E7, 0, 0x2B00, 0)),
    ("d.12", q(0x2000, 0xB00, 6, 0)),
    ("15", q(1, 0xA0, 25_000_000, 0)),
    ("21.0", q(0, 0x65746E49, 0x20202020, 0x5844546C)),
    ("3", q()),
    ("80000000", q(0x80000008)),
    ("80000001", q(0, 0, 0x121, 0x2C100000)),
])
def test_1_10_global_values(module: str, key: str, start: str) -> None:
    ready = prepared(module)
    by_leaf = dict(zip((entry.leaf for entry in ready.module.entries), ready.start, strict=True))
    assert quad(by_leaf[Leaf.parse(key)]) == start


# 5.C9, 5.C10: more MSRs.


@later
def test_5c9_fb_clear_ctrl_must_be_clear(module: str) -> None:
    assert verdict(module, arch_cap=ARCH_CAPABILITIES | 1 << 18) == bad_msr("10a")
    assert verdict("1.5.01", arch_cap=ARCH_CAPABILITIES | 1 << 18) == SUCCESS


@later
def test_5c9_virtual_bit_21_is_set(module: str) -> None:
    assert int(resolve(module)["virt_arch_cap"], 16) >> 21 & 1 == 1
    assert int(resolve("1.5.01")["virt_arch_cap"], 16) >> 21 & 1 == 0


@later
@pytest.mark.parametrize(("value", "expected"), [
    ("80", SUCCESS), ("0", bad_msr("1a0")), ("880", bad_msr("1a0")), ("800", bad_msr("1a0")), ("f481", SUCCESS),
    ("400880", TOO_OLD),
])
def test_5c10_misc_enable(module: str, value: str, expected: str) -> None:
    assert verdict(module, platform={"msr": {"1a0": value}}) == expected


@later
def test_5c10_misc_enable_comes_before_cpuid(module: str) -> None:
    assert verdict(module, {"0.eax": 0x1E, "1.ebx": 0}, platform={"msr": {"1a0": "0"}}) == bad_msr("1a0")


def test_5c10_not_in_1_5_01() -> None:
    for value in ("0", "80", "880"):
        assert verdict("1.5.01", platform={"msr": {"1a0": value, "492": "0"}}) == SUCCESS


@later
@pytest.mark.parametrize(("value", "expected"), [
    ("3000", SUCCESS), ("ffff", SUCCESS), ("2000", bad_msr("345")), ("1000", bad_msr("345")), ("0", bad_msr("345")),
])
def test_5c10_perf_capabilities(module: str, value: str, expected: str) -> None:
    assert verdict(module, platform={"msr": {"345": value}}) == expected


@later
@pytest.mark.parametrize(("ddpd", "value", "expected"), [
    (1, "80", SUCCESS), (1, "ffffffffffffff7f", bad_msr("492")), (1, "0", bad_msr("492")), (0, "0", SUCCESS),
])
def test_5c10_ddpd_needs_its_control(module: str, ddpd: int, value: str, expected: str) -> None:
    assert verdict(module, {"7.2.edx.3": ddpd}, platform={"msr": {"492": value}}) == expected
