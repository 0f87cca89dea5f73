"""What a user names as a CPU model becomes a vCPU model of what it states."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tdxtui import api, cli, levels, library, qemu_models, sources
from tdxtui.cpuid import Field
from tdxtui.errors import TdxtuiError
from tests.configuration_samples import DOMAIN

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "qemu_models.json"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.commands, arguments)


def wished(text: str, bit: str) -> int | None:
    return sources.find(text).model.wished(Field.parse(bit))


def test_a_qemu_model_states_every_bit_that_qemu_can_name_and_no_other() -> None:
    assert wished("qemu:SapphireRapids-v4", "7.0.ebx.16") == 1
    assert wished("qemu:SapphireRapids-v4", "1.ecx.2") == 0  # dtes64
    assert wished("qemu:SapphireRapids-v4", "1.ecx.11") is None  # sdbg, of which QEMU knows nothing


def test_a_qemu_model_states_its_family_model_and_stepping() -> None:
    assert sources.find("qemu:SapphireRapids-v4").model.wished(qemu_models.SIGNATURE) == 0x806F4
    assert sources.find("qemu:DiamondRapids-v1").model.wished(qemu_models.SIGNATURE) == 0x400F10


@pytest.mark.parametrize(("asked", "meant"), [
    ("SapphireRapids", "SapphireRapids-v1"),
    ("sapphirerapids-V4", "SapphireRapids-v4"),
    ("SapphireRapids-latest", "SapphireRapids-v8"),
    ("Haswell-noTSX-IBRS", "Haswell-v4"),
])
def test_a_model_is_found_by_version_alias_and_as_latest(asked: str, meant: str) -> None:
    found = sources.find(f"qemu:{asked}")
    assert found.model.name == meant
    assert bool(found.notes) == (asked.lower() != meant.lower())


def test_a_source_that_knows_no_td_gets_the_xfam_of_its_features() -> None:
    found = sources.find("qemu:SapphireRapids-v4")
    assert not found.states_td
    assert found.model.xfam == 0x602E7


def test_a_level_has_the_features_of_those_below_it() -> None:
    v2, v3 = (levels.wishes(name) for name in ("x86-64-v2", "x86-64-v3"))
    assert all(mask & ~v3[leaf][1] == 0 for leaf, (_, mask) in v2.items())
    assert wished("level:x86-64-v3", "7.0.ebx.5") == 1
    assert wished("level:x86-64-v3", "7.0.ebx.16") is None


def test_a_cpu_states_what_it_has_but_nothing_of_one_thread_or_moment() -> None:
    native = library.platform("sapphire-rapids").cpuid.cpuid(7, 0)
    assert wished("sapphire-rapids", "7.0.ebx.16") == native >> 64 + 16 & 1
    assert wished("sapphire-rapids", "1.ecx.27") is None
    assert sources.find("sapphire-rapids").model.tsc_mhz % 25 == 0


def test_presets_and_files_keep_their_own_td_settings(tmp_path: Path) -> None:
    preset = sources.find("minimal")
    assert (preset.kind, preset.states_td) == ("preset", True)
    file = tmp_path / "x.toml"
    file.write_text(library.presets()["minimal"].read_text())
    assert sources.find(str(file)).model.wishes == preset.model.wishes


@pytest.mark.parametrize(("asked", "hint"), [
    ("qemu:SaphireRapids", "SapphireRapids"),
    ("qemu:EPYC-v1", "tdxtui sources"),
    ("level:x86-64-v5", "x86-64-v4"),
    ("SapphireRapids-v4", "qemu:SapphireRapids-v4"),
    ("x86-64-v3", "level:x86-64-v3"),
    ("no/such/file.toml", "no such file"),
    ("", "presets"),
])
def test_an_unknown_source_says_what_there_is(asked: str, hint: str) -> None:
    with pytest.raises(TdxtuiError, match=hint):
        sources.find(asked)


def test_every_intel_model_equals_the_facts_it_was_made_from() -> None:
    if not SHARED.exists():
        pytest.skip("the facts lie in a folder beside the checkout")
    facts = {name: item for name, item in json.loads(SHARED.read_text()).items() if item["vendor"] == "GenuineIntel"}
    assert set(facts) == set(qemu_models.models())
    for name, item in facts.items():
        found = qemu_models.models()[name]
        assert (found.family, found.model, found.stepping) == (item["family"], item["model"], item["stepping"])
        for word, value in item["words"].items():
            leaf, subleaf, register = word.removeprefix("0x").split(".")
            bits = [at for at in found.words if at.leaf == int(leaf, 16) and (at.subleaf or 0) == int(subleaf, 16)]
            got = Field.parse(f"{bits[0].key}.{register}").get(found.words[bits[0]]) if bits else 0
            assert got == int(value, 16), (name, word)


# -- imported configurations --


def test_a_configuration_that_leaves_bits_to_the_host_is_worked_out_on_the_cpu(tmp_path: Path) -> None:
    path = tmp_path / "run.sh"
    path.write_text("qemu-system-x86_64 -cpu host,-avx2 -object tdx-guest,id=tdx0\n", encoding="utf-8")
    found = sources.find(str(path))
    module, cpu = library.module("1.5.06"), library.platform("sapphire-rapids")
    alone, there = sources.on(found, module, None), sources.on(found, module, cpu)
    avx2, avx512f = Field.parse("7.0.ebx.5"), Field.parse("7.0.ebx.16")
    assert [item.model.wished(avx2) for item in (found, alone, there)] == [0, 0, 0]
    assert [item.model.wished(avx512f) for item in (found, alone, there)] == [None, None, 1]
    assert "with --platform the rest is worked out" in " ".join(alone.notes)
    assert "What isn't named here is what sapphire-rapids has" in " ".join(there.notes)


def test_an_empty_file_is_no_model_that_fits(tmp_path: Path) -> None:
    path = tmp_path / "cut.toml"
    path.write_bytes(b"")
    with pytest.raises(TdxtuiError, match=r"cut\.toml: is empty"):
        sources.find(str(path))


def test_on_changes_no_other_source() -> None:
    found = sources.find("qemu:SapphireRapids-v4")
    assert sources.on(found, library.module("1.5.06"), None) is found


def test_every_command_makes_the_same_td_of_a_configuration_that_leaves_bits_to_the_host(tmp_path: Path) -> None:
    """Its features aren't those of a model without wishes, whoever asks."""
    path = tmp_path / "td.xml"
    path.write_text(DOMAIN, encoding="utf-8")
    domain, here = str(path), ("-p", "sapphire-rapids")
    dump = tmp_path / "guest.txt"
    shown = run("show", domain, *here, "--guest", "-f", "cpuid")
    dump.write_text(shown.stdout, encoding="utf-8")
    leaves = json.loads(run("show", domain, *here, "-f", "json").stdout)["leaves"]
    assert next(int(item["ebx"], 16) >> 16 & 1 for item in leaves if item["leaf"] == "7.0")  # AVX512F
    assert "What isn't named here is what sapphire-rapids has" in shown.stderr
    assert run("verify", domain, str(dump), *here).exit_code == 0
    assert "avx512f = 1" in run("why", "avx512f", "--model", domain, *here).stdout
    assert "avx512f" in run("diff", domain, "minimal", *here).stdout
    asked = {item.name for item in api.check(domain, platform="sapphire-rapids") if item.severity == "conflict"}
    assert asked == {"amx_bf16"}  # which the CPU gives whoever has AMX
    assert api.situation(domain, platform="sapphire-rapids").td.get(Field.parse("7.0.ebx.16")) == 1


@pytest.mark.parametrize("command", ["check", "fit", "show"])
def test_a_cpu_that_is_the_source_is_held_against_itself(command: str) -> None:
    done = run(command, "emerald-rapids")
    assert done.stdout.splitlines()[0].count("emerald-rapids") > 1, done.stdout


@pytest.mark.parametrize(("key", "name"), [("module", "1.5.7"), ("platform", "sapphire")])
def test_a_model_for_a_place_that_there_is_not_is_named_with_it(tmp_path: Path, key: str, name: str) -> None:
    path = tmp_path / "web.toml"
    path.write_text(f'format = 2\nname = "web"\n{key} = "{name}"\n', encoding="utf-8")
    for command in ("check", "fit"):
        said = str(run(command, str(path)).exception)
        assert said.startswith(f"{path}: {key}: there is no {key} {name!r}; known are "), command
    assert run("check", str(path), f"--{key}", "1.5.06" if key == "module" else "none").exit_code == 0
    with pytest.raises(TdxtuiError, match=f"^model 'web': {key}: there is no {key} "):
        api.situation(api.model(str(path)))


def piped(data: bytes, *words: str) -> Result:
    return CliRunner().invoke(cli.commands, words, input=data)


def test_standard_input_is_read_where_a_file_is() -> None:
    model = library.presets()["minimal"].read_bytes()
    for words in (("check", "-"), ("fit", "-", "-q"), ("show", "-"), ("why", "avx", "--model", "-"), ("export", "-")):
        assert piped(model, *words).exit_code == 0, words
    assert "standard input on module 1.5.06" in piped(model, "check", "-").output
    dump = run("show", "minimal", "--guest", "--format", "cpuid").stdout.encode()
    assert "all as predicted" in piped(dump, "verify", "minimal", "-").output
    assert "features that only the host has" in piped(dump, "explain", "sapphire-rapids", "-").output


def test_standard_input_may_be_empty_or_of_another_kind() -> None:
    assert str(piped(b"", "check", "-").exception) == "standard input: is empty"
    cpu = library.files("platforms")["sapphire-rapids"].read_bytes()
    assert str(piped(cpu, "check", "-").exception) == "standard input: is a platform, which must be given as a file"
    host = run("show", "minimal", "--guest", "--format", "cpuid").stdout.encode()
    assert piped(host, "check", "-").exit_code in (0, 1)
    model = library.presets()["minimal"].read_bytes()
    said = str(piped(model, "verify", "minimal", "-").exception)
    assert said == "-: is a model file of tdxtui's, where a dump of CPUID is wanted"


def test_a_new_model_for_standard_output_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("new", "-").output == run("new").output and not list(tmp_path.iterdir())


def test_a_host_that_is_neither_a_cpu_nor_a_file_is_told_with_what_there_is() -> None:
    said = str(run("explain", "minimal", "x").exception)
    assert said == "there is no CPU or file 'minimal'; CPUs are emerald-rapids, granite-rapids, sapphire-rapids"
