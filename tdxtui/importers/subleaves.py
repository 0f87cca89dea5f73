"""Which sub-leaves of a CPUID leaf there are, asked of the CPU itself as the SDM says (CPUID in volume 2A)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tdxtui.cpuid import CpuidTable, Leaf, unpack

Ask = Callable[[int, int], int]

BASES = (0, 0x40000000, 0x80000000)
MAX_LEAVES = 0x100
MAX_SUBLEAVES = 64
_HYPERVISOR = 1 << 32 + 31
_XSAVE = 0xD
_CACHES = (4, 0x8000001D)
_TOPOLOGY = (0xB, 0x1F, 0x80000026)
_COUNTED = (7, 0x14, 0x17, 0x18, 0x1D, 0x1E, 0x20, 0x24)  # EAX of sub-leaf 0 is the last one
_BITMAPS = {0xF: 3, 0x10: 1, 0x23: 0}  # the register of sub-leaf 0 that has a bit for each further one
_SGX, _PCONFIG = 0x12, 0x1B


def whole_table(ask: Ask) -> CpuidTable:
    """All leaves that a CPU has, each with its sub-leaves; `ask` gives a packed leaf for EAX and ECX."""
    table = CpuidTable()
    for base in BASES:
        if base == BASES[1] and not ask(1, 0) & _HYPERVISOR:
            continue
        last = ask(base, 0) >> 96
        for leaf in range(base, min(last, base + MAX_LEAVES) + 1 if last >= base else base):
            table.update(_leaf(leaf, ask))
    return table


def _leaf(leaf: int, ask: Ask) -> Iterator[tuple[Leaf, int]]:
    first = ask(leaf, 0)
    yield Leaf(leaf, 0), first
    for number in _further(leaf, first, ask):
        yield Leaf(leaf, number), ask(leaf, number)


def _further(leaf: int, first: int, ask: Ask) -> Iterator[int]:
    """The numbers of the sub-leaves after 0."""
    registers = unpack(first)
    if leaf in _COUNTED:
        yield from range(1, min(registers[0], MAX_SUBLEAVES) + 1)
    elif leaf in _BITMAPS:
        yield from (number for number in range(1, 32) if registers[_BITMAPS[leaf]] >> number & 1)
    elif leaf == _XSAVE:
        yield 1
        supervisor = unpack(ask(leaf, 1))
        components = registers[0] | registers[3] << 32 | supervisor[2] | supervisor[3] << 32
        yield from (number for number in range(2, 63) if components >> number & 1)
    elif leaf in (*_CACHES, *_TOPOLOGY, _SGX, _PCONFIG):
        yield from _until_the_last(leaf, first, ask)


def _until_the_last(leaf: int, first: int, ask: Ask) -> Iterator[int]:
    """The sub-leaves up to the first invalid one, which is part of what the CPU says."""
    value, number = first, 0
    while number < MAX_SUBLEAVES and (_goes_on(leaf, value) or (leaf == _SGX and number < 2 and first)):
        number += 1
        yield number
        value = ask(leaf, number)


def _goes_on(leaf: int, value: int) -> bool:
    eax, _, ecx, _ = unpack(value)
    if leaf in _TOPOLOGY:
        return ecx >> 8 & 0xFF != 0
    return eax & {4: 0x1F, 0x8000001D: 0x1F, _SGX: 0xF, _PCONFIG: 0xFFF}[leaf] != 0
