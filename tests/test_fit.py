"""The nearest legal model: never a conflict, the same every time, and each loss with its reason."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tdxtui import catalog, library, model_file, qemu_models, sources, vmm
from tdxtui.check import Severity, check
from tdxtui.checking.bits import bits_of
from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import evaluate
from tdxtui.fit import Demands, Fit, Target, Unfit, fit
from tdxtui.fit.changes import Outcome, changes
from tdxtui.fit.settings import settings as settings_of
from tdxtui.model import VcpuModel
from tdxtui.naming import bit_name
from tdxtui.sources import Source
from tdxtui.td import ATTRIBUTES, XFAM

THOROUGH = bool(os.environ.get("TDXTUI_THOROUGH"))
MODULES, PLATFORMS = list(library.files("modules")), list(library.files("platforms"))
LAYERS: tuple[tuple[tuple[str, str], ...], ...] = (
    (), (("kvm", "7.2"),), (("kvm", "7.2"), ("qemu", "10.2")), (("qemu", "11.1"),),
)


def target(module: str, platform: str | None, layers: tuple[tuple[str, str], ...] = ()) -> Target:
    return Target.of(
        library.module(module), library.platform(platform) if platform else None,
        [vmm.layer(kind, version) for kind, version in layers],
    )


def fitted(source: str, module: str = "1.5.06", platform: str | None = "sapphire-rapids", *,
           layers: tuple[tuple[str, str], ...] = (), **demands: list[str]) -> Fit:
    return fit(sources.find(source), target(module, platform, layers), Demands.parse(**demands))


def value(found: Fit, name: str) -> int:
    return found.situation.td.get(catalog.find(name))


def assert_legal(found: Fit) -> None:
    """The written model has no conflict, nor anything that a VMM layer won't have: `check` has nothing to say of it."""
    again = model_file.parse(model_file.dumps(found.model), "test")
    on = found.target
    findings = check(evaluate(again, on.module, on.platform), on.layers)
    assert not [item for item in findings if item.severity is Severity.CONFLICT]


def matrix() -> Iterator[tuple[str, str, str]]:
    """Every named model on every module and CPU, or every 17th of them."""
    every = product(qemu_models.models(), MODULES, PLATFORMS)
    yield from (item for number, item in enumerate(every) if THOROUGH or number % 17 == 0)


def test_every_named_model_can_be_fitted_to_every_module_and_cpu() -> None:
    for number, (name, module, platform) in enumerate(matrix()):
        assert_legal(fitted(f"qemu:{name}", module, platform, layers=LAYERS[number % 4]))


def test_on_1_5_06_sapphire_rapids_v4_lacks_the_sixteen_bits_that_the_module_forces() -> None:
    forced = {item.name for item in changes(fitted("qemu:SapphireRapids-v4")) if item.outcome is Outcome.FORCED_ON}
    assert forced == {
        "dtes64", "ds_cpl", "pdcm", "hypervisor", "dts", "fdp_excptn_only", "zero_fcs_fds", "md_clear", "stibp",
        "flush_l1d", "core_capabilities", "intel_psfd", "ipred_ctrl", "rrsba_ctrl", "bhi_ctrl", "invtsc",
    }


def test_qemus_own_table_of_forced_bits_agrees_with_what_module_1_5_06_forces() -> None:
    """All that it lists comes out as 1 in the barest TD, too."""
    bare = fitted("level:x86-64-v1").situation.td
    for leaf, mask in vmm.layer("qemu", "10.2").fixed1.items():
        dynamic = Field.parse("80000001.edx.11").mask if leaf.leaf == 0x80000001 else 0
        ours = bare.at(leaf) & mask
        assert not {bit_name(bit) for bit in bits_of(leaf, mask & ~ours & ~dynamic)}, leaf


wishes = st.dictionaries(
    st.sampled_from([*library.module("2.0.18").by_leaf, Leaf(0x24, 0), Leaf(7, 9)]),
    st.tuples(st.integers(0, ALL_ONES), st.integers(0, ALL_ONES)).map(lambda pair: (pair[0] & pair[1], pair[1])),
    max_size=12,
)
words = st.integers(0, (1 << 64) - 1)
models = st.builds(
    VcpuModel, st.just("random"), attributes=words, xfam=words, config_flags=st.integers(0, 0xFFFF),
    tsc_mhz=st.integers(0, 20000), max_vcpus=st.integers(0, 70000), num_l2_vms=st.integers(0, 9),
    arch_capabilities=st.none() | words, wishes=wishes,
)


@settings(max_examples=600 if THOROUGH else 60, deadline=None)
@given(models, st.booleans(), st.sampled_from(MODULES), st.sampled_from([None, *PLATFORMS]), st.sampled_from(LAYERS))
def test_whatever_the_source_wants_the_fitted_model_has_no_conflict(
    model: VcpuModel, states_td: bool, module: str, platform: str | None, layers: tuple[tuple[str, str], ...]
) -> None:
    found = fit(Source("random", "model", "random", model, states_td), target(module, platform, layers))
    assert_legal(found)


@settings(max_examples=200 if THOROUGH else 25, deadline=None)
@given(models, st.sampled_from(MODULES), st.sampled_from(PLATFORMS))
def test_a_fitted_model_fits_as_it_is_though_it_may_then_wish_for_what_its_features_need_too(
    model: VcpuModel, module: str, platform: str
) -> None:
    on = target(module, platform)
    once = fit(Source("random", "model", "random", model, True), on)
    twice = fit(Source("again", "model", "again", once.model, True), on)
    assert changes(twice) == []
    assert twice.situation.td.values == once.situation.td.values


@settings(max_examples=100 if THOROUGH else 15, deadline=None)
@given(
    st.lists(st.sampled_from(["avx", "avx512f", "amx_tile", "pku", "hypervisor", "la57", "hle", "XFAM.PT", "fma"]),
             unique=True, max_size=5),
    st.integers(0, 5), st.sampled_from(MODULES), st.sampled_from(LAYERS),
)
def test_a_demand_is_met_or_the_fit_fails_with_a_reason(
    names: list[str], cut: int, module: str, layers: tuple[tuple[str, str], ...]
) -> None:
    require, forbid = names[:cut], names[cut:]
    try:
        found = fitted("qemu:SapphireRapids-v2", module, layers=layers, require=require, forbid=forbid)
    except Unfit as unfit:
        assert all("--require" in reason or "--forbid" in reason for reason in unfit.reasons)
        return
    assert_legal(found)
    for name in require + forbid:
        got = found.model.xfam & XFAM["PT"] if name == "XFAM.PT" else value(found, name)
        assert bool(got) is (name in require)


def test_state_that_nothing_wanted_needs_stays_out_of_xfam() -> None:
    assert fitted("level:x86-64-v2").model.xfam == XFAM["X87"] | XFAM["SSE"]
    assert fitted("level:x86-64-v3").model.xfam == XFAM["X87"] | XFAM["SSE"] | XFAM["AVX"]
    assert fitted("level:x86-64-v4").model.xfam == 0xE7


def test_a_required_feature_brings_its_state_along() -> None:
    found = fitted("level:x86-64-v2", require=["amx_tile"])
    assert found.model.xfam & XFAM["AMX"] == XFAM["AMX"]


def test_a_forbidden_feature_takes_along_what_needs_it() -> None:
    found = fitted("qemu:SapphireRapids-v2", forbid=["avx"])
    assert not any(value(found, name) for name in ("avx", "avx2", "fma", "avx512f", "avx512vl"))
    assert value(found, "aes")


def test_what_needs_a_feature_pulls_it_in_unless_the_source_speaks_of_it() -> None:
    found = fitted("level:x86-64-v1", require=["avx512_bf16"])
    assert value(found, "avx512vl")
    assert value(found, "avx512f")


def test_a_fixed_bit_can_be_neither_required_nor_forbidden_away() -> None:
    with pytest.raises(Unfit, match=r"--forbid hypervisor: 1\.ecx\.31 can't be 0 here: fixed to 1"):
        fitted("level:x86-64-v1", forbid=["hypervisor"])
    with pytest.raises(Unfit, match=r"--require vmx: 1\.ecx\.5 can't be 1 here: fixed to 0"):
        fitted("level:x86-64-v1", require=["vmx"])


def test_what_a_vmm_refuses_can_be_required_only_without_it() -> None:
    assert value(fitted("level:x86-64-v1", require=["waitpkg"]), "waitpkg") == 1
    with pytest.raises(Unfit, match=r"KVM 7\.2 refuses it"):
        fitted("level:x86-64-v1", layers=LAYERS[1], require=["waitpkg"])
    with pytest.raises(Unfit, match=r"KVM 7\.2 doesn't pass XFAM PT"):
        fitted("level:x86-64-v1", layers=LAYERS[1], require=["XFAM.PT"])


def test_a_preferred_feature_that_cannot_be_had_is_told_and_no_error() -> None:
    found = fitted("level:x86-64-v1", prefer=["vmx", "aes", "avx512f"])
    assert [item.text for item in found.demands.prefer if not item.value(found.situation)] == ["vmx"]


@pytest.mark.parametrize(("demands", "because"), [
    ({"require": ["avx"], "forbid": ["avx"]}, "both required and forbidden"),
    ({"require": ["avx521f"]}, "did you mean"),
    ({"require": ["XFAM.AVX521"]}, "unknown"),
    ({"forbid": ["cache_level"]}, "bits"),
])
def test_demands_that_make_no_sense_are_bad_input(demands: dict[str, list[str]], because: str) -> None:
    with pytest.raises(TdxtuiError, match=because) as error:
        Demands.parse(**demands)
    assert not isinstance(error.value, Unfit)


def test_family_model_and_stepping_are_kept_where_the_module_lets_them_be() -> None:
    other = fitted("qemu:SapphireRapids-v4")
    assert [item.name for item in changes(other) if item.outcome is Outcome.LEFT_TO_MODULE] == ["family_model_stepping"]
    own = fitted("sapphire-rapids")
    assert own.situation.td.config.cpuid_config[Leaf(1)] >> 96 == 0x806F8


def test_every_setting_that_could_not_stay_is_told_with_its_reason() -> None:
    """2.2, 3.3 and what KVM passes: nothing of the TD changes in silence."""
    model = replace(
        sources.find("kvm-sapphire-rapids").model, attributes=ATTRIBUTES["MIGRATABLE"] | ATTRIBUTES["PERFMON"],
        xfam=3 | XFAM["PT"], max_vcpus=600, num_l2_vms=2, arch_capabilities=0x10, config_flags=0x1C,
    )
    source = Source("web.toml", "model", "", model, states_td=True)
    plain = {item.name: (item.wanted, item.got, item.because) for item in settings_of(fit(source, target(
        "1.5.34", "granite-rapids")))}
    assert plain["ATTRIBUTES.PERFMON"] == (1, 0, "not together with MIGRATABLE")
    assert plain["CONFIG_FLAGS.MAXGPA_VIRT"] == (1, 0, "not together with MAXPA_VIRT")
    assert plain["MAX_VCPUS"] == (600, 576, "the module takes 1..576")
    assert plain["XFAM.AVX512"] == (0, 1, "what is wanted hangs on it")
    assert "NUM_L2_VMS" not in plain and "IA32_ARCH_CAPABILITIES_CONFIG" not in plain
    kvm = {item.name: item.because for item in settings_of(fit(source, target(
        "1.5.34", "granite-rapids", (("kvm", "7.2"),))))}
    assert kvm["XFAM.PT"] == "KVM 7.2 doesn't pass it"
    assert kvm["NUM_L2_VMS"] == kvm["IA32_ARCH_CAPABILITIES_CONFIG"] == "KVM 7.2 has no way to ask for it"
    older = {item.name: item.because for item in settings_of(fit(source, target("1.5.01", "granite-rapids")))}
    assert older["CONFIG_FLAGS.MAXPA_VIRT"] == "module 1.5.01 doesn't allow it"
    assert older["NUM_L2_VMS"] == "a MIGRATABLE TD can't have L2 VMs on this module"


def test_the_settings_of_a_source_that_states_none_are_no_change() -> None:
    assert settings_of(fitted("qemu:SapphireRapids-v4")) == []
    assert settings_of(fitted("kvm-sapphire-rapids")) == []


def test_every_change_has_a_reason_and_features_that_many_know_come_first() -> None:
    found = changes(fitted("granite-rapids", layers=LAYERS[2]))
    assert all(item.because for item in found)
    dropped = [item.name for item in found if item.outcome is Outcome.DROPPED]
    assert dropped.index("intel_pt") < dropped.index("sdbg")


def test_a_module_that_refuses_the_cpu_says_why() -> None:
    broken = replace(library.platform("sapphire-rapids"), arch_capabilities=0)
    with pytest.raises(Unfit, match=r"module 1\.5\.06 refuses sapphire-rapids: TDH\.SYS\.INIT"):
        Target.of(library.module("1.5.06"), broken)
