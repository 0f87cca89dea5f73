"""What `check` finds: refusals, conflicts, what VMM layers refuse, drift and warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tdxtui import exported, library, model_file, situations, sources, vmm
from tdxtui.check import Finding, Kind, Layer, Severity, check, drift, fails, to_data
from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.edits import wished
from tdxtui.evaluate import Situation, evaluate
from tdxtui.model import VcpuModel
from tdxtui.naming import bit_name
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM
from tdxtui.vmm import VmmLayer

KVM, QEMU, NEWER_QEMU = vmm.layer("kvm", "7.2"), vmm.layer("qemu", "10.2"), vmm.layer("qemu", "11.1")
PRESET = sources.find("kvm-sapphire-rapids").model
FULL = sources.find("full-granite-rapids").model
MINIMAL = sources.find("minimal").model


def found(
    model: VcpuModel, module: str = "1.5.06", platform: str = "sapphire-rapids", layers: Sequence[VmmLayer] = ()
) -> list[Finding]:
    return check(situation(model, module, platform), layers)


def situation(model: VcpuModel, module: str = "1.5.06", platform: str = "sapphire-rapids") -> Situation:
    cpu = None if platform == "none" else library.platform(platform)
    return evaluate(model, library.module(module), cpu)


def of(findings: Sequence[Finding], kind: Kind, code: str = "") -> list[Finding]:
    return [item for item in findings if item.kind is kind and code in ("", item.code)]


def wish(model: VcpuModel, **bits: int) -> VcpuModel:
    """The model with bits wished, written 7_0_ebx_16 after a letter."""
    for key, value in bits.items():
        model = model.wish(Field.parse(key[1:].replace("_", ".")), value)
    return model


# -- conflicts --

FORCED_ON_1_5_06 = (
    "dtes64 ds-cpl pdcm hypervisor ds fdp-excptn-only zero-fcs-fds md-clear stibp flush-l1d core-capability "
    "intel-psfd ipred-ctrl rrsba-ctrl bhi-ctrl invtsc"
)


def test_a_qemu_model_as_it_stands_lacks_the_bits_that_the_module_forces() -> None:
    findings = found(sources.find("qemu:SapphireRapids-v4").model, layers=[QEMU])
    forced = of(findings, Kind.CONFLICT, "forced-on")
    assert {item.named.qemu for item in forced if item.named} == set(FORCED_ON_1_5_06.split())
    assert all((item.wanted, item.got, item.layer, item.cure) == (0, 1, Layer.MODULE, None) for item in forced)
    assert all(item.says == ("QEMU 10.2: TDX forcibly sets the feature",) for item in forced)


@pytest.mark.parametrize(
    ("bits", "platform", "layer", "code", "cure"),
    [
        ({"b1_ecx_15": 0}, "sapphire-rapids", Layer.MODULE, "forced-on", None),
        ({"b7_0_ecx_8": 1, "b7_1_edx_4": 1}, "sapphire-rapids", Layer.PLATFORM, "forced-off", None),
        ({"b7_0_ecx_7": 1}, "sapphire-rapids", Layer.TD, "forced-off", ["XFAM.CET = 1"]),
        ({"b7_0_ecx_31": 1}, "sapphire-rapids", Layer.TD, "forced-off", ["ATTRIBUTES.PKS = 1"]),
        ({"b7_0_edx_24": 0}, "sapphire-rapids", Layer.PLATFORM, "forced-on", ["XFAM.AMX = 0"]),
    ],
    ids=["module", "cpu", "xfam", "attributes", "native-with-gate"],
)
def test_a_conflict_says_who_decides_it_and_what_helps(
    bits: dict[str, int], platform: str, layer: Layer, code: str, cure: list[str] | None
) -> None:
    [conflict] = of(found(wish(PRESET, **bits), platform=platform), Kind.CONFLICT)
    assert (conflict.layer, conflict.code) == (layer, code)
    assert conflict.cure is None if cure is None else [edit.text for edit in conflict.cure or ()] == cure
    assert conflict.reason


def test_the_bits_of_a_field_are_one_finding() -> None:
    model = PRESET.wish(Field.parse("80000008.eax[15:8]"), 0x55)
    [conflict] = of(found(model), Kind.CONFLICT)
    assert conflict.field == Field.parse("80000008.eax[15:8]")
    assert (conflict.wanted, conflict.got) == (0x55, 57)
    assert {bit.lsb for bit in conflict.bits} == {8 + bit for bit in range(8) if (0x55 ^ 57) >> bit & 1}


def test_a_wish_for_a_leaf_that_the_module_has_not() -> None:
    model = PRESET.wish(Field.parse("80000021.eax.0"), 1)
    [conflict] = of(found(model), Kind.CONFLICT)
    assert (conflict.code, conflict.layer, conflict.reason, conflict.cure) == ("no-entry", Layer.MODULE, (), None)
    assert "1.5.06 has no entry" in conflict.message


def test_a_cure_on_another_module_is_found_when_it_is_asked_for() -> None:
    [conflict] = of(found(FULL, platform="granite-rapids"), Kind.CONFLICT)
    assert conflict.field == Field.parse("7.1.edx.14")
    assert conflict.cure is None
    assert [edit.text for edit in conflict.elsewhere or ()] == ["module 1.5.16"]


CELLS = [(model, module) for model in (PRESET, FULL, MINIMAL) for module in ("1.5.01", "1.5.06", "1.5.34", "2.0.18")]
WISHABLE = [
    Field.bit(leaf, register, number)
    for leaf in (Leaf(1), Leaf(4, 0), Leaf(7, 0), Leaf(7, 1), Leaf(7, 2), Leaf(0x80000008), Leaf(0xD, 1))
    for register in Register
    for number in range(32)
]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(CELLS), st.lists(st.tuples(st.sampled_from(WISHABLE), st.integers(0, 1)), max_size=12),
    st.sampled_from(["sapphire-rapids", "granite-rapids", "none"]),
)
def test_every_conflicting_bit_is_in_one_finding_and_its_cure_cures_it(
    cell: tuple[VcpuModel, str], wishes: list[tuple[Field, int]], platform: str
) -> None:
    model, module = cell
    for bit, value in wishes:
        model = model.wish(bit, value)
    here = situation(model, module, platform)
    conflicts = of(check(here, [KVM, QEMU]), Kind.CONFLICT)
    for leaf, mask in here.conflicts.items():
        on = here.module.entry_for(leaf)
        told = [bit.mask for item in conflicts for bit in item.bits if bit.leaf == (on.leaf if on else leaf)]
        assert sum(told) == mask  # each once: a sum of single bits
    for item in conflicts:
        assert item.wanted != item.got
        if item.cure and platform != "none" and not here.refusals:
            cured = situation(wished(model, item.cure, here.module), module, platform)
            goal = item.field and item.wanted
            assert all(cured.td.get(bit) == (goal or 0) >> bit.lsb - item.field.lsb & 1 for bit in item.bits
                       if item.field), item


# -- refusals --


def test_a_refused_td_comes_with_the_modules_error_and_what_kvm_says() -> None:
    model = replace(PRESET, xfam=PRESET.xfam & ~XFAM["AVX"])
    [refusal] = of(found(model, layers=[KVM]), Kind.REFUSAL)
    assert refusal.refusal is not None
    assert (refusal.refusal.status, refusal.refusal.operand, refusal.layer) == ("TDX_OPERAND_INVALID", "XFAM", Layer.TD)
    assert refusal.says == (
        "KVM 7.2: KVM_TDX_INIT_VM fails with EINVAL, the module's status and operand in hw_error",
    )
    data = to_data(refusal)
    assert data["refusal"]["status"] == "TDX_OPERAND_INVALID"
    assert data["refusal"]["rule"] == refusal.refusal.rule


@pytest.mark.parametrize("changes", [
    {"num_l2_vms": 9}, {"xfam": 0xE3 | 1 << 13}, {"xfam": XFAM["CET_U"] | 3}, {"xfam": 4}, {"tsc_mhz": 50},
    {"attributes": ATTRIBUTES["PERFMON"] | ATTRIBUTES["MIGRATABLE"]}, {"config_flags": CONFIG_FLAGS["TDX_CONNECT"]},
    {"attributes": 1 << 45},
])
@pytest.mark.parametrize("platform", ["sapphire-rapids", ""])
def test_the_cure_of_a_refusal_makes_the_td_legal(changes: dict[str, int], platform: str) -> None:
    model = replace(PRESET, **changes)  # type: ignore[arg-type]
    here = situation(model, platform=platform) if platform else situations.of_model(model, "1.5.06", "none")
    refusals = of(check(here), Kind.REFUSAL)
    assert refusals
    cure = refusals[0].cure
    if changes == {"attributes": 1 << 45}:
        assert cure is None  # a bit without a name has no edit
    else:
        assert cure
        cured = wished(here.model, cure, here.module)
        assert not evaluate(cured, here.module, here.platform).refusals
        assert "xfam" in changes or cured.xfam == here.model.xfam  # without a CPU too nothing else is given up


def test_a_cpu_that_the_module_refuses_is_a_refusal_of_the_platform() -> None:
    platform = replace(library.platform("sapphire-rapids"), arch_capabilities=0)
    findings = check(evaluate(PRESET, library.module("1.5.06"), platform), [KVM])
    first = findings[0]
    assert (first.kind, first.layer, first.cure) == (Kind.REFUSAL, Layer.PLATFORM, None)
    assert first.says == ("KVM 7.2: the module doesn't start on this CPU, so KVM makes no TD at all",)


# -- VMM layers --


def test_what_kvm_and_qemu_take_by_default_has_no_verdict() -> None:
    assert not of(found(PRESET, layers=[KVM, QEMU]), Kind.VMM)


@pytest.mark.parametrize(
    ("model", "layers", "verdicts"),
    [
        (wish(PRESET, b7_0_ebx_4=1, b7_0_ebx_11=1), [KVM], [("refused-bit", "kvm")] * 2),
        (wish(PRESET, b7_0_ecx_5=1), [KVM], [("refused-bit", "kvm")]),
        (wish(PRESET, b7_0_ecx_5=1), [QEMU], []),
        (replace(PRESET, attributes=PRESET.attributes | ATTRIBUTES["PKS"]), [KVM, QEMU], [("attribute", "kvm")]),
        (replace(PRESET, attributes=PRESET.attributes | ATTRIBUTES["DEBUG"]), [QEMU], [("attribute", "qemu")]),
        (replace(PRESET, xfam=PRESET.xfam | XFAM["CET"]), [KVM, QEMU], [("xfam", "qemu")]),
        (replace(PRESET, xfam=PRESET.xfam | XFAM["LBR"]), [KVM, QEMU], [("xfam", "kvm")]),
        (replace(PRESET, num_l2_vms=1), [KVM], [("l2-vms", "kvm")]),
        (replace(PRESET, arch_capabilities=0x10), [KVM], [("arch-capabilities", "kvm")]),
        (replace(PRESET, config_flags=CONFIG_FLAGS["GPAW"]), [KVM, QEMU], []),
    ],
)
def test_legal_for_the_module_and_refused_by_a_vmm_is_a_verdict_of_its_own(
    model: VcpuModel, layers: list[VmmLayer], verdicts: list[tuple[str, str]]
) -> None:
    findings = found(model, layers=layers)
    told = [item for item in of(findings, Kind.VMM) if item.severity is Severity.CONFLICT]
    assert sorted((item.code, item.layer.value) for item in told) == sorted(verdicts)
    assert not of(findings, Kind.REFUSAL)


def test_qemus_words_for_what_kvm_below_it_refuses() -> None:
    model = replace(PRESET, attributes=PRESET.attributes | ATTRIBUTES["PKS"])
    [verdict] = of(found(model, layers=[KVM, QEMU]), Kind.VMM)
    assert verdict.message == "ATTRIBUTES.PKS: legal for module 1.5.06, refused by KVM 7.2"
    assert verdict.says == (
        "KVM 7.2: KVM_TDX_INIT_VM fails with EINVAL", "QEMU 10.2: Invalid attributes 0x50000000 for TDX VM",
    )


def test_what_was_assumed_of_a_layer_is_said() -> None:
    model = replace(PRESET, xfam=PRESET.xfam | XFAM["CET"])
    [verdict] = of(found(model, layers=[NEWER_QEMU]), Kind.VMM)
    assert (verdict.code, verdict.severity) == ("xfam-assumed", Severity.WARNING)


def test_perfmon_needs_qemus_pmu() -> None:
    model = replace(PRESET, attributes=ATTRIBUTES["PERFMON"])
    [verdict] = of(found(model, layers=[QEMU]), Kind.VMM)
    assert (verdict.code, verdict.severity) == ("default-off", Severity.WARNING)
    assert "pmu=on" in verdict.message


def test_a_feature_that_this_qemu_has_no_name_for_is_told() -> None:
    others = {bit: name for bit, name in QEMU.feature_names.items() if name != "avx-vnni"}
    nameless = replace(QEMU, feature_names=others)
    assert not of(found(PRESET, layers=[QEMU]), Kind.VMM)
    [verdict] = of(found(PRESET, layers=[nameless]), Kind.VMM)
    assert (verdict.code, verdict.name, verdict.severity) == ("unknown-name", "avx_vnni", Severity.WARNING)
    assert verdict.says == ("QEMU 10.2: Property 'host-x86_64-cpu.avx-vnni' not found",)


def test_a_bit_that_qemu_takes_for_fixed_comes_back_where_a_module_lets_it_be_0() -> None:
    model = wish(PRESET, b1_edx_7=0)
    [verdict] = of(found(model, module="1.5.34", layers=[QEMU]), Kind.VMM)
    assert (verdict.code, verdict.name, verdict.wanted, verdict.got) == ("forced", "mce", 0, 1)
    assert not of(found(model, module="1.5.06", layers=[QEMU]), Kind.VMM)  # there it is the module that forces it


@pytest.mark.parametrize(("width", "severity"), [(46, Severity.CONFLICT), (52, Severity.WARNING)])
def test_kvm_takes_only_two_guest_physical_widths(width: int, severity: Severity) -> None:
    """80000008H:EAX[23:16], which KVM keeps for itself: 48 or 52."""
    model = PRESET.wish(Field.parse("80000008.eax[23:16]"), width)
    [verdict] = of(found(model, layers=[KVM]), Kind.VMM)
    assert (verdict.code, verdict.wanted, verdict.severity) == ("phys-bits", width, severity)


def test_qemu_gives_a_guest_the_hosts_physical_width() -> None:
    model = replace(MINIMAL, config_flags=CONFIG_FLAGS["MAXPA_VIRT"]).wish(Field.parse("80000008.eax[7:0]"), 46)
    here = situation(model, "1.5.34", "granite-rapids")
    assert here.conflict_count == 0
    [verdict] = of(check(here, [QEMU]), Kind.VMM)
    assert (verdict.code, verdict.got) == ("host-phys-bits", 46)
    assert [item.code for item in of(check(here, [KVM]), Kind.VMM)] == ["config-flag"]


def test_kvm_demands_an_entry_that_a_module_must_have_a_slot_for() -> None:
    module = library.module("1.5.06")
    without = replace(module, cpuid_config=tuple(leaf for leaf in module.cpuid_config if leaf != Leaf(0x80000008)))
    findings = check(evaluate(MINIMAL, without, library.platform("sapphire-rapids")), [KVM])
    assert [item.code for item in of(findings, Kind.VMM)] == ["mandatory-entry"]


def test_what_kvm_refuses_and_a_td_has_all_the_same_is_dangerous() -> None:
    layer = replace(KVM, refused={Leaf(1): Field.parse("1.ecx.15").mask}, because={Field.parse("1.ecx.15"): "a test"})
    [verdict] = of(found(PRESET, layers=[layer]), Kind.VMM)
    assert (verdict.code, verdict.severity, verdict.got) == ("clobbers-host", Severity.WARNING, 1)
    assert "dangerous for the host" in verdict.message


def test_the_hypervisors_leaves_are_no_matter_of_the_module() -> None:
    model = wish(PRESET, b40000001_eax_0=1, b40000001_eax_7=1)
    findings = found(model, layers=[QEMU])
    assert not of(findings, Kind.CONFLICT)
    assert [(item.code, item.name) for item in of(findings, Kind.VMM)] == [("pv-feature", "kvm_clocksource")]
    assert warnings(model, "hypervisor-leaf") == ["kvm_clocksource", "kvm_pv_unhalt"]


# -- drift --


@pytest.fixture
def validated(tmp_path: Path) -> Path:
    path = tmp_path / "web.toml"
    path.write_text(exported.exported(PRESET), encoding="utf-8")
    return path


def test_a_model_as_validated_has_no_drift(validated: Path) -> None:
    assert drift(situation(model_file.load(validated)), str(validated)) == []
    assert drift(situation(PRESET), "preset") == []


def test_what_comes_out_otherwise_than_validated_is_drift(validated: Path) -> None:
    text = validated.read_text().replace("max_vcpus = 8\nnum", "max_vcpus = 9\nnum", 1)
    validated.write_text(text)
    [finding] = drift(situation(model_file.load(validated)), str(validated))
    assert (finding.kind, finding.severity) == (Kind.DRIFT, Severity.WARNING)
    assert finding.message == "td_params.max_vcpus: 8 validated, 9 now"


# -- warnings --


def warnings(model: VcpuModel, code: str, **where: object) -> list[str]:
    """The names of what warnings of a sort are about."""
    out: list[str] = []
    for item in of(found(model, **where), Kind.WARNING, code):  # type: ignore[arg-type]
        data = to_data(item)
        out += data.get("names") if "fields" in data else [data["name"]]  # type: ignore[arg-type]
    return out


def test_configurable_features_that_are_left_0_are_told_together() -> None:
    assert {"waitpkg", "hle", "monitor"} <= set(warnings(PRESET, "left-unset"))
    assert len(of(found(PRESET), Kind.WARNING, "left-unset")) == 1


@pytest.mark.parametrize("value", [0, 1])
def test_what_the_model_speaks_of_is_not_left_unset(value: int) -> None:
    assert "monitor" not in warnings(wish(PRESET, b1_ecx_3=value), "left-unset")


def test_what_a_layer_refuses_or_a_gate_closes_is_not_left_unset() -> None:
    assert not {"hle", "rtm", "waitpkg"} & set(warnings(PRESET, "left-unset", layers=[KVM]))
    assert "avx512f" not in warnings(replace(MINIMAL, xfam=3), "left-unset")


def test_what_a_guest_reads_as_1_all_the_same_is_not_left_unset() -> None:
    """D7: MCE, MTRR, MCA and CORE_CAPABILITIES read 1 until the guest sets REDUCE_VE, configured or not."""
    here = {"module": "1.5.34"}
    ones = {item.bit for item in library.module("1.5.34").exit.guest_bits if item.unreduced_one}
    assert Field.parse("1.edx.12") in ones
    assert not {bit_name(bit) for bit in ones} & set(warnings(MINIMAL, "left-unset", **here))
    assert "mtrr" in warnings(wish(MINIMAL, b1_edx_12=0), "guest-reads-1", **here)


def test_what_is_left_unset_depends_on_the_cpu() -> None:
    assert not warnings(PRESET, "left-unset", platform="none")


def test_a_feature_without_what_it_needs() -> None:
    model = wish(PRESET, b7_0_ebx_16=0)
    assert "avx512dq" in warnings(model, "needs")
    assert not warnings(PRESET, "needs")


def test_guest_controlled_bits_are_told() -> None:
    assert "tsc_deadline_timer" in warnings(PRESET, "guest-controlled", module="1.5.34")
    assert not warnings(PRESET, "guest-controlled", module="1.5.06")


def test_a_guest_reads_1_though_the_model_wants_0() -> None:
    assert warnings(wish(PRESET, b1_edx_12=0), "guest-reads-1", module="1.5.34") == ["mtrr"]
    assert not warnings(wish(PRESET, b1_edx_12=1), "guest-reads-1", module="1.5.34")


def test_wishes_for_run_time_bits_and_ve_leaves_are_told() -> None:
    assert warnings(wish(PRESET, b1_ecx_27=1), "run-time") == ["osxsave"]
    assert warnings(wish(PRESET, b6_eax_2=1), "ve") == ["arat"]


def test_an_inferred_mask_is_told() -> None:
    modules = [library.module(name) for name in library.files("modules")]
    inferred = [(module, item) for module in modules for item in module.inferred if item.field or item.leaves]
    assert inferred
    module, item = inferred[0]
    leaf = item.field.leaf if item.field else next(iter(item.leaves))
    model = MINIMAL.wish(Field.bit(leaf, item.field.register if item.field else Register.EAX, 9), 0)
    assert warnings(model, "inferred", module=module.version)
    assert not warnings(model, "inferred", module="1.5.06")


def test_without_a_cpu_what_depends_on_it_is_told() -> None:
    assert "avx512f" in warnings(PRESET, "unknown-cpu", platform="none")
    assert not warnings(PRESET, "unknown-cpu")


# -- order and weight --


def test_the_gravest_findings_come_first_and_named_features_before_the_rest() -> None:
    model = replace(wish(PRESET, b1_ecx_15=0, b7_0_ecx_5=1), xfam=PRESET.xfam & ~XFAM["AVX"])
    model = model.wish(Field.parse("80000008.eax[15:8]"), 0)
    findings = found(model, layers=[KVM])
    kinds = [item.kind for item in findings]
    assert kinds == sorted(kinds, key=list(Kind).index)
    conflicts = of(findings, Kind.CONFLICT)
    assert conflicts[-1].field == Field.parse("80000008.eax[15:8]")


def test_a_warning_fails_only_where_that_is_asked_for() -> None:
    findings = found(PRESET)
    assert findings
    assert fails(findings, Severity.WARNING)
    assert not fails(findings, Severity.CONFLICT)
    assert fails(found(wish(PRESET, b1_ecx_15=0)), Severity.CONFLICT)


def test_the_findings_of_a_situation_come_always_in_the_same_order() -> None:
    model = sources.find("qemu:SapphireRapids-v4").model
    once, again = (found(model, layers=[KVM, QEMU]) for _ in range(2))
    assert once == again
