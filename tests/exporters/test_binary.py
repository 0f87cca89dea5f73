"""The binary formats byte for byte, against the layouts of the KVM ABI and of TD_PARAMS."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import given, settings

from tdxtui import library
from tdxtui.cpuid import Field, Leaf, pack, unpack
from tdxtui.exported import situation_of
from tdxtui.exporters import Options, export
from tdxtui.model import VcpuModel
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS
from tests.exporters.models import MINIMAL, PRESET, legal_models

NARROW = Field.parse("80000008.eax[23:16]")
DIGESTS = {"mrconfigid": b"\x01" * 48, "mrowner": b"\x02" * 48, "mrownerconfig": b"\x03" * 48}


# Offsets in bytes as a C compiler gave them for Linux 7.2's structures.
OFFSETS = {
    "initvm.mrconfigid": 16, "initvm.mrowner": 64, "initvm.mrownerconfig": 112, "initvm.reserved": 160,
    "initvm.cpuid": 256, "td_params.max_vcpus": 16, "td_params.eptp_controls": 24, "td_params.config_flags": 32,
    "td_params.tsc_frequency": 40, "td_params.mrconfigid": 80, "td_params.mrowner": 128,
    "td_params.mrownerconfig": 176, "td_params.r2": 224, "td_params.cpuid_values": 256, "kvm_cpuid_entry2.eax": 12,
    "kvm_cpuid_entry2.padding": 28,
}


class Row(NamedTuple):
    """An entry as it lies in a kvm_cpuid2."""

    leaf: int
    subleaf: int
    flags: int
    value: int

    @property
    def key(self) -> Leaf:
        """The leaf as modules write it."""
        return Leaf(self.leaf, self.subleaf if self.flags & 1 else None)


def rows(data: bytes) -> Iterator[Row]:
    count, padding = struct.unpack_from("<II", data)
    assert padding == 0 and len(data) == 8 + 40 * count and count <= 256
    for number in range(count):
        function, index, flags, *words = struct.unpack_from("<10I", data, 8 + 40 * number)
        assert words[4:] == [0, 0, 0]
        yield Row(function, index, flags, pack(*words[:4]))


def data_of(model: VcpuModel, name: str) -> bytes:
    return export(model, name).data


@given(legal_models())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_kvm_tdx_init_vm_obeys_kvm(model: VcpuModel) -> None:
    """Entry 80000008H with 48 or 52, no entry without a slot, the index flag where there are sub-leaves."""
    data, module = data_of(model, "kvm-tdx-init-vm"), library.module(model.module)
    attributes, xfam = struct.unpack_from("<QQ", data)
    assert (attributes, xfam) == (model.attributes, model.xfam)
    assert data[16:160] == b"".join(digest or bytes(48) for digest in (
        model.mrconfigid, model.mrowner, model.mrownerconfig
    ))
    assert data[160:256] == bytes(96)
    found = {row.key: row.value for row in rows(data[256:])}
    assert found.keys() <= set(module.cpuid_config)
    assert NARROW.get(found[Leaf(0x80000008)]) == (52 if model.config_flags & CONFIG_FLAGS["GPAW"] else 48)
    found[Leaf(0x80000008)] = NARROW.put(found[Leaf(0x80000008)], 0)
    config = model.td_config(module).cpuid_config
    assert {leaf: value for leaf, value in found.items() if value} == {k: v for k, v in config.items() if v}


@given(legal_models())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_kvm_cpuid2_holds_the_whole_virtual_cpuid(model: VcpuModel) -> None:
    td = situation_of(model).td
    found = {row.key: row.value for row in rows(data_of(model, "kvm-cpuid2"))}
    assert found == {leaf: value for leaf, value in td.cpuid().items() if value}


@given(legal_models())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_td_params_holds_the_configuration(model: VcpuModel) -> None:
    data, module = data_of(model, "td-params"), library.module(model.module)
    assert len(data) == 1024
    config = model.td_config(module)
    words = struct.unpack_from("<QQHBB4xQQH", data)
    assert words == (
        config.attributes, config.xfam, config.max_vcpus, config.num_l2_vms, config.msr_config_ctls,
        config.eptp_controls, config.config_flags, config.tsc_frequency,
    )
    slots = [pack(*struct.unpack_from("<4I", data, 256 + 16 * number)) for number in range(48)]
    assert slots[:len(module.cpuid_config)] == [config.cpuid_config.get(leaf, 0) for leaf in module.cpuid_config]
    assert not any(slots[len(module.cpuid_config):])


def test_fields_lie_where_they_were_measured() -> None:
    at = OFFSETS
    model = replace(
        PRESET, **DIGESTS, max_vcpus=0x1234, config_flags=5, tsc_mhz=25 * 0x123, arch_capabilities=0x10,  # type: ignore[arg-type]
    )
    data = export(model, "td-params", Options(allow_conflicts=True)).data

    def word(name: str, size: int) -> int:
        return int.from_bytes(data[at[f"td_params.{name}"]:][:size], "little")

    assert (word("max_vcpus", 2), word("config_flags", 8), word("tsc_frequency", 2)) == (0x1234, 5, 0x123)
    assert (word("eptp_controls", 8), word("r2", 8)) == (0x26, 0x10)
    first = data[at["td_params.cpuid_values"]:][:16]
    assert struct.unpack("<4I", first) == unpack(model.td_config(library.module("1.5.06")).cpuid_config[Leaf(1)])
    init = export(model, "kvm-tdx-init-vm", Options(allow_conflicts=True)).data
    for name, digest in DIGESTS.items():
        assert data[at[f"td_params.{name}"]:][:48] == digest == init[at[f"initvm.{name}"]:][:48]
    assert not any(init[at["initvm.reserved"]:at["initvm.cpuid"]])
    entry = init[at["initvm.cpuid"] + 8:][:40]
    assert struct.unpack_from("<I", entry, at["kvm_cpuid_entry2.eax"])[0] == 0
    assert not any(entry[at["kvm_cpuid_entry2.padding"]:])


@pytest.mark.parametrize(("change", "loss"), [
    ({"attributes": ATTRIBUTES["DEBUG"]}, "ATTRIBUTES DEBUG: KVM 7.2 refuses it"),
    ({"xfam": 0x103}, "XFAM PT: KVM 7.2 refuses it"),
    ({"config_flags": 0}, "CONFIG_FLAGS without NO_RBP_MOD: KVM 7.2 always sets it"),
    ({"config_flags": 6}, "CONFIG_FLAGS FLEXIBLE_PENDING_VE: KVM 7.2 has no word for it"),
    ({"num_l2_vms": 2}, "NUM_L2_VMS = 2: KVM 7.2 has no word for it"),
    ({"arch_capabilities": 0x10}, "IA32_ARCH_CAPABILITIES_CONFIG = 0x10: KVM 7.2 has no word for it"),
])
def test_what_kvm_can_not_be_told_is_lost(change: dict[str, int], loss: str) -> None:
    model = replace(MINIMAL, **change)  # type: ignore[arg-type]
    assert loss in export(model, "kvm-tdx-init-vm", Options(allow_conflicts=True)).losses


def test_features_that_kvm_refuses_are_told() -> None:
    model = MINIMAL.wish(Field.parse("7.0.ecx.5"), 1)
    losses = export(model, "kvm-tdx-init-vm", Options(allow_conflicts=True)).losses
    assert "7.0.ecx.5 (waitpkg): KVM 7.2 refuses it" in losses
    assert "7.0.ecx.5 (waitpkg): KVM 7.2 refuses it" in export(
        model, "qemu", Options(kvm="7.2", allow_conflicts=True)
    ).losses
