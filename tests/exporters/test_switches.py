"""QEMU's and libvirt's switches: a model and what is lost of it are all that is in them."""

from __future__ import annotations

import shlex
import xml.etree.ElementTree as ET
from base64 import b64decode
from dataclasses import replace

import pytest
from hypothesis import given, settings

from tdxtui import catalog, library, state_components, vmm
from tdxtui.cpuid import Field, Leaf
from tdxtui.exporters import Options, export
from tdxtui.exporters.kvm_rules import bits_of
from tdxtui.model import VcpuModel
from tdxtui.td import ATTRIBUTES, XFAM
from tests.exporters.models import MINIMAL, PRESET, SEPT_VE_DISABLE, legal_models

PLAIN = MINIMAL.wish(Field.parse("1.ebx[23:16]"), None)
QEMU = {version: vmm.layer("qemu", version) for version in vmm.versions("qemu")}


def lines(model: VcpuModel, version: str = "11.1") -> dict[str, str]:
    """The options of an export by their names."""
    text = str(export(model, "qemu", Options(qemu=version, allow_conflicts=True)).content)
    words = shlex.split(text.replace("\\\n", " "), comments=True)
    assert words.pop(0) == "exec" and words.pop(0) == "qemu-system-x86_64" and words.pop() == "$@"
    return dict(zip(words[::2], words[1::2], strict=True))


def switched(model: VcpuModel, version: str = "11.1") -> dict[str, bool]:
    """The features of the -cpu line, read as QEMU does: the last word on a name counts, a minus beats a plus."""
    parts = lines(model, version)["-cpu"].split(",")
    assert parts[:2] == ["host", "check"]
    return {part[1:]: part[0] == "+" for part in parts if part[0] in "+-"}


def config_from(features: dict[Field, bool], model: VcpuModel) -> dict[Leaf, int]:
    """CPUID_CONFIG that features alone make, on the model's module."""
    out: dict[Leaf, int] = {}
    for bit, on in features.items():
        if on and library.module(model.module).configurable.get(bit.leaf, 0) & bit.mask:
            out[bit.leaf] = out.get(bit.leaf, 0) | bit.mask
    return out


def xfam_from(features: dict[Field, bool]) -> int:
    found = state_components.FEATURES.items()
    return 3 | sum(XFAM[name] for name, keys in found if any(features.get(Field.parse(key)) for key in keys))


def lost_bits(model: VcpuModel, known: set[Field]) -> dict[Leaf, int]:
    config = model.td_config(library.module(model.module)).cpuid_config
    return {leaf: sum(b.mask for b in bits_of(leaf, value) if b not in known) for leaf, value in config.items()}


@pytest.mark.parametrize("version", sorted(QEMU))
@given(model=legal_models(features_only=True))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_the_switches_make_the_models_configuration(version: str, model: VcpuModel) -> None:
    """What comes back from them differs only in what is listed as lost."""
    layer, found = QEMU[version], export(model, "qemu", Options(qemu=version))
    names = switched(model, version)
    assert names.keys() <= layer.names.keys()
    features = {layer.names[name]: on for name, on in names.items()}
    config = model.td_config(library.module(model.module))
    lost = lost_bits(model, set(features))
    assert config_from(features, model) == {
        leaf: value & ~lost[leaf] for leaf, value in config.cpuid_config.items() if value & ~lost[leaf]
    }
    assert all(any(line.startswith(leaf.sdm) for line in found.losses) for leaf, mask in lost.items() if mask)
    if not any(line.startswith("XFAM") for line in found.losses):
        assert xfam_from(features) == model.xfam
    tdx = dict(part.split("=") for part in lines(model, version)["-object"].split(",")[1:])
    assert (tdx["sept-ve-disable"] == "on") == bool(model.attributes & SEPT_VE_DISABLE)
    assert {key: b64decode(value) for key, value in tdx.items() if key.startswith("mr")} == model.digests


@given(legal_models(features_only=True))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_libvirt_says_the_same_as_qemu_in_its_own_names(model: VcpuModel) -> None:
    root = ET.fromstring(str(export(model, "libvirt").content))
    features = {
        catalog.find(item.attrib["name"]): item.attrib["policy"] == "require" for item in root.iterfind("cpu/feature")
    }
    ours = {QEMU["11.1"].names[name]: on for name, on in switched(model).items()}
    libvirt = {bit: on for bit, on in ours.items() if (named := catalog.named_at(bit)) and named.libvirt}
    assert {(bit.leaf.leaf, bit.leaf.subleaf or 0, *bit[1:]): on for bit, on in features.items()} == {
        (bit.leaf.leaf, bit.leaf.subleaf or 0, *bit[1:]): on for bit, on in libvirt.items()
    }
    assert root.findtext("launchSecurity/policy") == f"{model.attributes & SEPT_VE_DISABLE:#x}"
    assert root.findtext("vcpu") == str(model.max_vcpus)
    timer = root.find("clock/timer")
    assert timer is not None and timer.attrib["frequency"] == str(model.tsc_mhz * 1_000_000)


def test_libvirt_has_names_of_its_own() -> None:
    text = str(export(PRESET, "libvirt").content)
    assert "name='pclmulqdq'" not in text and "name='cet-ibt'" in text
    assert "<feature policy='require' name='avx512vnni'/>" in text


def test_only_names_that_the_version_knows_are_used() -> None:
    assert "cet-ss" in switched(PLAIN, "11.1") and "cet-ss" not in switched(PLAIN, "10.2")
    model = replace(PLAIN, xfam=7 | XFAM["CET"])
    assert switched(model)["cet-ss"] and switched(model)["cet-ibt"]
    assert "# for QEMU 11.1; that it passes XFAM CET is assumed\n" in str(
        export(model, "qemu", Options(allow_conflicts=True)).content
    )
    found = export(model, "qemu", Options(qemu="10.2", allow_conflicts=True))
    assert "XFAM CET: QEMU 10.2 doesn't pass it" in found.losses


def test_a_component_without_its_feature_goes_off_and_that_is_lost() -> None:
    model = replace(PLAIN, xfam=7 | XFAM["AVX512"])
    losses = export(model, "qemu").losses
    assert losses == (
        "XFAM AVX while 1.ecx.28 is 0: QEMU 11.1 takes it from that feature, so it goes off",
        "XFAM AVX512 while 7.0.ebx.16 is 0: QEMU 11.1 takes it from that feature, so it goes off",
    )
    model = model.wish(Field.parse("1.ecx.28"), 1).wish(Field.parse("7.0.ebx.16"), 1)
    assert export(model, "qemu").losses == ()


def test_attributes_come_from_features_and_switches() -> None:
    found = lines(replace(PLAIN, attributes=SEPT_VE_DISABLE | ATTRIBUTES["PKS"] | ATTRIBUTES["PERFMON"]))
    assert ",pmu=on," in found["-cpu"] and ",+pks," in found["-cpu"] and "attributes" not in found["-object"]
    found = lines(replace(PLAIN, attributes=0))
    assert ",pmu=off," in found["-cpu"] and ",-pks" in found["-cpu"] and "sept-ve-disable=off" in found["-object"]
    model = replace(PLAIN, attributes=SEPT_VE_DISABLE | ATTRIBUTES["DEBUG"] | ATTRIBUTES["LASS"], module="1.5.34")
    losses = export(model, "qemu", Options(allow_conflicts=True)).losses
    assert "ATTRIBUTES DEBUG: QEMU 11.1 doesn't pass it" in losses
    assert "ATTRIBUTES LASS: QEMU 11.1 doesn't pass it" in losses


def test_what_kvm_refuses_is_told_if_a_kvm_is_named() -> None:
    model = replace(PLAIN, attributes=SEPT_VE_DISABLE | ATTRIBUTES["PKS"])
    assert export(model, "qemu").losses == ()
    assert export(model, "qemu", Options(kvm="7.2")).losses == ("ATTRIBUTES PKS: KVM 7.2 refuses it",)


def test_the_signature_is_given_as_family_model_and_stepping() -> None:
    model = PLAIN.wish(Field.parse("1.eax"), 0x000806F8)
    found = export(model, "qemu")
    assert ",family=6,model=143,stepping=8," in str(found.content) and found.losses == ()
    assert any(line.startswith("CPUID.01H: ") for line in export(model, "libvirt").losses)
