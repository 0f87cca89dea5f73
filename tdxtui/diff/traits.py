"""Everything that a module states about a bit, in a form that can be held against another module's statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from tdxtui.classify import BitClass, first_that_fits, never_one, origins, sum_masks
from tdxtui.cpuid import ALL_ONES, Leaf
from tdxtui.module import Entry, Module
from tdxtui.td import FEATURE_PARAVIRT_CTLS, names_of

TOPOLOGY = "topology"


class Trait(NamedTuple):
    """A module's statements on a bit of one of its entries.

    `kind` is what decides the bit at TDH.MNG.INIT, as if every gate could open, VE where nobody ever reads it;
    `constant` tells a constant of the table from a Native bit whose value is demanded; `settable` is whether
    CPUID_CONFIG may set it. `by` names what computes or mirrors it, or fills it in at run time; `closed`: a gate never
    opens here. `guest` names the FEATURE_PARAVIRT_CTLS bit by which the guest controls it, `unreduced_one` whether it
    reads 1 until then. `demanded` is what TDH.SYS.INIT wants of the CPU, `may_differ` whether TDH.SYS.LP.INIT lets
    processors differ.
    """

    kind: BitClass
    constant: bool
    settable: bool
    by: str
    gates: tuple[str, ...]
    closed: bool
    guest: str
    unreduced_one: bool
    cleared_by_tsx_ctrl: bool
    demanded: str
    may_differ: bool


Partition = Iterable[tuple[object, int]]


def traits(module: Module, leaf: Leaf) -> dict[Trait, int]:
    """The statements on an entry with the packed masks of their bits, which share none and leave none out."""
    entry = module.by_leaf[leaf]
    cells: dict[tuple[object, ...], int] = {(): ALL_ONES}
    for part in _partitions(module, entry):
        cells = dict(_refined(cells, part))
    out: dict[Trait, int] = {}
    for cell, mask in cells.items():
        trait = _trait(cell)
        out[trait] = out.get(trait, 0) | mask
    return out


def _refined(cells: Mapping[tuple[object, ...], int], part: Partition) -> Iterator[tuple[tuple[object, ...], int]]:
    labels = list(part)
    for cell, mask in cells.items():
        for label, of in labels:
            if mask & of:
                yield (*cell, label), mask & of


def _trait(cell: tuple[object, ...]) -> Trait:
    trait = Trait(*cell)  # type: ignore[arg-type]
    constant = trait.constant and trait.kind in (BitClass.FIXED_0, BitClass.FIXED_1)
    trait = trait._replace(constant=constant, settable=trait.settable and trait.kind is not BitClass.VE)
    # What is 0 anyway, or set after the gates, hangs on none of them (as in `anatomy`).
    if trait.kind in (BitClass.FIXED_0, BitClass.ATTRIBUTES, BitClass.COMPUTED, BitClass.DYNAMIC, BitClass.VE):
        return trait._replace(gates=(), closed=trait.closed and trait.kind is BitClass.ATTRIBUTES)
    return trait


def _partitions(module: Module, entry: Entry) -> Iterator[Partition]:
    leaf, rules = entry.leaf, module.exit
    yield _kinds(module, entry)
    yield _flag(entry.fixed0 | entry.fixed1)
    yield _flag(entry.configurable if leaf in module.configurable else 0)
    yield _deciders(module, entry)
    yield _gates(module, leaf)
    yield _flag(never_one(module, leaf))
    yield _controls(module, leaf)
    yield _flag(sum_masks(item.bit for item in rules.guest_bits if item.bit.leaf == leaf and item.unreduced_one))
    yield _flag(sum_masks(field for field in rules.cleared_by_tsx_ctrl if field.leaf == leaf))
    yield _rest({"0": entry.verify_mask & ~entry.verify_value, "1": entry.verify_value})
    yield _flag(entry.lp_differs)


def _kinds(module: Module, entry: Entry) -> Partition:
    if entry.leaf in module.exit.faulting:
        return ((BitClass.VE, ALL_ONES),)
    # What a function computes, or the module derives from leaf 1FH, is that whatever the table says of its bits.
    first = {
        BitClass.DYNAMIC: _dynamic(module, entry.leaf),
        BitClass.COMPUTED: ALL_ONES if _is_derived(module, entry.leaf) else _computed(module, entry),
    }
    return first_that_fits({**first, **_others(origins(module, entry))}).items()


def _others(wanted: dict[BitClass, int]) -> dict[BitClass, int]:
    return {kind: mask for kind, mask in wanted.items() if kind is not BitClass.COMPUTED}


def _computed(module: Module, entry: Entry) -> int:
    fields = (item.field for item in module.computed if item.field.leaf == entry.leaf)
    return sum_masks(fields) & ~entry.fixed0


def _is_derived(module: Module, leaf: Leaf) -> bool:
    return module.topology is not None and leaf in module.topology.derived


def _dynamic(module: Module, leaf: Leaf) -> int:
    return sum_masks(item.field for item in module.exit.dynamic if item.field.leaf == leaf)


def _deciders(module: Module, entry: Entry) -> Partition:
    """What a bit's value comes from by name: a run time's function, a mirrored bit, a computed one."""
    leaf, named = entry.leaf, dict[str, int]()
    if leaf in module.exit.faulting:
        return _rest(named)
    for item in module.exit.dynamic:
        if item.field.leaf == leaf:
            named[item.by] = named.get(item.by, 0) | item.field.mask
    left = ALL_ONES & ~_dynamic(module, leaf)
    for mirror in module.mirrors:
        if mirror.bit.leaf == leaf:
            named[mirror.of.text] = mirror.bit.mask & left
    left &= ~entry.fixed0
    for computed in module.computed:
        if computed.field.leaf == leaf:
            named[computed.by] = named.get(computed.by, 0) | computed.field.mask & left
    if _is_derived(module, leaf):
        named[TOPOLOGY] = ALL_ONES & ~_dynamic(module, leaf)
    return _rest(named)


def _gates(module: Module, leaf: Leaf) -> Partition:
    cells: dict[tuple[str, ...], int] = {(): ALL_ONES}
    for gate in module.gates:
        mask = gate.clears.get(leaf, 0)
        refined: dict[tuple[str, ...], int] = {}
        for held, bits in cells.items():
            more = tuple(sorted({*held, *(condition.text for condition in gate.needs)}))
            for key, part in ((more, bits & mask), (held, bits & ~mask)):
                if part:
                    refined[key] = refined.get(key, 0) | part
        cells = refined
    return cells.items()


def _controls(module: Module, leaf: Leaf) -> Partition:
    named: dict[str, int] = {}
    for item in module.exit.guest_bits:
        if item.bit.leaf == leaf:
            name = " ".join(names_of(item.control, FEATURE_PARAVIRT_CTLS))
            named[name] = named.get(name, 0) | item.bit.mask
    return _rest(named)


def _flag(mask: int) -> Partition:
    return ((True, mask), (False, ALL_ONES & ~mask))


def _rest(named: Mapping[str, int]) -> Partition:
    """Named masks, and "" for all other bits."""
    left = ALL_ONES
    for mask in named.values():
        left &= ~mask
    return (*named.items(), ("", left))
