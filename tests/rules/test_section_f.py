"""Section F: 1.5.16 -> 1.5.28."""

from __future__ import annotations

import pytest

from .platforms import (
    BAD_ATTRIBUTES,
    BAD_CONFIG_FLAGS,
    BAD_XFAM,
    GNR,
    PMT_PROF,
    REDUCE_VE,
    SEALING,
    SUCCESS,
    VE,
    F,
    q,
    read,
    verdict,
    virtual,
)

NEW_TEXT = q(0x65746E49, 0x4454206C, 0x20202058, 0)  # "Intel TDX   "
OLD_TEXT = q(0x65746E49, 0x58204454, 0x6C202020, 0)


def test_f1_constants_of_1_5_28_are_those_of_1_5_16() -> None:
    for module in ("1.5.16", "1.5.28"):
        assert verdict(module, config_flags=SEALING) == BAD_CONFIG_FLAGS
        assert verdict(module, config_flags=0x16) == SUCCESS
        assert verdict(module, attributes=PMT_PROF) == BAD_ATTRIBUTES
        assert verdict(module, xfam="6dbe7") == SUCCESS
        assert verdict(module, xfam="6dfe7") == BAD_XFAM  # bit 10, PASID


def test_f1_the_same_cpuid_but_for_the_text() -> None:
    config = {"1": q(ecx=0x31044D88, edx=0xB8445080), "7.1": q(eax=0x1D30, edx=0x4000), "18.1": q(edx=0x4000)}
    old, new = (virtual(module, GNR, config=config) for module in ("1.5.16", "1.5.28"))
    assert {key for key in old if old[key] != new[key]} == {"80000002"}


@pytest.mark.parametrize("module", [module for module in F if module != "2.0.08"])
def test_f2_text_of_80000002(module: str) -> None:
    text = virtual(module)["80000002"]
    assert text == NEW_TEXT
    words = [int(text[i : i + 8], 16).to_bytes(4, "little") for i in range(0, 24, 8)]
    assert b"".join(words) == b"Intel TDX   "
    assert read(module, 0x80000002) == VE
    assert read(module, 0x80000002, td_ctls=REDUCE_VE) == NEW_TEXT


def test_f2_in_2_0_08_the_modules_own_table_still_has_the_old_text() -> None:
    # I1 would give it F2; the row was read in that module's own source, which is newer evidence than the reading.
    assert virtual("2.0.08")["80000002"] == OLD_TEXT


def test_f2_text_of_1_5_16() -> None:
    assert virtual("1.5.16")["80000002"] == OLD_TEXT
    assert read("1.5.16", 0x80000002, td_ctls=REDUCE_VE) == OLD_TEXT
