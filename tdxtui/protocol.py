"""The JSONL streams that other programs rely on: requests and answers of `resolve` and `guest`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tdxtui import library, runtime
from tdxtui.cpuid import CpuidTable, Leaf, parse_quad, quad
from tdxtui.dynamic import GuestState
from tdxtui.errors import TdxtuiError
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.refusal import Refusal
from tdxtui.resolve import VirtualCpuid, resolve
from tdxtui.sysinit import Prepared, prepare
from tdxtui.td import TD_CTLS, TdConfig

Answer = dict[str, Any]
MAX_LINE = 4 << 20


class BadRequest(TdxtuiError):
    """A request that can't be understood; the text says which key and what was expected."""


def answer_resolve(request: Any) -> Answer:
    """The answer to a request of `resolve --jsonl`; never raises."""
    return _answered(request, _resolve)


def answer_guest(request: Any) -> Answer:
    """The answer to a request of `guest --jsonl`; never raises."""
    return _answered(request, _guest)


def stream(lines: Iterable[bytes], answer: Callable[[Any], Answer]) -> Iterator[Answer]:
    """An answer for each line, in order; blank lines are passed over."""
    for line in lines:
        if line.strip():
            yield _answer_line(line, answer)


def _answer_line(line: bytes, answer: Callable[[Any], Answer]) -> Answer:
    if len(line) > MAX_LINE:
        return {"id": None, "error": f"the line is longer than {MAX_LINE >> 20} MiB"}
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        return {"id": None, "error": f"the line is not JSON: {reason}"}
    return answer(request)


def _answered(request: Any, answer: Callable[[Mapping[str, Any]], Answer]) -> Answer:
    identity = request.get("id") if isinstance(request, dict) else None
    try:
        return {"id": identity, **answer(_mapping(request, "request"))}
    except TdxtuiError as error:
        return {"id": identity, "error": " ".join(str(error).split())}


def _resolve(request: Mapping[str, Any]) -> Answer:
    return _result(_virtual_cpuid(request))


def _guest(request: Mapping[str, Any]) -> Answer:
    td = _virtual_cpuid(request)
    probes = request.get("exit", [])
    if not isinstance(probes, list):
        raise BadRequest("exit: expected a list of probes")
    native = _mapping(request.get("native", {}), "native")
    tsx_ctrl = td.prepared.platform.tsx_ctrl if isinstance(td, VirtualCpuid) and td.prepared.platform else 0
    guests = [_probe(_mapping(probe, f"exit[{n}]"), f"exit[{n}]", tsx_ctrl) for n, probe in enumerate(probes)]
    del native
    if isinstance(td, Refusal):
        return _result(td)
    return {**_result(td), "exit": [_executed(runtime.cpuid(td, *guest)) for guest in guests]}


def _executed(value: int | None) -> Answer:
    return {"ve": True, "reason": 10} if value is None else {"ve": False, "v": quad(value)}


def _virtual_cpuid(request: Mapping[str, Any]) -> VirtualCpuid | Refusal:
    module = library.module(_text(request, "module"))
    config = _config(request, module)
    prepared = _prepared(request, module)
    return prepared if isinstance(prepared, Refusal) else resolve(prepared, config)


def _prepared(request: Mapping[str, Any], module: Module) -> Prepared | Refusal:
    if "platform" in request:
        return library.prepared(module, library.platform(_text(request, "platform")))
    return prepare(module, _platform(request))


def _result(td: VirtualCpuid | Refusal) -> Answer:
    return _refused(td) if isinstance(td, Refusal) else _success(td)


def _refused(refusal: Refusal) -> Answer:
    answer: Answer = {"status": refusal.status, "stage": refusal.stage}
    if not refusal.fatal:
        answer["at"] = refusal.at and refusal.at.key
    if refusal.operand is not None:
        answer["operand"] = refusal.operand
    if refusal.msr is not None:
        answer["msr"] = f"{refusal.msr:x}"
    if refusal.detail is not None:
        answer["detail"] = f"{refusal.detail:x}"
    return answer


def _success(td: VirtualCpuid) -> Answer:
    module = td.module
    answer: Answer = {
        "status": "TDX_SUCCESS",
        "at": None,
        "cpuid": dict(zip(_keys(module), map(quad, td.values), strict=True)),
        "flags": td.flags(),
        "virt_arch_cap": f"{td.arch_capabilities:x}",
    }
    if module.topology is not None:
        answer["topology_enum_configured"] = True
    if td.maxpa is not None:
        answer["virt_maxpa"] = f"{td.maxpa:x}"
    return answer


def _keys(module: Module) -> tuple[str, ...]:
    return tuple(entry.leaf.key for entry in module.entries)


def _config(request: Mapping[str, Any], module: Module) -> TdConfig:
    params = _mapping(request.get("params", {}), "params")
    return TdConfig(
        attributes=_hex(request, "attributes", 0, 64),
        xfam=_hex(request, "xfam", 3, 64),
        cpuid_config=_cpuid_config(request, module),
        max_vcpus=_hex(params, "max_vcpus", 1, 16),
        num_l2_vms=_hex(params, "num_l2_vms", 0, 8),
        config_flags=_hex(params, "config_flags", 0, 64),
        eptp_controls=_hex(params, "eptp_controls", 0x1E, 64),
        tsc_frequency=_hex(params, "tsc_frequency", 0, 16),
        msr_config_ctls=_hex(params, "msr_config_ctls", 0, 8),
        arch_capabilities_config=_hex(params, "ia32_arch_capabilities_config", 0, 64),
    )


def _cpuid_config(request: Mapping[str, Any], module: Module) -> dict[Leaf, int]:
    config = _table(request.get("config", {}), "config")
    for leaf in config:
        if leaf not in module.configurable:
            raise BadRequest(f"config: {leaf.key!r} has no slot in CPUID_CONFIG of module {module.version}")
    return config


def _platform(request: Mapping[str, Any]) -> Platform:
    native = _mapping(request.get("native", {}), "native")
    sockets = native.get("sockets", [])
    if not isinstance(sockets, list):
        raise BadRequest("native.sockets: expected a list of hex strings")
    return Platform(
        name="request",
        cpuid=_table(native.get("cpuid", {}), "native.cpuid"),
        arch_capabilities=_hex(native, "arch_cap", 0, 64),
        tsx_ctrl=_hex(native, "tsx_ctrl", 0, 64),
        msrs=_msrs(_mapping(native.get("msr", {}), "native.msr")),
        sockets=tuple(_number(fms, "native.sockets", 32) for fms in sockets),
        lp_cpuid=_table(_mapping(request.get("lp_native", {}), "lp_native").get("cpuid", {}), "lp_native.cpuid"),
    )


def _msrs(msrs: Mapping[str, Any]) -> dict[int, int]:
    return {_number(key, "native.msr", 32): _hex(msrs, key, 0, 64) for key in msrs}


def _probe(probe: Mapping[str, Any], where: str, tsx_ctrl: int) -> tuple[int, int, GuestState]:
    ctls = _hex(probe, "td_ctls", 0, 64)
    ctls |= TD_CTLS["ENUM_TOPOLOGY"] if _flag(probe, "enum_topology") else 0
    ctls |= TD_CTLS["VIRT_CPUID2"] if _flag(probe, "virt_cpuid2") else 0
    guest = GuestState(
        cr4=_hex(probe, "cr4", 0, 64),
        xcr0=_hex(probe, "xcr0", 1, 64),
        xss=_hex(probe, "xss", 0, 64),
        cpl=_flag(probe, "cpl", 3),
        long_mode=bool(_flag(probe, "long_mode", default=1)),
        vcpu_index=_hex(probe, "vcpu", 0, 32),
        x2apic_id=_hex(probe, "x2apic_id", 0, 32),
        td_ctls=ctls,
        feature_paravirt_ctls=_hex(probe, "feature_paravirt_ctls", 0, 64),
        tsx_ctrl=tsx_ctrl,
        ve_supervisor=bool(_flag(probe, "sup_ve")),
        ve_user=bool(_flag(probe, "user_ve")),
        leaf_ve_supervisor=bool(_flag(probe, "ctl_sup_ve")),
        leaf_ve_user=bool(_flag(probe, "ctl_user_ve")),
    )
    if "leaf" not in probe:
        raise BadRequest(f"{where}.leaf: is missing; expected a hex string")
    return _hex(probe, "leaf", 0, 32), _hex(probe, "subleaf", 0, 32), guest


def _table(value: Any, where: str) -> CpuidTable:
    table = CpuidTable()
    for key, registers in _mapping(value, where).items():
        try:
            table[Leaf.parse(key)] = parse_quad(registers)
        except (ValueError, TypeError, AttributeError):
            raise BadRequest(f"{where}: {key!r} = {registers!r:.60}: expected a leaf and 32 hex digits") from None
    return table


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest(f"{where}: expected an object, found {type(value).__name__}")
    return value


def _text(request: Mapping[str, Any], key: str) -> str:
    value = request.get(key)
    if not isinstance(value, str):
        raise BadRequest(f"{key}: expected a string")
    return value


def _flag(request: Mapping[str, Any], key: str, most: int = 1, default: int = 0) -> int:
    value = request.get(key, default)
    if not isinstance(value, int) or not 0 <= value <= most:
        raise BadRequest(f"{key}: expected a number from 0 to {most}")
    return int(value)


def _hex(request: Mapping[str, Any], key: str, default: int, bits: int) -> int:
    return default if key not in request else _number(request[key], key, bits)


def _number(value: Any, where: str, bits: int) -> int:
    try:
        number = int(value, 16) if isinstance(value, str) else -1
    except ValueError:
        number = -1
    if number < 0 or number >> bits:
        raise BadRequest(f"{where}: {value!r:.60}: expected a hex string of at most {bits} bits")
    return number
