"""Which host or module costs a pool which feature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tdxtui import catalog
from tdxtui.baseline.hosts import Host, listed, short
from tdxtui.baseline.pool import Place, Pool
from tdxtui.checking.bits import bits_of
from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.fit.changes import importance
from tdxtui.model_file.wishes import module_field
from tdxtui.naming import bit_name
from tdxtui.reason import Kind


class Cost(NamedTuple):
    """Features that some places could have and the pool doesn't, and who lacks them: hosts, modules, or places.

    `because` says in words what it is, also where nobody lacks them: they then fall to the pool's settings.
    """

    bits: tuple[Field, ...]
    lacking: tuple[Place, ...]
    because: str


def costs(pool: Pool) -> list[Cost]:
    """What the pool loses, a cost for each set of places that is to blame, the most important features first."""
    groups: dict[tuple[int, ...], list[Field]] = {}
    for leaf, lost in _lost(pool).items():
        lacking_masks = [place.have.get(leaf, 0) for place in pool.places]
        for bit in bits_of(leaf, lost):
            key = tuple(number for number, have in enumerate(lacking_masks) if not have & bit.mask)
            groups.setdefault(key, []).append(bit)
    found = []
    for key, bits in groups.items():
        lacking = tuple(pool.places[number] for number in key)
        because = blamed(pool, lacking) if lacking else _switched_off(pool, bits[0])
        found.append(Cost(tuple(sorted(bits, key=_order)), lacking, because))
    return sorted(found, key=lambda cost: (_order(cost.bits[0]), len(cost.lacking)))


def _order(bit: Field) -> tuple[int, Field]:
    return importance(bit), bit._replace(leaf=Leaf(bit.leaf.leaf, bit.leaf.subleaf or 0))


def _lost(pool: Pool) -> dict[Leaf, int]:
    some: dict[Leaf, int] = {}
    for place in pool.places:
        for leaf, mask in place.have.items():
            some[leaf] = some.get(leaf, 0) | mask
    lost = {}
    for leaf, mask in some.items():
        everywhere = ALL_ONES
        for situation in pool.situations:
            everywhere &= situation.td.at(leaf)
        if mask := mask & ~everywhere & ~pool.differs.get(leaf, 0):
            lost[leaf] = mask
    return lost


def blamed(pool: Pool, places: Sequence[Place]) -> str:
    """Some places in as few words as tell them: whole hosts, whole modules, and what is left."""
    here = {(id(place.host), id(place.target.module)) for place in places}
    hosts = [host for host in pool.hosts if all((id(host), id(module)) in here for module in pool.modules)]
    modules = [module for module in pool.modules if all((id(host), id(module)) in here for host in pool.hosts)]
    rest: dict[str, list[Host]] = {}
    whole = {id(item) for item in (*hosts, *modules)}
    for place in places:
        if not whole & {id(place.host), id(place.target.module)}:
            rest.setdefault(place.target.module.version, []).append(place.host)
    parts = [_names(hosts)] if hosts else []
    parts += [f"module {', '.join(module.version for module in modules)}"] if modules else []
    return "; ".join([*parts, *(f"{_names(left)} on module {version}" for version, left in rest.items())])


def _names(hosts: Sequence[Host]) -> str:
    return listed([short(name) for host in hosts for name in host.names])


def _switched_off(pool: Pool, bit: Field) -> str:
    """What of the pool's settings keeps a bit off that every place could have."""
    terms = pool.situations[0].explainer.terms(bit)
    gates = [term.name for term in terms if term.kind is Kind.GATE and term.value == 0]
    return f"{' and '.join(gates)} off" if gates else "the pool's settings"


def unique_name(bit: Field) -> str:
    """A bit's name, after its leaf where other leaves have the same."""
    name = bit_name(bit)
    try:
        only = module_field(catalog.find(name)) == bit
    except ValueError:
        return name
    return name if only else f"{bit.leaf.key}.{name}"
