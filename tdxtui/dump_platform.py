"""Make a platform of a dump: what a tool saw of a CPU, corrected where the TDX module would see something else."""

from __future__ import annotations

from pathlib import Path

from tdxtui import catalog, file_kind, importers, platform_file
from tdxtui.cpuid import CpuidTable, Leaf, unpack
from tdxtui.dump import Dump
from tdxtui.importers.result import failed
from tdxtui.platform import ARCH_CAPABILITIES, TSX_CTRL, Platform
from tdxtui.strict import read_bytes

# The MSRs that modules look at, beyond ARCH_CAPABILITIES and TSX_CTRL: IA32_MISC_ENABLE, PERF_CAPABILITIES, a VMX one.
KEPT_MSRS = (0x1A0, 0x345, 0x492)
# What the dumped Sapphire, Emerald and Granite Rapids have in common.
ASSUMED_ARCH_CAPABILITIES = 0x28FDEB
LAST_1F = 5

_HAS_ARCH_CAPABILITIES = 1 << 29
_HYPERVISOR = 1 << 32 + 31
_SYSCALL, _LONG_MODE = 1 << 11, 1 << 29
_AMX_TILES = 0x1E


def load(path: Path) -> Platform:
    """The platform of a dump's file, or of a platform file whatever its name ends in.

    DataError for a file that is neither, or a dump of no Intel CPU.
    """
    data = read_bytes(path, importers.MAX_SIZE)
    if file_kind.kind_of(data) == file_kind.PLATFORM:
        return platform_file.load(path)
    dump = importers.dump_of(importers.read(data, str(path)), str(path))
    demand_intel(dump)
    return platform_of(dump, path.stem)


def platform_of(dump: Dump, name: str | None = None) -> Platform:
    """The first logical processor of a dump as a platform, each correction told in its notes.

    Zero leaves are left out (a table answers zero there).
    """
    cpu = dump.cpus[0]
    table = CpuidTable((leaf, value) for leaf, value in cpu.cpuid.items() if value or leaf.leaf in (0, 0x80000000))
    notes = [_whose(dump), *_seen_by_a_guest(table), *dump.notes, *_corrections(table)]
    capabilities = _arch_capabilities(table, cpu.msrs.get(ARCH_CAPABILITIES), notes)
    return Platform(
        name=name or dump.name,
        cpuid=table,
        arch_capabilities=capabilities,
        tsx_ctrl=cpu.msrs.get(TSX_CTRL, 0),
        msrs={address: cpu.msrs[address] for address in KEPT_MSRS if address in cpu.msrs},
        title=brand(table) or "CPU of a dump",
        source=f"{importers.title(dump.format)}, {dump.name}",
        notes=tuple(notes),
    )


def brand(table: CpuidTable) -> str:
    """The processor's brand string, empty if it has none."""
    words = [word for leaf in (0x80000002, 0x80000003, 0x80000004) for word in unpack(table.cpuid(leaf))]
    text = b"".join(word.to_bytes(4, "little") for word in words).partition(b"\0")[0]
    return " ".join("".join(chr(byte) for byte in text if 32 <= byte < 127).split())


def demand_intel(dump: Dump) -> None:
    """Raise ImportFailed if a CPU that a module should run on isn't Intel's."""
    if not dump.is_intel:
        raise failed(dump.name, "", "is of no Intel CPU (CPUID.00H names another vendor); TDX modules run on none")


def _whose(dump: Dump) -> str:
    number = dump.cpus[0].number
    which = "the dumped logical CPU" if number is None else f"logical CPU {number}"
    return f"The values of {which}; APIC IDs and the sizes in CPUID(0DH) EBX are those of that moment."


def _seen_by_a_guest(table: CpuidTable) -> list[str]:
    if not table.cpuid(1) & _HYPERVISOR:
        return []
    return ["1.ecx.31 (hypervisor) is set: a guest saw this, and its hypervisor may hide or add bits of the CPU."]


def _corrections(table: CpuidTable) -> list[str]:
    """Correct a table in place; what was done, a sentence each."""
    return [note for correct in (_plain_leaves, _syscall, _topology) if (note := correct(table))]


def _plain_leaves(table: CpuidTable) -> str:
    """Leaf 1EH is looked up without a sub-leaf, as are all that the catalogue has without one."""
    moved = [leaf for leaf in table
             if leaf.subleaf == 0 and Leaf(leaf.leaf, 1) not in table
             and (leaf.leaf == _AMX_TILES or not catalog.has_subleaves(leaf.leaf))]
    for leaf in moved:
        table[Leaf(leaf.leaf)] = table.pop(leaf)
    names = ", ".join(f"{leaf.leaf:02X}H" for leaf in moved)
    return f"The modules look up without a sub-leaf, and the dump has as sub-leaf 0: {names}." if moved else ""


def _syscall(table: CpuidTable) -> str:
    value = table.cpuid(0x80000001)
    if not value & _LONG_MODE or value & _SYSCALL:
        return ""
    table[Leaf(0x80000001)] = value | _SYSCALL
    return "80000001.edx.11 (SYSCALL) is set: the dump was taken outside 64-bit mode, where it reads 0."


def _topology(table: CpuidTable) -> str:
    """Invalid sub-leaves of 1FH carry their number in ECX (I10)."""
    if not any(leaf.leaf == 0x1F for leaf in table):
        return ""
    lacking = [leaf for number in range(LAST_1F + 1) if not table.get(leaf := Leaf(0x1F, number))]
    for leaf in lacking:
        table[leaf] = (leaf.subleaf or 0) << 32
    return "Leaf 1FH: the invalid sub-leaves, which the dump leaves out, carry their number in ECX." if lacking else ""


def _arch_capabilities(table: CpuidTable, value: int | None, notes: list[str]) -> int:
    if value is not None:
        return value
    if not table.cpuid(7, 0) & _HAS_ARCH_CAPABILITIES:
        notes.append("IA32_ARCH_CAPABILITIES is 0: CPUID.(EAX=07H,ECX=0):EDX[29] says that there is none.")
        return 0
    notes.append(f"IA32_ARCH_CAPABILITIES is not in the dump; {ASSUMED_ARCH_CAPABILITIES:#x} is assumed, "
                 "which Sapphire, Emerald and Granite Rapids have in common.")
    return ASSUMED_ARCH_CAPABILITIES
