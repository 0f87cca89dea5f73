"""Diffs for programs."""

from __future__ import annotations

from typing import Any

from tdxtui.cpuid import Field
from tdxtui.diff.for_model import Impact
from tdxtui.diff.models import ModelDiff
from tdxtui.diff.modules import AccessChange, BitChange, Change, ModuleDiff
from tdxtui.diff.tables import TableDiff
from tdxtui.evaluate import Situation
from tdxtui.field_runs import runs

Data = dict[str, Any]


def module_data(found: ModuleDiff, model: Impact | None = None) -> Data:
    """A diff of two modules."""
    out: Data = {
        "kind": "modules",
        "old": {"version": found.old.version, "evidence": found.old.evidence},
        "new": {"version": found.new.version, "evidence": found.new.evidence},
        "changes": [_change(change) for change in found.changes],
    }
    return out if model is None else out | {"model": impact_data(model)}


def _change(change: Change) -> Data:
    said = {"group": change.group.key, "old": change.old, "new": change.new}
    if isinstance(change, BitChange):
        bits = {"fields": [field.key for field in change.fields], "name": change.name, "inferred": change.inferred}
        return said | {"what": "bits"} | bits
    if isinstance(change, AccessChange):
        return said | {"what": "access", "leaves": [leaf.key for leaf in change.leaves]}
    return said | {"what": "rule", "name": change.name}


def impact_data(model: Impact) -> Data:
    """What a module means for a model."""
    return {
        "name": model.old.model.name,
        "platform": model.old.platform.name if model.old.platform else None,
        "refused": list(model.refusals),
        "no_longer_refused": list(model.accepted),
        "conflicts": _bits(model.conflicts),
        "conflicts_no_more": _bits(model.settled),
        "values": [
            {
                **_named(item.field, item.name), "old": item.old, "new": item.new, "guest_old": item.guest_old,
                "guest_new": item.guest_new, "wished": item.wished,
                "keep": None if item.edits is None else [edit.text for edit in item.edits],
            }
            for item in model.values
        ],
    }


def _bits(masks: Any) -> list[str]:
    return [field.key for leaf, mask in masks.items() for field, _ in runs(leaf, mask)]


def _named(field: Field, name: str) -> Data:
    return {"field": field.key, "name": name}


def table_data(found: TableDiff, kind: str) -> Data:
    """A diff of two tables."""
    return {
        "kind": kind,
        "old": found.old.name,
        "new": found.new.name,
        "fields": [
            {**_named(item.field, item.name), "old": item.old, "new": item.new, "feature": item.feature,
             "of_the_moment": item.moment}
            for item in found.fields
        ],
        "leaves_only_old": [leaf.key for leaf in found.only_old],
        "leaves_only_new": [leaf.key for leaf in found.only_new],
        "msrs": [{"msr": f"{at:x}", "old": f"{was:x}", "new": f"{now:x}"} for at, was, now in found.msrs],
    }


def model_data(found: ModelDiff) -> Data:
    """A diff of two models."""
    return {
        "kind": "models",
        "old": _on(found.old),
        "new": _on(found.new),
        "settings": [item._asdict() for item in found.settings],
        "wishes": [{**_named(item.field, item.name), "old": item.old, "new": item.new} for item in found.wishes],
        "values": table_data(found.values, "values"),
    }


def _on(situation: Situation) -> Data:
    return {
        "model": situation.model.name,
        "module": situation.module.version,
        "platform": situation.platform.name if situation.platform else None,
        "conflicts": situation.conflict_count,
    }
