"""A TD's real CPUID against the prediction for its model: what differs, why, and which module explains it best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tdxtui.cpuid import Field, Leaf
from tdxtui.dynamic import GuestState
from tdxtui.evaluate import Situation
from tdxtui.field_runs import fields_in
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.resolve import VirtualCpuid
from tdxtui.verify.causes import FIXED, Cause, Causes
from tdxtui.verify.inference import inferred, settled, td_of
from tdxtui.verify.observed import Observed
from tdxtui.verify.places import ground, modules, platforms, takes
from tdxtui.verify.prediction import differing, likely_state, misfit, predict


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
    """How well a module and platform explain what was seen: how many bits no VMM could have made so, and how many
    differ from the model's prediction there; a leaf that shows something where a guest gets #VE counts as one.
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
    def is_td(self) -> bool:
        """Whether what was seen says that it is one."""
        return self.seen.is_td

    @property
    def better(self) -> Fit | None:
        """A module or CPU that explains more than the one given, the best; None if there is none."""
        here = next((fit for fit in self.fits if _is_here(fit, self.situation)), None)
        best = self.fits[0] if self.fits else None
        return best if best and (here is None or best.impossible < here.impossible) else None


def verify(situation: Situation, seen: Observed, state: GuestState | None = None) -> Verification:
    """Hold what was seen against the prediction; without a state of the guest, in the likeliest one."""
    td = situation.td
    on = ground(situation.module, situation.platform)
    made = inferred(on, td.config, seen)
    guest = state or likely_state(made, seen)  # what the VMM set otherwise says nothing of the guest
    wrong = differing(td, seen, guest)
    causes = Causes(on, td, made, seen)
    fits = rank(situation.model, situation.module, situation.platform, seen)
    leaves = {leaf: predict(td, leaf, seen.view, guest) for leaf in seen.values}
    ve = [leaf for leaf, found in leaves.items() if found is not None and found.value is None]
    return Verification(
        situation, seen, guest,
        compared=sum(found is not None and found.value is not None for found in leaves.values()),
        differences=tuple(_differences(situation, seen, wrong, causes, guest)),
        guest=tuple(_choices(td, seen, guest)),
        run_time=tuple(field for leaf, it in leaves.items() if it for field, _ in fields_in(leaf, it.run_time)),
        ve=tuple(sorted(ve, key=lambda leaf: not seen.values[leaf])),
        others=tuple(leaf for leaf, found in leaves.items() if found is None),
        fits=tuple(fits),
    )


def _differences(
    situation: Situation, seen: Observed, wrong: dict[Leaf, int], causes: Causes, guest: GuestState
) -> Iterator[Difference]:
    others: list[_Place] = []
    for leaf, mask in wrong.items():
        expected = predict(situation.td, leaf, seen.view, guest)
        assert expected is not None and expected.value is not None
        for field, name in _told(situation.module, leaf, mask):
            got, own = field.get(seen.values[leaf]), situation.module.entry_field(field)
            cause = causes.of(own, mask & field.mask, got) if own else Cause(FIXED)
            if cause.kind == FIXED:
                others = others or list(_places(situation, seen))
            elsewhere = _explained_by(others, seen, field, mask) if cause.kind == FIXED else ()
            yield Difference(field, name, field.get(expected.value), got, cause, elsewhere)


def _told(module: Module, leaf: Leaf, mask: int) -> Iterator[tuple[Field, str]]:
    """The fields of the catalogue; what the module computes as one value is told as one."""
    seen = set()
    for field, name in fields_in(leaf, mask):
        own = module.entry_field(field)
        whole = next((item for item in module.computed if own and item.field.leaf == own.leaf
                      and item.field.mask & field.mask == field.mask and item.field.width > field.width), None)
        told = (whole.field._replace(leaf=leaf), whole.by) if whole else (field, name)
        if told not in seen:
            seen.add(told)
            yield told


def _choices(td: VirtualCpuid, seen: Observed, guest: GuestState) -> Iterator[GuestChoice]:
    """The guest-controlled bits that are otherwise than in the state assumed."""
    for leaf, value in seen.values.items():
        expected = predict(td, leaf, seen.view, guest)
        if expected is not None and expected.value is not None:
            mask = (expected.value ^ value) & (expected.guest_zeros & ~value | expected.guest_ones & value)
            for field, name in fields_in(leaf, mask & seen.known_at(leaf)):
                yield GuestChoice(field, name, field.get(value))


# -- other modules and platforms --


def rank(model: VcpuModel, here: Module, platform: Platform | None, seen: Observed) -> list[Fit]:
    """How well each module explains what was seen on this platform, and this module on each platform; best first.

    Of equals the module and platform given come first.
    """
    places = [(here, platform), *((module, platform) for module in _other_modules(here))]
    places += [(here, other) for other in _other_platforms(platform)]
    fits = [_fit(model, module, cpu, seen) for module, cpu in places if takes(module, cpu)]
    return sorted(fits, key=lambda fit: (fit.impossible, fit.differing))


def _other_modules(here: Module) -> Iterator[Module]:
    return (module for module in modules() if module.version != here.version)


def _other_platforms(platform: Platform | None) -> Iterator[Platform]:
    return (found for found in platforms() if platform is not None and found.name != platform.name)


def _fit(model: VcpuModel, module: Module, platform: Platform | None, seen: Observed) -> Fit:
    on = ground(module, platform)
    td, _ = td_of(on, model.td_config(module))
    best = settled(on, inferred(on, td.config, seen), seen)
    return Fit(module.version, platform.name if platform else "", misfit(best, seen), misfit(td, seen))


def _is_here(fit: Fit, situation: Situation) -> bool:
    return fit.module == situation.module.version and fit.platform == _name(situation.platform)


def _name(platform: Platform | None) -> str:
    return platform.name if platform else ""


class _Place(NamedTuple):
    """Where else the TD may have run, with the TD that would explain what was seen there."""

    name: str
    td: VirtualCpuid
    state: GuestState


def _places(situation: Situation, seen: Observed) -> Iterator[_Place]:
    for module in _other_modules(situation.module):
        if takes(module, situation.platform):
            yield _place(f"module {module.version}", situation.model, module, situation.platform, seen)
    for platform in _other_platforms(situation.platform):
        if takes(situation.module, platform):
            yield _place(f"CPU {platform.name}", situation.model, situation.module, platform, seen)


def _place(name: str, model: VcpuModel, module: Module, platform: Platform | None, seen: Observed) -> _Place:
    td = inferred(ground(module, platform), model.td_config(module), seen)
    return _Place(name, td, likely_state(td, seen))


def _explained_by(places: Sequence[_Place], seen: Observed, field: Field, mask: int) -> tuple[str, ...]:
    """The places where the field would be as it was seen."""
    names = []
    for place in places:
        expected = predict(place.td, field.leaf, seen.view, place.state)
        if expected is None or expected.value is None or not expected.mask & mask & field.mask:
            continue
        if not (expected.value ^ seen.values[field.leaf]) & mask & field.mask & expected.mask:
            names.append(place.name)
    return tuple(names)
