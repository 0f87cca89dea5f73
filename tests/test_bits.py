"""The rows of `tdxtui bits --json` are what protocol.md section 4 promises."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache, reduce
from operator import or_
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tdxtui import catalog, classify, cli, library
from tdxtui.cpuid import ALL_ONES, Field, Leaf, Register
from tdxtui.errors import TdxtuiError
from tdxtui.module import Condition, Module
from tdxtui.refusal import Refusal
from tdxtui.resolve import VirtualCpuid, attempt
from tdxtui.sysinit import Prepared
from tdxtui.td import ATTRIBUTES, XFAM, TdConfig

Row = dict[str, Any]
VERSIONS = list(library.files("modules"))
PLATFORMS = list(library.files("platforms"))
KEYS = ["leaf", "subleaf", "register", "msb", "lsb", "name", "class", "gates", "group", "value", "inferred"]
RUN_TIME = ("ve", "dynamic", "guest")
versions = pytest.mark.parametrize("version", VERSIONS)


@cache
def rows(version: str, *given_: Any) -> list[Row]:
    return classify.rows(version, *given_)


def field_of(row: Row) -> Field:
    return Field(Leaf(row["leaf"], row["subleaf"]), Register[row["register"].upper()], row["msb"], row["lsb"])


def row_of(bit: str, *given_: Any) -> Row:
    """The row of a module that holds a bit."""
    version, *more = given_
    wanted = Field.parse(bit)
    (found,) = [
        row for row in rows(version, *more)
        if (row["leaf"], row["subleaf"]) == wanted.leaf and row["register"] == wanted.register.name.lower()
        and row["msb"] >= wanted.msb and row["lsb"] <= wanted.lsb
    ]
    return found


def value_of(bit: str, *given_: Any) -> int | None:
    """The value of a bit or field within its row."""
    row, wanted = row_of(bit, *given_), Field.parse(bit)
    if row["value"] is None:
        return None
    return int(row["value"] >> wanted.lsb - row["lsb"] & (1 << wanted.width) - 1)


# -- every bit, once, in order --

@versions
def test_every_bit_is_in_one_row_in_order(version: str) -> None:
    places = [(entry.leaf, register) for entry in library.module(version).entries for register in Register]
    found = list(dict.fromkeys((field_of(row).leaf, field_of(row).register) for row in rows(version)))
    assert found == places
    last = 0
    for row in rows(version):
        assert row["msb"] == (31 if last == 0 else last - 1), row
        last = row["lsb"]
    assert last == 0
    assert sum(field_of(row).width for row in rows(version)) == 128 * len(library.module(version).entries)


@versions
def test_rows_have_the_keys_and_kinds_of_the_protocol(version: str) -> None:
    for row in rows(version):
        assert list(row) == KEYS
        assert type(row["leaf"]) is int
        assert row["subleaf"] is None or type(row["subleaf"]) is int
        assert row["register"] in ("eax", "ebx", "ecx", "edx")
        assert 31 >= row["msb"] >= row["lsb"] >= 0
        assert type(row["name"]) is type(row["class"]) is type(row["group"]) is str
        assert isinstance(row["gates"], list)
        assert all(type(gate) is str for gate in row["gates"])
        assert row["value"] is None or 0 <= row["value"] < 1 << row["msb"] - row["lsb"] + 1
        assert type(row["inferred"]) is bool
    assert json.loads(json.dumps(rows(version))) == rows(version)


@versions
def test_a_row_has_one_name_and_ends_where_something_changes(version: str) -> None:
    before: Row | None = None
    for row in rows(version):
        field = field_of(row)
        names = {catalog.name_at(field.leaf, field.register, number) for number in range(field.lsb, field.msb + 1)}
        assert names == {row["name"]}
        if before is not None and row["msb"] != 31:
            assert [before[key] for key in ("name", "class", "gates", "inferred")] != [
                row[key] for key in ("name", "class", "gates", "inferred")
            ], row
        before = row


@pytest.mark.parametrize("version", ["1.5.06", "2.0.18"])
def test_rows_are_the_same_whatever_is_given(version: str) -> None:
    fixed = [key for key in KEYS if key != "value"]
    plain = [[row[key] for key in fixed] for row in rows(version)]
    for more in ((PLATFORMS[0],), (None, 3), (None, None, 0), (PLATFORMS[-1], 0x602E7, 1 << 30)):
        assert [[row[key] for key in fixed] for row in rows(version, *more)] == plain


# -- classes --

def expected_masks(module: Module, leaf: Leaf) -> dict[str, int]:
    """The bits of an entry by the first class of protocol 4 that fits, from the module's statements."""
    entry = module.by_leaf[leaf]
    mirrors = {mirror.bit.mask: mirror.of for mirror in module.mirrors if mirror.bit.leaf == leaf}
    computed = mask_of(item.field for item in module.computed if item.field.leaf == leaf)
    if module.topology is not None and leaf in module.topology.derived:
        computed = ALL_ONES
    # A configurable, mirrored or computed bit doesn't show what TDH.SYS.INIT verified.
    verified = entry.verify_mask & ~(entry.configurable | computed | sum(mirrors))
    never = sum(mask for mask, condition in mirrors.items() if not module.possible(condition))
    for gate in module.gates:
        if not all(map(module.possible, gate.needs)):
            never |= gate.clears.get(leaf, 0)
    needs = module.exit.needs.get(leaf.leaf, ())
    faulting = leaf in module.exit.faulting or any(item.text.startswith("TD_CTLS.") for item in needs)
    fits = {
        "ve": ALL_ONES if faulting else 0,
        "dynamic": entry.dynamic,
        "guest": mask_of(item.bit for item in module.exit.guest_bits if item.bit.leaf == leaf),
        "fixed-0": entry.fixed0 | never | verified & ~entry.verify_value,
        "fixed-1": entry.fixed1 | verified & entry.verify_value,
        "configured": entry.configured,
        "configured-native": entry.configured_native,
        "attributes": sum(mirrors),
        "computed": computed,
        "native": ALL_ONES,
    }
    left = ALL_ONES
    for name, mask in fits.items():
        fits[name], left = mask & left, left & ~mask
    return fits


def mask_of(fields: Iterable[Field]) -> int:
    return reduce(or_, (field.mask for field in fields), 0)


@versions
def test_the_first_class_that_fits(version: str) -> None:
    module = library.module(version)
    masks = {leaf: expected_masks(module, leaf) for leaf in module.by_leaf}
    for row in rows(version):
        field = field_of(row)
        assert field.mask & ~masks[field.leaf][row["class"]] == 0, row


@versions
def test_groups(version: str) -> None:
    for row in rows(version):
        if row["class"] in RUN_TIME:
            assert row["group"] == "run-time"
        elif row["class"] in ("configured", "configured-native", "attributes") or row["gates"]:
            assert row["group"] == "flexible"
        else:
            assert row["group"] == "fixed"


@versions
def test_gates_are_conditions_that_can_hold(version: str) -> None:
    module = library.module(version)
    for row in rows(version):
        conditions = [Condition.parse(text) for text in row["gates"]]
        assert len(set(row["gates"])) == len(row["gates"])
        assert [condition.text for condition in conditions] == row["gates"]
        assert all(condition.scope in ("XFAM", "ATTRIBUTES", "bit") for condition in conditions)
        assert all(module.possible(condition) for condition in conditions)
        assert not (row["class"] == "fixed-0" and row["gates"])


@versions
def test_a_row_has_every_gate_of_each_of_its_bits(version: str) -> None:
    module = library.module(version)
    for row in rows(version):
        if row["class"] == "fixed-0":
            continue
        field = field_of(row)
        cleared = [(gate.needs, gate.clears.get(field.leaf, 0) & field.mask) for gate in module.gates]
        assert all(mask in (0, field.mask) for _, mask in cleared), row
        expected = {condition.text for needs, mask in cleared if mask for condition in needs}
        assert set(row["gates"]) == expected, row


# Spot checks of module 1.5.01, written from the table in section 8 of semantics-1.5.01.md: bit, class, gates, group.
SPOTS = """
0.eax.2             fixed-0             -                   fixed
0.eax.5             fixed-1             -                   fixed
0.ebx.0             fixed-1             -                   fixed
0.ebx.3             fixed-0             -                   fixed
1.eax.0             configured          -                   flexible
1.eax.14            fixed-0             -                   fixed
1.ebx.0             fixed-0             -                   fixed
1.ebx.11            fixed-1             -                   fixed
1.ebx.12            fixed-0             -                   fixed
1.ebx.16            configured          -                   flexible
1.ebx.24            dynamic             -                   run-time
1.ecx.0             fixed-1             -                   fixed
1.ecx.3             configured-native   -                   flexible
1.ecx.5             fixed-0             -                   fixed
1.ecx.12            native              XFAM.AVX            flexible
1.ecx.27            dynamic             -                   run-time
1.ecx.28            configured-native   XFAM.AVX            flexible
1.ecx.31            fixed-1             -                   fixed
1.edx.9             fixed-1             -                   fixed
1.edx.10            fixed-0             -                   fixed
1.edx.18            configured-native   -                   flexible
3.eax.0             fixed-0             -                   fixed
4.0.eax.0           configured          -                   flexible
4.0.eax.10          fixed-0             -                   fixed
4.0.ebx.0           fixed-1             -                   fixed
4.0.ebx.6           fixed-0             -                   fixed
4.0.edx.2           fixed-0             -                   fixed
4.0.edx.31          configured          -                   flexible
4.3.edx.31          fixed-0             -                   fixed
5.eax.0             native              1.ecx.3             flexible
5.eax.16            fixed-0             -                   fixed
6.eax.2             ve                  -                   run-time
7.0.eax.1           fixed-1             -                   fixed
7.0.ebx.1           fixed-0             -                   fixed
7.0.ebx.3           configured-native   -                   flexible
7.0.ebx.5           native              XFAM.AVX            flexible
7.0.ebx.6           fixed-1             -                   fixed
7.0.ebx.16          configured-native   XFAM.AVX512         flexible
7.0.ebx.25          native              XFAM.PT             flexible
7.0.ecx.3           native              XFAM.PKRU           flexible
7.0.ecx.4           dynamic             -                   run-time
7.0.ecx.7           native              XFAM.CET            flexible
7.0.ecx.23          fixed-0             -                   fixed
7.0.ecx.31          attributes          -                   flexible
7.0.edx.5           native              XFAM.UINTR          flexible
7.0.edx.8           configured-native   XFAM.AVX512         flexible
7.0.edx.13          fixed-0             -                   fixed
7.0.edx.19          fixed-1             XFAM.LBR            flexible
7.0.edx.24          native              XFAM.AMX            flexible
7.1.eax.4           configured-native   XFAM.AVX512         flexible
7.1.eax.8           configured-native   -                   flexible
7.2.edx.0           fixed-1             -                   fixed
7.2.edx.3           configured-native   -                   flexible
a.eax.0             native              ATTRIBUTES.PERFMON  flexible
a.eax.11            fixed-1             ATTRIBUTES.PERFMON  flexible
a.ecx.7             fixed-0             -                   fixed
d.0.eax.9           native              XFAM.PKRU           flexible
d.0.ebx.0           dynamic             -                   run-time
d.0.ecx.31          computed            -                   fixed
d.1.eax.4           computed            -                   fixed
d.1.ecx.11          fixed-1             XFAM.CET            flexible
d.8.eax.0           native              XFAM.PT             flexible
d.a.eax.0           fixed-0             -                   fixed
14.1.ebx.0          native              XFAM.PT             flexible
15.ebx.0            computed            -                   fixed
19.eax.0            fixed-0             -                   fixed
1c.eax.0            configured-native   XFAM.LBR            flexible
1c.ebx.0            native              XFAM.LBR            flexible
1e.ebx.0            native              -                   fixed
1f.0.eax.0          ve                  -                   run-time
23.0.eax.0          configured-native   -                   flexible
23.0.ebx.0          native              -                   fixed
23.1.ebx.31         fixed-0             -                   fixed
80000001.edx.11     dynamic             -                   run-time
80000001.edx.20     fixed-1             -                   fixed
80000006.ecx.0      ve                  -                   run-time
80000008.eax.2      fixed-1             -                   fixed
80000008.eax.8      computed            -                   fixed
80000008.ebx.9      configured-native   -                   flexible
"""
LATER_SPOTS = """
1.5.05  7.1.eax.4       configured-native   XFAM.AVX                        flexible
1.5.05  7.1.eax.6       attributes          -                               flexible
1.5.05  23.0.eax.0      configured-native   ATTRIBUTES.PERFMON,7.1.eax.8    flexible
1.5.05  1a.eax.0        native              !ATTRIBUTES.MIGRATABLE          flexible
1.5.05  1f.0.eax.0      ve                  -                               run-time
1.5.05  b.0.edx.0       ve                  -                               run-time
1.5.06  2.eax.0         ve                  -                               run-time
1.5.06  80000008.eax.0  configured          -                               flexible
1.5.08  80000008.eax.16 computed            -                               fixed
1.5.16  1.edx.7         guest               -                               run-time
1.5.16  1.ecx.24        guest               -                               run-time
1.5.16  18.0.edx.14     configured          -                               flexible
1.5.16  80000002.eax.0  ve                  -                               run-time
1.5.28  6.eax.2         ve                  -                               run-time
1.5.28  80000006.ecx.6  fixed-1             -                               fixed
1.5.28  23.1.eax.0      native              ATTRIBUTES.PERFMON,7.1.eax.8,23.0.eax.1 flexible
1.5.34  7.0.edx.30      guest               -                               run-time
2.0.08  7.1.eax.21      configured-native   XFAM.AMX                        flexible
2.0.18  7.1.eax.0       configured-native   -                               flexible
"""


def spots() -> list[list[str]]:
    early = [["1.5.01", *line.split()] for line in SPOTS.strip().splitlines()]
    return early + [line.split() for line in LATER_SPOTS.strip().splitlines()]


@pytest.mark.parametrize(("version", "bit", "kind", "gates", "group"), spots(), ids=lambda text: text)
def test_what_the_text_says(version: str, bit: str, kind: str, gates: str, group: str) -> None:
    row = row_of(bit, version)
    assert (row["class"], row["group"]) == (kind, group)
    assert row["gates"] == ([] if gates == "-" else gates.split(","))


@pytest.mark.parametrize(("version", "count"), [("1.5.34", 13), ("2.0.18", 13), ("1.5.08", 0), ("1.5.01", 0)])
def test_the_guest_bits_of_d7(version: str, count: int) -> None:
    assert sum(field_of(row).width for row in rows(version) if row["class"] == "guest") == count


@pytest.mark.parametrize(("bit", "name"), [
    ("7.0.ebx.16", "avx512f"), ("7.0.edx.12", "reserved"), ("1.eax[3:0]", "stepping"), ("1.ecx.28", "avx"),
])
def test_names(bit: str, name: str) -> None:
    assert row_of(bit, "1.5.06")["name"] == name


# -- values --

@versions
def test_values_without_a_platform(version: str) -> None:
    """With nothing given only what the module fixes has a value, all gates open."""
    for row in rows(version):
        if row["class"] == "fixed-0":
            assert row["value"] == 0
        elif row["class"] == "fixed-1":
            assert row["value"] == (1 << row["msb"] - row["lsb"] + 1) - 1
        else:
            assert row["value"] is None, row


@pytest.mark.parametrize(("version", "platform"), [
    (version, PLATFORMS[number % len(PLATFORMS)]) for number, version in enumerate(VERSIONS)
])
def test_values_with_a_platform(version: str, platform: str) -> None:
    native = library.prepared(library.module(version), library.platform(platform))
    assert isinstance(native, Prepared)
    starts = dict(zip(native.module.by_leaf, native.start, strict=True))
    for row in rows(version, platform):
        field, value = field_of(row), row["value"]
        start = field.get(starts[field.leaf])
        if row["class"] in (*RUN_TIME, "configured", "attributes"):
            assert value is None
        elif row["class"] == "native":
            assert value == start
        elif row["class"] == "configured-native":
            assert value == (None if start else 0)


@pytest.mark.parametrize(("bit", "more", "value"), [
    ("7.0.ebx.5", (), None),
    ("7.0.ebx.5", ("granite-rapids",), 1),
    ("7.0.ebx.5", ("granite-rapids", 3), 0),
    ("7.0.ebx.5", ("granite-rapids", 7), 1),
    ("7.0.ebx.5", (None, 3), 0),
    ("7.0.ebx.5", (None, 7), None),
    ("7.0.ebx.16", ("granite-rapids", 0xE7), None),
    ("7.0.ebx.16", ("granite-rapids", 7), 0),
    ("7.0.edx.19", (), 1),
    ("7.0.edx.19", (None, 3), 0),
    ("7.0.edx.19", (None, 0x8003), 1),
    ("7.0.ecx.31", (), None),
    ("7.0.ecx.31", (None, None, 0), 0),
    ("7.0.ecx.31", (None, None, 1 << 30), 1),
    ("7.0.ecx.31", ("granite-rapids",), None),
    ("a.eax[7:0]", ("granite-rapids",), 5),
    ("a.eax[7:0]", ("granite-rapids", None, 0), 0),
    ("a.eax[7:0]", ("granite-rapids", None, 1 << 63), 5),
    ("1a.eax[31:24]", ("granite-rapids", 3, 0), 0x40),
    ("1a.eax[31:24]", ("granite-rapids", 3, 1 << 29), 0),
    ("5.ecx.0", ("granite-rapids",), 1),
    ("5.ecx.1", (), None),
    ("d.0.ecx", ("granite-rapids",), 0x2B00),
    ("d.0.ecx", ("granite-rapids", 3), 576),
    ("d.0.ecx", ("granite-rapids", 7), 832),
    ("d.0.ecx", (None, 3), None),
    ("d.1.eax.4", ("granite-rapids", 3), 0),
    ("d.1.eax.4", ("granite-rapids", 0x60003), 1),
    ("15.ebx", ("granite-rapids", 3, 0), None),
    ("80000008.eax[15:8]", ("granite-rapids", 3, 0), None),
    ("1.ebx[31:24]", ("granite-rapids", 3, 0), None),
])
def test_a_value_depends_on_what_is_given(bit: str, more: tuple[Any, ...], value: int | None) -> None:
    assert value_of(bit, "1.5.06", *more) == value


def td_of(module: Module, platform: str, config: TdConfig) -> VirtualCpuid:
    prepared = library.prepared(module, library.platform(platform))
    assert not isinstance(prepared, Refusal)
    return attempt(prepared, config)[0]


def some_of(data: st.DataObject, masks: Iterable[int], allowed: int) -> int:
    """Some bits of a word, of those that are allowed."""
    known = [mask for mask in masks if mask & ~allowed == 0]
    return reduce(or_, data.draw(st.lists(st.sampled_from(known))), 0)


@versions
@given(data=st.data())
@settings(max_examples=3, deadline=None, derandomize=True)
def test_a_stated_value_is_what_every_such_td_gets(version: str, data: st.DataObject) -> None:
    """However CPUID_CONFIG is chosen: a value that is stated beforehand is the one that is computed."""
    module, platform = library.module(version), data.draw(st.sampled_from(PLATFORMS))
    xfam = 3 | some_of(data, XFAM.values(), module.xfam.allowed)
    attributes = some_of(data, ATTRIBUTES.values(), module.attributes.allowed)
    wishes = {leaf: data.draw(st.integers(0, ALL_ONES)) & mask for leaf, mask in module.configurable.items()}
    td = td_of(module, platform, TdConfig(attributes, xfam, wishes))
    for row in classify.rows(version, platform, xfam, attributes):
        conditions = [Condition.parse(text) for text in row["gates"]]
        opened = all(td.get(item.field) for item in conditions if item.field is not None)
        if row["value"] is not None and (opened or row["value"] == 0):
            assert td.get(field_of(row)) == row["value"], row


# -- inferred --

@versions
def test_only_a_partial_module_has_inferred_masks(version: str) -> None:
    module = library.module(version)
    inferred = {field_of(row).leaf for row in rows(version) if row["inferred"]}
    assert bool(inferred) == (module.evidence == "partial")
    whole = {leaf for item in module.inferred for leaf in item.leaves}
    parts = {item.field.leaf for item in module.inferred if item.field}
    assert whole <= inferred <= whole | parts
    assert all(row["inferred"] for row in rows(version) if field_of(row).leaf in whole)


# -- errors, and the command line --

def test_unknown_names_are_refused() -> None:
    with pytest.raises(TdxtuiError, match=r"there is no module '9\.9'"):
        classify.rows("9.9")
    with pytest.raises(TdxtuiError, match="there is no platform 'nehalem'"):
        classify.rows("1.5.06", "nehalem")


def test_the_command_prints_the_rows(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["bits", "-m", "1.5.06", "-p", "granite-rapids", "--xfam=0xe7", "--attributes=40000000", "--json"])
    assert caught.value.code == 0
    assert json.loads(capsys.readouterr().out) == classify.rows("1.5.06", "granite-rapids", 0xE7, 0x40000000)
