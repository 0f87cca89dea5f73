"""`tdxtui show`: the CPUID of a model's TD, as it is made and as a guest would see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tdxtui import cli, importers, shown_td
from tdxtui.cpuid import Leaf, unpack
from tdxtui.dump import Dump
from tdxtui.dynamic import GuestState
from tdxtui.runtime import cpuid
from tdxtui.td import TD_CTLS

from .guests import MODULES, RUNNING, on


def run(*words: str) -> Result:
    """The command line's answer."""
    return CliRunner().invoke(cli.commands, ["show", *words], standalone_mode=False)


@pytest.mark.parametrize("module", MODULES)
def test_the_text_of_cpuid_is_read_back_as_what_the_guest_gets(module: str) -> None:
    situation = on("kvm-sapphire-rapids", module, "sapphire-rapids")
    lines, _ = shown_td.raw(situation, RUNNING)
    dump = importers.read("\n".join(lines).encode(), "guest.txt").what
    assert isinstance(dump, Dump)
    for leaf, value in dump.cpuid.items():
        assert value == cpuid(situation.td, leaf.leaf, leaf.subleaf or 0, RUNNING), leaf.key
    silent = {entry.leaf.leaf for entry in situation.module.entries
              if cpuid(situation.td, entry.leaf.leaf, entry.leaf.subleaf or 0, RUNNING) is None}
    assert not silent & {leaf.leaf for leaf in dump.cpuid}
    assert 4 in silent or "VIRT_CPUID2" not in module


def test_without_a_guest_it_is_what_tdcs_holds() -> None:
    situation = on("full-granite-rapids", "1.5.34", "granite-rapids")
    found = {item.leaf: item for item in shown_td.leaves(situation, None)}
    assert {leaf: item.value for leaf, item in found.items()} == situation.td.cpuid()
    assert found[Leaf(1)].run_time & 1 << 27 + 32 and found[Leaf(1)].run_time & 1 << 7  # OSXSAVE; MCE (D7)


def test_leaves_that_always_fault_are_told_as_such() -> None:
    lines = shown_td.table(on("minimal", "1.5.06", "sapphire-rapids"), None)
    assert next(line for line in lines if line.startswith("6 ")).split() == ["6", "#VE", "Thermal", "and", "power"]
    assert any(line.startswith("2 ") and line.endswith("#VE by default") for line in lines)


def test_a_guest_with_ve_reduction_reads_the_leaves_that_the_module_answers_with_0() -> None:
    situation = on("minimal", "1.5.34", "sapphire-rapids")
    without = {item.leaf: item.value for item in shown_td.leaves(situation, GuestState())}
    reduced = {item.leaf: item.value for item in shown_td.leaves(situation, GuestState(td_ctls=TD_CTLS["REDUCE_VE"]))}
    assert without[Leaf(0x16)] is None and reduced[Leaf(0x16)] == 0
    assert without[Leaf(1)] != reduced[Leaf(1)]


def test_unknown_digits_are_question_marks_and_known_ones_of_a_guest_are_not() -> None:
    plain = run("minimal", "-m", "1.5.34", "-p", "none")
    assert not plain.exception
    row = next(line for line in plain.output.splitlines() if line.startswith("1 "))
    assert row.split()[1] == "0???????" and "? depends on the CPU" in plain.output
    guest = run("minimal", "-m", "1.5.34", "-p", "none", "--guest").output
    row = next(line for line in guest.splitlines() if line.startswith("1 "))
    assert row.split()[4] == "07a9fbff"  # MCE, MCA and MTRR read 1 whatever the CPU (D7)
    row = next(line for line in guest.splitlines() if line.startswith("d.0 "))
    assert row.split()[2] == "????????"


def test_a_text_of_cpuid_needs_a_cpu() -> None:
    result = run("minimal", "-p", "none", "-f", "cpuid")
    assert "depend on the CPU; name one with --platform" in str(result.exception)


def test_the_guests_state_is_an_option_each() -> None:
    rows = json.loads(run("minimal", "-m", "1.5.34", "-f", "json", "--cr4", "0x440000", "--vcpu", "7",
                          "--td-ctls", "enum_topology").output)["leaves"]
    one = next(row for row in rows if row["leaf"] == "1")
    assert int(one["ebx"], 16) >> 24 == 7 and int(one["ecx"], 16) >> 27 & 1
    levels = next(row for row in rows if row["leaf"] == "1f.0")
    assert not levels["ve"] and int(levels["edx"], 16) == 7
    assert not any(key.startswith("run_time") for row in rows for key in row)


def test_json_has_every_entry_with_its_registers() -> None:
    found = json.loads(run("kvm-sapphire-rapids", "-f", "json").output)
    situation = on("kvm-sapphire-rapids", "1.5.06", "sapphire-rapids")
    assert (found["module"], found["platform"], found["guest"]) == ("1.5.06", "sapphire-rapids", False)
    for row in found["leaves"]:
        leaf = Leaf.parse(row["leaf"])
        if not row["ve"]:
            words = tuple(int(row[register], 16) for register in ("eax", "ebx", "ecx", "edx"))
            assert words == unpack(situation.td.at(leaf))


def test_a_refused_td_is_shown_with_its_refusal_and_status_1(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text('format = 2\nname = "m"\n[td]\nattributes = ["MIGRATABLE", "DEBUG"]\n')
    result = run(str(tmp_path / "m.toml"), "-m", "1.5.06", "-p", "sapphire-rapids")
    assert isinstance(result.exception, SystemExit) and result.exception.code == 1
    assert "refuses this TD" in result.output and "\n80000008 " in result.output


@pytest.mark.parametrize("words", [
    ("minimal",), ("full-granite-rapids", "--guest"), ("minimal", "-p", "none"), ("minimal", "-m", "1.5.34", "--guest"),
])
def test_every_line_of_the_table_fits(words: tuple[str, ...]) -> None:
    assert all(len(line) <= 100 and line == line.rstrip() for line in run(*words).output.splitlines())


@pytest.mark.parametrize(("words", "said"), [
    (("minimal", "--td-ctls", "REDUCED"), "'REDUCED' is none of"),
    (("minimal", "-m", "1.5.06", "--td-ctls", "REDUCE_VE"), "module 1.5.06 has no REDUCE_VE"),
    (("minimal", "--cr4", "x"), "--cr4: 'x' is not a hex number"),
    (("minimal", "--paravirt", "MCE"), "did you mean"),
    (("nothing",), "there is no source 'nothing'"),
    (("minimal", "-m", "1.5"), "there is no module '1.5'"),
])
def test_bad_input_is_told_in_a_line(words: tuple[str, ...], said: str) -> None:
    result = run(*words)
    assert said in str(result.exception) and "\n" not in str(result.exception)
