"""XFAM and ATTRIBUTES for what is wanted: the state and properties that the wanted bits hang on, legal together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tdxtui import catalog
from tdxtui.checking.bits import bits_of
from tdxtui.classify import classes_at
from tdxtui.cpuid import Field, Leaf
from tdxtui.fit.target import Target
from tdxtui.fit.wants import Wants
from tdxtui.module import Condition, Gate
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS
from tdxtui.turning import UNITS

_ROUNDS = 8


def pull(target: Target, wants: Wants) -> dict[Field, Field]:
    """Want what wanted bits need and nobody spoke of, features and bits that open a gate; each with what needs it."""
    pulled: dict[Field, Field] = {}
    for _ in range(_ROUNDS):
        needed = ((bit, why) for bit, why in _needed(target, wants) if wants.of(bit) is None)
        more = {bit: why for bit, why in needed if not target.refused.get(bit.leaf, 0) & bit.mask}
        for bit, why in more.items():
            wants.want(bit, 1)
            pulled.setdefault(bit, why)
        if not more:
            break
    return pulled


def _needed(target: Target, wants: Wants) -> Iterator[tuple[Field, Field]]:
    for feature, needed in catalog.needs().items():
        if wants.of(feature) == 1 and _flexible(target, feature) and _can_be_one(target, feature.leaf) & feature.mask:
            yield from ((bit, feature) for bit in needed if _flexible(target, bit))
    for gate in target.module.gates:
        fields = [item.field for item in gate.needs if item.field is not None and not item.negated]
        if fields and (hit := _hit(target, wants, gate)):
            yield from ((field, hit) for field in fields)


def _flexible(target: Target, bit: Field) -> bool:
    """Whether settings decide a bit: one that is fixed needs nothing of us, and gets nothing."""
    module = target.module
    return bit.leaf in module.by_leaf and bool(classes_at(module, bit.leaf).flexible & bit.mask)


def _hit(target: Target, wants: Wants, gate: Gate) -> Field | None:
    """A wanted bit that a gate clears while it is closed, and that can be 1 at all; None for none."""
    for leaf, mask in gate.clears.items():
        wanted = wants.ones.get(leaf, 0) & mask
        if wanted and (wanted := wanted & _can_be_one(target, leaf)):
            return next(bits_of(leaf, wanted))
    return None


def _can_be_one(target: Target, leaf: Leaf) -> int:
    """The bits of an entry that are 1 or may be configured as 1 while all its gates are open."""
    return target.prepared.start_of(leaf) | target.module.by_leaf[leaf].configured


def _conditions(target: Target, wants: Wants, scope: str) -> Iterator[Condition]:
    """The conditions of a kind on which wanted bits hang."""
    for gate in target.module.gates:
        conditions = [item for item in gate.needs if item.scope == scope and not item.negated]
        if conditions and _hit(target, wants, gate):
            yield from conditions
    for mirror in target.module.mirrors:
        if mirror.of.scope == scope and wants.of(mirror.bit) == 1:
            yield mirror.of


def xfam(target: Target, wants: Wants, stated: int) -> int:
    """The legal XFAM that has the stated components, and every one that a wanted bit hangs on (3.1, 3.2)."""
    rules, wanted = target.module.xfam, stated
    for condition in _conditions(target, wants, "XFAM"):
        wanted |= condition.mask
    for unit in UNITS.values():
        wanted |= unit if wanted & unit else 0
    for dependent, needed in rules.requires:
        wanted |= needed if wanted & dependent & target.xfam else 0
    value = wanted & target.xfam
    for unit in UNITS.values():
        value &= ~unit if value & unit != unit else -1
    for dependent, needed in rules.requires:
        value &= ~dependent if not value & needed else -1
    return value | rules.fixed1


def attributes(target: Target, wants: Wants, stated: int) -> int:
    """The legal ATTRIBUTES that have the stated bits, and those that wanted bits hang on; the stated ones go first."""
    rules = target.module.attributes
    value = rules.fixed1
    for mirror in target.module.mirrors:
        stated &= ~mirror.of.mask if mirror.of.scope == "ATTRIBUTES" and wants.of(mirror.bit) == 0 else -1
    hanging = [condition.mask for condition in _conditions(target, wants, "ATTRIBUTES")]
    single = [1 << number for number in range(64) if stated >> number & 1]
    for mask in [*single, *hanging]:
        if not mask & ~target.attributes and not _excluded(rules.exclusive, value | mask, ATTRIBUTES):
            value |= mask
    return value


def config_flags(target: Target, stated: int) -> int:
    """The legal CONFIG_FLAGS among the stated ones (3.3, C1)."""
    rules, value = target.module.config_flags, target.module.config_flags.fixed1
    for number in range(16):
        mask = stated & 1 << number & target.config_flags
        needs = [condition for needed, condition in rules.needs if needed & mask]
        if mask and all(target.prepared.holds(item) for item in needs):
            value |= mask if not _excluded(rules.exclusive, value | mask, CONFIG_FLAGS) else 0
    return value


def _excluded(pairs: tuple[tuple[str, ...], ...], value: int, names: Mapping[str, int]) -> bool:
    return any(all(value & names[name] for name in pair) for pair in pairs)
