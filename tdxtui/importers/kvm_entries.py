"""``struct kvm_cpuid2``: the entries of CPUID as KVM takes and gives them (little endian)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from tdxtui.cpuid import CpuidTable, Leaf, pack
from tdxtui.importers.result import failed

HEADER = Struct("<2I")
ENTRY = Struct("<7I12x")
MAX_ENTRIES = 256
SIGNIFICANT_INDEX = 1
_FLAGS = 7


def looks_right(data: bytes, offset: int) -> bool:
    """Whether a whole struct lies at an offset, up to the end of data or to zero bytes."""
    if len(data) < offset + HEADER.size:
        return False
    count, padding = HEADER.unpack_from(data, offset)
    end = offset + HEADER.size + count * ENTRY.size
    if padding or not 0 < count <= MAX_ENTRIES or end > len(data) or data[end:].strip(b"\0"):
        return False
    return all(flags <= _FLAGS for _, _, flags, *_ in _rows(data, offset, count))


def size(data: bytes, offset: int) -> int:
    """How many bytes the struct at an offset takes by its count, which may be more than there are."""
    count: int = HEADER.unpack_from(data, offset)[0]
    return HEADER.size + count * ENTRY.size


def table(data: bytes, offset: int, name: str) -> CpuidTable:
    """The entries of the struct at an offset; ImportFailed with the offset of what is wrong."""
    if len(data) < offset + HEADER.size:
        raise failed(name, f"byte {len(data)}", f"ends within the header of kvm_cpuid2 (at byte {offset})")
    count, padding = HEADER.unpack_from(data, offset)
    if not 0 < count <= MAX_ENTRIES or padding:
        expected = f"expected a count of 1 to {MAX_ENTRIES} and 4 zero bytes"
        raise failed(name, f"byte {offset}", f"{expected}, found {count:#x} and {padding:#x}")
    end = offset + HEADER.size + count * ENTRY.size
    if end > len(data):
        raise failed(name, f"byte {len(data)}", f"ends within its entries; {count} of them end at byte {end}")
    if data[end:].strip(b"\0"):
        raise failed(name, f"byte {end}", f"goes on after its {count} entries")
    return _table(data, offset, count, name)


def _table(data: bytes, offset: int, count: int, name: str) -> CpuidTable:
    found = CpuidTable()
    for number, (function, index, flags, *words) in enumerate(_rows(data, offset, count)):
        leaf = Leaf(function, index if flags & SIGNIFICANT_INDEX else None)
        if flags > _FLAGS:
            at = offset + HEADER.size + number * ENTRY.size
            raise failed(name, f"byte {at + 8}", f"expected flags of an entry (at most 7), found {flags:#x}")
        if leaf in found:
            at = offset + HEADER.size + number * ENTRY.size
            raise failed(name, f"byte {at}", f"has leaf {leaf.key} a second time")
        found[leaf] = pack(*words)
    return found


def _rows(data: bytes, offset: int, count: int) -> Iterator[tuple[int, ...]]:
    begin = offset + HEADER.size
    return ENTRY.iter_unpack(data[begin : begin + count * ENTRY.size])
