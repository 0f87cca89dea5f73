"""TDH.SYS.INIT, TDH.SYS.LP.INIT and TDH.SYS.CONFIG: from a platform to what every TD starts from (section 1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from tdxtui.cpuid import ALL_ONES, Leaf, unpack
from tdxtui.module import Condition, Entry, Module
from tdxtui.platform import ARCH_CAPABILITIES, Platform
from tdxtui.platform_checks import FUNCTIONS, XCR0_MASK, XSS_MASK, Check, Sampling
from tdxtui.refusal import LP_INIT, SYS_INIT, Refusal, Refused

MIN_BASE_LEAF = 0x1F
MIN_EXTENDED_LEAF = 0x80000008
_LEAF_1 = Leaf(1)


@dataclass(frozen=True)
class Prepared:
    """A module on a platform, ready for TDH.MNG.INIT.

    `native` holds the sampled values, `start` rule 1.10's G, both packed and in the entries' order. With platform
    None they are a bound: of an unknown CPU, with every undecided native bit 0 (or 1).
    """

    module: Module
    platform: Platform | None
    native: tuple[int, ...]
    early_stepping: bool = False

    @cached_property
    def start(self) -> tuple[int, ...]:
        """G of every entry (1.10): the native value with the module's constants."""
        steps = zip(plan(self.module), self.native, strict=True)
        return tuple([value & step.kept | step.fixed1 for step, value in steps])

    def start_of(self, leaf: Leaf) -> int:
        """G of an entry."""
        return self._start_by_leaf[leaf]

    @cached_property
    def _start_by_leaf(self) -> dict[Leaf, int]:
        return {entry.leaf: value for entry, value in zip(self.module.entries, self.start, strict=True)}

    @cached_property
    def _by_leaf(self) -> dict[Leaf, int]:
        return {entry.leaf: value for entry, value in zip(self.module.entries, self.native, strict=True)}

    def registers(self, leaf: Leaf) -> tuple[int, int, int, int]:
        """The sampled native registers of an entry, zeros for none."""
        return unpack(self._by_leaf.get(leaf, 0))

    @cached_property
    def supported_xfam(self) -> int:
        """XCR0 and IA32_XSS bits that the CPU has (1.8)."""
        if self.platform is None:
            return XCR0_MASK | XSS_MASK
        return self.registers(Leaf(0xD, 0))[0] & XCR0_MASK | self.registers(Leaf(0xD, 1))[2] & XSS_MASK

    @cached_property
    def xfam_allowed(self) -> int:
        """XFAM_FIXED0: what a TD may have here (3.1, 6.1)."""
        return self.module.xfam.allowed & self.supported_xfam

    @cached_property
    def attributes_allowed(self) -> int:
        """ATTRIBUTES_FIXED0: what a TD may have here (2.1, 5.C5, H3)."""
        rules = self.module.attributes
        missing = sum(mask for mask, condition in rules.needs if not self.holds(condition))
        return rules.allowed & ~missing

    @cached_property
    def xfd_mask(self) -> int:
        """State components under XFD (1.8)."""
        if not self.registers(Leaf(0xD, 1))[0] >> 4 & 1:
            return 0
        under_xfd = 1 << 32 + 2
        components = (((leaf.subleaf or 0), value) for leaf, value in self._by_leaf.items() if leaf.leaf == 0xD)
        return sum(1 << number for number, value in components if number > 1 and value & under_xfd)

    @cached_property
    def xsave_sizes(self) -> dict[int, int]:
        """Sizes of XSAVE areas by their components, kept as they are worked out."""
        return {}

    @cached_property
    def fms(self) -> int | None:
        """The platform's CPUID(1).EAX with its reserved bits (1.8), None without a platform."""
        return None if self.platform is None else self.registers(_LEAF_1)[0]

    @cached_property
    def maxpa(self) -> int | None:
        """The native MAX_PA, None without a platform."""
        return None if self.platform is None else self.registers(Leaf(0x80000008))[0] & 0xFF

    @cached_property
    def tsc_hz(self) -> int:
        """The native TSC frequency in Hz, 0 where unknown."""
        eax, ebx, ecx, _ = self.registers(Leaf(0x15))
        return 0 if self.platform is None or not eax else ecx * ebx // eax

    def holds(self, condition: Condition) -> bool:
        """Whether a condition on the platform (native bit or fact) holds; an unknown platform has everything."""
        if self.platform is None:
            return True
        if condition.scope == "platform":
            return (condition.name not in self.platform.missing_facts) is not condition.negated
        assert condition.field is not None
        value = self._by_leaf.get(condition.field.leaf, 0)
        return bool(value & condition.field.mask) is not condition.negated


def prepare(module: Module, platform: Platform) -> Prepared | Refusal:
    """Run TDH.SYS.INIT, LP.INIT and CONFIG; the refusal if the module doesn't take the platform."""
    try:
        return _prepare(module, platform)
    except Refused as refused:
        return refused.refusal


def prepare_unknown(module: Module, ones: bool) -> Prepared:
    """The bound of an unknown CPU: every native bit that TDH.SYS.INIT leaves open is 0, or with `ones` 1."""
    rest = ALL_ONES if ones else 0
    return Prepared(module, None, tuple(e.verify_value | rest & ~e.verify_mask for e in module.entries))


def _prepare(module: Module, platform: Platform) -> Prepared:
    early = module.early_stepping
    is_early = early is not None and platform.cpuid.at(_LEAF_1) >> 96 in early.cpus
    _check_msrs(module, platform, is_early, before_cpuid=True)
    _check_maxima(platform)
    sampling = _sample(module, platform, is_early)
    for check in module.platform_checks:
        if not check.at:
            FUNCTIONS[check.by](sampling, _LEAF_1)
    native = tuple(sampling.values[entry.leaf] for entry in module.entries)
    prepared = Prepared(module, platform, native, is_early)
    _check_msrs(module, platform, is_early, before_cpuid=False, prepared=prepared)
    if platform.lp_cpuid:
        _check_lp(module, platform, is_early)
    return prepared


def _check_msrs(
    module: Module, platform: Platform, is_early: bool, before_cpuid: bool, prepared: Prepared | None = None
) -> None:
    for check in module.msr_checks:
        if check.before_cpuid != before_cpuid or (check.when and prepared and not prepared.holds(check.when)):
            continue
        value, ones = platform.msr(check.address, module.msr_defaults), check.ones
        if is_early and module.early_stepping and check.address == ARCH_CAPABILITIES:
            ones &= ~module.early_stepping.arch_capabilities_not_required
        if value & ones != ones or value & check.zeros:
            because = f"the MSR is {value:X}H; it needs {ones:X}H set and {check.zeros:X}H clear"
            msr = check.address if check.status == "TDX_INCORRECT_MSR_VALUE" else None
            raise Refused(Refusal(check.status, SYS_INIT, check.rule, because, msr=msr))


def _check_maxima(platform: Platform) -> None:
    for value, least in ((platform.last_base_leaf, MIN_BASE_LEAF), (platform.last_extended_leaf, MIN_EXTENDED_LEAF)):
        if value < least:
            because = f"the CPU's last leaf is {value:X}H; {least:X}H is needed"
            raise Refused(Refusal("TDX_CPUID_LEAF_NOT_SUPPORTED", SYS_INIT, "1.3", because, detail=least))


class SamplingStep(NamedTuple):
    """How an entry is sampled: what is verified, which checks follow, what G keeps of it and sets (1.4 to 1.10)."""

    leaf: Leaf
    verify_mask: int
    verify_value: int
    checks: tuple[Check, ...]
    kept: int
    fixed1: int


def plan(module: Module) -> list[SamplingStep]:
    """The steps of TDH.SYS.INIT in index order, worked out once per module."""
    found = module.__dict__.get("_plan")
    if found is None:
        found = module.__dict__["_plan"] = [_step(module, entry) for entry in module.entries]
    return found


def _step(module: Module, entry: Entry) -> SamplingStep:
    checks = tuple(FUNCTIONS[check.by] for check in module.platform_checks if entry.leaf in check.at)
    kept = ALL_ONES & ~(entry.fixed0 | entry.dynamic)
    return SamplingStep(entry.leaf, entry.verify_mask, entry.verify_value, checks, kept, entry.fixed1)


def _sample(module: Module, platform: Platform, is_early: bool) -> Sampling:
    sampling, read = Sampling(), platform.sampler()
    values = sampling.values
    early = module.early_stepping if is_early else None
    for leaf, mask, wanted, checks, _, _ in plan(module):
        value = 0 if early and leaf in early.unsampled else read(leaf)
        if leaf == _LEAF_1:
            value = _platform_fms(platform, value)
        if value & mask != wanted and not (early and leaf in early.unverified):
            raise _incorrect(module.by_leaf[leaf], value)
        values[leaf] = value
        for check in checks:
            check(sampling, leaf)
    return sampling


def _platform_fms(platform: Platform, value: int) -> int:
    """Leaf 1 with EAX of socket 0 and the lowest stepping of all sockets (1.8)."""
    if not platform.sockets:
        return value
    stepping = min(fms & 0xF for fms in platform.sockets)
    fms = platform.sockets[0] & ~0xF | stepping
    return value & ~(0xFFFFFFFF << 96) | fms << 96


def _incorrect(entry: Entry, value: int) -> Refused:
    wrong = (value ^ entry.verify_value) & entry.verify_mask
    because = f"the CPU's bits {_named_registers(wrong)} are not what the module demands"
    return Refused(Refusal("TDX_INCORRECT_CPUID_VALUE", SYS_INIT, "1.5", because, at=entry.leaf))


def _named_registers(packed: int) -> str:
    names = zip(("EAX", "EBX", "ECX", "EDX"), unpack(packed), strict=True)
    return ", ".join(f"{name} {mask:08X}H" for name, mask in names if mask)


def _check_lp(module: Module, platform: Platform, is_early: bool) -> None:
    """TDH.SYS.LP.INIT on a processor with other values (1.9). It compares raw values, leaf 23H's too (I5)."""
    early = module.early_stepping if is_early else None
    here, there = platform.sampler(), platform.sampler(platform.lp_cpuid)
    for entry in module.entries:
        if entry.leaf not in platform.lp_cpuid and Leaf(entry.leaf.leaf) not in platform.lp_cpuid:
            continue
        if early and entry.leaf in early.unsampled:
            continue
        differs = here(entry.leaf) ^ there(entry.leaf)
        if differs & ~entry.lp_differs:
            because = f"logical processors differ in {_named_registers(differs & ~entry.lp_differs)}"
            raise Refused(Refusal("TDX_INCONSISTENT_CPUID_FIELD", LP_INIT, "1.9", because, at=entry.leaf))
