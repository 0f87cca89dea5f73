"""What was seen of a TD's CPUID: by its guest, or by its host in TDCS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tdxtui import importers
from tdxtui.cpuid import ALL_ONES, Field, Leaf, Register, pack
from tdxtui.words.names import canonical

GUEST, TDCS = "guest", "tdcs"
TDX_VENDOR = Leaf(0x21, 0)
VENDOR = pack(0, *(int.from_bytes(part, "little") for part in (b"Inte", b"    ", b"lTDX")))
NO_TD = 'CPUID.(EAX=21H,ECX=0) does not say "IntelTDX" there: is that the CPUID of a TD?'
_SIZE_NOW = Field(Leaf(0xD, 0), Register.EBX, 31, 0)
_COMPONENTS = Field(Leaf(0xD, 0), Register.EAX, 31, 0)


@dataclass(frozen=True)
class Observed:
    """Packed values by leaf as TDX modules write it; only what is in `known`, where that has the leaf, was seen.

    `view` is GUEST for what CPUID returned in the guest, TDCS for what the host read (TDH.MNG.RD, KVM_TDX_GET_CPUID).
    """

    name: str
    values: Mapping[Leaf, int]
    view: str = GUEST
    known: Mapping[Leaf, int] = field(default_factory=dict)

    def known_at(self, leaf: Leaf) -> int:
        """The packed mask of what was seen of a leaf, 0 for a leaf that wasn't."""
        return self.known.get(leaf, ALL_ONES) if leaf in self.values else 0

    @property
    def is_td(self) -> bool:
        """Whether leaf 21H has the vendor string of TDX (5.10); what names features only can't say so."""
        return bool(self.known) or self.values.get(TDX_VENDOR) == VENDOR


def observed(name: str, cpuid: Mapping[Leaf, int], view: str | None = None) -> Observed:
    """What a dump shows; without a view, as its content tells.

    An XSAVE area is never empty, so CPUID(0DH,0).EBX is 0 only in TDCS, which holds nothing of the run time.
    """
    values = {canonical(leaf): value for leaf, value in cpuid.items()}
    in_tdcs = bool(_COMPONENTS.get(values.get(_COMPONENTS.leaf, 0))) and not _SIZE_NOW.get(values[_SIZE_NOW.leaf])
    return Observed(name, values, view or (TDCS if in_tdcs else GUEST))


def read(name: str, view: str | None = None) -> Observed:
    """What a file shows, of its first logical processor; TdxtuiError if it is no dump."""
    dump = importers.dump(name)
    return observed(dump.name, dump.cpuid, view)
