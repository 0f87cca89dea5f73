"""CPUID's multi-bit fields in words, and words as their bits.

What only a screen or a writer needs is imported when it is first asked for: a model is read before the first frame.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tdxtui.words.fields import decode, encode
from tdxtui.words.wishes import parse_wish, written

if TYPE_CHECKING:
    from tdxtui.words.compound import Quantity
    from tdxtui.words.recipes import quantities, quantity
    from tdxtui.words.screen import lines, register_line

__all__ = ["Quantity", "decode", "encode", "lines", "parse_wish", "quantities", "quantity", "register_line", "written"]

_LATER = {
    "Quantity": "compound", "quantities": "recipes", "quantity": "recipes",
    "lines": "screen", "register_line": "screen",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
