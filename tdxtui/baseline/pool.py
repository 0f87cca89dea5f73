"""The richest model that every CPU and module of a migration pool can run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from tdxtui import library, stated
from tdxtui.baseline import common
from tdxtui.baseline.agreeing import Masks, agreed
from tdxtui.baseline.hosts import Host, listed, short
from tdxtui.checking.bits import bits_of, feature_mask
from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.evaluate import Situation
from tdxtui.fit.fitting import SHARED
from tdxtui.fit.target import Target, Unfit
from tdxtui.fit.wants import unread
from tdxtui.levers import FMS_CONFIG, MAXPA
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.refusal import Refusal
from tdxtui.resolve import attempt
from tdxtui.td import ATTRIBUTES, TdConfig
from tdxtui.vmm_layer import VmmLayer


@dataclass(frozen=True)
class Place:
    """A host with a module: where the pool's TDs may run. `have` are the features that a TD could have here alone."""

    host: Host
    target: Target
    have: Masks


@dataclass(frozen=True)
class Pool:
    """The model of a pool, without conflict in every place.

    `differs` are the bits that come out as 1 in some places and as 0 in others, whatever one sets, as packed masks;
    the model wishes nothing of them. `notes` are sentences for people.
    """

    places: tuple[Place, ...]
    model: VcpuModel
    situations: tuple[Situation, ...]
    differs: Masks
    notes: tuple[str, ...]

    @cached_property
    def hosts(self) -> list[Host]:
        """The hosts, each once."""
        return list({id(place.host): place.host for place in self.places}.values())

    @cached_property
    def modules(self) -> list[Module]:
        """The modules, each once."""
        return list({id(place.target.module): place.target.module for place in self.places}.values())


def pool(
    hosts: Sequence[Host], modules: Sequence[tuple[str, Module]], layers: Sequence[VmmLayer] = (), cold: bool = False
) -> Pool:
    """The pool of hosts and modules (with their names). With `cold`, TDs needn't move while they run.

    Unfit if a module refuses a host.
    """
    places = _places(hosts, modules, layers)
    targets = [place.target for place in places]
    model, notes = _settings(places, cold)
    model = replace(model, wishes=_wishes(places, model))
    model, situations, differs = agreed(model, targets)
    return Pool(tuple(places), model, tuple(situations), differs, tuple(notes))


def _places(
    hosts: Sequence[Host], modules: Sequence[tuple[str, Module]], layers: Sequence[VmmLayer]
) -> list[Place]:
    listed([host.name for host in hosts])
    _demand_accepted(hosts, modules)
    pairs = ((host, Target.of(module, host.platform, layers, (name, host.name)))
             for host in hosts for name, module in modules)
    return [Place(host, target, _have(target)) for host, target in pairs]


def _demand_accepted(hosts: Sequence[Host], modules: Sequence[tuple[str, Module]]) -> None:
    """Unfit with a line for each way in which a module refuses hosts."""
    refused: dict[tuple[str, str], list[str]] = {}
    for host in hosts:
        for _, module in modules:
            prepared = library.prepared(module, host.platform)
            if isinstance(prepared, Refusal):
                refused.setdefault((module.version, str(prepared)), []).extend(map(short, host.names))
    if refused:
        raise Unfit(*(f"module {version} refuses {listed(names)}: {refusal}"
                      for (version, refusal), names in refused.items()))


# -- what each place could have alone --


def _have(target: Target) -> Masks:
    """The features of the richest TD of a place."""
    config = TdConfig(common.attributes([target], False), common.xfam([target]), _rich(target))
    td, _ = attempt(target.prepared, config)
    found = {}
    for leaf in target.module.by_leaf:
        found[leaf] = td.at(leaf) & feature_mask(leaf) & ~unread(target.module, leaf)
    return found


def _rich(target: Target) -> Masks:
    """CPUID_CONFIG with every feature that the CPU has, and no VMM refuses."""
    return {
        leaf: target.prepared.start_of(leaf) & mask & feature_mask(leaf) & ~target.refused.get(leaf, 0)
        for leaf, mask in target.module.configurable.items()
    }


# -- settings --


def _settings(places: Sequence[Place], cold: bool) -> tuple[VcpuModel, list[str]]:
    """The model's TD settings and signature, and what there is to say of them."""
    targets = [place.target for place in places]
    notes: list[str] = []
    flags, width = common.max_pa(targets)
    mhz = min(filter(None, (stated.tsc_mhz(place.host.platform.cpuid) for place in places)), default=VcpuModel.tsc_mhz)
    model = VcpuModel(
        "pool", module=targets[0].module_name, platform=targets[0].platform_name, config_flags=flags, tsc_mhz=mhz,
        attributes=common.attributes(targets, not cold), xfam=common.xfam(targets),
    )
    if width is not None:
        model = model.wish(MAXPA, width)
    if model.attributes & common.MIGRATABLE:
        model = _with_signature(model, targets, notes)
    elif not cold:
        notes.append(_no_migration(targets))
    if not model.attributes & common.MIGRATABLE and len({target.prepared.fms for target in targets}) > 1:
        notes.append("Family, model and stepping are each host's own: only a MIGRATABLE TD may show another's (5.1).")
    widths = sorted({target.prepared.maxpa or 0 for target in targets})
    if len(widths) > 1 and width is None:
        notes.append(f"MAX_PA is each host's own ({', '.join(map(str, widths))} bits): it can't be configured here.")
    return model, notes


def _with_signature(model: VcpuModel, targets: Sequence[Target], notes: list[str]) -> VcpuModel:
    """The model with the newest family, model and stepping that is legal everywhere, else not MIGRATABLE."""
    found = common.signature(targets, model.td_config(targets[0].module))
    if found is None:
        notes.append("No family, model and stepping is legal for MIGRATABLE on every host (5.1), so it is off.")
        return replace(model, attributes=common.attributes(targets, False))
    return model.wish(FMS_CONFIG, found)


def _no_migration(targets: Sequence[Target]) -> str:
    because = next(filter(None, (target.objection("ATTRIBUTES", common.MIGRATABLE) for target in targets)), "")
    return f"MIGRATABLE is off: {because or 'a module does not allow it'}, so TDs can't move while they run."


# -- wishes --


def _wishes(places: Sequence[Place], model: VcpuModel) -> dict[Leaf, tuple[int, int]]:
    """Every feature as all places have it, beside what is wished already; caches and TLBs as the first host's."""
    wishes = dict(model.wishes)
    for leaf in dict.fromkeys(leaf for place in places for leaf in place.target.module.by_leaf):
        ones = mask = ALL_ONES
        for place in places:
            ones &= place.have.get(leaf, 0)
            mask &= ~unread(place.target.module, leaf) if leaf in place.target.module.by_leaf else 0
        mask &= feature_mask(leaf)
        value, wished = wishes.get(leaf, (0, 0))
        wishes[leaf] = value | ones & mask, wished | mask
    for leaf, (ones, mask) in _shared(places):
        value, wished = wishes.get(leaf, (0, 0))
        wishes[leaf] = value & ~mask | ones, wished | mask
    return {leaf: wish for leaf, wish in wishes.items() if wish[1]}


def _shared(places: Sequence[Place]) -> Iterator[tuple[Leaf, tuple[int, int]]]:
    first = places[0].target
    for leaf in first.module.configurable:
        if leaf.leaf in SHARED:
            mask = ALL_ONES
            for place in places:
                mask &= place.target.module.configurable.get(leaf, 0)
            yield leaf, (first.prepared.start_of(leaf) & mask, mask)


def differing(found: Pool) -> dict[Field, tuple[list[Place], list[Place]]]:
    """The features that differ whatever one sets, each with the places that have it and those that don't."""
    out = {}
    for leaf, mask in found.differs.items():
        for bit in bits_of(leaf, mask):
            pairs = list(zip(found.places, found.situations, strict=True))
            having = [place for place, situation in pairs if situation.td.get(bit)]
            out[bit] = having, [place for place, situation in pairs if not situation.td.get(bit)]
    return {bit: places for bit, places in out.items() if all(places)}


def migratable(found: Pool) -> bool:
    """Whether TDs of the pool's model may move while they run."""
    return bool(found.model.attributes & ATTRIBUTES["MIGRATABLE"])
