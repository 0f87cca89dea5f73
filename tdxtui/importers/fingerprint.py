"""Firecracker's fingerprint (``cpu-template-helper fingerprint dump``): a guest's whole CPUID and its MSRs."""

from __future__ import annotations

import re
from typing import Any

from tdxtui.cpuid import CpuidTable, Leaf, Register
from tdxtui.dump import LogicalCpu
from tdxtui.importers import json_tree
from tdxtui.importers.entries import dump
from tdxtui.importers.json_tree import child
from tdxtui.importers.registry import REAL
from tdxtui.importers.result import Imported, failed
from tdxtui.strict import parse_hex_word

NAME = "firecracker-fingerprint"
TITLE = "a Firecracker fingerprint"
EVIDENCE = REAL


def sniff(head: bytes) -> int:
    """Sure of the key that only fingerprints have."""
    return 90 if b'"guest_cpu_config"' in head and head.lstrip()[:1] == b"{" else 0


def read(data: bytes, name: str) -> Imported:
    """The dump of such a file."""
    top = json_tree.parse(data, name)
    config = child(top, "guest_cpu_config", dict, name)
    where = "guest_cpu_config"
    table = CpuidTable()
    for number, item in enumerate(child(config, "cpuid_modifiers", list, name, where)):
        place = f"{where}.cpuid_modifiers[{number}]"
        leaf, value = _entry(item, name, place)
        if table.setdefault(leaf, value) != value:
            raise failed(name, place, f"has leaf {leaf.key} a second time, with another value")
    msrs = {}
    for number, item in enumerate(child({"msr_modifiers": [], **config}, "msr_modifiers", list, name, where)):
        place = f"{where}.msr_modifiers[{number}]"
        msrs[_hex(item, "addr", name, place)] = _bits(item, 64, name, place)
    kernel = top.get("kernel_version")
    host = f" of Linux {kernel[:60]}" if isinstance(kernel, str) else ""
    return dump(name, NAME, [LogicalCpu(None, table, msrs)],
                [f"These are the values of a Firecracker guest, which KVM{host} gave it."])


def _entry(item: Any, name: str, where: str) -> tuple[Leaf, int]:
    leaf, subleaf = (_hex(item, key, name, where) for key in ("leaf", "subleaf"))
    flags = child(item, "flags", int, name, where)
    value = 0
    for number, modifier in enumerate(child(item, "modifiers", list, name, where)):
        place = f"{where}.modifiers[{number}]"
        try:
            register = Register.parse(child(modifier, "register", str, name, place))
        except ValueError as error:
            raise failed(name, place, str(error)) from None
        value |= _bits(modifier, 32, name, place) << register.shift
    return Leaf(leaf, subleaf if flags & 1 else None), value


def _hex(item: Any, key: str, name: str, where: str) -> int:
    try:
        return parse_hex_word(child(item, key, str, name, where))
    except ValueError as error:
        raise failed(name, f"{where}.{key}", str(error)) from None


def _bits(item: Any, count: int, name: str, where: str) -> int:
    text = child(item, "bitmap", str, name, where)
    digits = text.removeprefix("0b").replace("_", "")
    if not re.fullmatch(f"[01]{{{count}}}", digits):
        raise failed(name, f"{where}.bitmap", f"expected 0b and {count} digits of 0 and 1, found {text[:40]!r}")
    return int(digits, 2)
