"""Properties of the engine that hold for every request, module, CPU and TD configuration."""

from __future__ import annotations

import copy
import functools
import json
import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tdxtui import library
from tdxtui.cpuid import ALL_ONES, CpuidTable, Leaf, quad
from tdxtui.module import Condition, Module
from tdxtui.platform import Platform
from tdxtui.protocol import answer_guest, answer_resolve, stream
from tdxtui.refusal import LP_INIT, MNG_INIT, SYS_INIT, Refusal
from tdxtui.resolve import VirtualCpuid, attempt, resolve
from tdxtui.sysinit import Prepared, prepare
from tdxtui.td import ATTRIBUTES, EPTP_4_LEVEL, EPTP_5_LEVEL, XFAM, TdConfig

MODULES = ("1.5.01", "1.5.05", "1.5.06", "1.5.08", "1.5.16", "1.5.28", "1.5.34", "2.0.08", "2.0.18")
PLATFORMS = ("sapphire-rapids", "emerald-rapids", "granite-rapids")
ANSWERS = (answer_resolve, answer_guest)


def few(examples: int) -> settings:
    """The same examples in every run, and as many as the suite has time for."""
    health = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    return settings(
        derandomize=True, database=None, deadline=None, max_examples=examples, suppress_health_check=health
    )


def is_error(answer: Mapping[str, Any]) -> bool:
    """Whether a request was not understood; its text then is one line."""
    if "error" not in answer:
        return False
    assert answer.keys() == {"id", "error"}
    assert answer["error"].splitlines() == [answer["error"]]
    return True


def assert_answer(answer: Any) -> None:
    """An answer is an error, a refusal that says where, or a TD; and it is JSON."""
    assert isinstance(answer, dict)
    json.dumps(answer)
    if is_error(answer):
        return
    if answer["status"] == "TDX_SUCCESS":
        assert answer["at"] is None and answer["cpuid"]
        assert "stage" not in answer
    else:
        assert answer["stage"] in (SYS_INIT, LP_INIT, MNG_INIT)
        assert "cpuid" not in answer
        assert ("at" in answer) is (answer["status"] != "FATAL_ERROR")


# (a) Garbage.

KEYS = (
    "id", "module", "platform", "native", "cpuid", "arch_cap", "tsx_ctrl", "msr", "sockets", "lp_native", "attributes",
    "xfam", "config", "params", "exit", "leaf", "subleaf", "cr4", "cpl", "long_mode", "max_vcpus", "7.0", "1", "zz", "",
)
texts = st.one_of(
    st.text(max_size=12), st.sampled_from([*KEYS, *MODULES, *PLATFORMS, "0" * 32, "f" * 32, "-1", "0x10", "1_0", "\0"])
)
garbage: SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(1 << 70), 1 << 70), st.floats(), texts),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(st.sampled_from(KEYS), texts), inner, max_size=6)
    ),
    max_leaves=16,
)
WHOLE: dict[str, Any] = {
    "id": 1,
    "module": "1.5.16",
    "native": {
        "cpuid": {"0": "00000020756e65476c65746e49656e69", "7.0": "0" * 32},
        "arch_cap": "20fdeb",
        "tsx_ctrl": "0",
        "msr": {"345": "3000"},
        "sockets": ["806f8"],
    },
    "lp_native": {"cpuid": {"7.0": "0" * 32}},
    "attributes": "0",
    "xfam": "3",
    "config": {"7.0": "0" * 32},
    "params": {"max_vcpus": "1", "tsc_frequency": "50", "eptp_controls": "1e"},
    "exit": [{"leaf": "7", "subleaf": "0", "cr4": "0", "cpl": 0, "long_mode": True, "sup_ve": 0, "td_ctls": "0"}],
}
PLACES: tuple[tuple[str | int, ...], ...] = (
    *((key,) for key in (*WHOLE, "platform")),
    *(("native", key) for key in WHOLE["native"]),
    *(("params", key) for key in WHOLE["params"]),
    *(("exit", 0, key) for key in (*WHOLE["exit"][0], "nothing that is known")),
    ("native", "cpuid", "7.0"), ("native", "msr", "345"), ("native", "sockets", 0), ("lp_native", "cpuid"),
    ("lp_native", "cpuid", "7.0"), ("config", "7.0"), ("exit", 0),
)


@st.composite
def half_right(draw: DrawFn) -> dict[str, Any]:
    """A request that would be understood but for one place."""
    request = copy.deepcopy(WHOLE)
    *way, last = draw(st.sampled_from(PLACES))
    holder: Any = request
    for key in way:
        holder = holder[key]
    holder[last] = draw(garbage)
    return request


@pytest.mark.parametrize("answer", ANSWERS)
@few(150)
@given(request=garbage)
def test_garbage_is_answered(answer: Callable[[Any], Any], request: Any) -> None:
    assert_answer(answer(request))


@pytest.mark.parametrize("answer", ANSWERS)
@few(200)
@given(request=half_right())
def test_request_with_one_bad_place_is_answered(answer: Callable[[Any], Any], request: Any) -> None:
    assert_answer(answer(request))


# (b) Requests that have the right form.


LEGAL_XFAM = (0x3, 0x7, 0xE7, 0x6DBE7, 0x61AE7, 0x60003, 0x602E7, 0x103, 0x1803, 0x4203, 0x8007)
LEGAL_ATTRIBUTES = (0, 0, 0x40000000, 0x10000001, 0x8000000000000000, 0xC000000010000000, 0x20000000)
NOISY = (1, 4, 5, 6, 7, 0x14, 0x19, 0x1A, 0x1D, 0x1E, 0x21, 0x80000001, 0x80000007)
FMS = (0, 0xD06D0, 0xA06E0, 0xA06D0, 0xA06D1, 0xA06F3, 0xC06F2, 0x806F8, 0x606A6)
CAPABILITIES = {str(bit): 1 << bit for bit in (4, 19, 20, 24)}
TSX = 0x810 << 64
Td = tuple[Module, Platform, TdConfig]


@functools.lru_cache
def noise(version: str) -> SearchStrategy[list[tuple[Leaf, int]]]:
    """Some native bits that no check of TDH.SYS.INIT looks at, of leaves where they are many."""
    watched = {Leaf(1): 0xFFFFFFFF << 96, Leaf(7, 0): 0x10000 << 32, Leaf(4, 3): 0x3FFC000 << 96}
    free = [
        (entry.leaf, bit)
        for entry in library.module(version).entries
        if entry.leaf.leaf in NOISY
        for bit in range(128)
        if not (entry.verify_mask | watched.get(entry.leaf, 0)) >> bit & 1
    ]
    return st.lists(st.sampled_from(free), max_size=8)


@st.composite
def sane_platforms(draw: DrawFn, module: Module) -> Platform:
    """A built-in platform with some bits flipped that the module doesn't look at."""
    cpu = library.platform(draw(st.sampled_from(PLATFORMS)))
    table = CpuidTable(cpu.cpuid)
    for leaf, bit in draw(noise(module.version)):
        table[leaf] = table.at(leaf) ^ 1 << bit
    return replace(cpu, cpuid=table)


@st.composite
def sane_cpuid_configs(draw: DrawFn, module: Module) -> dict[Leaf, int]:
    """CPUID_CONFIG of bits that may be set, but for FMS, MAX_PA and the topology; HLE and RTM together."""
    config = {}
    for leaf in draw(st.lists(st.sampled_from(module.cpuid_config), unique=True, max_size=6)):
        wished = draw(st.one_of(st.just(ALL_ONES), st.integers(0, ALL_ONES))) & module.configurable[leaf]
        if leaf == Leaf(7, 0):
            wished &= ~TSX
        if leaf.leaf != 0x1F:
            config[leaf] = wished & (ALL_ONES >> 32 if leaf.leaf in (1, 0x80000008) else ALL_ONES)
    return config


@st.composite
def sane_tds(draw: DrawFn) -> Td:
    """What most modules accept."""
    module = library.module(draw(st.sampled_from(MODULES)))
    config = TdConfig(
        attributes=draw(st.sampled_from(LEGAL_ATTRIBUTES)) & module.attributes.allowed,
        xfam=draw(st.sampled_from(LEGAL_XFAM)),
        cpuid_config=draw(sane_cpuid_configs(module)),
        max_vcpus=draw(st.sampled_from((1, 8, 576))),
        config_flags=draw(st.sampled_from((0, 0, 2, 6))),
        eptp_controls=draw(st.sampled_from((EPTP_4_LEVEL, EPTP_4_LEVEL, EPTP_5_LEVEL))),
        tsc_frequency=draw(st.integers(4, 400)),
    )
    return module, draw(sane_platforms(module)), config


def words(bits: int) -> SearchStrategy[int]:
    """A number of so many bits."""
    return st.integers(0, (1 << bits) - 1)


def bits(names: Mapping[str, int]) -> SearchStrategy[int]:
    """A word of named bits."""
    chosen = st.lists(st.sampled_from(sorted(names.values())), unique=True, max_size=4)
    return chosen.map(lambda masks: functools.reduce(operator.or_, masks, 0))


FIELDS: dict[str, SearchStrategy[Any]] = {
    "attributes": st.one_of(bits(ATTRIBUTES), words(64)),
    "xfam": st.one_of(bits(XFAM).map(lambda mask: mask | 3), words(20), words(64)),
    "max_vcpus": words(16),
    "num_l2_vms": words(8),
    "config_flags": st.one_of(words(8), words(64)),
    "eptp_controls": st.one_of(words(6), words(64)),
    "tsc_frequency": words(16),
    "msr_config_ctls": st.one_of(st.just(1), words(8)),
    "arch_capabilities_config": st.one_of(st.just(0), bits(CAPABILITIES), words(64)),
}


@st.composite
def wild_platforms(draw: DrawFn, cpu: Platform) -> Platform:
    """The platform with some of what TDH.SYS.INIT looks at changed."""
    table, leaves = CpuidTable(cpu.cpuid), sorted(cpu.cpuid, key=lambda leaf: leaf.key)
    flips = st.lists(st.tuples(st.sampled_from(leaves), st.integers(0, 127)), max_size=3)
    kind = draw(st.sampled_from(("flips", "missing", "capabilities", "tsx", "sockets", "others")))
    if kind == "missing":
        del table[draw(st.sampled_from(leaves))]
    elif kind == "capabilities":
        return replace(cpu, arch_capabilities=cpu.arch_capabilities ^ 1 << draw(st.integers(0, 63)))
    elif kind == "tsx":
        return replace(cpu, tsx_ctrl=draw(words(2)), arch_capabilities=cpu.arch_capabilities & ~(draw(words(1)) << 7))
    elif kind == "sockets":
        return replace(cpu, sockets=tuple(draw(st.lists(st.one_of(st.sampled_from(FMS), words(32)), max_size=3))))
    elif kind == "others":
        lp = {leaf: table[leaf] ^ 1 << bit for leaf, bit in draw(flips)}
        return replace(cpu, lp_cpuid=CpuidTable(lp))
    for leaf, bit in draw(flips):
        table[leaf] = table.at(leaf) ^ 1 << bit
    return replace(cpu, cpuid=table)


@st.composite
def wild_cpuid_configs(draw: DrawFn, module: Module) -> dict[Leaf, int]:
    """CPUID_CONFIG of anything that may be set, and a bit that perhaps may not."""
    leaves = draw(st.lists(st.sampled_from(module.cpuid_config), unique=True, max_size=8))
    config = {leaf: draw(words(128)) & module.configurable[leaf] for leaf in leaves}
    if draw(st.booleans()):
        leaf = draw(st.sampled_from(module.cpuid_config))
        config[leaf] = config.get(leaf, 0) ^ 1 << draw(st.integers(0, 127))
    if Leaf(1) in config and draw(st.booleans()):
        config[Leaf(1)] = draw(st.sampled_from(FMS)) << 96
    return config


@st.composite
def wild_tds(draw: DrawFn) -> Td:
    """A sane TD with one or two things changed at random."""
    module, cpu, config = draw(sane_tds())
    often = ["cpu", "cpuid_config"] * 4
    for name in draw(st.lists(st.sampled_from([*often, *FIELDS]), max_size=2)):
        if name == "cpu":
            cpu = draw(wild_platforms(cpu))
        elif name == "cpuid_config":
            config = config._replace(cpuid_config=draw(wild_cpuid_configs(module)))
        else:
            config = config._replace(**{name: draw(FIELDS[name])})
    return module, cpu, config


probes = st.lists(
    st.fixed_dictionaries(
        {"leaf": st.one_of(st.integers(0, 0x25), st.integers(0x80000000, 0x80000009), words(32)).map("{:x}".format)},
        optional={
            **{key: words(32).map("{:x}".format) for key in ("subleaf", "cr4", "xcr0", "xss", "vcpu", "x2apic_id")},
            **{key: words(6).map("{:x}".format) for key in ("td_ctls", "feature_paravirt_ctls")},
            **{key: words(1) for key in ("sup_ve", "user_ve", "ctl_sup_ve", "ctl_user_ve", "enum_topology")},
            "cpl": st.integers(0, 3),
            "long_mode": st.booleans(),
        },
    ),
    max_size=4,
)


def quads(table: Mapping[Leaf, int]) -> dict[str, str]:
    """Packed values as the streams write them."""
    return {leaf.key: quad(value) for leaf, value in table.items()}


def request_of(module: Module, cpu: Platform, config: TdConfig) -> dict[str, Any]:
    """The request of protocol 1 that says the same."""
    names = ("max_vcpus", "num_l2_vms", "config_flags", "eptp_controls", "tsc_frequency", "msr_config_ctls")
    params = {name: f"{getattr(config, name):x}" for name in names}
    return {
        "id": 7,
        "module": module.version,
        "native": {
            "cpuid": quads(cpu.cpuid),
            "arch_cap": f"{cpu.arch_capabilities:x}",
            "tsx_ctrl": f"{cpu.tsx_ctrl:x}",
            "msr": {f"{address:x}": f"{value:x}" for address, value in cpu.msrs.items()},
            "sockets": [f"{fms:x}" for fms in cpu.sockets],
        },
        "lp_native": {"cpuid": quads(cpu.lp_cpuid)},
        "attributes": f"{config.attributes:x}",
        "xfam": f"{config.xfam:x}",
        "config": quads(config.cpuid_config),
        "params": {**params, "ia32_arch_capabilities_config": f"{config.arch_capabilities_config:x}"},
    }


def computed(module: Module, cpu: Platform, config: TdConfig) -> VirtualCpuid | Refusal:
    """What the library says."""
    ready = prepare(module, cpu)
    return resolve(ready, config) if isinstance(ready, Prepared) else ready


@few(300)
@given(td=wild_tds(), asked=probes)
def test_request_of_the_right_form_gets_a_verdict(
    td: Td, asked: list[dict[str, Any]]
) -> None:
    request = request_of(*td)
    answer, seen = answer_resolve(request), answer_guest({**request, "exit": asked})
    assert_answer(answer)
    assert not is_error(answer)
    assert not is_error(seen)
    assert {key: value for key, value in seen.items() if key != "exit"} == answer
    assert len(seen.get("exit", asked)) == len(asked)


@few(100)
@given(td=wild_tds())
def test_library_and_protocol_say_the_same(td: Td) -> None:
    # A built-in platform may lack facts (TDX_IO, SEAMGETKEY), which a request can't say.
    module, cpu, config = td
    found = computed(module, replace(cpu, missing_facts=frozenset()), config)
    answer = answer_resolve(request_of(*td))
    if isinstance(found, Refusal):
        assert (answer["status"], answer["stage"]) == (found.status, found.stage)
        assert found.rule and found.because and found.status
    else:
        assert answer["cpuid"] == quads(found.cpuid())


# (c) What a TD's values obey.


def holds(td: VirtualCpuid, condition: Condition) -> bool:
    """Whether a gate's condition holds for a TD."""
    if condition.scope == "bit":
        assert condition.field is not None
        return bool(td.get(condition.field)) is not condition.negated
    return (td.config.param(condition.scope) & condition.mask == condition.mask) is not condition.negated


def closed(td: VirtualCpuid, leaf: Leaf) -> int:
    """The bits of an entry that a gate clears."""
    mask = 0
    for gate in td.module.gates:
        if leaf in gate.clears and not all(holds(td, condition) for condition in gate.needs):
            mask |= gate.clears[leaf]
    return mask


def decided_otherwise(module: Module, leaf: Leaf) -> int:
    """The bits of an entry that a function, ATTRIBUTES or the topology decides."""
    if module.topology is not None and leaf in (*module.topology.configured, *module.topology.derived):
        return ALL_ONES
    fields = [*(item.field for item in module.computed), *(mirror.bit for mirror in module.mirrors)]
    return sum({field.mask for field in fields if field.leaf == leaf})


@few(200)
@given(td=sane_tds())
def test_values_obey_the_module_file(td: Td) -> None:
    found = computed(*td)
    if isinstance(found, Refusal):
        return
    for entry, value, native in zip(found.module.entries, found.values, found.prepared.native, strict=True):
        assert 0 <= value <= ALL_ONES
        rest = ~decided_otherwise(found.module, entry.leaf)
        open_bits, wished = rest & ~closed(found, entry.leaf), found.config.cpuid_config.get(entry.leaf, 0)
        where = entry.leaf.key
        assert value & entry.fixed0 & rest == 0, where
        assert ~value & entry.fixed1 & rest == 0, where
        assert value & entry.dynamic & rest == 0, where
        assert value & rest & ~open_bits == 0, where
        assert (value ^ wished) & entry.configured & open_bits == 0, where
        assert (value ^ wished & native) & entry.configured_native & open_bits == 0, where
        typed = entry.fixed0 | entry.fixed1 | entry.dynamic | entry.configurable
        assert (value ^ native) & ~typed & open_bits == 0, where


@few(50)
@given(td=sane_tds())
def test_mirrors_show_attributes(td: Td) -> None:
    found = computed(*td)
    if isinstance(found, VirtualCpuid):
        for mirror in found.module.mirrors:
            assert bool(found.get(mirror.bit)) is holds(found, mirror.of)


# (d) attempt and resolve.


@few(200)
@given(td=wild_tds())
def test_attempt_agrees_with_resolve(td: Td) -> None:
    module, cpu, config = td
    ready = prepare(module, cpu)
    if isinstance(ready, Refusal):
        return
    tried, refusals = attempt(ready, config)
    found = resolve(ready, config)
    if isinstance(found, Refusal):
        assert refusals[0] == found
    else:
        assert refusals == ()
        assert tried == found


# (e) The stream.

blank = st.sampled_from([b"", b" ", b"\t \r", b"\n"])
broken = st.binary(min_size=1, max_size=20).map(lambda raw: b"{" + raw.replace(b"\n", b" "))
objects = st.one_of(half_right(), st.dictionaries(texts, garbage, max_size=3))


@st.composite
def streams(draw: DrawFn) -> tuple[list[bytes], list[Any]]:
    """Lines, and the ids that the answers must carry in their order; None for a line that is no object."""
    lines: list[bytes] = []
    ids: list[Any] = []
    for number in range(draw(st.integers(0, 8))):
        kind = draw(st.integers(0, 3))
        if kind == 0:
            lines.append(draw(blank))
        elif kind == 1:
            lines.append(draw(broken))
            ids.append(None)
        else:
            identity = draw(st.sampled_from((number, f"line {number}", [number])))
            lines.append(json.dumps({**draw(objects), "id": identity}).encode())
            ids.append(identity)
    return lines, ids


@pytest.mark.parametrize("answer", ANSWERS)
@few(80)
@given(drawn=streams())
def test_stream_answers_each_line_once_in_order(
    answer: Callable[[Any], Any], drawn: tuple[list[bytes], list[Any]]
) -> None:
    lines, ids = drawn
    answers = list(stream(lines, answer))
    assert len(answers) == len(ids)
    for got, identity in zip(answers, ids, strict=True):
        assert_answer(got)
        assert json.loads(json.dumps(got, allow_nan=False)) == got
        assert got["id"] == identity or "not JSON" in got["error"]


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"[1e400]"])
def test_stream_answers_json_to_a_number_beyond_floats(number: bytes) -> None:
    # Protocol 1: one JSON object a line out; JSON has no Infinity.
    answers = list(stream([b'{"id": ' + number + b', "module": "1.5.06"}'], answer_resolve))
    assert len(answers) == 1
    json.dumps(answers[0], allow_nan=False)


@few(30)
@given(drawn=st.lists(wild_tds(), min_size=1, max_size=3))
def test_stream_answers_as_one_by_one(drawn: list[Td]) -> None:
    requests = [{**request_of(*td), "id": number} for number, td in enumerate(drawn)]
    lines = [json.dumps(request).encode() + b"\n" for request in requests]
    assert list(stream(lines, answer_resolve)) == [answer_resolve(request) for request in requests]
