"""`tdxtui diff` of models, CPUs and dumps, and what a name means."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from tdxtui import cli, library, shown_td, situations
from tdxtui.cpuid import Field, Leaf
from tdxtui.diff.for_model import impact
from tdxtui.diff.groups import Group
from tdxtui.diff.models import compare_models
from tdxtui.diff.module_text import text
from tdxtui.diff.modules import compare
from tdxtui.diff.subjects import CPU, MODEL, MODULE, find
from tdxtui.diff.tables import compare as compare_tables
from tdxtui.diff.tables import of_machine
from tdxtui.edits import CPUID_CONFIG, applied
from tdxtui.errors import TdxtuiError
from tdxtui.resolve import attempt
from tdxtui.td import XFAM

from .guests import PAIRS, PLATFORMS, PRESETS, RUNNING, changed, on


def run(*words: str) -> Result:
    """The command line's answer."""
    return CliRunner().invoke(cli.commands, ["diff", *words], standalone_mode=False)


def status(result: Result) -> int:
    """The exit status."""
    code = result.exception.code if isinstance(result.exception, SystemExit) else 0
    assert isinstance(code, int) and (result.exception is None or isinstance(result.exception, SystemExit))
    return code


# -- what another module means for a model --


def test_what_a_model_loses_on_a_module_comes_with_the_setting_that_keeps_it() -> None:
    """D1, D7: TDH.MNG.INIT gives 0 on 1.5.34, and a guest without #VE reduction reads 1 as before."""
    model = situations.find_model("kvm-sapphire-rapids")
    found = impact(model, library.module("1.5.06"), library.module("1.5.34"), library.platform("sapphire-rapids"))
    lost = {change.name: change for change in found.values if change.old > change.new}
    assert set(lost) == {"mce", "mtrr", "mca", "core_capabilities"}
    for change in lost.values():
        assert (change.guest_old, change.guest_new) == (1, 1)
        assert change.edits and [edit.what for edit in change.edits] == [CPUID_CONFIG]
        td, _ = attempt(found.new.td.prepared, applied(found.new.td.config, change.edits))
        assert td.get(change.field) == 1
    lines = text(compare(library.module("1.5.06"), library.module("1.5.34")), found)
    kept = lines[lines.index("To keep what is lost") :][:5]
    assert [line.split()[0] for line in kept[1:]] == ["1.edx.14", "1.edx.12", "1.edx.7", "7.0.edx.30"]
    assert lines.index("To keep what is lost") < lines.index(Group.LOST.value)


def test_conflicts_that_come_and_go_are_told() -> None:
    model = situations.find_model("full-granite-rapids")
    platform, old, new = library.platform("granite-rapids"), library.module("1.5.06"), library.module("1.5.34")
    there, back = impact(model, old, new, platform), impact(model, new, old, platform)
    assert there.settled == {Leaf(7, 1): 0x4000} and not there.conflicts  # PREFETCHITI
    assert back.conflicts == there.settled and not back.settled
    assert "New conflicts: not what the model wants" in text(compare(new, old), back)


def test_a_refusal_that_only_one_module_has_is_told() -> None:
    model = replace(situations.find_model("minimal"), max_vcpus=1000)
    found = impact(model, library.module("1.5.01"), library.module("1.5.05"), library.platform("sapphire-rapids"))
    assert len(found.refusals) == 1 and "MAX_VCPUS" in found.refusals[0] and not found.accepted


# -- models --


@pytest.mark.parametrize("preset", PRESETS)
def test_a_model_does_not_differ_from_itself(preset: str) -> None:
    result = run(preset, preset)
    assert status(result) == 0 and "Nothing differs." in result.output


def test_settings_wishes_and_what_the_tds_get_are_told_apart() -> None:
    one = on("kvm-sapphire-rapids", "1.5.06", "sapphire-rapids")
    model = replace(one.model, xfam=one.model.xfam & ~XFAM["AMX"], max_vcpus=2)
    model = model.wish(Field.parse("7.0.ebx.8"), 0).wish(Field.parse("4.0.ebx[31:22]"), 3)
    found = compare_models(one, on(model, "1.5.06", "sapphire-rapids"))
    assert {item.name: (item.old, item.new) for item in found.settings} == {
        "XFAM": ("AMX", "nothing"), "MAX_VCPUS": ("8", "2"),
    }
    assert {item.field.key: (item.old, item.new) for item in found.wishes} == {
        "7.0.ebx.8": (1, 0), "4.0.ebx[31:22]": (11, 3),
    }
    values = {item.field.key: (item.old, item.new) for item in found.values.fields}
    assert values["7.0.ebx.8"] == (1, 0) and values["7.0.edx.24"] == (1, 0) and values["4.0.ebx[31:22]"] == (11, 3)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(PAIRS), st.data())
def test_the_values_that_differ_are_all_told_once(pair: tuple[str, str], draw: st.DataObject) -> None:
    one = on("minimal", *pair)
    other = on(draw.draw(changed(one.model, pair[0])), *pair)
    told: dict[Leaf, int] = {}
    for item in compare_models(one, other).values.fields:
        assert not told.get(item.field.leaf, 0) & item.field.mask
        assert item.old == item.field.get(one.td.cpuid().get(item.field.leaf, one.td.at(Leaf(item.field.leaf.leaf))))
        told[item.field.leaf] = told.get(item.field.leaf, 0) | item.field.mask
    for leaf, value in one.td.cpuid().items():
        if leaf not in one.module.exit.faulting and leaf != Leaf(0x1E):
            assert not (value ^ other.td.at(leaf)) & ~told.get(leaf, 0)


# -- machines --


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_cpu_does_not_differ_from_itself(platform: str) -> None:
    result = run(platform, platform)
    assert status(result) == 0 and "Nothing differs." in result.output


def test_what_differs_from_moment_to_moment_is_no_difference(tmp_path: Path) -> None:
    situation = on("minimal", "1.5.06", "sapphire-rapids")
    for name, guest in (("a", RUNNING), ("b", RUNNING._replace(vcpu_index=9, xcr0=3, cr4=0))):
        (tmp_path / f"{name}.txt").write_text("\n".join(shown_td.raw(situation, guest)[0]))
    result = run(str(tmp_path / "a.txt"), str(tmp_path / "b.txt"))
    assert status(result) == 0 and "Of the moment" in result.output and "1.ecx.27" in result.output


def test_features_values_leaves_and_msrs_of_two_cpus() -> None:
    found = json.loads(run("sapphire-rapids", "granite-rapids", "--json").output)
    fields = {row["name"]: row for row in found["fields"]}
    assert fields["amx_fp16"]["feature"] and (fields["amx_fp16"]["old"], fields["amx_fp16"]["new"]) == (0, 1)
    assert not fields["cache_nsets"]["feature"] and "23.1" in found["leaves_only_new"]
    assert [row["msr"] for row in found["msrs"]] == ["10a"]
    one, other = of_machine("a", {Leaf(7, 0): 5}, {}), of_machine("b", {}, {})
    assert compare_tables(one, other).only_old == (Leaf(7, 0),)


DUMPS = sorted((Path(__file__).resolve().parents[3] / "shared" / "data" / "dumps").glob("*.txt"))


@pytest.mark.parametrize("dump", DUMPS, ids=lambda path: path.stem)
def test_a_real_dump_differs_from_the_platform_made_of_it_only_in_what_its_firmware_limited(dump: Path) -> None:
    kind = next(name for name in PLATFORMS if name.replace("-", "") in dump.stem.lower())
    found = json.loads(run(kind, str(dump), "--json").output)
    fields = {row["field"] for row in found["fields"] if not row["of_the_moment"]}
    assert fields <= {"80000008.eax[7:0]"} and {row["msr"] for row in found["msrs"]} <= {"1a0"}


def test_a_model_and_a_dump_tell_what_the_model_wants(tmp_path: Path) -> None:
    dump = tmp_path / "guest.txt"
    dump.write_text("\n".join(shown_td.raw(on("minimal", "1.5.06", "sapphire-rapids"), RUNNING)[0]))
    result = run("kvm-sapphire-rapids", str(dump))
    assert status(result) == 1
    row = next(line for line in result.output.splitlines() if line.startswith("  7.0.ebx.8 "))
    assert row.split() == ["7.0.ebx.8", "bmi2", "the", "model", "wants", "1"]
    assert "(what its TD gets on module 1.5.06, sapphire-rapids)" in result.output


# -- what a name means --


def test_names_and_files_are_told_apart_by_content(tmp_path: Path) -> None:
    data = library.DATA
    for number, (source, kind) in enumerate([
        (data / "modules" / "1.5.06.toml", MODULE), (data / "platforms" / "sapphire-rapids.toml", CPU),
        (library.presets()["minimal"], MODEL),
    ]):
        file = tmp_path / f"{number}.toml"
        shutil.copy(source, file)
        assert find(str(file)).kind == kind
    names = ["1.5.06", "sapphire-rapids", "minimal", "qemu:SapphireRapids-v4", "level:x86-64-v3"]
    assert [find(name).kind for name in names] == [MODULE, CPU, MODEL, MODEL, MODEL]


def test_an_ambiguous_name_is_told_and_a_prefix_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(library.DATA / "modules" / "1.5.06.toml", tmp_path / "own.toml")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    for kind, source in (("modules", library.DATA / "modules" / "1.5.06.toml"),
                         ("platforms", library.DATA / "platforms" / "sapphire-rapids.toml")):
        folder = tmp_path / "tdxtui" / kind
        folder.mkdir(parents=True)
        shutil.copy(source, folder / "mine.toml")
    with pytest.raises(TdxtuiError) as caught:
        find("mine")
    assert "may be a TDX module or the CPUID of a machine; write module:mine or cpu:mine" in str(caught.value)
    assert find("module:mine").kind == MODULE and find("cpu:mine").kind == CPU


@pytest.mark.parametrize(("words", "said"), [
    (("1.5.06", "minimal"), "can't be compared with a vCPU model; tdxtui check"),
    (("sapphire-rapids", "1.5.06"), "can't be compared with the CPUID of a machine"),
    (("1.5.6", "1.5.34"), "did you mean"),
    (("nothing", "1.5.34"), "there is no module, model, CPU or file of that name"),
    (("minimal", "minimal", "--model", "minimal"), "--model goes with two modules"),
    (("1.5.06", "1.5.34", "-m", "1.5.05"), "--module goes with models"),
    (("1.5.06", "1.5.34", "--model", "nothing"), "there is no source 'nothing'"),
    ((".", "1.5.34"), "can't be read"),
    (("module:", "1.5.34"), "module: names nothing; write a TDX module after the colon"),
])
def test_bad_input_is_told_in_a_line(words: tuple[str, ...], said: str) -> None:
    result = run(*words)
    assert said in str(result.exception) and "\n" not in str(result.exception)


def test_the_status_tells_whether_anything_differs() -> None:
    assert status(run("1.5.06", "1.5.34", "-q")) == 1 and run("1.5.06", "1.5.34", "-q").output == ""
    assert status(run("1.5.06", "1.5.06", "-q")) == 0


def test_json_of_two_modules_names_group_and_bits() -> None:
    found = json.loads(run("1.5.06", "1.5.34", "--model", "kvm-sapphire-rapids", "--json").output)
    lost = [row["fields"] for row in found["changes"] if row["group"] == "fixed-1-to-configurable"]
    assert lost == [["1.edx.14"], ["1.edx.12"], ["1.edx.7"], ["7.0.edx.30"]]
    assert {row["group"] for row in found["changes"]} <= {group.key for group in Group}
    assert [row["keep"] for row in found["model"]["values"]][:1] == [["CPUID_CONFIG 1.edx.14 = 1"]]
