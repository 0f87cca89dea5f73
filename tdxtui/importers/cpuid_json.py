"""CPUID as plain JSON: what a script writes down of KVM_TDX_GET_CPUID, TDH.MNG.RD or `tdxtui guest`.

An object ``{"7.0": VALUE, ...}`` or a list of ``{"leaf": ..., "subleaf": ..., "eax": ...}``, either of them by itself
or under "cpuid"; "msr" may stand beside it. VALUE is four registers: 32 hex digits EAX EBX ECX EDX, or an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tdxtui.cpuid import REGISTER_KEYS, CpuidTable, Leaf, pack, parse_quad
from tdxtui.dump import LogicalCpu
from tdxtui.importers import json_tree
from tdxtui.importers.entries import dump
from tdxtui.importers.registry import LAYOUT
from tdxtui.importers.result import Imported, failed

NAME = "cpuid-json"
TITLE = "CPUID as JSON"
EVIDENCE = LAYOUT

_MAP = re.compile(rb'"[0-9a-fA-F]{1,8}(?:\.[0-9a-fA-F]{1,8})?"\s*:\s*(?:"[0-9a-fA-F ]{32,35}"|\{\s*"e[abcd]x")')
_LIST = re.compile(rb'"(?:leaf|function)"\s*:\s*(?:"0x[0-9a-fA-F]{1,8}"|[0-9]{1,10})\s*,[^{}]{0,200}"eax"\s*:')
_LEAF, _SUBLEAF = ("leaf", "function"), ("subleaf", "index")


def sniff(head: bytes) -> int:
    """Fairly sure of JSON with a leaf and registers in it."""
    is_json = head.lstrip()[:1] in (b"{", b"[")
    return 60 if is_json and (_MAP.search(head) or _LIST.search(head)) else 0


def read(data: bytes, name: str) -> Imported:
    """The dump of such a text."""
    top = json_tree.parse(data, name)
    whole = isinstance(top, dict) and "cpuid" in top
    values = top["cpuid"] if whole else top
    table = CpuidTable()
    for leaf, value, where in _entries(values, name, "cpuid" if whole else ""):
        if table.setdefault(leaf, value) != value:
            raise failed(name, where, f"has leaf {leaf.key} a second time, with another value")
    return dump(name, NAME, [LogicalCpu(None, table, _msrs(top.get("msr", {}) if whole else {}, name))])


def _entries(values: Any, name: str, where: str) -> Iterator[tuple[Leaf, int, str]]:
    if isinstance(values, dict):
        for key, value in values.items():
            place = f"{where}.{key}".lstrip(".")
            try:
                leaf = Leaf.parse(key)
            except ValueError as error:
                raise failed(name, where, str(error)) from None
            yield leaf, _registers(value, name, place), place
    elif isinstance(values, list):
        for number, item in enumerate(values):
            place = f"{where}[{number}]"
            if not isinstance(item, dict):
                raise failed(name, place, 'expected an object with "leaf", "eax", "ebx", "ecx" and "edx"')
            yield _leaf(item, name, place), _registers(item, name, place), place
    else:
        raise failed(name, where, "expected an object of leaves or a list of them")


def _leaf(item: Mapping[str, Any], name: str, where: str) -> Leaf:
    number = next((item[key] for key in _LEAF if key in item), None)
    subleaf = next((item[key] for key in _SUBLEAF if key in item), None)
    return Leaf(_word(number, name, f"{where}.leaf"),
                None if subleaf is None else _word(subleaf, name, f"{where}.subleaf"))


def _registers(value: Any, name: str, where: str) -> int:
    if isinstance(value, str):
        try:
            return parse_quad(value.replace(" ", ""))
        except ValueError as error:
            raise failed(name, where, str(error)) from None
    if not isinstance(value, dict):
        raise failed(name, where, "expected 32 hex digits or an object with eax, ebx, ecx and edx")
    if missing := [key for key in REGISTER_KEYS if key not in value]:
        raise failed(name, where, f"lacks {', '.join(missing)}")
    return pack(*(_word(value[key], name, f"{where}.{key}") for key in REGISTER_KEYS))


def _msrs(values: Any, name: str) -> dict[int, int]:
    if not isinstance(values, dict):
        raise failed(name, "msr", "expected an object of MSRs")
    return {_word(key, name, f"msr.{key}"): _word(value, name, f"msr.{key}", 64) for key, value in values.items()}


def _word(value: Any, name: str, where: str, bits: int = 32) -> int:
    """A whole number, or one as hex text with or without 0x."""
    if isinstance(value, str) and re.fullmatch("(0[xX])?[0-9a-fA-F]{1,16}", value):
        value = int(value, 16)
    if type(value) is not int or not 0 <= value < 1 << bits:
        raise failed(name, where, f"expected a number of {bits} bits: decimal, or hex in quotes")
    return value
