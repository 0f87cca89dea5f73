"""Exported models: a model file with what came of it written down, so that a change of the ground is noticed.

[validated] holds what a VMM hands to TDH.MNG.INIT and what the guest gets, with the digests of the files that said so.
A model file that is edited and saved loses it, since it speaks of the model as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tdxtui import library, model_file
from tdxtui.classify import BitClass, classes_at
from tdxtui.cpuid import ALL_ONES, REGISTER_KEYS, Leaf, unpack
from tdxtui.dump import MAX_FILE_SIZE
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import Situation, evaluate
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.strict import data_error, read_bytes
from tdxtui.td import TdConfig

FEW = 3
NONE = "none"
Record = dict[str, Any]


class Conflicting(TdxtuiError):
    """A model isn't exported, since something of it doesn't come out as wished: the `problems`, a line each."""

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        more = f"; and {len(problems) - FEW} more" if len(problems) > FEW else ""
        super().__init__(f"{name}: {'; '.join(problems[:FEW])}{more}; --allow-conflicts exports it all the same")


def exported(model: VcpuModel, allow_conflicts: bool = False) -> str:
    """The text of a model's file with [validated], the model's own text and comments kept.

    Raises TdxtuiError if the model names no module, or `Conflicting` if something of it doesn't come out as wished
    and `allow_conflicts` is false.
    """
    import tomli_w

    found = record(model)
    if found["conflicts"] and not allow_conflicts:
        raise Conflicting(model.name, found["conflicts"])
    text = model_file.without_record(model)
    found = {key: value for key, value in found.items() if value != []}
    return f"{text.rstrip()}\n\n{tomli_w.dumps({'validated': found})}"


def situation_of(model: VcpuModel) -> Situation:
    """What becomes of a model on the module and CPU that it names; TdxtuiError if it names no module."""
    if not model.module:
        raise TdxtuiError(f"{model.name}: names no module; write module = or give --module")
    module = library.module(model.module)
    has_cpu = model.platform not in ("", NONE)
    return evaluate(model, module, library.platform(model.platform) if has_cpu else None)


def record(model: VcpuModel, situation: Situation | None = None) -> Record:
    """What comes of a model now, as [validated] says it. TdxtuiError for a missing or broken module or platform."""
    situation = situation or situation_of(model)
    module, has_cpu = situation.module, model.platform not in ("", NONE)
    version = {"version": module.version, "evidence": module.evidence}
    return {
        "tool": tool_version(),
        "format": model_file.FORMAT,
        **({"arch_capabilities": f"{situation.td.arch_capabilities:#018x}"} if has_cpu else {}),
        "conflicts": list(problems(situation)),
        "module": {"name": model.module, **version, "sha256": _sha256(library.module_path(model.module))},
        **({"platform": _platform(model.platform)} if has_cpu else {}),
        "td_params": _td_params(situation.td.config) | {key: digest.hex() for key, digest in model.digests.items()},
        "cpuid_config": _cpuid_config(situation),
        "cpuid": [
            _leaf(leaf, value, situation.td.known_at(leaf)) | _guest(module, leaf)
            for leaf, value in situation.td.cpuid().items()
        ],
    }


def tool_version() -> str:
    """The installed version of tdxtui."""
    from importlib.metadata import version

    return version("tdxtui")


def problems(situation: Situation) -> Iterator[str]:
    """What doesn't come out as the model wants, a line each."""
    yield from situation.refusals_elsewhere()
    yield from (f"{refusal.at.key}: {refusal}" for refusal in situation.refusals if refusal.at)
    known = {entry.leaf for entry in situation.module.entries}
    for bit in situation.conflict_bits():
        value = situation.model.wished(bit)
        if value is not None and bit.leaf in known and situation.conflicts.get(bit.leaf, 0) & bit.mask:
            yield f"{bit.key} is wished {value} and is {1 - value}"


def _platform(name: str) -> Record:
    return {"name": name, "sha256": _sha256(library.platform_path(name))}


def _sha256(path: Path) -> str:
    return hashlib.sha256(read_bytes(path, MAX_FILE_SIZE)).hexdigest()


def _td_params(config: TdConfig) -> Record:
    return {
        "attributes": f"{config.attributes:#018x}",
        "xfam": f"{config.xfam:#018x}",
        "max_vcpus": config.max_vcpus,
        "num_l2_vms": config.num_l2_vms,
        "msr_config_ctls": config.msr_config_ctls,
        "eptp_controls": f"{config.eptp_controls:#018x}",
        "config_flags": f"{config.config_flags:#018x}",
        "tsc_frequency": config.tsc_frequency,
        "arch_capabilities_config": f"{config.arch_capabilities_config:#018x}",
    }


def _cpuid_config(situation: Situation) -> list[Record]:
    """CPUID_CONFIG in the module's order; TD_PARAMS has a slot for each, used or not."""
    config = situation.td.config.cpuid_config
    return [_leaf(leaf, config.get(leaf, 0)) for leaf in situation.module.cpuid_config]


def _leaf(leaf: Leaf, value: int, known: int = ALL_ONES) -> Record:
    out: Record = {"leaf": f"{leaf.leaf:#010x}"}
    if leaf.subleaf is not None:
        out["subleaf"] = f"{leaf.subleaf:#010x}"
    out |= _registers("", value & known)
    return out if known == ALL_ONES else out | _registers("known_", known)


def _guest(module: Module, leaf: Leaf) -> Record:
    """Where the guest doesn't simply read what TDH.MNG.INIT gave: #VE by default, or bits of the run time."""
    masks = classes_at(module, leaf).masks
    if BitClass.VE in masks:
        return {"guest": "ve"}
    return {"guest": "run-time"} if {BitClass.DYNAMIC, BitClass.GUEST} & masks.keys() else {}


def _registers(prefix: str, packed: int) -> Record:
    return {f"{prefix}{key}": f"{word:#010x}" for key, word in zip(REGISTER_KEYS, unpack(packed), strict=True)}


def drift(path: Path) -> tuple[list[str], list[str]]:
    """What is otherwise today than the file's [validated] says, a line each, for the model as the file has it now.

    First what comes out otherwise; then what only says where it came from: other versions and digests.

    Raises TdxtuiError for a file without [validated], or if its module or platform can't be had any more.
    """
    model = model_file.load(path)
    if (found := drift_of(model, str(path))) is None:
        raise data_error(str(path), "validated", "is missing; tdxtui export writes it")
    return found


def drift_of(model: VcpuModel, source: str) -> tuple[list[str], list[str]] | None:
    """As `drift`, for a model that was read from `source`; None without [validated]."""
    then = model_file.document_of(model.origin, source).get("validated") if "validated" in model.origin else None
    if then is None:
        return None
    found = list(_differences(then, record(model)))
    return [text for key, text in found if not _is_origin(key)], [text for key, text in found if _is_origin(key)]


def _is_origin(key: str) -> bool:
    return key == "tool" or key.endswith(".sha256")


def _differences(then: Record, now: Record) -> Iterator[tuple[str, str]]:
    flat = [dict(_flat(item)) for item in (then, now)]
    for key in dict.fromkeys([*flat[0], *flat[1]]):
        old, new = (item.get(key, "nothing") for item in flat)
        if old != new:
            yield key, f"{key}: {_shown(key, old)} validated, {_shown(key, new)} now"
    old, new = (item.get("conflicts", []) for item in (then, now))
    yield from (("conflicts", f"new conflict: {problem}") for problem in new if problem not in old)
    yield from (("conflicts", f"no conflict any more: {problem}") for problem in old if problem not in new)


def _shown(key: str, value: object) -> object:
    """A value for people, who need no whole digest to see that it is another one."""
    return f"{str(value)[:12]}..." if key.endswith("sha256") and len(str(value)) == 64 else value


def _flat(record: Record) -> Iterator[tuple[str, object]]:
    """The values of a record but for its conflicts, each with its way; leaves by their names, not their places."""
    for key, value in record.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{inner}", item) for inner, item in value.items())
        elif key in ("cpuid_config", "cpuid"):
            for item in value:
                name = Leaf(int(item["leaf"], 16), int(item["subleaf"], 16) if "subleaf" in item else None).key
                yield from ((f"{key} {name} {inner}", word) for inner, word in item.items() if inner[-1] == "x")
        elif key not in ("conflicts", "format"):
            yield key, value
