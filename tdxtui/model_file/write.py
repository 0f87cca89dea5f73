"""A model as the text of a new file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tdxtui import catalog
from tdxtui.cpuid import WORD, Field, Leaf, Register
from tdxtui.migrations import FORMAT
from tdxtui.model import VcpuModel
from tdxtui.model_file.wishes import FEATURES, FIELDS, REGISTERS, TABLES, module_field
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM, names_of

Tables = dict[str, dict[str, Any]]


def document(model: VcpuModel) -> dict[str, Any]:
    """The model as a plain document, ready for TOML."""
    top: dict[str, Any] = {"format": FORMAT, "name": model.name}
    optional = {"description": model.description, "module": model.module, "platform": model.platform}
    top |= {key: value for key, value in optional.items() if value}
    return top | {"td": settings(model)} | wish_tables(model.wishes)


def settings(model: VcpuModel) -> dict[str, Any]:
    """The keys of [td]; `arch_capabilities` and the digests only where there are some."""
    td: dict[str, Any] = {
        "attributes": names_of(model.attributes, ATTRIBUTES),
        "xfam": names_of(model.xfam, XFAM),
        "config_flags": names_of(model.config_flags, CONFIG_FLAGS),
        "tsc_mhz": model.tsc_mhz,
        "max_vcpus": model.max_vcpus,
        "num_l2_vms": model.num_l2_vms,
    }
    if model.arch_capabilities is not None:
        td["arch_capabilities"] = f"{model.arch_capabilities:#x}"
    return td | {name: digest.hex() for name, digest in model.digests.items()}


def dumps(model: VcpuModel) -> str:
    """The model as TOML text."""
    import tomli_w

    text = tomli_w.dumps(document(model))
    # tomli_w breaks every list into lines; the lists of names read better in one.
    return re.sub(r"\[\n((?:    .*,\n)*)\]", lambda match: "[" + _one_line(match[1]) + "]", text)


def _one_line(items: str) -> str:
    return ", ".join(line.strip().rstrip(",") for line in items.splitlines())


def wish_tables(wishes: Mapping[Leaf, tuple[int, int]], with_fields: bool = True) -> Tables:
    """Wishes as the tables of a file: bits and, unless an older format must do, fields by name, the rest as hex."""
    tables: Tables = {table: {} for table in TABLES}
    for leaf in sorted(wishes, key=lambda leaf: (leaf.leaf, leaf.subleaf or 0)):
        value, mask = wishes[leaf]
        for register in Register:
            word = WORD << register.shift
            if mask & word:
                _add_register(tables, leaf, register, (value, mask & word), with_fields)
    return tables


def _add_register(
    tables: Tables, leaf: Leaf, register: Register, wish: tuple[int, int], with_fields: bool
) -> None:
    """A whole register stays one unless its fields are all of it: its reserved bits by themselves say nothing."""
    value, rest = wish
    whole = rest >> register.shift == WORD
    fields, left = _fields(leaf, value, rest) if with_fields else ({}, rest)
    if not whole or not left:
        tables[FIELDS] |= fields
        rest = left
    for name, bit in [] if whole else _features(leaf, register, rest):
        tables[FEATURES][name] = bool(value & bit.mask)
        rest &= ~bit.mask
    tables[REGISTERS] |= _registers(leaf, register, value >> register.shift & WORD, rest >> register.shift)


def _fields(leaf: Leaf, value: int, mask: int) -> tuple[dict[str, int | str], int]:
    from tdxtui import words

    return words.written(leaf, value & mask, mask)


def _features(leaf: Leaf, register: Register, mask: int) -> list[tuple[str, Field]]:
    """The wished bits of a register that have a feature name of their own, low bit first."""
    bits = [Field.bit(leaf, register, number) for number in range(32)]
    named = [(feature_name(bit), bit) for bit in bits if bit.mask & mask]
    return [(name, bit) for name, bit in named if name]


def feature_name(bit: Field) -> str:
    """The name by which [features] has a bit, "" if it has none.

    That is one that a tool knows as a feature; a detail of a cache or counter is better written as a bit.
    """
    named = catalog.named_at(bit)
    if named is None or not named.field.is_bit:
        return ""
    is_feature = named.qemu or named.libvirt or named.linux or named.x86_feature
    return named.name if is_feature and _means(named.name, bit) else ""


def _means(name: str, bit: Field) -> bool:
    try:
        return module_field(catalog.find(name)) == bit
    except ValueError:
        return False


def _registers(leaf: Leaf, register: Register, word: int, mask: int) -> dict[str, str]:
    """The wished bits of a register as one wish for each run of neighbours, high bits first."""
    out = {}
    while mask:
        msb = mask.bit_length() - 1
        lsb = (~mask & (1 << msb) - 1).bit_length()
        field = Field(leaf, register, msb, lsb)
        out[field.key] = hex_text(word >> lsb & field.register_mask >> lsb, field)
        mask &= ~field.register_mask
    return out


def hex_text(value: int, field: Field) -> str:
    """A field's value in hex, with as many digits as the field has room for."""
    return f"0x{value:0{(field.width + 3) // 4}x}"
