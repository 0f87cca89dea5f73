"""The names of one tool for CPUID's bits, looked up as that tool does, and what an unknown one may mean."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from tdxtui import catalog
from tdxtui.catalog.tables import rows
from tdxtui.cpuid import Field

QEMU, LIBVIRT, LINUX = "QEMU", "libvirt", "Linux"
_COLUMNS = {QEMU: 1, LIBVIRT: 2, LINUX: 3}

# Other spellings that a tool takes for names of its own; QEMU takes "_" for "-" besides.
_ALIASES: Mapping[str, Mapping[str, str]] = MappingProxyType({
    QEMU: {"sse3": "pni", "pclmuldq": "pclmulqdq", "sse4-1": "sse4.1", "sse4-2": "sse4.2", "xd": "nx",
           "ffxsr": "fxsr-opt", "i64": "lm"},
    LIBVIRT: {},
    LINUX: {},
})

# Features of IA32_ARCH_CAPABILITIES and IA32_CORE_CAPABILITIES, which VMMs name as if they were CPUID's.
_OF_MSRS = frozenset((
    "split-lock-detect", "rdctl-no", "ibrs-all", "rsba", "skip-l1dfl-vmentry", "ssb-no", "mds-no", "pschange-mc-no",
    "tsx-ctrl", "taa-no", "sbdr-ssdp-no", "fbsdp-no", "psdp-no", "fb-clear", "bhi-no", "pbrsb-no", "gds-no", "rfds-no",
    "rfds-clear", "its-no",
))


def field(tool: str, name: str) -> Field | None:
    """The bit that a tool means by a name, None if it has none of that name."""
    word = _loose(tool, name)
    return _names(tool).get(_ALIASES[tool].get(word, word))


def of_an_msr(name: str) -> bool:
    """Whether a VMM's feature is a bit of an MSR, not of CPUID."""
    word = name.replace("_", "-")
    return word.startswith("vmx-") or word in _OF_MSRS


def is_paravirtual(at: Field) -> bool:
    """Whether a bit belongs to the leaves that a hypervisor makes up."""
    return 0x40000000 <= at.leaf.leaf < 0x50000000


def nearest(tool: str, name: str) -> str:
    """A name of the tool that comes close, "" if none does."""
    from difflib import get_close_matches  # only for what is unknown

    close = get_close_matches(_loose(tool, name), _names(tool), n=1, cutoff=0.75)
    return close[0] if close else ""


def _loose(tool: str, name: str) -> str:
    return name.replace("_", "-") if tool == QEMU else name


@cache
def _names(tool: str) -> dict[str, Field]:
    column = _COLUMNS[tool]
    out: dict[str, Field] = {}
    for row in rows():
        if word := row.names[column]:
            out.setdefault(_loose(tool, word), Field(row.first, row.register, row.msb, row.lsb))
    return out


def shown(at: Field) -> str:
    """A bit for people: its catalogue name and its place."""
    named = catalog.named_at(at)
    return f"{named.name} ({at.key})" if named else at.key
