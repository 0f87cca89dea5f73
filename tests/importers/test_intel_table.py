"""Intel's table as a module file: a built-in module written as one comes back with the same classes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tdxtui import importers, library, module_file
from tdxtui.classify import classes
from tdxtui.cpuid import Field, Leaf
from tdxtui.evaluate import evaluate
from tdxtui.importers import ImportFailed, ModuleText
from tdxtui.intel_table import build, json_form
from tdxtui.intel_table.kinds import COMPUTED, UNKNOWN, Kind, kind_of, kinds
from tdxtui.intel_table.row import version_in
from tdxtui.intel_table.rows import Table, leaves_of, table_of
from tdxtui.model import VcpuModel
from tdxtui.module import Module

from . import samples

VERSIONS = list(library.files("modules"))
# The three fragments that are known to be true, as the file has them.
MTRR = {"MSB": "12", "LSB": "12", "Field Size": "1", "Field Name": "MTRR", "Configuration Details": None,
        "Bit or Field Virtualization Type": "Fixed", "Virtualization Details": "0x1"}
FSRM = {"MSB": "4", "LSB": "4", "Field Size": "1", "Field Name": "Fast Short REP MOV",
        "Configuration Details": "TD_PARAMS.CPUID_CONFIG", "Bit or Field Virtualization Type": "Configured & Native",
        "Virtualization Details": None}
LEAF_B = {"Leaf": "0xb / Sub-Leaves 0x0-0x1", "EAX": [
    {"MSB": "4", "LSB": "0", "Field Size": "5", "Field Name": "Shift Count", "Configuration Details": None,
     "Bit or Field Virtualization Type": "Special", "Virtualization Details": "0"},
    {"MSB": "31", "LSB": "5", "Field Size": "27", "Field Name": "Reserved", "Configuration Details": None,
     "Bit or Field Virtualization Type": "Fixed", "Virtualization Details": "0"}]}
FRAGMENTS = [{"Leaf": "0x1", "EDX": [MTRR]}, {"Leaf": "0x7 / Sub-Leaf 0x0", "EDX": [FSRM]}, LEAF_B]
CONTAINERS: dict[str, Callable[[Any], Any]] = {
    "list": lambda leaves: leaves,
    "dict": lambda leaves: {"Header": {"Version": "1.5.99"}, "Fields": leaves},
    "by leaf": lambda leaves: {leaf["Leaf"]: leaf for leaf in leaves},
    "nested": lambda leaves: {"a": [{"b": {"c": leaves[:1]}}, {"d": leaves[1:]}]},
}


def imported(data: bytes, name: str = "table.json") -> tuple[ModuleText, Module]:
    """What a table becomes, and the module of its text."""
    found = importers.read(data, name).what
    assert isinstance(found, ModuleText)
    return found, module_file.parse(found.text, "made.toml")


def table(*leaves: dict[str, Any]) -> bytes:
    return json.dumps(leaves).encode()


def field(msb: int, lsb: int, type_: object, details: object = None, **more: object) -> dict[str, object]:
    """A field, named as little as it may be."""
    return {"MSB": str(msb), "LSB": str(lsb), "Virtualization Type": type_, "Virtualization Details": details, **more}


def kind_at(module: Module, text: str) -> Kind:
    at = Field.parse(text)
    return next(kind for kind, mask in kinds(module)[at.leaf].items() if mask & at.mask)


def written(module: Module) -> Table:
    """A built-in module as the importer's rows have it."""
    leaves = samples.intel_leaves(module)
    rows = [row for leaf in leaves for row in json_form._rows(leaf, leaf["Leaf"], "x", "x")]
    return table_of(rows, "x", module.version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("write", [samples.intel_json, samples.intel_csv])
def test_a_built_in_module_comes_back_with_the_same_classes(version: str, write: Callable[[Module], bytes]) -> None:
    module = library.module(version)
    text, made = imported(write(module), f"{version}.json")
    assert (text.version, text.differences) == (version, ())
    assert {leaf: found.masks for leaf, found in classes(made).items()} == {
        leaf: found.masks for leaf, found in classes(module).items()
    }
    assert made.cpuid_config == module.cpuid_config


@pytest.mark.parametrize("version", VERSIONS)
def test_a_module_unknown_so_far_comes_out_as_the_table_says_or_the_difference_is_told(version: str) -> None:
    """Each module made from the other ones: what its own file would say, but for what an assumption names."""
    module, others = library.module(version), [library.module(name) for name in VERSIONS if name != version]
    text = build.module_text(written(module), others)
    made = kinds(module_file.parse(text.text, "made.toml"))
    assert set(made) == set(kinds(module))
    told, apart = " ".join(text.assumptions), 0
    for leaf, types in kinds(module).items():
        for kind, mask in types.items():
            if other := mask & ~made[leaf].get(kind, 0):
                assert leaf.sdm in told
                apart += other.bit_count()
    assert apart <= 8


def test_what_1_5_08_adds_to_1_5_06_is_listed() -> None:
    text = build.module_text(written(library.module("1.5.08")), [library.module("1.5.06")])
    assert [line.partition(";")[0] for line in text.differences] == [
        "CPUID.0AH:ECX[6:4] pmu_fcounters_bitmap: Attributes & Native",
        "CPUID.80000008H:EAX[23:16] guest_phys_addr_bits: Calculated",
        "CPUID.80000008H:EAX[31:24]: Native",
        "CPUID.(EAX=23H,ECX=1):EBX[6:4] perfmon_fixed_counters: Attributes & CPUID_Enabled & Native",
    ]
    assert "CPUID.80000008H:EAX[23:16] guest_phys_addr_bits: calculated, the table doesn't say how; " \
           "taken as Fixed 0." in text.assumptions


@pytest.mark.parametrize("name", CONTAINERS)
def test_the_true_fragments_are_read_in_any_container(name: str) -> None:
    text, made = imported(json.dumps(CONTAINERS[name](FRAGMENTS)).encode())
    assert kind_at(made, "1.edx.12") == Kind("fixed1")
    assert kind_at(made, "7.0.edx.4") == Kind("configured_native")
    assert kind_at(made, "b.1.eax.5") == Kind("fixed0")
    assert kind_at(made, "b.0.eax.0") == COMPUTED
    assert text.differences == ()
    assert any("The table has 4 leaves only" in line for line in text.assumptions)
    assert text.version == ("1.5.99" if name == "dict" else "imported")


def test_a_changed_bit_is_changed_and_told() -> None:
    text, made = imported(table({"Leaf": "0x7 / Sub-Leaf 0x0", "EDX": [field(4, 4, "Fixed", "0x1")]}))
    assert kind_at(made, "7.0.edx.4") == Kind("fixed1")
    assert len(text.differences) == 1
    assert text.differences[0].startswith("CPUID.(EAX=07H,ECX=0):EDX[4] fsrm: Fixed 1; ")


def test_a_constant_that_the_table_leaves_to_the_cpu_is_verified_no_more() -> None:
    _, made = imported(table({"Leaf": "0x1", "EDX": [field(12, 12, "Native")]}))
    assert kind_at(made, "1.edx.12") == Kind("native")
    assert not made.by_leaf[Leaf(1)].verify_mask & Field.parse("1.edx.12").mask


def test_a_gate_that_the_table_does_not_name_is_taken_away() -> None:
    _, made = imported(table({"Leaf": "0x7 / Sub-Leaf 0x0", "EBX": [field(5, 5, "Native")]}))
    assert kind_at(made, "7.0.ebx.5") == Kind("native")
    assert all(not gate.clears.get(Leaf(7, 0), 0) & Field.parse("7.0.ebx.5").mask for gate in made.gates)


def test_a_gate_is_taken_from_another_built_in_module_and_told() -> None:
    leaf = "0x7 / Sub-Leaf 0x1"
    sha512 = {"Leaf": leaf, "EAX": [field(0, 0, "XFAM & Configured & Native")]}
    known = [library.module("1.5.06"), library.module("2.0.08")]
    rows = json_form._rows(sha512, leaf, "x", "x")
    text = build.module_text(table_of(rows, "x", ""), known[:1] + known[1:])
    assert kind_at(module_file.parse(text.text, "x"), "7.1.eax.0") == Kind("configured_native", frozenset({"XFAM"}))
    alone = build.module_text(table_of(json_form._rows(sha512, leaf, "x", "x"), "x", ""), known[:1])
    assert any("doesn't say which component of XFAM; taken as not gated" in line for line in alone.assumptions)


def test_xfam_without_a_known_component_stays_open_and_is_told() -> None:
    text, made = imported(table({"Leaf": "0x80000008", "EBX": [field(31, 31, "XFAM & Native")]}))
    assert kind_at(made, "80000008.ebx.31") == Kind("native")
    assert any("80000008H:EBX[31]" in line and "doesn't say which component of XFAM" in line
               for line in text.assumptions)
    assert any(item.field == Field.parse("80000008.ebx.31") for item in made.inferred)


def test_a_newly_configurable_entry_comes_last_in_cpuid_config() -> None:
    text, made = imported(table({"Leaf": "0x6", "EAX": [field(2, 2, "Configured & Native")]}))
    assert made.cpuid_config[-1] == Leaf(6)
    assert "The order of CPUID_CONFIG is not in the table: 6 come last." in text.assumptions


def test_an_entry_that_no_module_has_is_added() -> None:
    leaf = {"Leaf": "0x29 / Sub-Leaf 0x0", "EAX": [field(31, 0, "Native")], "EBX": [field(3, 0, "Fixed", "0x5")]}
    text, made = imported(table(leaf))
    entry = made.by_leaf[Leaf(0x29, 0)]
    assert entry.fixed1 >> 64 == 5 and entry.fixed0 == (1 << 96) - 1 & ~(5 << 64)
    assert any(line.startswith("CPUID.(EAX=29H,ECX=0): an entry that") for line in text.differences)


def test_a_whole_table_drops_what_it_does_not_have() -> None:
    leaves = samples.intel_leaves(library.module("1.5.06"))
    leaves = [leaf for leaf in leaves if leaf["Leaf"][:4] not in ("0x1f", "0x23")]
    text, made = imported(json.dumps(leaves).encode())
    assert not any(entry.leaf.leaf in (0x1F, 0x23) for entry in made.entries)
    assert made.topology is None
    assert any("the table does not are left out: 1f.0" in line for line in text.assumptions)


def test_a_calculated_field_that_the_table_fixes_is_computed_no_more() -> None:
    _, made = imported(table({"Leaf": "0x15", "EBX": [field(31, 0, "Fixed", "0x10")]}))
    assert not any(item.field.leaf == Leaf(0x15) for item in made.computed)
    assert made.by_leaf[Leaf(0x15)].fixed1 >> 64 & 0xFFFFFFFF == 0x10


def test_part_of_a_calculated_field_stays_computed_and_is_told() -> None:
    text, made = imported(table({"Leaf": "0x15", "EBX": [field(3, 0, "Native")]}))
    assert any(item.field.leaf == Leaf(0x15) for item in made.computed)
    assert any("computes the whole field; kept" in line for line in text.assumptions)


def test_the_last_base_leaf_is_the_tables() -> None:
    _, made = imported(table({"Leaf": "0x0", "EAX": [field(31, 0, "Fixed", "0x24")]}))
    assert made.last_base_leaf == 0x24


def test_a_type_that_is_not_known_changes_nothing_and_is_told() -> None:
    text, _ = imported(table({"Leaf": "0x7 / Sub-Leaf 0x0", "EDX": [field(4, 4, "Moon phase & Native")]}))
    assert text.differences == ()
    assert any("'Moon phase & Native' is not known" in line for line in text.assumptions)


def test_a_type_and_its_configuration_details_that_disagree_are_told() -> None:
    odd = field(4, 4, "Native", **{"Configuration Details": "TD_PARAMS.CPUID_CONFIG"})
    text, _ = imported(table({"Leaf": "0x7 / Sub-Leaf 0x0", "EDX": [odd]}))
    assert any("the type is Native, but the table says TD_PARAMS.CPUID_CONFIG" in line for line in text.assumptions)


def test_a_fixed_field_without_a_value_is_taken_as_0_and_told() -> None:
    text, made = imported(table({"Leaf": "0x7 / Sub-Leaf 0x0", "EDX": [field(4, 4, "Fixed", "see note")]}))
    assert kind_at(made, "7.0.edx.4") == Kind("fixed0")
    assert any("Fixed without a value that can be read; 0 is assumed" in line for line in text.assumptions)


def test_a_leaf_that_can_not_be_read_is_left_out_and_told() -> None:
    text, _ = imported(table({"Leaf": "the rest", "EAX": [field(0, 0, "Native")]}, *FRAGMENTS))
    assert any("'the rest' is no leaf that can be read; it is left out" in line for line in text.assumptions)


@pytest.mark.parametrize(("words", "kind"), [
    ("Configured", Kind("configured")),
    ("configured & native", Kind("configured_native")),
    ("XFAM & Native", Kind("native", frozenset({"XFAM"}))),
    ("Native&XFAM & Configured", Kind("configured_native", frozenset({"XFAM"}))),
    ("Attributes & CPUID_Enabled & Configured & Native", Kind("configured_native", frozenset({"ATTRIBUTES", "bit"}))),
    ("attributes & cpuid enabled & native", Kind("native", frozenset({"ATTRIBUTES", "bit"}))),
    ("Calculated", COMPUTED), ("SPECIAL", COMPUTED), ("Fixed", None), ("", UNKNOWN), ("None & such", UNKNOWN),
])
def test_types_are_read_in_any_case_and_order(words: str, kind: Kind | None) -> None:
    assert kind_of(words) == kind


@pytest.mark.parametrize("version", VERSIONS)
def test_every_type_of_a_module_reads_back(version: str) -> None:
    for types in kinds(library.module(version)).values():
        assert all(kind_of(kind.text) == kind for kind in types if "Fixed" not in kind.text)


@pytest.mark.parametrize(("text", "leaves"), [
    ("0x1", [Leaf(1)]), ("Leaf 0x0", [Leaf(0)]), ("0x4 / Sub-Leaf 0x0", [Leaf(4, 0)]),
    ("Leaf 0xd / Sub-Leaves 0x2-0x4", [Leaf(0xD, 2), Leaf(0xD, 3), Leaf(0xD, 4)]), ("0x2 / Sub-Leaf N/A", [Leaf(2)]),
    ("0x4 / Sub-Leaves 0x0-0xfffffff", []), ("0x4 / Sub-Leaves 0x4-0x1", []), ("leafy", []), ("", []),
])
def test_leaves_are_read_as_the_table_writes_them(text: str, leaves: list[Leaf]) -> None:
    assert leaves_of(text) == leaves


@pytest.mark.parametrize(("text", "version"), [
    ("1.5.99", "1.5.99"), ("dir/1.5.06/tdx-1.5.16-cpuid.json", "1.5.16"), ("v2.0.08", "2.0.08"), ("10.1.1.50.2", ""),
    ("cpuid_virtualization.json", ""),
])
def test_a_version_is_found_in_a_name(text: str, version: str) -> None:
    assert version_in(text) == version


BROKEN = [
    (table({"Leaf": "0x1", "EAX": [{"MSB": "1"}]}), "[0].EAX[0]: expected a field, an object with \"MSB\" and \"LSB\""),
    (table({"Leaf": "0x1", "EAX": ["x"]}), "[0].EAX[0]: expected a field"),
    (table({"Leaf": "0x1", "EAX": [field(32, 0, "Native")]}), "[0].EAX[0]: expected 31 >= MSB >= LSB >= 0, found 32"),
    (table({"Leaf": "0x1", "EAX": [field(0, 1, "Native")]}), "[0].EAX[0]: expected 31 >= MSB >= LSB >= 0, found 0 and"),
    (table({"Leaf": "0x1", "EAX": [{"MSB": None, "LSB": "x"}]}), "[0].EAX[0]: expected MSB and LSB as numbers, found"),
    (table({"Leaf": "0x1", "EAX": [field(3, 0, "Native"), field(3, 3, "Configured")]}),
     "[0].EAX[1]: EAX[3:3] of 0x1 is Native by an earlier field"),
    (table({"Leaf": "0x1"}), "describes no field of any CPUID leaf"),
    (table({"Leaf": {}, "EAX": [field(3, 0, "Native")]}), "describes no field of any CPUID leaf"),
]


@pytest.mark.parametrize(("data", "expected"), BROKEN)
def test_a_broken_table_names_the_way_to_the_mistake(data: bytes, expected: str) -> None:
    with pytest.raises(ImportFailed) as caught:
        importers.read(data, "t", "intel-json")
    assert str(caught.value).startswith(f"t: {expected}")


HEADER = "Reg.,MSB,LSB,Field Size,Field Name,Virtualization Type,Virtualization Details\n"
BROKEN_CSV = [
    ("a,b\n", "has no header with MSB and LSB within its first 10 lines"),
    ("x\n" * 20 + HEADER, "has no header with MSB and LSB within its first 10 lines"),
    ("MSB,LSB,Virtualization Type\n", "line 1: the header lacks Reg., Field Name, Virtualization Details"),
    (HEADER + "EAX,1,1,1,x,Native,\n", "line 2: has a field before any leaf; a row without Reg. opens one"),
    (HEADER + ",,,,Leaf 0x1,,\nEAX,one,1,1,x,Native,\n", "line 3: expected MSB and LSB as numbers, found 'one'"),
    (HEADER + ",,,,Leaf 0x1,,\nEEX,1,1,1,x,Native,\n", "line 3: expected MSB and LSB as numbers"),
    (HEADER + ",,,,Leaf 0x1,,\nEAX,1,1,1,x,Native,\nEAX,1,0,2,y,Fixed,0\n", "line 4: EAX[1:0] of Leaf 0x1 is"),
    (HEADER + '"' + "x" * 200_000, "line 2: is not CSV: field larger than field limit"),
    (HEADER, "describes no field of any CPUID leaf"),
    ("\xff", "byte 0: is not UTF-8 text"),
]


@pytest.mark.parametrize(("text", "expected"), BROKEN_CSV)
def test_a_broken_csv_names_the_line(text: str, expected: str) -> None:
    with pytest.raises(ImportFailed) as caught:
        importers.read(text.encode("latin-1"), "t", "intel-csv")
    assert str(caught.value).startswith(f"t: {expected}")


def test_an_imported_module_is_used_as_any_other(tmp_path: Path) -> None:
    path = tmp_path / "1.5.99.toml"
    text, _ = imported(samples.intel_json())
    path.write_text(text.named("1.5.99").text)
    module = library.module(str(path))
    assert (module.version, module.evidence) == ("1.5.99", "partial")
    here = evaluate(VcpuModel("x"), module, library.platform("sapphire-rapids"))
    there = evaluate(VcpuModel("x"), library.module("1.5.06"), library.platform("sapphire-rapids"))
    assert here.td and there.td
    assert [here.td.at(leaf) for leaf in module.by_leaf] == [there.td.at(leaf) for leaf in module.by_leaf]
