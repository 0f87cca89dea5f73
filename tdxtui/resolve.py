"""TDH.MNG.INIT as a pure function: a prepared module, a TD configuration -> the virtual CPUID, or the refusal.

A module's statements are compiled once (`Program`) into masks per entry, so that a TD costs a few big-integer
operations per entry and the special rules only where they apply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import NamedTuple

from tdxtui import topology
from tdxtui.computed import FUNCTIONS, PLATFORM_DEPENDENT
from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.module import Condition, Entry, Equal, Gate, Module, NeedsMsr
from tdxtui.refusal import MNG_INIT, Refusal, Refused
from tdxtui.sysinit import Prepared
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, TdConfig
from tdxtui.td_params import td_params_problems


class VirtualCpuid(NamedTuple):
    """What TDH.MNG.INIT computes for a TD.

    `values` are packed, in the entries' order. `maxpa` is None where the module states none; `known` is None, or
    with an unknown platform the packed masks of the bits that don't depend on it.
    """

    prepared: Prepared
    config: TdConfig
    values: tuple[int, ...]
    arch_capabilities: int
    maxpa: int | None = None
    known: tuple[int, ...] | None = None

    @property
    def module(self) -> Module:
        """The module that computed this."""
        return self.prepared.module

    def at(self, leaf: Leaf) -> int:
        """The packed value of an entry, 0 for none."""
        index = program(self.module).index.get(leaf)
        return 0 if index is None else self.values[index]

    def known_at(self, leaf: Leaf) -> int:
        """The packed mask of an entry's known bits."""
        index = program(self.module).index.get(leaf)
        return ALL_ONES if self.known is None or index is None else self.known[index]

    def get(self, field: Field) -> int:
        """A field's value."""
        return field.get(self.at(field.leaf))

    def cpuid(self) -> dict[Leaf, int]:
        """Every entry's packed value."""
        return {entry.leaf: value for entry, value in zip(self.module.entries, self.values, strict=True)}

    def flags(self) -> list[str]:
        """The booleans that TDCS keeps beside the values."""
        values = self.values
        return [name for name, number, mask in program(self.module).flags if values[number] & mask]


class _State:
    """A computation under way."""

    __slots__ = ("config", "index", "prepared", "values")

    def __init__(self, prepared: Prepared, config: TdConfig, index: Mapping[Leaf, int], values: list[int]) -> None:
        self.prepared = prepared
        self.config = config
        self.index = index
        self.values = values

    def get(self, field: Field) -> int:
        return field.get(self.values[self.index[field.leaf]])


Step = Callable[[_State], None]


class Active(NamedTuple):
    """An entry that CPUID_CONFIG or special rules work on: `leaf` is None where it isn't configurable.

    `illegal` are the bits that may not be configured, `not_native` all but those that need the CPU's bit too.
    """

    number: int
    leaf: Leaf | None
    illegal: int
    configured: int
    not_native: int
    steps: tuple[Step, ...]


def _active_entry(number: int, entry: Entry, configurable: bool, steps: tuple[Step, ...]) -> Active:
    return Active(
        number=number,
        leaf=entry.leaf if configurable else None,
        illegal=ALL_ONES & ~entry.configurable,
        configured=entry.configured,
        not_native=ALL_ONES & ~entry.configured_native,
        steps=steps,
    )


class Program:
    """A module's statements as masks and steps per entry."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.index = {entry.leaf: number for number, entry in enumerate(module.entries)}
        self._kept: dict[tuple[int, int], tuple[tuple[int, ...], tuple[int, ...]]] = {}
        self.active = self._active()
        self.flags = [(name, self.index[bit.leaf], bit.mask) for name, bit in module.flags.items()]

    def _active(self) -> list[Active]:
        """The entries that need more than their masks, in index order."""
        steps = self._steps()
        configurable = set(self.module.cpuid_config)
        return [
            _active_entry(number, entry, entry.leaf in configurable, tuple(steps.get(number, ())))
            for number, entry in enumerate(self.module.entries)
            if entry.leaf in configurable or number in steps
        ]

    def _steps(self) -> dict[int, list[Step]]:
        """Special rules by entry, in the order of section 5: gates on CPUID bits, TSX, computed fields."""
        steps: dict[int, list[Step]] = {}

        def add(leaf: Leaf, step: Step) -> None:
            steps.setdefault(self.index[leaf], []).append(step)

        for gate in self.module.gates:
            if any(condition.scope == "bit" for condition in gate.needs):
                for leaf, mask in gate.clears.items():
                    add(leaf, _gate_step(gate, self.index, self.index[leaf], mask))
        for equal in self.module.equals:
            add(equal.bits[0].leaf, _equal_step(equal))
        for needs in self.module.needs_msr:
            add(needs.bit.leaf, _needs_msr_step(needs))
        for computed in self.module.computed:
            add(computed.field.leaf, _computed_step(computed.field, computed.by, self.index[computed.field.leaf]))
        return steps

    def kept(self, xfam: int, attributes: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Per entry the bits that XFAM and ATTRIBUTES leave standing, and those that ATTRIBUTES sets."""
        found = self._kept.get((xfam, attributes))
        if found is None:
            if len(self._kept) > 256:
                self._kept.clear()
            found = self._kept[xfam, attributes] = self._keep(TdConfig(attributes, xfam))
        return found

    def _keep(self, config: TdConfig) -> tuple[tuple[int, ...], tuple[int, ...]]:
        keep, ones = [ALL_ONES] * len(self.index), [0] * len(self.index)
        for gate in self.module.gates:
            decided = [condition for condition in gate.needs if condition.scope != "bit"]
            if all(in_config(condition, config) for condition in decided):
                continue
            for leaf, mask in gate.clears.items():
                keep[self.index[leaf]] &= ~mask
        for mirror in self.module.mirrors:
            number = self.index[mirror.bit.leaf]
            keep[number] &= ~mirror.bit.mask
            ones[number] |= mirror.bit.mask if in_config(mirror.of, config) else 0
        return tuple(keep), tuple(ones)

    @cached_property
    def platform_dependent(self) -> tuple[int, ...]:
        """Per entry the computed fields that can't be known without a platform."""
        masks = [0] * len(self.index)
        for computed in self.module.computed:
            if computed.by in PLATFORM_DEPENDENT:
                number = self.index[computed.field.leaf]
                masks[number] |= computed.field.mask & ~self.module.entries[number].fixed0
        return tuple(masks)


    @cached_property
    def platform_topology(self) -> tuple[int, ...]:
        """As `platform_dependent`, with the levels that are the platform's if none is configured (5.C1)."""
        masks = list(self.platform_dependent)
        for leaf in self.module.topology.configured if self.module.topology else ():
            entry = self.module.by_leaf[leaf]
            masks[self.index[leaf]] |= entry.configured & ~entry.verify_mask
        return tuple(masks)

    def configures_topology(self, config: TdConfig) -> bool:
        """Whether a TD has levels of its own."""
        leaves = self.module.topology.configured if self.module.topology else ()
        return any(config.cpuid_config.get(leaf, 0) for leaf in leaves)


def program(module: Module) -> Program:
    """A module's program, compiled once."""
    found = module.__dict__.get("_program")
    if found is None:
        found = module.__dict__["_program"] = Program(module)
    return found


def in_config(condition: Condition, config: TdConfig) -> bool:
    """Whether a condition on XFAM, ATTRIBUTES or CONFIG_FLAGS holds."""
    return (config.param(condition.scope) & condition.mask == condition.mask) is not condition.negated


def _gate_step(gate: Gate, index: Mapping[Leaf, int], number: int, mask: int) -> Step:
    bits = [(item.field, item.negated) for item in gate.needs if item.field is not None]
    conditions = [(index[bit.leaf], bit.mask, negated) for bit, negated in bits]

    def step(state: _State) -> None:
        values = state.values
        for place, bit, negated in conditions:
            if bool(values[place] & bit) is negated:
                values[number] &= ~mask
                return

    return step


def _equal_step(equal: Equal) -> Step:
    first, second = equal.bits

    def step(state: _State) -> None:
        if state.get(first) != state.get(second):
            because = f"{first.sdm} and {second.sdm} must be equal"
            raise Refused(
                Refusal("TDX_OPERAND_INVALID", MNG_INIT, equal.rule, because, at=equal.at, operand="CPUID_CONFIG")
            )

    return step


def _needs_msr_step(needs: NeedsMsr) -> Step:
    def step(state: _State) -> None:
        platform = state.prepared.platform
        if platform is None or not state.get(needs.bit):
            return
        value = platform.msr(needs.msr, state.prepared.module.msr_defaults)
        if value & needs.mask != needs.mask:
            because = f"{needs.bit.sdm} needs bits {needs.mask:X}H of MSR {needs.msr:X}H on the platform"
            raise Refused(Refusal("TDX_INCORRECT_MSR_VALUE", MNG_INIT, needs.rule, because, msr=needs.msr))

    return step


def _computed_step(field: Field, by: str, number: int) -> Step:
    function, mask, shift = FUNCTIONS[by], field.mask, field.shift

    def step(state: _State) -> None:
        state.values[number] = state.values[number] & ~mask | function(state) << shift & mask

    return step


def resolve(prepared: Prepared, config: TdConfig) -> VirtualCpuid | Refusal:
    """What a TD of this configuration gets. Never raises; a refusal says what TDH.MNG.INIT would."""
    for refusal in td_params_problems(prepared, config):
        return refusal
    try:
        return _resolve(prepared, config, None)
    except Refused as refused:
        return refused.refusal


def attempt(prepared: Prepared, config: TdConfig) -> tuple[VirtualCpuid, tuple[Refusal, ...]]:
    """As `resolve`, but going on after a refusal: the values that would be, and every refusal on the way."""
    refusals = list(td_params_problems(prepared, config))
    td = _resolve(prepared, config, refusals)
    return td, tuple(refusals)


def _resolve(prepared: Prepared, config: TdConfig, refusals: list[Refusal] | None) -> VirtualCpuid:
    """With a list, refusals are collected there instead of raised."""
    code = program(prepared.module)
    keep, ones = code.kept(config.xfam, config.attributes)
    start = prepared.start
    values = [value & kept | one for value, kept, one in zip(start, keep, ones, strict=True)]
    state = _State(prepared, config, code.index, values)
    wishes = config.cpuid_config
    for number, leaf, illegal, configured, not_native, steps in code.active:
        if leaf is not None:
            wished = wishes.get(leaf, 0)
            if wished & illegal:
                _refuse(_unconfigurable(leaf), refusals)
            # 4.2: a Configured bit is the wished one, a Configured & Native bit needs both.
            value = start[number] & ~configured | wished & configured
            values[number] = value & (wished | not_native) & keep[number] | ones[number]
        for step in steps:
            _take(step, state, refusals)
    for last in (_topology, _check_arch_capabilities, _cross_check):
        _take(last, state, refusals)
    return VirtualCpuid(prepared, config, tuple(values), _arch_capabilities(state), _maxpa(state))


def _take(step: Step, state: _State, refusals: list[Refusal] | None) -> None:
    try:
        step(state)
    except Refused as refused:
        _refuse(refused.refusal, refusals)


def _refuse(refusal: Refusal, refusals: list[Refusal] | None) -> None:
    if refusals is None:
        raise Refused(refusal)
    refusals.append(refusal)


def _unconfigurable(leaf: Leaf) -> Refusal:
    because = f"CPUID_CONFIG has bits of {leaf.sdm} that can't be configured"
    return Refusal("TDX_OPERAND_INVALID", MNG_INIT, "4.2", because, at=leaf, operand="CPUID_CONFIG")


def _topology(state: _State) -> None:
    rules = state.prepared.module.topology
    if rules is None:
        return
    levels = [state.index[leaf] for leaf in rules.configured]
    derived = [state.index[leaf] for leaf in rules.derived]
    start = state.prepared.start
    if state.prepared.platform is None and not any(state.values[n] for n in levels):
        return
    got = topology.compute(
        rules, [state.values[n] for n in levels], [start[n] for n in levels], [start[n] for n in derived]
    )
    for number, value in zip(levels + derived, got[0] + got[1], strict=True):
        state.values[number] = value


def _check_arch_capabilities(state: _State) -> None:
    """IA32_ARCH_CAPABILITIES_CONFIG (4.6), unchecked on an early stepping (I5)."""
    config, rules = state.config, state.prepared.module.arch_capabilities
    legal = rules.configured_and_native | rules.configured_or_native if config.msr_config_ctls & 1 else 0
    illegal = config.arch_capabilities_config & ~legal
    if illegal and not state.prepared.early_stepping:
        because = f"bits {illegal:X}H of IA32_ARCH_CAPABILITIES_CONFIG can't be configured"
        operand = "IA32_ARCH_CAPABILITIES_CONFIG"
        raise Refused(Refusal("TDX_OPERAND_INVALID", MNG_INIT, "4.6", because, operand=operand))


def _arch_capabilities(state: _State) -> int:
    """The virtual IA32_ARCH_CAPABILITIES (4.6), 0 on an early stepping (I5)."""
    prepared, wished = state.prepared, state.config.arch_capabilities_config
    rules = prepared.module.arch_capabilities
    if prepared.early_stepping:
        return 0
    native = prepared.platform.arch_capabilities if prepared.platform else 0
    value = native & ~(rules.configured_and_native & ~wished) | wished & rules.configured_or_native
    if not any(state.get(needs.bit) for needs in prepared.module.needs_msr):
        value &= ~rules.tsx_ctrl
    return value & ~rules.fixed0 | rules.fixed1


def _cross_check(state: _State) -> None:
    """MIGRATABLE with L2 VMs, found only after the whole computation (2.2)."""
    config, rules = state.config, state.prepared.module.td_params
    if config.attributes & ATTRIBUTES["MIGRATABLE"] and config.num_l2_vms and not rules.migratable_with_l2_vms:
        because = "a MIGRATABLE TD can't have L2 VMs on this module"
        raise Refused(Refusal("TDX_OPERAND_INVALID", MNG_INIT, "2.2", because, operand="RDX"))


def _maxpa(state: _State) -> int | None:
    module, config = state.prepared.module, state.config
    if not module.states_maxpa or config.config_flags & CONFIG_FLAGS["MAXGPA_VIRT"]:
        return None
    return state.values[state.index[Leaf(0x80000008)]] >> 96 & 0xFF


def attempt_unknown(
    bounds: tuple[Prepared, Prepared], config: TdConfig
) -> tuple[VirtualCpuid, tuple[Refusal, ...]]:
    """As `attempt`, for an unknown platform: its two bounds tell which bits don't depend on the CPU."""
    low, refusals = attempt(bounds[0], config)
    high, _ = attempt(bounds[1], config)
    code = program(low.module)
    dependent = code.platform_dependent if code.configures_topology(config) else code.platform_topology
    known = tuple(ALL_ONES & ~(a ^ b | mask) for a, b, mask in zip(low.values, high.values, dependent, strict=True))
    return low._replace(maxpa=None, known=known), refusals
