"""What goes out comes back: an export that is imported again gives the same configuration, but for what is lost."""

from __future__ import annotations

import os
from dataclasses import replace

import hypothesis
import pytest

from tdxtui import exported, importers, library, model_file
from tdxtui.cpuid import Leaf
from tdxtui.dump import Dump
from tdxtui.exporters import Export, Options, export
from tdxtui.exporters.kvm_rules import bits_of
from tdxtui.imported_model import model_of
from tdxtui.importers import Imported
from tdxtui.model import VcpuModel
from tdxtui.td import CONFIG_FLAGS
from tests.exporters.models import legal_models, sayable_models

EXAMPLES = 300 if os.environ.get("TDXTUI_THOROUGH") else 15
GPAW = CONFIG_FLAGS["GPAW"]
ELSEWHERE = ("tsc_mhz = ", "max_vcpus = ", "all but CPUID", "CONFIG_FLAGS.GPAW", "where it is from", "mr")
CONFIGURATIONS = ("td-params", "kvm-tdx-init-vm", "qemu", "libvirt", "kata")


def back(found: Export) -> Imported:
    """An export read by the importer that finds itself surest of it."""
    return importers.read(found.data, "export")


def config_of(model: VcpuModel) -> dict[Leaf, int]:
    """CPUID_CONFIG on the model's module, slots in use."""
    found = model.td_config(library.module(model.module)).cpuid_config
    return {leaf: value for leaf, value in found.items() if value}


def given(model: VcpuModel) -> dict[str, bytes]:
    """The digests that aren't zeros, which is what a TD has without one."""
    return {key: digest for key, digest in model.digests.items() if any(digest)}


@pytest.mark.parametrize("name", CONFIGURATIONS)
@hypothesis.given(model=sayable_models())
@hypothesis.settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
def test_a_configuration_comes_back(name: str, model: VcpuModel) -> None:
    found = export(model, name)
    hypothesis.assume(all(line.startswith(ELSEWHERE) for line in found.losses))
    read = model_of(back(found), library.module(model.module))
    lost = {line.partition(" =")[0] for line in found.losses}
    assert config_of(read) == config_of(model)
    assert (read.attributes, read.xfam) == (model.attributes, model.xfam)
    if "CONFIG_FLAGS.GPAW" not in lost:
        assert read.config_flags & GPAW == model.config_flags & GPAW
    if name != "kata":
        assert given(read) == given(model)
    if "tsc_mhz" not in lost:
        assert read.tsc_mhz == model.tsc_mhz
    if "max_vcpus" not in lost:
        assert read.max_vcpus == model.max_vcpus


@hypothesis.given(legal_models())
@hypothesis.settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
def test_td_params_come_back_whole(model: VcpuModel) -> None:
    """Any legal model, fields of several bits included."""
    read = model_of(back(export(model, "td-params")), library.module(model.module))
    assert export(replace(read, name="x", platform=model.platform), "td-params").data == export(model, "td-params").data


@pytest.mark.parametrize("name", ["cpuid", "kvm-cpuid2"])
@hypothesis.given(model=legal_models())
@hypothesis.settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
def test_the_virtual_cpuid_comes_back(name: str, model: VcpuModel) -> None:
    dump = back(export(model, name)).what
    assert isinstance(dump, Dump)
    td = exported.situation_of(model).td
    for leaf, value in td.cpuid().items():
        assert dump.cpuid.cpuid(leaf.leaf, leaf.subleaf or 0) == value, leaf.key


@hypothesis.given(legal_models())
@hypothesis.settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
def test_what_the_guest_reads_comes_back(model: VcpuModel) -> None:
    dump = back(export(model, "cpuid", Options(guest=True))).what
    assert isinstance(dump, Dump)
    assert dump.cpuid.cpuid(0) == exported.situation_of(model).td.at(Leaf(0))


@hypothesis.given(legal_models())
@hypothesis.settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
def test_a_model_file_comes_back(model: VcpuModel) -> None:
    assert model_file.parse(str(export(model, "toml").content), "x.toml") == model


@hypothesis.given(legal_models())
@hypothesis.settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
def test_a_template_comes_back_as_the_bits_that_it_sets(model: VcpuModel) -> None:
    found = export(model, "firecracker")
    read = model_of(back(found), library.module(model.module))
    for leaf, (value, mask) in model.wishes.items():
        at, known = read.wishes[leaf]
        assert known & mask == mask and at & mask == value & mask, [bit.key for bit in bits_of(leaf, mask & ~known)]
