"""The guest's view of an entry is what the engine says that its CPUID instruction returns."""

from __future__ import annotations

import pytest

from tdxtui import library, model_file
from tdxtui.bit_state import BitState
from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.dynamic import CR4_OSXSAVE, GuestState
from tdxtui.evaluate import Situation, evaluate
from tdxtui.guest_view import guest_view
from tdxtui.runtime import cpuid
from tdxtui.td import FEATURE_PARAVIRT_CTLS, TD_CTLS


def situation(module: str, platform: str = "granite-rapids") -> Situation:
    """A preset on a module."""
    model = model_file.load(library.presets()["full-granite-rapids"])
    return evaluate(model, library.module(module), library.platform(platform) if platform else None)


@pytest.mark.parametrize("module", ["1.5.01", "1.5.06", "2.0.18"])
def test_every_entry_reads_as_the_instruction_returns_it(module: str) -> None:
    here = situation(module)
    reduced = GuestState(td_ctls=TD_CTLS["REDUCE_VE"])
    for guest in (GuestState(), GuestState(cpl=3, ve_user=True), reduced, GuestState(cr4=CR4_OSXSAVE, xcr0=7)):
        for entry in here.module.entries:
            view = guest_view(here, entry.leaf, guest)
            assert view.value == cpuid(here.td, entry.leaf.leaf, entry.leaf.subleaf or 0, guest)
            rows = view.states()
            if view.value is None:
                assert all(state is BitState.VE for row in rows for state in row)
                continue
            for register, row in zip(Register, rows, strict=True):
                for number in range(32):
                    bit, state = Field.bit(entry.leaf, register, number), row[31 - number]
                    assert state is not BitState.UNKNOWN and state is not BitState.VE
                    if state in (BitState.FIXED_0, BitState.FIXED_1):
                        assert bit.get(view.value) == (state is BitState.FIXED_1)
                        assert bit.get(here.td.at(entry.leaf)) == bit.get(view.value), "what differs stands out"


def test_the_guests_own_registers_decide_what_follows_them() -> None:
    here, osxsave = situation("1.5.06"), Field.parse("1.ecx.27")
    values = [guest_view(here, osxsave.leaf, GuestState(cr4=cr4)).value for cr4 in (0, CR4_OSXSAVE)]
    assert [osxsave.get(value or 0) for value in values] == [0, 1]
    mtrr, guest = Field.parse("1.edx.12"), GuestState(td_ctls=TD_CTLS["REDUCE_VE"])
    here = situation("2.0.18")
    for ctls, wanted in ((0, 0), (FEATURE_PARAVIRT_CTLS["MTRR"], here.td.get(mtrr))):
        value = guest_view(here, mtrr.leaf, guest._replace(feature_paravirt_ctls=ctls)).value
        assert value is not None and mtrr.get(value) == wanted


def test_without_a_cpu_what_it_decides_is_unknown() -> None:
    here = situation("1.5.06", "")
    assert any(
        state is BitState.UNKNOWN for row in guest_view(here, Leaf(7, 0), GuestState()).states() for state in row
    )
    rows = guest_view(here, Leaf(0xD, 0), GuestState(xcr0=7)).states()
    assert BitState.UNKNOWN in rows[Register.EBX], "the XSAVE area's size is the CPU's"
    assert guest_view(here, Leaf(1), GuestState()).states()[Register.EBX][0] is BitState.RUN_TIME
