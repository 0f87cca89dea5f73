"""Two native CPUID tables that every module version accepts, and a short way to ask the engine about them.

``SPR`` and ``GNR`` meet every check of TDH.SYS.INIT from 1.5.06 to 2.0.18: the invalid sub-leaves of 1F carry their
own number (rule G3), the fixed counters of leaf A fit seven (G3, I5), and 23.1.EBX is the bitmap of leaf A (H4, I7).
Values that no TD may see (leaf 9, F, 10, ...) are not zero, so that a leak would show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from tdxtui.classify import rows
from tdxtui.protocol import answer_guest, answer_resolve

# Which section holds from which module on (reading I1).
C = ("1.5.08", "1.5.16", "1.5.28", "1.5.34", "2.0.08", "2.0.18")
D = E = C[1:]
F = C[2:]
G = ("1.5.34", "2.0.18")
H = ("2.0.08", "2.0.18")
BEFORE_C = ("1.5.06",)
BEFORE_D = BEFORE_E = ("1.5.06", "1.5.08")
BEFORE_F = ("1.5.08", "1.5.16")
NOT_G = ("1.5.08", "1.5.16", "1.5.28", "2.0.08")
NOT_H = ("1.5.08", "1.5.16", "1.5.28", "1.5.34")

DEBUG = 1 << 0
PMT_PROF = 1 << 6
ICSSD = 1 << 16
LASS = 1 << 27
SEPT_VE_DISABLE = 1 << 28
MIGRATABLE = 1 << 29
PKS = 1 << 30
TPA = 1 << 62
PERFMON = 1 << 63

GPAW = 1 << 0
MAXPA_VIRT = 1 << 3
MAXGPA_VIRT = 1 << 4
TDX_CONNECT = 1 << 5
SEALING = 1 << 7
FIVE_LEVELS = "26"  # EPTP_CONTROLS: write-back, page-walk length - 1 = 4
FOUR_LEVELS = "1e"

ENUM_TOPOLOGY = 1 << 1
VIRT_CPUID2 = 1 << 2
REDUCE_VE = 1 << 3
ENABLE_HW_KEYS = 1 << 4
LOCK = 1 << 63

ALL_XFAM = "6dbe7"
VE = "#VE"
ZERO = "0" * 32
REGISTERS = ("eax", "ebx", "ecx", "edx")


def q(eax: int = 0, ebx: int = 0, ecx: int = 0, edx: int = 0) -> str:
    """A register quadruple as the streams write it."""
    return f"{eax:08x}{ebx:08x}{ecx:08x}{edx:08x}"


def but(quad: str, **registers: int) -> str:
    """The quadruple with some registers replaced."""
    words = {name: int(quad[8 * i : 8 * i + 8], 16) for i, name in enumerate(REGISTERS)}
    return q(**{**words, **registers})


SPR: dict[str, str] = {
    "0": "00000020756e65476c65746e49656e69",
    "1": "000806f8008008007ffefbffbfebfbff",
    "2": "00feff01000000f00000000000000000",
    "4.0": "fc00412102c0003f0000003f00000000",
    "4.1": "fc00412201c0003f0000003f00000000",
    "4.2": "fc00414303c0003f000007ff00000000",
    "4.3": "fc1fc1630380003f0001ffff00000004",
    "5": "00000040000000400000000300002020",
    "6": "005f8ff7000000020000000900000000",
    "7.0": "00000002f3bfbffffb417ffeffdd4430",
    "7.1": "00001c30000000000000000000000000",
    "7.2": "00000000000000000000000000000017",
    "8": "00000008000000080000000800000008",
    "9": "00000099000000000000000000000000",
    "a": "08300805000000000000000f00008604",
    "c": "0000000c000000000000000000000000",
    "d.0": "000602e700002b0000002b0000000000",
    "d.1": "0000001f000000000001fd0000000000",
    "d.2": "00000100000002400000000000000000",
    "d.5": "00000040000004400000000000000000",
    "d.6": "00000200000004800000000000000000",
    "d.7": "00000400000006800000000000000000",
    "d.8": "00000080000000000000000100000000",
    "d.9": "0000000800000a800000000000000000",
    "d.a": "00000008000000000000000100000000",
    "d.b": "00000010000000000000000100000000",
    "d.c": "00000018000000000000000100000000",
    "d.d": "00000008000000000000000100000000",
    "d.e": "00000030000000000000000100000000",
    "d.f": "00000328000000000000000100000000",
    "d.10": "00000008000000000000000100000000",
    "d.11": "0000004000000ac00000000200000000",
    "d.12": "0000200000000b000000000600000000",
    "f.0": "000000000000009f0000000000000002",
    "f.1": "000000080000a0000000009f00000007",
    "10.0": "000000000000000e0000000000000000",
    "10.1": "0000000e00006000000000040000000e",
    "12.0": "0000040300000001000000000000381f",
    "14.0": "000000010000005f0000000700000000",
    "14.1": "02490002003f3fff0000000000000000",
    "15": "00000002000000a0017d784000000000",
    "16": "00000a28000012c00000006400000000",
    "17": "00000003000000000000000000000000",
    "18.0": "00000008000000000000000000000000",
    "18.1": "00000000000800010000002000004022",
    "18.2": "00000000000800060000000400004022",
    "18.3": "000000000010000f0000000100004125",
    "18.4": "00000000000400010000001000004024",
    "18.5": "00000000000400060000000800004024",
    "18.6": "00000000000800080000000100004124",
    "18.7": "00000000000800070000008000004043",
    "18.8": "00000000000800090000008000004043",
    "1b": "00000001000000010000000000000000",
    "1c": "4000000b000000070000000700000000",
    "1d.0": "00000001000000000000000000000000",
    "1d.1": "04002000000800400000001000000000",
    "1e": "00000000000040100000000000000000",
    "1f.0": "00000001000000020000010000000000",
    "1f.1": "00000007000000780000020100000000",
    "1f.2": "00000000000000000000000200000000",
    "1f.3": "00000000000000000000000300000000",
    "1f.4": "00000000000000000000000400000000",
    "1f.5": "00000000000000000000000500000000",
    "20": "00000001000000010000000000000000",
    "80000000": "80000008000000000000000000000000",
    "80000001": "0000000000000000000001212c100800",
    "80000002": "65746e492952286c6f6558202952286e",
    "80000003": "2d377720353734320000005800000000",
    "80000004": "00000004000000000000000000000000",
    "80000005": "00000005000000000000000000000000",
    "80000006": "00000000000000000800804000000000",
    "80000007": "00000000000000000000000000000100",
    "80000008": "00003934000002000000000000000000",
}

GNR: dict[str, str] = {
    **SPR,
    "0": "00000023756e65476c65746e49656e69",
    "1": "000a06d1008008007ffefbffbfebfbff",
    "4.3": "fc3fc16303c0003f0006bfff00000004",
    "7.0": "00000002f3bfb7effb417ffeffdc4430",
    "7.1": "00601d30000000000000000000004000",
    "7.2": "0000000000000000000000000000003f",
    "15": "00000002000000b8017d784000000000",
    "1a": "40000002000000000000000000000000",
    "1f.1": "00000008000001000000020100000000",
    "23.0": "0000000b000000030000000000000000",
    "23.1": "000000ff0000000f0000000000000000",
    "23.3": "000000ff000000000000000000000000",
}

# Every allow_direct bit of leaf 1 and 7.0; up to 1.5.08, and from 1.5.16 on with the bits that D1 adds.
FULL_OLD = {"1": q(ecx=0x31044D88, edx=0xB8440000), "7.0": q(ebx=0xDC2B9B18, ecx=0x02417F65, edx=0x0005411C)}
FULL = {"1": q(ecx=0x31044D88, edx=0xB8445080), "7.0": q(ebx=0xDC2B9B18, ecx=0x02417F65, edx=0x4005411C)}


def request(
    module: str,
    base: Mapping[str, str] | None = None,
    *,
    cpuid: Mapping[str, str] | None = None,
    native: Mapping[str, Any] | None = None,
    lp: Mapping[str, str] | None = None,
    attributes: int = 0,
    xfam: str = ALL_XFAM,
    config: Mapping[str, str] | None = None,
    probes: Iterable[Mapping[str, Any]] = (),
    **params: str | int,
) -> dict[str, Any]:
    """A request of protocol 1 or 2; `cpuid` replaces leaves of `base`, `params` are TD_PARAMS fields."""
    table = {**(SPR if base is None else base), **(cpuid or {})}
    line: dict[str, Any] = {
        "id": "rule",
        "module": module,
        "native": {"cpuid": table, "arch_cap": "130fdeb", **(native or {})},
        "attributes": f"{attributes:x}",
        "xfam": xfam,
        "config": dict(config or {}),
        "params": {"tsc_frequency": "50"} | {k: v if isinstance(v, str) else f"{v:x}" for k, v in params.items()},
    }
    if lp is not None:
        line["lp_native"] = {"cpuid": dict(lp)}
    if probes:
        line["exit"] = [dict(probe) for probe in probes]
    return line


def resolve(module: str, *args: Any, **changes: Any) -> dict[str, Any]:
    """The answer to a request."""
    return answer_resolve(request(module, *args, **changes))


def virtual(module: str, *args: Any, **changes: Any) -> dict[str, str]:
    """The virtual CPUID of a TD that must be accepted."""
    answer = resolve(module, *args, **changes)
    assert answer["status"] == "TDX_SUCCESS", answer
    quads: dict[str, str] = answer["cpuid"]
    return quads


def reg(quads: Mapping[str, str], name: str) -> str:
    """One register of a table of quadruples, as eight digits: ``reg(quads, "7.1.eax")``."""
    key, _, register = name.rpartition(".")
    at = 8 * REGISTERS.index(register)
    return quads[key][at : at + 8]


def bit(quads: Mapping[str, str], name: str) -> int:
    """One bit of a table of quadruples: ``bit(quads, "1.edx.7")``."""
    register, _, number = name.rpartition(".")
    return int(reg(quads, register), 16) >> int(number) & 1


def verdict(module: str, *args: Any, **changes: Any) -> tuple[str, ...]:
    """``("TDX_SUCCESS",)``, or the error class, the place, and the operand or MSR where there is one."""
    answer = resolve(module, *args, **changes)
    if answer["status"] in ("TDX_SUCCESS", "FATAL_ERROR"):
        return (answer["status"],)
    return answer["status"], answer["at"] or "-", *(str(answer[key]) for key in ("operand", "msr") if key in answer)


def stage(module: str, *args: Any, **changes: Any) -> str:
    """The SEAMCALL that refuses."""
    name: str = resolve(module, *args, **changes)["stage"]
    return name


SUCCESS = ("TDX_SUCCESS",)
FATAL = ("FATAL_ERROR",)
BAD_ATTRIBUTES = ("TDX_OPERAND_INVALID", "-", "ATTRIBUTES")
BAD_XFAM = ("TDX_OPERAND_INVALID", "-", "XFAM")
BAD_CONFIG_FLAGS = ("TDX_OPERAND_INVALID", "-", "EXEC_CONTROLS")
BAD_EPTP = ("TDX_OPERAND_INVALID", "-", "EPTP_CONTROLS")
BAD_1F = ("TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED", "-")


def bad_config(at: str = "-") -> tuple[str, ...]:
    """The refusal of a CPUID_CONFIG entry."""
    return "TDX_OPERAND_INVALID", at, "CPUID_CONFIG"


def bad_native(at: str) -> tuple[str, ...]:
    """The refusal of a platform's CPUID value."""
    return "TDX_INCORRECT_CPUID_VALUE", at


def bad_lp(at: str) -> tuple[str, ...]:
    """The refusal of a logical processor that differs."""
    return "TDX_INCONSISTENT_CPUID_FIELD", at


def probe(leaf: int, subleaf: int = 0, *, td_ctls: int = 0, paravirt: int = 0, **changes: Any) -> dict[str, Any]:
    """One execution of CPUID by the guest."""
    usual: dict[str, Any] = {
        "leaf": f"{leaf:x}",
        "subleaf": f"{subleaf:x}",
        "cr4": "0",
        "xcr0": "3",
        "xss": "0",
        "vcpu": "0",
        "x2apic_id": "0",
        "td_ctls": f"{td_ctls:x}",
        "feature_paravirt_ctls": f"{paravirt:x}",
        "cpl": 0,
        "long_mode": True,
        "sup_ve": 0,
        "user_ve": 0,
        "ctl_sup_ve": 0,
        "ctl_user_ve": 0,
    }
    return usual | changes


def reads(module: str, *probes: Mapping[str, Any], **changes: Any) -> list[str]:
    """What the guest reads, probe by probe: a quadruple or ``VE``."""
    answer = answer_guest(request(module, probes=probes, **changes))
    assert answer["status"] == "TDX_SUCCESS", answer
    assert len(answer["exit"]) == len(probes)
    for got in answer["exit"]:
        assert not got["ve"] or got == {"ve": True, "reason": 10}
    return [VE if got["ve"] else got["v"] for got in answer["exit"]]


def read(module: str, leaf: int, subleaf: int = 0, *, td: Mapping[str, Any] | None = None, **how: Any) -> str:
    """What the guest reads from one leaf; `td` are changes of the request, the rest changes of the probe."""
    return reads(module, probe(leaf, subleaf, **how), **(td or {}))[0]


@cache
def every_row(module: str, platform: str | None) -> list[dict[str, Any]]:
    """All rows of a module, asked for once."""
    return rows(module, platform)


def row(module: str, name: str, platform: str | None = None) -> dict[str, Any]:
    """The row of protocol 4 that holds a bit: ``row("1.5.16", "7.1.edx.14")``."""
    parts = name.split(".")
    leaf, subleaf = int(parts[0], 16), int(parts[1], 16) if len(parts) == 4 else None
    register, number = parts[-2], int(parts[-1])
    found = [
        r
        for r in every_row(module, platform)
        if (r["leaf"], r["subleaf"], r["register"]) == (leaf, subleaf, register) and r["msb"] >= number >= r["lsb"]
    ]
    assert len(found) == 1, (name, found)
    return found[0]


def classes(module: str, *names: str) -> set[str]:
    """The classes of some bits."""
    return {str(row(module, name)["class"]) for name in names}
