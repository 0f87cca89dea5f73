"""A field's value in words, and back."""

from __future__ import annotations

from tdxtui.cpuid import Field
from tdxtui.strict import shown
from tdxtui.words.codec import Codec, is_raw
from tdxtui.words.names import name_of
from tdxtui.words.table import codec_of

_LONGEST = 40


def decode(field: Field, value: int) -> str:
    """The words for a field's value: ``data``, ``64 bytes``, ``8, 16, 32``; a single bit is ``no`` or ``yes``.

    Raises ValueError if the value doesn't fit into the field.
    """
    if value >> field.width:
        raise ValueError(f"{value:#x} does not fit into {name_of(field)}, which has {field.width} bits")
    return codec_of(field).decode(value)


def encode(field: Field, words: str | int) -> int:
    """The field's value for words: as ``decode`` gives them, in any case, or a number with or without its unit.

    ``0x…`` in a text is the value itself; an int is the number that ``decode`` shows (12 ways, not 11), the value
    itself where that shows text or hex, and refused for a bitmap. Raises ValueError saying what is expected.
    """
    codec = codec_of(field)
    try:
        value = _value(codec, words)
    except (ValueError, KeyError):
        value = -1
    if value < 0 or value >> field.width:
        given = shown(repr(words), _LONGEST) if isinstance(words, str) else _short(words)
        raise ValueError(f"{name_of(field)!r} is {codec.expected}, not {given}") from None
    return value


def _value(codec: Codec, words: str | int) -> int:
    if isinstance(words, bool):
        return codec.encode_bool(words)
    if isinstance(words, int):
        return codec.encode_number(words)
    return int(words.strip(), 16) if is_raw(words) else codec.encode(words)


def _short(number: int) -> str:
    return str(number) if abs(number) < 1 << 64 else "a number that large"
