"""What the VMM must have configured, worked out backwards from what the TD shows."""

from __future__ import annotations

from collections.abc import Iterator

from tdxtui.classify import always_ve
from tdxtui.cpuid import ALL_ONES, Field, Leaf, Register
from tdxtui.cures import Cures
from tdxtui.edits import TSC_FREQUENCY, Edit, applied
from tdxtui.module import Condition, Module
from tdxtui.platform_checks import XCR0_MASK, XSS_MASK
from tdxtui.resolve import VirtualCpuid, attempt, attempt_unknown
from tdxtui.sysinit import Prepared
from tdxtui.td import TdConfig
from tdxtui.verify.observed import GUEST, Observed

_XCR0 = Field(Leaf(0xD, 0), Register.EAX, 31, 0)
_XSS = Field(Leaf(0xD, 1), Register.ECX, 31, 0)

Ground = Prepared | tuple[Prepared, Prepared]


def td_of(ground: Ground, config: TdConfig) -> tuple[VirtualCpuid, tuple[object, ...]]:
    """The TD of a configuration on a prepared platform, or on the two bounds of an unknown one, with its refusals."""
    if isinstance(ground, Prepared):
        return attempt(ground, config)
    return attempt_unknown(ground, config)


def inferred(ground: Ground, base: TdConfig, seen: Observed) -> VirtualCpuid:
    """The TD whose configuration explains what was seen best; what shows nowhere is as in `base`."""
    prepared = ground if isinstance(ground, Prepared) else ground[0]
    module = prepared.module
    xfam = _xfam(prepared, base.xfam, seen)
    config = base._replace(
        xfam=xfam, attributes=_attributes(prepared, base, seen), cpuid_config=_cpuid_config(module, base, seen)
    )
    found, refusals = td_of(ground, config)
    if not refusals:
        return found
    return td_of(ground, _without_refused(ground, config, base))[0]


def settled(ground: Ground, td: VirtualCpuid, seen: Observed) -> VirtualCpuid:
    """A TD with those settings changed beyond CPUID_CONFIG, XFAM and ATTRIBUTES that explain its computed fields.

    Such are the TSC frequency, the address widths, and MIGRATABLE with another model's family, model and stepping.
    """
    for item in td.module.computed:
        leaf, mask = item.field.leaf, item.field.mask
        got = item.field.get(seen.values.get(leaf, 0))
        if seen.known_at(leaf) & td.known_at(leaf) & mask != mask or td.get(item.field) == got:
            continue
        # Every frequency has its value of its own, so there is nothing to be tried.
        tsc = (Edit(TSC_FREQUENCY, "", got),) if item.by == "tsc_frequency" else None
        edits = tsc or Cures(td).field(item.field, got)
        if edits:
            found, refusals = td_of(ground, applied(td.config, edits))
            td = found if not refusals and found.get(item.field) == got else td
    return td


def _xfam(prepared: Prepared, base: int, seen: Observed) -> int:
    """XFAM as D.0.EAX and D.1.ECX show it; where those weren't seen, by what its components let through."""
    allowed, sure = prepared.module.xfam.allowed, 0
    for field, mask in ((_XCR0, XCR0_MASK), (_XSS, XSS_MASK)):
        known = field.get(seen.known_at(field.leaf)) & mask & allowed
        base = base & ~known | field.get(seen.values.get(field.leaf, 0)) & known
        sure |= known
    for condition, held in _let_through(prepared, seen, "XFAM"):
        if not condition.mask & sure:
            base = base & ~condition.mask | (condition.mask if held else 0)
    return base | prepared.module.xfam.fixed1


def _attributes(prepared: Prepared, base: TdConfig, seen: Observed) -> int:
    attributes = base.attributes
    for condition, held in _evidence(prepared, seen):
        attributes = attributes & ~condition.mask | (condition.mask if held is not condition.negated else 0)
    return attributes & prepared.module.attributes.allowed | prepared.module.attributes.fixed1


def _evidence(prepared: Prepared, seen: Observed) -> Iterator[tuple[Condition, bool]]:
    """Conditions on ATTRIBUTES that what was seen tells of: by a bit that mirrors one, or by what it lets through."""
    module = prepared.module
    for mirror in module.mirrors:
        if seen.known_at(mirror.bit.leaf) & mirror.bit.mask and module.possible(mirror.of):
            yield mirror.of, bool(mirror.bit.get(seen.values[mirror.bit.leaf]))
    yield from _let_through(prepared, seen, "ATTRIBUTES")


def _let_through(prepared: Prepared, seen: Observed, scope: str) -> Iterator[tuple[Condition, bool]]:
    """Conditions that gate bits by themselves, and whether any of these shows."""
    for gate in prepared.module.gates:
        if len(gate.needs) == 1 and gate.needs[0].scope == scope and prepared.module.possible(gate.needs[0]):
            shows = [_lets_through(prepared, seen, leaf, mask) for leaf, mask in gate.clears.items()]
            if True in shows or False in shows:
                yield gate.needs[0], True in shows


def _lets_through(prepared: Prepared, seen: Observed, leaf: Leaf, mask: int) -> bool | None:
    """Whether bits show that a gate would clear; None where nothing tells."""
    if seen.view == GUEST and always_ve(prepared.module, leaf):
        return None
    start = ALL_ONES if prepared.platform is None else prepared.start_of(leaf)
    visible = mask & seen.known_at(leaf) & start
    return bool(visible & seen.values[leaf]) if visible else None


def _cpuid_config(module: Module, base: TdConfig, seen: Observed) -> dict[Leaf, int]:
    config = dict(base.cpuid_config)
    for leaf in module.cpuid_config:
        if seen.view == GUEST and always_ve(module, leaf):
            continue
        known = seen.known_at(leaf) & module.by_leaf[leaf].configurable & ~_guests(module, leaf, seen)
        config[leaf] = config.get(leaf, 0) & ~known | seen.values.get(leaf, 0) & known
    return config


def _guests(module: Module, leaf: Leaf, seen: Observed) -> int:
    """The guest-controlled bits whose 0 is a guest's own choice, whatever was configured (D7).

    A 1 was configured, or makes no difference; a 0 of the others fits with a VMM that didn't configure them.
    """
    if seen.view != GUEST:
        return 0
    bits = (item.bit.mask for item in module.exit.guest_bits if item.bit.leaf == leaf and item.unreduced_one)
    return sum(bits) & ~seen.values.get(leaf, 0)


def _without_refused(ground: Ground, config: TdConfig, base: TdConfig) -> TdConfig:
    """The configuration with those leaves as in `base` that the module refuses otherwise."""
    for leaf in list(config.cpuid_config):
        kept = config.cpuid_config[leaf]
        other = base.cpuid_config.get(leaf, 0)
        if kept == other:
            continue
        tried = config._replace(cpuid_config={**config.cpuid_config, leaf: other})
        if len(td_of(ground, tried)[1]) < len(td_of(ground, config)[1]):
            config = tried
    return config
