"""Section 4: CPUID_CONFIG, entry by entry, and IA32_ARCH_CAPABILITIES_CONFIG; 5.C9, 6.C7."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from .base_platform import (
    ARCH_CAPABILITIES,
    BAD_1F,
    BASE,
    LATER,
    MIGRATABLE,
    PERFMON,
    SUCCESS,
    bad_config,
    bad_msr,
    each,
    invalid,
    q,
    resolve,
    values,
    verdict,
)

every = pytest.mark.parametrize("module", BASE)
later = pytest.mark.parametrize("module", LATER)

# Register: config_direct, allow_direct. What is new in a version stands below.
CONFIGURABLE: dict[str, tuple[int, int]] = {
    "1.ebx": (0x00FF0000, 0),
    "1.ecx": (0, 0x31044D88),
    "1.edx": (0, 0xB8440000),
    **{f"4.{subleaf}.eax": (0xFFFFC3FF, 0) for subleaf in range(4)},
    **{f"4.{subleaf}.ebx": (0xFFFFF000, 0) for subleaf in range(4)},
    **{f"4.{subleaf}.ecx": (0xFFFFFFFF, 0) for subleaf in range(4)},
    **{f"4.{subleaf}.edx": (0xFFFFFFFB, 0) for subleaf in range(3)},
    "4.3.edx": (0x7, 0),
    "7.0.ebx": (0, 0xDC2B9B18),
    "7.0.ecx": (0, 0x02417F65),
    "7.0.edx": (0, 0x0005411C),
    "7.1.eax": (0, 0x00001D30),
    "1c.eax": (0, 0xFF),
    "80000008.ebx": (0, 0x200),
    "7.2.edx": (0, 0x28),
    "23.0.eax": (0, 0xF),
}
NEW: dict[str, dict[str, tuple[int, int]]] = {
    "1.5.01": {},
    "1.5.05": {"7.1.eax": (0, 0x04001D30), "7.1.edx": (0, 0x430)},
    "1.5.06": {"7.1.eax": (0, 0x04881DB0), "7.1.edx": (0, 0x20430)},
}
ENTRIES = ("1", "4.0", "4.1", "4.2", "4.3", "7.0", "7.1", "a", "1c", "80000008", "7.2", "23.0")
# Configured & Native bits that TDH.SYS.INIT also demands.
VERIFIED = {"1.ecx": 0x01000000, "1.edx": 0x18000000, "80000008.ebx": 0x200}


def masks(module: str) -> dict[str, tuple[int, int]]:
    """What can be configured."""
    return {**CONFIGURABLE, **NEW[module]}


def cases(kind: int) -> list[tuple[str, str, int]]:
    """Module, register, and its bits of a kind: 0 config_direct, 1 allow_direct."""
    return [(module, name, both[kind]) for module in BASE for name, both in masks(module).items() if both[kind]]


# 4.1: the start.


@every
def test_4_1_entry_that_is_not_configured_starts_from_g(module: str) -> None:
    td = values(module)
    assert td["80000001"] == q(0, 0, 0x121, 0x2C100000)
    assert td["0"] == q(0x23, 0x756E6547, 0x6C65746E, 0x49656E69)
    assert td.field("1.ebx[15:0]") == 0x0800
    assert td.field("1.ecx") == 0xC6FAB217  # without what could be configured, and OSXSAVE
    assert td.field("7.0.ebx") == 0x239424E1


# 4.2: only what is configurable.


@every
@pytest.mark.parametrize("key", ENTRIES)
@pytest.mark.parametrize("register", ["eax", "ebx", "ecx", "edx"])
def test_4_2_bits_outside_are_refused_at_their_entry(module: str, key: str, register: str) -> None:
    name = f"{key}.{register}"
    legal = sum(masks(module).get(name, (0, 0)))
    if name == "1.eax":
        legal = 0x0FFF3FFF
    if name == "80000008.eax" and module == "1.5.06":
        legal = 0xFF  # 6.C1
    illegal = [bit for bit in range(32) if not legal >> bit & 1]
    each(illegal, lambda bit: verdict(module, config={f"{name}.{bit}": 1}), (), bad_config(key))


@every
@pytest.mark.parametrize("key", ENTRIES)
def test_4_2_all_that_is_configurable_is_accepted(module: str, key: str) -> None:
    config = {name: sum(both) for name, both in masks(module).items() if name.rpartition(".")[0] == key}
    assert verdict(module, config=config) == SUCCESS


@every
def test_4_2_refusal_names_operand_and_entry(module: str) -> None:
    assert resolve(module, config={"7.1.eax.0": 1}) == {
        "id": "rule", "status": "TDX_OPERAND_INVALID", "stage": "TDH.MNG.INIT", "operand": "CPUID_CONFIG", "at": "7.1",
    }


# 4.3: the two kinds of configurable bits.


@pytest.mark.parametrize(("module", "name", "mask"), cases(0))
def test_4_3_config_direct_is_the_configured_bit(module: str, name: str, mask: int) -> None:
    # The native bits that TDH.SYS.INIT doesn't look at: EBX[11:0], and leaf 4.3 as a whole, stay as they are.
    noise = {} if name.startswith("4.3") else {f"{name}[31:16]": 0x5A5A}
    for native in ({}, noise):
        for wished in (0, mask, mask & 0x55555555, mask & 0xAAAAAAAA):
            assert values(module, native, config={name: wished}).field(name) & mask == wished


@pytest.mark.parametrize(("module", "name", "mask"), cases(1))
def test_4_3_allow_direct_is_configured_and_native(module: str, name: str, mask: int) -> None:
    for bit in (bit for bit in range(32) if mask >> bit & 1):
        natives = (1,) if VERIFIED.get(name, 0) >> bit & 1 else (0, 1)
        for native, wished in product(natives, (0, 1)):
            # Leaf 23 is gated from 1.5.05 on (5.C7), which is not the matter here.
            config = {"7.1.eax.8": 1, **with_partner(name, bit, wished)}
            cpu = with_partner(name, bit, native)
            if name == "7.0.ecx" and bit == 16:
                cpu["80000008.eax[15:8]"] = 57 if native else 48  # 1.6
            td = values(module, cpu, config=config, attributes=PERFMON)
            assert td.field(f"{name}.{bit}") == native & wished, (bit, native, wished)


def with_partner(name: str, bit: int, value: int) -> dict[str, int]:
    """A bit, and what must be equal to it: HLE and RTM (5.4)."""
    fields = {f"{name}.{bit}": value}
    if (name, bit) in (("7.0.ebx", 4), ("7.0.ebx", 11)):
        fields |= {"7.0.ebx.4": value, "7.0.ebx.11": value}
    return fields


@pytest.mark.parametrize(("module", "name", "mask"), cases(1))
def test_4_3_zero_configuration_clears_allow_direct(module: str, name: str, mask: int) -> None:
    key, _, register = name.rpartition(".")
    assert values(module).field(name) & mask == 0
    assert values(module, config={f"{key}.{register}": 0}).field(name) & mask == 0


@every
def test_4_3_other_bits_are_never_configurable(module: str) -> None:
    for name in ("7.0.ecx.15", "7.0.edx.0", "7.1.eax.1", "80000008.ebx.0", "7.2.edx.0", "1.ecx.0"):
        assert verdict(module, {name: 1}, config={name: 1}) == bad_config(name.rsplit(".", 2)[0])


# 4.4: gates come after the configuration.


@every
def test_4_4_gate_clears_a_configured_bit_without_error(module: str) -> None:
    for name in ("7.0.ebx.16", "7.0.ecx.6", "7.0.edx.8", "1.ecx.28", "7.1.eax.5"):
        assert values(module, config={name: 1}).field(name) == 1
        assert values(module, config={name: 1}, xfam=3).field(name) == 0


@every
def test_4_4_entries_that_are_not_configurable_take_g(module: str) -> None:
    td = values(module)
    assert td["80000007"] == q(edx=0x100)
    assert td["1e"] == "a5001e0aa5001e0ba5001e0ca5001e0d"
    assert td["14.0"] == q(1, 0x1FF, 0x8000000F)


# 4.5: the order of errors.


@every
@pytest.mark.parametrize("first", range(len(ENTRIES)))
def test_4_5_first_bad_entry_is_named(module: str, first: int) -> None:
    config = {f"{key}.edx.{30 if key in ('1', '4.3', 'a', '1c', '7.2', '23.0') else 0}": 1 for key in ENTRIES[first:]}
    for subleaf in range(3):
        if f"4.{subleaf}.edx.0" in config:
            del config[f"4.{subleaf}.edx.0"]
            config[f"4.{subleaf}.edx.2"] = 1
    assert verdict(module, config=config) == bad_config(ENTRIES[first])


@every
def test_4_5_bits_come_before_fms(module: str) -> None:
    assert verdict(module, config={"1.eax": 0x806F9, "4.0.eax.10": 1}) == bad_config("1")
    assert verdict(module, {"1.eax": 0x606A6}, config={"1.ecx.0": 1}, attributes=MIGRATABLE) == bad_config("1")


@every
def test_4_5_bits_come_before_tsx(module: str) -> None:
    # RCX tells which it is in 1.5.01; later the MSR does.
    assert verdict(module, config={"7.0.ebx.4": 1, "7.0.eax.0": 1}) == bad_config("7.0")
    no_msr = ARCH_CAPABILITIES & ~0x80
    tsx = {"7.0.ebx.4": 1, "7.0.ebx.11": 1}
    assert verdict(module, config={**tsx, "7.0.eax.0": 1}, arch_cap=no_msr) == bad_config("7.0")
    assert verdict(module, config={**tsx, "7.1.eax.0": 1}, arch_cap=no_msr) == bad_msr("10a", "TDH.MNG.INIT")


@later
def test_4_5_topology_comes_after_cpuid_config_and_before_the_msr(module: str) -> None:
    # Protocol 1: CPUID_CONFIG entry by entry; topology; IA32_ARCH_CAPABILITIES_CONFIG; the cross check.
    how: dict[str, Any] = {"ia32_arch_capabilities_config": 1, "attributes": MIGRATABLE, "num_l2_vms": 1}
    assert verdict(module, config={"1f.1.ecx": 0x201, "1f.5.edx.0": 1}, **how) == bad_config("1f.5")
    assert verdict(module, config={"1f.1.ecx": 0x201}, **how) == BAD_1F
    assert verdict(module, **how) == invalid("IA32_ARCH_CAPABILITIES_CONFIG")


# 4.6: IA32_ARCH_CAPABILITIES.

REFUSED = invalid("IA32_ARCH_CAPABILITIES_CONFIG")
NATIVE_AND = (4, 20, 24)


@every
def test_4_6_without_the_flag_the_configuration_is_zero(module: str) -> None:
    each(range(64), lambda bit: verdict(module, ia32_arch_capabilities_config=1 << bit), (), REFUSED)


@every
def test_4_6_with_the_flag_four_bits_are_legal(module: str) -> None:
    def judged(bit: int) -> str:
        return verdict(module, msr_config_ctls=1, ia32_arch_capabilities_config=1 << bit)

    each(range(64), judged, (4, 19, 20, 24), REFUSED)
    assert verdict(module, msr_config_ctls=1) == SUCCESS


def arch_capabilities(module: str, native: int, wished: int | None = None, tsx: int = 0) -> int:
    """The virtual IA32_ARCH_CAPABILITIES; `wished` sets the flag."""
    how: dict[str, Any] = {} if wished is None else {"msr_config_ctls": 1, "ia32_arch_capabilities_config": wished}
    config = {"7.0.ebx.4": tsx, "7.0.ebx.11": tsx}
    return int(resolve(module, config=config, arch_cap=native, **how)["virt_arch_cap"], 16)


@every
@pytest.mark.parametrize("bit", NATIVE_AND)
@pytest.mark.parametrize("native", [0, 1])
def test_4_6_bit_that_is_native_and_configured(module: str, bit: int, native: int) -> None:
    msr = ARCH_CAPABILITIES | native << bit
    assert arch_capabilities(module, msr) >> bit & 1 == 0
    assert arch_capabilities(module, msr, 0) >> bit & 1 == 0
    assert arch_capabilities(module, msr, 1 << bit) >> bit & 1 == native


@every
@pytest.mark.parametrize("native", [0, 1])
def test_4_6_bit_that_is_native_or_configured(module: str, native: int) -> None:
    msr = ARCH_CAPABILITIES | native << 19
    assert arch_capabilities(module, msr) >> 19 & 1 == native
    assert arch_capabilities(module, msr, 0) >> 19 & 1 == native
    assert arch_capabilities(module, msr, 1 << 19) >> 19 & 1 == 1


@every
@pytest.mark.parametrize(("tsx", "available", "shown"), [(0, 1, 0), (1, 1, 1), (0, 0, 0)])
def test_4_6_tsx_ctrl_only_with_tsx(module: str, tsx: int, available: int, shown: int) -> None:
    msr = ARCH_CAPABILITIES & ~0x80 | available << 7
    assert arch_capabilities(module, msr, tsx=tsx) >> 7 & 1 == shown


@pytest.mark.parametrize(("module", "shown"), [("1.5.01", 0xFD6B), ("1.5.05", 0x20FD6B), ("1.5.06", 0x20FD6B)])
def test_4_6_and_5c9_virtual_value(module: str, shown: int) -> None:
    # 1.1 demands 0,1,3,5,6,8,10,11,12,13,14,15,21 set and 2 clear: 10, 11 read 0, and 21 too in 1.5.01.
    all_ones = (1 << 64) - 1 & ~(1 << 2 | 1 << 18)
    expected = shown & ~(1 << 10 | 1 << 11) | 1 << 19
    assert arch_capabilities(module, all_ones) == expected
    assert arch_capabilities(module, all_ones, 0x1180010) == expected | 0x1100010
    assert arch_capabilities(module, ARCH_CAPABILITIES) == expected & ~(1 << 19)


@every
def test_4_6_configuration_is_judged_after_cpuid(module: str) -> None:
    wrong: dict[str, Any] = {"ia32_arch_capabilities_config": 1}
    assert verdict(module, config={"23.0.edx.0": 1}, **wrong) == bad_config("23.0")


# 4.7: faulting entries keep the native value.


@every
def test_4_7_faulting_entries_hold_the_native_value(module: str) -> None:
    td = values(module, {"6.eax": 0x5F8FF7, "80000006.edx": 0xFFFFFFFF})
    assert td["6"] == q(0x5F8FF7, 0xA602, 0xA609, 0xA60D)
    assert td["80000006"] == q(0x86A, 0x86B, 0x08008040, 0xFFFFFFFF)


def test_4_7_leaf_1f_holds_the_native_value_in_1_5_01() -> None:
    td = values("1.5.01", {"1f.0.edx": 0x77, "1f.1.eax": 0xFFFFFFE7})
    assert td["1f.0"] == q(1, 2, 0x100, 0x77)
    assert td["1f.1"] == q(0xFFFFFFE7, 0x78, 0x201, 0x11)
    assert td["1f.5"] == q(0, 0, 5, 0x11)


# 6.C7: four features become configurable.


@pytest.mark.parametrize("name", ["7.1.eax.7", "7.1.eax.19", "7.1.eax.23", "7.1.edx.17"])
@pytest.mark.parametrize("wished", [0, 1])
@pytest.mark.parametrize("native", [0, 1])
def test_6c7_new_features(name: str, wished: int, native: int) -> None:
    assert values("1.5.06", {name: native}, config={name: wished}).field(name) == wished & native
    assert verdict("1.5.05", {name: native}, config={name: wished}) == (bad_config("7.1") if wished else SUCCESS)


def test_6c7_avx_ifma_needs_avx() -> None:
    config = {"7.1.eax.7": 1, "7.1.eax.19": 1, "7.1.eax.23": 1, "7.1.edx.17": 1}
    td = values("1.5.06", config=config, xfam=3)
    assert (td.field("7.1.eax"), td.field("7.1.edx")) == (0x80080, 0x20000)
    td = values("1.5.06", config=config)
    assert (td.field("7.1.eax"), td.field("7.1.edx")) == (0x880080, 0x20000)


@every
def test_4_3_wish_for_what_the_cpu_lacks_is_silently_zero(module: str) -> None:
    # The last of the "Traps that follow from the code".
    td = values(module, {"7.0.ebx.16": 0}, config={"7.0.ebx.16": 1})
    assert td.field("7.0.ebx.16") == 0
