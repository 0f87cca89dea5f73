"""A TDX module version as data: what it does with each CPUID bit, stated once.

`resolve`, `classify` and `runtime` all read these statements; none of them knows a version. The file format is read
by `module_file`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from tdxtui.cpuid import Field, Leaf
from tdxtui.td import NAMED_BITS


class Condition(NamedTuple):
    """Something that must hold: named TD bits, a CPUID bit of the TD, a native bit, or a fact of the platform.

    Written ``XFAM.AVX``, ``!ATTRIBUTES.MIGRATABLE``, ``7.1.eax.8``, ``native.7.1.eax.6``, ``platform.TDX_IO``.
    `scope` is the prefix, "bit" for a CPUID bit of the TD.
    """

    scope: str
    name: str = ""
    mask: int = 0
    field: Field | None = None
    negated: bool = False

    @staticmethod
    def parse(text: str) -> "Condition":
        """Read a condition; ValueError says what is wrong."""
        negated, text = text.startswith("!"), text.removeprefix("!")
        scope, _, name = text.partition(".")
        if scope in NAMED_BITS:
            if name not in NAMED_BITS[scope]:
                raise ValueError(f"{text!r} names no bit of {scope}")
            return Condition(scope, name, NAMED_BITS[scope][name], None, negated)
        if scope == "platform":
            return Condition(scope, name, 0, None, negated)
        if scope == "native":
            return Condition(scope, name, 0, _single_bit(name), negated)
        return Condition("bit", text, 0, _single_bit(text), negated)

    @property
    def text(self) -> str:
        """The condition as it is written."""
        name = self.name if self.scope == "bit" else f"{self.scope}.{self.name}"
        return f"!{name}" if self.negated else name

    def __str__(self) -> str:
        return self.text


def _single_bit(text: str) -> Field:
    field = Field.parse(text)
    if not field.is_bit:
        raise ValueError(f"{text!r} is not a single bit")
    return field


class Entry(NamedTuple):
    """One lookup entry: packed masks by virtualization type; a bit in none of them is Native.

    `verify_mask` and `verify_value` are what TDH.SYS.INIT demands of the CPU (1.5); `lp_differs` are the bits that
    TDH.SYS.LP.INIT lets differ between logical processors (1.9).
    """

    leaf: Leaf
    fixed0: int = 0
    fixed1: int = 0
    configured: int = 0
    configured_native: int = 0
    dynamic: int = 0
    verify_mask: int = 0
    verify_value: int = 0
    lp_differs: int = 0

    @property
    def configurable(self) -> int:
        """The bits that CPUID_CONFIG may set."""
        return self.configured | self.configured_native


class Gate(NamedTuple):
    """The cleared bits are 0 unless every condition holds."""

    needs: tuple[Condition, ...]
    clears: Mapping[Leaf, int]
    rule: str


class Mirror(NamedTuple):
    """A CPUID bit that shows a bit of ATTRIBUTES whatever else is said of it."""

    bit: Field
    of: Condition
    rule: str


class Equal(NamedTuple):
    """Two bits that must be equal; `at` is the leaf that the refusal names in RCX, None for RCX = 0."""

    bits: tuple[Field, Field]
    at: Leaf | None
    rule: str


class NeedsMsr(NamedTuple):
    """A CPUID bit of the TD that may be 1 only if MSR bits are set on the platform."""

    bit: Field
    msr: int
    mask: int
    rule: str


class Computed(NamedTuple):
    """A field that a named function of `computed` decides."""

    field: Field
    by: str
    rule: str


class MsrCheck(NamedTuple):
    """What TDH.SYS.INIT demands of an MSR, in the file's order; `when` limits it to some platforms."""

    address: int
    ones: int
    zeros: int
    before_cpuid: bool
    status: str
    when: Condition | None
    rule: str


class PlatformCheck(NamedTuple):
    """A named check of `sysinit` made at some leaves as each is sampled, or after all of them if `at` is empty."""

    at: tuple[Leaf, ...]
    by: str
    rule: str


class BitRules(NamedTuple):
    """Which bits of a TD_PARAMS word are legal: within `allowed`, all of `fixed1`, no excluded pair.

    `needs` lists bits that also want something of the platform.
    """

    allowed: int
    fixed1: int
    exclusive: tuple[tuple[str, ...], ...]
    needs: tuple[tuple[int, Condition], ...]


class XfamRules(NamedTuple):
    """`together`: masks whose bits are all equal; `requires`: a mask that needs another one."""

    allowed: int
    fixed1: int
    together: tuple[int, ...]
    requires: tuple[tuple[int, int], ...]


class TdParamRules(NamedTuple):
    """The bounds of the other TD_PARAMS fields (3.3). `five_level_min_maxpa` is None where it isn't tested."""

    max_vcpus: int
    max_l2_vms: int
    migratable_with_l2_vms: bool
    five_level_min_maxpa: int | None
    tsc_frequency: tuple[int, int]


class FmsRules(NamedTuple):
    """Family/model/stepping that a MIGRATABLE TD may show, newest first (5.1)."""

    models: tuple[int, ...]
    check_default: bool


class TopologyRules(NamedTuple):
    """How leaf 1F is checked and leaf B derived from it (5.C1, 5.C2, 6.C5, G4)."""

    configured: tuple[Leaf, ...]
    derived: tuple[Leaf, ...]
    numbered: bool
    smt_first: bool
    derive: str
    fill: str
    rule: str


class ArchCapabilityRules(NamedTuple):
    """How the virtual IA32_ARCH_CAPABILITIES comes about (4.6)."""

    configured_and_native: int
    configured_or_native: int
    fixed0: int
    fixed1: int
    tsx_ctrl: int


class EarlyStepping(NamedTuple):
    """CPUs (CPUID(1).EAX as executed) on which TDH.SYS.INIT leaves things out (G3, I5)."""

    cpus: frozenset[int]
    unverified: frozenset[Leaf]
    unsampled: frozenset[Leaf]
    arch_capabilities_not_required: int


class Dynamic(NamedTuple):
    """A field whose value the run time decides (7.4)."""

    field: Field
    by: str
    rule: str


class GuestBit(NamedTuple):
    """A bit that the guest controls through #VE reduction (D7).

    `control` is the mask in FEATURE_PARAVIRT_CTLS; `unreduced_one`: reads 1 without REDUCE_VE, else as configured.
    """

    bit: Field
    control: int
    unreduced_one: bool


class ExitRules(NamedTuple):
    """What the CPUID instruction does in the TD, beside the values (section 7, D5)."""

    extended_limit_native: bool
    faulting: frozenset[Leaf]
    zero_leaves: frozenset[int]
    needs: Mapping[int, tuple[Condition, ...]]
    dynamic: tuple[Dynamic, ...]
    guest_bits: tuple[GuestBit, ...]
    cleared_by_tsx_ctrl: tuple[Field, ...]
    native_cache_leaves: frozenset[Leaf]
    td_ctls: int


class Inferred(NamedTuple):
    """A mask or rule of the file that was not read in the module's source: of which leaves or field, and why."""

    leaves: frozenset[Leaf]
    field: Field | None
    mask: str
    rule: str
    because: str


@dataclass(frozen=True)
class Module:
    """Everything that one module version's file says."""

    version: str
    evidence: str
    source: str
    features0: int | None
    entries: tuple[Entry, ...]
    cpuid_config: tuple[Leaf, ...]
    attributes: BitRules
    xfam: XfamRules
    config_flags: BitRules
    td_params: TdParamRules
    fms: FmsRules
    msr_checks: tuple[MsrCheck, ...]
    platform_checks: tuple[PlatformCheck, ...]
    early_stepping: EarlyStepping | None
    arch_capabilities: ArchCapabilityRules
    gates: tuple[Gate, ...]
    mirrors: tuple[Mirror, ...]
    equals: tuple[Equal, ...]
    needs_msr: tuple[NeedsMsr, ...]
    computed: tuple[Computed, ...]
    topology: TopologyRules | None
    flags: Mapping[str, Field]
    exit: ExitRules
    msr_defaults: Mapping[int, int]
    last_base_leaf: int
    reports_configured_native: bool
    host_reads_zero_leaves: bool
    states_maxpa: bool
    inferred: tuple[Inferred, ...]

    @cached_property
    def by_leaf(self) -> Mapping[Leaf, Entry]:
        """The entries by leaf."""
        return {entry.leaf: entry for entry in self.entries}

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The entries' short notations in their order."""
        return tuple(entry.leaf.key for entry in self.entries)

    @cached_property
    def configurable(self) -> Mapping[Leaf, int]:
        """The CPUID_CONFIG entries and the bits that may be set in each."""
        return {leaf: self.by_leaf[leaf].configurable for leaf in self.cpuid_config}

    def entry_for(self, leaf: Leaf) -> Entry | None:
        """The entry that a leaf and sub-leaf fall to; one without sub-leaves answers for every sub-leaf (7.2)."""
        return self.by_leaf.get(leaf) or self.by_leaf.get(Leaf(leaf.leaf)) or (
            self.by_leaf.get(Leaf(leaf.leaf, 0)) if leaf.subleaf is None else None
        )

    def entry_field(self, field: Field) -> Field | None:
        """A field written on the leaf of the entry that holds it, None if this module has no such entry."""
        entry = self.entry_for(field.leaf)
        return entry and Field(entry.leaf, field.register, field.msb, field.lsb)

    def possible(self, condition: Condition) -> bool:
        """Whether a condition on XFAM or ATTRIBUTES can ever hold on this module; other conditions may."""
        if condition.negated:
            return True
        allowed = {"XFAM": self.xfam.allowed, "ATTRIBUTES": self.attributes.allowed}.get(condition.scope)
        return allowed is None or condition.mask & ~allowed == 0
