"""`tdxtui import`: what it prints and writes, and how it fails."""

from __future__ import annotations

import io
import json
import sys
import time
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tdxtui import cli, importers, library, offer, platform_file
from tdxtui.cpuid import Leaf
from tdxtui.importers import Capabilities, host, kvm_host
from tests.configuration_samples import SAMPLES

from . import samples


class Result(NamedTuple):
    """What a call did."""

    status: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call the command line in this process, with bytes on standard input."""

    def call(*arguments: object, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            cli.main([str(argument) for argument in arguments])
        assert isinstance(ended.value.code, int)
        return Result(ended.value.code, *capsys.readouterr())

    return call


@pytest.fixture
def file(tmp_path: Path) -> Any:
    """A file of a format."""

    def make(name: str) -> Path:
        path = tmp_path / f"{name}.in"
        path.write_bytes(samples.WRITERS[name]())
        return path

    return make


def test_a_dump_becomes_a_platform_file(run: Any, file: Any, tmp_path: Path) -> None:
    out = tmp_path / "box.toml"
    result = run("import", file("instlatx64"), "-o", out)
    assert (result.status, result.out) == (0, "")
    platform = library.platform(str(out))
    assert platform.title == "Intel(R) Xeon(R) 658X"
    assert platform.cpuid == library.platform(str(file("instlatx64"))).cpuid


def test_standard_input_is_read(run: Any) -> None:
    result = run("import", "-", stdin=samples.cpuid_r())
    assert platform_file.parse(result.out, "out", "box").source == "the text of cpuid -r, standard input"


def test_a_logical_cpu_is_chosen(run: Any, file: Any) -> None:
    result = run("import", file("instlatx64"), "--cpu", 1)
    assert "The values of logical CPU 1;" in result.out
    result = run("import", file("instlatx64"), "--cpu", 9)
    assert (result.status, result.out) == (2, "")
    assert result.err == "tdxtui: --cpu: the dump has no logical CPU 9; it has 0 to 1\n"


def test_notes_go_to_standard_error(run: Any, file: Any) -> None:
    assert run("import", file("kcpuid")).err == "note: kcpuid leaves out what is all zero.\n"


@pytest.mark.parametrize("name", samples.WRITERS)
def test_everything_can_be_had_as_json(run: Any, file: Any, name: str) -> None:
    found = json.loads(run("import", file(name), "--json").out)
    assert found["format"] == name
    kinds = {"intel-json": "module", "intel-csv": "module", "kvm-tdx-capabilities": "capabilities",
             "kcpuid-flags": "features", **dict.fromkeys(SAMPLES, "features")}
    assert found["kind"] == kinds.get(name, "dump")
    if found["kind"] == "dump":
        assert found["cpus"][0]["cpuid"]["7.0"] == f"{samples.HOST[Leaf(7, 0)]:032x}"


def test_intels_table_becomes_a_module_file_with_the_version_of_its_name(run: Any, file: Any, tmp_path: Path) -> None:
    out = tmp_path / "1.5.99.toml"
    result = run("import", file("intel-json"), "-o", out)
    assert result.status == 0
    assert result.err.startswith("note: 0 differences from the nearest built-in module and 4 assumptions are listed")
    assert library.module(str(out)).version == "1.5.99"
    assert run("bits", "-m", out, "--json").out == run("bits", "-m", "1.5.06", "--json").out


def test_an_offer_is_printed_and_held_against_a_module(run: Any, file: Any) -> None:
    lines = run("import", file("kvm-tdx-capabilities"), "-m", "1.5.06").out.splitlines()
    assert lines[0] == "ATTRIBUTES    0x0000000010000000  SEPT_VE_DISABLE"
    assert lines[3].split() == ["1", "0fff3fff", "00000000", "00000000", "00000000"]
    at = next(number for number, line in enumerate(lines) if line.startswith("Against module 1.5.06:"))
    assert any("80000008.eax[23:16]" in line and "offered by the host" in line for line in lines[at:])
    assert any("7.0.ebx.3 " in line and "not offered" not in line for line in lines) is False
    assert any("7.0.ebx.11 " in line and "not offered by the host" in line for line in lines[at:])


def test_an_offer_equal_to_the_modules_file_has_no_difference() -> None:
    module = library.module("1.5.06")
    same = Capabilities("kvm", module.attributes.allowed, module.xfam.allowed, module.configurable)
    assert offer.differences(same, module) == []
    less = Capabilities("kvm", module.attributes.allowed & ~1, module.xfam.allowed | 1 << 40, module.configurable)
    assert [(item.what, item.name, item.offered) for item in offer.differences(less, module)] == [
        ("ATTRIBUTES", "DEBUG", False), ("XFAM", "bit 40", True),
    ]


def test_formats_are_listed_with_their_evidence(run: Any) -> None:
    lines = run("import", "--list").out.splitlines()
    assert [line.split()[0] for line in lines] == importers.names()
    assert all(line.endswith(("real samples", "layout from documentation, not tried")) for line in lines)
    assert all(len(line) <= 100 for line in lines)
    assert [row["format"] for row in json.loads(run("import", "--list", "--json").out)] == importers.names()


@pytest.mark.parametrize("arguments", [[], ["x", "--host"], ["--host", "--kvm"]])
def test_one_thing_is_read(run: Any, arguments: list[str]) -> None:
    result = run("import", *arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err == "tdxtui: import reads one thing: a FILE, or a command line after --, or --host, or --kvm\n"


@pytest.mark.parametrize(("make", "expected"), [
    (lambda _: None, "can't be read: No such file or directory"),
    (lambda path: path.mkdir(), "can't be read: Is a directory"),
    (lambda path: path.write_bytes(b""), "is empty"),
    (lambda path: path.write_text("hello"), "is of no known kind; tdxtui import --list has the formats, --format"),
    (lambda path: path.write_bytes(samples.cpuid_r()[:150]), "line 3: expected 0xLEAF 0xSUBLEAF"),
])
def test_a_file_that_can_not_be_used_is_told_in_one_line(run: Any, tmp_path: Path, make: Any, expected: str) -> None:
    make(tmp_path / "file")
    result = run("import", tmp_path / "file")
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(f"tdxtui: {tmp_path / 'file'}: {expected}") and result.err.count("\n") == 1


def test_a_gigabyte_of_zeros_is_refused_at_once(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "zeros"
    with path.open("wb") as sparse:
        sparse.truncate(1 << 30)
    begin = time.process_time()
    result = run("import", path)
    assert result.status == 2 and "is larger than 8 MiB" in result.err
    assert time.process_time() - begin < 1


def test_this_machine_is_read_with_host(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def read_host(number: int) -> importers.Imported:
        asked.append(number)
        return importers.read(samples.cpuid_r([number]), "host-cpu")

    monkeypatch.setattr(host, "read_host", read_host)
    assert "658X" in run("import", "--host").out
    assert "logical CPU 3" in run("import", "--host", "--cpu", 3).out
    assert asked == [0, 3]


def test_kvm_here_is_asked_with_kvm(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kvm_host, "capabilities", lambda _: samples.kvm_capabilities())
    assert run("import", "--kvm").out.startswith("ATTRIBUTES    0x0000000010000000  SEPT_VE_DISABLE")


def test_a_platform_file_is_toml_whatever_the_dump_says(run: Any) -> None:
    data = samples.cpuid_r().replace(b"0x80000002 0x00: eax=0x65746e49", b"0x80000002 0x00: eax=0x5c220a00")
    assert tomllib.loads(run("import", "-", stdin=data).out)["title"]


def test_a_dump_stands_for_a_platform_on_the_command_line(run: Any, file: Any) -> None:
    result = run("why", "avx512f", "-p", file("instlatx64"), "--short")
    assert result.status == 0
    assert result.out == run("why", "avx512f", "-p", "granite-rapids", "--short").out


NO_CPU = {  # samples that describe no CPU, and what is said of them
    "caps.xml": "libvirt knows no model of this host's CPU",
    "x86_features.xml": "is the list of libvirt's feature names, no CPU",
    "schema.json": "is of no known kind",
}


@pytest.mark.skipif(not samples.DUMPS, reason="the shared samples are not there")
@pytest.mark.parametrize("path", [*samples.DUMPS, *sorted((samples.SHARED / "samples").glob("*/*"))],
                         ids=lambda path: path.name)
def test_every_real_file_that_describes_a_cpu_becomes_a_file(run: Any, path: Path) -> None:
    result = run("import", path)
    if path.name in NO_CPU:
        assert result.status == 2 and NO_CPU[path.name] in result.err
    else:
        assert result.status == 0 and tomllib.loads(result.out)


@pytest.mark.skipif(not samples.DUMPS, reason="the shared samples are not there")
def test_a_dump_of_half_a_megabyte_is_quick() -> None:
    path = max(samples.DUMPS, key=lambda path: path.stat().st_size)
    begin = time.process_time()
    importers.read_path(path)
    assert time.process_time() - begin < 0.15


def test_the_notes_of_a_configuration_are_those_of_the_cpu_that_is_given(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "web.sh"
    path.write_text("qemu-system-x86_64 -cpu host -object tdx-guest,id=tdx0\n")
    assert "with --platform the rest is worked out" in run("import", path).err
    result = run("import", path, "-p", "granite-rapids")
    said = json.loads(run("import", path, "-p", "granite-rapids", "--json").out)["notes"]
    assert result.err == "".join(f"note: {note}\n" for note in said)
    assert result.err == "".join(
        f"note: {note}\n" for note in (
            "-cpu host means all that CPU, KVM and module offer. What isn't named here is what granite-rapids has and "
            "KVM can give, as far as the module takes it.",
        )
    )


def test_a_machine_of_intels_becomes_a_platform_with_host(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The device is a file that reads the same everywhere, so the table is what is asked of a built-in CPU."""
    folder = tmp_path / "0"
    folder.mkdir()
    (folder / "cpuid").write_bytes(b"")
    monkeypatch.setattr(host, "_ask", lambda _, leaf, subleaf: samples.HOST.at(Leaf(leaf, subleaf)))
    read = host.read_host
    monkeypatch.setattr(host, "read_host", lambda number: read(number, tmp_path))
    result = run("import", "--host")
    assert result.status == 0 and tomllib.loads(result.out)["source"] == "this machine's CPUID, host-cpu0"


def test_a_table_that_is_given_as_a_module_is_told_to_be_imported_first(run: Any, file: Any) -> None:
    result = run("bits", "-m", file("intel-json"))
    assert result.status == 2
    assert result.err.endswith("is no module file (*.toml); tdxtui import FILE -o VERSION.toml makes one of Intel's "
                               "CPUID table\n")


def test_the_folder_of_ones_own_platforms_is_made(run: Any, file: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    out = tmp_path / "data" / "tdxtui" / "platforms" / "my-host.toml"
    assert run("import", file("cpuid-r"), "-o", out).status == 0 and out.is_file()
    result = run("import", file("cpuid-r"), "-o", tmp_path / "elsewhere" / "my-host.toml")
    assert (result.status, result.err) == (
        2, f"tdxtui: {tmp_path}/elsewhere/my-host.toml: can't be saved: No such file or directory\n"
    )
    out.parent.parent.rename(tmp_path / "moved")
    (tmp_path / "data" / "tdxtui").write_text("a file")
    result = run("import", file("cpuid-r"), "-o", out)
    assert (result.status, result.err) == (2, f"tdxtui: {out.parent}: can't be made: Not a directory\n")
