"""Settings of the TD that the source states and the fitted model has otherwise, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tdxtui.fit.demands import Demand
from tdxtui.fit.fitting import Fit
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, TSC_UNIT_MHZ, XFAM, names_of


class Setting(NamedTuple):
    """A bit of XFAM, ATTRIBUTES or CONFIG_FLAGS by name (1 or 0), or a number of TD_PARAMS."""

    name: str
    wanted: int
    got: int
    because: str


def settings(fit: Fit) -> list[Setting]:
    """What became otherwise of the settings; of a source that states none there are none."""
    return [*_words(fit), *_numbers(fit)] if fit.source.states_td else []


def _words(fit: Fit) -> Iterator[Setting]:
    old, new = fit.source.model, fit.model
    for word, before, after, names in (
        ("XFAM", old.xfam, new.xfam, XFAM),
        ("ATTRIBUTES", old.attributes, new.attributes, ATTRIBUTES),
        ("CONFIG_FLAGS", old.config_flags, new.config_flags, CONFIG_FLAGS),
    ):
        for name in names_of(before & ~after, names):
            yield Setting(f"{word}.{name}", 1, 0, _lost(fit, word, name, names))
        for name in names_of(after & ~before, names):
            yield Setting(f"{word}.{name}", 0, 1, _gained(fit, word, name))


def _lost(fit: Fit, word: str, name: str, names: Mapping[str, int]) -> str:
    target, mask = fit.target, names.get(name, 0)
    if text := _demanded("--forbid", fit.demands.forbid, word, name):
        return text
    if text := target.objection(word, mask):
        return f"{text.removesuffix(f' {word} {name}')} it"
    here, rules = {
        "XFAM": (target.prepared.xfam_allowed, target.module.xfam.allowed),
        "ATTRIBUTES": (target.prepared.attributes_allowed, target.module.attributes.allowed),
        "CONFIG_FLAGS": (target.module.config_flags.allowed, target.module.config_flags.allowed),
    }[word]
    if not mask or mask & ~rules:
        return f"module {target.module.version} doesn't allow it"
    if mask & ~here:
        return "the CPU doesn't have it"
    return _excluded(fit, word, name, names) or "the module doesn't take it with what else is wanted"


def _excluded(fit: Fit, word: str, name: str, names: Mapping[str, int]) -> str:
    """Which bit that stayed excludes one that went, "" for none."""
    module, value = fit.target.module, fit.situation.td.config.param(word)
    pairs = {"ATTRIBUTES": module.attributes.exclusive, "CONFIG_FLAGS": module.config_flags.exclusive}.get(word, ())
    others = (other for pair in pairs if name in pair for other in pair if other != name and value & names[other])
    return next((f"not together with {other}" for other in others), "")


def _gained(fit: Fit, word: str, name: str) -> str:
    asked = (*fit.demands.require, *fit.demands.prefer)
    return _demanded("--require", asked, word, name) or "what is wanted hangs on it"


def _demanded(option: str, items: tuple[Demand, ...], word: str, name: str) -> str:
    return next((f"{option} {item.text}" for item in items if (item.word, item.name) == (word, name)), "")


def _numbers(fit: Fit) -> Iterator[Setting]:
    old, new, rules = fit.source.model, fit.model, fit.target.module.td_params
    if old.tsc_mhz != new.tsc_mhz:
        lowest, highest = (bound * TSC_UNIT_MHZ for bound in rules.tsc_frequency)
        because = f"{lowest}..{highest} in steps of {TSC_UNIT_MHZ}, and what the VMM takes"
        yield Setting("TSC frequency in MHz", old.tsc_mhz, new.tsc_mhz, because)
    if old.max_vcpus != new.max_vcpus:
        yield Setting("MAX_VCPUS", old.max_vcpus, new.max_vcpus, f"the module takes 1..{rules.max_vcpus}")
    if old.num_l2_vms != new.num_l2_vms:
        yield Setting("NUM_L2_VMS", old.num_l2_vms, new.num_l2_vms, _l2_vms(fit))
    before, after = old.arch_capabilities or 0, new.arch_capabilities or 0
    if before != after:
        layers = [layer.label for layer in fit.target.layers if not layer.arch_capabilities]
        because = f"{layers[0]} has no way to ask for it" if layers else "the module takes no other bits"
        yield Setting("IA32_ARCH_CAPABILITIES_CONFIG", before, after, because)


def _l2_vms(fit: Fit) -> str:
    for layer in fit.target.layers:
        if not layer.num_l2_vms:
            return f"{layer.label} has no way to ask for it"
    if fit.model.num_l2_vms:
        return f"the module takes {fit.target.module.td_params.max_l2_vms} at most"
    return "a MIGRATABLE TD can't have L2 VMs on this module"
