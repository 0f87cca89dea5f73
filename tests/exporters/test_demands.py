"""What exports ask of a guest is what any guest reads, whatever it has set."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tdxtui.cpuid import Leaf, unpack
from tdxtui.dynamic import GuestState
from tdxtui.exported import situation_of
from tdxtui.exporters import Options, export
from tdxtui.exporters.demands import shaped, steady
from tdxtui.exporters.firecracker import bitmap
from tdxtui.exporters.subject import subject_of
from tdxtui.model import VcpuModel
from tdxtui.runtime import cpuid
from tests.exporters.models import PRESET, legal_models

WORDS = st.integers(0, (1 << 64) - 1)
GUESTS = st.builds(
    GuestState, cr4=WORDS, xcr0=WORDS, xss=WORDS, long_mode=st.booleans(), vcpu_index=st.integers(0, 500),
    x2apic_id=st.integers(0, 500), td_ctls=WORDS | st.just(0), feature_paravirt_ctls=WORDS, tsx_ctrl=st.integers(0, 3),
)


@given(legal_models(), GUESTS)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_check_holds_for_every_state_of_a_guest(model: VcpuModel, guest: GuestState) -> None:
    subject = subject_of(model, Options())
    for leaf, value, mask in steady(subject):
        read = cpuid(subject.td, leaf.leaf, leaf.subleaf or 0, guest)
        if read is not None:
            assert read & mask == value, leaf.key


def test_most_of_leaf_7_is_checked_and_no_leaf_of_ve() -> None:
    found = {leaf: mask for leaf, _, mask in steady(subject_of(PRESET, Options()))}
    # HLE and RTM can go away by IA32_TSX_CTRL.
    assert unpack(found[Leaf(7, 0)])[1] == 0xFFFFFFFF & ~0x810
    assert Leaf(2) not in found and Leaf(6) not in found


@given(legal_models())
@settings(max_examples=20, deadline=None, derandomize=True)
def test_a_template_sets_what_the_model_decides_and_nothing_else(model: VcpuModel) -> None:
    td = situation_of(model).td
    for leaf, value, mask in shaped(subject_of(model, Options())):
        wished = model.wishes.get(leaf, (0, 0))[1]
        assert mask == td.module.configurable.get(leaf, 0) | wished and value == td.at(leaf) & mask


def test_a_bitmap_reads_from_bit_31_down() -> None:
    assert bitmap(0x80000001, 0xC0000003) == "10" + "x" * 28 + "01"


def test_what_isnt_known_without_a_cpu_is_not_asked_for() -> None:
    model = replace(PRESET, platform="")
    td = situation_of(model).td
    assert all(not mask & ~td.known_at(leaf) for leaf, _, mask in steady(subject_of(model, Options())))
    assert '"bitmap"' in str(export(model, "firecracker").content)
