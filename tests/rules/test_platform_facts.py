"""Facts that only a platform file can state: what a platform without TDX IO or SEAMGETKEY refuses (G2, H3)."""

from __future__ import annotations

import pytest

from tdxtui import library
from tdxtui.cpuid import CpuidTable
from tdxtui.platform import Platform
from tdxtui.refusal import Refusal
from tdxtui.resolve import resolve
from tdxtui.sysinit import prepare
from tdxtui.td import TdConfig

from .platforms import GNR, SEALING, TPA, G, H


def operand(module: str, missing: str, *, attributes: int = 0, config_flags: int = 0) -> str | None:
    """The operand that TDH.MNG.INIT refuses on a platform that lacks a fact; None if the TD is accepted."""
    table = CpuidTable.from_quads(GNR)
    lacking = frozenset({missing})
    platform = Platform(name="bare", cpuid=table, arch_capabilities=0x130FDEB, missing_facts=lacking)
    prepared = prepare(library.module(module), platform)
    assert not isinstance(prepared, Refusal)
    td = TdConfig(attributes=attributes, xfam=3, tsc_frequency=80, config_flags=config_flags)
    answer = resolve(prepared, td)
    return answer.operand if isinstance(answer, Refusal) else None


@pytest.mark.parametrize("module", G)
def test_g2_sealing_needs_seamgetkey(module: str) -> None:
    assert operand(module, "SEAMGETKEY", config_flags=SEALING) == "EXEC_CONTROLS"
    assert operand(module, "TDX_IO", config_flags=SEALING) is None
    assert operand(module, "SEAMGETKEY", config_flags=0x16) is None


@pytest.mark.parametrize("module", H)
def test_h3_tpa_needs_tdx_io(module: str) -> None:
    assert operand(module, "TDX_IO", attributes=TPA) == "ATTRIBUTES"
    assert operand(module, "SEAMGETKEY", attributes=TPA) is None
    assert operand(module, "TDX_IO") is None
