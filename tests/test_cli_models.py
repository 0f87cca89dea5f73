"""The commands for model files: schema, new, fmt, export, drift."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tdxtui import cli, library, model_file, model_template
from tdxtui.errors import DataError, TdxtuiError
from tdxtui.evaluate import evaluate
from tdxtui.model_schema import json_schema
from tests import broken_models
from tests.model_texts import texts


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli.commands, arguments, input=stdin)


def output(*arguments: str, stdin: str | bytes | None = None) -> str:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.exception
    return result.stdout


def error(*arguments: str, stdin: str | bytes | None = None) -> str:
    result = run(*arguments, stdin=stdin)
    assert isinstance(result.exception, TdxtuiError), result.output
    assert str(result.exception).isprintable()
    return str(result.exception)


# -- schema --

SCHEMA = Draft202012Validator(json_schema())


def test_the_schema_is_one_and_says_what_it_is() -> None:
    printed = json.loads(output("schema"))
    Draft202012Validator.check_schema(printed)
    assert printed == json_schema()
    assert printed["title"] == "tdxtui vCPU model"
    assert all("description" in item for item in printed["properties"].values())
    names = printed["$defs"]["TdSettings"]["properties"]["xfam"]["items"]["anyOf"][0]["enum"]
    assert {"AVX512", "PKRU"} <= set(names)


@pytest.mark.parametrize("name", sorted(library.presets()))
def test_the_schema_takes_every_preset(name: str) -> None:
    text = library.presets()[name].read_text(encoding="utf-8")
    SCHEMA.validate(tomllib.loads(text))
    SCHEMA.validate(tomllib.loads(model_file.formatted(text, name)))
    SCHEMA.validate(tomllib.loads(output("export", name)))


@pytest.mark.parametrize("name", [
    "unknown-key-at-top", "unknown-key-in-td", "unknown-key-in-wish", "number-for-name", "number-for-table",
    "string-for-list", "number-in-list", "number-for-true", "tsc-between", "tsc-too-low", "no-vcpus",
    "unknown-attribute", "unknown-xfam", "bit-64", "mask-missing", "wish-as-number", "wish-without-0x", "format-0",
    "format-3", "field-as-true", "field-as-list", "validated-bad-digest", "validated-empty", "validated-unknown-key",
])
def test_the_schema_refuses_bad_documents(name: str) -> None:
    assert not SCHEMA.is_valid(tomllib.loads(broken_models.CASES[name][0]))


# -- new --

def test_a_new_model_is_commented_and_canonical_and_has_no_conflicts() -> None:
    text = output("new")
    assert text == model_template.TEMPLATE == model_file.formatted(text, "new")
    model = model_file.parse(text, "new")
    for version in library.files("modules"):
        assert not evaluate(model, library.module(version), library.platform(model.platform)).conflict_count


def test_what_the_comments_show_is_possible() -> None:
    lines = [line.removeprefix("# ") if " = " in line else line for line in model_template.TEMPLATE.splitlines()]
    model = model_file.parse("\n".join(lines), "new.toml")
    assert len(model.wishes) == 3 and model.arch_capabilities == 0 and model.description == "what it is for"


def test_a_new_file(here: Path) -> None:
    assert output("new", "web.toml", "--module", "1.5.34", "-p", "granite-rapids") == ""
    model = model_file.load(Path("web.toml"))
    assert (model.name, model.module, model.platform) == ("web", "1.5.34", "granite-rapids")
    assert error("new", "web.toml") == "web.toml: exists, and new replaces no file"
    assert error("new", "no/web.toml") == "no/web.toml: can't be written: No such file or directory"
    assert [path.name for path in here.iterdir()] == ["web.toml"]


def test_a_new_file_from_a_preset_or_file_changes_only_what_is_given(here: Path) -> None:
    preset = library.presets()["minimal"].read_text(encoding="utf-8")
    assert output("new", "--from", "minimal") == preset
    output("new", "web.toml", "--from", "minimal", "--name", "web", "--module", "1.5.34", "--platform", "none")
    expected = preset.replace('"minimal"', '"web"').replace('"1.5.06"', '"1.5.34"')
    assert Path("web.toml").read_text(encoding="utf-8") == expected.replace('platform = "sapphire-rapids"\n', "")
    assert output("new", "--from", "web.toml") == Path("web.toml").read_text(encoding="utf-8")


def test_new_says_what_it_does_not_know(here: Path) -> None:
    assert error("new", "--from", "minimum").startswith("there is no file or preset 'minimum'; presets are ")
    assert error("new", "--module", "1.6").startswith("there is no module '1.6'; known are ")
    assert error("new", "x.toml", "--platform", "atom").startswith("there is no platform 'atom'; known are ")
    assert not list(here.iterdir())


# -- fmt --

UGLY = '[features]\nAVX=true # a\n[td]\nxfam=["sse","x87"]\n'
PRETTY = 'format = 2\n\n[td]\nxfam = ["X87", "SSE"]\n\n[features]\navx = true # a\n'


def test_fmt_writes_what_changes_and_names_it(here: Path) -> None:
    Path("a.toml").write_text(UGLY, encoding="utf-8")
    Path("b.toml").write_text(PRETTY, encoding="utf-8")
    assert output("fmt", "a.toml", "b.toml") == "a.toml\n"
    assert Path("a.toml").read_text(encoding="utf-8") == PRETTY
    assert output("fmt", "a.toml", "b.toml") == ""
    assert sorted(path.name for path in here.iterdir()) == ["a.toml", "b.toml"]


def test_fmt_check_and_diff_change_nothing(here: Path) -> None:
    Path("a.toml").write_text(UGLY, encoding="utf-8")
    Path("b.toml").write_text(PRETTY, encoding="utf-8")
    result = run("fmt", "--check", "a.toml", "b.toml")
    assert (result.exit_code, result.stdout) == (1, "a.toml\n")
    assert run("fmt", "--check", "b.toml").exit_code == 0
    lines = output("fmt", "--diff", "a.toml", "b.toml").splitlines()
    assert lines[:2] == ["--- a.toml", "+++ a.toml (formatted)"] and "+avx = true # a" in lines
    assert Path("a.toml").read_text(encoding="utf-8") == UGLY


def test_fmt_of_standard_input() -> None:
    assert output("fmt", "-", stdin=UGLY) == PRETTY
    assert output("fmt", "-", stdin=b"\xef\xbb\xbf" + UGLY.replace("\n", "\r\n").encode()) == PRETTY
    assert error("fmt", "-", stdin="nam = 1") == "standard input: nam: is not a key of this table"
    assert error("fmt", "-", stdin=b"\xff") == "standard input: byte 0: is not UTF-8 text"


@given(texts())
@settings(max_examples=20, deadline=None, derandomize=True)
def test_fmt_is_content_with_its_own_output(text: str) -> None:
    once = output("fmt", "-", stdin=text.encode())
    assert output("fmt", "-", stdin=once) == once


# -- export and drift --

def test_export_and_drift(here: Path) -> None:
    assert output("export", "minimal", "-o", "out.toml", "-m", "1.5.34", "-p", "granite-rapids") == ""
    assert Path("out.toml").read_text(encoding="utf-8") == output(
        "export", "minimal", "-m", "1.5.34", "--platform", "granite-rapids"
    )
    assert output("drift", "out.toml") == ""
    text = Path("out.toml").read_text(encoding="utf-8")
    Path("out.toml").write_text(text.replace("tsc_mhz = 2600", "tsc_mhz = 2500"), encoding="utf-8")
    result = run("drift", "out.toml")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == "td_params.tsc_frequency: 104 validated, 100 now"


def test_drift_of_what_is_no_model(here: Path) -> None:
    assert error("drift", "no.toml") == "no.toml: can't be read: No such file or directory"
    Path("w.toml").write_text("[validated]", encoding="utf-8")
    with pytest.raises(DataError):
        model_file.load(Path("w.toml"))
    assert error("drift", "w.toml") == "w.toml: validated.tool: is missing (and 5 more)"


@pytest.mark.parametrize("text", ["", " \n\n", "\ufeff"])
def test_an_empty_file_is_not_put_in_form(tmp_path: Path, text: str) -> None:
    path = tmp_path / "web.toml"
    path.write_text(text, encoding="utf-8")
    found = CliRunner().invoke(cli.commands, ["fmt", str(path)])
    assert str(found.exception) == f"{path}: is empty" and path.read_text(encoding="utf-8") == text
