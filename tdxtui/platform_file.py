"""Read and write a platform file (TOML): native CPUID and MSRs. Errors are `DataError`s with file, table and key."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tdxtui.cpuid import CpuidTable, Leaf, pack, unpack
from tdxtui.platform import ARCH_CAPABILITIES, FACTS, TSX_CTRL, Platform
from tdxtui.strict import Section, parse_hex, parse_hex_word, parse_toml, read_text


def load(path: Path) -> Platform:
    """The platform of a file; DataError for a file that can't be used."""
    return parse(read_text(path), str(path), path.stem)


def parse(text: str, source: str, name: str) -> Platform:
    """The platform of a file's text; `source` is what errors call the file."""
    top = Section(parse_toml(text, source), source)
    msrs = _msrs(top.table("msr"))
    if ARCH_CAPABILITIES not in msrs:
        raise top.error("msr", 'lacks "0x10a" (IA32_ARCH_CAPABILITIES), which the module looks at')
    platform = Platform(
        name=name,
        cpuid=_cpuid(top.table("cpuid")),
        arch_capabilities=msrs.pop(ARCH_CAPABILITIES),
        tsx_ctrl=msrs.pop(TSX_CTRL, 0),
        msrs=msrs,
        sockets=top.parsed_list("sockets", parse_hex_word),
        missing_facts=frozenset(top.parsed_list("missing_facts", _fact)),
        title=top.text("title"),
        source=top.text("source"),
        notes=top.parsed_list("notes", str),
    )
    top.done()
    return platform


def text_of(platform: Platform) -> str:
    """A platform as the text of its file, which reads back as the same platform."""
    msrs = {ARCH_CAPABILITIES: platform.arch_capabilities, TSX_CTRL: platform.tsx_ctrl, **platform.msrs}
    lines = [
        "# Native CPUID and MSRs as the TDX module meets them. Values are EAX EBX ECX EDX, hex.",
        "",
        f"title = {_quoted(platform.title)}",
        f"source = {_quoted(platform.source)}",
        *_list("notes", platform.notes),
        *_list("sockets", [f"{value:#x}" for value in platform.sockets]),
        *_list("missing_facts", sorted(platform.missing_facts)),
        "",
        "[cpuid]",
        *(f'"{leaf.key}" = "{" ".join(f"{word:08x}" for word in unpack(platform.cpuid[leaf]))}"'
          for leaf in sorted(platform.cpuid, key=lambda leaf: (leaf.leaf, leaf.subleaf or 0))),
        "",
        "[msr]",
        *(f'"{address:#x}" = "{value:#x}"'
          for address, value in msrs.items() if value or address != TSX_CTRL),
    ]
    return "\n".join(lines) + "\n"


def _list(key: str, items: Sequence[str]) -> list[str]:
    return [f"{key} = [", *(f"    {_quoted(item)}," for item in items), "]"] if items else []


def _quoted(text: str) -> str:
    """A TOML string, which writes what isn't printable as JSON does."""
    import json  # nobody who reads a platform needs it

    return json.dumps("".join(char if char.isprintable() else "?" for char in text), ensure_ascii=False)


def _fact(text: str) -> str:
    if text not in FACTS:
        raise ValueError(f"{text!r} is no fact of a platform; known are {', '.join(FACTS)}")
    return text


def _msrs(section: Section) -> dict[int, int]:
    out = {}
    for key in section:
        value = section.hex(key)
        try:
            address = parse_hex(key, 32)
        except ValueError as error:
            raise section.error(key, str(error)) from None
        if address in out:
            raise section.error(key, "is the same MSR as another key of this table")
        out[address] = value
    return out


def _cpuid(section: Section) -> CpuidTable:
    table = CpuidTable()
    for key in section:
        try:
            leaf = Leaf.parse(key)
        except ValueError as error:
            raise section.error(key, str(error)) from None
        if leaf in table:
            raise section.error(key, "is the same leaf as another key of this table")
        table[leaf] = section.parsed(key, _registers)
    return table


def _registers(text: str) -> int:
    parts = text.split()
    if len(parts) != 4 or any(len(part) != 8 for part in parts):
        raise ValueError(f"{text!r} is not four registers; write EAX EBX ECX EDX as 8 hex digits each")
    if not all(re.fullmatch("[0-9a-fA-F]+", part) for part in parts):
        raise ValueError(f"{text!r} has a digit that is not hex")
    return pack(*(int(part, 16) for part in parts))
