"""What an imported configuration becomes on a module and a CPU, and that exports come back as they were."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from tdxtui import cli, exporters, imported_model, importers, library, model_file, situations, sources, vmm
from tdxtui.cpuid import Field, Leaf
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import evaluate
from tdxtui.importers import Imported
from tdxtui.model import VcpuModel
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM, XFAM_COMPONENTS, TdConfig
from tests.configuration_samples import DOMAIN, ENTRIES, QEMU, SAMPLES, init_vm, td_params

MODULES = tuple(library.files("modules"))
PLATFORMS = ("sapphire-rapids", "emerald-rapids", "granite-rapids")
SPR = library.platform("sapphire-rapids")
M = library.module("1.5.06")
QEMU_DEFAULTS = "-object tdx-guest,id=tdx0"


def imported(text: str | bytes) -> Imported:
    return importers.read(text.encode() if isinstance(text, str) else text, "web.cfg")


def qemu(cpu: str) -> Imported:
    return imported(f"qemu-system-x86_64 -cpu {cpu} {QEMU_DEFAULTS}\n")


def wished(model: VcpuModel, bit: str) -> int | None:
    return model.wished(Field.parse(bit))


# -- a host's pass-through --


def test_without_a_cpu_only_what_is_named_is_wished() -> None:
    model = imported_model.model_of(qemu("host,-avx512f,+avx2"), M)
    assert sum(mask.bit_count() for _, mask in model.wishes.values()) == 2
    assert (model.module, model.platform) == ("1.5.06", "")
    assert "what it doesn't name is the host's, and no wish here" in model.description


def test_xfam_is_what_every_known_vmm_passes_less_what_features_turn_off() -> None:
    whole = XFAM["AVX"] | XFAM["AVX512"] | XFAM["PKRU"] | XFAM["AMX"] | 3

    def xfam(cpu: str) -> int:
        return imported_model.model_of(qemu(cpu), M).xfam

    assert xfam("host") == whole
    assert xfam("host,-avx512f") == whole & ~XFAM["AVX512"]
    assert xfam("host,-avx") == XFAM["PKRU"] | XFAM["AMX"] | 3
    assert xfam("host,-pku,amx-tile=off") == XFAM["AVX"] | XFAM["AVX512"] | 3
    assert xfam("host,+cet-ss") == whole | XFAM["CET"]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("module", MODULES)
def test_on_any_module_and_cpu_host_alone_has_no_conflict_and_more_than_a_few_bits(module: str, platform: str) -> None:
    cpu, on = library.platform(platform), library.module(module)
    model = imported_model.model_of(qemu("host"), on, cpu)
    assert evaluate(model, on, cpu).conflict_count == 0
    assert wished(model, "7.0.ebx.16") == 1
    assert sum(mask.bit_count() for _, mask in model.wishes.values()) > 100


def test_host_on_sapphire_rapids_is_the_preset_of_it_but_for_what_an_older_kvm_did_not_know() -> None:
    model = imported_model.model_of(qemu("host"), M, SPR)
    preset = situations.find_model("kvm-sapphire-rapids")
    ours, theirs = ({bit for bit in features(item) if bit.leaf.leaf != 1 or bit.register.key in ("ecx", "edx")}
                    for item in (model, preset))
    assert {bit.key for bit in ours ^ theirs} == {"7.1.eax.10", "7.1.eax.11", "7.1.eax.12"}
    caches = [leaf for leaf in preset.wishes if leaf.leaf == 4]
    assert len(caches) == 4
    for leaf in caches:
        value, mask = model.wishes[leaf]
        assert (preset.wishes[leaf][0] ^ value) & preset.wishes[leaf][1] & mask == 0
    assert (model.xfam, model.attributes) == (preset.xfam, preset.attributes)


def features(model: VcpuModel) -> set[Field]:
    """The bits wished to be 1, but for the caches' fields."""
    return {bit for leaf, (value, mask) in model.wishes.items() if leaf.leaf != 4
            for bit in imported_model.bits(leaf, value & mask)}


def test_a_feature_that_only_xfam_can_take_away_shows_as_a_conflict() -> None:
    model = imported_model.model_of(imported(DOMAIN), M, SPR)
    conflicts = evaluate(model, M, SPR).conflicts
    assert conflicts == {Leaf(7, 0): Field.parse("7.0.edx.22").mask}  # amx-bf16, policy disable


def test_what_kvm_refuses_in_a_td_is_no_wish_of_the_host_s() -> None:
    model = imported_model.model_of(qemu("host"), M, library.platform("granite-rapids"))
    assert not any(wished(model, bit) for bit in ("7.0.ebx.4", "7.0.ebx.11", "7.0.ecx.5"))


def test_the_tsc_is_the_cpu_s_unless_said_otherwise() -> None:
    assert imported_model.model_of(qemu("host"), M, SPR).tsc_mhz == sources.find("sapphire-rapids").model.tsc_mhz
    assert imported_model.model_of(qemu("host,tsc-frequency=3G"), M, SPR).tsc_mhz == 3000


def test_the_vmm_s_own_layer_decides_when_one_is_named() -> None:
    layer = replace(vmm.layer("qemu", "10.2"), xfam=XFAM["AVX"] | 3)
    assert imported_model.model_of(qemu("host"), M, layers=[layer]).xfam == XFAM["AVX"] | 3


# -- sources that don't know of a TD --


def test_features_alone_get_septve_xfam_and_the_attributes_that_show_as_bits() -> None:
    text = '{"return": {"model": {"name": "x", "props": {"avx": true, "pks": true, "lass": false}}}}'
    model = imported_model.model_of(imported(text), M)
    assert model.attributes == ATTRIBUTES["SEPT_VE_DISABLE"] | ATTRIBUTES["PKS"]
    assert model.xfam == XFAM["AVX"] | 3
    assert model.config_flags == CONFIG_FLAGS["NO_RBP_MOD"]


def test_a_dump_is_no_configuration() -> None:
    with pytest.raises(TdxtuiError, match="is no configuration but libvirt's cpudata XML"):
        imported_model.model_of(
            imported("<cpudata arch='x86'><cpuid eax_in='0x0' ecx_in='0x0' eax='0x1f'/></cpudata>"), M
        )


# -- CPUID_CONFIG whole --


@pytest.mark.parametrize("data", [init_vm(), td_params()])
def test_what_a_vmm_hands_to_the_module_is_what_the_model_hands_to_it(data: bytes) -> None:
    config = imported_model.model_of(imported(data), M).td_config(M)
    used = {leaf: value for leaf, value in ENTRIES.items() if value}
    assert {leaf: value for leaf, value in config.cpuid_config.items() if value} == used
    assert (config.attributes, config.xfam) == (1 << 28, 7)


def test_zeros_of_a_register_that_has_ones_are_wishes_too() -> None:
    model = imported_model.model_of(imported(init_vm()), M)
    assert wished(model, "7.0.ebx.4") == 0
    assert wished(model, "7.0.edx.4") is None


def test_slots_are_for_the_leaves_of_the_chosen_module() -> None:
    found = imported(td_params())
    leaves = {name: set(imported_model.model_of(found, library.module(name)).wishes) for name in ("1.5.06", "2.0.18")}
    assert leaves["1.5.06"] == {Leaf(1), Leaf(7, 0)}
    order = library.module("2.0.18").cpuid_config
    assert leaves["2.0.18"] == {order[0], order[5]}


def test_more_slots_than_a_module_has_name_the_modules_that_would_fit() -> None:
    by_size = sorted(map(library.module, MODULES), key=lambda module: len(module.cpuid_config))
    few, many = by_size[0], by_size[-1]
    slots = [0] * len(many.cpuid_config)
    slots[-1] = many.configurable[many.cpuid_config[-1]]
    with pytest.raises(TdxtuiError) as caught:
        imported_model.model_of(imported(td_params(slots)), few)
    assert f"module {few.version} has {len(few.cpuid_config)}" in str(caught.value)
    assert many.version in str(caught.value).partition("fitting: ")[2]


def test_bits_that_may_not_be_configured_are_remarked() -> None:
    found = imported(init_vm({**ENTRIES, Leaf(1): 1}))
    assert imported_model.remarks(found, M) == ["CPUID_CONFIG sets what 1.5.06 doesn't let be configured: 1.edx.0."]


def test_names_that_a_qemu_version_lacks_are_remarked_as_it_would_say_it() -> None:
    said = imported_model.remarks(qemu("host,-avx10,+avx2"), M, [vmm.layer("qemu", "10.2"), vmm.layer("qemu", "11.1")])
    lacking = [name for name in ("10.2", "11.1") if "avx10" not in vmm.layer("qemu", name).names]
    assert said == [f"QEMU {name} has no avx10: Property 'host-x86_64-cpu.avx10' not found." for name in lacking]


# -- there and back --

WORDS = st.lists(st.sampled_from(sorted(XFAM_COMPONENTS)), unique=True)


@st.composite
def legal_models(draw: st.DrawFn) -> VcpuModel:
    """A preset with its XFAM thinned out, digests and counts at random, and some wishes left out, no conflicts."""
    model = situations.find_model(draw(st.sampled_from(("kvm-sapphire-rapids", "minimal"))))
    off = sum(XFAM[name] for name in draw(st.lists(st.sampled_from(("AVX512", "AMX", "PKRU")), unique=True)))
    left = draw(st.lists(st.sampled_from(sorted(model.wishes)), unique=True)) if model.wishes else []
    wishes = {leaf: pair for leaf, pair in model.wishes.items() if leaf not in left}
    model = replace(
        model, xfam=model.xfam & ~off, wishes=wishes, mrconfigid=draw(st.sampled_from((b"", bytes(range(48))))),
        max_vcpus=draw(st.integers(1, 255)), tsc_mhz=25 * draw(st.integers(4, 400)), origin="",
    )
    wrong = evaluate(model, M, SPR).conflicts
    kept = {leaf: (value & ~wrong.get(leaf, 0), mask & ~wrong.get(leaf, 0)) for leaf, (value, mask) in wishes.items()}
    return replace(model, wishes=kept)


@settings(max_examples=25, deadline=None)
@given(legal_models())
def test_td_params_come_back_as_the_same_configuration(model: VcpuModel) -> None:
    back = exported(model, "td-params")
    assert same(back.td_config(M), model.td_config(M))
    assert back.mrconfigid == model.mrconfigid


@settings(max_examples=25, deadline=None)
@given(legal_models())
def test_init_vm_comes_back_as_the_same_configuration_but_for_what_other_calls_set(model: VcpuModel) -> None:
    back = replace(exported(model, "kvm-tdx-init-vm"), max_vcpus=model.max_vcpus, tsc_mhz=model.tsc_mhz)
    assert same(back.td_config(M), replace(model, config_flags=CONFIG_FLAGS["NO_RBP_MOD"]).td_config(M))
    assert back.mrconfigid == model.mrconfigid


@pytest.mark.parametrize("format", ["qemu", "libvirt"])
@settings(max_examples=25, deadline=None)
@given(model=legal_models())
def test_what_qemu_can_be_told_comes_back(format: str, model: VcpuModel) -> None:
    back = exported(model, format)
    assert (back.attributes, back.mrconfigid) == (model.attributes, model.mrconfigid)
    assert (back.max_vcpus, back.tsc_mhz) == (model.max_vcpus, model.tsc_mhz)
    for leaf, (value, mask) in model.wishes.items():
        stated, known = back.wishes.get(leaf, (0, 0))
        assert (stated ^ value) & mask & known == 0, leaf
    for bit in ("1.ecx.28", "7.0.ebx.5", "7.0.ebx.8"):
        if wished(model, bit) == 1:
            assert wished(back, bit) == 1


def exported(model: VcpuModel, format: str) -> VcpuModel:
    """A model through a file of a format."""
    data = exporters.export(model, format, exporters.Options(allow_conflicts=True)).data
    found = importers.read(data.encode() if isinstance(data, str) else data, "there.and.back")
    return imported_model.model_of(found, M)


def same(one: TdConfig, other: TdConfig) -> bool:
    """Whether two configurations are one, entries of zeros being as good as none."""
    first, second = (item._replace(cpuid_config={leaf: value for leaf, value in item.cpuid_config.items() if value})
                     for item in (one, other))
    return first == second


# -- the command --


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli.commands, arguments, input=stdin)


@pytest.mark.parametrize("name", SAMPLES)
def test_import_prints_a_model_file_that_can_be_opened_with_its_notes_as_comments(name: str, tmp_path: Path) -> None:
    result = run("import", "-", "--module", "1.5.06", "--platform", "sapphire-rapids", stdin=SAMPLES[name])
    assert result.exit_code == 0, result.exception
    path = tmp_path / "m.toml"
    path.write_text(result.stdout, encoding="utf-8")
    model = model_file.load(path)
    assert model.module == "1.5.06"
    assert model.platform in ("", "sapphire-rapids")
    assert all(len(line) <= 120 for line in result.stdout.splitlines() if line.startswith("#"))


def test_import_takes_a_command_line_after_two_dashes() -> None:
    words = ("qemu-system-x86_64", "-name", "a b", "-cpu", "host,-avx2", "-object", "tdx-guest,id=t")
    result = run("import", "--", *words)
    assert result.exit_code == 0, result.exception
    assert 'name = "a b"' in result.stdout and "avx2 = false" in result.stdout


def test_import_as_json_has_what_was_said_and_on_a_module_the_model() -> None:
    plain = json.loads(run("import", "-", "--json", stdin=QEMU).stdout)
    assert (plain["kind"], plain["host"], plain["attributes"]) == ("features", True, "50000000")
    assert plain["settings"]["mrconfigid"] == bytes(range(48)).hex()
    on = json.loads(run("import", "-", "--json", "--module", "1.5.06", stdin=SAMPLES["td-params"]).stdout)
    assert on["model"]["module"] == "1.5.06" and len(on["slots"]) == 6
    assert "cpuid_config" in json.loads(run("import", "-", "--json", stdin=init_vm()).stdout)
