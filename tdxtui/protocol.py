"""The JSONL streams that other programs rely on: requests and answers of `resolve` and `guest`."""

from __future__ import annotations

import json
import marshal
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, BinaryIO

from tdxtui import library, runtime
from tdxtui.cpuid import CpuidTable, Leaf, parse_quad, quad
from tdxtui.dynamic import GuestState
from tdxtui.errors import TdxtuiError
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.refusal import Refusal
from tdxtui.resolve import VirtualCpuid, resolve
from tdxtui.strict import shown
from tdxtui.sysinit import Prepared, prepare
from tdxtui.td import TD_CTLS, TdConfig

Answer = dict[str, Any]
MAX_LINE = 4 << 20
MAX_SHOWN = 60
MAX_ERROR = 240
MAX_NATIVES = 256


class BadRequest(TdxtuiError):
    """A request that can't be understood; the text says which key and what was expected."""


def answer_resolve(request: Any) -> Answer:
    """The answer to a request of `resolve --jsonl`; never raises."""
    return _answered(request, _resolve)


def answer_guest(request: Any) -> Answer:
    """The answer to a request of `guest --jsonl`; never raises."""
    return _answered(request, _guest)


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """A file's lines; of one that is too long only the beginning, so that it can't fill the memory."""
    while line := file.readline(MAX_LINE + 1):
        yield line
        while len(line) > MAX_LINE and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE + 1) or b"\n"


def stream(lines: Iterable[bytes], answer: Callable[[Any], Answer]) -> Iterator[Answer]:
    """An answer for each line, in order; blank lines are passed over."""
    for line in lines:
        if line.strip():
            yield _answer_line(line, answer)


def _answer_line(line: bytes, answer: Callable[[Any], Answer]) -> Answer:
    if len(line) > MAX_LINE:
        return {"id": None, "error": f"the line is longer than {MAX_LINE >> 20} MiB"}
    try:
        request = json.loads(line, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        return {"id": None, "error": f"the line is not JSON: {reason}"}
    return answer(request)


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is none of its numbers")


def _finite(text: str) -> float:
    """A number; one that overflows would come back as Infinity, which no JSON reader takes."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{shown(text, MAX_SHOWN)} is too large a number")
    return number


def _answered(request: Any, answer: Callable[[_Object], Answer]) -> Answer:
    identity = request.get("id") if isinstance(request, dict) else None
    try:
        return {"id": identity, **answer(_Object(request, "request"))}
    except TdxtuiError as error:
        return {"id": identity, "error": shown(str(error), MAX_ERROR)}


class _Object:
    """A JSON object: its values by key and kind; the error about one names the way to it."""

    def __init__(self, values: Any, where: str) -> None:
        if not isinstance(values, dict):
            raise BadRequest(f"{where}: expected an object, found {_kind_of(values)}")
        self.values: dict[str, Any] = values
        self._where = "" if where == "request" else f"{where}."

    def error(self, key: str, message: str) -> BadRequest:
        return BadRequest(f"{self._where}{shown(key, MAX_SHOWN)}: {message}")

    def inner(self, key: str) -> _Object:
        return _Object(self.values.get(key, {}), f"{self._where}{key}")

    def objects(self, key: str) -> list[_Object]:
        return [_Object(item, f"{self._where}{key}[{n}]") for n, item in enumerate(self.items(key))]

    def items(self, key: str) -> list[Any]:
        value = self.values.get(key, [])
        if not isinstance(value, list):
            raise self.error(key, f"expected a list, found {_kind_of(value)}")
        return value

    def text(self, key: str) -> str:
        if key not in self.values:
            raise self.error(key, "is missing; expected a string")
        value = self.values[key]
        if not isinstance(value, str):
            raise self.error(key, f"expected a string, found {_kind_of(value)}")
        return value

    def flag(self, key: str, most: int = 1, default: int = 0) -> int:
        value = self.values.get(key, default)
        if not isinstance(value, int) or not 0 <= value <= most:
            raise self.error(key, f"{_shown(value)}: expected a number from 0 to {most}")
        return int(value)

    def hex(self, key: str, default: int, bits: int) -> int:
        return self.number(key, self.values[key], bits) if key in self.values else default

    def number(self, key: str, value: Any, bits: int) -> int:
        number = int(value, 16) if isinstance(value, str) and _HEX.fullmatch(value) else -1
        if number < 0 or number >> bits:
            raise self.error(key, f"{_shown(value)}: expected a hex string of at most {bits} bits")
        return number

    def table(self, key: str) -> CpuidTable:
        """A table of leaves and registers."""
        table, found = CpuidTable(), self.inner(key)
        for leaf, registers in found.values.items():
            try:
                table[Leaf.parse(leaf)] = parse_quad(registers)
            except (TypeError, ValueError) as error:
                raise found._bad_entry(leaf, registers) from error
        return table

    def _bad_entry(self, leaf: str, registers: Any) -> BadRequest:
        try:
            Leaf.parse(leaf)
        except ValueError as error:
            return self.error(leaf, str(error))
        return self.error(leaf, f"{_shown(registers)}: expected 32 hex digits (EAX EBX ECX EDX)")


def _resolve(request: _Object) -> Answer:
    return _result(_virtual_cpuid(request))


def _guest(request: _Object) -> Answer:
    td = _virtual_cpuid(request)
    tsx_ctrl = td.prepared.platform.tsx_ctrl if isinstance(td, VirtualCpuid) and td.prepared.platform else 0
    guests = [_probe(probe, tsx_ctrl) for probe in request.objects("exit")]
    if isinstance(td, Refusal):
        return _result(td)
    return {**_result(td), "exit": [_executed(runtime.cpuid(td, *guest)) for guest in guests]}


def _executed(value: int | None) -> Answer:
    return {"ve": True, "reason": 10} if value is None else {"ve": False, "v": quad(value)}


def _virtual_cpuid(request: _Object) -> VirtualCpuid | Refusal:
    module = library.module(request.text("module"))
    config = _config(request, module)
    prepared = _prepared(request, module)
    return prepared if isinstance(prepared, Refusal) else resolve(prepared, config)


def _prepared(request: _Object, module: Module) -> Prepared | Refusal:
    if "platform" in request.values:
        platform = library.platform(request.text("platform"))
        differs = request.inner("lp_native").table("cpuid")
        return prepare(module, replace(platform, lp_cpuid=differs)) if differs else library.prepared(module, platform)
    # A stream mostly asks about few hosts; what TDH.SYS.INIT makes of one is kept.
    key = id(module), _native_key(request)
    if key not in _natives:
        if len(_natives) >= MAX_NATIVES:
            _natives.clear()
        _natives[key] = module, prepare(module, _platform(request))
    return _natives[key][1]


# The module is kept with what was made on it, so that its id is no other module's.
_natives: dict[tuple[int, bytes], tuple[Module, Prepared | Refusal]] = {}


def _native_key(request: _Object) -> bytes:
    """The host of a request as a key."""
    host = [request.values.get(key) for key in ("native", "lp_native")]
    try:
        return marshal.dumps(host, 2)
    except ValueError:
        raise BadRequest("native: is nested too deeply") from None


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
        "cpuid": dict(zip(module.keys, [f"{value:032x}" for value in td.values], strict=True)),
        "flags": td.flags(),
        "virt_arch_cap": f"{td.arch_capabilities:x}",
    }
    if module.topology is not None:
        answer["topology_enum_configured"] = True
    if td.maxpa is not None:
        answer["virt_maxpa"] = f"{td.maxpa:x}"
    return answer


def _config(request: _Object, module: Module) -> TdConfig:
    params = request.inner("params")
    return TdConfig(
        attributes=request.hex("attributes", 0, 64),
        xfam=request.hex("xfam", 3, 64),
        cpuid_config=_cpuid_config(request, module),
        max_vcpus=params.hex("max_vcpus", 1, 16),
        num_l2_vms=params.hex("num_l2_vms", 0, 8),
        config_flags=params.hex("config_flags", 0, 64),
        eptp_controls=params.hex("eptp_controls", 0x1E, 64),
        tsc_frequency=params.hex("tsc_frequency", 0, 16),
        msr_config_ctls=params.hex("msr_config_ctls", 0, 8),
        arch_capabilities_config=params.hex("ia32_arch_capabilities_config", 0, 64),
    )


def _cpuid_config(request: _Object, module: Module) -> dict[Leaf, int]:
    config = request.table("config")
    for leaf in config:
        if leaf not in module.configurable:
            raise BadRequest(f"config.{leaf.key}: has no slot in CPUID_CONFIG of module {module.version}")
    return config


def _platform(request: _Object) -> Platform:
    native, msrs = request.inner("native"), request.inner("native").inner("msr")
    return Platform(
        name="request",
        cpuid=native.table("cpuid"),
        arch_capabilities=native.hex("arch_cap", 0, 64),
        tsx_ctrl=native.hex("tsx_ctrl", 0, 64),
        msrs={msrs.number(key, key, 32): msrs.hex(key, 0, 64) for key in msrs.values},
        sockets=tuple(native.number(f"sockets[{n}]", fms, 32) for n, fms in enumerate(native.items("sockets"))),
        lp_cpuid=request.inner("lp_native").table("cpuid"),
    )


def _probe(probe: _Object, tsx_ctrl: int) -> tuple[int, int, GuestState]:
    ctls = probe.hex("td_ctls", 0, 64)
    ctls |= TD_CTLS["ENUM_TOPOLOGY"] if probe.flag("enum_topology") else 0
    ctls |= TD_CTLS["VIRT_CPUID2"] if probe.flag("virt_cpuid2") else 0
    guest = GuestState(
        cr4=probe.hex("cr4", 0, 64),
        xcr0=probe.hex("xcr0", 1, 64),
        xss=probe.hex("xss", 0, 64),
        cpl=probe.flag("cpl", 3),
        long_mode=bool(probe.flag("long_mode", default=1)),
        vcpu_index=probe.hex("vcpu", 0, 32),
        x2apic_id=probe.hex("x2apic_id", 0, 32),
        td_ctls=ctls,
        feature_paravirt_ctls=probe.hex("feature_paravirt_ctls", 0, 64),
        tsx_ctrl=tsx_ctrl,
        ve_supervisor=bool(probe.flag("sup_ve")),
        ve_user=bool(probe.flag("user_ve")),
        leaf_ve_supervisor=bool(probe.flag("ctl_sup_ve")),
        leaf_ve_user=bool(probe.flag("ctl_user_ve")),
    )
    if "leaf" not in probe.values:
        raise probe.error("leaf", "is missing; expected a hex string")
    return probe.hex("leaf", 0, 32), probe.hex("subleaf", 0, 32), guest


def _shown(value: Any) -> str:
    return shown(repr(value), MAX_SHOWN)


def _kind_of(value: Any) -> str:
    return _KINDS.get(type(value), "a number")


_KINDS = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
_HEX = re.compile("(?:0[xX])?[0-9a-fA-F]+")
