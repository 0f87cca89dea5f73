"""libvirt's ``<cpudata arch='x86'>``: CPUID and MSRs, as its cpu-gather scripts and its tests write them."""

from __future__ import annotations

from tdxtui.cpuid import CpuidTable, Leaf, pack
from tdxtui.dump import LogicalCpu
from tdxtui.importers import xml_tree
from tdxtui.importers.entries import dump, plain
from tdxtui.importers.registry import REAL
from tdxtui.importers.result import Imported, failed
from tdxtui.importers.xml_tree import Node
from tdxtui.strict import parse_hex_word

NAME = "libvirt-cpudata"
TITLE = "libvirt's cpudata XML"
EVIDENCE = REAL


def sniff(head: bytes) -> int:
    """Sure of the root element."""
    return 95 if b"<cpudata" in head else 0


def read(data: bytes, name: str) -> Imported:
    """The dump of such a text."""
    root = xml_tree.parse(data, name)
    if root.tag != "cpudata":
        raise failed(name, f"line {root.line}", f"expected <cpudata>, found <{root.tag}>")
    if root.attributes.get("arch") not in (None, "x86", "x86_64"):
        raise failed(name, f"line {root.line}", f"expected arch='x86', found {root.attributes['arch']!r}")
    table, msrs = CpuidTable(), {}
    for node in root.children:
        if node.tag == "cpuid":
            leaf = Leaf(_word(node, "eax_in", name), _word(node, "ecx_in", name, 0))
            value = pack(*(_word(node, key, name, 0) for key in ("eax", "ebx", "ecx", "edx")))
            if table.setdefault(leaf, value) != value:
                raise failed(name, f"line {node.line}", f"has leaf {leaf.key} a second time, with another value")
        elif node.tag == "msr":
            msrs[_word(node, "index", name)] = _word(node, "edx", name, 0) << 32 | _word(node, "eax", name, 0)
        else:
            raise failed(name, f"line {node.line}", f"expected <cpuid> or <msr>, found <{node.tag}>")
    return dump(name, NAME, [LogicalCpu(None, plain(table), msrs)])


def _word(node: Node, key: str, name: str, default: int | None = None) -> int:
    text = node.attributes.get(key)
    if text is None and default is not None:
        return default
    try:
        return parse_hex_word(text or "")
    except ValueError as error:
        raise failed(name, f"line {node.line}", f"{key}: {error}") from None
