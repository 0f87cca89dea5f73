"""What the space bar would do to a bit or a setting: the edits, what else they change, or what stands in the way."""

from __future__ import annotations

from typing import NamedTuple

from tdxtui import phrase
from tdxtui.classify import BitClass, Group
from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.edits import CPUID_CONFIG, WORDS, Edit, wished
from tdxtui.evaluate import Situation, evaluate
from tdxtui.model import VcpuModel
from tdxtui.reason import Reason
from tdxtui.td import NAMED_BITS
from tdxtui.td_params import attributes_problem, config_flags_problem, xfam_problem
from tdxtui.turning import attributes_turned, xfam_turned


class Flip(NamedTuple):
    """A change of the model: `after` is the situation that it makes, None where nothing can be done.

    `at_once`: nothing moves but what the user asked for, so that it needs no question. `because` says why it can't
    be, or what holds the bit now.
    """

    after: Situation | None
    edits: tuple[Edit, ...]
    at_once: bool
    because: str


def changed(before: Situation, after: Situation) -> dict[Leaf, int]:
    """The bits whose value, or whether it is known, differs between two situations, as packed masks."""
    old, new = before.td, after.td
    leaves = dict.fromkeys([*old.cpuid(), *new.cpuid()])
    masks = {leaf: old.at(leaf) ^ new.at(leaf) | old.known_at(leaf) ^ new.known_at(leaf) for leaf in leaves}
    return {leaf: mask & ALL_ONES for leaf, mask in masks.items() if mask & ALL_ONES}


def shown(situation: Situation, bit: Field) -> int:
    """A bit's value as shown: what the TD gets, or where that is unknown what is wished."""
    td = situation.td
    if td.known_at(bit.leaf) & bit.mask:
        return td.get(bit)
    return situation.model.wished(bit) or 0


def flip(situation: Situation, bit: Field) -> Flip:
    """Flip a bit of one of the module's entries, on this module and CPU."""
    goal = 1 - shown(situation, bit)
    edits = situation.explainer.cures.find(bit, goal)
    if edits == ():
        # Unknown without a CPU, and nothing is left to be set: the other way round it may still be cleared.
        goal = 0
        edits = situation.explainer.cures.find(bit, goal)
    reason = situation.explainer.reason(bit, goal, far=False)
    if edits is None:
        return Flip(None, (), False, impossible(reason))
    model = wished(situation.model, edits, situation.module)
    if model.wished(bit) is not None:
        model = model.wish(bit, goal)
    after = evaluate(model, situation.module, situation.platform)
    if problem := fresh_refusal(situation, after):
        return Flip(None, (), False, problem)
    holders = _holders(reason)
    at_once = _is_own(edits, bit) and reason.group is not Group.FIXED
    return Flip(after, edits, at_once, f"{bit.key} needs {phrase.edit_list(edits)} ({holders})")


def _holders(reason: Reason) -> str:
    """The terms that keep a bit as it is, each with its rule."""
    holding = [term for term in reason.terms if term.value == 0] or list(reason.terms)
    return ", ".join(f"{term.name} {phrase.value_text(term.value)} (rule {term.rule})" for term in holding)


def impossible(reason: Reason) -> str:
    """Why nothing gives a bit its other value here."""
    key = reason.bit.key
    if reason.kind in (BitClass.DYNAMIC, BitClass.VE) and reason.run_time:
        return f"{key} is {phrase.CLASSES[reason.kind]}. {reason.run_time[0]}"
    obstacles = [f"{term.obstacle} (rule {term.rule})" for term in reason.terms if term.obstacle]
    because = "; ".join(dict.fromkeys(obstacles)) or _holders(reason)
    return f"{key} can't be {reason.cure.goal} here: {because}"


def _is_own(edits: tuple[Edit, ...], bit: Field) -> bool:
    """Whether the edits are the bit's own switch: one setting, or bits of its own entry that must be equal."""
    own = (edit.what == CPUID_CONFIG and edit.field is not None and edit.field.leaf == bit.leaf for edit in edits)
    return len(edits) == 1 or all(own)


def flip_setting(situation: Situation, what: str, name: str) -> Flip:
    """Flip named bits of XFAM, ATTRIBUTES or CONFIG_FLAGS, with what must move along (2.1, 2.2, 3.2)."""
    prepared, config = situation.td.prepared, situation.td.config
    mask, word = NAMED_BITS[what][name], config.param(what)
    on = word & mask != mask
    if what == "CONFIG_FLAGS":
        edits: tuple[Edit, ...] | None = (Edit(what, name, int(on)),)
    else:
        edits = (xfam_turned if what == "XFAM" else attributes_turned)(prepared, config, mask, on)
    model = wished(situation.model, edits or (), situation.module)
    problem = _setting_problem(situation, what, mask, model) if on else ""
    if edits is None or problem:
        return Flip(None, (), False, problem or f"{what}.{name} is fixed: every TD has x87 and SSE (rule 3.2)")
    after = evaluate(model, situation.module, situation.platform)
    at_once = all(edit.what == what and edit.value == int(on) for edit in edits)
    return Flip(after, edits, at_once, f"{what}.{name} needs {phrase.edit_list(edits)}")


def _setting_problem(situation: Situation, what: str, mask: int, model: VcpuModel) -> str:
    prepared, after = situation.td.prepared, getattr(model, WORDS[what])
    if what == "CONFIG_FLAGS":
        return config_flags_problem(prepared, after)
    word = getattr(situation.model, WORDS[what])
    problem = {"XFAM": xfam_problem, "ATTRIBUTES": attributes_problem}[what]
    return problem(prepared, after if after != word else word | mask)


def fresh_refusal(before: Situation, after: Situation) -> str:
    """The first refusal that wasn't there before, "" if there is none."""
    fresh = (str(item) for item in after.refusals if item not in before.refusals)
    return next(fresh, "")

