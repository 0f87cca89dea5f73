"""The rules of a module that are no statement on single bits, held against another module's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from tdxtui.cpuid import Leaf
from tdxtui.diff.groups import Group
from tdxtui.module import BitRules, Equal, Module, MsrCheck, PlatformCheck
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, TD_CTLS, XFAM, names_of

NONE = "none"


class Setting(NamedTuple):
    """A rule that changed, both versions in words."""

    group: Group
    name: str
    old: str
    new: str


class _Rule(NamedTuple):
    group: Group
    name: str
    words: Callable[[Module], str]


def settings(old: Module, new: Module) -> Iterator[Setting]:
    """The rules that differ."""
    for rule in RULES:
        was, now = rule.words(old), rule.words(new)
        if was != now:
            yield Setting(rule.group, rule.name, was, now)
    yield from _listed(Group.MSR, "TDH.SYS.INIT", _msr_checks(old), _msr_checks(new))
    yield from _listed(Group.DEMANDS, "check", _platform_checks(old), _platform_checks(new))


def _listed(group: Group, name: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Setting]:
    for key in dict.fromkeys([*old, *new]):
        if old.get(key) != new.get(key):
            yield Setting(group, f"{name} {key}", old.get(key, NONE), new.get(key, NONE))


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(parts) or NONE


def _names(mask: int, names: Mapping[str, int]) -> str:
    return _joined(names_of(mask, names))


def _bit_rules(group_names: Mapping[str, int], of: Callable[[Module], BitRules]) -> list[tuple[str, _Words]]:
    def needs(module: Module) -> str:
        return _joined(f"{_names(mask, group_names)} needs {item.text}" for mask, item in of(module).needs)

    return [
        ("allowed", lambda module: _names(of(module).allowed, group_names)),
        ("always set", lambda module: _names(of(module).fixed1, group_names)),
        ("not together", lambda module: _joined(" with ".join(pair) for pair in of(module).exclusive)),
        ("needs of the platform", needs),
    ]


_Words = Callable[[Module], str]


def _rules(group: Group, prefix: str, rows: Iterable[tuple[str, _Words]]) -> list[_Rule]:
    return [_Rule(group, f"{prefix} {name}".strip(), words) for name, words in rows]


def _leaf_list(leaves: Iterable[Leaf]) -> str:
    return _joined(leaf.key for leaf in leaves)


def _equal(item: Equal) -> str:
    at = item.at.key if item.at else "0"
    return f"{item.bits[0].key} = {item.bits[1].key}, or refused with RCX = {at}"


def _early(module: Module) -> str:
    early = module.early_stepping
    if early is None:
        return NONE
    cpus = _joined(f"{cpu:X}" for cpu in sorted(early.cpus))
    left = f"not verified {_leaf_list(sorted(early.unverified))}; not sampled {_leaf_list(sorted(early.unsampled))}"
    return f"{cpus}: {left}; IA32_ARCH_CAPABILITIES may lack {early.arch_capabilities_not_required:X}H"


def _msr_checks(module: Module) -> dict[str, str]:
    """What is demanded of each MSR, by address and condition; of several checks of an MSR all."""
    out: dict[str, str] = {}
    for check in module.msr_checks:
        key = f"MSR {check.address:X}H"
        out[key] = f"{out[key]}; {_msr_check(check)}" if key in out else _msr_check(check)
    return out


def _msr_check(check: MsrCheck) -> str:
    parts = [f"{check.ones:X}H set" if check.ones else "", f"{check.zeros:X}H clear" if check.zeros else ""]
    when = f" if {check.when.text}" if check.when else ""
    status = "" if check.status == "TDX_INCORRECT_MSR_VALUE" else f", else {check.status}"
    return f"{' and '.join(part for part in parts if part)}{when}{status}"


def _platform_checks(module: Module) -> dict[str, str]:
    return {check.by.replace("_", " "): _check_place(check) for check in module.platform_checks}


def _check_place(check: PlatformCheck) -> str:
    return f"at {_leaf_list(check.at)}" if check.at else "after all entries"


def _topology(of: Callable[[Module], str]) -> _Words:
    return lambda module: of(module) if module.topology else NONE


def _yes(of: Callable[[Module], object]) -> _Words:
    return lambda module: "yes" if of(module) else "no"


def _topology_rules() -> list[tuple[str, _Words]]:
    def rules(module: Module) -> str:
        assert module.topology
        numbered = "; ECX[7:0] is the sub-leaf's number" if module.topology.numbered else ""
        return f"levels ascend{numbered}{'; SMT only at 1F.0' if module.topology.smt_first else ''}"

    def derived(module: Module) -> str:
        assert module.topology
        return f"from the {module.topology.derive.replace('_', ' ')}; ECX of the others {module.topology.fill}"

    def leaves(module: Module) -> str:
        assert module.topology
        return _leaf_list(module.topology.configured)

    return [
        ("levels are configured in", _topology(leaves)),
        ("a valid 1F has", _topology(rules)),
        ("leaf B is derived", _topology(derived)),
    ]


def _td_rules() -> list[tuple[str, _Words]]:
    return [
        ("CPUID_CONFIG", lambda m: _leaf_list(m.cpuid_config)),
        ("MAX_VCPUS at most", lambda m: str(m.td_params.max_vcpus)),
        ("NUM_L2_VMS at most", lambda m: str(m.td_params.max_l2_vms)),
        ("MIGRATABLE with L2 VMs", _yes(lambda m: m.td_params.migratable_with_l2_vms)),
        ("5-level EPT needs a MAX_PA of", lambda m: str(m.td_params.five_level_min_maxpa or "any")),
        ("TSC_FREQUENCY (x 25 MHz)", lambda m: "{}..{}".format(*m.td_params.tsc_frequency)),
        ("models a MIGRATABLE TD may show", lambda m: _joined(f"{model:X}" for model in m.fms.models)),
        ("CPUID(1).EAX left 0 is checked", _yes(lambda m: m.fms.check_default)),
        ("bits that must be equal", lambda m: _joined(map(_equal, m.equals))),
        ("bits that need an MSR", lambda m: _joined(
            f"{item.bit.key} needs {item.mask:X}H of MSR {item.msr:X}H" for item in m.needs_msr
        )),
        ("TD_CTLS of the guest", lambda m: _names(m.exit.td_ctls, TD_CTLS)),
    ]


def _arch_capabilities() -> list[tuple[str, _Words]]:
    return [
        ("native AND configured", lambda m: f"{m.arch_capabilities.configured_and_native:X}H"),
        ("native OR configured", lambda m: f"{m.arch_capabilities.configured_or_native:X}H"),
        ("fixed 0", lambda m: f"{m.arch_capabilities.fixed0:X}H"),
        ("fixed 1", lambda m: f"{m.arch_capabilities.fixed1:X}H"),
        ("only with TSX", lambda m: f"{m.arch_capabilities.tsx_ctrl:X}H"),
    ]


def _xfam() -> list[tuple[str, _Words]]:
    return [
        ("allowed", lambda m: _names(m.xfam.allowed, XFAM)),
        ("always set", lambda m: _names(m.xfam.fixed1, XFAM)),
        ("together", lambda m: _joined(_names(mask, XFAM) for mask in m.xfam.together)),
        ("requires", lambda m: _joined(
            f"{_names(mask, XFAM)} needs {_names(other, XFAM)}" for mask, other in m.xfam.requires
        )),
    ]


def _host() -> list[tuple[str, _Words]]:
    return [
        ("CPUID(0).EAX of the TD", lambda m: f"{m.last_base_leaf:X}H"),
        ("highest extended leaf counts", lambda m: "as the CPU's" if m.exit.extended_limit_native else "80000008H"),
        ("CPUID_CONFIG_VALUES show Configured & Native", _yes(lambda m: m.reports_configured_native)),
        ("host reads 0 of leaves without an entry", _yes(lambda m: m.host_reads_zero_leaves)),
        ("TDCS.VIRT_MAXPA is stated", _yes(lambda m: m.states_maxpa)),
        ("TDX_FEATURES0", lambda m: "not known" if m.features0 is None else f"{m.features0:X}H"),
        ("TDCS keeps beside the values", lambda m: _joined(f"{name} ({bit.key})" for name, bit in m.flags.items())),
    ]


RULES: tuple[_Rule, ...] = (
    *_rules(Group.RULES, "ATTRIBUTES", _bit_rules(ATTRIBUTES, lambda m: m.attributes)),
    *_rules(Group.RULES, "XFAM", _xfam()),
    *_rules(Group.RULES, "CONFIG_FLAGS", _bit_rules(CONFIG_FLAGS, lambda m: m.config_flags)),
    *_rules(Group.RULES, "", _td_rules()),
    *_rules(Group.TOPOLOGY, "", _topology_rules()),
    *_rules(Group.MSR, "IA32_ARCH_CAPABILITIES", _arch_capabilities()),
    _Rule(Group.DEMANDS, "early steppings", _early),
    *_rules(Group.HOST, "", _host()),
)
