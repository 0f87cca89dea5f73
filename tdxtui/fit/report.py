"""A fit in words and as data."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from tdxtui import model_file
from tdxtui.fit.changes import Change, Outcome, changes, kept
from tdxtui.fit.fitting import Fit
from tdxtui.fit.settings import Setting, settings
from tdxtui.phrase import WIDTH
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM, names_of

FEW = {Outcome.DROPPED: 24, Outcome.FORCED_ON: 24, Outcome.OTHER_VALUE: 8, Outcome.LEFT_TO_MODULE: 8}
HEADS = {
    Outcome.DROPPED: "Dropped: wanted, but not to be had",
    Outcome.FORCED_ON: "Forced on: not wanted, but the TD has it",
    Outcome.OTHER_VALUE: "Other values",
    Outcome.LEFT_TO_MODULE: "Left to the module",
}


def lines(fit: Fit, everything: bool = False) -> Iterator[str]:
    """The report for people; without `everything` no more of each kind than `FEW` says."""
    found = changes(fit)
    yield from _head(fit, found)
    for outcome, group in groupby(found, lambda item: item.outcome):
        items, few = list(group), FEW[outcome]
        yield ""
        yield f"{HEADS[outcome]} ({len(items)})"
        yield from (_line(item) for item in (items if everything else items[:few]))
        if len(items) > few and not everything:
            yield f"  ... and {len(items) - few} more; --all shows them"
    if changed := settings(fit):
        yield ""
        yield f"Other settings of the TD ({len(changed)})"
        yield from map(_setting, changed)
    yield from _notes(fit)


def _head(fit: Fit, found: list[Change]) -> Iterator[str]:
    got, total = kept(fit)
    yield from wrapped(f"{fit.source.text} on {fit.target.name}", hanging="    ")
    counts = {outcome: sum(item.outcome is outcome for item in found) for outcome in HEADS}
    told = ", ".join(f"{count} {outcome.value}{'s' if outcome is Outcome.OTHER_VALUE and count != 1 else ''}"
                     for outcome, count in counts.items() if count)
    yield from wrapped(f"legal, no conflict: {got} of {total} wanted features{f'; {told}' if told else ''}")
    yield f"  XFAM          {_names(fit.model.xfam, XFAM)}"
    yield f"  ATTRIBUTES    {_names(fit.model.attributes, ATTRIBUTES)}"
    yield f"  CONFIG_FLAGS  {_names(fit.model.config_flags, CONFIG_FLAGS)}"


def _names(value: int, names: Any) -> str:
    return " ".join(names_of(value, names)) or "none"


def _line(item: Change) -> str:
    value = "" if item.field.is_bit else f"{item.wanted:#x} -> {_got(item)}: "
    return _columns(f"  {item.name:<22} {item.field.key:<16} ", f"{value}{item.because}")


def _setting(item: Setting) -> str:
    return _columns(f"  {item.name:<24} {f'{item.wanted} -> {item.got}':<16} ", item.because)


def _columns(head: str, text: str) -> str:
    room = max(WIDTH - len(head), 20)
    rows = textwrap.wrap(text, room, break_on_hyphens=False)
    return head + f"\n{' ' * len(head)}".join(rows)


def _got(item: Change) -> str:
    return "the CPU's own" if item.got is None else f"{item.got:#x}"


def _notes(fit: Fit) -> Iterator[str]:
    found = notes(fit)
    if found:
        yield ""
    for note in found:
        yield from wrapped(note)


def notes(fit: Fit) -> list[str]:
    """What was assumed, in sentences."""
    return [*fit.source.notes, *_own_notes(fit)]


def _own_notes(fit: Fit) -> Iterator[str]:
    if fit.filled:
        leaves = ", ".join(f"{number:02X}H" for number in dict.fromkeys(leaf.leaf for leaf in fit.filled))
        yield f"Caches and TLBs ({leaves}) are the CPU's own, since {fit.source.text} says nothing of them."
    unmet = [item.text for item in fit.demands.prefer if item.value(fit.situation) == 0]
    if unmet:
        yield f"Preferred, but not to be had: {', '.join(unmet)}."
    if fit.target.platform is None:
        yield "No CPU is chosen: features that need one come only on a CPU that has them."


def wrapped(text: str, indent: str = "", hanging: str = "") -> list[str]:
    """A text in lines of at most `WIDTH` columns, all of them indented, later ones by `hanging` more."""
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + hanging,
                         break_on_hyphens=False, break_long_words=False)


def data(fit: Fit) -> dict[str, Any]:
    """The fit for programs."""
    got, total = kept(fit)
    return {
        "source": fit.source.text,
        "kind": fit.source.kind,
        "module": fit.target.module.version,
        "platform": fit.target.platform.name if fit.target.platform else None,
        "vmm": [f"{layer.kind}-{layer.version}" for layer in fit.target.layers],
        "conflicts": fit.situation.conflict_count,
        "wanted_features": total,
        "kept_features": got,
        "changes": [row(item) for item in changes(fit)],
        "settings": [item._asdict() for item in settings(fit)],
        "pulled": [{"bit": bit.key, "needed_by": why.key} for bit, why in fit.pulled.items()],
        "filled": [leaf.key for leaf in fit.filled],
        "notes": notes(fit),
        "model": model_file.document(fit.model),
    }


def row(item: Change) -> dict[str, Any]:
    """A change for programs; values are numbers, null for one that depends on the CPU."""
    return {
        "outcome": item.outcome.value, "field": item.field.key, "name": item.name, "wanted": item.wanted,
        "got": item.got, "because": item.because,
    }
