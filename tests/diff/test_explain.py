"""Where each feature went between a host and its TD."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tdxtui import catalog, cli, library, shown_td
from tdxtui.cpuid import Field, Leaf, Register, unpack
from tdxtui.dynamic import GuestState
from tdxtui.importers import Features
from tdxtui.module import Module
from tdxtui.possible import Possible
from tdxtui.sysinit import Prepared
from tdxtui.td import TD_CTLS
from tdxtui.verify.host_guest import Explained, Host, Where, explain, linux_flags, of_features
from tdxtui.verify.host_guest_text import text
from tdxtui.verify.observed import Observed, observed
from tdxtui.words.names import canonical

from .guests import PAIRS, RUNNING, changed, on, seen

EXAMPLES = 300 if os.environ.get("TDXTUI_THOROUGH") else 8

NAMES = "eax", "ebx", "ecx", "edx"


def host(name: str) -> Host:
    """A built-in CPU as the host."""
    platform = library.platform(name)
    return Host(name, observed(name, platform.cpuid), platform)


def features(leaf: Leaf, packed: int) -> set[Field]:
    """The named single bits that are set."""
    return {named.field for named in catalog.fields_of(leaf) if named.field.is_bit and named.field.mask & packed}


def of(shown: Observed) -> set[Field]:
    """The named single bits that a machine shows."""
    return {field for leaf, value in shown.values.items() for field in features(leaf, value)}


def where(found: Explained, key: str) -> tuple[Where, str]:
    """Where a feature went."""
    return next((gone.where, gone.of) for gone in found.features if gone.field.key == key)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from(PAIRS), st.sampled_from([RUNNING, None]), st.data())
def test_each_feature_that_differs_is_named_once_and_truly(
    pair: tuple[str, str], guest: GuestState | None, draw: st.DataObject
) -> None:
    situation = on("minimal", *pair)
    other = on(draw.draw(changed(situation.model, pair[0])), *pair)
    assume(not other.refusals)
    machine, shown = host(pair[1]), seen(other, guest)
    module = library.module(pair[0])
    found = explain(machine, shown, module)
    named = [gone.field for gone in found.features]
    assert len(named) == len(set(named)) and set(named) == of(machine.seen) ^ of(shown)
    assert all(gone.in_guest is (gone.field in of(shown)) for gone in found.features)
    assert all(gone.where is not Where.UNEXPLAINED for gone in found.features)
    prepared = library.prepared(module, library.platform(pair[1]))
    assert isinstance(prepared, Prepared)
    possible = Possible(prepared)
    for gone in found.features:
        if gone.where in (Where.XFAM, Where.ATTRIBUTES, Where.CONFIG) and not gone.in_guest:
            assert can_be_one(module, possible, gone.field)
        if gone.where is Where.FIXED and not gone.in_guest:
            assert not can_be_one(module, possible, gone.field) or closed(module, gone.field)
    assert all(len(line) <= 100 for line in text(found))


def can_be_one(module: Module, possible: Possible, field: Field) -> bool:
    """Whether a bit can be 1 in some TD, by the editor's own masks."""
    entry = module.entry_for(field.leaf)
    return entry is not None and bool(possible.at(entry.leaf)[1] >> field.shift & 1)


def closed(module: Module, field: Field) -> bool:
    """Whether a gate that never opens is on a bit, which `Possible` doesn't look at."""
    return any(
        not module.possible(condition) for gate in module.gates for condition in gate.needs
        if gate.clears.get(field.leaf, 0) & field.mask
    )


def test_features_go_where_the_settings_of_the_vmm_put_them() -> None:
    situation = on("kvm-sapphire-rapids", "1.5.06", "sapphire-rapids")
    found = explain(host("sapphire-rapids"), seen(situation), situation.module)
    assert where(found, "7.0.edx.5") == (Where.XFAM, "UINTR")
    assert where(found, "7.0.edx.19") == (Where.XFAM, "LBR")  # Native 1 is demanded, and gated all the same
    assert where(found, "7.0.ecx.31") == (Where.ATTRIBUTES, "PKS")
    assert where(found, "7.0.ecx.5") == (Where.CONFIG, "")
    assert where(found, "1.ecx.5") == (Where.FIXED, "")
    assert where(found, "6.eax.7") == (Where.VE, "")
    assert where(found, "5.ecx.0") == (Where.NEEDS, "1.ecx.3")
    assert where(found, "1.ecx.31") == (Where.FIXED, "")
    assert next(gone for gone in found.features if gone.in_guest).field.key == "1.ecx.31"


def test_what_the_guest_decides_is_its_own_place() -> None:
    """D7."""
    situation = on("full-granite-rapids", "1.5.34", "granite-rapids")
    reduced = RUNNING._replace(td_ctls=TD_CTLS["REDUCE_VE"])
    found = explain(host("granite-rapids"), seen(situation, reduced), situation.module)
    assert where(found, "1.edx.14")[0] is Where.GUEST
    # Leaf 10H reads 0 with REDUCE_VE: no #VE, and no entry.
    assert where(found, "10.0.ebx.1")[0] is Where.ABSENT


def test_before_ve_reduction_the_vmm_alone_decides_what_isnt_configured() -> None:
    """D7: a guest that didn't set REDUCE_VE had no say in TSC-deadline, nor in that it reads MCE as 1."""
    found = explain(host("granite-rapids"), seen(on("minimal", "1.5.34", "granite-rapids")), library.module("1.5.34"))
    assert where(found, "1.ecx.24")[0] is Where.CONFIG
    assert "1.edx.7" not in [item.field.key for item in found.features]


def test_without_a_module_the_one_that_explains_the_guest_is_taken() -> None:
    situation = on("kvm-sapphire-rapids", "1.5.34", "sapphire-rapids")
    reduced = RUNNING._replace(td_ctls=TD_CTLS["REDUCE_VE"])
    found = explain(host("sapphire-rapids"), seen(situation, reduced))
    assert "1.5.34" in (found.module.version, *found.equal) and "1.5.06" not in (found.module.version, *found.equal)
    assert found.impossible == 0 and found.chosen
    assert any("explains the guest best" in line for line in text(found))


def test_what_no_setting_explains_is_said() -> None:
    situation = on("minimal", "1.5.06", "sapphire-rapids")
    shown = seen(situation)
    values = {**shown.values, Leaf(7, 0): shown.values[Leaf(7, 0)] | 2 << 64}
    found = explain(host("sapphire-rapids"), replace(shown, values=values), situation.module)
    assert found.impossible == 1 and "1 bit of the guest can't come from this module and host" in " ".join(text(found))


def test_flags_by_name_are_explained_without_a_dump() -> None:
    """N20: two lists of flags; only what both know is compared."""
    bits = {name: catalog.find(name) for name in ("avx512f", "avx512vl", "amx_tile", "aes", "vmx")}
    known: dict[Leaf, int] = {}
    for field in bits.values():
        known[field.leaf] = known.get(field.leaf, 0) | field.mask
    theirs = {field.leaf: 0 for field in bits.values()}
    ours = dict(known)
    found = explain(
        Host("host", Observed("host", ours, known=known), None),
        Observed("guest", theirs | {bits[name].leaf: bits[name].mask for name in ("aes", "avx512vl")}, known=known),
        library.module("1.5.06"),
    )
    assert {gone.name: gone.where for gone in found.features} == {
        "avx512f": Where.CONFIG, "amx_tile": Where.XFAM, "vmx": Where.FIXED,  # AVX512VL shows that XFAM has AVX-512
    }


def test_a_list_of_flags_says_that_the_others_are_not_there() -> None:
    """N20: /proc/cpuinfo of the guest against a dump of the host."""
    situation = on("minimal", "1.5.06", "sapphire-rapids")
    shown, flags = seen(situation), linux_flags()
    there = {leaf: value & flags[leaf] for leaf, value in shown.values.items() if value & flags.get(leaf, 0)}
    guest = of_features(Features("cpuinfo", {leaf: (value, value) for leaf, value in there.items()}))
    found = explain(host("sapphire-rapids"), guest, situation.module)
    named = {gone.name: gone.where for gone in found.features if not gone.in_guest}
    assert named["avx512f"] is Where.XFAM and named["vmx"] is Where.FIXED and named["waitpkg"] is Where.CONFIG
    assert {gone.field for gone in found.features} == {
        field for field in of(host("sapphire-rapids").seen) ^ of(shown) if field.mask & flags.get(field.leaf, 0)
    }


@pytest.fixture
def dumps(tmp_path: Path) -> Path:
    """A folder with the dump of a guest."""
    situation = on("minimal", "1.5.06", "sapphire-rapids")
    (tmp_path / "guest.txt").write_text("\n".join(shown_td.raw(situation, RUNNING)[0]))
    return tmp_path


def run(*words: str) -> Result:
    """The command line's answer."""
    return CliRunner().invoke(cli.commands, ["explain", *words], standalone_mode=False)


def dumped(leaf: Leaf, packed: int) -> str:
    """A line of `cpuid -r`."""
    words = (f"{name}=0x{value:08x}" for name, value in zip(NAMES, unpack(packed), strict=True))
    return f"   0x{leaf.leaf:08x} 0x{leaf.subleaf or 0:02x}: {' '.join(words)}"


def test_the_command_in_text_and_as_json(dumps: Path) -> None:
    plain = run("sapphire-rapids", str(dumps / "guest.txt"))
    assert not plain.exception and "features that only the host has" in plain.output
    found = json.loads(run("sapphire-rapids", str(dumps / "guest.txt"), "--json").output)
    assert found["module"] == "1.5.06" and "1.5.05" in found["equal_modules"]
    avx = next(row for row in found["features"] if row["name"] == "avx")
    assert avx == {"field": "1.ecx.28", "name": "avx", "qemu": "avx", "linux": "avx", "in": "host", "where": "xfam",
                   "of": "AVX"}


def test_a_guest_that_is_no_td_is_told_first_and_nothing_is_said_of_its_td_ctls(dumps: Path) -> None:
    assert "IntelTDX" not in run("sapphire-rapids", str(dumps / "guest.txt")).output
    host = library.platform("sapphire-rapids").cpuid
    rows = sorted(host.items(), key=lambda item: (item[0].leaf, item[0].subleaf or 0))
    (dumps / "host.txt").write_text("\n".join(["CPU 0:", *(dumped(leaf, packed) for leaf, packed in rows)]))
    found = run("sapphire-rapids", str(dumps / "host.txt"))
    assert "is that the CPUID of a TD?" in found.output and "TD_CTLS" not in found.output
    assert not json.loads(run("sapphire-rapids", str(dumps / "host.txt"), "--json").output)["looks_like_a_td"]


def test_what_asks_for_features_is_not_taken_for_a_machine_that_has_them(dumps: Path) -> None:
    (dumps / "vm.sh").write_text("qemu-system-x86_64 -cpu SapphireRapids-v2 -object tdx-guest,id=tdx0\n")
    for words in (("sapphire-rapids", "vm.sh"), ("vm.sh", "guest.txt")):
        said = str(run(*(str(dumps / word) if "." in word else word for word in words)).exception)
        assert said == f"{dumps / 'vm.sh'}: is no dump of a CPU but a QEMU command line"


@pytest.mark.parametrize(("words", "said"), [
    (("nowhere.txt", "nowhere.txt"), "there is no CPU or file 'nowhere.txt'"),
    (("sapphire-rapids", "nowhere.txt"), "No such file"),
    (("sapphire-rapids", "{guest}", "-m", "9.9"), "there is no module '9.9'"),
])
def test_bad_input_is_told_in_a_line(dumps: Path, words: tuple[str, ...], said: str) -> None:
    result = run(*(word.format(guest=dumps / "guest.txt") for word in words))
    assert said in str(result.exception) and "\n" not in str(result.exception)


def test_every_leaf_of_a_module_is_found_under_the_name_that_observations_have() -> None:
    """All but 1EH, which modules look up without a sub-leaf."""
    module = library.module("2.0.18")
    assert {entry.leaf for entry in module.entries if canonical(entry.leaf) != entry.leaf} <= {Leaf(0x1E)}
    assert Field(Leaf(0x1E), Register.EAX, 31, 0) == module.entry_field(Field(Leaf(0x1E, 0), Register.EAX, 31, 0))
