"""Exported models: what they record, that they open like any other, and what drift notices."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tdxtui import exported, library, model_file
from tdxtui.cpuid import Field, Leaf, pack
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import evaluate
from tdxtui.model import VcpuModel

PRESETS = sorted(library.presets())
MINIMAL = model_file.load(library.presets()["minimal"])


def packed(entry: dict[str, str], prefix: str = "") -> int:
    return pack(*(int(entry[prefix + register], 16) for register in ("eax", "ebx", "ecx", "edx")))


def leaf(entry: dict[str, str]) -> Leaf:
    return Leaf(int(entry["leaf"], 16), int(entry["subleaf"], 16) if "subleaf" in entry else None)


def validated(text: str) -> dict[str, Any]:
    return dict(tomllib.loads(text)["validated"])


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("platform", ["granite-rapids", ""])
def test_a_record_is_what_the_engine_says(name: str, platform: str) -> None:
    model = replace(model_file.load(library.presets()[name]), platform=platform)
    module = library.module(model.module)
    found = validated(exported.exported(model, allow_conflicts=True))
    td = evaluate(model, module, library.platform(platform) if platform else None).td
    assert [leaf(entry) for entry in found["cpuid_config"]] == list(module.cpuid_config)
    assert {leaf(entry): packed(entry) for entry in found["cpuid_config"] if packed(entry)} == {
        at: value for at, value in td.config.cpuid_config.items() if value
    }
    for entry in found["cpuid"]:
        known = packed(entry, "known_") if "known_eax" in entry else -1
        assert packed(entry) == td.at(leaf(entry)) & td.known_at(leaf(entry))
        assert known in (-1, td.known_at(leaf(entry)))
    assert [leaf(entry) for entry in found["cpuid"]] == [entry.leaf for entry in module.entries]
    assert int(found["td_params"]["xfam"], 16) == model.xfam
    assert found["td_params"]["tsc_frequency"] * 25 == model.tsc_mhz
    assert ("platform" in found, "arch_capabilities" in found) == (bool(platform), bool(platform))


def test_a_record_names_its_ground() -> None:
    found = validated(exported.exported(MINIMAL))
    file = library.DATA / "modules" / "1.5.06.toml"
    assert found["module"] == {
        "name": "1.5.06", "version": "1.5.06", "evidence": "run",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    assert found["platform"]["name"] == "sapphire-rapids"
    assert (found["tool"], found["format"]) == (exported.tool_version(), 2)
    assert exported.exported(MINIMAL) == exported.exported(MINIMAL)


@pytest.mark.parametrize("name", PRESETS)
def test_an_exported_file_opens_like_any_other(name: str, tmp_path: Path) -> None:
    model, path = model_file.load(library.presets()[name]), tmp_path / "x.toml"
    text = exported.exported(model)
    assert text.startswith(model.origin[:60])
    path.write_text(text, encoding="utf-8")
    assert model_file.load(path) == model_file.load_fast(path) == model
    model_file.validate_file(path)
    assert model_file.save(model_file.load(path), path) == text.encode()
    assert exported.exported(model_file.load(path)) == text
    assert exported.drift(path) == ([], [])


def test_an_edit_drops_the_record_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(exported.exported(MINIMAL) + "# the end\n", encoding="utf-8")
    model_file.save(replace(model_file.load(path), max_vcpus=9), path)
    expected = MINIMAL.origin.replace("max_vcpus = 1", "max_vcpus = 9") + "# the end\n"
    assert path.read_text(encoding="utf-8") == expected


def test_an_old_or_written_model_is_exported_in_the_present_format() -> None:
    old = model_file.parse('format = 1\nname = "a"\nmodule = "1.5.06"\n', "a.toml")
    assert exported.exported(old, True).startswith('format = 2\nname = "a"\n')
    without = model_file.parse('# mine\nname = "a"\nmodule = "1.5.06"\n', "a.toml")
    assert tomllib.loads(exported.exported(without, True))["format"] == 2
    written = VcpuModel("b", module="1.5.06", platform="sapphire-rapids", attributes=1 << 28, config_flags=4)
    assert model_file.parse(exported.exported(written), "b.toml") == written


@pytest.mark.parametrize(("model", "problem"), [
    (replace(MINIMAL, module=""), "minimal: names no module; write module = or give --module"),
    (MINIMAL.wish(Field.parse("1.ecx.2"), 0), "minimal: 1.ecx.2 is wished 0 and is 1; "),
    (replace(MINIMAL, xfam=3 | 1 << 45), "minimal: TDH.MNG.INIT"),
    (replace(MINIMAL, module="9.9"), "there is no module '9.9'; known are "),
])
def test_what_can_not_be_exported(model: VcpuModel, problem: str) -> None:
    with pytest.raises(TdxtuiError) as caught:
        exported.exported(model)
    if problem.startswith("minimal: TDH"):
        assert "bit 45" in str(caught.value)
    else:
        assert str(caught.value).startswith(problem)


def test_only_a_few_conflicts_are_told_and_all_are_recorded() -> None:
    model = MINIMAL
    for bit in range(32):
        model = model.wish(Field.parse(f"1.edx.{bit}"), 0)
    with pytest.raises(TdxtuiError) as caught:
        exported.exported(model)
    found = validated(exported.exported(model, allow_conflicts=True))["conflicts"]
    assert f"; and {len(found) - 3} more; --allow-conflicts" in str(caught.value)
    assert all("is wished 0 and is 1" in problem for problem in found)


def test_drift_tells_what_comes_out_otherwise(tmp_path: Path) -> None:
    module = tmp_path / "mine.toml"
    text = (library.DATA / "modules" / "1.5.06.toml").read_text(encoding="utf-8")
    module.write_text(text, encoding="utf-8")
    path = tmp_path / "x.toml"
    exported_text = exported.exported(replace(MINIMAL, module=str(module)))
    path.write_text(exported_text.replace('tool = "', 'tool = "0.0.'), encoding="utf-8")
    assert exported.drift(path)[0] == []
    assert [line.split(":")[0] for line in exported.drift(path)[1]] == ["tool"]
    path.write_text(exported_text.replace("max_vcpus = 1\n", "max_vcpus = 2\n", 1), encoding="utf-8")
    assert exported.drift(path)[0] == ["td_params.max_vcpus: 1 validated, 2 now"]
    path.write_text(exported_text.replace("hle = false", "mmx = false"), encoding="utf-8")
    assert exported.drift(path)[0] == ["new conflict: 1.edx.23 is wished 0 and is 1"]
    path.write_text(exported_text.replace('"1.ebx[23:16]" = "0x01"', "").replace("n_logical_cpu = 1", ""))
    assert exported.drift(path)[0] == [
        "cpuid_config 1 ebx: 0x00010000 validated, 0x00000000 now", "cpuid 1 ebx: 0x00010800 validated, 0x00000800 now",
    ]


def test_drift_of_a_module_that_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, path = tmp_path / "mine.toml", tmp_path / "x.toml"
    module.write_bytes((library.DATA / "modules" / "1.5.06.toml").read_bytes())
    path.write_text(exported.exported(replace(MINIMAL, module=str(module))), encoding="utf-8")
    module.write_bytes(module.read_bytes() + b"# changed\n")
    values, (line,) = exported.drift(path)
    assert values == []
    assert line.startswith("module.sha256: ") and len(line) < 80
    module.unlink()
    library._module_of.cache_clear()
    with pytest.raises(TdxtuiError, match="can't be read"):
        exported.drift(path)


def test_drift_wants_a_record() -> None:
    path = library.presets()["minimal"]
    with pytest.raises(TdxtuiError) as caught:
        exported.drift(path)
    assert str(caught.value) == f"{path}: validated: is missing; tdxtui export writes it"
