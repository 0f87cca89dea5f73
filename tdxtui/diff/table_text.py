"""Diffs of tables and of models for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tdxtui import words
from tdxtui.catalog import title
from tdxtui.columns import counted, row, section, sentences
from tdxtui.cpuid import Field, Leaf
from tdxtui.diff.models import ModelDiff, WishDiff
from tdxtui.diff.tables import FieldDiff, TableDiff
from tdxtui.evaluate import Situation
from tdxtui.field_runs import leaf_list

SETTING_WIDTH = 24


def _nothing(item: FieldDiff) -> str:
    return ""


def table_text(found: TableDiff, about: Callable[[FieldDiff], str] = _nothing) -> list[str]:
    """What differs between two tables; `about` says more of a field."""
    old, new = _called(found)
    only = {*found.only_old, *found.only_new}
    fields = [item for item in found.fields if not item.moment]
    others = [item for item in fields if not item.feature and item.field.leaf not in only]
    moment = [item for item in found.fields if item.moment]
    lines = section(f"Features that only {old} has", (_feature(item, about) for item in fields if _of(item, 1)))
    lines += section(f"Features that only {new} has", (_feature(item, about) for item in fields if _of(item, 0)))
    lines += section("Values that differ", (_value(item, about) for item in others))
    lines += section(f"Leaves that only {old} has", _leaves(found.only_old))
    lines += section(f"Leaves that only {new} has", _leaves(found.only_new))
    lines += section("MSRs that differ", (
        row(f"MSR {at:X}H", "", f"{was:X}H -> {now:X}H") for at, was, now in found.msrs
    ))
    if moment:
        names = ", ".join(dict.fromkeys(item.field.key for item in moment))
        lines += ["", *sentences([f"Of the moment, and so no difference: {names}."])]
    return lines


def _called(found: TableDiff) -> tuple[str, str]:
    names = found.old.name, found.new.name
    return names if names[0] != names[1] else ("the first", "the second")


def _of(item: FieldDiff, value: int) -> bool:
    return item.feature and item.old == value


def _feature(item: FieldDiff, about: Callable[[FieldDiff], str]) -> list[str]:
    return row(item.field.key, item.name, about(item) or title(item.field.leaf))


def _value(item: FieldDiff, about: Callable[[FieldDiff], str]) -> list[str]:
    more = about(item)
    told = f"{decoded(item.field, item.old)} -> {decoded(item.field, item.new)}"
    return row(item.field.key, item.name, f"{told}; {more}" if more else told)


def decoded(field: Field, value: int | None) -> str:
    """A field's value in words."""
    if value is None:
        return "open"
    return str(value) if field.is_bit else words.decode(field, value)


def _leaves(leaves: Iterable[Leaf]) -> Iterator[list[str]]:
    listed = sorted(leaves, key=lambda leaf: (leaf.leaf, leaf.subleaf or 0))
    if listed:
        yield sentences([f"  {leaf_list(listed)}"])


def model_text(found: ModelDiff) -> list[str]:
    """What differs between two models."""
    old, new = found.old, found.new
    lines = [f"Model {_on(old)}", f"   -> {_on(new)}"]
    if found.empty:
        return [*lines, "", "Nothing differs."]
    lines += section("Settings of the TD", (
        row(item.name, "", _setting(item.name, item.old, item.new), SETTING_WIDTH, 0) for item in found.settings
    ))
    lines += section("Wishes", (_wish(item) for item in found.wishes))
    values = table_text(found.values)
    if values:
        lines += ["", "What the TDs get:", *values]
    return lines


def _on(situation: Situation) -> str:
    cpu = situation.platform.name if situation.platform else "an unknown CPU"
    count = situation.conflict_count
    conflicts = f", {counted(count, 'conflict')}" if count else ""
    return f"{situation.model.name} on module {situation.module.version}, {cpu}{conflicts}"


def _setting(name: str, old: str, new: str) -> str:
    if name in ("ATTRIBUTES", "XFAM", "CONFIG_FLAGS"):
        return f"only the first: {old}; only the second: {new}"
    return f"{old} -> {new}"


def _wish(item: WishDiff) -> list[str]:
    return row(item.field.key, item.name, f"{decoded(item.field, item.old)} -> {decoded(item.field, item.new)}")
