"""The VMM layers: what their files say, and how bad ones are refused."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tdxtui import catalog, library, sources, vmm, vmm_file
from tdxtui.check import check
from tdxtui.checking.at_bit import sayings
from tdxtui.checking.bits import bits_of
from tdxtui.cpuid import Field, Leaf
from tdxtui.errors import DataError, TdxtuiError
from tdxtui.evaluate import evaluate
from tdxtui.td import ATTRIBUTES, XFAM

KVM = vmm.layer("kvm", "7.2")
QEMU = [vmm.layer("qemu", version) for version in ("10.2", "11.1")]


def test_the_layers_are_listed() -> None:
    assert vmm.layers() == ["kvm-7.2", "qemu-10.2", "qemu-11.1"]
    assert vmm.versions("qemu") == ["10.2", "11.1"]


@pytest.mark.parametrize("version", ["7.3", "7", "10.2", ""])
def test_what_is_not_known_is_not_guessed(version: str) -> None:
    with pytest.raises(TdxtuiError, match=r"there is no KVM layer .*; known are 7\.2"):
        vmm.layer("kvm", version)


def test_kvm_passes_only_sept_ve_disable() -> None:
    assert KVM.attributes == ATTRIBUTES["SEPT_VE_DISABLE"] == 0x10000000


def test_kvm_passes_the_xcr0_and_xss_components_that_it_knows() -> None:
    assert KVM.xfam == 0x602FF | 0x1800


def test_kvm_refuses_tsx_and_waitpkg_with_a_reason_each() -> None:
    tsx = [Field.parse(f"7.0.ebx.{bit}") for bit in (4, 11)]
    waitpkg = Field.parse("7.0.ecx.5")
    assert dict(KVM.refused) == {Leaf(7, 0): tsx[0].mask | tsx[1].mask | waitpkg.mask}
    assert all(KVM.because[bit] for bit in (*tsx, waitpkg))


def test_kvm_needs_the_guest_physical_bits() -> None:
    assert KVM.mandatory == (Leaf(0x80000008),)
    assert KVM.guest_phys_bits == (48, 52)
    assert KVM.max_entries == 256
    assert not KVM.names


@pytest.mark.parametrize("qemu", QEMU, ids=lambda item: str(item.version))
def test_qemu_passes_three_attributes_and_derives_two(qemu: vmm.VmmLayer) -> None:
    assert qemu.attributes == 0x8000000050000000
    assert {item.by for item in qemu.attributes_derived if item.attribute & qemu.attributes} == {"+pks", "pmu=on"}


def test_qemu_10_2_has_no_cet() -> None:
    assert QEMU[0].xfam == 0x602FF | 0x8000
    assert not {"cet-ss", "cet-ibt"} & QEMU[0].names.keys()


def test_qemu_11_1_has_cet_by_its_features_names_alone() -> None:
    assert {"cet-ss", "cet-ibt"} <= QEMU[1].names.keys()
    assert QEMU[1].xfam_assumed == XFAM["CET"]
    assert QEMU[1].xfam == QEMU[0].xfam | XFAM["CET"]


@pytest.mark.parametrize("qemu", QEMU, ids=lambda item: str(item.version))
def test_qemu_forces_invtsc_and_knows_it_by_that_name(qemu: vmm.VmmLayer) -> None:
    invtsc = qemu.names["invtsc"]
    assert qemu.forced[invtsc.leaf] == (invtsc.mask, invtsc.mask)
    assert invtsc in qemu.because


@pytest.mark.parametrize("qemu", QEMU, ids=lambda item: str(item.version))
def test_the_names_are_where_the_catalogue_has_them(qemu: vmm.VmmLayer) -> None:
    found = {name: catalog.find(name) for name in qemu.names if name in ("avx512f", "pks", "pdcm", "xsaves", "invtsc")}
    assert len(found) == 5
    assert found == {name: qemu.names[name] for name in found}


def test_a_name_of_two_bits_stands_for_the_lower_and_names_both() -> None:
    assert QEMU[0].names["kvmclock"] == Field.parse("40000001.eax.0")
    assert [bit.lsb for bit, name in QEMU[0].feature_names.items() if name == "kvmclock"] == [0, 3]


def test_a_later_qemu_knows_every_name_of_the_earlier() -> None:
    assert QEMU[0].names.items() <= QEMU[1].names.items()


def test_a_users_layer_is_found_in_the_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tdxtui" / "vmm"
    folder.mkdir(parents=True)
    text = Path(library.files("vmm")["kvm-7.2"]).read_text().replace('version = "7.2"', 'version = "7.3-mine"')
    (folder / "kvm-7.3-mine.toml").write_text(text)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert vmm.layer("kvm", "7.3-mine").version == "7.3-mine"
    assert "7.3-mine" in vmm.versions("kvm")


def test_a_layers_file_may_be_given_but_of_the_right_kind() -> None:
    path = str(library.files("vmm")["qemu-10.2"])
    assert vmm.layer("qemu", path) == QEMU[0]
    with pytest.raises(TdxtuiError, match="is a layer of QEMU, not of KVM"):
        vmm.layer("kvm", path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "kvm"', 'kind = "xen"', "kind: 'xen' is none of kvm, qemu"),
        ('["SEPT_VE_DISABLE"]', '["SEPT"]', "attributes.passes"),
        ('"7.0.ecx.5"', '"7.0.ecx"', "refused[1].bits[0]: '7.0.ecx' is not a single bit"),
        ("least_mhz = 100", "least_mhz = 200000", "tsc.least_mhz"),
        ("most = 256", "mast = 256", "entries.mast: is not a key of this table"),
        ("allowed = [48, 52]", 'allowed = ["48"]', "phys_bits.allowed"),
        ('title = "KVM of Linux 7.2"', "", "title: is missing"),
    ],
)
def test_a_broken_layer_is_refused_with_the_place(old: str, new: str, message: str) -> None:
    text = Path(library.files("vmm")["kvm-7.2"]).read_text()
    assert old in text
    with pytest.raises(DataError) as caught:
        vmm_file.parse(text.replace(old, new), "my.toml")
    assert f"my.toml: {message}" in str(caught.value)


@pytest.mark.parametrize("name", ["kvm-7.2", "qemu-11.1"])
def test_a_spoilt_layer_is_a_layer_or_one_line(name: str) -> None:
    lines = Path(library.files("vmm")[name]).read_text().splitlines()
    chance = random.Random(name)
    spoilt = ["", "x = [", "[[forced]]", 'bits = ["9.ebx.77"]', "passes = 3", "[names]", '"1.ecx" = [["a"]]']
    for _ in range(150):
        text = list(lines)
        for place in chance.sample(range(len(text)), 2):
            text[place] = chance.choice(spoilt)
        try:
            vmm_file.parse("\n".join(text), "my.toml")
        except DataError as error:
            assert str(error).isprintable()


# -- at a bit --


@pytest.mark.parametrize(("bit", "layers", "says"), [
    ("7.0.ebx.4", ["kvm-7.2"], "As 1: legal for module 1.5.06, refused by KVM 7.2 (KVM does not restore IA32_TSX_CTRL"),
    ("1.ecx.3", ["kvm-7.2"], ""), ("7.0.ebx.4", [], ""), ("1.edx.0", ["kvm-7.2", "qemu-10.2"], ""),
])
def test_what_a_layer_makes_of_a_bit_is_told_whether_it_is_asked_for_or_not(
    bit: str, layers: list[str], says: str
) -> None:
    found = list(sayings(library.module("1.5.06"), [vmm.layer(*name.split("-")) for name in layers], Field.parse(bit)))
    assert found[0].startswith(says) if says else not found


@pytest.mark.parametrize("name", ["kvm-7.2", "qemu-10.2", "qemu-11.1"])
def test_every_bit_that_a_layer_refuses_or_forces_has_its_sentence(name: str) -> None:
    module, one = library.module("1.5.06"), vmm.layer(*name.split("-"))
    for leaf, mask in one.refused.items():
        for bit in bits_of(leaf, mask & module.configurable.get(leaf, 0)):
            assert any("refused by" in text for text in sayings(module, [one], bit))
    for leaf, (_, mask) in one.forced.items():
        for bit in bits_of(leaf, mask & module.configurable.get(leaf, 0)):
            assert any("by itself" in text for text in sayings(module, [one], bit))


def test_the_cure_of_a_refused_bit_takes_along_what_must_be_equal_to_it() -> None:
    situation = evaluate(sources.find("qemu:SapphireRapids-v4").model, library.module("1.5.06"),
                         library.platform("sapphire-rapids"))
    found = [item for item in check(situation, [KVM]) if item.code == "refused-bit"]
    assert {item.field.key for item in found if item.field} == {"7.0.ebx.4", "7.0.ebx.11"}
    for item in found:
        assert item.cure is not None
        assert {edit.name for edit in item.cure} == {"7.0.ebx.4", "7.0.ebx.11"}
