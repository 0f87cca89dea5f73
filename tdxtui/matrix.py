"""Models against modules and platforms: a cell for each combination, worked out one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tdxtui import library, sources
from tdxtui.check import Finding, Kind, Severity, check, drift, rank, to_data
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import Situation
from tdxtui.situations import NO_PLATFORM
from tdxtui.sources import Source
from tdxtui.vmm import VmmLayer


@dataclass(frozen=True)
class Cell:
    """What came of one model on one module and platform; `error` is set where the model couldn't be read.

    `model` is what was asked for. `situation` and `findings` are those of the check.
    """

    model: str
    module: str = ""
    platform: str = NO_PLATFORM
    vmm: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    situation: Situation | None = None
    findings: tuple[Finding, ...] = ()
    error: str = ""

    def count(self, kind: Kind) -> int:
        """How many findings of a kind there are."""
        return sum(item.kind is kind for item in self.findings)

    @property
    def worst(self) -> Severity | None:
        """The gravest severity, None without findings."""
        if any(item.severity is Severity.CONFLICT for item in self.findings):
            return Severity.CONFLICT
        return Severity.WARNING if self.findings else None

    @property
    def verdict(self) -> str:
        """The outcome in a word or two."""
        if self.error:
            return "unreadable"
        return "fits" if self.worst is not Severity.CONFLICT else "conflicts"

    def data(self, far: bool = False) -> dict[str, Any]:
        """The cell for programs."""
        if self.error:
            return {"model": self.model, "error": self.error}
        return {
            "model": self.model,
            "module": self.module,
            "platform": None if self.platform == NO_PLATFORM else self.platform,
            "vmm": list(self.vmm),
            "verdict": "ok" if self.worst is None else f"{self.worst.value}s",
            "counts": {kind.value: self.count(kind) for kind in Kind},
            "notes": list(self.notes),
            "findings": [to_data(item, far) for item in self.findings],
        }


def cells(
    model: str, modules: Sequence[str] = (), platforms: Sequence[str] = (), vmm: Sequence[VmmLayer] = ()
) -> Iterator[Cell]:
    """The cells of one model, by default on its own module and platform.

    Raises TdxtuiError for a module or platform that can't be had; what is wrong with the model is its cell's `error`.
    """
    for name in (*modules, *platforms):
        _known(name, name in modules)
    try:
        source = sources.find(model)
        places = ((module, platform) for module in modules or ("",) for platform in platforms or ("",))
        for module, platform in dict.fromkeys(places):
            yield _cell(source, module, platform, vmm)
    except TdxtuiError as error:
        yield Cell(model, error=str(error))


def _known(name: str, is_module: bool) -> None:
    if is_module:
        library.module(name)
    elif name != NO_PLATFORM:
        library.platform(name)


def _cell(source: Source, module: str, platform: str, vmm: Sequence[VmmLayer]) -> Cell:
    """A check on the module and platform given, or else on the model's own."""
    own, place = sources.place(source, None, None), sources.place(source, module or None, platform or None)
    source, situation = sources.situation(source, module or None, platform or None, vmm)
    found = check(situation, vmm)
    if place == own:
        found = sorted([*found, *drift(situation, source.text)], key=rank)
    labels = tuple(layer.label for layer in vmm)
    return Cell(source.text, place[0], place[1] or NO_PLATFORM, labels, source.notes, situation, tuple(found))
