"""A pool in words, as data, and as a model file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from tdxtui import model_file
from tdxtui.baseline.costs import blamed, costs, unique_name
from tdxtui.baseline.hosts import listed, short
from tdxtui.baseline.pool import Pool, differing
from tdxtui.cpuid import Field
from tdxtui.fit.changes import OBSCURE, importance
from tdxtui.fit.report import wrapped
from tdxtui.fit.written import commented, titled
from tdxtui.levers import FMS, MAXPA
from tdxtui.model import VcpuModel
from tdxtui.naming import bit_name
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM, names_of

FEW = 12


def lines(pool: Pool, everything: bool = False) -> Iterator[str]:
    """The report for people; without `everything` at most `FEW` groups of lost features."""
    yield f"a pool of {_counted(pool)}"
    yield f"legal and without conflict in {'all ' if len(pool.places) > 1 else ''}{_count(len(pool.places), 'place')}"
    yield f"  XFAM          {_names(pool.model.xfam, XFAM)}"
    yield f"  ATTRIBUTES    {_names(pool.model.attributes, ATTRIBUTES)}"
    yield f"  CONFIG_FLAGS  {_names(pool.model.config_flags, CONFIG_FLAGS)}"
    yield f"  1.eax         {_signature(pool)}"
    yield from _lost(pool, everything)
    yield from _differing(pool)
    if pool.notes:
        yield ""
    for note in pool.notes:
        yield from wrapped(note)


def _counted(pool: Pool) -> str:
    named = sum(len(host.names) for host in pool.hosts)
    kinds = "" if named == len(pool.hosts) else f" of {_count(len(pool.hosts), 'kind')}"
    modules = listed([module.version for module in pool.modules], 9)
    layers = "".join(f" · {layer.label}" for layer in pool.places[0].target.layers)
    return f"{_count(named, 'CPU')}{kinds} on module{'' if len(pool.modules) == 1 else 's'} {modules}{layers}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _names(value: int, names: Any) -> str:
    return " ".join(names_of(value, names)) or "none"


def _signature(pool: Pool) -> str:
    """Family, model and stepping that the guests read."""
    values = sorted({situation.td.get(FMS) for situation in pool.situations}, reverse=True)
    return f"{values[0]:X}H" if len(values) == 1 else f"each host's own: {', '.join(f'{value:X}H' for value in values)}"


def _lost(pool: Pool, everything: bool) -> Iterator[str]:
    found = costs(pool)
    if found:
        total = sum(len(cost.bits) for cost in found)
        yield ""
        yield f"Lost: features that some places have alone, and who lacks them ({total})"
    for cost in found if everything else found[:FEW]:
        yield from wrapped(f"{cost.because}: {_told(cost.bits, everything)}", "  ", "  ")
    if len(found) > FEW and not everything:
        yield f"  ... and more, lost to {_count(len(found) - FEW, 'other group')}; --all shows them"


def _told(bits: Sequence[Field], everything: bool) -> str:
    """Features by name; those that QEMU, libvirt and Linux don't name only as their number."""
    known = [bit for bit in bits if importance(bit) < OBSCURE]
    shown = bits if everything or not known else known
    more = len(bits) - len(shown)
    return " ".join(map(unique_name, shown)) + (f" and {more} lesser ones" if more else "")


def _differing(pool: Pool) -> Iterator[str]:
    found = differing(pool)
    if found:
        yield ""
        yield f"Different from place to place, whatever one sets; the model says nothing of them ({len(found)})"
    groups: dict[str, list[str]] = {}
    for bit, (having, lacking) in found.items():
        groups.setdefault(f"1 on {blamed(pool, having)}, 0 on {blamed(pool, lacking)}", []).append(unique_name(bit))
    for text, names in groups.items():
        yield from wrapped(f"{text}: {' '.join(names)}", "  ", "  ")


def data(pool: Pool) -> dict[str, Any]:
    """The pool for programs."""
    return {
        "hosts": [{"name": host.name, "names": host.names} for host in pool.hosts],
        "modules": [module.version for module in pool.modules],
        "vmm": [f"{layer.kind}-{layer.version}" for layer in pool.places[0].target.layers],
        "conflicts": sum(situation.conflict_count for situation in pool.situations),
        "signature": pool.model.wished(FMS._replace(msb=27)),
        "max_pa": pool.model.wished(MAXPA),
        "lost": [
            {
                "bits": [bit.key for bit in cost.bits],
                "names": [bit_name(bit) for bit in cost.bits],
                "lacking": [
                    {"host": place.host.name, "module": place.target.module.version} for place in cost.lacking
                ],
                "because": cost.because,
            }
            for cost in costs(pool)
        ],
        "differs": [
            {"bit": bit.key, "name": bit_name(bit), "on": blamed(pool, having), "off": blamed(pool, lacking)}
            for bit, (having, lacking) in differing(pool).items()
        ],
        "notes": list(pool.notes),
        "model": model_file.document(named(pool)),
    }


def named(pool: Pool) -> VcpuModel:
    """The pool's model with a description of what it is for."""
    return replace(pool.model, description=f"The most that every TD of {_counted(pool)} can have.")


def text(pool: Pool, command: str = "", name: str | None = None, description: str | None = None) -> str:
    """The commented file of the pool's model. `command` is what made it; a name and description take others' place."""
    names = listed([short(name) for host in pool.hosts for name in host.names], 6)
    comments = [
        f"The richest model for {_counted(pool)}: {names}.",
        *([f"Made by: {command}"] if command else []),
        *(f"Lost to {cost.because}: {', '.join(map(unique_name, cost.bits))}." for cost in costs(pool)),
        *pool.notes,
    ]
    return commented(comments, titled(named(pool), name, description))
