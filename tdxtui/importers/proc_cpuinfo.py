"""/proc/cpuinfo: the flags, in Linux's names. Those that Linux makes up are no CPUID bits."""

from __future__ import annotations

import re
from itertools import islice

from tdxtui.importers import spelled
from tdxtui.importers.features_of_cpu import stem
from tdxtui.importers.registry import REAL
from tdxtui.importers.result import Features, Imported, failed
from tdxtui.importers.statement import Statement, few

NAME = "proc-cpuinfo"
TITLE = "the flags of /proc/cpuinfo"
EVIDENCE = REAL

MAX_LINE = 1 << 15
MAX_CPUS = 16384
_FLAGS = re.compile(rb"^[ \t]*flags[ \t]*:[ \t]*(.*?)[ \t\r]*$", re.MULTILINE)
_NAME = re.compile(rb"^[ \t]*model name[ \t]*:[ \t]*(.*?)[ \t\r]*$", re.MULTILINE)
_VENDOR = re.compile(rb"^[ \t]*vendor_id[ \t]*:[ \t]*(\S*)", re.MULTILINE)
_LIKELY = frozenset((b"fpu", b"msr", b"sse2", b"apic", b"lm"))


def sniff(head: bytes) -> int:
    """Sure of a line of flags with the ones that every x86 has."""
    match = _FLAGS.search(head)
    return 90 if match and len(_LIKELY & set(match[1].split())) > 2 else 0


def read(data: bytes, name: str) -> Imported:
    """The bits that the flags of the first processor show as 1."""
    lines = _lines(data, name)
    bits, ignored, notes = Statement(spelled.LINUX), [], []
    for flag in lines[0].split():
        word = flag.decode("latin-1")
        if spelled.field(spelled.LINUX, word):
            bits.name(word, True)
        else:
            ignored.append(word)
    if not bits.wishes:
        raise failed(name, "", f"has no flag that Linux has for a CPUID bit; found {few(ignored)}")
    if unlike := sum(line != lines[0] for line in lines[1:]):
        notes.append(f"{unlike} of {len(lines)} processors have other flags than the first, which is read.")
    if ignored:
        notes.append(f"{few(ignored)}: Linux's own flags, no CPUID bits by themselves; left out.")
    notes.append("A flag that isn't there is no wish: Linux hides some bits, and older kernels don't know all.")
    vendor = _VENDOR.search(data)
    if vendor and vendor[1] != b"GenuineIntel":
        notes.append("is of a CPU that isn't Intel's: no TDX module runs on it.")
    if "tdx_guest" in ignored:
        notes.append("tdx_guest: these are the flags of a TD.")
    model = _NAME.search(data)
    return Imported(NAME, Features(model[1].decode("latin-1")[:60] if model else stem(name), bits.wishes), tuple(notes))


def _lines(data: bytes, name: str) -> list[bytes]:
    """Every processor's flags; ImportFailed if there are none, or far more than any CPU has."""
    lines = [match[1] for match in islice(_FLAGS.finditer(data), MAX_CPUS)]
    if not lines:
        raise failed(name, "", "has no line of flags; expected flags : fpu vme ... of an x86 CPU")
    if not lines[0]:
        raise failed(name, "", "has a line of flags without any")
    if max(map(len, lines)) > MAX_LINE:
        raise failed(name, "", f"has a line of flags of more than {MAX_LINE >> 10} KiB; no CPU has so many")
    return lines
