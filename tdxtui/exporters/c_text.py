"""Pieces of C text that several formats share."""

from __future__ import annotations

from collections.abc import Iterable


def comment(text: str) -> str:
    """Lines as a block comment, which nothing in them can end."""
    lines = "".join(f" * {line}".rstrip() + "\n" for line in text.replace("*/", "* /").splitlines())
    return f"/*\n{lines} */\n"


def guarded(name: str, body: str) -> str:
    """A header's body with its guard."""
    guard = f"TDXTUI_{name.upper()}_H"
    return f"#ifndef {guard}\n#define {guard}\n\n{body}\n#endif\n"


def hex32(words: Iterable[int]) -> str:
    """Numbers of 32 bits, separated by commas."""
    return ", ".join(f"{word:#010x}" for word in words)
