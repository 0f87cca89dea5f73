"""A TD's real CPUID against the prediction: run time makes no difference, and each difference has a cause."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tdxtui import cli, library, shown_td, situations
from tdxtui.cpuid import Field, Leaf
from tdxtui.dynamic import GuestState
from tdxtui.errors import TdxtuiError
from tdxtui.td import ATTRIBUTES, FEATURE_PARAVIRT_CTLS, TD_CTLS, XFAM
from tdxtui.verify.causes import CONFIG, FIXED, SETTING
from tdxtui.verify.check_dump import Verification, verify
from tdxtui.verify.observed import GUEST, TDCS, observed
from tdxtui.verify.verify_text import data, text

from .guests import PAIRS, PRESETS, RUNNING, changed, dumped, on, seen

EXAMPLES = 400 if os.environ.get("TDXTUI_THOROUGH") else 10
REDUCED = RUNNING._replace(td_ctls=TD_CTLS["REDUCE_VE"])


def fields(found: Verification) -> dict[str, str]:
    """The causes by field."""
    return {item.field.key: item.cause.kind for item in found.differences}


@pytest.mark.parametrize(("module", "platform"), PAIRS)
def test_a_td_as_predicted_has_no_findings_in_the_guest_nor_in_tdcs(module: str, platform: str) -> None:
    situation = on("kvm-sapphire-rapids", module, platform)
    if situation.refusals:
        pytest.skip("the module refuses this model here")
    for guest in (RUNNING, None):
        found = verify(situation, seen(situation, guest))
        assert not found.differences and not found.guest and found.compared > 50
        assert found.better is None


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("names", ["", "ENUM_TOPOLOGY", "REDUCE_VE"])
def test_the_guests_state_is_found_out(preset: str, names: str) -> None:
    situation = situations.find(preset, "1.5.34", situations.find_model(preset).platform or "granite-rapids")
    ctls = TD_CTLS[names] if names else 0
    found = verify(situation, seen(situation, RUNNING._replace(td_ctls=ctls)))
    assert not found.differences and found.state.td_ctls == ctls


def test_the_view_is_told_by_what_is_empty_only_in_tdcs() -> None:
    situation = on("minimal", "1.5.06", "sapphire-rapids")
    assert seen(situation).view == GUEST and seen(situation, None).view == TDCS


def test_bits_that_the_guest_controls_are_no_difference_and_are_told() -> None:
    """D7: the guest turned MTRR on and left the others off."""
    situation = on("full-granite-rapids", "1.5.34", "granite-rapids")
    guest = REDUCED._replace(feature_paravirt_ctls=FEATURE_PARAVIRT_CTLS["MTRR"])
    found = verify(situation, seen(situation, guest))
    assert not found.differences
    assert [(item.field.key, item.got) for item in found.guest] == [("1.edx.12", 1)]
    exact = verify(situation, seen(situation, guest), guest)
    assert not exact.differences and not exact.guest


def test_before_ve_reduction_they_are_the_vmms_and_compared() -> None:
    """D7: without REDUCE_VE TSC-deadline reads as configured, and MCE 1 whatever was."""
    model = situations.find_model("kvm-sapphire-rapids")
    place = "1.5.34", "sapphire-rapids"
    other = on(model.wish(Field.parse("1.ecx.24"), 0), *place)
    found = verify(on(model, *place), seen(other))
    assert [(item.name, item.cause.kind) for item in found.differences] == [("tsc_deadline_timer", "CPUID_CONFIG")]
    assert not found.guest


def test_the_guests_state_is_told_by_what_no_vmm_could_have_set() -> None:
    """The CPU's own caches, configured, are no sign of #VE reduction."""
    place = "1.5.34", "sapphire-rapids"
    found = verify(on("minimal", *place), seen(on("kvm-sapphire-rapids", *place)))
    assert found.state.td_ctls == 0
    assert found.differences and not any(item.cause.kind == FIXED for item in found.differences)


def test_what_run_time_decides_is_not_compared() -> None:
    situation = on("minimal", "1.5.06", "sapphire-rapids")
    other = GuestState(cr4=0, xcr0=3, vcpu_index=200, long_mode=False)
    found = verify(situation, seen(situation, other))
    assert not found.differences
    assert {field.key for field in found.run_time} >= {"1.ebx[31:24]", "1.ecx.27", "d.0.ebx", "80000001.edx.11"}


def test_ve_leaves_are_told_apart_with_what_the_handler_answered() -> None:
    situation = on("minimal", "1.5.06", "sapphire-rapids")
    dump = dumped(situation)
    table = {**dump.cpuid, Leaf(2): 1 << 96, Leaf(6): 0, Leaf(0x40000000): 5}
    found = verify(situation, observed("dump", table))
    assert not found.differences and found.ve == (Leaf(2), Leaf(6)) and found.others == (Leaf(0x40000000),)
    lines = " ".join(text(found))
    assert "#VE leaves: 2. Their values are what the guest kernel's #VE handler answered" in lines
    assert "answered with 0: 6." in lines and "Not the module's to answer: 40000000." in lines


def test_no_host_reads_what_gives_ve_in_tdcs() -> None:
    """6.3: so nothing is said of a guest's #VE handler there."""
    situation = on("minimal", "1.5.06", "sapphire-rapids")
    host = observed("tdcs", {**dict(seen(situation, None).values), Leaf(6, 0): 1}, TDCS)
    told = " ".join(text(verify(situation, host)))
    assert "no host can read in TDCS" in told and "handler" not in told


def test_xfam_off_is_one_cause_for_all_its_bits() -> None:
    situation = on("kvm-sapphire-rapids", "1.5.06", "sapphire-rapids")
    model = replace(situation.model, xfam=situation.model.xfam & ~XFAM["AVX512"])
    found = verify(situation, seen(on(model, "1.5.06", "sapphire-rapids")))
    causes = {(item.cause.kind, item.cause.name, item.cause.on) for item in found.differences}
    assert causes == {("XFAM", "AVX512", False)}
    assert "7.0.ebx.16" in fields(found) and "d.5.eax" in fields(found)


@pytest.mark.parametrize(("name", "bit"), [("PKS", "7.0.ecx.31"), ("PERFMON", "a.eax[7:0]"), ("MIGRATABLE", "1a.eax")])
def test_an_attribute_is_one_cause_whichever_way_it_shows(name: str, bit: str) -> None:
    """A bit that mirrors it, a leaf that it lets through, a leaf that it hides."""
    situation = on("minimal", "1.5.28", "granite-rapids")
    model = replace(situation.model, attributes=situation.model.attributes ^ ATTRIBUTES[name])
    other = on(model, "1.5.28", "granite-rapids")
    assert not other.refusals
    found = verify(situation, seen(other))
    assert {(item.cause.kind, item.cause.name) for item in found.differences} == {("ATTRIBUTES", name)}
    wanted = Field.parse(bit)
    assert any(item.field.leaf == wanted.leaf and item.field.mask & wanted.mask for item in found.differences)


def test_a_bit_that_the_vmm_left_out_is_its_own_cause() -> None:
    situation = on("kvm-sapphire-rapids", "1.5.06", "sapphire-rapids")
    model = situation.model.wish(Field.parse("7.0.ebx.8"), 0)
    assert fields(verify(situation, seen(on(model, "1.5.06", "sapphire-rapids")))) == {"7.0.ebx.8": CONFIG}


def test_another_tsc_frequency_is_a_setting() -> None:
    situation = on("minimal", "1.5.06", "sapphire-rapids")
    found = verify(situation, seen(on(replace(situation.model, tsc_mhz=2100), "1.5.06", "sapphire-rapids")))
    assert fields(found) == {"15.ebx": SETTING}
    assert [edit.text for edit in found.differences[0].cause.edits] == ["TSC_FREQUENCY = 2100 MHz"]


def test_another_module_is_suggested_and_the_bits_name_it() -> None:
    situation = on("kvm-sapphire-rapids", "1.5.06", "sapphire-rapids")
    found = verify(situation, seen(on("kvm-sapphire-rapids", "1.5.34", "sapphire-rapids"), REDUCED))
    assert {key for key, kind in fields(found).items() if kind == FIXED} == {
        "1.edx.7", "1.edx.12", "1.edx.14", "7.0.edx.30",
    }
    assert all("module 1.5.34" in item.elsewhere for item in found.differences if item.cause.kind == FIXED)
    assert found.better is not None and found.better.module == "1.5.34" and found.better.impossible == 0


def test_another_cpu_is_suggested() -> None:
    situation = on("kvm-sapphire-rapids", "1.5.06", "sapphire-rapids")
    found = verify(situation, seen(on("kvm-sapphire-rapids", "1.5.06", "granite-rapids")))
    assert found.better is not None and found.better.platform == "granite-rapids"
    fms = next(item for item in found.differences if item.field.key == "1.eax")
    assert (fms.name, fms.cause.kind, fms.elsewhere) == ("family_model_stepping", FIXED, ("CPU granite-rapids",))


def test_what_nothing_explains_says_so() -> None:
    situation = on("minimal", "1.5.06", "sapphire-rapids")
    dump = dumped(situation)
    dump.cpuid[Leaf(7, 0)] |= 2 << 64  # TSC_ADJUST, fixed 0 everywhere
    found = verify(situation, observed("dump", dump.cpuid))
    assert fields(found) == {"7.0.ebx.1": FIXED}
    assert "fixed 0; fits no module or CPU known here" in " ".join(" ".join(text(found)).split())


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from(PAIRS), st.data())
def test_whatever_another_vmm_configured_is_never_called_impossible(pair: tuple[str, str], draw: st.DataObject) -> None:
    """Each bit that differs is told once, and what a legal TD shows is always explained by settings."""
    situation = on("kvm-sapphire-rapids", *pair)
    other = on(draw.draw(changed(situation.model, pair[0])), *pair)
    assume(not situation.refusals and not other.refusals)
    in_guest = draw.draw(st.sampled_from([RUNNING, None]))
    shown = seen(other, in_guest)
    found = verify(situation, shown)
    assert FIXED not in fields(found).values(), [item for item in found.differences if item.cause.kind == FIXED]
    told: dict[Leaf, int] = {}
    for item in found.differences:
        assert not told.get(item.field.leaf, 0) & item.field.mask
        told[item.field.leaf] = told.get(item.field.leaf, 0) | item.field.mask
    before = seen(situation, in_guest)
    for leaf, value in shown.values.items():
        entry = library.module(pair[0]).by_leaf.get(leaf)
        dynamic = entry.dynamic if entry else 0
        guests = sum(item.bit.mask for item in library.module(pair[0]).exit.guest_bits if item.bit.leaf == leaf)
        assert not (value ^ before.values.get(leaf, value)) & ~told.get(leaf, 0) & ~dynamic & ~guests
    assert all(len(line) <= 100 for line in text(found)) and data(found)["differences"] is not None


def test_a_native_bit_that_the_cpu_lacks_is_no_setting_of_the_vmms() -> None:
    """XFAM without AVX-512 would take the bit away, and all that the dump shows of AVX-512 as well."""
    situation = on("kvm-sapphire-rapids", "1.5.06", "sapphire-rapids")
    dump = dumped(situation)
    dump.cpuid[Leaf(7, 0)] &= ~(1 << 23)  # AVX512_FP16 is Native
    assert fields(verify(situation, observed("dump", dump.cpuid))) == {"7.0.edx.23": FIXED}


def test_a_dump_that_is_of_no_td_is_told() -> None:
    situation = on("minimal", "1.5.06", "sapphire-rapids")
    cpuid = library.platform("sapphire-rapids").cpuid
    found = verify(situation, observed("host", {leaf: cpuid.at(leaf) for leaf in (Leaf(0), Leaf(7, 0))}))
    assert not found.is_td and 'does not say "IntelTDX"' in " ".join(text(found))
    assert verify(situation, seen(situation)).is_td


def run(*words: str) -> Result:
    """The command line's answer."""
    return CliRunner().invoke(cli.commands, ["verify", *words], standalone_mode=False)


@pytest.fixture
def dump(tmp_path: Path) -> str:
    """The file of a guest's dump."""
    file = tmp_path / "guest.txt"
    file.write_text("\n".join(shown_td.raw(on("minimal", "1.5.06", "sapphire-rapids"), RUNNING)[0]))
    return str(file)


def test_the_status_is_0_as_predicted_and_1_otherwise(dump: str) -> None:
    same, other = run("minimal", dump, "-q"), run("kvm-sapphire-rapids", dump, "--json")
    assert same.exception is None and same.output == ""
    assert isinstance(other.exception, SystemExit) and other.exception.code == 1
    found = json.loads(other.output)
    assert {row["cause"] for row in found["differences"]} == {"XFAM", "CPUID_CONFIG", "follows"}
    assert found["better"] is None and found["view"] == "guest" and found["looks_like_a_td"]


@pytest.mark.parametrize(("content", "said"), [
    (b"", "is empty"),
    (b"\0" * 99, "is only zero bytes"),
    (b"CPU 0:\n   0x00000000 0x00: eax=0x1 ebx=0x0", "line 2: expected 0xLEAF"),
    (b"CPU 0:\n   0x00000001 0x00: eax=0x00000001 ebx=0x00000000 ecx=0x00000000 edx=0x00000000", "no CPUID leaf 0"),
])
def test_a_file_that_is_no_dump_is_told_in_a_line(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(content)
    result = run("minimal", str(tmp_path / "bad.txt"))
    assert said in str(result.exception) and "\n" not in str(result.exception)


@pytest.mark.parametrize("words", [("--as", "host"), ("--td-ctls", "FOO"), ("-m", "1"), ("-p", "cpu")])
def test_bad_options_are_told(words: tuple[str, ...], dump: str) -> None:
    result = run("minimal", dump, *words)
    assert isinstance(result.exception, TdxtuiError | click.ClickException)
