"""Codecs of fields that hold a number: plain, in hex, with a unit, biased or scaled, or as a power of two."""

from __future__ import annotations

import re

from tdxtui.words.codec import Codec, hexadecimal

_LARGEST_DECIMAL = 9999
_NUMBER = r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(\.[0-9]+)?\s*([a-z]*)"
_KIB, _MIB, _GIB = 1 << 10, 1 << 20, 1 << 30
_SIZES = {
    "b": 1, "byte": 1, "bytes": 1, "k": _KIB, "kb": _KIB, "kib": _KIB, "m": _MIB, "mb": _MIB, "mib": _MIB,
    "g": _GIB, "gb": _GIB, "gib": _GIB,
}
_FREQUENCIES = {"hz": 1, "khz": 10**3, "mhz": 10**6, "ghz": 10**9}


def amount(text: str, unit: str = "") -> int:
    """The number in a text such as ``2,696``, ``48 KiB`` or ``2.6 GHz``, counted in unit; without one it is in unit.

    Units are bytes, KiB, MiB, GiB (KB and K mean the same), Hz, kHz, MHz, GHz, or any other noun, its "s" optional.
    Raises ValueError for any other text, another kind of unit, or what is no whole number of units.
    """
    match = re.fullmatch(_NUMBER, text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} is not a number")
    whole, decimals = match[1].replace(",", ""), (match[2] or ".")[1:]
    given, wanted = _factor(match[3] or unit.lower(), unit.lower())
    scale: int = 10 ** len(decimals)
    value, rest = divmod(int(whole + decimals) * given, scale * wanted)
    if rest:
        raise ValueError(f"{text!r} is not a whole number of {unit}")
    return value


def _factor(given: str, unit: str) -> tuple[int, int]:
    """How much of the smallest unit of their kind the given and the wanted unit are."""
    for units in (_SIZES, _FREQUENCIES):
        if given in units and unit in units:
            return units[given], units[unit]
    if given.removesuffix("s") != unit.removesuffix("s"):
        raise ValueError(f"{given!r} is not a unit of {unit}")
    return 1, 1


def counted(number: int, unit: str) -> str:
    """A number with its unit: ``2,696 bytes``, ``1 byte``."""
    noun = (unit[:-3] + "y" if unit.endswith("ies") else unit.removesuffix("s")) if number == 1 else unit
    return f"{number:,} {noun}".rstrip()


def size(number: int) -> str:
    """A number of bytes in the largest unit that gives at most two decimals: ``48 KiB``, ``37.5 MiB``."""
    for unit, factor in (("GiB", _GIB), ("MiB", _MIB), ("KiB", _KIB)):
        if number >= factor and number * 4 % factor == 0:
            return f"{number / factor:,.2f}".rstrip("0").rstrip(".") + f" {unit}"
    return counted(number, "bytes")


class Plain(Codec):
    """A number as it is: decimal up to 9999, else hex."""

    numeric = True

    def decode(self, bits: int) -> str:
        """``12`` or ``0x8000``."""
        return str(bits) if bits <= _LARGEST_DECIMAL else hexadecimal(bits)

    def encode(self, words: str) -> int:
        """The number of a decimal text."""
        return amount(words)

    @property
    def expected(self) -> str:
        """What ``encode`` takes."""
        return f"a number from 0 to {hexadecimal((1 << self.width) - 1)}"


class Hex(Plain):
    """A number that means something in hex only: a leaf, an address, an ID."""

    def decode(self, bits: int) -> str:
        """``0x23``."""
        return hexadecimal(bits)


class Number(Codec):
    """A decimal number of a unit: the words give (bits + bias) * scale."""

    def __init__(self, width: int, unit: str = "", bias: int = 0, scale: int = 1) -> None:
        """A codec of a field of ``width`` bits; ``bias`` 1 is what the SDM calls "minus one notation"."""
        super().__init__(width)
        self.unit, self.bias, self.scale = unit, bias, scale
        self.numeric = not unit

    def decode(self, bits: int) -> str:
        """``12``, ``64 bytes`` or ``2,600 MHz``."""
        return counted((bits + self.bias) * self.scale, self.unit)

    def encode(self, words: str) -> int:
        """The bits for a number with or without its unit."""
        steps, rest = divmod(amount(words, self.unit), self.scale)
        if rest:
            raise ValueError(words)
        return steps - self.bias

    @property
    def expected(self) -> str:
        """What ``encode`` takes, with the least and the most."""
        what = f"a number of {self.unit}" if self.unit else "a number"
        least, most = self.bias * self.scale, ((1 << self.width) - 1 + self.bias) * self.scale
        steps = f" in steps of {self.scale}" if self.scale > 1 else ""
        return f"{what} from {least:,} to {most:,}{steps}"


class Power(Number):
    """A power of two of a unit, of which the bits are the exponent: ``2^36 bytes``."""

    def decode(self, bits: int) -> str:
        """``2^36 bytes``."""
        return f"2^{bits} {self.unit}"

    def encode(self, words: str) -> int:
        """The exponent, written with or without ``2^``."""
        return amount(words.strip().removeprefix("2^"), self.unit)

    @property
    def expected(self) -> str:
        """What ``encode`` takes."""
        return f"a power of two from 2^0 to 2^{(1 << self.width) - 1} {self.unit}"
