"""What libvirt says of a host's CPU: domain capabilities, capabilities, a lone <cpu>, and a model of its CPU map."""

from __future__ import annotations

from tdxtui import qemu_models
from tdxtui.importers import libvirt_cpu, spelled, xml_tree
from tdxtui.importers.entries import NOT_INTEL
from tdxtui.importers.features_of_cpu import stem
from tdxtui.importers.registry import REAL
from tdxtui.importers.result import Features, Imported, failed
from tdxtui.importers.statement import Statement
from tdxtui.importers.xml_tree import Node

NAME = "libvirt-cpu"
TITLE = "a CPU as libvirt describes it"
EVIDENCE = REAL

_ROOTS = ("domainCapabilities", "capabilities", "cpus", "cpu")


def sniff(head: bytes) -> int:
    """By the element at the root."""
    return 90 if xml_tree.root_tag(head) in _ROOTS else 0


def read(data: bytes, name: str) -> Imported:
    """The features that such a file states."""
    root = xml_tree.parse(data, name)
    notes: list[str] = []
    if root.tag == "cpus":
        return Imported(NAME, _mapped(root, name, notes), tuple(notes))
    cpu = _cpu(root, name, notes)
    model = cpu.find("model")
    title = model.text.strip() if model else ""
    bits = Statement(spelled.LIBVIRT)
    if title:
        _known(title, bits, notes)
    for feature in cpu.all("feature"):
        word = feature.attributes.get("name", "")
        if not word:
            raise failed(name, f"line {feature.line}", "<feature> has no name")
        libvirt_cpu.say(bits, word, feature.attributes.get("policy", "require") in ("require", "force"))
    notes += bits.notes()
    vendor = cpu.find("vendor")
    if vendor and vendor.text.strip() not in ("Intel", ""):
        notes.append(NOT_INTEL)
    if not bits.wishes:
        raise failed(name, f"line {cpu.line}", "<cpu> names no model and no feature")
    return Imported(NAME, Features(title or stem(name), bits.wishes), tuple(notes))


def _cpu(root: Node, name: str, notes: list[str]) -> Node:
    """The element that describes the CPU."""
    if root.tag == "domainCapabilities":
        return _host_model(root, name, notes)
    cpu = root if root.tag == "cpu" else root.find("host", "cpu")
    if cpu is None:
        raise failed(name, f"line {root.line}", f"expected a <cpu>, found <{root.tag[:30]}> without one")
    if root.tag == "capabilities":
        if not cpu.find("model"):
            message = "libvirt knows no model of this host's CPU; try virsh domcapabilities"
            raise failed(name, f"line {cpu.line}", message)
        notes.append("is libvirt's view of the host's CPU, named by the model that comes closest.")
    return cpu


def _host_model(root: Node, name: str, notes: list[str]) -> Node:
    modes = {mode.attributes.get("name"): mode for mode in (root.find("cpu") or root).all("mode")}
    found = modes.get("host-model")
    if found is None or found.attributes.get("supported") != "yes":
        message = "has no supported host-model; expected virsh domcapabilities of the host"
        raise failed(name, f"line {root.line}", message)
    tdx = root.find("features", "tdx")
    if tdx and tdx.attributes.get("supported") == "yes":
        notes.append("host-model and custom are listed as usable, but QEMU takes only host-passthrough for a TD.")
    elif tdx:
        notes.append("says that this host starts no TD (tdx supported='no').")
    notes.append("host-model is read: what the host's CPU and KVM can give an ordinary guest.")
    return found


def _known(word: str, bits: Statement, notes: list[str]) -> None:
    model = qemu_models.find(word)
    if model:
        bits.add(qemu_models.wishes(model))
        notes.append(f"{model.name}'s bits are as QEMU {model.qemu} has them, changed by the features listed.")
    else:
        notes.append(f"the bits of model {word[:40]!r} are not known here; only the features listed are read.")


def _mapped(root: Node, name: str, notes: list[str]) -> Features:
    """A model of libvirt's CPU map, which lists all its features; on a model that it builds upon, only the rest."""
    model = root.find("model")
    if model is None:
        kind = "the list of libvirt's feature names" if root.find("feature") else "a list of CPU map files"
        raise failed(name, f"line {root.line}", f"is {kind}, no CPU; the files x86_MODEL.xml beside it are")
    bits = Statement(spelled.LIBVIRT)
    if (base := model.find("model")) and base.attributes.get("name"):
        _known(base.attributes["name"], bits, notes)
    elif model.find("feature"):
        bits.add({leaf: (0, mask) for leaf, mask in qemu_models.named_bits().items()})
    for feature in model.all("feature"):
        removed = feature.attributes.get("removed") == "yes" or feature.attributes.get("added") == "no"
        libvirt_cpu.say(bits, feature.attributes.get("name", ""), not removed)
    notes += bits.notes()
    return Features(model.attributes.get("name", stem(name)), bits.wishes)
