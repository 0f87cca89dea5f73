"""What must be given up of a TD so that another module or platform takes it."""

from __future__ import annotations

from collections.abc import Iterator

from tdxtui.cures import Cures
from tdxtui.edits import (
    ARCH_CAPABILITIES,
    MAX_VCPUS,
    NUM_L2_VMS,
    TSC_FREQUENCY,
    Edit,
    applied,
    config_edit,
    entry_edit,
    word_edit,
)
from tdxtui.levers import MAXPA
from tdxtui.resolve import attempt
from tdxtui.sysinit import Prepared
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, TdConfig, names_of
from tdxtui.turning import word_edits


def repaired(prepared: Prepared, config: TdConfig) -> tuple[Edit, ...] | None:
    """The edits after which nothing is refused, None where these kinds of them aren't enough."""
    edits = (*_attributes(prepared, config), *_flags(prepared, config), *_xfam(prepared, config))
    edits = (*edits, *_numbers(prepared, config), *_entries(prepared, config), *_tsx(prepared, config))
    if attempt(prepared, applied(config, edits))[1]:
        edits = (*edits, *_left_to_module(prepared, config))
    legal = Cures(attempt(prepared, applied(config, edits))[0]).with_legal_fms(())
    if legal is None:
        return None
    edits = (*edits, *legal)
    if attempt(prepared, applied(config, edits))[1]:
        return None
    return _needed(prepared, config, edits)


def _needed(prepared: Prepared, config: TdConfig, edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """The edits without those that aren't needed after all."""
    for edit in edits:
        rest = tuple(other for other in edits if other != edit)
        if not attempt(prepared, applied(config, rest))[1]:
            edits = rest
    return edits


def _attributes(prepared: Prepared, config: TdConfig) -> tuple[Edit, ...]:
    value = config.attributes
    off = value & ~prepared.attributes_allowed
    for first, second in (pair[:2] for pair in prepared.module.attributes.exclusive):
        left = value & ~off
        if left & ATTRIBUTES[first] and left & ATTRIBUTES[second]:
            off |= ATTRIBUTES[second]
    return tuple(word_edit("ATTRIBUTES", name, 0) for name in names_of(off, ATTRIBUTES) if name in ATTRIBUTES)


def _flags(prepared: Prepared, config: TdConfig) -> tuple[Edit, ...]:
    rules, value = prepared.module.config_flags, config.config_flags
    off = value & ~rules.allowed
    for needed, condition in rules.needs:
        off |= 0 if prepared.holds(condition) else value & needed
    for first, second in (pair[:2] for pair in rules.exclusive):
        if value & CONFIG_FLAGS[first] and value & CONFIG_FLAGS[second]:
            off |= CONFIG_FLAGS[second]
    least, maxpa = prepared.module.td_params.five_level_min_maxpa, prepared.maxpa
    if least is not None and maxpa is not None and maxpa < least:
        off |= value & CONFIG_FLAGS["GPAW"]
    return tuple(word_edit("CONFIG_FLAGS", name, 0) for name in names_of(off, CONFIG_FLAGS) if name in CONFIG_FLAGS)


def _xfam(prepared: Prepared, config: TdConfig) -> tuple[Edit, ...]:
    """The nearest legal components: what can't be goes, what must be comes, and so does what others need (3.1, 3.2)."""
    rules, allowed = prepared.module.xfam, prepared.xfam_allowed
    after = config.xfam & allowed | rules.fixed1
    for mask in rules.together:
        if after & mask not in (0, mask):
            after = after & ~mask if mask & ~allowed else after | mask
    for dependent, needed in rules.requires:
        if after & dependent and not after & needed:
            after = after & ~dependent if needed & ~allowed else after | needed
    return word_edits(config.xfam, after)


def _numbers(prepared: Prepared, config: TdConfig) -> Iterator[Edit]:
    """Each number within its bounds, and no L2 VMs where there can't be so many, or none of a MIGRATABLE TD."""
    rules, arch = prepared.module.td_params, prepared.module.arch_capabilities
    if not 0 < config.max_vcpus <= rules.max_vcpus:
        yield Edit(MAX_VCPUS, "", min(max(config.max_vcpus, 1), rules.max_vcpus))
    if illegal := config.arch_capabilities_config & ~(arch.configured_and_native | arch.configured_or_native):
        yield Edit(ARCH_CAPABILITIES, "", config.arch_capabilities_config & ~illegal)
    lowest, highest = rules.tsc_frequency
    if not lowest <= config.tsc_frequency <= highest:
        yield Edit(TSC_FREQUENCY, "", min(max(config.tsc_frequency, lowest), highest))
    migratable = config.attributes & ATTRIBUTES["MIGRATABLE"] and not rules.migratable_with_l2_vms
    if config.num_l2_vms > (0 if migratable else rules.max_l2_vms):
        yield Edit(NUM_L2_VMS, "", 0)


def _entries(prepared: Prepared, config: TdConfig) -> list[Edit]:
    """Every entry without the bits that may not be configured here, one that isn't configurable at all as 0."""
    legal = {leaf: prepared.module.configurable.get(leaf, 0) for leaf in config.cpuid_config}
    return [
        entry_edit(leaf, value & legal[leaf])
        for leaf, value in config.cpuid_config.items()
        if value & ~legal[leaf] and leaf in prepared.module.configurable
    ]


def _left_to_module(prepared: Prepared, config: TdConfig) -> Iterator[Edit]:
    """The levels of leaf 1FH, and MAX_PA, as 0: the module then has values of its own (A12, 6.C1)."""
    topology = prepared.module.topology
    for leaf in topology.configured if topology else ():
        if config.cpuid_config.get(leaf):
            yield entry_edit(leaf, 0)
    if MAXPA.get(config.cpuid_config.get(MAXPA.leaf, 0)):
        yield config_edit(MAXPA, 0)


def _tsx(prepared: Prepared, config: TdConfig) -> list[Edit]:
    """Bits that must be equal, or that an MSR must allow, all off."""
    td, _ = attempt(prepared, config)
    module, platform = prepared.module, prepared.platform
    msrs = {needs.bit for needs in module.needs_msr
            if platform and platform.msr(needs.msr, module.msr_defaults) & needs.mask != needs.mask}
    wrong = [
        bit for equal in module.equals for bit in equal.bits
        if td.get(equal.bits[0]) != td.get(equal.bits[1]) or msrs & set(equal.bits)
    ]
    return [config_edit(bit, 0) for bit in wrong if config.cpuid_config.get(bit.leaf, 0) & bit.mask]
