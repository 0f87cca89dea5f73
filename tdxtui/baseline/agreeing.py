"""Make a model the same in all places: what differs is turned off, hidden, or no longer wished."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tdxtui.checking.bits import feature_mask
from tdxtui.cpuid import ALL_ONES, Leaf
from tdxtui.evaluate import Situation, evaluate
from tdxtui.fit.target import Target, Unfit
from tdxtui.model import VcpuModel
from tdxtui.turning import UNITS

_ROUNDS = 24
DESCRIBING = frozenset({0xD, 0x14, 0x1C, 0x1D, 0x1E})  # details of state components, PT, LBR and AMX
Masks = dict[Leaf, int]


def agreed(model: VcpuModel, targets: Sequence[Target]) -> tuple[VcpuModel, list[Situation], Masks]:
    """The model without conflict in any place: where all places agree it wishes what comes, else nothing."""
    situations: list[Situation] = []
    differs: Masks = {}
    for _ in range(_ROUNDS):
        situations = [evaluate(model, target.module, target.platform) for target in targets]
        wrong: Masks = {}
        for situation in situations:
            for leaf, mask in situation.conflicts.items():
                wrong[leaf] = wrong.get(leaf, 0) | mask
        if not wrong:
            break
        model = _without(model, situations, wrong, differs)
        if off := _hiding(model, targets, differs):
            model = _hidden(model, off, _gated(targets, off), differs)
    stuck = next((str(item.refusals[0]) for item in situations if item.refusals), "")
    if stuck or any(situation.conflict_count for situation in situations):
        raise Unfit(f"no model was found that every host takes{f': {stuck}' if stuck else ''}")
    return model, situations, differs


def _without(model: VcpuModel, situations: Sequence[Situation], wrong: Masks, differs: Masks) -> VcpuModel:
    """The model after conflicts: a bit that all places agree on as it comes, one that differs turned off or let go."""
    wishes = dict(model.wishes)
    for leaf, mask in wrong.items():
        value, wished = wishes[leaf]
        ones, some = ALL_ONES, 0
        for situation in situations:
            here = situation.td.at(leaf)
            ones, some = ones & here, some | here
        uneven = mask & some & ~ones
        # Of a bit that differs although it isn't asked for, nothing can be wished.
        lost = uneven & ~value
        differs[leaf] = differs.get(leaf, 0) | lost
        value = value & ~mask | ones & mask
        wishes[leaf] = value & ~lost, wished & ~lost
    return replace(model, wishes={leaf: wish for leaf, wish in wishes.items() if wish[1]})


def _hiding(model: VcpuModel, targets: Sequence[Target], differs: Masks) -> int:
    """The components of XFAM that can go so that no difference shows: those that no other feature is left for."""
    for unit in UNITS.values():
        gated = _gated(targets, unit) if model.xfam & unit and not _held(model, targets, unit) else {}
        left = any(model.wishes.get(leaf, (0, 0))[0] & mask & feature_mask(leaf) for leaf, mask in gated.items())
        if not left and any(differs.get(leaf, 0) & mask for leaf, mask in gated.items()):
            return unit
    return 0


def _held(model: VcpuModel, targets: Sequence[Target], unit: int) -> bool:
    """Whether another component of the model's XFAM requires one (3.2)."""
    rules = (pair for target in targets for pair in target.module.xfam.requires)
    return any(model.xfam & dependent and needed & unit for dependent, needed in rules)


def _hidden(model: VcpuModel, off: int, gated: Masks, differs: Masks) -> VcpuModel:
    """The model without some components of XFAM; what differed for them is 0 everywhere now."""
    wishes = dict(model.wishes)
    for leaf, mask in gated.items():
        if even := differs.get(leaf, 0) & mask:
            value, wished = wishes.get(leaf, (0, 0))
            wishes[leaf] = value & ~even, wished | even
            differs[leaf] &= ~even
    return replace(model, xfam=model.xfam & ~off, wishes=wishes)


def _gated(targets: Sequence[Target], unit: int) -> Masks:
    """The features that are cleared without some components of XFAM, but for what only describes these."""
    masks: Masks = {}
    for module in {id(target.module): target.module for target in targets}.values():
        for gate in module.gates:
            if any(item.scope == "XFAM" and item.mask & unit and not item.negated for item in gate.needs):
                for leaf, mask in gate.clears.items():
                    masks[leaf] = masks.get(leaf, 0) | (0 if leaf.leaf in DESCRIBING else mask)
    return masks
