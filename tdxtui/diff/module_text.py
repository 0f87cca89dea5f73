"""A diff of two modules for people."""

from __future__ import annotations

from collections.abc import Sequence

from tdxtui import catalog
from tdxtui.classify import always_ve
from tdxtui.columns import counted, row, section, sentences
from tdxtui.cpuid import Field
from tdxtui.diff.for_model import Impact, ValueChange
from tdxtui.diff.groups import Group
from tdxtui.diff.modules import AccessChange, BitChange, Change, ModuleDiff
from tdxtui.diff.settings import Setting
from tdxtui.diff.trait_words import NOT_GUEST
from tdxtui.field_runs import leaf_list, runs
from tdxtui.module import Module
from tdxtui.phrase import edit_list

EVIDENCE = {
    "run": "from running its own code",
    "read": "from reading its source",
    "partial": "in part only, the rest deduced from other versions",
}
SETTING_WIDTH = 36


def text(found: ModuleDiff, model: Impact | None = None) -> list[str]:
    """The whole diff; with a model, what it means for that first."""
    lines = [f"TDX module {found.old.version} -> {found.new.version}"]
    lines += sentences(f"What {module.version} does is known {_evidence(module)}." for module in (found.old, found.new))
    if model is not None:
        lines += impact_text(model)
    if not found.changes:
        return [*lines, "", "They state the same of every bit and rule."]
    for group in Group:
        lines += section(group.value, (_row(change) for change in found.of(group)))
    return lines


def _evidence(module: Module) -> str:
    inferred = f", {counted(len(module.inferred), 'statement')} inferred" if module.inferred else ""
    return EVIDENCE[module.evidence] + inferred


def _row(change: Change) -> list[str]:
    if isinstance(change, BitChange):
        unsure = " (inferred)" if change.inferred else ""
        told = change.new if change.old == NOT_GUEST else f"{change.old} -> {change.new}"
        return row(_place(change), change.name, told + unsure)
    if isinstance(change, AccessChange):
        return row(_leaves(change), _title(change), f"{change.old} -> {change.new}")
    return row(change.name, "", _setting(change), SETTING_WIDTH, 0)


def _place(change: BitChange) -> str:
    return f"{leaf_list(change.leaves)}{change.fields[0].key.removeprefix(change.leaves[0].key)}"


def _leaves(change: AccessChange) -> str:
    if not change.leaves:
        return "other leaves"
    return f"{'leaf' if len(change.leaves) == 1 else 'leaves'} {leaf_list(change.leaves)}"


def _title(change: AccessChange) -> str:
    titles = {catalog.title(leaf) for leaf in change.leaves}
    return titles.pop() if len(titles) == 1 else ""


def _setting(change: Setting) -> str:
    old, new = change.old.split(", "), change.new.split(", ")
    if "none" in (change.old, change.new) or min(len(old), len(new)) < 2:
        return f"{change.old} -> {change.new}"
    parts = [f"adds {', '.join(item for item in new if item not in old)}" if set(new) - set(old) else ""]
    parts.append(f"drops {', '.join(item for item in old if item not in new)}" if set(old) - set(new) else "")
    return "; ".join(part for part in parts if part) or f"another order: {change.new}"


# -- what it means for a model --


def impact_text(model: Impact) -> list[str]:
    """What becomes of a model on the new module."""
    cpu = model.old.platform.name if model.old.platform else "an unknown CPU"
    new = model.new.module.version
    title = f"Model {model.old.model.name} on {cpu}, module {model.old.module.version} -> {new}"
    if model.empty:
        return ["", f"{title}: nothing changes."]
    lines = ["", f"{title}:"]
    lines += section(f"Refused by {new}", (sentences([f"  {item}"]) for item in model.refusals))
    lines += section(f"No longer refused by {new}", (sentences([f"  {item}"]) for item in model.accepted))
    lines += section("New conflicts: not what the model wants", (
        row(field.key, name, "") for leaf, mask in model.conflicts.items() for field, name in runs(leaf, mask)
    ))
    lines += section("Conflicts no more", (
        row(field.key, name, "") for leaf, mask in model.settled.items() for field, name in runs(leaf, mask)
    ))
    lines += section("Values that TDH.MNG.INIT gives otherwise", (_value(model, change) for change in model.values))
    return lines + _cures(model.values)


def _value(model: Impact, change: ValueChange) -> list[str]:
    said = f"{shown(change.field, change.old)} -> {shown(change.field, change.new)}"
    if always_ve(model.new.module, change.field.leaf):
        said += "; the guest gets #VE by default"
    elif change.guest_new != change.new or change.guest_old != change.old:
        said += f"; the guest reads {_guest(change)} by default"
    if change.wished is not None:
        said += f"; the model wants {shown(change.field, change.wished)}"
    return row(change.field.key, change.name, said)


def _guest(change: ValueChange) -> str:
    old, new = shown(change.field, change.guest_old), shown(change.field, change.guest_new)
    return f"{old} as before" if old == new else f"{old} -> {new}"


def _cures(values: Sequence[ValueChange]) -> list[str]:
    """What to set where the model loses something that it didn't forbid."""
    lost = [change for change in values if change.old & ~change.new and change.wished in (None, change.old)]
    curable = [change for change in lost if change.edits]
    return section("To keep what is lost", (
        row(change.field.key, change.name, edit_list(change.edits or ())) for change in curable
    ))


def shown(field: Field, value: int) -> str:
    """A field's value: a bit's digit, else hex."""
    return str(value) if field.is_bit else f"{value:#x}"
