"""Section 7: CPUID executed by the TD; 5.C3 and 6.C4."""

from __future__ import annotations

from typing import Any

import pytest

from .base_platform import (
    ALL_XFAM,
    AMX,
    AVX,
    BASE,
    CET,
    LATER,
    PKS,
    PT,
    VE,
    X87_SSE,
    probe,
    q,
    read,
    reads,
    values,
)

every = pytest.mark.parametrize("module", BASE)
later = pytest.mark.parametrize("module", LATER)
OLD = pytest.mark.parametrize("module", ["1.5.01"])

OSXSAVE, PKE = 1 << 18, 1 << 22


def asked(*controls: str) -> dict[str, Any]:
    """Controls of the guest, all on."""
    return dict.fromkeys(controls, 1)


# 7.1: leaves beyond the maxima are leaf 23.


@pytest.mark.parametrize("leaf", [0x24, 0x100, 0x3FFFFFFF, 0x50000000, 0x7FFFFFFF, 0x80000009, 0x8FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize(("subleaf", "expected"), [
    (0, q(0, 3)), (1, q(0xFF, 0xF)), (2, q()), (3, q(0x23FF)), (4, VE), (0xFFFFFFFF, VE),
])
def test_7_1_beyond_the_maxima_leaf_23_answers(leaf: int, subleaf: int, expected: str) -> None:
    assert read("1.5.01", leaf, subleaf) == read("1.5.01", 0x23, subleaf) == expected


@later
@pytest.mark.parametrize("leaf", [0x24, 0x50000000, 0x80000009])
def test_7_1_beyond_the_maxima_in_later_versions(module: str, leaf: int) -> None:
    # 5.C7 makes leaf 23 zero without PERFMON; it still is an entry.
    assert reads(module, probe(leaf), probe(leaf, 3), probe(leaf, 4)) == [q(), q(), VE]


@every
@pytest.mark.parametrize("leaf", [0x40000000, 0x40000001, 0x4FFFFFFF])
@pytest.mark.parametrize("subleaf", [0, 1])
def test_7_1_hypervisor_leaves_are_always_ve(module: str, leaf: int, subleaf: int) -> None:
    assert read(module, leaf, subleaf) == VE


@every
@pytest.mark.parametrize(("native", "expected"), [(0x80000008, ""), (0x80000009, VE), (0x8000001F, VE)])
def test_7_1_extended_limit_is_the_native_one(module: str, native: int, expected: str) -> None:
    td = {"native": {"80000000.eax": native}}
    assert read(module, 0x80000009, td=td) == (expected or read(module, 0x23))
    assert read(module, 0x80000000, td=td) == q(0x80000008)
    assert read(module, native + 1, td=td) == read(module, 0x23)


@every
def test_7_1_limits_of_the_range(module: str) -> None:
    assert read(module, 0x23, 4) == VE
    assert read(module, 0x80000000) == q(0x80000008)
    assert read(module, 0x7FFFFFFF) == read(module, 0x23)


# 7.2: what is always #VE, and leaves that ignore ECX.

ALWAYS = [(leaf, 0) for leaf in (6, 9, 0xC, 0xF, 0x10, 0x16, 0x17, 0x18, 0x1B, *range(0x80000002, 0x80000007))]
MISSING = [
    (4, 5), (4, 0xFFFFFFFF), (7, 3), (7, 0x80000000), (0xD, 0x13), (0xD, 0x20), (0xD, 0x3F), (0x14, 2), (0x1D, 2),
    (0x21, 1), (0x21, 0xFFFFFFFF), (0x23, 4), (0x23, 5),
]


@every
@pytest.mark.parametrize(("leaf", "subleaf"), ALWAYS + MISSING)
def test_7_2_always_ve(module: str, leaf: int, subleaf: int) -> None:
    assert read(module, leaf, subleaf) == VE


@OLD
@pytest.mark.parametrize("leaf", [2, 0xB, 0x1A, 0x1F])
@pytest.mark.parametrize("subleaf", [0, 1, 5, 6])
def test_7_2_always_ve_in_1_5_01(module: str, leaf: int, subleaf: int) -> None:
    assert read(module, leaf, subleaf) == VE


@every
@pytest.mark.parametrize(("leaf", "count"), [(4, 5), (7, 3), (0xD, 0x13), (0x14, 2), (0x1D, 2), (0x21, 1), (0x23, 4)])
def test_7_2_sub_leaves_that_there_are(module: str, leaf: int, count: int) -> None:
    got = reads(module, *(probe(leaf, subleaf) for subleaf in range(count + 1)))
    assert [answer == VE for answer in got] == [False] * count + [True]


@every
@pytest.mark.parametrize("leaf", [
    0, 1, 3, 5, 8, 0xA, 0xE, 0x11, 0x12, 0x13, 0x15, 0x19, 0x1C, 0x1E, 0x20, 0x22, 0x80000000, 0x80000001, 0x80000007,
    0x80000008,
])
def test_7_2_leaf_without_sub_leaves_ignores_ecx(module: str, leaf: int) -> None:
    first, *rest = reads(module, *(probe(leaf, subleaf) for subleaf in (0, 1, 0x55, 0xFFFFFFFF)))
    assert first != VE
    assert rest == [first] * 3


# 7.3: #VE that the guest asks for.

CONTROLS = ("sup_ve", "user_ve", "ctl_sup_ve", "ctl_user_ve")


@every
@pytest.mark.parametrize("cpl", [0, 1, 3])
@pytest.mark.parametrize("control", CONTROLS)
def test_7_3_controls(module: str, cpl: int, control: str) -> None:
    wanted = control in (("sup_ve", "ctl_sup_ve") if cpl == 0 else ("user_ve", "ctl_user_ve"))
    for leaf in (1, 4, 0x15):
        assert (read(module, leaf, cpl=cpl, **asked(control)) == VE) is wanted


@every
@pytest.mark.parametrize("cpl", [0, 3])
def test_7_3_no_control_no_ve(module: str, cpl: int) -> None:
    others = ("user_ve", "ctl_user_ve") if cpl == 0 else ("sup_ve", "ctl_sup_ve")
    assert read(module, 1, cpl=cpl, **asked(*others)) == read(module, 1)


@every
def test_7_3_control_of_a_leaf_is_that_of_the_leaf_as_requested(module: str) -> None:
    # Protocol 2; a leaf beyond the maxima has none of its own.
    assert read(module, 0x24, ctl_sup_ve=1) == read(module, 0x23)
    assert read(module, 0x23, ctl_sup_ve=1) == read(module, 0x24, sup_ve=1) == VE


# 7.4: what is dynamic.


def guest(module: str, leaf: int, subleaf: int = 0, td: dict[str, Any] | None = None, **state: Any) -> list[int]:
    """The four registers that the guest reads."""
    quad = read(module, leaf, subleaf, td=td, **state)
    assert quad != VE
    return [int(quad[at : at + 8], 16) for at in (0, 8, 16, 24)]


@every
@pytest.mark.parametrize(("vcpu", "shown"), [(0, 0), (1, 1), (0xFF, 0xFF), (0x100, 0), (0x23F, 0x3F)])
def test_7_4_vcpu_index(module: str, vcpu: int, shown: int) -> None:
    assert guest(module, 1, vcpu=vcpu, x2apic_id=0x77)[1] >> 24 == shown


@every
@pytest.mark.parametrize("cr4", [0, OSXSAVE, 0xFFFFFFFF & ~OSXSAVE, 0xFFFFFFFF])
def test_7_4_osxsave(module: str, cr4: int) -> None:
    assert guest(module, 1, cr4=cr4)[2] >> 27 & 1 == cr4 >> 18 & 1


@every
@pytest.mark.parametrize("cr4", [0, PKE, 0xFFFFFFFF & ~PKE, 0xFFFFFFFF])
def test_7_4_ospke(module: str, cr4: int) -> None:
    assert guest(module, 7, cr4=cr4)[2] >> 4 & 1 == cr4 >> 22 & 1


@every
@pytest.mark.parametrize(("tsx_ctrl", "shown"), [("0", 0x810), ("1", 0x810), ("2", 0), ("3", 0)])
def test_7_4_tsx_is_hidden_by_its_msr(module: str, tsx_ctrl: str, shown: int) -> None:
    # Protocol 1: native.tsx_ctrl is the guest's value at run time too.
    td = {"config": {"7.0.ebx.4": 1, "7.0.ebx.11": 1}, "platform": {"tsx_ctrl": tsx_ctrl}}
    assert guest(module, 7, td=td)[1] & 0x810 == shown
    assert values(module, config=td["config"], platform=td["platform"]).field("7.0.ebx") & 0x810 == 0x810


@every
@pytest.mark.parametrize(("xcr0", "size"), [
    (1, 576), (3, 576), (7, 0x340), (0xE7, 0xA80), (0x203, 0xA88), (0x602E7, 0x2B00), (0x60003, 0x2B00),
])
def test_7_4_xsave_size_for_xcr0(module: str, xcr0: int, size: int) -> None:
    assert guest(module, 0xD, xcr0=xcr0) == [0x602E7, size, 0x2B00, 0]
    assert guest(module, 0xD, xcr0=xcr0, xss=0xD900)[1] == size


@every
@pytest.mark.parametrize(("xcr0", "xss", "size"), [
    (3, 0, 576),
    (7, 0, 576 + 0x100),
    (3, 0x100, 576 + 0x80),
    (3, 0x1800, 576 + 0x10 + 0x18),
    (7, 0x100, 576 + 0x100 + 0x80),
    (0xE7, 0, 576 + 0x100 + 0x40 + 0x200 + 0x400),
    (0x203, 0x800, 576 + 0x8 + 0x10),
    (0x20203, 0, 576 + 64 + 0x40),  # component 11H is aligned to 64 bytes: ECX[1]
    (0x60003, 0, 576 + 0x40 + 0x2000),
    (0x60003, 0x800, 576 + 64 + 0x40 + 0x2000),
])
def test_7_4_xsaves_size_for_xcr0_and_xss(module: str, xcr0: int, xss: int, size: int) -> None:
    assert guest(module, 0xD, 1, xcr0=xcr0, xss=xss) == [0x1F, size, 0xD900, 0]


@every
@pytest.mark.parametrize("long_mode", [False, True])
def test_7_4_syscall_shows_in_64_bit_mode(module: str, long_mode: bool) -> None:
    assert guest(module, 0x80000001, long_mode=long_mode)[3] == 0x2C100000 | long_mode << 11


@every
def test_7_4_nothing_else_is_dynamic(module: str) -> None:
    state = {"cr4": 0xFFFFFFFF, "xcr0": 3, "xss": 0xD900, "vcpu": 0x55, "cpl": 3, "long_mode": False}
    td: dict[str, Any] = {"attributes": PKS, "config": {"1.ebx": 0x00330000, "1.ecx.3": 1}}
    fixed = values(module, **td)
    changing = {"1", "7.0", "d.0", "d.1", "80000001"}
    faulting = {"6", "80000006", "2", *(f"b.{n}" for n in range(3)), *(f"1f.{n}" for n in range(6))}
    keys = [key for key in fixed if key not in changing | faulting]
    probes = [probe(*(int(part, 16) for part in key.split(".")), **state) for key in keys]
    assert reads(module, *probes, **td) == [fixed[key] for key in keys]
    for key, register in (("d.0", 2), ("7.0", 0), ("7.0", 3), ("1", 0), ("1", 3), ("80000001", 2)):
        leaf = int(key.partition(".")[0], 16)
        assert f"{guest(module, leaf, td=td, **state)[register]:08x}" == fixed[key][8 * register : 8 * register + 8]


@every
@pytest.mark.parametrize(("xfam", "subleaf", "expected"), [
    (ALL_XFAM, 2, q(0x100, 0x240)), (X87_SSE, 2, q()), (X87_SSE | AVX, 2, q(0x100, 0x240)),
    (X87_SSE | CET, 0xB, q(0x10, 0, 1)), (X87_SSE | PT, 0xB, q()), (X87_SSE | AMX, 0x12, q(0x2000, 0xB00, 6)),
])
def test_7_4_state_components_are_fixed_at_init(module: str, xfam: int, subleaf: int, expected: str) -> None:
    for xcr0, xss in ((1, 0), (0x602E7, 0xD900)):
        assert read(module, 0xD, subleaf, td={"xfam": xfam}, xcr0=xcr0, xss=xss) == expected


# 5.C3: topology needs TD_CTLS.ENUM_TOPOLOGY.

TOPOLOGY = [(0xB, subleaf) for subleaf in range(3)] + [(0x1F, subleaf) for subleaf in range(6)]


@later
@pytest.mark.parametrize(("leaf", "subleaf"), TOPOLOGY)
def test_5c3_topology_leaves(module: str, leaf: int, subleaf: int) -> None:
    assert read(module, leaf, subleaf, x2apic_id=0x12345678) == VE
    got = read(module, leaf, subleaf, enum_topology=1, x2apic_id=0x12345678)
    assert got == values(module)[f"{leaf:x}.{subleaf:x}"][:24] + "12345678"
    assert read(module, leaf, subleaf, td_ctls=2, x2apic_id=0x12345678) == got


@later
@pytest.mark.parametrize(("leaf", "subleaf"), [(0xB, 3), (0xB, 0xFF), (0x1F, 6), (0x1F, 0xFFFFFFFF)])
def test_5c3_missing_sub_leaves_are_ve(module: str, leaf: int, subleaf: int) -> None:
    assert read(module, leaf, subleaf, enum_topology=1) == VE


@later
@pytest.mark.parametrize(("enum_topology", "shown"), [(0, 0x21), (1, 0x78)])
def test_5c3_apic_id_of_leaf_1(module: str, enum_topology: int, shown: int) -> None:
    assert guest(module, 1, enum_topology=enum_topology, vcpu=0x121, x2apic_id=0x5678)[1] >> 24 == shown


@later
@pytest.mark.parametrize("control", ["sup_ve", "ctl_sup_ve"])
def test_5c3_ve_controls_hold_for_topology_too(module: str, control: str) -> None:
    assert read(module, 0x1F, enum_topology=1, **asked(control)) == VE


@OLD
def test_5c3_not_in_1_5_01(module: str) -> None:
    assert read(module, 0x1F, td_ctls=2) == read(module, 0xB, td_ctls=2) == VE
    assert guest(module, 1, td_ctls=2, vcpu=0x21, x2apic_id=0x78)[1] >> 24 == 0x21


@later
def test_5c7_leaf_1a_is_read(module: str) -> None:
    assert read(module, 0x1A) == read(module, 0x1A, 7) == q(0xA5001A0A)


# 6.C4: leaf 2 needs TD_CTLS.VIRT_CPUID2.


@pytest.mark.parametrize(("state", "expected"), [
    ({}, VE),
    ({"virt_cpuid2": 1}, q(0x00FEFF01)),
    ({"td_ctls": 4}, q(0x00FEFF01)),
    ({"td_ctls": 2}, VE),
    ({"virt_cpuid2": 1, "sup_ve": 1}, VE),
    ({"virt_cpuid2": 1, "ctl_sup_ve": 1}, VE),
    ({"virt_cpuid2": 1, "cpl": 3, "sup_ve": 1}, q(0x00FEFF01)),
])
def test_6c4_leaf_2(state: dict[str, Any], expected: str) -> None:
    assert read("1.5.06", 2, **state) == expected
    assert read("1.5.06", 2, 0xFFFFFFFF, **state) == expected
    assert read("1.5.05", 2, **state) == read("1.5.01", 2, **state) == VE
