"""Read and check a module file (TOML). Whatever is wrong is a `DataError` with file, table and key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tdxtui.computed import FUNCTIONS as COMPUTED
from tdxtui.cpuid import ALL_ONES, WORD, Field, Leaf, Register
from tdxtui.dynamic import FUNCTIONS as DYNAMIC
from tdxtui.module import (
    ArchCapabilityRules,
    BitRules,
    Computed,
    Condition,
    Dynamic,
    EarlyStepping,
    Entry,
    Equal,
    ExitRules,
    FmsRules,
    Gate,
    GuestBit,
    Inferred,
    Mirror,
    Module,
    MsrCheck,
    NeedsMsr,
    PlatformCheck,
    TdParamRules,
    TopologyRules,
    XfamRules,
)
from tdxtui.platform import FACTS
from tdxtui.platform_checks import FUNCTIONS as PLATFORM_CHECKS
from tdxtui.strict import Section, data_error, parse_hex, parse_hex_word, parse_toml, quoted, read_text, unknown
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, FEATURE_PARAVIRT_CTLS, TD_CTLS, XFAM

TYPES = ("fixed0", "fixed1", "configured", "configured_native", "dynamic")
EVIDENCE = ("run", "read", "partial")
ALWAYS_THERE = (Leaf(1), Leaf(7, 0), Leaf(0x80000008))  # the computation looks at them
GATE_SCOPES = ("XFAM", "ATTRIBUTES", "bit")
PLATFORM_SCOPES = ("native", "platform")
GUEST_SCOPES = ("TD_CTLS", "bit")
_EXAMPLES = {"bit": "7.1.eax.8", "native": "native.7.1.eax.6", "platform": "platform.TDX_IO"}


def load(path: Path) -> Module:
    """The module of a file; DataError for a file that can't be used."""
    return parse(read_text(path), str(path))


def parse(text: str, source: str) -> Module:
    """The module of a file's text; `source` is what errors call the file."""
    top = Section(parse_toml(text, source), source)
    entries = _entries(top)
    refs = _References({entry.leaf for entry in entries})
    module = Module(
        version=top.text("version"),
        evidence=top.parsed("evidence", _one_of(EVIDENCE)),
        source=top.text("source"),
        features0=top.hex("features0", default=None),
        entries=entries,
        cpuid_config=_cpuid_config(top, entries, refs),
        attributes=_bit_rules(top.table("attributes"), ATTRIBUTES, refs),
        xfam=_xfam_rules(top.table("xfam")),
        config_flags=_bit_rules(top.table("config_flags"), CONFIG_FLAGS, refs),
        td_params=_td_params(top.table("td_params")),
        fms=_fms(top.table("fms")),
        msr_checks=tuple(_msr_check(section, refs) for section in top.tables("msr_check")),
        platform_checks=tuple(_platform_check(section, refs) for section in top.tables("platform_check")),
        early_stepping=_early_stepping(top.table("early_stepping"), refs) if "early_stepping" in top else None,
        arch_capabilities=_arch_capabilities(top.table("arch_capabilities")),
        gates=tuple(_gate(section, refs) for section in top.tables("gate")),
        mirrors=tuple(_mirror(section, refs) for section in top.tables("mirror")),
        equals=tuple(_equal(section, refs) for section in top.tables("equal")),
        needs_msr=tuple(_needs_msr(section, refs) for section in top.tables("needs_msr")),
        computed=_computed_fields(top, refs),
        topology=_topology(top.table("topology"), refs) if "topology" in top else None,
        flags=_flags(top.table("flags"), refs),
        exit=_exit(top, entries, refs),
        msr_defaults=_msr_defaults(top.table("msr_defaults")),
        last_base_leaf=top.hex("last_base_leaf", 32),
        reports_configured_native=top.flag("reports_configured_native"),
        states_maxpa=top.flag("states_maxpa"),
        inferred=tuple(_inferred(section, refs) for section in top.tables("inferred")),
    )
    top.done()
    return module


class _References:
    """Parsers that also ask whether the module has the entry that is spoken of."""

    def __init__(self, leaves: set[Leaf]) -> None:
        self._leaves = leaves

    def leaf(self, text: str) -> Leaf:
        leaf = _written_leaf(text)
        if leaf not in self._leaves:
            raise ValueError(f"there is no entry {text!r} in this file")
        return leaf

    def field(self, text: str) -> Field:
        field = Field.parse(text)
        self.leaf(field.leaf.key)
        return field

    def bit(self, text: str) -> Field:
        field = self.field(text)
        if not field.is_bit:
            raise ValueError(f"{text!r} is not a single bit")
        return field

    def condition(self, *scopes: str) -> Callable[[str], Condition]:
        """The parser of a condition that may ask for these things."""

        def parse_condition(text: str) -> Condition:
            condition = Condition.parse(text)
            if condition.scope not in scopes:
                choices = " or ".join(_EXAMPLES.get(scope, f"{scope}.<name>") for scope in scopes)
                raise ValueError(f"{text!r} is no condition for this; write it as {choices}")
            if condition.field is not None:
                self.leaf(condition.field.leaf.key)
            if condition.scope == "platform" and condition.name not in FACTS:
                raise ValueError(f"{text!r} is no fact of a platform; known are {', '.join(FACTS)}")
            return condition

        return parse_condition


def _written_leaf(text: str) -> Leaf:
    leaf = Leaf.parse(text)
    if leaf.key != text:
        raise ValueError(f"write {leaf.key!r}, lower case without leading zeros")
    return leaf


def _one_of(known: Iterable[str]) -> Callable[[str], str]:
    def parse_one(text: str) -> str:
        if text not in known:
            raise ValueError(unknown(text, known))
        return text

    return parse_one


def _named(names: Iterable[str]) -> Callable[[str], str]:
    return _one_of(tuple(names))


def _entries(top: Section) -> tuple[Entry, ...]:
    tables, verify, differs = top.table("entry"), top.table("verify", False), top.table("lp_differs", False)
    for leaf in ALWAYS_THERE:
        if leaf.key not in tables:
            raise top.error("entry", f"lacks {leaf.key!r}, which every module has")
    entries = []
    for key in tables:
        leaf = _entry_leaf(tables, key)
        mask, value = _verified(verify, key)
        entries.append(Entry(leaf, *_types(tables.table(key)), mask, value, _registers(differs, key)))
    for rest in (verify, differs):
        for key in rest:
            raise rest.error(key, f"there is no entry {key!r} in this file")
    return tuple(entries)


def _entry_leaf(tables: Section, key: str) -> Leaf:
    try:
        return _written_leaf(key)
    except ValueError as error:
        raise tables.error(key, str(error)) from None


def _types(section: Section) -> tuple[int, int, int, int, int]:
    if section.flag("zero"):
        section.done()
        return ALL_ONES, 0, 0, 0, 0
    masks = dict.fromkeys(TYPES, 0)
    for register in Register:
        name = register.name.lower()
        types, seen = section.table(name, required=False), 0
        for kind in TYPES:
            mask = types.hex(kind, 32, default=0)
            if mask & seen:
                raise types.error(kind, f"bits 0x{mask & seen:08x} already have another virtualization type")
            seen |= mask
            masks[kind] |= mask << register.shift
        types.done()
    section.done()
    return masks["fixed0"], masks["fixed1"], masks["configured"], masks["configured_native"], masks["dynamic"]


def _verified(verify: Section, key: str) -> tuple[int, int]:
    section, mask, value = verify.table(key, required=False), 0, 0
    for register in Register:
        want = section.table(register.name.lower(), required=False)
        one, zero = want.hex("one", 32, default=0), want.hex("zero", 32, default=0)
        if one & zero:
            raise want.error("zero", f"bits 0x{one & zero:08x} can't be demanded both 1 and 0")
        mask |= (one | zero) << register.shift
        value |= one << register.shift
        want.done()
    section.done()
    return mask, value


def _registers(tables: Section, key: str) -> int:
    section = tables.table(key, required=False)
    mask = 0
    for register in Register:
        mask |= section.hex(register.name.lower(), 32, default=0) << register.shift
    section.done()
    return mask


def _cpuid_config(top: Section, entries: tuple[Entry, ...], refs: _References) -> tuple[Leaf, ...]:
    leaves = top.parsed_list("cpuid_config", refs.leaf, required=True)
    for entry in entries:
        if entry.configurable and entry.leaf not in leaves:
            raise top.error("cpuid_config", f"entry {entry.leaf.key!r} has configurable bits but is not in this list")
    if len(set(leaves)) != len(leaves):
        raise top.error("cpuid_config", "an entry stands here twice")
    return leaves


def _bit_rules(section: Section, known: Mapping[str, int], refs: _References) -> BitRules:
    needs, condition = section.table("needs", required=False), refs.condition(*PLATFORM_SCOPES)
    rules = BitRules(
        allowed=section.hex("allowed"),
        fixed1=section.hex("fixed1", default=0),
        exclusive=section.lists("exclusive", _named(known)),
        needs=tuple((known[_checked(needs, name, known)], needs.parsed(name, condition)) for name in needs),
    )
    if rules.fixed1 & ~rules.allowed:
        raise section.error("fixed1", "has bits that are not in allowed")
    section.done()
    return rules


def _checked(section: Section, name: str, known: Iterable[str]) -> str:
    if name not in known:
        raise section.error(name, unknown(name, known))
    return name


def _xfam_rules(section: Section) -> XfamRules:
    requires = section.table("requires", required=False)
    rules = XfamRules(
        allowed=section.hex("allowed"),
        fixed1=section.hex("fixed1", default=0),
        together=section.parsed_list("together", lambda text: XFAM[_named(XFAM)(text)]),
        requires=tuple(
            (XFAM[_checked(requires, name, XFAM)], XFAM[requires.parsed(name, _named(XFAM))])
            for name in requires
        ),
    )
    section.done()
    return rules


def _td_params(section: Section) -> TdParamRules:
    tsc = section.take("tsc_frequency", list)
    if len(tsc) != 2 or not all(type(bound) is int for bound in tsc) or not 0 < tsc[0] <= tsc[1]:
        raise section.error("tsc_frequency", "expected two whole numbers, the lowest and the highest")
    rules = TdParamRules(
        max_vcpus=section.number("max_vcpus", 1, 0xFFFF),
        max_l2_vms=section.number("max_l2_vms", 0, 0xFF),
        migratable_with_l2_vms=section.flag("migratable_with_l2_vms"),
        five_level_min_maxpa=section.number("five_level_min_maxpa", 0, 64, None),
        tsc_frequency=(tsc[0], tsc[1]),
    )
    section.done()
    return rules


def _fms(section: Section) -> FmsRules:
    rules = FmsRules(section.parsed_list("models", parse_hex_word, required=True), section.flag("check_default"))
    section.done()
    return rules


def _msr_check(section: Section, refs: _References) -> MsrCheck:
    check = MsrCheck(
        address=section.hex("address", 32),
        ones=section.hex("ones", default=0),
        zeros=section.hex("zeros", default=0),
        before_cpuid=section.flag("before_cpuid"),
        status=section.text("status", "TDX_INCORRECT_MSR_VALUE"),
        when=section.parsed("when", refs.condition(*PLATFORM_SCOPES), None),
        rule=section.text("rule"),
    )
    section.done()
    return check


def _platform_check(section: Section, refs: _References) -> PlatformCheck:
    check = PlatformCheck(
        at=section.parsed_list("at", refs.leaf),
        by=section.parsed("by", _named(PLATFORM_CHECKS)),
        rule=section.text("rule"),
    )
    section.done()
    return check


def _early_stepping(section: Section, refs: _References) -> EarlyStepping:
    rules = EarlyStepping(
        cpus=frozenset(section.parsed_list("cpus", parse_hex_word, required=True)),
        unverified=frozenset(section.parsed_list("unverified", refs.leaf)),
        unsampled=frozenset(section.parsed_list("unsampled", refs.leaf)),
        arch_capabilities_not_required=section.hex("arch_capabilities_not_required", default=0),
    )
    section.done()
    return rules


def _arch_capabilities(section: Section) -> ArchCapabilityRules:
    rules = ArchCapabilityRules(
        configured_and_native=section.hex("configured_and_native", default=0),
        configured_or_native=section.hex("configured_or_native", default=0),
        fixed0=section.hex("fixed0", default=0),
        fixed1=section.hex("fixed1", default=0),
        tsx_ctrl=section.hex("tsx_ctrl", default=0),
    )
    section.done()
    return rules


def _gate(section: Section, refs: _References) -> Gate:
    clears = section.table("clears")
    masks = {}
    for key in clears:
        try:
            leaf = refs.leaf(key)
        except ValueError as error:
            raise clears.error(key, str(error)) from None
        masks[leaf] = _cleared(clears, key)
    needs = section.parsed_list("needs", refs.condition(*GATE_SCOPES), required=True)
    if not needs:
        raise section.error("needs", "expected a condition at least")
    gate = Gate(needs, masks, section.text("rule"))
    section.done()
    return gate


def _cleared(clears: Section, key: str) -> int:
    if not clears.is_text(key):
        return _registers(clears, key)
    clears.parsed(key, _one_of(("all",)))
    return ALL_ONES


def _mirror(section: Section, refs: _References) -> Mirror:
    of = section.parsed("of", refs.condition("ATTRIBUTES"))
    mirror = Mirror(section.parsed("bit", refs.bit), of, section.text("rule"))
    section.done()
    return mirror


def _equal(section: Section, refs: _References) -> Equal:
    bits = section.parsed_list("bits", refs.bit, required=True)
    if len(bits) != 2 or bits[0].leaf != bits[1].leaf:
        raise section.error("bits", "expected two bits of one leaf")
    equal = Equal((bits[0], bits[1]), section.parsed("at", refs.leaf, None), section.text("rule"))
    section.done()
    return equal


def _needs_msr(section: Section, refs: _References) -> NeedsMsr:
    needs = NeedsMsr(
        section.parsed("bit", refs.bit), section.hex("msr", 32), section.hex("mask"), section.text("rule")
    )
    section.done()
    return needs


def _computed_fields(top: Section, refs: _References) -> tuple[Computed, ...]:
    found: list[Computed] = []
    for section in top.tables("computed"):
        computed = _computed(section, refs)
        _disjoint(section, "field", computed.field, [item.field for item in found])
        found.append(computed)
    return tuple(found)


def _disjoint(section: Section, key: str, field: Field, others: Iterable[Field]) -> None:
    """Refuse a field of which an earlier statement speaks already."""
    for other in others:
        if field.leaf == other.leaf and field.mask & other.mask:
            raise section.error(key, f"{field.key} has bits of {other.key}, of which an earlier statement speaks")


def _computed(section: Section, refs: _References) -> Computed:
    computed = Computed(
        section.parsed("field", refs.field), section.parsed("by", _named(COMPUTED)), section.text("rule")
    )
    section.done()
    return computed


def _topology(section: Section, refs: _References) -> TopologyRules:
    rules = TopologyRules(
        configured=section.parsed_list("configured", refs.leaf, required=True),
        derived=section.parsed_list("derived", refs.leaf, required=True),
        numbered=section.flag("numbered"),
        smt_first=section.flag("smt_first"),
        derive=section.parsed("derive", _one_of(("last_valid_level", "last_subleaf"))),
        fill=section.parsed("fill", _one_of(("zero", "index"))),
        rule=section.text("rule"),
    )
    if not rules.configured:
        raise section.error("configured", "expected a sub-leaf at least")
    if len(rules.derived) != 3:
        raise section.error("derived", "expected three sub-leaves")
    section.done()
    return rules


def _flags(section: Section, refs: _References) -> dict[str, Field]:
    return {name: section.parsed(name, refs.bit) for name in section}


def _exit(top: Section, entries: tuple[Entry, ...], refs: _References) -> ExitRules:
    section = top.table("exit")
    needs, condition = section.table("needs", required=False), refs.condition(*GUEST_SCOPES)
    rules = ExitRules(
        extended_limit_native=section.parsed("extended_limit", _one_of(("native", "virtual"))) == "native",
        faulting=frozenset(section.parsed_list("faulting", refs.leaf)),
        zero_leaves=frozenset(section.parsed_list("zero_leaves", parse_hex_word)),
        needs={_leaf_number(needs, key): needs.parsed_list(key, condition) for key in needs},
        dynamic=_dynamic_fields(top, entries, refs),
        guest_bits=_guest_bits(top.table("guest_bits", required=False), refs),
        cleared_by_tsx_ctrl=section.parsed_list("cleared_by_tsx_ctrl", refs.bit),
        native_cache_leaves=frozenset(section.parsed_list("native_cache_leaves", refs.leaf)),
        td_ctls=_mask(section.parsed_list("td_ctls", lambda text: TD_CTLS[_named(TD_CTLS)(text)])),
    )
    section.done()
    return rules


def _mask(masks: Iterable[int]) -> int:
    mask = 0
    for part in masks:
        mask |= part
    return mask


def _leaf_number(section: Section, key: str) -> int:
    try:
        leaf = Leaf.parse(key)
    except ValueError as error:
        raise section.error(key, str(error)) from None
    if leaf.subleaf is not None:
        raise section.error(key, "expected a leaf without a sub-leaf")
    return leaf.leaf


def _dynamic_fields(top: Section, entries: tuple[Entry, ...], refs: _References) -> tuple[Dynamic, ...]:
    """The fields of the run time, which must be just the bits that the entries call dynamic."""
    left = {entry.leaf: entry.dynamic for entry in entries}
    found: list[Dynamic] = []
    for section in top.tables("dynamic"):
        for item in _dynamic(section, refs):
            _disjoint(section, "fields", item.field, [other.field for other in found])
            if item.field.mask & ~left[item.field.leaf]:
                raise section.error("fields", f"{item.field.key} has bits that its entry doesn't call dynamic")
            left[item.field.leaf] &= ~item.field.mask
            found.append(item)
    for leaf, mask in left.items():
        _all_dynamic(top, leaf, mask)
    return tuple(found)


def _all_dynamic(top: Section, leaf: Leaf, left: int) -> None:
    for register in Register:
        if bits := left >> register.shift & WORD:
            where = f"entry.{quoted(leaf.key)}.{register.name.lower()}.dynamic"
            raise data_error(top.source, where, f"bits 0x{bits:08x} are in no [[dynamic]] statement")


def _dynamic(section: Section, refs: _References) -> list[Dynamic]:
    by, rule = section.parsed("by", _named(DYNAMIC)), section.text("rule")
    fields = section.parsed_list("fields", refs.field, required=True)
    section.done()
    return [Dynamic(field, by, rule) for field in fields]


def _guest_bits(section: Section, refs: _References) -> tuple[GuestBit, ...]:
    out = []
    for key in section:
        row = section.table(key)
        try:
            bit = refs.bit(key)
        except ValueError as error:
            raise section.error(key, str(error)) from None
        control = FEATURE_PARAVIRT_CTLS[row.parsed("control", _named(FEATURE_PARAVIRT_CTLS))]
        out.append(GuestBit(bit, control, row.parsed("unreduced", _one_of(("one", "configured"))) == "one"))
        row.done()
    return tuple(out)


def _msr_defaults(section: Section) -> dict[int, int]:
    out = {}
    for key in section:
        value = section.hex(key)
        try:
            out[parse_hex(key, 32)] = value
        except ValueError as error:
            raise section.error(key, str(error)) from None
    return out


def _inferred(section: Section, refs: _References) -> Inferred:
    inferred = Inferred(
        leaves=frozenset(section.parsed_list("leaves", refs.leaf)),
        field=section.parsed("field", refs.field, None),
        mask=section.text("mask", ""),
        rule=section.text("rule", ""),
        because=section.text("because"),
    )
    section.done()
    return inferred
