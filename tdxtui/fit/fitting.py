"""Fit a model: the nearest one that module, CPU and VMM layers take as it is wished."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tdxtui import catalog, stated
from tdxtui.checking.bits import bits_of
from tdxtui.cpuid import Field, Leaf
from tdxtui.evaluate import Situation
from tdxtui.fit.choosing import attributes, config_flags, pull, xfam
from tdxtui.fit.demands import Demands
from tdxtui.fit.meeting import demand_all, met
from tdxtui.fit.orphans import without_orphans
from tdxtui.fit.settling import Default, settled, within_bounds
from tdxtui.fit.target import Target, Unfit
from tdxtui.fit.wants import Wants
from tdxtui.model import VcpuModel
from tdxtui.sources import Source

SHARED = (4, 0x18)  # caches and TLBs: how many threads share them is Configured


@dataclass(frozen=True)
class Fit:
    """A fitted model in its situation, which has no conflict.

    `pulled` are the features that others needed, each with one of those; `defaults` what is left to the module;
    `filled` the entries that the source says nothing of and that got the CPU's own values.
    """

    source: Source
    target: Target
    demands: Demands
    situation: Situation
    pulled: dict[Field, Field]
    defaults: tuple[Default, ...]
    filled: tuple[Leaf, ...]

    @property
    def model(self) -> VcpuModel:
        """The fitted model."""
        return self.situation.model


def fit(source: Source, target: Target, demands: Demands | None = None) -> Fit:
    """The nearest legal model to a source. Unfit if a demand can't be met, with why."""
    asked = (demands or Demands()).on(target.module)
    wants = _wants(source, target, asked)
    pulled = pull(target, wants)
    filled = () if source.states_td else _fill_caches(target, wants)
    model = _chosen(source, target, wants)
    found = settled(model, target)
    situation, defaults = found.situation, found.defaults
    if found.stuck:
        raise Unfit(f"{source.text}: {found.stuck}")
    situation = met(situation, target, asked)
    situation = without_orphans(situation, target, wants, asked)
    demand_all(situation, asked)
    final = settled(_trimmed(situation, source), target)
    if final.stuck:
        raise Unfit(f"{source.text}: {final.stuck}")
    return Fit(source, target, asked, final.situation, pulled, (*defaults, *final.defaults), filled)


def _wants(source: Source, target: Target, asked: Demands) -> Wants:
    """The source's wishes, but for what is demanded and what a VMM refuses or forces."""
    wants = Wants(target.module, source.model.wishes)
    for items, value in ((asked.prefer, 1), (asked.require, 1), (asked.forbid, 0)):
        for item in items:
            if item.bit is not None and item.bit.leaf in target.module.by_leaf:
                wants.want(item.bit, value)
    for leaf, mask in target.refused.items():
        for bit in bits_of(leaf, wants.ones.get(leaf, 0) & mask):
            wants.want(bit, 0)
    for leaf, mask in target.forced.items():
        for bit in bits_of(leaf, mask):
            wants.want(bit, 1)
    return wants


def _chosen(source: Source, target: Target, wants: Wants) -> VcpuModel:
    """The model with the settings that its wants hang on."""
    model = source.model
    stated = model.xfam if source.states_td else 0
    return within_bounds(
        replace(
            model,
            module=target.module_name,
            platform=target.platform_name,
            tsc_mhz=_tsc_mhz(source, target),
            attributes=attributes(target, wants, model.attributes),
            xfam=xfam(target, wants, stated),
            config_flags=config_flags(target, model.config_flags),
            wishes=wants.wishes(),
            origin="",
        ),
        target,
    )


def _tsc_mhz(source: Source, target: Target) -> int:
    """The source's frequency, or the CPU's where the source knows of none."""
    if source.states_td or source.kind in ("platform", "dump") or target.platform is None:
        return source.model.tsc_mhz
    return stated.tsc_mhz(target.platform.cpuid) or source.model.tsc_mhz


def _fill_caches(target: Target, wants: Wants) -> tuple[Leaf, ...]:
    """A source that says nothing of caches and TLBs gets the CPU's own: leaf 4 would be empty otherwise."""
    stated = {leaf.leaf for leaf in wants.ones}
    leaves = [leaf for leaf in target.module.configurable if leaf.leaf in SHARED and leaf.leaf not in stated]
    if target.platform is None:
        return ()
    for leaf in leaves:
        mask = target.module.configurable[leaf]
        native = target.prepared.start_of(leaf) & mask
        wants.ones[leaf], wants.zeros[leaf] = native, mask & ~native
    return tuple(leaves)


# -- the wishes that are worth writing down --


def _trimmed(situation: Situation, source: Source) -> VcpuModel:
    """The model; of what a CPU or dump shows only the features, and what the module lets a VMM decide."""
    model = situation.model
    if source.kind not in ("platform", "dump"):
        return model
    wishes = {}
    for leaf, (value, mask) in model.wishes.items():
        kept = mask & (_features(leaf) | situation.module.configurable.get(leaf, 0))
        if kept:
            wishes[leaf] = value & kept, kept
    return replace(model, wishes=wishes)


def _features(leaf: Leaf) -> int:
    """The bits of a leaf that QEMU, libvirt or Linux has a name for, as a packed mask."""
    mask = 0
    for named in catalog.fields_of(leaf):
        if named.field.is_bit and (named.qemu or named.libvirt or named.linux or named.x86_feature):
            mask |= named.field.mask
    return mask
