"""Codecs of fields whose values, or whose bits, have a meaning each: enumerations and bitmaps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tdxtui.words.codec import Codec

NONE = "none"
_RESERVED = r"reserved\s*\(([0-9]{1,10})\)"
_SEPARATOR = r"[\s,]+"
_SPAN = r"([0-9]{1,2})(?:-([0-9]{1,2}))?"


class Choice(Codec):
    """One of a few words. A value that has none is ``reserved (7)``."""

    def __init__(self, width: int, names: dict[int, tuple[str, ...]]) -> None:
        """A codec of a field of ``width`` bits; the first of a value's names is shown, all are taken."""
        super().__init__(width)
        self._shown = {bits: words[0] for bits, words in names.items()}
        self._bits = {word.lower(): bits for bits, words in names.items() for word in words}
        self._numbers = {int(word.split()[0]): bits for word, bits in self._bits.items() if word[0].isdigit()}

    @classmethod
    def parse(cls, width: int, text: str) -> Choice:
        """A codec from a table's cell, such as ``0=none; 2=instruction/code``."""
        pairs = (item.split("=") for item in text.split(";"))
        return cls(width, {int(bits): tuple(words.strip().split("/")) for bits, words in pairs})

    def decode(self, bits: int) -> str:
        """The word for a value."""
        return self._shown.get(bits) or f"reserved ({bits})"

    def encode(self, words: str) -> int:
        """The value of a word, or of a number: the one in a word (``8`` for ``8 ways``) if words have some."""
        text = words.strip().lower()
        if text in self._bits:
            return self._bits[text]
        if match := re.fullmatch(_RESERVED, text):
            return int(match[1])
        number = int(text)
        return self._numbers[number] if number in self._numbers else self._unnamed(number)

    def _unnamed(self, number: int) -> int:
        if self._numbers:
            raise ValueError(number)
        return number

    @property
    def expected(self) -> str:
        """What ``encode`` takes."""
        return f"one of {', '.join(self._shown.values())}"


class Items(Codec):
    """A bitmap whose bits stand for one thing each: ``8, 16, 32``."""

    def __init__(self, width: int, items: Sequence[str]) -> None:
        """A codec of a field of as many bits as there are items, the first for bit 0."""
        super().__init__(width)
        self._items = tuple(items)
        self._numbers = {item.lower(): number for number, item in enumerate(items)}

    def decode(self, bits: int) -> str:
        """The items of the bits that are set, or ``none``."""
        return ", ".join(item for number, item in enumerate(self._items) if bits >> number & 1) or NONE

    def encode(self, words: str) -> int:
        """The bits of items, separated by commas or spaces."""
        numbers = [self._numbers.get(part) for part in _parts(words)]
        if None in numbers:
            raise ValueError(words)
        return sum({1 << number for number in numbers if number is not None})

    def encode_number(self, number: int) -> int:
        """Refused: whether the list's only item or the bitmap itself is meant can't be told."""
        raise ValueError(number)

    @property
    def expected(self) -> str:
        """What ``encode`` takes."""
        return f"a list in quotes such as '{self._items[0]}, {self._items[1]}', of {' '.join(self._items)}"


class Bits(Codec):
    """A bitmap whose bits have their number for a name: ``0-7, 9``."""

    def decode(self, bits: int) -> str:
        """The numbers of the bits that are set, three and more in a row as a span, or ``none``."""
        return ", ".join(_span(first, last) for first, last in _runs(bits)) or NONE

    def encode(self, words: str) -> int:
        """The bits of numbers and spans, separated by commas or spaces."""
        value = 0
        for part in _parts(words):
            match = re.fullmatch(_SPAN, part)
            if match is None:
                raise ValueError(words)
            first, last = int(match[1]), int(match[2] or match[1])
            if not first <= last < self.width:
                raise ValueError(words)
            value |= (2 << last) - (1 << first)
        return value

    def encode_number(self, number: int) -> int:
        """Refused: whether the bit's number or the bitmap itself is meant can't be told."""
        raise ValueError(number)

    @property
    def expected(self) -> str:
        """What ``encode`` takes."""
        return f"a list in quotes such as '0-3, 5', of numbers from 0 to {self.width - 1}"


def _parts(words: str) -> list[str]:
    text = words.strip().lower()
    return [] if text in ("", NONE) else [part for part in re.split(_SEPARATOR, text) if part]


def _runs(bits: int) -> Iterator[tuple[int, int]]:
    """The first and last number of each row of set bits, the lowest first."""
    number = 0
    while bits:
        skipped = (bits & -bits).bit_length() - 1
        bits >>= skipped
        length = (~bits & bits + 1).bit_length() - 1
        yield number + skipped, number + skipped + length - 1
        bits >>= length
        number += skipped + length


def _span(first: int, last: int) -> str:
    if last - first < 2:
        return str(first) if first == last else f"{first}, {last}"
    return f"{first}-{last}"
