"""The fixed bits of a module: they are so in every legal TD, and the field codes are those of the proposal."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from tdxtui import library, vmm
from tdxtui.classify import BitClass, classes
from tdxtui.cpuid import ALL_ONES, Leaf, pack
from tdxtui.exported import situation_of
from tdxtui.exporters import export_module
from tdxtui.exporters.fixed_bits import constants, field_code
from tdxtui.exporters.kvm_rules import bits_of
from tdxtui.model import VcpuModel
from tests.exporters.models import MODULES, legal_models


def masks(version: str) -> Iterator[tuple[Leaf, int, int]]:
    """Per entry, from the exported bytes, the packed masks of what is fixed to 0, and to 1."""
    module = library.module(version)
    words = list(struct.iter_unpack("<QQQ", export_module(module, "fixed-bits").data))
    assert len(words) == 2 * len(module.entries)
    for entry, low, high in zip(module.entries, words[::2], words[1::2], strict=True):
        assert (low[0], high[0]) == (field_code(entry.leaf, 0), field_code(entry.leaf, 1))
        fixed0, fixed1 = (_packed(low[number], high[number]) for number in (1, 2))
        yield entry.leaf, ALL_ONES & ~fixed0, fixed1


def _packed(low: int, high: int) -> int:
    """EBX:EAX and EDX:ECX as a packed leaf."""
    return pack(low & 0xFFFFFFFF, low >> 32, high & 0xFFFFFFFF, high >> 32)


@given(legal_models())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_fixed_bits_are_so_in_every_legal_td(model: VcpuModel) -> None:
    td = situation_of(model).td
    for leaf, zeros, ones in masks(model.module):
        assert not td.at(leaf) & zeros and td.at(leaf) & ones == ones, leaf.key


@pytest.mark.parametrize("version", MODULES)
def test_nothing_that_anybody_can_change_is_fixed(version: str) -> None:
    """What changes at run time is not fixed, nor is what follows XFAM, ATTRIBUTES, CPUID_CONFIG or the CPU."""
    module = library.module(version)
    loose = (BitClass.VE, BitClass.DYNAMIC, BitClass.GUEST, BitClass.CONFIGURED, BitClass.CONFIGURED_NATIVE,
             BitClass.ATTRIBUTES, BitClass.COMPUTED, BitClass.NATIVE)
    for leaf, found in classes(module).items():
        zeros, ones = constants(module, found)
        assert not zeros & ones
        assert not (zeros | ones) & sum(found.masks.get(kind, 0) for kind in loose), leaf.key


def test_a_constant_one_behind_a_gate_is_not_fixed() -> None:
    module = library.module("1.5.06")
    gated = 0
    for found in classes(module).values():
        behind = 0
        for gate, mask in found.gates:
            if any(item.scope == "XFAM" and item.mask & ~module.xfam.fixed1 for item in gate.needs):
                behind |= mask
        gated += (behind & found.masks.get(BitClass.FIXED_1, 0)).bit_count()
        assert not behind & constants(module, found)[1]
    assert gated, "the module has such bits"


def test_two_other_tables_of_1_5_06_agree() -> None:
    """QEMU's own table of bits that a TD always has, and the three registers of it that kvm-unit-tests repeats.

    SYSCALL is the run time's to show, and leaf 6 gives the guest #VE, so those are not fixed here.
    """
    ours = {leaf: ones for leaf, _, ones in masks("1.5.06")}
    assert f"{ours[Leaf(1)]:032x}"[16:] == "c6faa217" "07a9fbff"
    assert f"{ours[Leaf(7, 0)]:032x}"[8:16] == "219424c1"
    for leaf, theirs in vmm.layer("qemu", "11.1").fixed1.items():
        missing = [bit.key for bit in bits_of(leaf, theirs & ~ours[leaf])]
        assert missing == NOT_FIXED.get(leaf.key, []), leaf.key


NOT_FIXED: dict[str, list[str]] = {"6": ["6.eax.2"], "80000001": ["80000001.edx.11"]}


@pytest.mark.parametrize(("key", "element", "code"), [
    ("7.0", 0, 0x0E00), ("7.0", 1, 0x0E01), ("7.2", 1, 0x0E05), ("1", 0, 0x03FE), ("1", 1, 0x03FF),
    ("80000008", 0, 0x111FE), ("1e", 1, 0x3DFF),
])
def test_field_codes(key: str, element: int, code: int) -> None:
    """31:17 zero, 16 leaf[31], 15:9 leaf[6:0], 8 no sub-leaf (then 7:1 all ones), 7:1 sub-leaf, 0 element."""
    assert field_code(Leaf.parse(key), element) == code
