"""The richest model of a migration pool: no conflict anywhere, nothing that any place lacks, and who costs what."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tdxtui import catalog, library, model_file, vmm
from tdxtui.baseline import Host, Pool, gather, pool
from tdxtui.baseline.costs import costs
from tdxtui.baseline.pool import differing, migratable
from tdxtui.cpuid import CpuidTable, Field, Leaf
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import evaluate
from tdxtui.fit import Unfit
from tdxtui.levers import FMS_CONFIG, MAXPA
from tdxtui.platform import Platform
from tdxtui.td import XFAM

THOROUGH = bool(os.environ.get("TDXTUI_THOROUGH"))
MODULES, PLATFORMS = list(library.files("modules")), list(library.files("platforms"))
SPR, EMR, GNR = "sapphire-rapids", "emerald-rapids", "granite-rapids"


def pooled(*hosts: str, modules: tuple[str, ...] = ("1.5.06",), cold: bool = False, kvm: str | None = None) -> Pool:
    return pool(gather(hosts), [(name, library.module(name)) for name in modules], vmm.chosen(kvm, None), cold)


def assert_runs_everywhere(found: Pool) -> None:
    again = model_file.parse(model_file.dumps(found.model), "test")
    for place in found.places:
        assert evaluate(again, place.target.module, place.target.platform).conflict_count == 0


def changed(name: str, leaf: Leaf, clear: int = 0, put: tuple[Field, int] | None = None) -> Platform:
    """A platform without some bits, or with another value of a field."""
    platform = library.platform(name)
    table = CpuidTable(platform.cpuid)
    key = leaf if leaf in table else Leaf(leaf.leaf)
    table[key] = table[key] & ~clear
    if put:
        table[key] = put[0].put(table[key], put[1])
    return replace(platform, name=f"{name}-changed", cpuid=table)


def of(*platforms: Platform, modules: tuple[str, ...] = ("1.5.06",), cold: bool = False) -> Pool:
    hosts = [Host(platform, [platform.name]) for platform in platforms]
    return pool(hosts, [(name, library.module(name)) for name in modules], (), cold)


def test_any_cpus_on_any_modules_have_a_model_that_runs_everywhere() -> None:
    pools = [(hosts, modules) for size in (1, 2, 3) for hosts in combinations(PLATFORMS, size)
             for modules in [*combinations(MODULES, 1), *combinations(MODULES, 2), tuple(MODULES)]]
    for number, (hosts, modules) in enumerate(pools):
        if THOROUGH or number % 29 == 0:
            assert_runs_everywhere(pooled(*hosts, modules=modules, cold=bool(number % 2)))


@settings(max_examples=200 if THOROUGH else 12, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLATFORMS), st.integers(0, (1 << 96) - 1)), min_size=1, max_size=4),
       st.lists(st.sampled_from(MODULES), min_size=1, max_size=3, unique=True))
def test_cpus_that_lack_some_features_still_have_a_pool(hosts: list[tuple[str, int]], modules: list[str]) -> None:
    """Leaf 7 without some of the bits that no module demands; TSX and LA57 hang on more than CPUID.(7,0)."""
    free = (1 << 96) - 1 & ~(0x810 << 64) & ~(1 << 32 + 16)
    for name in modules:
        free &= ~library.module(name).by_leaf[Leaf(7, 0)].verify_mask
    platforms = [changed(name, Leaf(7, 0), clear=mask & free) for name, mask in hosts]
    assert_runs_everywhere(of(*platforms, modules=tuple(modules)))


def test_sapphire_emerald_and_granite_rapids_share_the_signature_of_the_oldest() -> None:
    found = pooled(SPR, EMR, GNR)
    assert migratable(found)
    assert found.model.wished(FMS_CONFIG) == 0x806F8


def test_a_pool_of_granite_rapids_takes_the_stepping_that_the_modules_list() -> None:
    """The list of 1.5.06 has A06D0 only (5.1), and the CPU is an A06D1."""
    assert library.platform(GNR).cpuid.cpuid(1) >> 96 == 0xA06D1
    assert pooled(GNR).model.wished(FMS_CONFIG) == 0xA06D0


def test_without_migration_each_host_shows_its_own_signature() -> None:
    found = pooled(SPR, GNR, cold=True)
    assert not migratable(found)
    assert found.model.wished(FMS_CONFIG) is None
    assert any("each host's own" in note for note in found.notes)


def test_kvm_that_passes_no_migratable_is_told() -> None:
    found = pooled(SPR, EMR, kvm="7.2")
    assert not migratable(found)
    assert any("KVM 7.2" in note for note in found.notes)


def test_a_feature_that_one_host_lacks_is_lost_and_told_with_that_host() -> None:
    bit = catalog.find("avx512_bitalg")
    found = of(library.platform(GNR), changed(GNR, bit.leaf, clear=bit.mask))
    cost = next(cost for cost in costs(found) if bit in cost.bits)
    assert cost.because == f"{GNR}-changed"
    assert found.model.wished(bit) == 0


def test_a_feature_that_one_module_lacks_is_lost_and_told_with_that_module() -> None:
    bit = catalog.find("prefetchiti")
    found = pooled(GNR, modules=("1.5.06", "1.5.34"))
    assert next(cost for cost in costs(found) if bit in cost.bits).because == "module 1.5.06"


def test_what_no_setting_hides_but_the_loss_of_all_avx_is_told_and_not_wished() -> None:
    """AVX2 is Native where XFAM has AVX (5.4)."""
    bit = catalog.find("avx2")
    found = of(library.platform(SPR), changed(SPR, bit.leaf, clear=bit.mask))
    having, lacking = differing(found)[bit]
    assert [place.host.name for place in having] == [SPR]
    assert [place.host.name for place in lacking] == [f"{SPR}-changed"]
    assert found.model.wished(bit) is None


def test_state_that_only_differing_features_need_goes_so_that_they_look_alike() -> None:
    bit = catalog.find("intel_pt")
    found = of(library.platform(SPR), changed(SPR, bit.leaf, clear=bit.mask))
    assert not found.model.xfam & XFAM["PT"]
    assert bit not in differing(found)
    assert found.model.wished(bit) == 0
    assert_runs_everywhere(found)


def test_max_pa_is_configured_where_hosts_differ_and_modules_can() -> None:
    narrow = changed(EMR, MAXPA.leaf, put=(MAXPA, 46))
    found = of(library.platform(SPR), narrow)
    assert found.model.wished(MAXPA) == 46
    assert_runs_everywhere(found)
    same = of(library.platform(SPR), library.platform(GNR))
    assert same.model.wished(MAXPA) is None


def test_hosts_that_look_alike_count_once_and_keep_their_names(tmp_path: Path) -> None:
    assert len(gather([SPR, SPR, EMR])) == 2
    assert gather([SPR, EMR, SPR])[0].names == [SPR, SPR]


def test_a_module_that_refuses_a_host_is_told_with_both() -> None:
    with pytest.raises(Unfit, match=r"module 1\.5\.05 refuses emerald-rapids-changed: .*INCORRECT_CPUID_VALUE"):
        of(changed(EMR, MAXPA.leaf, put=(MAXPA, 46)), modules=("1.5.05",))


def test_a_pool_needs_a_host() -> None:
    with pytest.raises(TdxtuiError, match="at least one"):
        pooled()


def test_the_richest_pool_of_one_host_loses_nothing_but_to_its_settings() -> None:
    for module in MODULES:
        assert all(not cost.lacking for cost in costs(pooled(SPR, modules=(module,), cold=True)))
