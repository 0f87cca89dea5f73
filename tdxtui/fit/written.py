"""A fitted model as a file: what it is for, where it comes from and what was lost, in comments above the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tdxtui import model_file
from tdxtui.fit.changes import OBSCURE, Change, Outcome, changes, importance
from tdxtui.fit.fitting import Fit
from tdxtui.fit.report import wrapped
from tdxtui.fit.settings import Setting, settings
from tdxtui.model import VcpuModel

NAMES = {
    Outcome.DROPPED: "Dropped",
    Outcome.FORCED_ON: "Forced on",
    Outcome.OTHER_VALUE: "Other values",
    Outcome.LEFT_TO_MODULE: "Left to the module",
}


def text(fit: Fit, command: str = "", name: str | None = None, description: str | None = None) -> str:
    """The commented file of a fitted model. `command` is what made it; a name and description take others' place."""
    comments = [
        f"The nearest legal model to {fit.source.text} ({fit.source.title}) on {fit.target.name}.",
        *([f"Made by: {command}"] if command else []),
        *_losses(changes(fit)),
        *_settings(settings(fit)),
    ]
    return commented(comments, titled(named(fit), name, description))


def named(fit: Fit) -> VcpuModel:
    """The fitted model with a description of what it is, unless it is a model with one of its own."""
    if fit.source.states_td and fit.model.description:
        return fit.model
    return replace(fit.model, description=f"{fit.source.model.name} as a TD can have it on {fit.target.name}.")


def titled(model: VcpuModel, name: str | None, description: str | None) -> VcpuModel:
    """A model with another name or description, where one is given."""
    return replace(
        model, name=model.name if name is None else name,
        description=model.description if description is None else description,
    )


def commented(comments: list[str], model: VcpuModel) -> str:
    """A model's file below comments, a paragraph each."""
    above = [line for comment in comments for line in wrapped(comment, "# ")]
    return "\n".join([*above, "", model_file.dumps(model)])


def _losses(found: list[Change]) -> Iterator[str]:
    for outcome, name in NAMES.items():
        here = [item for item in found if item.outcome is outcome]
        told = [item for item in here if importance(item.field) < OBSCURE or outcome is Outcome.LEFT_TO_MODULE]
        reasons: dict[str, dict[str, None]] = {}
        for item in told:
            reasons.setdefault(item.because, {})[item.name] = None
        parts = [f"{', '.join(names)}: {because}" for because, names in reasons.items()]
        parts += [_lesser(len(here) - len(told))] if len(told) < len(here) else []
        if parts:
            yield f"{name}: {'; '.join(parts)}."


def _lesser(count: int) -> str:
    return "a lesser one" if count == 1 else f"{count} lesser ones"


def _settings(found: list[Setting]) -> Iterator[str]:
    parts = [f"{item.name} {item.wanted} -> {item.got}: {item.because}" for item in found]
    if parts:
        yield f"Other settings: {'; '.join(parts)}."
