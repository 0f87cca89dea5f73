"""TDs whose dumps the tests hold against predictions: models changed at random, within what the module takes."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from tdxtui import importers, library, shown_td, situations
from tdxtui.cpuid import Leaf
from tdxtui.dump import Dump
from tdxtui.dynamic import GuestState
from tdxtui.evaluate import Situation, evaluate
from tdxtui.model import VcpuModel
from tdxtui.td import ATTRIBUTES, XFAM
from tdxtui.verify.observed import Observed, observed

MODULES = list(library.files("modules"))
PLATFORMS = list(library.files("platforms"))
PRESETS = list(library.presets())
PAIRS = [
    (module, platform) for module in MODULES for platform in PLATFORMS
    if library.prepared(library.module(module), library.platform(platform)).__class__.__name__ == "Prepared"
]
# A guest as Linux leaves it: XSAVE and protection keys on.
RUNNING = GuestState(cr4=0x440000, xcr0=7, vcpu_index=3, x2apic_id=3)


def on(model: VcpuModel | str, module: str, platform: str) -> Situation:
    """A model, or a preset by name, on a module and CPU."""
    found = situations.find_model(model) if isinstance(model, str) else model
    return evaluate(found, library.module(module), library.platform(platform))


def dumped(situation: Situation, guest: GuestState | None = RUNNING) -> Dump:
    """What cpuid -r would print in the guest, or without a guest the values of TDCS, read back by the importer."""
    lines, _ = shown_td.raw(situation, guest)
    what = importers.read("\n".join(lines).encode(), "guest.txt").what
    assert isinstance(what, Dump)
    return what


def seen(situation: Situation, guest: GuestState | None = RUNNING) -> Observed:
    """The same as `verify` takes it."""
    dump = dumped(situation, guest)
    return observed(dump.name, dump.cpuid)


@st.composite
def changed(draw: st.DrawFn, model: VcpuModel, module: str) -> VcpuModel:
    """The model with other XFAM, ATTRIBUTES and CPUID_CONFIG, as a VMM might have set them."""
    xfam = 3
    for name in draw(st.lists(st.sampled_from(["AVX", "AVX512", "PT", "PKRU", "CET", "UINTR", "LBR", "AMX"]))):
        xfam |= XFAM[name] | (XFAM["AVX"] if name == "AVX512" else 0)
    attributes = sum(ATTRIBUTES[name] for name in draw(st.sets(st.sampled_from(["SEPT_VE_DISABLE", "PKS", "PERFMON"]))))
    wishes = dict(model.wishes)
    for leaf in draw(st.lists(st.sampled_from(library.module(module).cpuid_config), max_size=6, unique=True)):
        if leaf not in (Leaf(1), Leaf(0x80000008)) and leaf.leaf != 0x1F:
            mask = library.module(module).configurable[leaf]
            wishes[leaf] = draw(st.integers(0, (1 << 128) - 1)) & mask, mask
    tsc = draw(st.integers(4, 400)) * 25
    return replace(model, xfam=xfam, attributes=attributes, wishes=wishes, tsc_mhz=tsc)
