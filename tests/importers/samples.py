"""Small files of every format, written here from a built-in platform or module, and where real ones may lie."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from tdxtui import library
from tdxtui.cpuid import REGISTER_KEYS, CpuidTable, Field, Leaf, quad, unpack
from tdxtui.intel_table.kinds import Kind, kinds
from tdxtui.intel_table.runs import runs
from tdxtui.module import Module

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
DUMPS = sorted((SHARED / "dumps").glob("*.txt"))
# PCONFIG's leaf has sub-leaves, which tools show and the built-in platform, where no module looks, does not.
HOST = CpuidTable((Leaf(0x1B, 0) if leaf == Leaf(0x1B) else leaf, value)
                  for leaf, value in library.platform("granite-rapids").cpuid.items())
CAPABILITIES = {Leaf(1): 0x0FFF3FFF << 96, Leaf(7, 0): 0x18 << 64 | 0x20, Leaf(0x80000008): 0xFF00FF << 96}

Row = tuple[Leaf, tuple[int, int, int, int]]


def rows(table: CpuidTable = HOST) -> list[Row]:
    """The entries with their four registers."""
    return [(leaf, unpack(value)) for leaf, value in table.items()]


def cpuid_r(numbers: Iterable[int | None] = (None,), table: CpuidTable = HOST) -> bytes:
    """As `cpuid -r` prints one logical CPU (-1) or several."""
    out = []
    for number in numbers:
        out.append("CPU:" if number is None else f"CPU {number}:")
        for leaf, (eax, ebx, ecx, edx) in rows(table):
            place = f"0x{leaf.leaf:08x} 0x{leaf.subleaf or 0:02x}"
            out.append(f"   {place}: eax=0x{eax:08x} ebx=0x{ebx:08x} ecx=0x{ecx:08x} edx=0x{edx:08x}")
    return ("\n".join(out) + "\n").encode()


def instlatx64(
    tables: Iterable[CpuidTable] = (HOST, HOST), end: str = "\n", msrs: str = "0000-0000-2DA9-FDEB"
) -> bytes:
    """As AIDA64 writes it: CPUID of each logical CPU, then the MSRs of each."""
    out, count = [], 0
    for number, table in enumerate(tables):
        out += [f"------[ CPUID Registers / Logical CPU #{number} ]------", "", "allcpu: Package 0: Valid", ""]
        for leaf, words in rows(table):
            subleaf = "" if leaf.subleaf is None else f" [SL {leaf.subleaf:02X}]"
            out.append(f"CPUID {leaf.leaf:08X}: {'-'.join(f'{word:08X}' for word in words)}{subleaf} [a comment]")
        out += ["", "L1    Data Cache:    48 KB, 12-way Associative, 64-byte Line", ""]
        count += 1
    for number in range(count):
        out += [f"------[ MSR Registers / Logical CPU #{number} ]------", "",
                f"MSR 0000010A: {msrs}", "MSR 00000017: 0004-0000-0000-0000 [PlatID = 1]",
                "MSR 00000049: < FAILED >", ""]
    return end.join(out).encode()


def kcpuid(table: CpuidTable = HOST) -> bytes:
    """As `kcpuid -r` prints it."""
    out, seen = ["Standard Leafs :", "================"], set()
    for leaf, words in rows(table):
        text = ", ".join(f"{name.upper()}=0x{word:08x}" for name, word in zip(REGISTER_KEYS, words, strict=True))
        if leaf.subleaf is None:
            out.append(f"0x{leaf.leaf:08x}: {text}")
            continue
        if leaf.leaf not in seen:
            out.append(f"0x{leaf.leaf:08x}: subleafs:")
        seen.add(leaf.leaf)
        out.append(f"{leaf.subleaf:3d}: {text}")
    return ("\n".join(out) + "\n").encode()


def kcpuid_flags() -> bytes:
    """As `kcpuid -a` prints flags that are set and numbers."""
    flags = ("\tavx                  \t\t\t", "\tmax_std_leaf        \t: 0x1c      \t",
             "\tavx512f   \t\t\tAVX-512 foundation", "\tnot_a_flag_of_ours  \t\t\t", "\tfsrm \t\t\t")
    return ("CPU features:\n=============\n\n" + "\n".join(flags) + "\n").encode()


def cpudata(table: CpuidTable = HOST) -> bytes:
    """As libvirt's cpu-gather writes it, with an MSR."""
    out = ["<!-- a host -->", "<cpudata arch='x86'>"]
    for leaf, words in rows(table):
        text = " ".join(f"{name}='0x{word:08x}'" for name, word in zip(REGISTER_KEYS, words, strict=True))
        out.append(f"  <cpuid eax_in='0x{leaf.leaf:08x}' ecx_in='0x{leaf.subleaf or 0:02x}' {text}/>")
    out += ["  <msr index='0x10a' edx='0x00000000' eax='0x2da9fdeb'/>", "</cpudata>", ""]
    return "\n".join(out).encode()


def fingerprint(table: CpuidTable = HOST) -> bytes:
    """As Firecracker's cpu-template-helper dumps a guest."""
    modifiers = [{
        "leaf": f"{leaf.leaf:#x}", "subleaf": f"{leaf.subleaf or 0:#x}", "flags": int(leaf.subleaf is not None),
        "modifiers": [{"register": name, "bitmap": f"0b{word:032b}"}
                      for name, word in zip(REGISTER_KEYS, words, strict=True)],
    } for leaf, words in rows(table)]
    config = {"kvm_capabilities": [], "cpuid_modifiers": modifiers,
              "msr_modifiers": [{"addr": "0x10a", "bitmap": f"0b{0x2DA9FDEB:064b}"}]}
    return json.dumps({"kernel_version": "6.1.0", "guest_cpu_config": config}, indent=1).encode()


def kvm_cpuid2(table: CpuidTable | dict[Leaf, int] = HOST) -> bytes:
    """`struct kvm_cpuid2`."""
    out = struct.pack("<2I", len(table), 0)
    for leaf, value in table.items():
        flags = int(leaf.subleaf is not None)
        out += struct.pack("<10I", leaf.leaf, leaf.subleaf or 0, flags, *unpack(value), 0, 0, 0)
    return out


def kvm_capabilities(attributes: int = 0x10000000, xfam: int = 0x61AE7) -> bytes:
    """`struct kvm_tdx_capabilities`."""
    return struct.pack("<6Q2000x", attributes, xfam, 0, 0, 0, 0) + kvm_cpuid2(CAPABILITIES)


def cpuid_json(table: CpuidTable = HOST) -> bytes:
    """CPUID as JSON, an object of leaves."""
    return json.dumps({"cpuid": {leaf.key: quad(value) for leaf, value in table.items()},
                       "msr": {"10a": "0x2da9fdeb"}}).encode()


def cpuid_json_list(table: CpuidTable = HOST) -> bytes:
    """CPUID as JSON, a list of entries."""
    return json.dumps([
        {"leaf": leaf.leaf, **({} if leaf.subleaf is None else {"subleaf": leaf.subleaf}),
         **dict(zip(REGISTER_KEYS, (f"{word:#x}" for word in words), strict=True))}
        for leaf, words in rows(table)
    ]).encode()


def intel_fields(module: Module) -> Iterator[tuple[str, str, dict[str, str | None]]]:
    """A built-in module's fields as Intel's table has them: leaf, register, field."""
    for leaf, types in kinds(module).items():
        name = f"0x{leaf.leaf:x}" + ("" if leaf.subleaf is None else f" / Sub-Leaf 0x{leaf.subleaf:x}")
        for kind, mask in types.items():
            for at in runs(leaf, mask):
                yield name, at.register.name, intel_field(at, kind)


def intel_field(at: Field, kind: Kind) -> dict[str, str | None]:
    """A field as Intel's JSON has it."""
    value = {"fixed0": "0", "fixed1": hex((1 << at.width) - 1)}.get(kind.base)
    return {
        "MSB": str(at.msb), "LSB": str(at.lsb), "Field Size": str(at.width), "Field Name": f"bits {at.msb}",
        "Configuration Details": "TD_PARAMS.CPUID_CONFIG" if "configured" in kind.base else None,
        "Bit or Field Virtualization Type": "Fixed" if value else kind.text,
        "Virtualization Details": value,
    }


def intel_leaves(module: Module) -> list[dict[str, Any]]:
    """A built-in module as the leaf objects of Intel's JSON."""
    leaves: dict[str, dict[str, Any]] = {}
    for name, register, field in intel_fields(module):
        leaves.setdefault(name, {"Leaf": name}).setdefault(register, []).append(field)
    return list(leaves.values())


def intel_json(module: Module | None = None, contain: Callable[[Any], Any] = lambda leaves: leaves) -> bytes:
    """A built-in module as Intel's JSON, in a container."""
    return json.dumps(contain(intel_leaves(module or library.module("1.5.06")))).encode()


def intel_csv(module: Module | None = None) -> bytes:
    """A built-in module as the CSV of Intel's spreadsheet."""
    out = ["CPUID virtualization,,,,,,",
           "Reg.,MSB,LSB,Field Size,Field Name,Bit or Field Virtualization Type,Virtualization Details"]
    before = None
    for name, register, field in intel_fields(module or library.module("1.5.06")):
        if name != before:
            out.append(f",,,,Leaf {name},,")
        before = name
        cells = [field[key] for key in list(field) if key != "Configuration Details"]
        out.append(",".join([register, *(cell or "" for cell in cells)]))
    return ("\r\n".join(out) + "\r\n").encode()


# One file of each format that is a dump or a table, by the format's name.
WRITERS: dict[str, Callable[[], bytes]] = {
    "cpuid-r": cpuid_r,
    "instlatx64": instlatx64,
    "kcpuid": kcpuid,
    "kcpuid-flags": kcpuid_flags,
    "libvirt-cpudata": cpudata,
    "firecracker-fingerprint": fingerprint,
    "kvm-tdx-capabilities": kvm_capabilities,
    "kvm-cpuid2": kvm_cpuid2,
    "cpuid-json": cpuid_json,
    "intel-json": intel_json,
    "intel-csv": intel_csv,
}
