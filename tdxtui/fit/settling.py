"""Make a model legal: what the module refuses is left to its default, what comes out otherwise is no longer wished."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.edits import wished
from tdxtui.evaluate import Situation, evaluate
from tdxtui.fit.target import Target
from tdxtui.levers import FMS, MAXPA
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.refusal import Refusal
from tdxtui.repair import repaired
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, TSC_UNIT_MHZ

_ROUNDS = 12


class Default(NamedTuple):
    """Fields that are left to the module although something was wanted of them, and why. `fields` are of one kind."""

    fields: tuple[Field, ...]
    because: str


class Settled(NamedTuple):
    """A model that is legal here and has no conflict, or `stuck` with a refusal that nothing helps."""

    situation: Situation
    defaults: tuple[Default, ...]
    stuck: str


def settled(model: VcpuModel, target: Target) -> Settled:
    """The nearest model that the module takes as it is wished."""
    defaults: list[Default] = []
    situation = evaluate(model, target.module, target.platform)
    for _ in range(_ROUNDS):
        if situation.refusals:
            model, more = _without_refusal(situation, target)
            if more is None and model == situation.model:
                return Settled(situation, tuple(defaults), str(situation.refusals[0]))
            defaults += [more] if more else []
        elif situation.conflicts:
            model, more = _as_it_comes(situation)
            defaults += [more] if more else []
        else:
            break
        situation = evaluate(model, target.module, target.platform)
    stuck = "" if not situation.conflict_count else "no settings were found that the module takes"
    return Settled(situation, tuple(defaults), stuck)


def _without_refusal(situation: Situation, target: Target) -> tuple[VcpuModel, Default | None]:
    """The model without its first refusal: without wishes for the fields that it is about, else repaired."""
    first = situation.refusals[0]
    for fields in _defaultable(target.module):
        model = without(situation.model, fields)
        if model == situation.model:
            continue
        after = evaluate(model, target.module, target.platform).refusals
        if all(_kind(other) != _kind(first) for other in after):
            return model, Default(fields, first.because)
    edits = repaired(situation.td.prepared, situation.td.config) or ()
    return wished(situation.model, edits, target.module), None


def _kind(refusal: Refusal) -> tuple[object, ...]:
    return refusal.status, refusal.operand, refusal.at, refusal.msr, refusal.rule


def without(model: VcpuModel, fields: tuple[Field, ...]) -> VcpuModel:
    """A model that wishes nothing of some fields."""
    for field in fields:
        model = model.wish(field, None)
    return model


def _defaultable(module: Module) -> Iterator[tuple[Field, ...]]:
    """The groups of fields for which the module has a value of its own, if nothing is configured."""
    yield (FMS,)
    yield from ((bit, other) for bit, other in (equal.bits for equal in module.equals))
    yield tuple(needs.bit for needs in module.needs_msr)
    if module.topology:
        yield topology_fields(module)
    yield (MAXPA,)


def topology_fields(module: Module) -> tuple[Field, ...]:
    """Every register of leaves 1FH and 0BH that the module has levels in."""
    leaves = (*module.topology.configured, *module.topology.derived) if module.topology else ()
    return tuple(Field(leaf, register, 31, 0) for leaf in leaves for register in Register)


def _as_it_comes(situation: Situation) -> tuple[VcpuModel, Default | None]:
    """The model with wishes for what comes out instead; a number that the module makes is left to it."""
    wishes = dict(situation.model.wishes)
    made: list[Field] = []
    for leaf, wrong in situation.conflicts.items():
        value, mask = wishes.pop(leaf)
        entry = situation.module.entry_for(leaf)
        if entry is None:
            continue
        for field in _made_here(situation.module, entry.leaf):
            if wrong & field.mask and entry.configurable & field.mask:
                mask &= ~field.mask
                wrong &= ~field.mask
                made.append(field)
        value = value & ~wrong | situation.td.at(entry.leaf) & wrong
        if mask:
            wishes[leaf] = value & mask, mask
    because = "the module computes it"
    return replace(situation.model, wishes=wishes), Default(tuple(made), because) if made else None


def _made_here(module: Module, leaf: Leaf) -> Iterator[Field]:
    """The numbers of a leaf that the module computes or derives, though CPUID_CONFIG has room for them."""
    yield from (item.field for item in module.computed if item.field.leaf == leaf)
    if module.topology and leaf in (*module.topology.configured, *module.topology.derived):
        yield from (Field(leaf, register, 31, 0) for register in Register)


def within_bounds(model: VcpuModel, target: Target) -> VcpuModel:
    """The model with the other fields of TD_PARAMS within what module and VMM take (3.3)."""
    rules, layers = target.module.td_params, target.layers
    lowest, highest = (bound * TSC_UNIT_MHZ for bound in rules.tsc_frequency)
    for layer in layers:
        if layer.tsc_mhz:
            lowest, highest = max(lowest, layer.tsc_mhz[0]), min(highest, layer.tsc_mhz[1])
    gpaw = model.config_flags & CONFIG_FLAGS["GPAW"]
    least, maxpa = rules.five_level_min_maxpa, target.prepared.maxpa
    narrow = gpaw and least is not None and maxpa is not None and maxpa < least
    alone = model.attributes & ATTRIBUTES["MIGRATABLE"] and not rules.migratable_with_l2_vms
    nested = not alone and all(layer.num_l2_vms for layer in layers)
    return replace(
        model,
        tsc_mhz=min(max(model.tsc_mhz // TSC_UNIT_MHZ * TSC_UNIT_MHZ, lowest), highest),
        max_vcpus=min(max(model.max_vcpus, 1), rules.max_vcpus),
        num_l2_vms=min(model.num_l2_vms, rules.max_l2_vms) if nested else 0,
        config_flags=model.config_flags & ~CONFIG_FLAGS["GPAW"] if narrow else model.config_flags,
        arch_capabilities=_arch_capabilities(model, target),
    )


def _arch_capabilities(model: VcpuModel, target: Target) -> int | None:
    rules = target.module.arch_capabilities
    if model.arch_capabilities is None or not all(layer.arch_capabilities for layer in target.layers):
        return None
    return model.arch_capabilities & (rules.configured_and_native | rules.configured_or_native)
