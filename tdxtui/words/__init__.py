"""CPUID's multi-bit fields in words, and words as their bits."""

from tdxtui.words.fields import decode, encode
from tdxtui.words.quantity import Quantity
from tdxtui.words.recipes import quantities, quantity
from tdxtui.words.screen import lines, register_line
from tdxtui.words.wishes import parse_wish, written

__all__ = ["Quantity", "decode", "encode", "lines", "parse_wish", "quantities", "quantity", "register_line", "written"]
