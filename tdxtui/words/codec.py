"""What a codec is: one way in which a field's bits and words stand for each other."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod

_RAW = r"(?i:0x[0-9a-f]+)"
_FLAGS = {"no": 0, "yes": 1, "false": 0, "true": 1, "off": 0, "on": 1, "0": 0, "1": 1}


def is_raw(text: str) -> bool:
    """Whether a text gives the bits themselves: 0x and hex digits, in any case, spaces around them or not."""
    return re.fullmatch(_RAW, text.strip()) is not None


def hexadecimal(bits: int) -> str:
    """The bits as a text that every field takes."""
    return f"{bits:#x}"


class Codec(ABC):
    """How a field reads in words. ``encode`` of what ``decode`` gives is the same bits, for every value that fits.

    ``numeric`` says whether words that look like a plain number may be written as one (an int in TOML).
    """

    numeric = False

    def __init__(self, width: int) -> None:
        """A codec of a field that is ``width`` bits wide."""
        self.width = width

    @abstractmethod
    def decode(self, bits: int) -> str:
        """The words for the bits."""

    @abstractmethod
    def encode(self, words: str) -> int:
        """The bits for the words; ValueError of any text, or bits that don't fit, for words that mean none."""

    def encode_number(self, number: int) -> int:
        """The bits for a number as ``decode`` shows it."""
        return self.encode(str(number))

    def encode_bool(self, flag: bool) -> int:
        """The bits for true or false: a number is neither."""
        raise ValueError(flag)

    @property
    @abstractmethod
    def expected(self) -> str:
        """What ``encode`` takes, to follow "the field is"."""


class YesNo(Codec):
    """A single bit: no or yes."""

    def decode(self, bits: int) -> str:
        """``no`` or ``yes``."""
        return "yes" if bits else "no"

    def encode(self, words: str) -> int:
        """0 or 1; takes yes, true, on, 1 and their opposites."""
        bits = _FLAGS.get(words.strip().lower())
        if bits is None:
            raise ValueError(words)
        return bits

    def encode_bool(self, flag: bool) -> int:
        """1 for true."""
        return int(flag)

    @property
    def expected(self) -> str:
        """What ``encode`` takes."""
        return "yes or no"


class Letters(Codec):
    """ASCII characters, the first in the lowest byte, as in the vendor and brand strings (SDM, CPUID leaf 0).

    Trailing NULs are left out; what has no printable form is shown as hex.
    """

    EMPTY = "empty"

    def decode(self, bits: int) -> str:
        """``Genu``; ``empty`` for all NULs, ``0x…`` for what isn't printable."""
        text = bits.to_bytes(self.width // 8, "little").rstrip(b"\0").decode("latin-1")
        if not text:
            return self.EMPTY
        readable = text.isascii() and text.isprintable() and not text.isspace() and not is_raw(text)
        return text if readable else hexadecimal(bits)

    def encode(self, words: str) -> int:
        """The characters' bytes, NULs after them."""
        if words.strip().lower() == self.EMPTY:
            return 0
        if not (words.isascii() and words.isprintable()):
            raise ValueError(words)
        return int.from_bytes(words.encode(), "little")

    def encode_number(self, number: int) -> int:
        """A number is no text: it is taken as the bits."""
        return number

    @property
    def expected(self) -> str:
        """What ``encode`` takes."""
        return f"at most {self.width // 8} printable characters"
