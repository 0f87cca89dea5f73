"""Demands met by edits that module, CPU and VMM layers take, or why they can't be."""

from __future__ import annotations

from tdxtui.checking.bits import bits_of
from tdxtui.edits import Edit, wished
from tdxtui.evaluate import Situation
from tdxtui.fit.demands import Demand, Demands, edits
from tdxtui.fit.settling import settled
from tdxtui.fit.target import Target, Unfit
from tdxtui.flipping import impossible
from tdxtui.model import VcpuModel


def met(situation: Situation, target: Target, asked: Demands) -> Situation:
    """The situation after the edits that demands need: what is preferred, then required, then forbidden."""
    for items, value, must in ((asked.prefer, 1, False), (asked.require, 1, True), (asked.forbid, 0, True)):
        for item in items:
            if item.value(situation) in (value, None):
                continue
            found = edits(situation, situation.explainer.cures, item, value)
            after = None if found is None else after_edits(situation, target, found)
            if after is not None and item.value(after) in (value, None):
                situation = after
            elif must:
                raise Unfit(_failed(situation, target, item, value, found))
    return situation


def after_edits(situation: Situation, target: Target, found: tuple[Edit, ...]) -> Situation | None:
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


def demand_all(situation: Situation, asked: Demands) -> None:
    """Unfit if what was met for one demand has been lost to another."""
    lost = [
        f"--{'require' if value else 'forbid'} {item.text} can't be had together with the other demands"
        for items, value in ((asked.require, 1), (asked.forbid, 0))
        for item in items
        if item.value(situation) not in (value, None)
    ]
    if lost:
        raise Unfit(*lost)
