"""A vCPU model against a module, a platform and VMM layers: findings, the most important first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tdxtui.checking.bits import fields_of
from tdxtui.checking.conflicts import conflicts
from tdxtui.checking.finding import Finding, Kind, Layer, Severity, rank
from tdxtui.checking.refusals import refusals
from tdxtui.checking.vmm_verdicts import verdicts
from tdxtui.checking.warnings import warnings
from tdxtui.evaluate import Situation
from tdxtui.exported import drift_of
from tdxtui.naming import field_name
from tdxtui.vmm import VmmLayer
from tdxtui.why import edit_data, term_data

__all__ = ["Finding", "Kind", "Layer", "Severity", "check", "drift", "fails", "rank", "to_data"]


def check(situation: Situation, vmm: Sequence[VmmLayer] = ()) -> list[Finding]:
    """Every finding on a situation, sorted by importance. Reasons and cures are worked out when they are asked for."""
    found = [*refusals(situation, vmm), *conflicts(situation, vmm), *verdicts(situation, vmm)]
    return sorted([*found, *warnings(situation, vmm)], key=rank)


def drift(situation: Situation, source: str) -> list[Finding]:
    """What comes out otherwise than the model's [validated] says, [] without one.

    Only for a model on the module and platform of its own file; `source` is what errors call that.
    """
    lines = drift_of(situation.model, source) or ([], [])
    return [
        Finding(Kind.DRIFT, Layer.MODULE, code, text, severity=Severity.WARNING)
        for code, texts in zip(("drift", "drift-origin"), lines, strict=True)
        for text in texts
    ]


def fails(findings: Iterable[Finding], on: Severity) -> bool:
    """Whether some finding weighs as much as `on`."""
    return any(on is Severity.WARNING or item.severity is Severity.CONFLICT for item in findings)


def to_data(finding: Finding, far: bool = False) -> dict[str, Any]:
    """A finding for programs; with `far`, cures on other modules and platforms are looked for."""
    out: dict[str, Any] = {
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "layer": finding.layer.value,
        "code": finding.code,
        "message": finding.message,
    }
    if finding.field is not None:
        out |= {
            "field": finding.field.key,
            "sdm": finding.field.sdm,
            "name": finding.name,
            "names": list(finding.named.names()) if finding.named else [],
            "wanted": finding.wanted,
            "got": finding.got,
        }
    elif finding.bits:
        fields = fields_of(finding.bits)
        out |= {"fields": [field.key for field in fields], "names": [field_name(field) for field in fields]}
    if finding.field is not None and len(finding.bits) > 1:
        out["bits"] = [bit.key for bit in finding.bits]
    if finding.bit_class is not None:
        out["class"] = finding.bit_class.value
    if finding.refusal is not None:
        out["refusal"] = _refusal(finding)
    if finding.says:
        out["says"] = list(finding.says)
    return out | _cures(finding, far)


def _refusal(finding: Finding) -> dict[str, Any]:
    refusal = finding.refusal
    assert refusal is not None
    return {
        "status": refusal.status,
        "stage": refusal.stage,
        "operand": refusal.operand,
        "leaf": refusal.at.key if refusal.at else None,
        "msr": None if refusal.msr is None else f"{refusal.msr:#x}",
        "rule": refusal.rule,
        "because": refusal.because,
    }


def _cures(finding: Finding, far: bool) -> dict[str, Any]:
    if finding.severity is not Severity.CONFLICT:
        return {}
    out: dict[str, Any] = {}
    if finding.reason:
        out["reason"] = [term_data(term._asdict()) for term in finding.reason]
    out["cure"] = None if finding.cure is None else [edit_data(edit) for edit in finding.cure]
    if far and finding.elsewhere is not None:
        out["elsewhere"] = [edit_data(edit) for edit in finding.elsewhere]
    return out
