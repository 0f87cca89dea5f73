"""Firecracker's custom CPU templates: per register a bitmap of 0, 1 and x, which is a wish and its mask."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tdxtui import catalog
from tdxtui.cpuid import WORD, Field, Leaf, Register
from tdxtui.importers import json_tree, spelled
from tdxtui.importers.features_of_cpu import stem
from tdxtui.importers.registry import REAL
from tdxtui.importers.result import Features, Imported, failed
from tdxtui.importers.statement import Statement

NAME = "firecracker-template"
TITLE = "a Firecracker CPU template"
EVIDENCE = REAL


def sniff(head: bytes) -> int:
    """Sure of the key that only templates have, and fingerprints and the schema further in."""
    if head.lstrip()[:1] != b"{" or b'"cpuid_modifiers"' not in head:
        return 0
    return 0 if b'"guest_cpu_config"' in head or b'"$schema"' in head else 90


def read(data: bytes, name: str) -> Imported:
    """The bits that a template clears and sets; those that it leaves are no wishes."""
    found = json_tree.parse(data, name)
    modifiers = found.get("cpuid_modifiers") if isinstance(found, Mapping) else None
    if not isinstance(modifiers, list):
        raise failed(name, "cpuid_modifiers", "expected a list of modifiers")
    bits = Statement(spelled.LINUX)
    for number, item in enumerate(modifiers):
        _entry(bits, item, name, f"cpuid_modifiers[{number}]")
    if not bits.wishes:
        raise failed(name, "cpuid_modifiers", "changes no bit")
    msrs = found.get("msr_modifiers")
    notes = ["Bits that the template leaves as they are (x) are no wishes."]
    if isinstance(msrs, list) and msrs:
        notes.append(f"{len(msrs)} MSRs of the template are left out: a TD's MSRs are the module's.")
    return Imported(NAME, Features(stem(name), bits.wishes), tuple(notes))


def _entry(bits: Statement, item: Any, name: str, where: str) -> None:
    if not isinstance(item, Mapping):
        raise failed(name, where, "expected an object")
    number, subleaf = (_number(item.get(key), name, f"{where}.{key}") for key in ("leaf", "subleaf"))
    leaf = Leaf(number, subleaf if catalog.has_subleaves(number) or subleaf else None)
    registers = item.get("modifiers")
    if not isinstance(registers, list):
        raise failed(name, f"{where}.modifiers", "expected a list")
    for count, register in enumerate(registers):
        _register(bits, leaf, register, name, f"{where}.modifiers[{count}]")


def _register(bits: Statement, leaf: Leaf, item: Any, name: str, where: str) -> None:
    word, bitmap = (item.get("register"), item.get("bitmap")) if isinstance(item, Mapping) else (None, None)
    if word not in ("eax", "ebx", "ecx", "edx"):
        raise failed(name, f"{where}.register", f"expected eax, ebx, ecx or edx, found {str(word)[:20]!r}")
    text = bitmap.replace("_", "") if isinstance(bitmap, str) else ""
    if not re.fullmatch(r"0b[01xX]{32}", text):
        raise failed(name, f"{where}.bitmap", f"expected 0b and 32 of 0, 1 and x, found {str(bitmap)[:40]!r}")
    signs = text[2:].lower()
    value = int(signs.replace("x", "0"), 2)
    mask = int(signs.replace("0", "1").replace("x", "0"), 2)
    shift = Field(leaf, Register.parse(str(word)), 31, 0).shift
    bits.add({leaf: (value << shift, mask << shift)} if mask else {})


def _number(text: object, name: str, where: str) -> int:
    if not isinstance(text, str) or not re.fullmatch(r"0[xX][0-9a-fA-F]{1,8}|0[bB][01]{1,32}|[0-9]{1,10}", text):
        raise failed(name, where, f"expected a number as a string such as 0x7, found {str(text)[:30]!r}")
    value = int(text, 0) if text[:2].lower() in ("0x", "0b") else int(text)
    if value > WORD:
        raise failed(name, where, "is more than 32 bits")
    return value
