"""A module without some of its entries: whatever spoke of them goes along."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from tdxtui.cpuid import Field, Leaf
from tdxtui.module import Condition, EarlyStepping, ExitRules, Inferred, Module, PlatformCheck, TopologyRules

T = TypeVar("T")


def without(module: Module, gone: frozenset[Leaf]) -> Module:
    """The module without these entries, and without the statements that need them."""
    if not gone:
        return module
    return replace(
        module,
        entries=tuple(entry for entry in module.entries if entry.leaf not in gone),
        cpuid_config=_leaves(module.cpuid_config, gone),
        attributes=module.attributes._replace(
            needs=tuple(item for item in module.attributes.needs if _stays(item[1], gone))
        ),
        msr_checks=tuple(item for item in module.msr_checks if item.when is None or _stays(item.when, gone)),
        platform_checks=tuple(_checks(module.platform_checks, gone)),
        early_stepping=module.early_stepping and _stepping(module.early_stepping, gone),
        gates=tuple(
            gate._replace(clears=clears)
            for gate in module.gates
            if (clears := {leaf: mask for leaf, mask in gate.clears.items() if leaf not in gone})
            and all(_stays(condition, gone) for condition in gate.needs)
        ),
        mirrors=tuple(item for item in module.mirrors if item.bit.leaf not in gone),
        equals=tuple(item for item in module.equals if item.bits[0].leaf not in gone and item.at not in gone),
        needs_msr=tuple(item for item in module.needs_msr if item.bit.leaf not in gone),
        computed=tuple(item for item in module.computed if item.field.leaf not in gone),
        topology=module.topology and _topology(module.topology, gone),
        flags={name: field for name, field in module.flags.items() if field.leaf not in gone},
        exit=_exit(module.exit, gone),
        inferred=tuple(_inferred(module.inferred, gone)),
    )


def _leaves(leaves: Iterable[Leaf], gone: frozenset[Leaf]) -> tuple[Leaf, ...]:
    return tuple(leaf for leaf in leaves if leaf not in gone)


def _fields(fields: Iterable[Field], gone: frozenset[Leaf]) -> tuple[Field, ...]:
    return tuple(field for field in fields if field.leaf not in gone)


def _stays(condition: Condition, gone: frozenset[Leaf]) -> bool:
    return condition.field is None or condition.field.leaf not in gone


def _checks(checks: Iterable[PlatformCheck], gone: frozenset[Leaf]) -> Iterable[PlatformCheck]:
    """A check that was made at leaves and has none left would be made after all of them: it goes."""
    for check in checks:
        at = _leaves(check.at, gone)
        if at or not check.at:
            yield check._replace(at=at)


def _stepping(rules: EarlyStepping, gone: frozenset[Leaf]) -> EarlyStepping:
    return rules._replace(unverified=rules.unverified - gone, unsampled=rules.unsampled - gone)


def _topology(rules: TopologyRules, gone: frozenset[Leaf]) -> TopologyRules | None:
    configured = _leaves(rules.configured, gone)
    return rules._replace(configured=configured) if configured and not gone & set(rules.derived) else None


def _exit(rules: ExitRules, gone: frozenset[Leaf]) -> ExitRules:
    return rules._replace(
        faulting=rules.faulting - gone,
        needs={leaf: tuple(item for item in needs if _stays(item, gone)) for leaf, needs in rules.needs.items()},
        dynamic=tuple(item for item in rules.dynamic if item.field.leaf not in gone),
        guest_bits=tuple(item for item in rules.guest_bits if item.bit.leaf not in gone),
        cleared_by_tsx_ctrl=_fields(rules.cleared_by_tsx_ctrl, gone),
        native_cache_leaves=rules.native_cache_leaves - gone,
    )


def _inferred(items: Iterable[Inferred], gone: frozenset[Leaf]) -> Iterable[Inferred]:
    for item in items:
        leaves = item.leaves - gone
        if (leaves or not item.leaves) and (item.field is None or item.field.leaf not in gone):
            yield item._replace(leaves=leaves)
