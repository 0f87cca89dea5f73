"""The command line: what it prints, how it fails, and what it doesn't load."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from tdxtui import classify, cli, library, provenance
from tdxtui.cli.group import COMMANDS

MODULES = list(library.files("modules"))
REQUEST = {"id": 1, "module": "1.5.06", "platform": "sapphire-rapids", "params": {"tsc_frequency": "50"}}


class Result:
    """What a call of the command line did."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def lines(self) -> list[str]:
        """The lines of standard output."""
        return self.out.splitlines()

    def failed_with(self, *words: str) -> bool:
        """Whether it failed in one line that has these words."""
        whole = self.err.startswith("tdxtui: ") and self.err.count("\n") == 1 and self.err.endswith("\n")
        return self.status == 2 and not self.out and whole and all(word in self.err for word in words)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call the command line in this process, with a text on standard input."""

    def call(*arguments: str, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            cli.main(list(arguments))
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Result(ended.value.code, captured.out, captured.err)

    return call


def python(code: str, **environment: str) -> Result:
    """Run Python code in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=os.environ | environment
    )
    return Result(done.returncode, done.stdout, done.stderr)


# -- lists --


def test_modules(run: Any) -> None:
    result = run("modules")
    assert result.status == 0 and not result.err
    assert [line.split()[0] for line in result.lines] == ["module", *MODULES]
    assert [line.split()[1] for line in result.lines[1:4]] == ["run"] * 3
    assert all(len(line) <= 100 for line in result.lines)


def test_modules_as_json(run: Any) -> None:
    found = json.loads(run("modules", "--json").out)
    assert [row["name"] for row in found] == MODULES
    for row in found:
        assert row["evidence"] in ("run", "read", "partial") and row["source"] and Path(row["file"]).is_file()
        assert not row["inferred"] or row["evidence"] != "run"
        assert row["entries"] == len(library.module(row["name"]).entries)


def test_platforms(run: Any) -> None:
    result = run("platforms")
    assert result.status == 0 and not result.err
    assert [line.split()[0] for line in result.lines] == ["platform", *library.files("platforms"), "none"]
    assert all("9 of 9" in line for line in result.lines[1:]) and all(len(line) <= 100 for line in result.lines)


def test_platforms_as_json(run: Any) -> None:
    found = json.loads(run("platforms", "--json").out)
    assert [row["name"] for row in found] == [*library.files("platforms"), "none"]
    assert found[-1]["file"] is None and found[2]["family_model_stepping"] == "806f8"
    assert all(row["accepted_by"] == MODULES and row["refused_by"] == {} for row in found)
    assert all(row["notes"] and row["source"] for row in found[:-1])


def test_a_platform_that_is_refused_is_listed_with_the_reason(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = library.files("platforms")["sapphire-rapids"].read_text(encoding="utf-8")
    folder = tmp_path / "tdxtui" / "platforms"
    folder.mkdir(parents=True)
    old = next(line for line in source.splitlines() if line.startswith('"80000008"'))
    (folder / "odd.toml").write_text(source.replace(old, ""), encoding="utf-8")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    lines = run("platforms").lines
    at = next(number for number, line in enumerate(lines) if line.startswith("odd "))
    assert "0 of 9" in lines[at] and lines[at + 1].startswith("    not 1.5.01: TDH.SYS.INIT: ")
    assert all(len(line) <= 100 for line in lines)
    assert run("bits", "-m", "1.5.06", "-p", "odd").failed_with("module 1.5.06 refuses platform odd: TDH.SYS.INIT")


# -- bits --


@pytest.mark.parametrize("arguments", [
    [], ["--platform", "granite-rapids"], ["--xfam", "0x3", "--attributes", "0"],
    ["--platform", "sapphire-rapids", "--xfam", "e7", "--attributes", "0x8000000000000000"],
])
def test_bits_as_json_are_the_rows_of_classify(run: Any, arguments: list[str]) -> None:
    result = run("bits", "-m", "1.5.34", *arguments, "--json")
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    words = [int(given[name], 16) if name in given else None for name in ("--xfam", "--attributes")]
    assert json.loads(result.out) == classify.rows("1.5.34", given.get("--platform"), *words)
    assert result.status == 0 and not result.err


def test_bits_as_csv(run: Any) -> None:
    rows = classify.rows("1.5.06", "sapphire-rapids", 0xE7)
    result = run("bits", "-m", "1.5.06", "-p", "sapphire-rapids", "--xfam", "0xe7", "--csv")
    read = list(csv.DictReader(io.StringIO(result.out)))
    assert result.lines[0] == "leaf,subleaf,register,msb,lsb,name,class,gates,group,value,inferred"
    assert len(read) == len(rows)
    for row, cells in zip(rows, read, strict=True):
        expected = {key: "" if value is None else str(value) for key, value in row.items()}
        assert cells == expected | {"gates": " ".join(row["gates"]), "inferred": str(row["inferred"]).lower()}


@pytest.mark.parametrize("version", MODULES)
def test_bits_as_a_table(run: Any, version: str) -> None:
    result = run("bits", "-m", version, "-p", "granite-rapids")
    rows = classify.rows(version, "granite-rapids")
    assert all(len(line) <= 100 and line == line.rstrip() for line in result.lines)
    starts = [number for number, line in enumerate(result.lines) if number and not line.startswith(" ")]
    assert len(starts) == len(rows)
    for row, start, end in zip(rows, starts, [*starts[1:], len(result.lines)], strict=True):
        words = " ".join(result.lines[start:end]).split()
        assert (row["class"] in words and row["name"] in words) or not row["name"]
        assert words[len(words) - len(row["gates"]) :] == row["gates"]


def test_bits_of_no_platform_and_of_a_file(run: Any) -> None:
    assert run("bits", "-m", "1.5.06").out == run("bits", "-m", "1.5.06", "-p", "none").out
    file = str(library.files("modules")["1.5.06"])
    assert run("bits", "--module", file).out == run("bits", "-m", "1.5.06").out


def test_files_with_unusual_names(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for kind, name in (("modules", "1.5.06"), ("platforms", "granite-rapids")):
        target = tmp_path / "Ordner mit Ümläuten 模块" / f"{kind} ✓.toml"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(library.files(kind)[name].read_bytes())
    names = [f"Ordner mit Ümläuten 模块/{kind} ✓.toml" for kind in ("modules", "platforms")]
    expected = run("bits", "-m", "1.5.06", "-p", "granite-rapids", "--json").out
    assert run("bits", "-m", names[0], "-p", names[1], "--json").out == expected
    assert run("bits", "-m", "Ümläute/模块.toml").failed_with("Ümläute/模块.toml: can't be read: No such file")


def test_the_modules_of_the_user_come_first(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tdxtui" / "modules"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_bytes(library.files("modules")["1.5.01"].read_bytes())
    (folder / "1.5.34.toml").write_bytes(library.files("modules")["1.5.01"].read_bytes())
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert [row["name"] for row in json.loads(run("modules", "--json").out)] == [*MODULES, "mine"]
    expected = run("bits", "-m", "1.5.01", "--csv").out
    assert run("bits", "-m", "mine", "--csv").out == expected == run("bits", "-m", "1.5.34", "--csv").out


# -- failures --


@pytest.mark.parametrize(("arguments", "words"), [
    (["bits"], ["--module"]),
    (["bits", "-m"], ["-m", "requires an argument"]),
    (["bits", "-m", "1.5.99"], ["no module '1.5.99'", *MODULES]),
    (["bits", "-m", ""], ["no module ''"]),
    (["bits", "-m", "1.5.06", "-p", "z80"], ["no platform 'z80'", "granite-rapids"]),
    (["bits", "-m", "nope.toml"], ["nope.toml: can't be read: No such file or directory"]),
    (["bits", "-m", "1.5.06", "-p", "./nope.toml"], ["nope.toml: can't be read"]),
    (["bits", "-m", "."], ["no module '.'"]),
    (["bits", "-m", "./"], ["can't be read: Is a directory"]),
    (["bits", "-m", "1.5.06", "--xfam", "zz"], ["--xfam: 'zz' is none of AVX512, CET"]),
    (["bits", "-m", "1.5.06", "--xfam", ""], ["--xfam: ''"]),
    (["bits", "-m", "1.5.06", "--xfam", "-1"], ["--xfam: '-1'"]),
    (["bits", "-m", "1.5.06", "--xfam", "e_7"], ["--xfam: 'e_7'"]),
    (["bits", "-m", "1.5.06", "--attributes", "0x10000000000000000"], ["--attributes: ", "64 bits"]),
    (["bits", "-m", "1.5.06", "--json", "--csv"], ["--json and --csv"]),
    (["bits", "-m", "1.5.06", "--nope"], ["--nope"]),
    (["bits", "1.5.06", "-m", "1.5.06"], ["unexpected extra argument"]),
    (["modules", "--nope"], ["--nope"]),
    (["modules", "extra"], ["unexpected extra argument"]),
    (["platforms", "--csv"], ["--csv"]),
    (["resolve"], ["--jsonl"]),
    (["guest", "--json"], ["--json"]),
    (["open", "a", "b"], ["unexpected extra argument"]),
    (["open", "--nope"], ["--nope"]),
    (["--nope"], ["--nope"]),
    (["--nope\x1b[31m"], ["--nope\\x1b[31m"]),
    ([], ["the screen needs a terminal"]),
    (["nosuchthing"], ["the screen needs a terminal"]),
    (["chek", "minimal"], ["there is no command or model 'chek'; did you mean check?"]),
    (["wyh"], ["did you mean why?"]),
    (["open"], ["the screen needs a terminal"]),
])
def test_a_mistake_is_told_in_one_line(run: Any, arguments: list[str], words: list[str]) -> None:
    result = run(*arguments)
    assert result.failed_with(*words), (result.status, result.err)


def test_a_broken_file_of_the_user_is_named(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tdxtui" / "modules"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text("version = 7\n", encoding="utf-8")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    listed = run("modules")
    assert listed.status == 2 and listed.err == ""
    assert any(line.startswith("mine ") and "mine.toml: " in line for line in listed.lines)
    assert any(line.startswith("1.5.06 ") for line in listed.lines)
    assert run("platforms").status == 0
    assert run("bits", "-m", "mine").failed_with("mine.toml: ")
    assert run("bits", "-m", "1.5.06", "--json").status == 0


def test_a_long_mistake_is_cut(run: Any) -> None:
    assert run("bits", "-m", "x" * 5000).failed_with("no module") and len(run("bits", "-m", "x" * 5000).err) < 600


@pytest.mark.parametrize("arguments", [["bits", "-m", "1.5.34", "--json"], ["resolve", "--jsonl"]])
def test_a_reader_that_leaves_is_no_error(tmp_path: Path, arguments: list[str]) -> None:
    # More output than a pipe holds, so that the program is still writing when its reader leaves.
    requests = tmp_path / "requests.jsonl"
    requests.write_text((json.dumps(REQUEST) + "\n") * 100, encoding="utf-8")
    # Python tells nobody of a write that is cut short if its output is unbuffered.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    words = [sys.executable, "-m", "tdxtui", *arguments]
    with requests.open("rb") as stdin:
        process = subprocess.Popen(
            words, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        )
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 141 and process.stderr.read() == b""
        process.stderr.close()


def test_a_full_disk_is_told() -> None:
    with Path("/dev/full").open("wb") as full:
        words = [sys.executable, "-m", "tdxtui", "modules"]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
    assert Result(done.returncode, "", done.stderr).failed_with("No space left on device")


def test_closed_streams_are_told() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" -m tdxtui modules >&- <&-', sys.executable], stderr=subprocess.PIPE, text=True
    )
    assert Result(done.returncode, "", done.stderr).failed_with("standard input or output is closed")


def test_an_interrupt_is_silent(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tdxtui.listing.modules", interrupted)
    result = run("modules")
    assert (result.status, result.out, result.err.strip()) == (130, "", "")


# -- streams --


@pytest.mark.parametrize("command", ["resolve", "guest"])
def test_a_stream_answers_line_by_line_in_order(run: Any, command: str) -> None:
    requests = [REQUEST | {"id": number} for number in (3, 1, "two", None, {"a": [1]})]
    text = "\n".join(json.dumps(request) for request in requests)
    result = run(command, "--jsonl", stdin=f"\n  \n{text}\r\n\n".encode())
    answers = [json.loads(line) for line in result.lines]
    assert [answer["id"] for answer in answers] == [request["id"] for request in requests]
    assert all(answer["status"] == "TDX_SUCCESS" for answer in answers)
    assert result.status == 0 and not result.err


@pytest.mark.parametrize("command", ["resolve", "guest"])
def test_a_bad_line_is_answered_and_the_stream_goes_on(run: Any, command: str) -> None:
    lines = [b"{", b"[]", b'{"id": 7, "module": "9"}', b"\xff\xfe", json.dumps(REQUEST).encode(), b"nonsense"]
    result = run(command, "--jsonl", stdin=b"\n".join(lines))
    answers = [json.loads(line) for line in result.lines]
    assert [set(answer) == {"id", "error"} for answer in answers] == [True, True, True, True, False, True]
    assert answers[2]["id"] == 7 and "no module '9'" in answers[2]["error"]
    assert all("\n" not in answer["error"] for answer in answers if "error" in answer)
    assert answers[4]["status"] == "TDX_SUCCESS" and result.status == 2 and not result.err


def test_a_refused_td_is_no_mistake(run: Any) -> None:
    result = run("resolve", "--jsonl", stdin=json.dumps(REQUEST | {"xfam": "4"}).encode())
    assert json.loads(result.out)["status"] == "TDX_OPERAND_INVALID" and result.status == 0


def test_0x_is_accepted(run: Any) -> None:
    plain = REQUEST | {"xfam": "e7", "attributes": "40000000", "config": {"7.0": "0" * 32}}
    prefixed = REQUEST | {"xfam": "0xE7", "attributes": "0x40000000", "params": {"tsc_frequency": "0x50"}}
    answers = [run("resolve", "--jsonl", stdin=json.dumps(request).encode()).out for request in (plain, prefixed)]
    assert answers[0] == answers[1] and '"TDX_SUCCESS"' in answers[0]


def test_a_guest_answers_each_probe(run: Any) -> None:
    probes = [{"leaf": "1", "subleaf": "0"}, {"leaf": "2"}, {"leaf": "0x1", "cr4": "0x40000"}]
    result = run("guest", "--jsonl", stdin=json.dumps(REQUEST | {"exit": probes}).encode())
    answer = json.loads(result.out)
    assert [probe["ve"] for probe in answer["exit"]] == [False, True, False]
    osxsave = [int(probe["v"][16:24], 16) >> 27 & 1 for probe in answer["exit"] if not probe["ve"]]
    assert osxsave == [0, 1]


def test_an_empty_stream(run: Any) -> None:
    result = run("resolve", "--jsonl")
    assert (result.status, result.out, result.err) == (0, "", "")


# -- help --


@pytest.mark.parametrize("command", ["", *COMMANDS])
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(run: Any, command: str, option: str) -> None:
    result = run(*filter(None, [command]), option)
    assert result.status == 0 and not result.err
    assert result.lines[0].startswith(f"Usage: tdxtui {command}".strip())
    assert all(len(line) <= 100 for line in result.lines)
    found = cli.commands.get_command(click.Context(cli.commands), command) if command else cli.commands
    assert found is not None
    for parameter in found.params:
        assert all(option in result.out for option in parameter.opts if isinstance(parameter, click.Option))
        assert not isinstance(parameter, click.Option) or parameter.help


def test_help_lists_every_command(run: Any) -> None:
    text = run("--help").out
    assert all(f"\n  {name} " in text for name in COMMANDS)


def test_version(run: Any) -> None:
    result = run("--version")
    assert result.lines[0] == f"tdxtui {cli.version()}" and result.status == 0
    assert all(version in result.out for version in MODULES) and f"data {provenance.digest()[:12]}: " in result.out


# -- what isn't loaded --


HEAVY = "textual", "rich", "pydantic", "tomli_w", "asyncio"


@pytest.mark.parametrize("arguments", [
    ["bits", "-m", "1.5.06", "-p", "sapphire-rapids", "--json"], ["bits", "-m", "1.5.34"], ["modules"], ["platforms"],
    ["resolve", "--jsonl"], ["--help"], ["--version"],
])
def test_no_command_loads_what_only_the_screen_needs(arguments: list[str]) -> None:
    result = python(f"""
import sys
sys.stdin = open("/dev/null")
sys.stdout = open("/dev/null", "w")
from tdxtui import cli
try:
    cli.main({arguments!r})
except SystemExit as ended:
    print(ended.code, *sorted({{name.partition(".")[0] for name in sys.modules}} & {{*{HEAVY!r}}}), file=sys.stderr)
""")
    assert result.err == "0\n"


def test_nothing_outside_the_screen_loads_textual() -> None:
    result = python("""
import importlib, pkgutil, sys
sys.modules["textual"] = sys.modules["rich"] = None
import tdxtui
for module in pkgutil.walk_packages(tdxtui.__path__, "tdxtui."):
    if not module.name.startswith("tdxtui.tui") and module.name != "tdxtui.__main__":
        importlib.import_module(module.name)
        print(module.name)
""")
    assert result.status == 0, result.err
    assert {"tdxtui.editor", "tdxtui.listing", "tdxtui.protocol", "tdxtui.cli"} <= set(result.lines)


def test_the_editor_needs_no_screen() -> None:
    result = python("""
import sys
from tdxtui import library
from tdxtui.cpuid import Field
from tdxtui.editor import Editor
from tdxtui.model import VcpuModel
editor = Editor(VcpuModel("x"), library.module("1.5.06"), library.platform("sapphire-rapids"))
print(editor.toggle(Field.parse("1.ecx.3")).message, "textual" in sys.modules, "pydantic" in sys.modules)
""")
    assert result.out.startswith("CPUID_CONFIG 1.ecx.3 = 1: ") and result.out.endswith(" changed False False\n")


def test_nothing_is_loaded_before_an_interrupt_would_be_caught() -> None:
    code = "import sys; before = {*sys.modules}; import tdxtui.start; print(*sorted({*sys.modules} - before))"
    said = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(said) <= {"gc", "tdxtui", "tdxtui.start"}


def test_xfam_and_attributes_may_be_given_by_name(run: Any) -> None:
    by_name = run("bits", "-m", "1.5.06", "--xfam", "X87,sse,AVX", "--attributes", "PKS", "--csv")
    in_hex = run("bits", "-m", "1.5.06", "--xfam", "7", "--attributes", "0x40000000", "--csv")
    assert by_name.out == in_hex.out and "avx" in by_name.out
