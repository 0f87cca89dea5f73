"""A TD's real CPUID against the prediction for its model: what differs, why, and which module explains it best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tdxtui import library
from tdxtui.cpuid import Field, Leaf
from tdxtui.dynamic import GuestState
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import Situation
from tdxtui.field_runs import fields_in
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.refusal import Refusal
from tdxtui.resolve import VirtualCpuid
from tdxtui.verify.causes import FIXED, Cause, Causes
from tdxtui.verify.inference import Ground, inferred, td_of
from tdxtui.verify.observed import Observed
from tdxtui.verify.prediction import differing, likely_state, predict


class Difference(NamedTuple):
    """A field that isn't as predicted, with its cause; `elsewhere` names modules and CPUs that would explain it."""

    field: Field
    name: str
    predicted: int
    got: int
    cause: Cause
    elsewhere: tuple[str, ...] = ()


class GuestChoice(NamedTuple):
    """Bits that the guest decides, and that it has otherwise than by default."""

    field: Field
    name: str
    got: int


class Fit(NamedTuple):
    """How well a module and platform explain what was seen: bits that no VMM could have made so, and leaves seen
    where a guest gets #VE.
    """

    module: str
    platform: str
    impossible: int
    differing: int


@dataclass(frozen=True)
class Verification:
    """Everything that was found; `compared` counts leaves, `state` is what the guest's TD_CTLS must have been.

    `ve` are leaves where the module gives #VE, so that what was seen is another's answer, those with a value first;
    `others` are leaves that no module answers. `fits` are sorted, the best first.
    """

    situation: Situation
    seen: Observed
    state: GuestState
    compared: int
    differences: tuple[Difference, ...]
    guest: tuple[GuestChoice, ...]
    run_time: tuple[Field, ...]
    ve: tuple[Leaf, ...]
    others: tuple[Leaf, ...]
    fits: tuple[Fit, ...]

    @property
    def better(self) -> Fit | None:
        """A module or CPU that explains more than the one given, the best; None if there is none."""
        here = next(fit for fit in self.fits if _is_here(fit, self.situation))
        best = self.fits[0]
        return best if (best.impossible, best.differing) < (here.impossible, here.differing) else None


def verify(situation: Situation, seen: Observed, state: GuestState | None = None) -> Verification:
    """Hold what was seen against the prediction; without a state of the guest, in the likeliest one."""
    td = situation.td
    guest = state or likely_state(td, seen)
    wrong = differing(td, seen, guest)
    causes = Causes(td, inferred(ground(situation.module, situation.platform), td.config, seen))
    fits = rank(situation.model, situation.module, situation.platform, seen)
    leaves = {leaf: predict(td, leaf, seen.view, guest) for leaf in seen.values}
    ve = [leaf for leaf, found in leaves.items() if found is not None and found.value is None]
    return Verification(
        situation, seen, guest,
        compared=sum(found is not None and found.value is not None for found in leaves.values()),
        differences=tuple(_differences(situation, seen, wrong, causes, guest)),
        guest=tuple(_choices(td, seen, guest)),
        run_time=tuple(field for leaf, found in leaves.items() if found for field, _ in fields_in(leaf, found.run_time)),
        ve=tuple(sorted(ve, key=lambda leaf: not seen.values[leaf])),
        others=tuple(leaf for leaf, found in leaves.items() if found is None),
        fits=tuple(fits),
    )


def _differences(
    situation: Situation, seen: Observed, wrong: dict[Leaf, int], causes: Causes, guest: GuestState
) -> Iterator[Difference]:
    others = list(_places(situation)) if wrong else []
    for leaf, mask in wrong.items():
        expected = predict(situation.td, leaf, seen.view, guest)
        assert expected is not None and expected.value is not None
        for field, name in fields_in(leaf, mask):
            got, own = field.get(seen.values[leaf]), situation.module.entry_field(field)
            cause = causes.of(own, mask & field.mask, got) if own else Cause(FIXED)
            elsewhere = _explained_by(situation, others, seen, field, mask) if cause.kind == FIXED else ()
            yield Difference(field, name, field.get(expected.value), got, cause, elsewhere)


def _choices(td: VirtualCpuid, seen: Observed, guest: GuestState) -> Iterator[GuestChoice]:
    """The guest-controlled bits that are otherwise than in the state assumed."""
    for leaf, value in seen.values.items():
        expected = predict(td, leaf, seen.view, guest)
        if expected is not None and expected.value is not None:
            mask = (expected.value ^ value) & (expected.guest_zeros & ~value | expected.guest_ones & value)
            for field, name in fields_in(leaf, mask & seen.known_at(leaf)):
                yield GuestChoice(field, name, field.get(value))


# -- other modules and platforms --


def ground(module: Module, platform: Platform | None) -> Ground:
    """A module prepared on a platform; on an unknown one where there is none, or the module refuses it."""
    found = library.prepared(module, platform) if platform else None
    return library.prepared_unknown(module) if found is None or isinstance(found, Refusal) else found


def rank(model: VcpuModel, here: Module, platform: Platform | None, seen: Observed) -> list[Fit]:
    """How well each module explains what was seen on this platform, and this module on each platform; best first.

    Of equals the module and platform given come first.
    """
    places = [(here, platform), *((module, platform) for module in _modules(here))]
    places += [(here, other) for other in _platforms(platform)] if platform else []
    fits = [_fit(model, module, cpu, seen) for module, cpu in places if _takes(module, cpu)]
    return sorted(fits, key=lambda fit: (fit.impossible, fit.differing))


def _takes(module: Module, platform: Platform | None) -> bool:
    return platform is None or not isinstance(library.prepared(module, platform), Refusal)


def _modules(here: Module) -> Iterator[Module]:
    for name in library.files("modules"):
        found = _module(name)
        if found is not None and found.version != here.version:
            yield found


def _module(name: str) -> Module | None:
    try:
        return library.module(name)
    except TdxtuiError:
        return None


def _platforms(platform: Platform | None) -> Iterator[Platform]:
    for name in library.files("platforms"):
        try:
            found = library.platform(name)
        except TdxtuiError:
            continue
        if platform is None or found.name != platform.name:
            yield found


def _fit(model: VcpuModel, module: Module, platform: Platform | None, seen: Observed) -> Fit:
    on = ground(module, platform)
    td, _ = td_of(on, model.td_config(module))
    best = inferred(on, td.config, seen)
    return Fit(module.version, platform.name if platform else "", _bits(best, seen), _bits(td, seen))


def _bits(td: VirtualCpuid, seen: Observed) -> int:
    """How many bits aren't as predicted, leaves that show something where the guest gets #VE counted as one each."""
    state = likely_state(td, seen)
    wrong = sum(mask.bit_count() for mask in differing(td, seen, state).values())
    for leaf, value in seen.values.items():
        expected = predict(td, leaf, seen.view, state)
        wrong += bool(expected is not None and expected.value is None and value & seen.known_at(leaf))
    return wrong


def _is_here(fit: Fit, situation: Situation) -> bool:
    return fit.module == situation.module.version and fit.platform == _name(situation.platform)


def _name(platform: Platform | None) -> str:
    return platform.name if platform else ""


class _Place(NamedTuple):
    name: str
    module: Module
    platform: Platform | None


def _places(situation: Situation) -> Iterator[_Place]:
    """Where else the TD may have run: another module, or another CPU."""
    for module in _modules(situation.module):
        if _takes(module, situation.platform):
            yield _Place(f"module {module.version}", module, situation.platform)
    for platform in _platforms(situation.platform) if situation.platform else ():
        if _takes(situation.module, platform):
            yield _Place(f"CPU {platform.name}", situation.module, platform)


def _explained_by(
    situation: Situation, places: Sequence[_Place], seen: Observed, field: Field, mask: int
) -> tuple[str, ...]:
    """The places where the field would be as it was seen."""
    names = []
    for place in places:
        on = ground(place.module, place.platform)
        td = inferred(on, situation.model.td_config(place.module), seen)
        expected = predict(td, field.leaf, seen.view, likely_state(td, seen))
        if expected is None or expected.value is None or not expected.mask & mask & field.mask:
            continue
        if not (expected.value ^ seen.values[field.leaf]) & mask & field.mask & expected.mask:
            names.append(place.name)
    return tuple(names)
