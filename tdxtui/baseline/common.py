"""What all hosts and modules of a pool allow together: XFAM, ATTRIBUTES, CONFIG_FLAGS, address width and signature."""

from __future__ import annotations

from collections.abc import Sequence

from tdxtui.computed import MIN_GUEST_WIDTH
from tdxtui.cpuid import Leaf
from tdxtui.fit.target import Target
from tdxtui.levers import FMS_CONFIG, older
from tdxtui.resolve import attempt
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, TdConfig
from tdxtui.turning import UNITS

MIGRATABLE, PERFMON = ATTRIBUTES["MIGRATABLE"], ATTRIBUTES["PERFMON"]
WITHOUT_GPAW = 48
_ALWAYS = ATTRIBUTES["SEPT_VE_DISABLE"]


def xfam(targets: Sequence[Target]) -> int:
    """The richest XFAM that is legal on every target (3.1, 3.2)."""
    value = targets[0].xfam
    for target in targets:
        value &= target.xfam
    for unit in UNITS.values():
        value &= ~unit if value & unit != unit else -1
    for target in targets:
        for dependent, needed in target.module.xfam.requires:
            value &= ~dependent if not value & needed else -1
    return value


def attributes(targets: Sequence[Target], migratable: bool) -> int:
    """The bits of ATTRIBUTES that features hang on, as far as every target allows them together (2.1, 2.2)."""
    value, wanted = 0, [_ALWAYS, *([MIGRATABLE] if migratable else []), *_shown(targets), PERFMON]
    for target in targets:
        value |= target.module.attributes.fixed1
    for mask in wanted:
        if all(not mask & ~target.attributes and not _excluded(target, value | mask) for target in targets):
            value |= mask
    return value


def _shown(targets: Sequence[Target]) -> list[int]:
    """The bits of ATTRIBUTES that a CPUID bit shows."""
    masks = (item.of.mask for target in targets for item in target.module.mirrors if item.of.scope == "ATTRIBUTES")
    return sorted(set(masks))


def _excluded(target: Target, value: int) -> bool:
    return any(all(value & ATTRIBUTES[name] for name in pair) for pair in target.module.attributes.exclusive)


def max_pa(targets: Sequence[Target]) -> tuple[int, int | None]:
    """CONFIG_FLAGS, and the MAX_PA to configure so that all hosts show the same one; None where they do by themselves.

    It can only be configured with MAXPA_VIRT, where modules and VMMs have that (6.C1); else hosts show their own.
    """
    flags = CONFIG_FLAGS["NO_RBP_MOD"]
    for target in targets:
        flags &= target.config_flags
    native = {target.prepared.maxpa or 0 for target in targets}
    virtual = CONFIG_FLAGS["MAXPA_VIRT"]
    width = min(*native, WITHOUT_GPAW) if len(native) > 1 else 0
    if width < MIN_GUEST_WIDTH or not all(target.config_flags & virtual for target in targets):
        return flags, None
    return flags | virtual, width


def signature(targets: Sequence[Target], config: TdConfig) -> int | None:
    """The newest family, model and stepping that a MIGRATABLE TD may show on every target (5.1); None if none is."""
    kinds = {(target.module.version, target.prepared.fms): target for target in targets}
    first = next(iter(kinds.values())).prepared
    for value in older(first, first.fms or 0):
        if all(_takes(target, config, value) for target in kinds.values()):
            return value
    return None


def _takes(target: Target, config: TdConfig, value: int) -> bool:
    leaf = FMS_CONFIG.leaf
    entries: dict[Leaf, int] = {leaf: FMS_CONFIG.put(config.cpuid_config.get(leaf, 0), value)}
    return not attempt(target.prepared, config._replace(cpuid_config=entries))[1]
