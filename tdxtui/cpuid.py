"""The vocabulary of CPUID: registers, leaves, fields, and tables of values.

A leaf's four registers travel together as one ``int`` of 128 bits, EAX in the highest 32 bits, EDX in the
lowest, so that its 32 hex digits read "EAX EBX ECX EDX". Masks have the same shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import IntEnum
from functools import cache, lru_cache
from typing import NamedTuple

ALL_ONES = (1 << 128) - 1
WORD = 0xFFFFFFFF
NO_SUBLEAF = 0xFFFFFFFF


class Register(IntEnum):
    """One of CPUID's four output registers; the value is its place from the left."""

    EAX = 0
    EBX = 1
    ECX = 2
    EDX = 3

    @property
    def shift(self) -> int:
        """Where the register's bit 0 lies in a packed leaf."""
        return REGISTER_SHIFTS[self]

    @property
    def key(self) -> str:
        """The name as files write it: ``eax``."""
        return REGISTER_KEYS[self]

    @classmethod
    def parse(cls, text: str) -> Register:
        """The register of a name in any case; ValueError if there is none."""
        try:
            return cls[text.upper()]
        except KeyError:
            raise ValueError(f"{text!r} is not a register; write eax, ebx, ecx or edx") from None


REGISTER_KEYS = ("eax", "ebx", "ecx", "edx")
REGISTER_SHIFTS = (96, 64, 32, 0)


class Leaf(NamedTuple):
    """A CPUID leaf with its sub-leaf, or with None where the leaf has no sub-leaves."""

    leaf: int
    subleaf: int | None = None

    @property
    def key(self) -> str:
        """The short notation: hex leaf, and hex sub-leaf if there is one: ``7.0``, ``80000008``."""
        return f"{self.leaf:x}" if self.subleaf is None else f"{self.leaf:x}.{self.subleaf:x}"

    @property
    def sdm(self) -> str:
        """The SDM's notation: ``CPUID.(EAX=07H,ECX=0)`` or ``CPUID.01H``."""
        if self.subleaf is None:
            return f"CPUID.{self.leaf:02X}H"
        subleaf = f"{self.subleaf}" if self.subleaf < 10 else f"{self.subleaf:02X}H"
        return f"CPUID.(EAX={self.leaf:02X}H,ECX={subleaf})"

    @staticmethod
    @lru_cache(maxsize=4096)
    def parse(key: str) -> Leaf:
        """Read the short notation; ValueError if the text is none."""
        if not re.fullmatch(r"[0-9a-fA-F]{1,8}(\.[0-9a-fA-F]{1,8})?", key):
            raise ValueError(f"{key!r} is not a leaf; write hex as in '7.0' or '80000008'")
        leaf, _, subleaf = key.partition(".")
        return Leaf(int(leaf, 16), int(subleaf, 16) if subleaf else None)

    def __str__(self) -> str:
        return self.key


class Field(NamedTuple):
    """Bits msb..lsb of one register of a leaf. A single bit is a field whose msb and lsb are equal."""

    leaf: Leaf
    register: Register
    msb: int
    lsb: int

    @classmethod
    def bit(cls, leaf: Leaf, register: Register, number: int) -> Field:
        """The field of one bit."""
        return cls(leaf, register, number, number)

    @staticmethod
    @lru_cache(maxsize=8192)
    def parse(text: str) -> Field:
        """Read ``7.0.ebx.16``, ``7.0.ebx[31:26]``, ``1.eax``, or a notation that begins with ``cpuid``.

        Those are ``CPUID.(EAX=07H,ECX=0):EBX[16]``, ``CPUID.07H.0:EBX.AVX512F[bit 16]`` (the name in it is not looked
        at) and ``cpuid(0x7,0).ebx[16]``. Raises ValueError, with what was expected, for any other text.
        """
        word = text.strip()
        match = (_sdm() if word[:5].lower() == "cpuid" else _short()).fullmatch(word)
        if match is None:
            raise ValueError(f"{text!r} is not a bit or field; write 7.0.ebx.16, 7.0.ebx[31:26] or 1.eax")
        leaf, subleaf, register, bit, high, low = match.groups()
        msb = int(bit or high or 31)
        lsb = int(low or bit or high or 0)
        if not 31 >= msb >= lsb:
            raise ValueError(f"{text!r}: bits run from 31 down to 0, the higher one first")
        return Field(Leaf(int(leaf, 16), int(subleaf, 16) if subleaf else None), Register.parse(register), msb, lsb)

    @property
    def is_bit(self) -> bool:
        """Whether the field is a single bit."""
        return self.msb == self.lsb

    @property
    def width(self) -> int:
        """How many bits the field has."""
        return self.msb - self.lsb + 1

    @property
    def register_mask(self) -> int:
        """The field's bits in its 32-bit register."""
        return ((1 << self.width) - 1) << self.lsb

    @property
    def mask(self) -> int:
        """The field's bits in the packed leaf."""
        return self.register_mask << self.register.shift

    @property
    def shift(self) -> int:
        """Where the field's bit 0 lies in the packed leaf."""
        return self.register.shift + self.lsb

    @property
    def key(self) -> str:
        """The short notation: ``7.0.ebx.16``, ``7.0.ebx[31:26]``, or ``1.eax`` for a whole register."""
        return f"{self.leaf.key}.{self.register.key}{self._bits('.')}"

    @property
    def sdm(self) -> str:
        """The SDM's notation: ``CPUID.(EAX=07H,ECX=0):EBX[16]``."""
        return f"{self.leaf.sdm}:{self.register.name}{self._bits('[')}"

    def _bits(self, single: str) -> str:
        if self.is_bit:
            return f".{self.msb}" if single == "." else f"[{self.msb}]"
        return "" if self.width == 32 else f"[{self.msb}:{self.lsb}]"

    def get(self, packed: int) -> int:
        """The field's value in a packed leaf."""
        return packed >> self.shift & (1 << self.width) - 1

    def put(self, packed: int, value: int) -> int:
        """The packed leaf with the field set to value."""
        return packed & ~self.mask | (value << self.shift & self.mask)

    def bits(self) -> Iterator[Field]:
        """The field's single bits, high bit first."""
        for number in range(self.msb, self.lsb - 1, -1):
            yield Field(self.leaf, self.register, number, number)

    def __str__(self) -> str:
        return self.key


_HEX = r"([0-9a-f]{1,8})"
_BITS = r"(?:\.([0-9]{1,2})|\[(?:bits? )?([0-9]{1,2})(?::([0-9]{1,2}))?\])?"


@cache
def _short() -> re.Pattern[str]:
    return re.compile(rf"(?:0x)?{_HEX}(?:\.(?:0x)?{_HEX})?\.(e[a-d]x){_BITS}", re.IGNORECASE | re.ASCII)


@cache
def _sdm() -> re.Pattern[str]:
    return re.compile(
        rf"cpuid(?:\.?\(eax=|\.\(?|\()(?:0x)?{_HEX}h?(?:(?:,\s*ecx=|,\s*|\.)(?:0x)?{_HEX}h?)?\)?"
        rf"[.:](e[a-d]x)(?:\.\w+(?=\[))?{_BITS}",
        re.IGNORECASE | re.ASCII,
    )


def pack(eax: int, ebx: int, ecx: int, edx: int) -> int:
    """Four registers as one packed leaf."""
    return eax << 96 | ebx << 64 | ecx << 32 | edx


def unpack(packed: int) -> tuple[int, int, int, int]:
    """The four registers of a packed leaf, EAX first."""
    return packed >> 96, packed >> 64 & WORD, packed >> 32 & WORD, packed & WORD


def quad(packed: int) -> str:
    """A packed leaf as 32 hex digits, EAX EBX ECX EDX."""
    return f"{packed:032x}"


def parse_quad(text: str) -> int:
    """Read 32 hex digits; ValueError for anything else."""
    try:
        data = bytes.fromhex(text) if len(text) == 32 else b""
    except (TypeError, ValueError):
        data = b""
    if len(data) != 16:
        raise ValueError("expected 32 hex digits (EAX EBX ECX EDX)")
    return int.from_bytes(data, "big")


class CpuidTable(dict[Leaf, int]):
    """Packed values by leaf, answering as a CPU does.

    An entry without sub-leaf answers any ECX, one with a sub-leaf only its own; what is missing is zero.
    """

    def cpuid(self, leaf: int, subleaf: int | None = None) -> int:
        """What CPUID returns for EAX = leaf, ECX = subleaf."""
        return self.at(Leaf(leaf, subleaf))

    def at(self, leaf: Leaf) -> int:
        """What CPUID returns for a leaf; one without sub-leaf is asked with ECX = FFFFFFFF (1.4)."""
        value = self.get(leaf)
        if value is None:
            value = self.get(Leaf(leaf[0], NO_SUBLEAF) if leaf[1] is None else Leaf(leaf[0]), 0)
        return value

    @classmethod
    def from_quads(cls, quads: Mapping[str, str]) -> CpuidTable:
        """Build from keys and 32-digit values; ValueError names the bad one."""
        return cls((Leaf.parse(key), parse_quad(value)) for key, value in quads.items())
