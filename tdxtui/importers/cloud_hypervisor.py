"""A Cloud Hypervisor command line that starts a TD: --platform tdx=on, --cpus boot=…,features=amx."""

from __future__ import annotations

import re

from tdxtui.importers import command_line, settings, spelled, vmm_lines
from tdxtui.importers.features_of_cpu import host_note, stem
from tdxtui.importers.registry import LAYOUT
from tdxtui.importers.result import Features, Imported, failed
from tdxtui.importers.statement import Statement
from tdxtui.td import ATTRIBUTES

NAME = "cloud-hypervisor"
TITLE = "a Cloud Hypervisor command line"
EVIDENCE = LAYOUT

_AMX = ("amx-tile", "amx-int8", "amx-bf16")
_CPUS, _PLATFORM = re.compile(r"--cpus[ =\0]"), re.compile(r"--platform[ =\0]")


def sniff(head: bytes) -> int:
    """Sure of its name beside --cpus, or of --platform with tdx."""
    if head.lstrip()[:1] in (b"<", b"{", b"["):
        return 0
    text = head.decode("latin-1")
    if _PLATFORM.search(text) and "tdx=on" in text:
        return 95
    return 92 if "cloud-hypervisor" in text and _CPUS.search(text) else 0


def read(data: bytes, name: str) -> Imported:
    """The TD that such a command line asks for."""
    found = command_line.find(data, name, lambda text: bool(_CPUS.search(text) or _PLATFORM.search(text)))
    where, notes, bits = f"line {found.line}", [host_note("Cloud Hypervisor")], Statement(spelled.QEMU)
    platform = vmm_lines.pairs(",".join(vmm_lines.values(found.words, "--platform")))
    if not settings.switch(platform.get("tdx", "off"), name, f"{where}: --platform tdx"):
        notes.append("--platform has no tdx=on: that is an ordinary VM. It is read as if it were a TD.")
    cpus = vmm_lines.pairs(",".join(vmm_lines.values(found.words, "--cpus")))
    amx = _has_amx(cpus.get("features", ""), name, where)
    for word in _AMX:
        bits.name(word, amx)
    notes.append("Cloud Hypervisor gives AMX only with features=amx." if not amx else "features=amx: AMX is wished.")
    if cpus.get("profile", "host").lower() != "host":
        notes.append("A CPU profile other than host is refused for a TD.")
    notes.append("ATTRIBUTES is SEPT_VE_DISABLE, as Cloud Hypervisor always has it; it makes no use of XFAM.")
    vcpus = [settings.number(cpus[key], name, f"{where}: --cpus {key}", settings.MAX_VCPUS, 1)
             for key in ("max", "boot") if key in cpus]
    attributes, most = ATTRIBUTES["SEPT_VE_DISABLE"], vcpus[0] if vcpus else 1
    return Imported(NAME, Features(stem(name), bits.wishes, attributes, None, most, host=True), tuple(notes))


def _has_amx(text: str, name: str, where: str) -> bool:
    words = [word.strip() for word in text.strip("[]").split(",") if word.strip()]
    for word in words:
        if word != "amx":
            raise failed(name, f"{where}: --cpus features", f"expected amx, found {word[:30]!r}")
    return bool(words)
