"""Fit a model: the nearest one that module, CPU and VMM layers take as it is wished."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tdxtui import catalog, stated
from tdxtui.checking.bits import bits_of
from tdxtui.cpuid import Field, Leaf
from tdxtui.edits import Edit, wished
from tdxtui.evaluate import Situation
from tdxtui.fit.choosing import attributes, config_flags, pull, xfam
from tdxtui.fit.demands import Demand, Demands, edits
from tdxtui.fit.settling import Default, settled, within_bounds
from tdxtui.fit.target import Target, Unfit
from tdxtui.fit.wants import Wants
from tdxtui.flipping import impossible
from tdxtui.model import VcpuModel
from tdxtui.sources import Source

CACHES = 4
_ROUNDS = 6


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
    situation = _met(situation, target, asked)
    situation = _without_orphans(situation, target, wants, asked)
    _demand_all(situation, target, asked)
    model = _trimmed(situation, source)
    final = settled(model, target)
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
    """A source that says nothing of caches gets the CPU's own: leaf 4 would be empty otherwise."""
    leaves = [leaf for leaf in target.module.configurable if leaf.leaf == CACHES]
    if target.platform is None or any(leaf in wants.ones for leaf in leaves):
        return ()
    for leaf in leaves:
        mask = target.module.configurable[leaf]
        native = target.prepared.start_of(leaf) & mask
        wants.ones[leaf], wants.zeros[leaf] = native, mask & ~native
    return tuple(leaves)


# -- demands --


def _met(situation: Situation, target: Target, asked: Demands) -> Situation:
    """The situation after the edits that demands need: what is preferred, then required, then forbidden."""
    for items, value, must in ((asked.prefer, 1, False), (asked.require, 1, True), (asked.forbid, 0, True)):
        for item in items:
            if item.value(situation) in (value, None):
                continue
            found = edits(situation, situation.explainer.cures, item, value)
            after = None if found is None else _after(situation, target, found)
            if after is not None and item.value(after) in (value, None):
                situation = after
            elif must:
                raise Unfit(_failed(situation, target, item, value, found))
    return situation


def _after(situation: Situation, target: Target, found: tuple[Edit, ...]) -> Situation | None:
    """The situation with edits made, None where module or VMM layers don't take them."""
    model = wished(situation.model, found, target.module)
    if _objection(target, situation.model, model):
        return None
    after = settled(model, target)
    return None if after.stuck else after.situation


def _objection(target: Target, before: VcpuModel, after: VcpuModel) -> str:
    """Which layer won't have what is new in a model, "" if none."""
    words = (("XFAM", after.xfam & ~before.xfam), ("ATTRIBUTES", after.attributes & ~before.attributes))
    for word, new in words:
        if text := target.objection(word, new):
            return text
    for leaf, mask in target.refused.items():
        value, _ = after.wishes.get(leaf, (0, 0))
        for bit in bits_of(leaf, value & mask):
            return f"{bit.key}: {target.refusal(bit)}"
    for leaf, mask in target.forced.items():
        (old, _), (new, _) = before.wishes.get(leaf, (0, 0)), after.wishes.get(leaf, (0, 0))
        for bit in bits_of(leaf, old & ~new & mask):
            return f"{bit.key}: {target.forcing(bit)}"
    return ""


def _failed(
    situation: Situation, target: Target, item: Demand, value: int, found: tuple[Edit, ...] | None
) -> str:
    option = f"--{'require' if value else 'forbid'} {item.text}"
    if item.bit is not None and value and (text := target.refusal(item.bit)):
        return f"{option}: {text}"
    if found and (text := _objection(target, situation.model, wished(situation.model, found, target.module))):
        return f"{option}: {text}"
    if item.bit is None:
        return f"{option}: this module and CPU don't take that"
    if item.bit.leaf not in target.module.by_leaf:
        return f"{option}: module {target.module.version} has no {item.bit.leaf.sdm}"
    return f"{option}: {impossible(situation, item.bit, value)}"


def _demand_all(situation: Situation, target: Target, asked: Demands) -> None:
    """Unfit if what was met for one demand has been lost to another."""
    lost = [
        f"--{'require' if value else 'forbid'} {item.text} can't be had together with the other demands"
        for items, value in ((asked.require, 1), (asked.forbid, 0))
        for item in items
        if item.value(situation) not in (value, None)
    ]
    if lost:
        raise Unfit(*lost)


# -- features that have lost what they need --


def _without_orphans(situation: Situation, target: Target, wants: Wants, asked: Demands) -> Situation:
    """Features whose needed feature isn't there go too, where that costs nothing else that is wanted."""
    for _ in range(_ROUNDS):
        orphans = _orphans(situation)
        after = None
        for bit in orphans:
            if any(item.bit == bit for item in asked.require):
                continue
            found = situation.explainer.cures.find(bit, 0)
            after = _after(situation, target, found) if found else None
            if after is not None and not _lost(situation, after, wants, _dependents(orphans)):
                break
            after = None
        if after is None:
            return situation
        situation = after
    return situation


def _orphans(situation: Situation) -> list[Field]:
    """The features that are on while one that they need is known to be off."""
    td, entries = situation.td, situation.module.by_leaf

    def off(bit: Field) -> bool:
        return bit.leaf in entries and bool(td.known_at(bit.leaf) & bit.mask) and not td.get(bit)

    on = (bit for bit in catalog.needs() if bit.leaf in entries and td.get(bit) and td.known_at(bit.leaf) & bit.mask)
    return [bit for bit in on if any(off(needed) for needed in catalog.needs()[bit])]


def _dependents(orphans: list[Field]) -> set[Field]:
    """Some features, and all that need one of them directly or not."""
    found: set[Field] = set()
    more = set(orphans)
    while more:
        found |= more
        more = {bit for bit, needed in catalog.needs().items() if found & set(needed)} - found
    return found


def _lost(before: Situation, after: Situation, wants: Wants, but: set[Field]) -> bool:
    """Whether wanted bits that were on went off, beside some."""
    for leaf, ones in wants.ones.items():
        gone = before.td.at(leaf) & ~after.td.at(leaf) & ones
        if any(bit not in but and not _is_size(bit) for bit in bits_of(leaf, gone)):
            return True
    return False


def _is_size(bit: Field) -> bool:
    """Whether a bit only describes state that goes along: the sub-leaves of 0DH."""
    return bit.leaf.leaf == 0xD


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
