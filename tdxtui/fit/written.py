"""A fitted model as a file: what it is for, where it comes from and what was lost, in comments above the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tdxtui import model_file
from tdxtui.fit.changes import Change, Outcome, changes
from tdxtui.fit.fitting import Fit
from tdxtui.fit.report import wrapped
from tdxtui.model import VcpuModel

NAMES = {
    Outcome.DROPPED: "Dropped",
    Outcome.FORCED_ON: "Forced on",
    Outcome.OTHER_VALUE: "Other values",
    Outcome.LEFT_TO_MODULE: "Left to the module",
}


def text(fit: Fit, command: str = "") -> str:
    """The commented file of a fitted model. `command` is what made it."""
    comments = [
        f"The nearest legal model to {fit.source.text} ({fit.source.title}) on {fit.target.name}.",
        *([f"Made by: {command}"] if command else []),
        *_losses(changes(fit)),
    ]
    return commented(comments, named(fit))


def named(fit: Fit) -> VcpuModel:
    """The fitted model with a description of what it is, unless it is a model with one of its own."""
    if fit.source.states_td and fit.model.description:
        return fit.model
    return replace(fit.model, description=f"{fit.source.model.name} as a TD can have it on {fit.target.name}.")


def commented(comments: list[str], model: VcpuModel) -> str:
    """A model's file below comments, a paragraph each."""
    above = [line for comment in comments for line in wrapped(comment, "# ")]
    return "\n".join([*above, "", model_file.dumps(model)])


def _losses(found: list[Change]) -> Iterator[str]:
    for outcome, name in NAMES.items():
        reasons: dict[str, list[str]] = {}
        for item in found:
            if item.outcome is outcome:
                reasons.setdefault(item.because, []).append(item.name)
        if reasons:
            yield f"{name}: " + "; ".join(f"{', '.join(names)}: {because}" for because, names in reasons.items()) + "."
