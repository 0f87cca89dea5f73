"""Write a module as the text of a module file, which reads back as the same module."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tdxtui.cpuid import ALL_ONES, REGISTER_KEYS, Leaf, unpack
from tdxtui.module import Condition, Entry, ExitRules, Gate, Inferred, Module
from tdxtui.module_file.entries import TYPES
from tdxtui.strict import quoted
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, FEATURE_PARAVIRT_CTLS, TD_CTLS, XFAM

Table = dict[str, Any]


def text_of(module: Module, comments: Iterable[str] = ()) -> str:
    """A module's text; `comments` are lines for its head."""
    parts = [*(f"# {line}".rstrip() for line in comments), *_lines(_head(module))]
    for name, table in _tables(module):
        parts += ["", f"[{name}]", *_lines(table)]
    for name, rows in _arrays(module):
        for row in rows:
            parts += ["", f"[[{name}]]", *_lines(row)]
    return "\n".join(parts) + "\n"


def _lines(table: Table) -> list[str]:
    return [f"{quoted(key)} = {_value(value)}" for key, value in table.items()]


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{quoted(key)} = {_value(item)}" for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)  # TOML writes these strings, numbers and booleans as JSON does


def _head(module: Module) -> Table:
    features = {} if module.features0 is None else {"features0": f"{module.features0:#x}"}
    return {
        "version": module.version,
        "evidence": module.evidence,
        "source": module.source,
        **features,
        "cpuid_config": [leaf.key for leaf in module.cpuid_config],
        "last_base_leaf": f"{module.last_base_leaf:#x}",
        "reports_configured_native": module.reports_configured_native,
        "host_reads_zero_leaves": module.host_reads_zero_leaves,
        "states_maxpa": module.states_maxpa,
    }


def _tables(module: Module) -> Iterator[tuple[str, Table]]:
    """The tables that stand once, and one for each entry."""
    yield "attributes", _bit_rules(module.attributes, ATTRIBUTES)
    yield "xfam", _xfam(module)
    yield "config_flags", _bit_rules(module.config_flags, CONFIG_FLAGS)
    yield "td_params", _td_params(module)
    yield "fms", {"models": [f"{model:#x}" for model in module.fms.models], "check_default": module.fms.check_default}
    yield "msr_defaults", {f"{address:#x}": f"{value:#x}" for address, value in module.msr_defaults.items()}
    yield "arch_capabilities", {key: f"{mask:#x}" for key, mask in module.arch_capabilities._asdict().items()}
    yield from _early_stepping(module)
    for entry in module.entries:
        yield f"entry.{quoted(entry.leaf.key)}", _entry(entry)
    for entry in module.entries:
        if entry.verify_mask:
            yield f"verify.{quoted(entry.leaf.key)}", _verify(entry)
    yield "lp_differs", {item.leaf.key: _registers(item.lp_differs) for item in module.entries if item.lp_differs}
    if module.topology:
        topology = module.topology._asdict()
        topology |= {key: [leaf.key for leaf in topology[key]] for key in ("configured", "derived")}
        yield "topology", topology
    yield "flags", {name: field.key for name, field in module.flags.items()}
    yield "exit", _exit(module.exit)
    if module.exit.guest_bits:
        yield "guest_bits", {
            bit.bit.key: {"control": _name(bit.control, FEATURE_PARAVIRT_CTLS),
                          "unreduced": "one" if bit.unreduced_one else "configured"}
            for bit in module.exit.guest_bits
        }


def _arrays(module: Module) -> Iterator[tuple[str, Iterable[Table]]]:
    """The statements, each kind an array of tables in its order."""
    yield "msr_check", ({
        "address": f"{item.address:#x}", "ones": f"{item.ones:#x}", "zeros": f"{item.zeros:#x}",
        "before_cpuid": item.before_cpuid, "status": item.status, **_when(item.when), "rule": item.rule,
    } for item in module.msr_checks)
    yield "platform_check", (
        {"at": _keys(item.at), "by": item.by, "rule": item.rule} for item in module.platform_checks
    )
    yield "gate", map(_gate, module.gates)
    yield "mirror", ({"bit": item.bit.key, "of": item.of.text, "rule": item.rule} for item in module.mirrors)
    yield "equal", ({
        "bits": [bit.key for bit in item.bits], **({"at": item.at.key} if item.at else {}), "rule": item.rule,
    } for item in module.equals)
    yield "needs_msr", ({
        "bit": item.bit.key, "msr": f"{item.msr:#x}", "mask": f"{item.mask:#x}", "rule": item.rule,
    } for item in module.needs_msr)
    yield "computed", ({"field": item.field.key, "by": item.by, "rule": item.rule} for item in module.computed)
    yield "dynamic", ({"fields": [item.field.key], "by": item.by, "rule": item.rule} for item in module.exit.dynamic)
    yield "inferred", map(_inferred, module.inferred)


def _keys(leaves: Iterable[Leaf]) -> list[str]:
    return [leaf.key for leaf in leaves]


def _sorted(leaves: Iterable[Leaf]) -> list[str]:
    return _keys(sorted(leaves, key=lambda leaf: (leaf.leaf, leaf.subleaf or 0)))


def _when(condition: Condition | None) -> Table:
    return {"when": condition.text} if condition else {}


def _name(mask: int, names: Mapping[str, int]) -> str:
    return next(name for name, known in names.items() if known == mask)


def _bit_rules(rules: Any, names: Mapping[str, int]) -> Table:
    needs = {_name(mask, names): condition.text for mask, condition in rules.needs}
    return {
        "allowed": f"{rules.allowed:#x}", "fixed1": f"{rules.fixed1:#x}", "exclusive": rules.exclusive,
        **({"needs": needs} if needs else {}),
    }


def _xfam(module: Module) -> Table:
    return {
        "allowed": f"{module.xfam.allowed:#x}",
        "fixed1": f"{module.xfam.fixed1:#x}",
        "together": [_name(mask, XFAM) for mask in module.xfam.together],
        "requires": {_name(mask, XFAM): _name(other, XFAM) for mask, other in module.xfam.requires},
    }


def _td_params(module: Module) -> Table:
    params = module.td_params._asdict()
    return {key: value for key, value in params.items() if value is not None}


def _early_stepping(module: Module) -> Iterator[tuple[str, Table]]:
    if rules := module.early_stepping:
        yield "early_stepping", {
            "cpus": [f"{cpu:#x}" for cpu in sorted(rules.cpus)],
            "unverified": _sorted(rules.unverified),
            "unsampled": _sorted(rules.unsampled),
            "arch_capabilities_not_required": f"{rules.arch_capabilities_not_required:#x}",
        }


def _entry(entry: Entry) -> Table:
    if entry.fixed0 == ALL_ONES:
        return {"zero": True}
    return _by_register({kind: getattr(entry, kind) for kind in TYPES})


def _verify(entry: Entry) -> Table:
    return _by_register({"one": entry.verify_value, "zero": entry.verify_mask & ~entry.verify_value})


def _by_register(masks: Mapping[str, int]) -> Table:
    """Packed masks by kind as tables by register, without what is empty."""
    words = {kind: unpack(mask) for kind, mask in masks.items()}
    tables = {
        key: {kind: f"{words[kind][place]:#010x}" for kind in words if words[kind][place]}
        for place, key in enumerate(REGISTER_KEYS)
    }
    return {key: table for key, table in tables.items() if table}


def _registers(mask: int) -> Table:
    return {key: f"{word:#010x}" for key, word in zip(REGISTER_KEYS, unpack(mask), strict=True) if word}


def _gate(gate: Gate) -> Table:
    clears = {leaf.key: "all" if mask == ALL_ONES else _registers(mask) for leaf, mask in gate.clears.items()}
    return {"needs": [condition.text for condition in gate.needs], "clears": clears, "rule": gate.rule}


def _exit(rules: ExitRules) -> Table:
    return {
        "extended_limit": "native" if rules.extended_limit_native else "virtual",
        "faulting": _sorted(rules.faulting),
        "zero_leaves": [f"{leaf:#x}" for leaf in sorted(rules.zero_leaves)],
        "td_ctls": [name for name, mask in TD_CTLS.items() if rules.td_ctls & mask],
        "cleared_by_tsx_ctrl": [bit.key for bit in rules.cleared_by_tsx_ctrl],
        "native_cache_leaves": _sorted(rules.native_cache_leaves),
        "needs": {f"{leaf:x}": [condition.text for condition in needs] for leaf, needs in rules.needs.items()},
    }


def _inferred(item: Inferred) -> Table:
    optional: tuple[tuple[str, Any], ...] = (
        ("leaves", _sorted(item.leaves)), ("field", item.field and item.field.key), ("mask", item.mask),
        ("rule", item.rule),
    )
    return {key: value for key, value in optional if value} | {"because": item.because}
