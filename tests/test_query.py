"""What `query` says of bits, held against what the engine does."""

from __future__ import annotations

import os
import random

import pytest

from tdxtui import catalog, library, query
from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.dynamic import GuestState
from tdxtui.edits import applied
from tdxtui.errors import TdxtuiError
from tdxtui.module import Module
from tdxtui.query import State
from tdxtui.repair import repaired
from tdxtui.resolve import VirtualCpuid, attempt
from tdxtui.runtime import cpuid, without_entry
from tdxtui.td import TD_CTLS, TdConfig

PLACES = [("1.5.06", "sapphire-rapids"), ("1.5.34", "granite-rapids"), ("2.0.18", "emerald-rapids")]
SAMPLE = 10_000 if os.environ.get("TDXTUI_THOROUGH") else 500


@pytest.mark.parametrize(
    ("asked", "module", "platform", "state", "how"),
    [
        ("pdcm", "1.5.06", "none", State.FIXED_1, ()),
        ("movrs", "1.5.06", "none", State.FIXED_0, ()),
        ("avx512f", "1.5.06", "none", State.FLEXIBLE, ("CPUID_CONFIG", "XFAM")),
        ("avx512f", "1.5.06", "sapphire-rapids", State.FLEXIBLE, ("CPUID_CONFIG", "XFAM")),
        ("avx512_4vnniw", "1.5.06", "sapphire-rapids", State.FIXED_0, ()),  # this CPU lacks it
        ("avx512_4vnniw", "1.5.06", "none", State.FLEXIBLE, ("CPUID_CONFIG", "XFAM")),
        ("amx_tile", "1.5.06", "granite-rapids", State.FLEXIBLE, ("XFAM",)),
        ("arch_lbr", "1.5.06", "none", State.FLEXIBLE, ("XFAM",)),  # a constant 1 behind a gate
        ("pks", "1.5.06", "none", State.FLEXIBLE, ("ATTRIBUTES",)),
        ("osxsave", "1.5.06", "none", State.RUN_TIME, ()),
        ("mtrr", "1.5.06", "none", State.FIXED_1, ()),
        ("mtrr", "1.5.34", "none", State.RUN_TIME, ("CPUID_CONFIG",)),
        ("xsaves", "1.5.06", "none", State.FIXED_1, ()),
        ("avx_vnni_int8", "1.5.06", "granite-rapids", State.FIXED_0, ()),
        ("40000001.eax.0", "1.5.06", "none", State.ABSENT, ()),
    ],
)
def test_the_state_of_a_bit_and_what_changes_it(
    asked: str, module: str, platform: str, state: State, how: tuple[str, ...]
) -> None:
    [answer] = query.ask(asked, module, platform)
    assert answer.state is state
    assert answer.bits[0].how == how


def test_the_cpus_own_bits_are_unknown_without_a_cpu_and_fixed_with_one() -> None:
    states = [query.ask("1e.eax.1", "1.5.06", platform)[0].state for platform in ("none", "sapphire-rapids")]
    assert states == [State.UNKNOWN, State.FIXED_0]


def test_a_fixed_field_has_a_value() -> None:
    [answer] = query.ask("7.0.edx[31:26]", "1.5.06")
    assert (answer.state, answer.value, answer.is_fixed) == (State.FIXED_1, 0x3F, True)
    [answer] = query.ask("7.0.edx[12:9]", "1.5.06")
    assert (answer.state, answer.value, answer.is_fixed) == (State.MIXED, 0b0010, True)
    [answer] = query.ask("7.0.edx", "1.5.06")
    assert (answer.value, answer.is_fixed) == (None, False)


def test_a_program_can_branch_on_the_data() -> None:
    [data] = [query.to_data(answer) for answer in query.ask("avx512f", "1.5.06")]
    assert data["state"] == "flexible"
    assert data["gates"] == ["XFAM.AVX512"]
    assert data["class"] == "configured-native"
    assert [edit["text"] for edit in data["to_1"]] == [
        "CPUID_CONFIG 7.0.ebx.16 = 1", "XFAM.AVX512 = 1", "XFAM.AVX = 1",
    ]
    assert data["to_0"] == []
    assert data["certainty"] == "run"


def test_a_run_time_bit_says_what_it_is_at_the_tds_creation() -> None:
    [data] = [query.to_data(answer) for answer in query.ask("mtrr", "1.5.34")]
    assert (data["state"], data["created"]) == ("run-time", "flexible")
    assert "FEATURE_PARAVIRT_CTLS.MTRR" in data["run_time"][0]


def _sampled(module: str) -> list[Field]:
    bits = [
        Field.bit(entry.leaf, register, number)
        for entry in library.module(module).entries for register in Register for number in range(32)
    ]
    named = [bit for bit in bits if catalog.named_at(bit)]
    return random.Random(module).sample(named, min(SAMPLE, len(named)))


@pytest.mark.parametrize(("module", "platform"), PLACES)
def test_the_edits_do_what_they_are_said_to(module: str, platform: str) -> None:
    asker = query.Asker(module, platform)
    ready = library.prepare_or_raise(asker.module, platform)
    start = TdConfig(attributes=asker.module.attributes.fixed1, xfam=asker.module.xfam.fixed1)
    for bit in _sampled(module):
        item = asker.answer(bit).bits[0]
        for value, edits in enumerate((item.to_zero, item.to_one)):
            if edits is not None:
                assert attempt(ready, applied(start, edits))[0].get(bit) == value, (bit.key, item)
        reached = {value for value, edits in enumerate((item.to_zero, item.to_one)) if edits is not None}
        expected = {State.FIXED_0: {0}, State.FIXED_1: {1}, State.FLEXIBLE: {0, 1}}[item.created]
        assert expected == reached, (bit.key, item)


def _legal_tds(module: Module, platform: str) -> list[VirtualCpuid]:
    """TDs of random legal configurations; the topology is left alone, since random levels are never legal."""
    ready, chance = library.prepare_or_raise(module, platform), random.Random(7)
    topology = module.topology.configured if module.topology else ()
    masks = {leaf: mask for leaf, mask in module.configurable.items() if leaf not in (Leaf(1), *topology)}
    out = []
    for _ in range(30):
        config = TdConfig(
            attributes=chance.getrandbits(64) & ready.attributes_allowed | module.attributes.fixed1,
            xfam=chance.getrandbits(64) & ready.xfam_allowed | module.xfam.fixed1,
            cpuid_config={leaf: chance.getrandbits(128) & mask for leaf, mask in masks.items()},
        )
        td, refusals = attempt(ready, applied(config, repaired(ready, config) or ()))
        out += [] if refusals else [td]
    return out


@pytest.mark.parametrize(("module", "platform"), PLACES)
def test_a_fixed_bit_stays_whatever_is_configured(module: str, platform: str) -> None:
    asker = query.Asker(module, platform)
    legal = _legal_tds(asker.module, platform)
    assert len(legal) > 3
    for bit in _sampled(module):
        item = asker.answer(bit).bits[0]
        if item.created in (State.FIXED_0, State.FIXED_1):
            assert {td.get(bit) for td in legal} == {int(item.created is State.FIXED_1)}, (bit.key, item)


@pytest.mark.parametrize("asked", ["nosuch", "7.0.ebx.99", ""])
def test_an_unknown_name_is_an_error(asked: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        query.ask(asked, "1.5.06")


def test_a_cpu_that_the_module_refuses_is_an_error() -> None:
    with pytest.raises(TdxtuiError):
        query.ask("avx", "1.5.06", "nosuch")


@pytest.mark.parametrize("version", library.files("modules"))
@pytest.mark.parametrize("platform", library.files("platforms"))
def test_what_is_said_of_a_missing_leaf_is_what_a_guest_gets(version: str, platform: str) -> None:
    """7.1, 7.2, D5.1, D5.3, D5.4."""
    module = library.module(version)
    td, _ = attempt(library.prepare_or_raise(module, platform), TdConfig())
    last = td.module.last_base_leaf
    for leaf in (*range(last + 8), 0x3FFFFFFF, 0x40000000, 0x4FFFFFFF, 0x80000009, 0x8000001F, 0xFFFFFFFF):
        if module.entry_for(Leaf(leaf)) is not None:
            continue
        said, default = without_entry(module, leaf), GuestState()
        got = cpuid(td, leaf, 0, default)
        if "if the CPU hasn't this leaf" in said:
            assert got in (None, cpuid(td, last, 0, default))
        elif said.startswith("Beyond"):
            assert got == cpuid(td, last, 0, default), (leaf, said)
        else:
            assert got == (0 if "gets zeros (" in said else None), (leaf, said)
        if "TD_CTLS.REDUCE_VE" in said and leaf not in (0xB, 0x1F):
            assert cpuid(td, leaf, 0, default._replace(td_ctls=TD_CTLS["REDUCE_VE"])) == 0


def test_a_missing_leaf_is_told_once_with_what_a_guest_gets() -> None:
    (answer,) = query.ask("24.0.eax", "1.5.34")
    said = query.text(answer)
    assert said[1:] == [
        "  absent: the module has no entry for this leaf",
        "    Beyond the last leaf: the guest gets what leaf 23H has for the same ECX (rules 7.1, D5.3).",
    ]
    (data,) = (query.to_data(item) for item in query.ask("9.eax.3", "1.5.34"))
    needs = "it sets TD_CTLS.REDUCE_VE and 1.ecx.18 is 0"
    assert data["run_time"] == [f"The guest gets zeros if {needs}, else #VE (rule D5.6)."]
