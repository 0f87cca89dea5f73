"""Each rule of C to H has a test of its own name that fails once the rule's statement is out of a module's file.

Below the proof stand tests of rules, for statements that no test of the sections' own files needs.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import pytest
import tomli_w

from tdxtui import library, module_file
from tdxtui.classify import classes
from tdxtui.cpuid import CpuidTable, Leaf
from tdxtui.platform import Platform
from tdxtui.sysinit import Prepared, prepare

from .mutations import edited, failing_case, installed, less, mutant
from .platforms import (
    BAD_1F,
    BAD_ATTRIBUTES,
    DEBUG,
    ENUM_TOPOLOGY,
    FULL,
    GNR,
    MIGRATABLE,
    PERFMON,
    REDUCE_VE,
    SUCCESS,
    VE,
    VIRT_CPUID2,
    ZERO,
    C,
    D,
    E,
    F,
    G,
    H,
    bit,
    but,
    probe,
    q,
    read,
    reads,
    reg,
    resolve,
    stage,
    verdict,
    virtual,
)
from .statements import IN_CODE, ROWS, SILENT, Row
from .test_coverage import RULES
from .uncovered import UNCOVERED

FILES = (
    "test_section_c", "test_section_d", "test_section_d_run_time", "test_section_e", "test_section_f",
    "test_section_g", "test_section_h", "test_platform_facts", "test_readings",
)  # fmt: skip
RULE = re.compile(r"test_([c-i]\d+)_")

# The modules in which each section holds, and the rules that hold in fewer: I1, and what the rules say themselves.
SECTIONS = {"C": C, "D": D, "E": E, "F": F, "G": G, "H": H}
FEWER = {"C4": ("1.5.08",), "C5": ("1.5.08",), "F1": ("1.5.28",), "F2": ("1.5.28", "1.5.34", "2.0.18")}


@cache
def rule_tests() -> dict[str, Callable[..., None]]:
    """The tests that are named after rules."""
    files = [*(importlib.import_module(f".{name}", __package__) for name in FILES), sys.modules[__name__]]
    found: dict[str, Callable[..., None]] = {}
    for file in files:
        here = {name: test for name, test in vars(file).items() if RULE.match(name)}
        assert not found.keys() & here
        found |= here
    return found


def rules_of(row: Row) -> set[str]:
    """The rules that a row's tests are named after."""
    return {found[1].upper() for found in map(RULE.match, row.tests) if found}


def params(table: Iterable[Row]) -> list[Any]:
    """A parameter for each module of each row."""
    return [
        pytest.param(row, module, id="-".join((module, *sorted(rules_of(row)), row.statement)))
        for row in table
        for module in row.modules
    ]


@pytest.mark.parametrize(("row", "version"), params(ROWS))
def test_the_rules_tests_fail_without_its_statement(row: Row, version: str) -> None:
    module = mutant(version, row.edit)
    for name in row.tests:
        test = rule_tests()[name]
        with installed(version, module):
            failing = failing_case(test, version)
        assert failing is not None, f"{name} passes on {version} without: {row.statement}"
        test(**failing)


@pytest.mark.parametrize("version", C)
def test_an_edit_gives_the_module_of_a_file_with_that_edit(version: str) -> None:
    edit = less("config_flags", "allowed", bits=0x10)
    assert module_file.parse(tomli_w.dumps(edited(version, edit)), version) == mutant(version, edit)


def test_every_rule_is_taken_out_of_every_module_that_has_it() -> None:
    taken = {(rule, module) for row in ROWS for rule in rules_of(row) for module in row.modules}
    rules = {f"{section}{n}" for section, count in RULES.items() for n in range(1, count + 1)} - set(UNCOVERED)
    assert {(rule, module) for rule in rules for module in FEWER.get(rule, SECTIONS[rule[0]])} <= taken


def test_each_step_of_d5_is_taken_out_or_in_the_code() -> None:
    taken = {name[5:9] for row in ROWS for name in row.tests if name.startswith("test_d5_")}
    assert taken | set(IN_CODE) == {f"d5_{n}" for n in range(1, 8)}
    assert not taken & set(IN_CODE)


# Statements that decide nothing alone.

PROBES = [
    probe(leaf, subleaf, td_ctls=td_ctls, paravirt=paravirt)
    for leaf in (*range(0x25), *range(0x80000000, 0x8000000A))
    for subleaf in (0, 9)
    for td_ctls, paravirt in ((0, 0), (REDUCE_VE, 0), (REDUCE_VE, 0xFFF))
]
PLATFORMS: list[dict[str, str]] = [
    {"a": q(0x08300805, 0, ecx, 0x8600 | count)} for count in (0, 4, 7, 8, 31) for ecx in (0, 0xF, 0x7F, 0x80)
] + [
    {"1": but(GNR["1"], eax=fms), "6": q(eax=eax)} for fms in (0xA06D0, 0xA06E0, 0xA06D1) for eax in (4, 0x00800004)
]


def answers(version: str) -> list[Any]:
    """What a module answers: the class of each bit, reads of a guest, verdicts on platforms."""
    config = FULL | {"7.1": q(eax=0x100), "23.0": q(eax=0xF)}
    seen = reads(version, *PROBES, base=GNR, attributes=PERFMON, config=config)
    return [classes(library.module(version)), seen, [verdict(version, GNR, cpuid=leaves) for leaves in PLATFORMS]]


unchanged = cache(answers)


@pytest.mark.parametrize(("row", "version"), params(row for table in SILENT.values() for row in table))
def test_silent_statements_decide_no_answer(row: Row, version: str) -> None:
    assert not row.tests
    before = unchanged(version)
    with installed(version, mutant(version, row.edit)):
        assert answers(version) == before


# Tests of rules.


def test_c4_leaf_1f_needs_enum_topology_in_1_5_08() -> None:
    # A14.
    got = reads("1.5.08", probe(0x1F), probe(0x1F, 1, td_ctls=VIRT_CPUID2), probe(0x1F, td_ctls=ENUM_TOPOLOGY))
    assert got == [VE, VE, q(1, 2, 0x100)]


def test_c4_the_last_extended_leaf_is_native_in_1_5_08() -> None:
    # Rule 7.1: leaf 80000009 of a CPU that has it is not redirected, and has no entry.
    assert read("1.5.08", 0x80000009, td={"cpuid": {"80000000": q(0x80000009)}}) == VE
    assert read("1.5.08", 0x80000009) == ZERO  # leaf 23 of a TD without PERFMON


@pytest.mark.parametrize("module", D)
@pytest.mark.parametrize("n", range(9))
def test_d1_each_sub_leaf_of_18_is_configurable(module: str, n: int) -> None:
    native = {f"18.{n}": q(1, 2, 3, 0xFFFFFFFF)}
    for asked in (0, 0x03FFC000, 0x0155_4000):
        quads = virtual(module, cpuid=native, config={f"18.{n}": q(edx=asked)})
        assert quads[f"18.{n}"] == q(1, 2, 3, 0xFC003FFF | asked)


@pytest.mark.parametrize("module", D)
def test_d1_leaf_80000002_is_a_constant_text(module: str) -> None:
    # F2: both texts. The CPU has the opposite of every bit.
    text = (0x65746E49, 0x4454206C, 0x20202058, 0)
    if module in ("1.5.16", "2.0.08"):
        text = (0x65746E49, 0x58204454, 0x6C202020, 0)
    native = q(*(word ^ 0xFFFFFFFF for word in text))
    assert virtual(module, cpuid={"80000002": native})["80000002"] == q(*text)


@pytest.mark.parametrize("module", D)
def test_d1_no_bit_of_leaf_6_passes_through(module: str) -> None:
    # EAX[23] must be 0 natively (1.5); else the CPU has the opposite of every bit.
    native = {"6": q(0xFF7FFFFB, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF)}
    assert virtual(module, cpuid=native)["6"] == q(eax=4)


@pytest.mark.parametrize("module", D)
def test_d1_leaf_19_has_a_slot(module: str) -> None:
    assert "error" not in resolve(module, config={"19": ZERO})


def test_d1_leaf_19_has_none_in_1_5_08() -> None:
    assert "error" in resolve("1.5.08", config={"19": ZERO})


@pytest.mark.parametrize("module", D)
def test_d2_nine_flags_are_the_configured_bits(module: str) -> None:
    nine = {"dca", "tsc_deadline", "est", "tm2", "acpi", "rdt_a", "rdt_m", "tme", "mktme"}  # mktme is PCONFIG
    assert nine <= set(resolve(module, config=FULL)["flags"])
    assert not nine & set(resolve(module)["flags"])


@pytest.mark.parametrize("module", D)
@pytest.mark.parametrize("leaf", [9, 0xF, 0x10, 0x1B])
def test_d6_leaves_of_the_bitmap_go_on_to_d5_6(module: str, leaf: int) -> None:
    # D5.4: what is in the bitmap is zeros and goes on to step 6; what is not would be finished.
    td = {"config": FULL}
    assert read(module, leaf, td_ctls=REDUCE_VE, paravirt=0xFFF, td=td) == VE
    assert read(module, leaf, 7, td_ctls=REDUCE_VE, paravirt=0xFFF, td=td) == VE


@pytest.mark.parametrize("module", D)
def test_d7_mce_follows_the_control_of_mca(module: str) -> None:
    for paravirt, shown in ((1 << 3, 1), (0xFFF & ~(1 << 3), 0)):
        got = {"1": read(module, 1, td_ctls=REDUCE_VE, paravirt=paravirt, td={"config": FULL})}
        assert (bit(got, "1.edx.7"), bit(got, "1.edx.14")) == (shown, shown)


def test_e4_migratable_with_debug_is_an_error_in_2_0_08() -> None:
    # I1: G, and with it G1, does not hold there.
    assert verdict("2.0.08", attributes=MIGRATABLE | DEBUG) == BAD_ATTRIBUTES


def prepared(module: str, **leaves: str) -> Prepared:
    """A module on a platform with other leaves, named as ``leaf_7_1=...``."""
    named = {key.removeprefix("leaf_").replace("_", "."): quad for key, quad in leaves.items()}
    cpuid = CpuidTable.from_quads(GNR | named)
    ready = prepare(library.module(module), Platform("rule", cpuid, arch_capabilities=0x130FDEB))
    assert isinstance(ready, Prepared)
    return ready


@pytest.mark.parametrize("module", G)
def test_g3_leaf_23_is_sampled_as_zero_without_7_1_eax_8(module: str) -> None:
    without = prepared(module, leaf_7_1=but(GNR["7.1"], eax=0x00601C30), leaf_23_2=q(1, 2, 3, 4))
    assert [without.registers(Leaf(0x23, n)) for n in range(4)] == [(0, 0, 0, 0)] * 4
    with_it = prepared(module)
    assert [with_it.registers(Leaf(0x23, n))[0] for n in range(4)] == [0xB, 0xFF, 0, 0xFF]


@pytest.mark.parametrize("module", G)
def test_g3_leaf_1f_types_must_rise_at_sys_init(module: str) -> None:
    # TDH.MNG.INIT would judge the same, were the topology not configured (A12 a).
    topology = {"1f.0": q(1, 2, 0x100), "1f.1": q(7, 0x78, 0x201)}
    for ecx in (0x101, 0x601):
        native = {"1f.1": q(7, 0x78, ecx)}
        assert verdict(module, cpuid=native, config=topology) == BAD_1F
        assert stage(module, cpuid=native, config=topology) == "TDH.SYS.INIT"


@pytest.mark.parametrize("module", G)
@pytest.mark.parametrize("fms", [0xA06D0, 0xA06E0])
def test_g3_gnr_a0_leaf_6_is_sampled_as_zero(module: str, fms: int) -> None:
    leaf_1 = but(GNR["1"], eax=fms)
    assert prepared(module, leaf_1=leaf_1, leaf_6=q(0x00FFFFFF, 1, 2, 3)).registers(Leaf(6)) == (0, 0, 0, 0)


@pytest.mark.parametrize("module", G)
@pytest.mark.parametrize("fms", [0xA06D0, 0xA06E0])
def test_g3_gnr_a0_needs_no_xapic_disable_status(module: str, fms: int) -> None:
    # IA32_ARCH_CAPABILITIES[21], set in the usual 130FDEB.
    native = {"arch_cap": "110fdeb"}
    assert verdict(module, GNR, cpuid={"1": but(GNR["1"], eax=fms)}, native=native) == SUCCESS
    assert verdict(module, GNR, native=native) == ("TDX_INCORRECT_MSR_VALUE", "-", "10a")


@pytest.mark.parametrize("module", C)
def test_g4_an_smt_level_stands_at_sub_leaf_0_only(module: str) -> None:
    # B7. After a gap the types may start again (A12 b), but not with SMT.
    core = {"1f.0": q(4, 8, 0x200)}
    assert verdict(module, config=core | {"1f.2": q(1, 2, 0x102)}) == BAD_1F
    quads = virtual(module, config=core | {"1f.2": q(6, 0x40, 0x302)})
    assert reg(quads, "b.0.ebx") == "00000040"
