"""An alioth command line that starts a TD: --coco tdx,attr=0x…"""

from __future__ import annotations

import re

from tdxtui.importers import command_line, settings, vmm_lines
from tdxtui.importers.features_of_cpu import host_note, stem
from tdxtui.importers.registry import LAYOUT
from tdxtui.importers.result import Features, Imported, failed

NAME = "alioth"
TITLE = "an alioth command line"
EVIDENCE = LAYOUT

_COCO = re.compile(r"--coco[ =\0]+[\"']?(?:intel-)?tdx\b", re.IGNORECASE)
_BARE = re.compile(r"\A\s*(?:intel-)?tdx,attr=\S+\s*\Z")


def sniff(head: bytes) -> int:
    """Sure of --coco tdx, and of a bare tdx,attr=0x…"""
    text = head.decode("latin-1")
    return 95 if _COCO.search(text) else 80 if _BARE.match(text) else 0


def read(data: bytes, name: str) -> Imported:
    """The TD that such a command line asks for: the host's CPUID as far as the module lets it be configured."""
    text = data.decode("latin-1")
    if _BARE.match(text):
        where, words = "line 1", ["--coco", text.strip()]
    else:
        found = command_line.find(data, name, lambda line: "--coco" in line)
        where, words = f"line {found.line}", found.words
    coco = vmm_lines.pairs(",".join(vmm_lines.values(words, "--coco")))
    if not {"tdx", "intel-tdx"} & coco.keys():
        raise failed(name, where, f"--coco is {','.join(coco)[:30]!r}; expected tdx,attr=0x...")
    if "attr" not in coco:
        raise failed(name, where, "--coco tdx has no attr=; expected ATTRIBUTES in hex as attr=0x10000000")
    notes = (host_note("alioth"), "XFAM is x87 and SSE: alioth asks for no more than the module demands.")
    attributes = settings.number(coco["attr"], name, f"{where}: attr")
    vcpus = _vcpus(words, name, where)
    return Imported(NAME, Features(stem(name), {}, attributes, 3, vcpus, host=True), notes)


def _vcpus(words: list[str], name: str, where: str) -> int:
    counts = [vmm_lines.pairs(text).get("count", "1") for text in vmm_lines.values(words, "--cpu")]
    counts += vmm_lines.values(words, "--num-cpu")
    return settings.number(counts[-1], name, f"{where}: number of CPUs", settings.MAX_VCPUS, 1) if counts else 1
