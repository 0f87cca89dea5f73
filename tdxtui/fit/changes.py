"""What became of a source's wishes: each one that isn't met, with its reason, the most important first."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from tdxtui import catalog, levels
from tdxtui.checking.bits import bits_of, feature_mask
from tdxtui.cpuid import Field
from tdxtui.fit.because import because
from tdxtui.fit.fitting import Fit
from tdxtui.fit.wants import Wants
from tdxtui.levers import FMS
from tdxtui.naming import bit_name, field_name
from tdxtui.state_components import FEATURES


class Outcome(StrEnum):
    """What happened to a wish."""

    DROPPED = "dropped"
    FORCED_ON = "forced on"
    OTHER_VALUE = "other value"
    LEFT_TO_MODULE = "left to the module"


class Change(NamedTuple):
    """A wish that isn't met: of a feature's bit, or a field of several. `got` is None where no CPU is chosen."""

    outcome: Outcome
    field: Field
    name: str
    wanted: int
    got: int | None
    because: str


def changes(fit: Fit) -> list[Change]:
    """Every wish of the source that isn't met, features that many know first."""
    found = [*_bits_and_fields(fit), *_missing(fit), *_defaults(fit)]
    return sorted(found, key=lambda item: (tuple(Outcome).index(item.outcome), importance(item.field), _place(item)))


def _place(item: Change) -> tuple[int, ...]:
    field = item.field
    return field.leaf.leaf, field.leaf.subleaf or 0, field.register, field.lsb


def _bits_and_fields(fit: Fit) -> Iterator[Change]:
    wants = Wants(fit.target.module, fit.source.model.wishes)
    defaulted = [field for default in fit.defaults for field in default.fields if field.width > 1]
    for leaf in fit.target.module.by_leaf:
        ones, zeros = wants.ones.get(leaf, 0), wants.zeros.get(leaf, 0)
        td = fit.situation.td
        wrong = (ones & ~td.at(leaf) | zeros & td.at(leaf)) & td.known_at(leaf)
        for field in defaulted:
            wrong &= ~field.mask if field.leaf == leaf else -1
        fields: dict[Field, None] = {}
        for bit in bits_of(leaf, wrong):
            named = catalog.named_at(bit)
            if named is None or named.field.is_bit:
                yield _bit(fit, bit, wanted=int(bool(ones & bit.mask)))
            else:
                fields[named.field] = None
        for field in fields:
            bit = next(bits_of(leaf, wrong & field.mask))
            why = because(fit, bit, int(bool(ones & bit.mask)))
            yield Change(Outcome.OTHER_VALUE, field, field_name(field), field.get(ones), td.get(field), why)


def _bit(fit: Fit, bit: Field, wanted: int) -> Change:
    outcome = Outcome.DROPPED if wanted else Outcome.FORCED_ON
    return Change(outcome, bit, bit_name(bit), wanted, 1 - wanted, because(fit, bit, wanted))


def _missing(fit: Fit) -> Iterator[Change]:
    """What is wanted in leaves that the module has no entry for."""
    module = fit.target.module
    for leaf, ones in Wants(module, fit.source.model.wishes).missing.items():
        fields = {}
        for bit in bits_of(leaf, ones):
            named = catalog.named_at(bit)
            field = named.field if named else bit
            fields[field] = field.get(ones)
        for field, value in fields.items():
            outcome = Outcome.DROPPED if field.is_bit else Outcome.OTHER_VALUE
            yield Change(outcome, field, field_name(field), value, 0, f"module {module.version} has no {leaf.sdm}")


def _defaults(fit: Fit) -> Iterator[Change]:
    wants = Wants(fit.target.module, fit.source.model.wishes)
    td = fit.situation.td
    for default in fit.defaults:
        for field in default.fields:
            wanted = field.get(wants.ones.get(field.leaf, 0))
            known = td.known_at(field.leaf) & field.mask == field.mask
            got = td.get(field) if known else None
            if field.width > 1 and wanted and wanted != got:
                yield Change(Outcome.LEFT_TO_MODULE, field, _default_name(field), wanted, got, default.because)


def _default_name(field: Field) -> str:
    return "family_model_stepping" if field == FMS else field_name(field)


# -- what people look for --


OBSCURE = 4


def importance(field: Field) -> int:
    """0 for what the x86-64 levels ask for, 1 for what XFAM's state is for, then by how many tools know a feature."""
    if field in _leveled():
        return 0
    if field in _stateful():
        return 1
    named = catalog.named_at(field)
    if named is None or not named.field.is_bit:
        return OBSCURE
    tools = sum(bool(name) for name in (named.qemu, named.libvirt, named.linux))
    return 2 if tools >= 2 else 3 if tools else OBSCURE


@cache
def _leveled() -> frozenset[Field]:
    return frozenset(bit for bits in levels.levels().values() for bit in bits)


@cache
def _stateful() -> frozenset[Field]:
    """The features that stand for a state component, and those that need one of them."""
    found = {Field.parse(bit) for bits in FEATURES.values() for bit in bits}
    for feature, needed in sorted(catalog.needs().items()):
        if found & set(needed):
            found.add(feature)
    return frozenset(found)


def kept(fit: Fit) -> tuple[int, int]:
    """Of the single bits that the source wants as 1: how many the TD gets, and how many there are."""
    wants = Wants(fit.target.module, fit.source.model.wishes)
    total = got = 0
    for leaf, ones in [*wants.ones.items(), *wants.missing.items()]:
        features = ones & feature_mask(leaf)
        total += features.bit_count()
        got += (features & fit.situation.td.at(leaf)).bit_count()
    return got, total
