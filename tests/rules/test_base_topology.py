"""Leaves 1F and B: 5.C1, 5.C2, 5.C4 and 6.C5. 5.C3 is at run time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from .base_platform import BAD_1F, LATER, SUCCESS, Values, bad_config, q, resolve, values, verdict

later = pytest.mark.parametrize("module", LATER)

SMT, CORE, MODULE, TILE, DIE = 1, 2, 3, 4, 5
Level = tuple[int, int, int]  # type, EAX, EBX
GAP: Level = (0, 0, 0)


def level(kind: int) -> Level:
    """A level whose shift and count tell its type."""
    return kind, kind + 8, kind << 4


def leaf_1f(levels: Sequence[Level], numbers: Sequence[int] = range(6)) -> dict[str, int]:
    """CPUID_CONFIG of leaf 1F; a valid sub-leaf carries its number unless `numbers` says otherwise."""
    fields: dict[str, int] = {}
    for subleaf, (kind, eax, ebx) in enumerate(levels):
        fields |= {f"1f.{subleaf}.eax": eax, f"1f.{subleaf}.ebx": ebx}
        fields[f"1f.{subleaf}.ecx"] = kind << 8 | numbers[subleaf] if kind else 0
    return fields


def of(*kinds: int) -> dict[str, int]:
    """Leaf 1F with levels of these types in sub-leaves 0, 1, ...; 0 is an empty one."""
    return leaf_1f([level(kind) if kind else GAP for kind in kinds])


def sub_leaves(td: Values, leaf: str) -> list[str]:
    """A leaf's sub-leaves, without EDX, which the run time decides."""
    return [td[f"{leaf}.{subleaf}"][:24] for subleaf in range(6 if leaf == "1f" else 3)]


def words(*rows: tuple[int, int, int]) -> list[str]:
    """EAX, EBX, ECX of sub-leaves."""
    return [q(*row)[:24] for row in rows]


ZERO = (0, 0, 0)


# 5.C1: what can be configured.


@later
@pytest.mark.parametrize("subleaf", range(6))
@pytest.mark.parametrize(("register", "width"), [("eax", 5), ("ebx", 16), ("ecx", 16), ("edx", 0)])
def test_5c1_configurable_bits(module: str, subleaf: int, register: str, width: int) -> None:
    refused = bad_config(f"1f.{subleaf}")
    found = [verdict(module, config={f"1f.{subleaf}.{register}.{bit}": 1}) for bit in range(32)]
    assert refused not in found[:width]
    assert found[width:] == [refused] * (32 - width)


def test_5c1_not_configurable_in_1_5_01() -> None:
    assert "error" in resolve("1.5.01", config=of(SMT, CORE))


@later
def test_5c1_without_a_configuration_the_native_leaf_is_used(module: str) -> None:
    td = values(module, {"1f.0.eax": 0xFFFFFFE1, "1f.0.ebx": 0xFFFF0002, "1f.0.ecx": 0xABCD0100})
    # ... with its masks, where invalid sub-leaves keep what they hold.
    assert sub_leaves(td, "1f") == words((1, 2, 0x100), (7, 0x78, 0x201), *((0, 0, number) for number in range(2, 6)))
    assert td.field("1f.0.edx") == 0


@later
def test_5c1_configuration_replaces_the_native_leaf(module: str) -> None:
    td = values(module, config=of(SMT, CORE, DIE))
    expected = words((9, 0x10, 0x100), (10, 0x20, 0x201), (13, 0x50, 0x502), ZERO, ZERO, ZERO)
    assert sub_leaves(td, "1f") == expected


@later
@pytest.mark.parametrize("name", ["1f.1.eax.0", "1f.2.ebx.3", "1f.5.ecx.0", "1f.1.ecx.9"])
def test_5c1_empty_first_sub_leaf_wants_all_others_empty(module: str, name: str) -> None:
    assert verdict(module, config={name: 1}) == BAD_1F


# 5.C1: what is a topology.


@later
@pytest.mark.parametrize(("kinds", "legal"), [
    ((CORE,), True),
    ((SMT, CORE), True),
    ((CORE, MODULE), True),
    ((SMT, CORE, MODULE, TILE, DIE), True),
    ((SMT, CORE, DIE), True),
    ((SMT,), False),  # sub-leaf 1 is empty before any CORE
    ((DIE,), False),
    ((SMT, MODULE), False),
    ((SMT, 0, CORE), False),
    ((0, SMT, CORE), False),
    ((0, CORE), False),
    ((CORE, SMT), False),
    ((CORE, CORE), False),
    ((SMT, SMT, CORE), False),
    ((SMT, CORE, TILE, MODULE), False),
    ((SMT, CORE, 6), False),
    ((SMT, CORE, 0x17), False),
    ((6,), False),
    ((SMT, CORE, MODULE, TILE, DIE, 6), False),
    ((SMT, CORE, 0, CORE), True),  # levels restart after an empty sub-leaf
    ((CORE, 0, MODULE), True),
    ((SMT, CORE, 0, 0, 0, MODULE), True),
    ((CORE, 0, 6), False),
    ((SMT, CORE, 0, TILE, MODULE), False),
])
def test_5c1_levels(module: str, kinds: tuple[int, ...], legal: bool) -> None:
    assert verdict(module, config=of(*kinds)) == (SUCCESS if legal else BAD_1F)


@pytest.mark.parametrize("module", LATER)
def test_5c1_refusal_has_no_operand(module: str) -> None:
    assert resolve(module, config=of(SMT)) == {
        "id": "rule", "status": "TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED", "stage": "TDH.MNG.INIT", "at": None,
    }


@later
def test_5c1_shifts_and_counts_are_never_checked(module: str) -> None:
    for eax, ebx in ((0, 0), (31, 0xFFFF), (1, 0)):
        config = leaf_1f([(SMT, 31, 7), (CORE, eax, ebx)])
        assert sub_leaves(values(module, config=config), "1f")[1] == q(eax, ebx, 0x201)[:24]


@later
def test_5c1_values_of_empty_sub_leaves_are_not_checked(module: str) -> None:
    config = {**of(SMT, CORE), "1f.2.eax": 0x1F, "1f.3.ebx": 0xFFFF, "1f.4.ecx": 0x77}
    expected = words((9, 0x10, 0x100), (10, 0x20, 0x201), (0x1F, 0, 0), (0, 0xFFFF, 0), (0, 0, 0x77), ZERO)
    assert sub_leaves(values(module, config=config), "1f") == expected


def test_5c1_level_numbers_are_not_checked_in_1_5_05() -> None:
    config = leaf_1f([level(SMT), level(CORE)], numbers=[7, 0xFF])
    assert sub_leaves(values("1.5.05", config=config), "1f")[:2] == words((9, 0x10, 0x107), (10, 0x20, 0x2FF))


@later
def test_5c1_native_leaf_must_be_a_topology_too(module: str) -> None:
    # TDH.SYS.INIT looks no further than the first empty sub-leaf (1.7).
    assert verdict(module, {"1f.3.ecx": 0x103 | 5 << 9}) == BAD_1F
    assert verdict(module, {"1f.3.ecx": 0x303}) == SUCCESS


@later
def test_5c1_topology_is_checked_before_the_msr(module: str) -> None:
    assert verdict(module, config=of(SMT), ia32_arch_capabilities_config=1) == BAD_1F


# 5.C2: leaf B of 1.5.05.


@pytest.mark.parametrize(("kinds", "smt"), [
    ((SMT, CORE), (9, 0x10, 0x100)),
    ((SMT, CORE, DIE), (9, 0x10, 0x100)),
    ((CORE, 0, SMT, CORE), (9, 0x10, 0x102)),  # wherever it stands
])
def test_5c2_leaf_b(kinds: tuple[int, ...], smt: tuple[int, int, int]) -> None:
    td = values("1.5.05", config=of(*kinds))
    assert sub_leaves(td, "b") == words(smt, (0, 0, 0x200), ZERO)


def test_5c2_b_1_is_the_last_sub_leaf_of_1f_with_type_core() -> None:
    config = {**of(SMT, CORE), "1f.5.eax": 0x1D, "1f.5.ebx": 0x1234, "1f.5.ecx": 0x56}
    assert sub_leaves(values("1.5.05", config=config), "b")[1] == q(0x1D, 0x1234, 0x256)[:24]
    config = {**of(SMT, CORE, 0, 0, 0, DIE), "1f.5.ecx": 0x5AB}
    assert sub_leaves(values("1.5.05", config=config), "b")[1] == q(13, 0x50, 0x2AB)[:24]


def test_5c2_without_smt_b_0_is_native() -> None:
    td = values("1.5.05", {"b.0.eax": 3, "b.0.ebx": 0x33, "b.0.ecx": 0x100}, config=of(CORE, DIE))
    assert sub_leaves(td, "b") == words((3, 0x33, 0x100), (0, 0, 0x200), ZERO)


def test_5c2_native_topology() -> None:
    td = values("1.5.05")
    assert sub_leaves(td, "b") == words((1, 2, 0x100), (0, 0, 0x205), ZERO)


# 6.C5: 1.5.06.


@pytest.mark.parametrize(("kinds", "numbers", "legal"), [
    ((SMT, CORE), (0, 1), True),
    ((SMT, CORE), (1, 1), False),
    ((SMT, CORE), (0, 0), False),
    ((SMT, CORE, DIE), (0, 1, 2), True),
    ((SMT, CORE, DIE), (0, 1, 3), False),
    ((CORE,), (0,), True),
    ((CORE,), (1,), False),
])
def test_6c5_valid_sub_leaf_carries_its_number(kinds: tuple[int, ...], numbers: tuple[int, ...], legal: bool) -> None:
    config = leaf_1f([level(kind) for kind in kinds], numbers)
    assert verdict("1.5.06", config=config) == (SUCCESS if legal else BAD_1F)
    assert verdict("1.5.05", config=config) == SUCCESS


@pytest.mark.parametrize("kinds", [(CORE, 0, SMT), (CORE, 0, SMT, CORE), (SMT, CORE, 0, SMT)])
def test_6c5_smt_only_in_sub_leaf_0(kinds: tuple[int, ...]) -> None:
    assert verdict("1.5.06", config=of(*kinds)) == BAD_1F
    assert verdict("1.5.05", config=of(*kinds)) == SUCCESS


@pytest.mark.parametrize(("kinds", "leaf_b"), [
    ((SMT, CORE), [(9, 0x10, 0x100), (10, 0x20, 0x201), ZERO]),
    ((SMT, CORE, DIE), [(9, 0x10, 0x100), (13, 0x50, 0x201), ZERO]),
    ((SMT, CORE, MODULE, TILE, DIE), [(9, 0x10, 0x100), (13, 0x50, 0x201), ZERO]),
    ((SMT, CORE, 0, MODULE), [(9, 0x10, 0x100), (11, 0x30, 0x201), ZERO]),
    ((CORE,), [(10, 0x20, 0x200), ZERO, ZERO]),
    ((CORE, DIE), [(13, 0x50, 0x200), ZERO, ZERO]),
])
def test_6c5_leaf_b(kinds: tuple[int, ...], leaf_b: list[tuple[int, int, int]]) -> None:
    assert sub_leaves(values("1.5.06", config=of(*kinds)), "b") == words(*leaf_b)


def test_6c5_leaf_b_of_the_native_topology() -> None:
    assert sub_leaves(values("1.5.06"), "b") == words((1, 2, 0x100), (7, 0x78, 0x201), ZERO)


# 5.C4: the flag.


def test_5c4_topology_is_configured() -> None:
    for config in ({}, of(SMT, CORE)):
        assert [resolve(module, config=config)["topology_enum_configured"] for module in LATER] == [True, True]
    assert "topology_enum_configured" not in resolve("1.5.01")
