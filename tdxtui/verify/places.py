"""Modules and CPUs that a TD may have run on, and how well each explains what it shows."""

from __future__ import annotations

from collections.abc import Iterator

from tdxtui import library
from tdxtui.errors import TdxtuiError
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.refusal import Refusal
from tdxtui.resolve import VirtualCpuid
from tdxtui.verify.inference import Ground
from tdxtui.verify.observed import Observed
from tdxtui.verify.prediction import differing, likely_state, predict


def ground(module: Module, platform: Platform | None) -> Ground:
    """A module prepared on a platform; on an unknown one where there is none, or the module refuses it."""
    found = library.prepared(module, platform) if platform else None
    return library.prepared_unknown(module) if found is None or isinstance(found, Refusal) else found


def takes(module: Module, platform: Platform | None) -> bool:
    """Whether a module takes a platform; any takes an unknown one."""
    return platform is None or not isinstance(library.prepared(module, platform), Refusal)


def modules() -> Iterator[Module]:
    """Every module that can be used."""
    for name in library.files("modules"):
        try:
            yield library.module(name)
        except TdxtuiError:
            continue


def platforms() -> Iterator[Platform]:
    """Every platform that can be used."""
    for name in library.files("platforms"):
        try:
            yield library.platform(name)
        except TdxtuiError:
            continue


def misfit(td: VirtualCpuid, seen: Observed) -> int:
    """How many bits aren't as predicted, a leaf that shows something where the guest gets #VE counted as one."""
    state = likely_state(td, seen)
    wrong = sum(mask.bit_count() for mask in differing(td, seen, state).values())
    for leaf, value in seen.values.items():
        expected = predict(td, leaf, seen.view, state)
        wrong += bool(expected is not None and expected.value is None and value & seen.known_at(leaf))
    return wrong
