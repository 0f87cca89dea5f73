"""`tdxtui check`, `query` and `completion` on the command line."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tdxtui import cli, library
from tdxtui.cli.group import COMMANDS
from tdxtui.cli.output import painted
from tdxtui.errors import TdxtuiError
from tests.documents import ROOT

THOROUGH = bool(os.environ.get("TDXTUI_THOROUGH"))
SPR = ("-m", "1.5.06", "-p", "sapphire-rapids")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.commands, arguments)


def rows(*arguments: str) -> list[dict[str, Any]]:
    done = run(*arguments, "--json")
    assert done.exit_code in (0, 1), done.output
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def error(*arguments: str) -> str:
    done = run(*arguments)
    assert isinstance(done.exception, TdxtuiError), done.output
    return str(done.exception)


@pytest.fixture
def batch(tmp_path: Path) -> list[str]:
    """Models that differ in a few bits, some with conflicts."""
    text = library.presets()["kvm-sapphire-rapids"].read_text()
    out = []
    for number in range(1000 if THOROUGH else 40):
        path = tmp_path / f"m{number:04}.toml"
        features = f"[features]\npdcm = {'true' if number % 3 else 'false'}\nmonitor = true\n"
        path.write_text(text.replace("[features]\n", features).replace("max_vcpus = 8", f"max_vcpus = {number + 1}"))
        out.append(str(path))
    return out


# -- exit status --


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("kvm-sapphire-rapids",), 0),
        (("kvm-sapphire-rapids", "--fail-on", "warning"), 1),
        (("full-granite-rapids", "-m", "1.5.06"), 1),
        (("full-granite-rapids", "-m", "1.5.34", "--kvm", "7.2"), 1),
        (("full-granite-rapids", "-m", "1.5.34"), 0),
    ],
)
@pytest.mark.parametrize("form", [(), ("--json",), ("--quiet",)], ids=["text", "json", "quiet"])
def test_the_exit_status_tells_whether_there_are_findings(
    arguments: tuple[str, ...], status: int, form: tuple[str, ...]
) -> None:
    done = run("check", *arguments, *form)
    assert done.exit_code == status
    assert bool(done.stdout) is (form != ("--quiet",))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nosuch",), "there is no source 'nosuch'"),
        (("qemu:Nosuch",), "there is no QEMU model 'Nosuch'"),
        (("minimal", "-m", "7"), "there is no module '7'; known are 1.5.01"),
        (("minimal", "-p", "486"), "there is no platform '486'"),
        (("minimal", "--kvm", "7.3"), "there is no KVM layer '7.3'; known are 7.2"),
        (("minimal", "--qemu", "10.1"), "there is no QEMU layer '10.1'; known are 10.2, 11.1"),
        (("presets",), "is a directory"),
    ],
)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert words.lower() in error("check", *arguments).lower()


def test_a_model_that_cant_be_read_spoils_no_batch(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("x")
    done = run("check", str(bad), "minimal", "--json")
    assert done.exit_code == 2
    first, second = json.loads(done.stdout)
    assert "is not TOML" in first["error"]
    assert second["verdict"] == "warnings"
    text = run("check", str(bad), "minimal")
    assert text.exit_code == 2
    assert "unreadable" in text.stdout
    assert f"{bad}: is not TOML" in text.stdout.replace("\n    ", " ")


# -- what is printed --


def test_no_line_is_wider_than_100_columns() -> None:
    models = ["minimal", "full-granite-rapids", "qemu:SapphireRapids-v4", "qemu:DiamondRapids-v1"]
    done = run("check", *models, "-m", "1.5.01", "-m", "2.0.18", "-p", "none", "-p", "granite-rapids", "--kvm", "7.2",
               "--qemu", "10.2", "--elsewhere")
    assert done.exit_code == 1
    assert [line for line in done.stdout.splitlines() if len(line) > 100] == []


def test_a_matrix_has_every_combination() -> None:
    found = rows("check", "minimal", "kvm-sapphire-rapids", "-m", "1.5.06", "-m", "1.5.34", "-p", "none",
                 "-p", "granite-rapids")
    cells = [(row["model"], row["module"], row["platform"]) for row in found]
    assert cells == [
        (model, module, platform)
        for model in ("minimal", "kvm-sapphire-rapids") for module in ("1.5.06", "1.5.34")
        for platform in (None, "granite-rapids")
    ]
    text = run("check", "minimal", "kvm-sapphire-rapids", "-m", "1.5.06", "-m", "1.5.34").stdout.splitlines()
    assert text[0].split() == ["model", "module", "CPU", "refused", "conflicts", "vmm", "warnings", "verdict"]
    assert [line.split()[:2] for line in text[1:5]] == [
        ["minimal", "1.5.06"], ["minimal", "1.5.34"], ["kvm-sapphire-rapids", "1.5.06"],
        ["kvm-sapphire-rapids", "1.5.34"],
    ]


def test_json_has_all_of_a_finding() -> None:
    [row] = rows("check", "qemu:SapphireRapids-v4", *SPR, "--kvm", "7.2", "--qemu", "10.2")
    assert row["counts"]["refusal"] == 1
    pdcm = next(item for item in row["findings"] if item.get("name") == "pdcm")
    assert pdcm == {
        "kind": "conflict", "severity": "conflict", "layer": "module", "code": "forced-on",
        "message": "the module decides it", "field": "1.ecx.15", "sdm": "CPUID.01H:ECX[15]", "name": "pdcm",
        "names": ["pdcm", "PDCM"], "wanted": 0, "got": 1, "class": "fixed-1",
        "says": ["QEMU 10.2: TDX forcibly sets the feature"],
        "reason": [{"kind": "verified", "name": "native", "value": 1, "rule": "1.5", "at": None, "obstacle": ""}],
        "cure": None,
    }


def test_the_text_names_each_bad_bit_in_both_notations() -> None:
    done = run("check", "qemu:SapphireRapids-v4", *SPR)
    assert "7.0.edx.30          CPUID.(EAX=07H,ECX=0):EDX[30]  core_capabilities" in done.stdout


def test_a_refusal_has_a_cure_or_is_said_to_have_none(tmp_path: Path) -> None:
    text = library.presets()["minimal"].read_text(encoding="utf-8")
    crowded = tmp_path / "crowded.toml"
    crowded.write_text(text.replace("max_vcpus = 1\n", "max_vcpus = 600\n"), encoding="utf-8")
    assert "    Cure: MAX_VCPUS = 576." in run("check", str(crowded)).stdout.splitlines()
    cpu = Path(library.__file__).with_name("data") / "platforms" / "sapphire-rapids.toml"
    narrow = tmp_path / "narrow.toml"  # a MAX_PA of 46, which 1.5.01 refuses
    narrow.write_text(cpu.read_text(encoding="utf-8").replace('"00003934', '"0000392e'), encoding="utf-8")
    refused = run("check", "minimal", "-m", "1.5.01", "-p", str(narrow))
    assert refused.exit_code == 1
    assert "    No cure on this module and CPU." in refused.stdout.splitlines()


def test_cures_are_looked_for_elsewhere_only_when_asked() -> None:
    assert "elsewhere" not in run("check", "full-granite-rapids", "-m", "1.5.06").stdout
    assert "elsewhere: module 1.5.16." in run("check", "full-granite-rapids", "-m", "1.5.06", "--elsewhere").stdout


@pytest.mark.parametrize("file", ["qemu-spr-1.5.06.txt", "matrix.txt", "vmm.txt"])
def test_the_output_is_stable(file: str) -> None:
    golden = Path(__file__).with_name("golden") / "check" / file
    command, *lines = golden.read_text(encoding="utf-8").splitlines()
    assert run(*command.removeprefix("$ tdxtui ").split()).stdout.splitlines() == lines


def test_drift_is_told_on_the_models_own_ground_only(tmp_path: Path) -> None:
    path = tmp_path / "web.toml"
    path.write_text(run("export", "kvm-sapphire-rapids").stdout.replace("max_vcpus = 8\nnum", "max_vcpus = 9\nnum", 1))
    [row] = rows("check", str(path))
    assert row["counts"]["drift"] == 1
    [row] = rows("check", str(path), "-m", "1.5.34")
    assert row["counts"]["drift"] == 0


def test_colour_is_for_terminals_without_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    colours, line = {"conflict": "red"}, "conflict: the module decides it."
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert painted(line, colours) == line
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert painted(line, colours) == "\x1b[31m\x1b[1mconflict\x1b[0m: the module decides it."
    assert painted("    1.ecx.15", colours) == "    1.ecx.15"
    monkeypatch.setenv("NO_COLOR", "1")
    assert painted(line, colours) == line


def test_a_name_that_is_no_text_harms_no_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "\x1b[31mred\udcff.toml"
    Path(name).write_text(library.presets()["minimal"].read_text())
    done = run("check", name, "minimal")
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.stdout
    assert json.loads(run("check", name, "--json").stdout)[0]["model"] == name


# -- batches --


def test_a_batch_is_a_row_a_model(batch: list[str]) -> None:
    start = time.process_time()
    found = rows("check", *batch, *SPR)
    took = time.process_time() - start
    assert [row["model"] for row in found] == batch
    assert [row["counts"]["conflict"] for row in found[:4]] == [1, 0, 0, 1]
    if THOROUGH:
        assert len(batch) / took >= 400


def peak(*arguments: str) -> int:
    """The most memory that a run took, in KiB."""
    code = (
        "import resource, sys; from tdxtui import cli\n"
        "try: cli.main(sys.argv[1:])\n"
        "except SystemExit: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120)
    return int(done.stderr)


@pytest.mark.skipif(not THOROUGH, reason="needs a long batch (TDXTUI_THOROUGH=1)")
def test_memory_stays_flat_in_a_batch(batch: list[str]) -> None:
    few, many = peak("check", *batch[:100], "--json"), peak("check", *batch, "--json")
    assert many < few * 1.15


def test_a_reader_that_leaves_is_no_error(batch: list[str]) -> None:
    words = [sys.executable, "-m", "tdxtui", "check", *batch * 5, "--json"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    assert process.stdout and process.stderr
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


# -- query --


def test_query_is_quick_and_light() -> None:
    code = (
        "import sys; from tdxtui import start\nsys.argv = ['tdxtui', 'query', 'avx512f', '-m', '1.5.06', '--json']\n"
        "try: start.main()\nexcept SystemExit: pass\n"
        "heavy = [name for name in ('pydantic', 'textual', 'tomlkit') if name in sys.modules]\n"
        "print(heavy, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr == "[]\n"
    assert json.loads(done.stdout)[0]["state"] == "flexible"


def test_query_prints_a_line_for_people_and_data_for_programs() -> None:
    done = run("query", "pdcm", "7.0.edx[31:26]", "-m", "1.5.06")
    assert done.stdout.splitlines() == [
        "1.ecx.15  CPUID.01H:ECX[15]  pdcm  (module 1.5.06)", "  fixed to 1",
        "7.0.edx[31:26]  CPUID.(EAX=07H,ECX=0):EDX[31:26] = 0x3f  (module 1.5.06)", "  [31:26]: fixed to 1",
    ]
    assert [row["state"] for row in rows("query", "pdcm", "pks", "-m", "1.5.06")] == ["fixed-1", "flexible"]


@pytest.mark.parametrize("asked", ["1", "7.0", "d.1", "1.ecx", "80000008.eax", "4.0", "40000001", "1f.0"])
def test_no_line_of_query_is_wider_than_100_columns(asked: str) -> None:
    for module in ("1.5.01", "2.0.18"):
        done = run("query", asked, "-m", module, "-p", "granite-rapids")
        assert done.exit_code == 0, done.output
        assert [line for line in done.stdout.splitlines() if len(line) > 100] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("nosuch", "-m", "1.5.06"), "no CPUID field is called"), (("pdcm", "-m", "7"), "there is no module"),
     (("pdcm", "-m", "1.5.06", "-p", "486"), "there is no platform")],
)
def test_querys_errors_are_one_line(arguments: tuple[str, ...], words: str) -> None:
    assert words in error("query", *arguments)


# -- completion --


def completed(*words: str) -> list[str]:
    """What a shell is offered for the last word."""
    environment = {"_TDXTUI_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(("tdxtui", *words)),
                   "COMP_CWORD": str(len(words))}
    done = CliRunner().invoke(cli.commands, [], env=environment, prog_name="tdxtui")
    return [line.split(",", 1)[1] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("",), {"check", "query", "completion", "open"}),
        (("che",), {"check"}),
        (("check", "-m", "1.5.0"), {"1.5.01", "1.5.05", "1.5.06", "1.5.08"}),
        (("check", "--platform", ""), {"granite-rapids", "none"}),
        (("check", "--qemu", ""), {"10.2", "11.1"}),
        (("check", "min"), {"minimal"}),
        (("check", "qemu:SapphireRapids-v4"), {"qemu:SapphireRapids-v4"}),
        (("check", "--fail-on", ""), {"conflict", "warning"}),
        (("check", "--el"), {"--elsewhere"}),
        (("query", "avx512f"), {"avx512f"}),
        (("why", "--module", "2.0.1"), {"2.0.18"}),
        (("why", "avx512_v"), {"avx512_vnni"}),
        (("fit", "sapphire"), {"sapphire-rapids"}),
        (("diff", "1.5.06", "1.5.3"), {"1.5.34"}),
        (("open", "min"), {"minimal"}),
        (("web.toml", "--mod"), {"--module"}),
    ],
)
def test_a_shell_completes_commands_options_and_names(words: tuple[str, ...], offered: set[str]) -> None:
    assert offered <= set(completed(*words))


def test_every_command_is_completed() -> None:
    assert set(completed("")) == set(COMMANDS)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_one_that_the_shell_takes(shell: str, tmp_path: Path) -> None:
    script = run("completion", shell).stdout
    assert "_TDXTUI_COMPLETE" in script
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    file = tmp_path / "script"
    file.write_text(script)
    assert subprocess.run([program, "-n", str(file)], capture_output=True, timeout=30).stderr == b""
