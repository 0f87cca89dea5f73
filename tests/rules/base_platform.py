"""A CPU for the rules of 1.5.01, 1.5.05 and 1.5.06, and a short way to ask the engine about it.

``CPU`` is a Sapphire Rapids on which every bit that TDH.SYS.INIT leaves open is 1 and every leaf that no TD may see
holds noise: whatever a rule clears or replaces shows. Bits and fields are written as the program does: ``7.0.ebx.16``,
``80000008.eax[15:8]``, ``1.eax``.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

from tdxtui import library
from tdxtui.cpuid import CpuidTable, Field, Leaf, parse_quad, quad
from tdxtui.platform import Platform
from tdxtui.protocol import answer_guest, answer_resolve
from tdxtui.resolve import VirtualCpuid
from tdxtui.resolve import resolve as resolve_td
from tdxtui.sysinit import Prepared, prepare
from tdxtui.td import TdConfig

BASE = ("1.5.01", "1.5.05", "1.5.06")
LATER = BASE[1:]

DEBUG = 1 << 0
ICSSD = 1 << 16
LASS = 1 << 27
SEPT_VE_DISABLE = 1 << 28
MIGRATABLE = 1 << 29
PKS = 1 << 30
KL = 1 << 31
PERFMON = 1 << 63

X87_SSE = 0x3
AVX = 0x4
AVX512 = 0xE0
PT = 0x100
PKRU = 0x200
CET = 0x1800
UINTR = 0x4000
LBR = 0x8000
AMX = 0x60000
ALL_XFAM = 0x6DBE7

GPAW = 1
MAXPA_VIRT = 8
FOUR_LEVELS, FIVE_LEVELS = 0x1E, 0x26

ARCH_CAPABILITIES = 0x20FD6B | 1 << 7  # the bits that rule 1.1 demands, and TSX_CTRL
SUCCESS = "TDX_SUCCESS"
VE = "#VE"


def q(eax: int = 0, ebx: int = 0, ecx: int = 0, edx: int = 0) -> str:
    """A register quadruple as the streams write it."""
    return f"{eax:08x}{ebx:08x}{ecx:08x}{edx:08x}"


def noise(leaf: int) -> str:
    """Four registers that tell where they come from."""
    return q(*(leaf << 8 & 0xFFFF00 | 0xA5000000 | register for register in (0xA, 0xB, 0xC, 0xD)))


ONES = "f" * 32
CPU: dict[str, str] = {
    **{f"{leaf:x}": noise(leaf) for leaf in (3, 8, 9, 0xB, 0xC, 0xE, 0xF, 0x10, 0x11, 0x12, 0x13, 0x16, 0x17, 0x18)},
    **{f"{leaf:x}": noise(leaf) for leaf in (0x19, 0x1A, 0x1B, 0x1E, 0x20, 0x21, 0x22, 0x24)},
    **{f"{leaf:x}": noise(leaf) for leaf in (0x80000002, 0x80000003, 0x80000004, 0x80000005)},
    "0": q(0x24, 0x756E6547, 0x6C65746E, 0x49656E69),
    "1": q(0x000806F8, 0x5A800877, 0xFFFFFFFF, 0xFFFFFFFF),
    "2": q(0x00FEFF41, 0xB2, 0xF0, 0xD2),
    "4.0": "fc00412102c0003f0000003f00000000",
    "4.1": "fc00412201c0003f0000003f00000000",
    "4.2": "fc00414303c0003f000007ff00000000",
    "4.3": "fc1fc1630380003f0001ffff00000004",
    "4.4": q(0xFFFFFFE0, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
    "5": q(0xF5A10040, 0xF5B10080, 0xF5C10003, 0xF5D12020),
    "6": q(0x005F8FF7, 0xA602, 0xA609, 0xA60D),
    "7.0": q(2, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFDDFF),
    "7.1": ONES,
    "7.2": ONES,
    "a": q(0x08300805, 0x0AB0000B, 0x0000000F, 0xFFFF9FE4),
    "b.0": "00000001000000020000010000000011",
    "b.1": "00000007000000780000020100000011",
    "b.2": "00000000000000000000000200000011",
    "d.0": q(0x602E7, 0x2B00, 0x2B00, 0xD0D),
    "d.1": q(0x1F, 0x988, 0x1FD00, 0xD1D),
    "d.2": q(0x100, 0x240, 0, 0xD2D),
    "d.5": q(0x40, 0x440, 0, 0xD5D),
    "d.6": q(0x200, 0x480, 0, 0xD6D),
    "d.7": q(0x400, 0x680, 0, 0xD7D),
    "d.8": q(0x80, 0, 1, 0xD8D),
    "d.9": q(0x8, 0xA80, 0, 0xD9D),
    "d.a": q(0x8, 0, 1, 0xDAD),
    "d.b": q(0x10, 0, 1, 0xDBD),
    "d.c": q(0x18, 0, 1, 0xDCD),
    "d.d": q(0x8, 0, 1, 0xDDD),
    "d.e": q(0x30, 0, 1, 0xDED),
    "d.f": q(0x328, 0, 1, 0xDFD),
    "d.10": q(0x8, 0, 1, 0xD10D),
    "d.11": q(0x40, 0xAC0, 2, 0xD11D),
    "d.12": q(0x2000, 0xB00, 6, 0xD12D),
    "14.0": q(1, 0xFFFFFFFF, 0xFFFFFFFF, 0x140D),
    "14.1": q(0x0249FFFA, 0x003F3FFF, 0x141C, 0x141D),
    "15": q(2, 0xA0, 25_000_000, 0x15D),
    "1c": q(0x4000000B, 7, 7, 0x1CD),
    "1d.0": q(1, 0x1DB, 0x1DC, 0x1DD),
    "1d.1": q(0x04002000, 0x00080040, 0x10, 0x11DD),
    "1f.0": q(1, 2, 0x100, 0x11),
    "1f.1": q(7, 0x78, 0x201, 0x11),
    **{f"1f.{number}": q(0, 0, number, 0x11) for number in (2, 3, 4, 5)},
    "23.0": q(0xB, 3, 0x230C, 0x230D),
    "23.1": q(0xFF, 0xF, 0x231C, 0x231D),
    "23.2": noise(0x2302),
    "23.3": q(0x23FF, 0x233B, 0x233C, 0x233D),
    "80000000": q(0x80000008, 0x80B, 0x80C, 0x80D),
    "80000001": q(0x81A, 0x81B, 0xFFFFFFFF, 0xFFFFFFFF),
    "80000006": q(0x86A, 0x86B, 0x08008040, 0x86D),
    "80000007": q(0x87A, 0x87B, 0x87C, 0xFFFFFFFF),
    "80000008": q(0x5A2C3934, 0xFFFFFFFF, 0x88C, 0x88D),
}

Fields = Mapping[str, int]
Answer = dict[str, Any]


def changed(quads: Mapping[str, str], fields: Fields) -> dict[str, str]:
    """Quadruples with some fields set; a leaf that isn't there starts from zeros."""
    table = dict(quads)
    for name, value in fields.items():
        field = Field.parse(name)
        key = field.leaf.key
        table[key] = quad(field.put(parse_quad(table.get(key, "0" * 32)), value))
    return table


def cpu(fields: Fields | None = None, without: Sequence[str] = (), **leaves: str) -> dict[str, str]:
    """``CPU`` with fields changed, leaves left out, and others replaced."""
    return {key: value for key, value in changed({**CPU, **leaves}, fields or {}).items() if key not in without}


def request(
    module: str,
    native: Fields | None = None,
    *,
    table: Mapping[str, str] | None = None,
    config: Fields | None = None,
    attributes: int = 0,
    xfam: int = ALL_XFAM,
    lp: Mapping[str, str] | None = None,
    probes: Sequence[Mapping[str, Any]] = (),
    arch_cap: int = ARCH_CAPABILITIES,
    platform: Mapping[str, Any] | None = None,
    **params: int,
) -> Answer:
    """A request of protocol 1 or 2. `native` and `config` are fields, `platform` more keys of ``native``."""
    line: Answer = {
        "id": "rule",
        "module": module,
        "native": {
            "cpuid": changed(CPU if table is None else table, native or {}),
            "arch_cap": f"{arch_cap:x}",
            **(platform or {}),
        },
        "attributes": f"{attributes:x}",
        "xfam": f"{xfam:x}",
        "config": changed({}, config or {}),
        "params": {name: f"{value:x}" for name, value in {"tsc_frequency": 80, **params}.items()},
    }
    if lp is not None:
        line["lp_native"] = {"cpuid": dict(lp)}
    if probes:
        line["exit"] = list(probes)
    return line


def resolve(module: str, native: Fields | None = None, **changes: Any) -> Answer:
    """The answer to a request."""
    return answer_resolve(request(module, native, **changes))


class Values(dict[str, str]):
    """A TD's virtual CPUID by key; `get_field` reads a field."""

    def field(self, name: str) -> int:
        """The value of a field, ``values.field("7.0.ebx.16")``."""
        field = Field.parse(name)
        return field.get(parse_quad(self[field.leaf.key]))


def values(module: str, native: Fields | None = None, **changes: Any) -> Values:
    """The virtual CPUID of a TD that must be accepted."""
    answer = resolve(module, native, **changes)
    assert answer.get("status") == SUCCESS, answer
    return Values(answer["cpuid"])


def flags(module: str, native: Fields | None = None, **changes: Any) -> set[str]:
    """The flags of a TD that must be accepted."""
    answer = resolve(module, native, **changes)
    assert answer.get("status") == SUCCESS, answer
    return set(answer["flags"])


def verdict(module: str, native: Fields | None = None, **changes: Any) -> str:
    """``TDX_SUCCESS``, or SEAMCALL, status and what is named: ``TDH.MNG.INIT TDX_OPERAND_INVALID XFAM``."""
    answer = resolve(module, native, **changes)
    assert "error" not in answer, answer
    if answer["status"] == SUCCESS:
        return SUCCESS
    words = [answer["stage"], answer["status"]]
    words += [answer["operand"]] if "operand" in answer else []
    words += [f"{key} {answer[key]}" for key in ("msr", "detail", "at") if answer.get(key) is not None]
    return " ".join(words)


def each(bits: Iterable[int], judged: Callable[[int], str], legal: Container[int], refused: str) -> None:
    """Assert that those bits that are legal succeed one by one, and all others are refused in the same way."""
    verdicts = {bit: judged(bit) for bit in bits}
    assert verdicts == {bit: SUCCESS if bit in legal else refused for bit in verdicts}


def invalid(operand: str) -> str:
    """The verdict on a bad TD_PARAMS field."""
    return f"TDH.MNG.INIT TDX_OPERAND_INVALID {operand}"


def bad_config(at: str | None) -> str:
    """The verdict on a bad CPUID_CONFIG entry; without `at` RCX is 0."""
    return invalid("CPUID_CONFIG") + (f" at {at}" if at else "")


def bad_native(at: str) -> str:
    """The verdict on a CPU with a wrong value."""
    return f"TDH.SYS.INIT TDX_INCORRECT_CPUID_VALUE at {at}"


def bad_msr(msr: str, stage: str = "TDH.SYS.INIT") -> str:
    """The verdict on a CPU with a wrong MSR."""
    return f"{stage} TDX_INCORRECT_MSR_VALUE msr {msr}"


INIT_SHUTDOWN, TD_SHUTDOWN = "TDH.SYS.INIT FATAL_ERROR", "TDH.MNG.INIT FATAL_ERROR"
BAD_1F = "TDH.MNG.INIT TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED"


def probe(leaf: int, subleaf: int = 0, **state: Any) -> dict[str, Any]:
    """One execution of CPUID by the guest; numbers of `state` that the protocol wants in hex become hex."""
    as_number = {"cpl", "long_mode", "sup_ve", "user_ve", "ctl_sup_ve", "ctl_user_ve", "enum_topology", "virt_cpuid2"}
    words = {key: value if key in as_number else f"{value:x}" for key, value in state.items()}
    return {"leaf": f"{leaf:x}", "subleaf": f"{subleaf:x}", **words}


def reads(module: str, *probes: Mapping[str, Any], **changes: Any) -> list[str]:
    """What the guest of an accepted TD reads, probe by probe: a quadruple or ``VE``."""
    answer = answer_guest(request(module, probes=probes, **changes))
    assert answer.get("status") == SUCCESS, answer
    assert all(not got["ve"] or got == {"ve": True, "reason": 10} for got in answer["exit"])
    return [VE if got["ve"] else got["v"] for got in answer["exit"]]


def read(module: str, leaf: int, subleaf: int = 0, *, td: Mapping[str, Any] | None = None, **state: Any) -> str:
    """What the guest reads of one leaf; `td` are changes of the request."""
    return reads(module, probe(leaf, subleaf, **state), **(td or {}))[0]


def prepared(module: str, native: Fields | None = None) -> Prepared:
    """The module on the CPU, through the library."""
    found = prepare(library.module(module), Platform("rule", CpuidTable.from_quads(cpu(native)), ARCH_CAPABILITIES))
    assert isinstance(found, Prepared), found
    return found


def virtual(module: str, config: TdConfig, native: Fields | None = None) -> VirtualCpuid:
    """A TD that must be accepted, through the library."""
    td = resolve_td(prepared(module, native), config)
    assert isinstance(td, VirtualCpuid), td
    return td


def packed(fields: Fields) -> dict[Leaf, int]:
    """Packed leaves with some fields set."""
    return CpuidTable.from_quads(changed({}, fields))
