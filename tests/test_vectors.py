"""The engine against what the modules' own code answers, for the versions whose source could be run.

`tests/vectors` holds a sample. Its first line has the values that most vectors share, by the path of the table that
holds them; every other line is a vector that says only where it differs, null for a key that it lacks. Where the
project's shared folder lies next to the checkout, all vectors are compared.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tdxtui import library, metadata
from tdxtui.cpuid import CpuidTable, Leaf, quad
from tdxtui.platform import Platform
from tdxtui.protocol import answer_guest, answer_resolve
from tdxtui.resolve import VirtualCpuid, resolve
from tdxtui.sysinit import Prepared, prepare
from tdxtui.td import TdConfig

Vector = dict[str, Any]

SAMPLES = sorted(Path(__file__).with_name("vectors").glob("*.jsonl"))
SHARED = sorted((Path(__file__).resolve().parents[2] / "shared" / "vectors").glob("*.jsonl.gz"))
TABLES = {
    "native.cpuid": "native.cpuid",
    "config": "config",
    "expect.cpuid": "expect.cpuid",
    "expect.mng_rd": "expect.cpuid",
    "expect.global": "expect.cpuid",
    "expect.sys_info.cpuid_config": "expect.sys_info.cpuid_config",
}
VERSIONS = ("1.5.01", "1.5.05", "1.5.06")


def sampled(path: Path) -> list[Vector]:
    """The vectors of a sample, made whole."""
    first, *lines = path.read_text().splitlines()
    common = json.loads(first)["common"]
    return [unfolded(json.loads(line), common) for line in lines]


def unfolded(vector: Vector, common: dict[str, dict[str, str]]) -> Vector:
    """A sample's vector with the shared values filled in."""
    for path, shared in TABLES.items():
        *parents, name = path.split(".")
        holder: Any = vector
        for parent in parents:
            holder = holder.get(parent, {})
        if name in holder:
            whole = {**common[shared], **holder[name]}
            holder[name] = {key: value for key, value in whole.items() if value is not None}
    return vector


def shared(path: Path) -> Iterator[Vector]:
    """The vectors of a shared file; those that name no module are of the version in its name."""
    version = path.name.partition("-")[0]
    with gzip.open(path, "rt") as lines:
        for line in lines:
            yield {"module": version, **json.loads(line)}


def disagreements(vectors: Iterable[Vector]) -> list[str]:
    """What the engine answers otherwise, one line for each difference."""
    return [f"{vector['id']}: {line}" for vector in vectors for line in compared(vector)]


def compared(vector: Vector) -> list[str]:
    """A vector's differences by what kind it is of: TDH.SYS.INIT, CPUID in the guest, or TDH.MNG.INIT."""
    request = {key: value for key, value in vector.items() if key != "expect"}
    expect = vector["expect"]
    if "global" in expect:
        return differences(expect, host_reads(request))
    if "exit" not in request:
        return differences(expect, {**answer_resolve(request), "id": None})
    answer = answer_guest(request)
    if "mng_rd" in expect:
        answer["mng_rd"] = mng_rd(request, expect["mng_rd"])
    # These vectors state neither flags nor the MSR; those of TDH.MNG.INIT do.
    return differences(expect, {key: value for key, value in answer.items() if key in expect})


def differences(expect: Vector, answer: Vector, where: str = "") -> list[str]:
    """Every place where an answer is not what is expected; flags have no order, and `id` is not compared."""
    out = []
    for key in sorted(expect.keys() | answer.keys() - {"id"}):
        want, got = expect.get(key, "nothing"), answer.get(key, "nothing")
        if isinstance(want, dict) and isinstance(got, dict):
            out += differences(want, got, f"{where}{key} ")
        elif want != got and not (key == "flags" and sorted(want) == sorted(got)):
            out.append(f"{where}{key}: expected {want}, got {got}")
    return out


def quads(table: dict[Leaf, int]) -> dict[str, str]:
    """Packed values as the streams write them."""
    return {leaf.key: quad(value) for leaf, value in table.items()}


def prepared(request: Vector) -> Prepared:
    """The request's module on its native values, which must be accepted."""
    native = request["native"]
    cpu = Platform(request["id"], CpuidTable.from_quads(native["cpuid"]), int(native["arch_cap"], 16))
    found = prepare(library.module(request["module"]), cpu)
    assert isinstance(found, Prepared), found
    return found


def host_reads(request: Vector) -> Vector:
    """TDH.SYS.CONFIG's global values, TDH.SYS.INFO and TDH.SYS.RD as the library tells them (protocol 3)."""
    ready = prepared(request)
    start = dict(zip((entry.leaf for entry in ready.module.entries), ready.start, strict=True))
    words = {
        "attributes_fixed0": f"{ready.attributes_allowed:x}",
        "attributes_fixed1": f"{ready.module.attributes.fixed1:x}",
        "xfam_fixed0": f"{ready.xfam_allowed:x}",
        "xfam_fixed1": f"{ready.module.xfam.fixed1:x}",
    }
    success = "TDX_SUCCESS"
    listed = [(metadata.leaf_code(leaf), value) for leaf, value in metadata.cpuid_config_values(ready).items()]
    beyond = [((1 << 64) - 1, 0)]
    read = [{"leaf_raw": f"{code:x}", "st": success, "vst": success, "v": quad(v)} for code, v in listed + beyond]
    return {
        "status": success,
        "global": quads(start),
        "sys_info": {**words, "status": success, "cpuid_config": quads(metadata.cpuid_config(ready))},
        "sys_rd": {**words, "cpuid_config": read},
    }


def mng_rd(request: Vector, keys: Iterable[str]) -> dict[str, str]:
    """TDH.MNG.RD CPUID_VALUES of the request's TD: a value or a status by key (rule 6.3)."""
    config = TdConfig(
        attributes=int(request["attributes"], 16),
        xfam=int(request["xfam"], 16),
        cpuid_config=CpuidTable.from_quads(request["config"]),
        **{name: int(value, 16) for name, value in request["params"].items()},
    )
    td = resolve(prepared(request), config)
    assert isinstance(td, VirtualCpuid), td
    values = {key: metadata.cpuid_value(td, Leaf.parse(key)) for key in keys}
    return {key: value if isinstance(value, str) else quad(value) for key, value in values.items()}


@pytest.mark.parametrize("path", SAMPLES + SHARED, ids=lambda path: path.name)
def test_engine_answers_as_the_module(path: Path) -> None:
    assert disagreements(shared(path) if path in SHARED else sampled(path)) == []


def test_samples_are_there_for_every_version_that_was_run() -> None:
    assert [path.stem for path in SAMPLES] == list(VERSIONS)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_sample_has_every_kind(path: Path) -> None:
    vectors = sampled(path)
    assert sum("exit" in vector for vector in vectors) >= 8
    assert sum("global" in vector["expect"] for vector in vectors) >= 4
    assert sum("stage" in vector["expect"] for vector in vectors) >= 18
    assert len(vectors) >= 50


def verdicts(vectors: Iterable[Vector]) -> set[tuple[str | None, ...]]:
    """The distinct answers beside the values."""
    keys = ("status", "stage", "operand", "msr", "detail")
    return {tuple(vector["expect"].get(key) for key in keys) for vector in vectors}


def test_samples_have_every_verdict_of_the_shared_vectors() -> None:
    for path in SHARED:
        if "-init" in path.name:
            sample = SAMPLES[0].with_name(f"{path.name.partition('-')[0]}.jsonl")
            assert verdicts(sampled(sample)) >= verdicts(shared(path)), path.name


def test_comparison_sees_each_difference() -> None:
    request = next(vector for vector in sampled(SAMPLES[0]) if vector["expect"].get("flags"))
    expect = request["expect"]
    assert compared(request) == []
    for key, other in {"status": "X", "at": "1", "flags": [], "virt_arch_cap": "0", "stage": "X"}.items():
        assert len(compared({**request, "expect": {**expect, key: other}})) == 1
    values = {**expect["cpuid"], "7.0": "0" * 32}
    assert len(compared({**request, "expect": {**expect, "cpuid": values}})) == 1
    del values["7.0"]
    assert len(compared({**request, "expect": {**expect, "cpuid": values}})) == 1
