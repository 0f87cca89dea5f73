"""tdxtui fit, baseline and sources: what they print, write and exit with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tdxtui import cli, library, model_file
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import evaluate

WIDTH = 100
FITS = [
    ("fit", "qemu:SapphireRapids-v4", "-m", "1.5.06", "-p", "sapphire-rapids", "--kvm", "7.2", "--qemu", "10.2"),
    ("fit", "granite-rapids", "-m", "1.5.34", "--all"),
    ("fit", "qemu:DiamondRapids"),
    ("fit", "level:x86-64-v3", "-m", "1.5.34", "-p", "granite-rapids", "--prefer", "amx_tile", "--forbid", "pku"),
    ("baseline", "sapphire-rapids", "granite-rapids", "-m", "1.5.06", "-m", "2.0.18", "--all"),
    ("baseline", "sapphire-rapids", "emerald-rapids", "--cold", "--kvm", "7.2", "--qemu", "11.1"),
    ("sources",),
]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.commands, arguments)


@pytest.mark.parametrize("arguments", FITS, ids=" ".join)
def test_reports_fit_the_screen_and_are_the_same_every_time(arguments: tuple[str, ...]) -> None:
    first, second = run(*arguments), run(*arguments)
    assert first.exit_code == 0, first.exception
    assert first.stdout == second.stdout
    assert all(len(line) <= WIDTH and line == line.rstrip() for line in first.stdout.splitlines())


@pytest.mark.parametrize("arguments", FITS[:-1], ids=" ".join)
def test_the_written_model_is_commented_and_has_no_conflict(arguments: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    arguments = tuple(word for word in arguments if word != "--all")
    assert run(*arguments, "-q", "-o", str(file)).stdout == ""
    text = file.read_text()
    assert text.startswith("# The ")
    assert "# Made by: tdxtui" in text
    assert all(len(line) <= WIDTH for line in text.splitlines() if line.startswith("#"))
    model = model_file.load(file)
    platform = library.platform(model.platform) if model.platform else None
    assert evaluate(model, library.module(model.module), platform).conflict_count == 0


def test_a_model_on_standard_output_leaves_the_report_to_standard_error() -> None:
    result = run("fit", "level:x86-64-v2", "-p", "sapphire-rapids", "-o", "-")
    assert model_file.parse(result.stdout, "stdout").platform == "sapphire-rapids"
    assert "legal, no conflict" in result.stderr


def test_json_has_every_change_with_its_reason() -> None:
    found = json.loads(run("fit", "qemu:SapphireRapids-v4", "-p", "sapphire-rapids", "--json").stdout)
    assert found["conflicts"] == 0
    assert {"outcome", "field", "name", "wanted", "got", "because"} == set(found["changes"][0])
    pool = json.loads(run("baseline", "sapphire-rapids", "granite-rapids", "--json").stdout)
    assert pool["signature"] == 0x806F8
    assert pool["lost"][0]["lacking"][0]["host"] == "sapphire-rapids"


def test_what_cannot_be_met_exits_with_one_and_a_reason() -> None:
    result = run("fit", "level:x86-64-v1", "--require", "vmx")
    assert (result.exit_code, result.stdout) == (1, "--require vmx: 1.ecx.5 can't be 1 here: fixed to 0 (rule 1.10)\n")
    assert json.loads(run("fit", "level:x86-64-v1", "--forbid", "hypervisor", "--json").stdout)["unfit"]
    assert run("fit", "level:x86-64-v1", "--require", "vmx", "-q").stdout == ""


@pytest.mark.parametrize("arguments", [
    ("fit", "qemu:NoSuch"), ("fit", "level:x86-64-v1", "-m", "9.9"), ("fit", "level:x86-64-v1", "--require", "nosuch"),
    ("fit", "level:x86-64-v1", "--kvm", "1.0"), ("fit", "."), ("fit", "/dev/null"), ("baseline", "nowhere"),
    ("baseline", "."), ("baseline", "sapphire-rapids", "-m", "9.9"),
    ("fit", "level:x86-64-v1", "-o", "/no/such/x.toml"),
], ids=" ".join)
def test_bad_input_is_one_line(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, TdxtuiError), result.output
    assert str(result.exception).isprintable()
