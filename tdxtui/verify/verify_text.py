"""`tdxtui verify`'s findings for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tdxtui.catalog import RESERVED
from tdxtui.columns import counted, row, section, sentences
from tdxtui.cpuid import Leaf
from tdxtui.diff.table_text import decoded
from tdxtui.diff.trait_words import statement
from tdxtui.field_runs import leaf_list
from tdxtui.phrase import edit_list
from tdxtui.td import TD_CTLS, names_of
from tdxtui.verify.causes import CONFIG, FIXED, FOLLOWS, SETTING, WORDS
from tdxtui.verify.check_dump import Difference, Fit, Verification
from tdxtui.verify.observed import GUEST, NO_TD, TDCS
from tdxtui.words.names import key_of


def text(found: Verification) -> list[str]:
    """What was found, most important first."""
    lines = _heading(found) + _better(found)
    lines += _impossible(found)
    lines += _words(found.differences)
    lines += section("The VMM configured otherwise than the model (CPUID_CONFIG)", map(_row, _of(found, CONFIG)))
    lines += section("Computed from what the VMM set", map(_row, _of(found, FOLLOWS)))
    lines += section("The VMM set something else", (_row(item, edit_list(item.cause.edits)) for item in
                                                    _of(found, SETTING)))
    lines += section("Decided by the guest (FEATURE_PARAVIRT_CTLS), and so no difference", (
        row(item.field.key, item.name, f"is {item.got}") for item in found.guest
    ))
    return lines + _not_compared(found)


def _of(found: Verification, kind: str) -> list[Difference]:
    return [item for item in found.differences if item.cause.kind == kind]


def _heading(found: Verification) -> list[str]:
    situation = found.situation
    cpu = situation.platform.name if situation.platform else "an unknown CPU"
    who = "read in the guest" if found.seen.view == GUEST else "read by the host (TDCS)"
    lines = [f"Model {situation.model.name} on module {situation.module.version}, {cpu}, against {found.seen.name} "
             f"({who})"]
    refusals = [refusal for refusal in (situation.platform_refusal, *situation.refusals) if refusal]
    lines += [f"The module refuses this: {refusal}" for refusal in refusals]
    if not found.is_td:
        lines.append(NO_TD)
    ctls = names_of(found.state.td_ctls, TD_CTLS)
    if ctls and found.is_td:
        lines.append(f"The guest must have set TD_CTLS {', '.join(ctls)}.")
    count = len(found.differences)
    told = f"{counted(count, 'field')} {'differs' if count == 1 else 'differ'}" if count else "all as predicted"
    lines.append(f"{counted(found.compared, 'leaf').replace('leafs', 'leaves')} compared: {told}.")
    return sentences(lines)


def _better(found: Verification) -> list[str]:
    """Which module or CPU explains more, if one does."""
    best = found.better
    if best is None:
        return []
    equal = [fit for fit in found.fits if fit[2:] == best[2:]]
    left = "all of it" if not best.impossible else f"all but {counted(best.impossible, 'bit')}"
    names = ", or ".join(dict.fromkeys(_place(fit, found) for fit in equal))
    return ["", *sentences([f"Explained better by {names}: {left} can be what a VMM set there."])]


def _place(fit: Fit, found: Verification) -> str:
    same_cpu = not fit.platform or fit.platform == getattr(found.situation.platform, "name", "")
    return f"module {fit.module}" if same_cpu else f"the CPU {fit.platform}"


def _impossible(found: Verification) -> list[str]:
    version = found.situation.module.version
    title = f"Not what module {version} and this CPU give, whatever the VMM sets"
    return section(title, (_row(item, _why(found, item)) for item in _of(found, FIXED)))


def _why(found: Verification, item: Difference) -> str:
    module = found.situation.module
    own = module.entry_field(item.field)
    bit = next(bit for bit in item.field.bits() if bit.get(item.field.put(0, item.predicted ^ item.got)))
    stated = statement(module, own, bit._replace(leaf=own.leaf)) if own else "the module has no entry here"
    where = f"; would fit {', '.join(item.elsewhere)}" if item.elsewhere else "; fits no module or CPU known here"
    return f"{stated}{where}"


def _row(item: Difference, more: str = "") -> list[str]:
    told = f"{decoded(item.field, item.predicted)} predicted, is {decoded(item.field, item.got)}"
    return row(item.field.key, item.name, f"{told}; {more}" if more else told)


def _words(differences: Sequence[Difference]) -> list[str]:
    """XFAM, ATTRIBUTES and CONFIG_FLAGS: each moves many fields at once, which are told together."""
    groups: dict[tuple[str, str, bool], list[str]] = {}
    for item in differences:
        if item.cause.kind in WORDS:
            key = item.cause.kind, item.cause.name, item.cause.on
            groups.setdefault(key, []).append(name(item))
    lines = []
    for (kind, bit, on), names in groups.items():
        lines += section(f"{kind}: the VMM {'set' if on else 'left out'} {bit}", [
            sentences([f"  {counted(len(names), 'field')}: {', '.join(names)}"])
        ])
    return lines


def name(item: Difference) -> str:
    """The shortest name that means the field."""
    return key_of(item.field) if item.name not in ("", RESERVED) else item.field.key


def _not_compared(found: Verification) -> list[str]:
    return ["", *sentences(_notes(found))] if any(_notes(found)) else []


def _notes(found: Verification) -> Iterator[str]:
    seen = found.seen.values
    answered = [leaf for leaf in found.ve if seen[leaf]]
    silent = [leaf for leaf in found.ve if not seen[leaf]]
    if found.seen.view == TDCS and found.ve:
        yield f"#VE leaves, which no host can read in TDCS (rule 6.3): {_leaves(found.ve)}."
        answered, silent = [], []
    if answered:
        yield (f"#VE leaves: {_leaves(answered)}. Their values are what the guest kernel's #VE handler answered, "
               "not the module.")
    if silent:
        yield f"#VE leaves that its handler answered with 0: {_leaves(silent)}."
    if found.run_time:
        yield f"Decided at run time, not compared: {', '.join(field.key for field in found.run_time)}."
    if found.others:
        yield f"Not the module's to answer: {_leaves(found.others)}."


def _leaves(leaves: Sequence[Leaf]) -> str:
    return leaf_list(sorted(leaves, key=lambda leaf: (leaf.leaf, leaf.subleaf or 0)))


def data(found: Verification) -> dict[str, Any]:
    """What was found, for programs."""
    situation, best = found.situation, found.better
    return {
        "model": situation.model.name,
        "module": situation.module.version,
        "platform": situation.platform.name if situation.platform else None,
        "dump": found.seen.name,
        "view": found.seen.view,
        "td_ctls": names_of(found.state.td_ctls, TD_CTLS),
        "refusals": [str(item) for item in (situation.platform_refusal, *situation.refusals) if item],
        "looks_like_a_td": found.is_td,
        "compared_leaves": found.compared,
        "differences": [_difference(item) for item in found.differences],
        "guest_controlled": [{"field": item.field.key, "name": item.name, "got": item.got} for item in found.guest],
        "run_time": [field.key for field in found.run_time],
        "ve_leaves": [leaf.key for leaf in found.ve],
        "other_leaves": [leaf.key for leaf in found.others],
        "better": None if best is None else best._asdict(),
        "fits": [fit._asdict() for fit in found.fits],
    }


def _difference(item: Difference) -> dict[str, Any]:
    return {
        "field": item.field.key,
        "name": item.name,
        "predicted": item.predicted,
        "got": item.got,
        "cause": item.cause.kind,
        "of": item.cause.name,
        "on": item.cause.on,
        "edits": [edit.text for edit in item.cause.edits],
        "elsewhere": list(item.elsewhere),
    }
