"""Models that come out as wished, for tests of exports."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from hypothesis import assume
from hypothesis import strategies as st

from tdxtui import catalog, library, model_file, state_components, vmm
from tdxtui.cpuid import Field, Leaf
from tdxtui.evaluate import evaluate
from tdxtui.exporters.kvm_rules import bits_of
from tdxtui.model import VcpuModel
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM

SEPT_VE_DISABLE = ATTRIBUTES["SEPT_VE_DISABLE"]
MINIMAL = model_file.load(library.presets()["minimal"])
PRESET = model_file.load(library.presets()["kvm-sapphire-rapids"])
MODULES = sorted(library.files("modules"))
PLATFORMS = ["sapphire-rapids", "granite-rapids"]
DIGESTS = st.just(b"") | st.binary(min_size=48, max_size=48)
CONFLICTING = replace(MINIMAL, name="bad").wish(Field.parse("1.ecx.2"), 0)
XFAMS = [
    3, 7, 3 | XFAM["PKRU"], 7 | XFAM["AVX512"], 7 | XFAM["AVX512"] | XFAM["AMX"] | XFAM["PKRU"],
    7 | XFAM["AMX"], 7 | XFAM["CET"] | XFAM["PKRU"], 7 | XFAM["PT"], 7 | XFAM["LBR"],
]
# The topology of leaf 1FH must make sense as a whole, and 1.EAX must be a CPU that the module knows.
WHOLE = ("1.eax", "1f")


@cache
def choosable(version: str) -> list[Field]:
    """The configurable bits of a module, one by one."""
    module = library.module(version)
    bits = [bit for leaf, mask in module.configurable.items() for bit in bits_of(leaf, mask)]
    return [bit for bit in bits if not bit.key.startswith(WHOLE)]


@st.composite
def legal_models(draw: st.DrawFn, features_only: bool = False) -> VcpuModel:
    """Models without conflicts on some module and CPU; with `features_only` they wish single bits with names alone."""
    module = library.module(draw(st.sampled_from(MODULES)))
    bits = [bit for bit in choosable(module.version) if not features_only or _is_feature(bit)]
    model = replace(
        MINIMAL, name=draw(st.sampled_from(["web", "a b", "td*/<!-- -->\\", "0x"])), description="",
        module=module.version, platform=draw(st.sampled_from(PLATFORMS)), wishes={}, origin="",
        attributes=SEPT_VE_DISABLE | ATTRIBUTES.get(draw(st.sampled_from(["", "PKS", "DEBUG", "PERFMON"])), 0),
        xfam=draw(st.sampled_from(XFAMS)),
        config_flags=CONFIG_FLAGS["NO_RBP_MOD"] | draw(st.sampled_from([0, CONFIG_FLAGS["GPAW"]])),
        tsc_mhz=draw(st.integers(4, 400)) * 25, max_vcpus=draw(st.integers(1, 500)),
        mrconfigid=draw(DIGESTS), mrowner=draw(DIGESTS), mrownerconfig=draw(DIGESTS),
    )
    for bit in draw(st.lists(st.sampled_from(bits), max_size=40, unique=True)):
        model = model.wish(bit, draw(st.integers(0, 1)))
    return repaired(model)


@st.composite
def sayable_models(draw: st.DrawFn) -> VcpuModel:
    """Legal models of features alone that QEMU can be told whole: ATTRIBUTES and XFAM that follow from features."""
    model = draw(legal_models(features_only=True))
    layer = vmm.layer("qemu", "11.1")
    model = replace(model, attributes=model.attributes & layer.attributes, xfam=model.xfam & layer.xfam)
    for name, keys in state_components.FEATURES.items():
        if model.xfam & XFAM[name]:
            for key in keys:
                bit = Field.parse(key)
                if bit in choosable(model.module):
                    model = model.wish(bit, 1)
    return repaired(model)


def _is_feature(bit: Field) -> bool:
    named = catalog.named_at(bit)
    return named is not None and named.field.is_bit and bool(named.qemu) and bool(named.libvirt)


def repaired(model: VcpuModel) -> VcpuModel:
    """The model without the wishes that do not come out, and with the XFAM that its CPU has."""
    module, cpu = library.module(model.module), library.platform(model.platform)
    prepared = library.prepared(module, cpu)
    assume(hasattr(prepared, "supported_xfam"))
    model = replace(model, xfam=model.xfam & prepared.supported_xfam & module.xfam.allowed)  # type: ignore[union-attr]
    model = replace(model, attributes=model.attributes & module.attributes.allowed)
    for _ in range(4):
        situation = evaluate(model, module, cpu)
        for leaf, mask in situation.conflicts.items():
            model = _without(model, leaf, mask)
        for refusal in situation.refusals:
            model = _without(model, refusal.at, -1) if refusal.at else model
    assume(not evaluate(model, module, cpu).conflict_count)
    return model


def _without(model: VcpuModel, leaf: Leaf, mask: int) -> VcpuModel:
    for bit in bits_of(leaf, model.wishes.get(leaf, (0, 0))[1] & mask):
        model = model.wish(bit, None)
    return model
