"""What the space bar would do to a bit or a setting: the edits, what else they change, or what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tdxtui import phrase
from tdxtui.anatomy import anatomy
from tdxtui.classify import BitClass, Group, classes_at
from tdxtui.computed import PLATFORM_DEPENDENT
from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.edits import CPUID_CONFIG, Edit, config_edit, wished, word_edit
from tdxtui.evaluate import Situation, evaluate
from tdxtui.guest_reads import sentences
from tdxtui.levers import FMS_CONFIG, LEVERS, MAXPA
from tdxtui.module import NeedsMsr
from tdxtui.reason import Kind, Term
from tdxtui.td import NAMED_BITS, XFAM_COMPONENTS, names_of
from tdxtui.td_params import attributes_problem, config_flags_problem, xfam_problem
from tdxtui.turning import UNITS, attributes_turned, units_in, xfam_turned


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
    if old.module is new.module and old.known is None and new.known is None:
        pairs = zip(old.module.entries, old.values, new.values, strict=True)
        return {entry.leaf: one ^ two for entry, one, two in pairs if one != two}
    leaves = dict.fromkeys([*old.cpuid(), *new.cpuid()])
    masks = {leaf: old.at(leaf) ^ new.at(leaf) | old.known_at(leaf) ^ new.known_at(leaf) for leaf in leaves}
    return {leaf: mask & ALL_ONES for leaf, mask in masks.items() if mask & ALL_ONES}


def shown(situation: Situation, bit: Field) -> int:
    """A bit's value as shown: what the TD gets, or where that is unknown what is wished."""
    td = situation.td
    if td.known_at(bit.leaf) & bit.mask:
        return td.get(bit)
    return situation.model.wished(bit) or 0


def fresh_refusal(before: Situation, after: Situation) -> str:
    """The first refusal of a kind that wasn't there before, "" if there is none.

    Of one kind the module tells the first only: with that mended the next one shows, which isn't new.
    """
    old = {(item.status, item.operand, item.at, item.msr) for item in before.refusals}
    fresh = (item for item in after.refusals if (item.status, item.operand, item.at, item.msr) not in old)
    return next((str(item) for item in fresh), "")


def edited(situation: Situation, edits: tuple[Edit, ...], bit: Field | None = None, goal: int = 0) -> Situation:
    """The situation with edits of this module and CPU made; a wish for `bit` follows.

    A 0 that only asks for the module's own default is no wish for a 0.
    """
    model = wished(situation.model, edits, situation.module)
    if bit is not None and model.wished(bit) not in (None, goal):
        # A wish within a number that the edits leave to the module would become part of it in CPUID_CONFIG.
        computed = anatomy(situation.module, bit).base[0][0] in (Kind.COMPUTED, Kind.TOPOLOGY)
        configured = computed and classes_at(situation.module, bit.leaf).entry.configurable & bit.mask
        model = model.wish(bit, None if configured else goal)
    after = evaluate(model, situation.module, situation.platform)
    defaults = [edit.field for edit in edits if edit.field is not None and not edit.value and not edit.field.is_bit]
    wrong = [field for field in defaults if after.conflicts.get(field.leaf, 0) & field.mask]
    for field in wrong:
        model = model.wish(field, None)
    return evaluate(model, situation.module, situation.platform) if wrong else after


# -- bits --


def flip(situation: Situation, bit: Field) -> Flip:
    """Flip a bit of one of the module's entries, on this module and CPU."""
    goal = 1 - shown(situation, bit)
    edits = _found(situation, bit, goal)
    if edits == ():
        # Unknown without a CPU, and nothing is left to be set: the other way round it may still be cleared.
        goal = 0
        edits = _found(situation, bit, goal)
    if not edits:
        return Flip(None, (), False, impossible(situation, bit, goal))
    after = edited(situation, edits, bit, goal)
    if problem := fresh_refusal(situation, after):
        return Flip(None, (), False, problem)
    group = classes_at(situation.module, bit.leaf).group_of(bit)
    at_once = _is_own(edits, bit) and group is not Group.FIXED
    return Flip(after, edits, at_once, f"{bit.key} needs {phrase.edit_list(edits)} ({_holders(situation, bit)})")


def _found(situation: Situation, bit: Field, goal: int) -> tuple[Edit, ...] | None:
    """The smallest edits; None for what is computed from a CPU that isn't there."""
    computed = anatomy(situation.module, bit).computed
    unknown = computed is not None and computed.by in PLATFORM_DEPENDENT and situation.td.prepared.platform is None
    return None if unknown else situation.explainer.cures.find(bit, goal)


def _is_own(edits: tuple[Edit, ...], bit: Field) -> bool:
    """Whether the edits are the bit's own switch: one setting, or bits of its own entry that must be equal."""
    own = (edit.what == CPUID_CONFIG and edit.field is not None and edit.field.leaf == bit.leaf for edit in edits)
    return len(edits) == 1 or all(own)


def _holders(situation: Situation, bit: Field) -> str:
    """The terms that keep a bit as it is, each with its rule."""
    terms = situation.explainer.terms(bit)
    holding = [term for term in terms if term.value == 0] or list(terms)
    return "; ".join(f"{_named(term)}, rule {term.rule}" for term in holding)


def _named(term: Term) -> str:
    if term.kind in (Kind.COMPUTED, Kind.TOPOLOGY):
        return f"computed, {term.name.replace('_', ' ')}"
    return f"{term.name} {phrase.value_text(term.value)}"


def impossible(situation: Situation, bit: Field, goal: int) -> str:
    """Why nothing gives a bit its other value here."""
    here, run_time = classes_at(situation.module, bit.leaf), sentences(situation.module, bit)
    kind = here.class_of(bit)
    if run_time and (kind is BitClass.DYNAMIC or here.entry.dynamic & bit.mask):
        return f"{bit.key} is {phrase.CLASSES[BitClass.DYNAMIC]}. {run_time[0]}"
    because = "; ".join(dict.fromkeys(_obstacles(situation, bit, goal))) or _holders(situation, bit)
    if not situation.td.known_at(bit.leaf) & bit.mask:
        return f"{bit.key} is unknown here: {because}"
    return f"{bit.key} can't be {goal} here: {because}"


def _obstacles(situation: Situation, bit: Field, goal: int) -> Iterator[str]:
    """What keeps a bit from a value and can't be changed, each with its rule."""
    for term in situation.explainer.terms(bit):
        because = _obstacle(situation, bit, term, goal)
        if because:
            yield because
        if because and term.kind in (Kind.CONSTANT, Kind.VERIFIED):
            break
    if goal:
        yield from _ties(situation, bit)
    if classes_at(situation.module, bit.leaf).class_of(bit) is BitClass.VE:
        yield f"its leaf {phrase.CLASSES[BitClass.VE].removeprefix('a leaf that ')}"


def _obstacle(situation: Situation, bit: Field, term: Term, goal: int) -> str:
    """Why a term can't be what a value needs, "" if it can or is."""
    rule = f"(rule {term.rule})"
    if term.kind in (Kind.GATE, Kind.MIRROR):
        return _closed(situation, term) if goal and term.value != 1 else ""
    if term.kind is Kind.COMPUTED:
        unknown = "" if situation.td.known_at(bit.leaf) & bit.mask else f"; {_no_cpu(situation)}"
        return f"computed, {term.name.replace('_', ' ')} {rule}: {LEVERS[term.name].sentence}{unknown}"
    if term.kind is Kind.TOPOLOGY:
        can = situation.explainer.cures.possible.at(bit.leaf)[goal] & bit.mask
        lacking = _no_cpu(situation) if can and situation.td.prepared.platform is None else ""
        return f"computed, topology {rule}: {lacking or 'no levels of leaf 1FH that the module takes give that'}"
    if term.value == goal or term.kind is Kind.CPUID_CONFIG:
        return ""
    if term.kind is Kind.CONSTANT:
        return f"fixed to {term.value} {rule}"
    if term.kind is Kind.VERIFIED:
        return f"fixed to {term.value}, demanded of every CPU {rule}"
    if term.value is None:
        return "" if goal else f"the CPU decides it, and {_no_cpu(situation)} {rule}"
    return f"the CPU has {term.value} {rule}"


def _no_cpu(situation: Situation) -> str:
    return "the module refuses this CPU" if situation.platform_refusal else "no CPU is chosen"


def _closed(situation: Situation, term: Term) -> str:
    """Why a condition can't be made to hold, "" if it can."""
    if term.obstacle:
        return f"{term.obstacle[0].lower()}{term.obstacle[1:]} (rule {term.rule})"
    if term.at is None:
        return ""
    goal = int(not term.name.startswith("!"))
    if situation.explainer.cures.find(term.at, goal) is not None:
        return ""
    because = next(_obstacles(situation, term.at, goal), _holders(situation, term.at))
    return f"it needs {term.at.key} = {goal} (rule {term.rule}), where {because}"


def _ties(situation: Situation, bit: Field) -> Iterator[str]:
    """What a 1 also needs: of an MSR, or of the bit that must be equal (5.4)."""
    module = situation.module
    for equal in module.equals:
        if bit in equal.bits:
            other = equal.bits[0] if equal.bits[1] == bit else equal.bits[1]
            found = (_obstacle(situation, other, term, 1) for term in situation.explainer.terms(other))
            yield from (f"it must equal {other.key} (rule {equal.rule}), where {text}" for text in found if text)
            yield from _msr_obstacles(situation, other)
    yield from _msr_obstacles(situation, bit)


def _msr_obstacles(situation: Situation, bit: Field) -> Iterator[str]:
    for needs in situation.module.needs_msr:
        if needs.bit == bit and not _msr_allows(situation, needs):
            mask, msr = f"{needs.mask:X}H", f"{needs.msr:X}H"
            yield f"{bit.key} needs bits {mask} of MSR {msr}, which the CPU lacks (rule {needs.rule})"


def _msr_allows(situation: Situation, needs: NeedsMsr) -> bool:
    platform = situation.td.prepared.platform
    return platform is None or platform.msr(needs.msr, situation.module.msr_defaults) & needs.mask == needs.mask


# -- settings --


def flip_setting(situation: Situation, what: str, name: str) -> Flip:
    """Flip named bits of XFAM, ATTRIBUTES or CONFIG_FLAGS, with what must move along (2.1, 2.2, 3.2, 5.1, 6.C1)."""
    mask = NAMED_BITS[what][name]
    on = situation.td.config.param(what) & mask != mask
    edits = _turned(situation, what, name, on)
    if edits is None:
        return Flip(None, (), False, _unturnable(situation, what, name, on))
    after, edits, problem = _settled(situation, edits)
    if problem:
        return Flip(None, (), False, problem)
    at_once = all(edit.what == what and edit.value == int(on) for edit in edits)
    return Flip(after, edits, at_once, f"{what}.{name} needs {phrase.edit_list(edits)}")


def _turned(situation: Situation, what: str, name: str, on: bool) -> tuple[Edit, ...] | None:
    prepared, config, mask = situation.td.prepared, situation.td.config, NAMED_BITS[what][name]
    if what == "XFAM":
        return xfam_turned(prepared, config, mask, on)
    if what == "ATTRIBUTES":
        edits = attributes_turned(prepared, config, mask, on)
        if edits and any(edit.name == "MIGRATABLE" for edit in edits):
            return situation.explainer.cures.with_legal_fms(edits) or edits
        return edits
    return None if _flags_problem(situation, mask, on) else (word_edit(what, name, int(on)),)


def _flags_problem(situation: Situation, mask: int, on: bool) -> str:
    """What is wrong with flags turned on or off, "" if nothing that wasn't before."""
    prepared = situation.td.prepared
    allowed = situation.td.config.config_flags & prepared.module.config_flags.allowed
    problem = config_flags_problem(prepared, allowed | mask if on else allowed & ~mask)
    return "" if problem == config_flags_problem(prepared, allowed) else problem


def _unturnable(situation: Situation, what: str, name: str, on: bool) -> str:
    """Why a setting can't be turned on or off."""
    prepared, module, mask = situation.td.prepared, situation.module, NAMED_BITS[what][name]
    if what == "CONFIG_FLAGS":
        return _flags_problem(situation, mask, on)
    if what == "ATTRIBUTES":
        always = f"{what}.{name} is fixed: this module demands it (rule 2.1)"
        return attributes_problem(prepared, module.attributes.fixed1 | mask) if on else always
    if not on:
        every = " and ".join(names_of(module.xfam.fixed1, XFAM_COMPONENTS))
        return f"XFAM.{name} is fixed: every TD has {every} (rule 3.2)"
    needed = module.xfam.fixed1 | mask
    for unit in units_in(mask):
        needed |= UNITS[unit]
    for dependent, other in module.xfam.requires:
        needed |= other if needed & dependent else 0
    return xfam_problem(prepared, needed)


def _settled(situation: Situation, edits: tuple[Edit, ...]) -> tuple[Situation, tuple[Edit, ...], str]:
    """The edits; if need be with the module's own default for what is configured and no longer legal (5.1, 6.C1)."""
    after = edited(situation, edits)
    problem = fresh_refusal(situation, after)
    configured = situation.td.config.cpuid_config
    for field in (FMS_CONFIG, MAXPA) if problem else ():
        if field.get(configured.get(field.leaf, 0)):
            more = (*edits, config_edit(field, 0))
            other = edited(situation, more)
            if not fresh_refusal(situation, other):
                return other, more, ""
    return after, edits, problem
