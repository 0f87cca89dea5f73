"""libvirt's <cpu>: its mode, model and features with their policies, in libvirt's names."""

from __future__ import annotations

from typing import NamedTuple

from tdxtui import qemu_models
from tdxtui.importers import spelled
from tdxtui.importers.features_of_cpu import host_note
from tdxtui.importers.result import failed
from tdxtui.importers.statement import Statement, few
from tdxtui.importers.xml_tree import Node

HOST_MODES = ("host-passthrough", "maximum")
_POLICIES = {"force": True, "require": True, "disable": False, "forbid": False}


class LibvirtCpu(NamedTuple):
    """What a <cpu> says: `host` where the rest is the host's."""

    host: bool
    bits: Statement
    pks: bool


def read(cpu: Node | None, name: str, notes: list[str]) -> LibvirtCpu:
    """The bits of a <cpu>; notes say what a TD doesn't take of it."""
    bits = Statement(spelled.LIBVIRT)
    mode = cpu.attributes.get("mode", "custom") if cpu else ""
    if cpu is None:
        notes.append("has no <cpu>: libvirt lets QEMU take a named model, which it refuses for a TD; host is taken.")
    elif mode not in (*HOST_MODES, "host-model", "custom"):
        modes = ", ".join((*HOST_MODES, "host-model", "custom"))
        raise failed(name, f"line {cpu.line}", f"mode is {mode[:30]!r}; expected one of {modes}")
    host = cpu is None or mode in HOST_MODES
    if host:
        notes.append(host_note(f"<cpu mode='{mode or HOST_MODES[0]}'>"))
    elif cpu is not None:
        _model(cpu, mode, bits, notes)
    pks = _features(cpu, bits, name, notes) if cpu else False
    notes += bits.notes()
    return LibvirtCpu(host, bits, pks)


def _model(cpu: Node, mode: str, bits: Statement, notes: list[str]) -> None:
    """The bits of a named model, if it is one of QEMU's; libvirt hands the name on to QEMU."""
    model = cpu.find("model")
    word = model.text.strip() if model else ""
    known = qemu_models.find(word) if word else None
    bits_of = f"its bits are wished as QEMU {known.qemu} has them." if known else "its bits are not known here."
    if not word and mode == "host-model":
        bits_of = "libvirt works it out on the host; its bits are not in this file."
    notes.append(f"<cpu mode='{mode}'> {word[:40]} becomes a named model, which QEMU refuses for a TD (only "
                 f"host-passthrough is taken); {bits_of}")
    if known:
        bits.add(qemu_models.wishes(known))


def _features(cpu: Node, bits: Statement, name: str, notes: list[str]) -> bool:
    """Say the features; whether pks is one that is on."""
    optional: list[str] = []
    for feature in cpu.all("feature"):
        where = f"line {feature.line}"
        word, policy = feature.attributes.get("name", ""), feature.attributes.get("policy", "require")
        if not word:
            raise failed(name, where, "<feature> has no name")
        if policy in _POLICIES:
            say(bits, word, _POLICIES[policy])
        elif policy == "optional":
            optional.append(word)
        else:
            raise failed(name, where, f"policy is {policy[:30]!r}; expected {', '.join((*_POLICIES, 'optional'))}")
    if optional:
        notes.append(f"{few(optional)}: optional, so the host decides; no wish.")
    return bool(bits.wished("pks"))


def say(bits: Statement, word: str, on: bool) -> None:
    """Say a feature by libvirt's name, or by QEMU's where libvirt has none."""
    at = None if spelled.field(spelled.LIBVIRT, word) else spelled.field(spelled.QEMU, word)
    if at is not None and not spelled.is_paravirtual(at):
        bits.names[word] = at
        bits.say(at, (1 << at.width) - 1 if on else 0)
    else:
        bits.name(word, on)
