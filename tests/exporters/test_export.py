"""Exports in general: what each says of itself, what is refused, what is lost."""

from __future__ import annotations

import ast
import json
import os
import tomllib
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings

from tdxtui import api, cli, exported, exporters, library, model_file
from tdxtui.cpuid import Field
from tdxtui.errors import TdxtuiError
from tdxtui.exporters import FORMATS, Conflicting, Options, export, export_module
from tdxtui.exporters.result import Format
from tdxtui.model import VcpuModel
from tests.exporters.models import CONFLICTING, MINIMAL, MODULES, PRESET, legal_models

OF_MODELS = [name for name, found in FORMATS.items() if not found.of_module]
OF_MODULES = [name for name, found in FORMATS.items() if found.of_module]
WHOLE = ("toml", "json", "markdown", "html")  # formats that hold everything
TELLING = [name for name in OF_MODELS if not FORMATS[name].silent]

VERSION = cli.version()
EXAMPLES = 200 if os.environ.get("TDXTUI_THOROUGH") else 6


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.commands, arguments)


def text(name: str, model: VcpuModel = PRESET, **options: object) -> str:
    found = export(model, name, Options(**options)).content  # type: ignore[arg-type]
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize("name", TELLING)
def test_an_export_names_tool_model_module_platform_and_verdict(name: str) -> None:
    found = text(name)
    for word in (f"tdxtui {VERSION}", "kvm-sapphire-rapids", "1.5.06", "sapphire-rapids", "run"):
        assert word in found or word.removeprefix("tdxtui ") in found
    assert '"valid": true' in found if name == "json" else name == "toml" or "as the model wishes" in found


@pytest.mark.parametrize("name", OF_MODELS)
def test_a_conflicting_model_is_refused_unless_that_is_asked_for(name: str) -> None:
    with pytest.raises(Conflicting, match=r"^bad: 1\.ecx\.2 is wished 0 and is 1; --allow-conf"):
        export(CONFLICTING, name)
    found = export(CONFLICTING, name, Options(allow_conflicts=True)).content
    if name in TELLING:
        assert isinstance(found, str)
        said = ("1.ecx.2 is wished 0 and is 1", "conflict | module | `1.ecx.2` |", "ECX[2] dtes64: 0 is wished")
        assert any(words in found for words in said)
        told = {"json": '"valid": false', "toml": "conflicts = [", "markdown": "**conflicts**",
                "html": "NOT VALIDATED, exported with 1 conflict<"}
        assert told.get(name, "NOT VALIDATED, exported with 1 conflict:") in found


@pytest.mark.parametrize("name", [name for name in TELLING if name not in WHOLE])
def test_what_is_lost_stands_in_the_text(name: str) -> None:
    model = replace(PRESET, num_l2_vms=1, arch_capabilities=0, mrowner=bytes(48), platform="")
    found = export(model, name, Options(allow_conflicts=True))
    assert all(line.replace("--", "- -") in str(found.content).replace("--", "- -") for line in found.losses)
    assert found.losses or name in ("td-params",)


def test_nothing_is_lost_where_the_format_holds_everything() -> None:
    for name in (*WHOLE, "td-params"):
        assert export(PRESET, name).losses == ()


def test_without_a_cpu_it_is_said_that_bits_are_not_known() -> None:
    model = replace(MINIMAL, platform="")
    for name in ("c", "cpuid", "kvm-cpuid2", "firecracker", "lkvs", "kvm-unit-tests"):
        assert any("bits depend on the CPU" in line for line in export(model, name).losses), name
    assert "validated without a CPU: what depends on the CPU is not known" in text("qemu", model)


def test_what_a_named_vmm_refuses_is_not_called_validated() -> None:
    pmu = model_file.load(library.presets()["full-sapphire-rapids"])
    for name in ("qemu", "markdown"):
        assert "but KVM 7.2 would refuse it" in text(name, pmu, kvm="7.2")
        assert "validated: the TD comes out as the model wishes" in text(name, pmu)
        assert "validated: the TD comes out as the model wishes" in text(name, PRESET, kvm="7.2")


@given(legal_models())
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
def test_every_legal_model_has_every_export(model: VcpuModel) -> None:
    """Names of models with every kind of sign in them can't end a comment or a cell."""
    for name in OF_MODELS:
        assert len(export(model, name).data) > 300
    ET.fromstring(text("libvirt", model))
    json.loads(text("json", model))
    json.loads(text("firecracker", model))
    tomllib.loads(text("kata", model))
    assert text("c", model).count("*/\n#ifndef") == 1


@given(legal_models())
@settings(max_examples=12, deadline=None, derandomize=True)
def test_the_toml_is_the_model(model: VcpuModel) -> None:
    assert model_file.parse(text("toml", model), "x.toml") == model


def test_a_situation_is_exported_as_its_model_and_twice_the_same() -> None:
    for name in OF_MODELS:
        assert export(exported.situation_of(PRESET), name).data == export(PRESET, name).data


def test_a_situation_on_another_module_names_that_one() -> None:
    model = replace(PRESET, module="1.5.34", platform="granite-rapids")
    elsewhere = replace(exported.situation_of(model), model=PRESET)
    assert "module 1.5.34" in str(export(elsewhere, "cpuid", Options(allow_conflicts=True)).content)
    assert 'module = "1.5.34"' in str(export(elsewhere, "toml", Options(allow_conflicts=True)).content)


@pytest.mark.parametrize("name", OF_MODULES)
@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_exports(name: str, module: str) -> None:
    found = export_module(library.module(module), name)
    assert found.data and (FORMATS[name].binary or f"TDX module {module}" in str(found.content))


def test_what_is_asked_of_the_wrong_thing_is_told() -> None:
    with pytest.raises(TdxtuiError, match="fixed-bits is made of a module, not of a model"):
        export(MINIMAL, "fixed-bits")
    with pytest.raises(TdxtuiError, match="qemu is made of a model; name one"):
        export_module(library.module("1.5.06"), "qemu")
    with pytest.raises(TdxtuiError, match="'qmeu' is unknown; did you mean qemu"):
        exporters.format_of("qmeu")
    with pytest.raises(TdxtuiError, match="names no module"):
        export(replace(MINIMAL, module=""), "qemu")
    with pytest.raises(TdxtuiError, match=r"there is no QEMU layer '9\.0'; known are 10\.2, 11\.1"):
        export(MINIMAL, "qemu", Options(qemu="9.0"))


def test_each_format_has_a_file_and_says_how_it_was_tried() -> None:
    for name, found in FORMATS.items():
        assert isinstance(found, Format) and found.name == name and found.evidence and found.title
        source = Path(exporters.__file__).with_name(f"{found.file}.py").read_text(encoding="utf-8")
        assert any(isinstance(item, ast.FunctionDef) and item.name == "write" for item in ast.parse(source).body)


def test_the_page_says_all_of_td_params_and_counts_each_conflict_once() -> None:
    model = replace(MINIMAL, mrowner=bytes(range(48)), num_l2_vms=2, arch_capabilities=0x800)
    page = text("html", model, allow_conflicts=True)
    for said in (f"<dt>MROWNER</dt><dd>{bytes(range(48)).hex()}</dd>", "<dt>NUM_L2_VMS</dt><dd>2</dd>",
                 "<dt>IA32_ARCH_CAPABILITIES_CONFIG</dt><dd>0x800</dd>"):
        assert said in page
    missing = MINIMAL.wish(Field.parse("77.0.eax[1:0]"), 3)
    page = text("html", missing, allow_conflicts=True)
    assert '<p class="bad">1 conflict</p>' in page and "NOT VALIDATED, exported with 1 conflict<" in page


# -- the command --


def test_the_command_writes_a_file_and_tells_losses_of_binary_formats(tmp_path: Path) -> None:
    target = tmp_path / "x.bin"
    result = run("export", "minimal", "--to", "kvm-tdx-init-vm", "-o", str(target))
    assert result.exit_code == 0 and "lost: tsc_mhz = " in result.stderr
    assert target.read_bytes() == export(MINIMAL, "kvm-tdx-init-vm").data
    assert run("export", "minimal", "--to", "td-params", "-o", str(target)).stderr.splitlines() == [
        f"tdxtui {VERSION}: model minimal", "module 1.5.06 (evidence: run), platform sapphire-rapids",
        "validated: the TD comes out as the model wishes",
    ]


def test_the_text_of_cpuid_says_in_short_where_it_is_from() -> None:
    first = text("cpuid").splitlines()[0]
    assert first == f"CPU 0: validated, tdxtui {VERSION} kvm-sap...rapids module 1.5.06 platform sapphire-rapids"
    start = f"CPU 0: NOT VALIDATED, tdxtui {VERSION} bad module"
    assert text("cpuid", CONFLICTING, allow_conflicts=True).startswith(start)
    long = replace(PRESET, name="x" * 1000)
    assert all(len(line) <= 86 for line in text("cpuid", long).splitlines())


def test_strict_makes_losses_a_finding(tmp_path: Path) -> None:
    assert run("export", "kvm-sapphire-rapids", "--to", "qemu").exit_code == 0
    result = run("export", "kvm-sapphire-rapids", "--to", "qemu", "--strict")
    assert result.exit_code == 1 and "lost: CPUID.01H: n_logical_cpu" in result.stderr
    assert result.stdout == text("qemu")
    path = tmp_path / "plain.toml"
    path.write_text(model_file.dumps(MINIMAL.wish(Field.parse("1.ebx[23:16]"), None)), encoding="utf-8")
    result = run("export", str(path), "--to", "qemu", "--strict")
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_conflict_is_a_finding_too(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(model_file.dumps(CONFLICTING), encoding="utf-8")
    result = run("export", str(path), "--to", "qemu")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "tdxtui: bad: 1.ecx.2 is wished 0 and is 1; --allow-conflicts exports it all the same\n"
    assert "NOT VALIDATED" in run("export", str(path), "--to", "qemu", "--allow-conflicts").stdout


@pytest.mark.parametrize(("arguments", "message"), [
    (("minimal", "--to", "xml"), "format 'xml' is "),
    (("--to", "qemu"), "which model? Name a file or a preset"),
    (("--to", "fixed-bits"), "fixed-bits is made of a module: tdxtui export --module VERSION --to fixed-bits"),
    (("minimal", "--module", "1.5.06", "--to", "fixed-bits"), "fixed-bits is made of a module"),
    (("minimal", "--to", "cpuid", "--qemu", "11.1"), "--qemu means nothing to cpuid"),
    (("minimal", "--guest"), "--guest means nothing to toml"),
    (("minimal", "--to", "qemu", "--kvm", "6"), "there is no KVM layer '6'"),
    (("nothing", "--to", "qemu"), "there is no source 'nothing'; presets and CPUs are"),
])
def test_what_the_command_can_not_do_is_one_line(arguments: tuple[str, ...], message: str) -> None:
    result = run("export", *arguments)
    assert isinstance(result.exception, TdxtuiError)
    assert str(result.exception).startswith(message)


def test_the_list_of_formats_says_what_was_tried() -> None:
    lines = run("export", "--formats").stdout.splitlines()
    assert [line.split()[0] for line in lines[::2]] == list(FORMATS)
    assert all(len(line) <= 100 for line in lines)


def test_a_wish_that_is_no_feature_of_qemu_is_lost_with_its_field() -> None:
    model = MINIMAL.wish(Field.parse("1.ebx[23:16]"), 0)
    assert "CPUID.01H: n_logical_cpu: QEMU 11.1 has no switch and decides by itself" in export(model, "qemu").losses


QEMU = "qemu-system-x86_64 -cpu host,-avx512f -object tdx-guest,id=tdx0\n"


def test_what_can_be_imported_can_be_exported_as_it_is(tmp_path: Path) -> None:
    """A configuration that leaves bits to its host has them from the CPU that is given."""
    path = tmp_path / "web.sh"
    path.write_text(QEMU)
    model = tmp_path / "web.toml"
    assert run("import", str(path), "-p", "granite-rapids", "-o", str(model)).exit_code == 0
    result = run("export", str(path), "-p", "granite-rapids", "--to", "td-params", "-o", str(tmp_path / "a"))
    assert result.exit_code == 0 and "What isn't named here is what granite-rapids has" in result.stderr
    assert run("export", str(model), "--to", "td-params", "-o", str(tmp_path / "b")).exit_code == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert 'platform = "granite-rapids"' in run("export", str(path), "-p", "granite-rapids").stdout


def test_a_cpu_that_is_a_file_keeps_its_name(tmp_path: Path) -> None:
    """So that [validated] has the digest of that file, for a model, a name or a situation."""
    cpu = tmp_path / "my-host.toml"
    cpu.write_text(library.platform_path("granite-rapids").read_text(encoding="utf-8"), encoding="utf-8")
    there = exported.situation_of(replace(MINIMAL, platform=str(cpu)))
    texts = {
        api.export("minimal", "toml", platform=str(cpu)).data, api.export(MINIMAL, "toml", platform=str(cpu)).data,
        api.export(there, "toml").data, run("export", "minimal", "-p", str(cpu)).stdout.encode(),
    }
    assert len(texts) == 1
    assert tomllib.loads(texts.pop().decode())["validated"]["platform"]["name"] == str(cpu)
