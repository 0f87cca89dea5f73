"""Virtualization types: as Intel's table words them, and as a module's file states them bit by bit."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from tdxtui.classify import BitClass, EntryClasses, classes
from tdxtui.cpuid import Leaf
from tdxtui.module import Module


class Kind(NamedTuple):
    """A type: what decides the bit, and what else must be so for a 1 (XFAM, ATTRIBUTES, or "bit" for another bit).

    `base` is fixed0, fixed1, configured, configured_native, native, computed or unknown.
    """

    base: str
    scopes: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """The type in Intel's words; Fixed with its value."""
        words = [_WORDS[scope] for scope in ("XFAM", "ATTRIBUTES", "bit") if scope in self.scopes]
        return " & ".join([*words, _WORDS[self.base]])


Kinds = dict[Leaf, dict[Kind, int]]

COMPUTED, UNKNOWN = Kind("computed"), Kind("unknown")
_WORDS = {
    "XFAM": "XFAM", "ATTRIBUTES": "Attributes", "bit": "CPUID_Enabled", "fixed0": "Fixed 0", "fixed1": "Fixed 1",
    "configured": "Configured", "configured_native": "Configured & Native", "native": "Native",
    "computed": "Calculated", "unknown": "unknown",
}
_SCOPES = {"xfam": "XFAM", "attributes": "ATTRIBUTES", "attribute": "ATTRIBUTES", "cpuid_enabled": "bit"}
_COMPUTED = {"calculated", "special", "dynamic"}
_KNOWN = {"configured", "native", *_SCOPES}
_CLASSES = {
    BitClass.FIXED_0: "fixed0", BitClass.FIXED_1: "fixed1", BitClass.CONFIGURED: "configured",
    BitClass.CONFIGURED_NATIVE: "configured_native", BitClass.NATIVE: "native", BitClass.ATTRIBUTES: "native",
}


def kind_of(text: str) -> Kind | None:
    """The type of Intel's words, in any case and order: None for Fixed, whose value decides, UNKNOWN if not known."""
    words = {re.sub(r"[\s_]+", "_", word.strip().casefold()) for word in text.split("&")}
    if words == {"fixed"}:
        return None
    if words & _COMPUTED and words <= _COMPUTED | _KNOWN:
        return COMPUTED
    if not words <= _KNOWN:
        return UNKNOWN
    scopes = frozenset(_SCOPES[word] for word in words if word in _SCOPES)
    if "configured" in words:
        return Kind("configured_native" if "native" in words else "configured", scopes)
    return Kind("native", scopes)


def kinds(module: Module) -> Kinds:
    """Each entry's bits by type, as masks that share no bit and leave none out.

    What the run time makes of them (#VE, bits that the guest controls) hides no type. Worked out once per module.
    """
    found: Kinds | None = module.__dict__.get("_kinds")
    if found is None:
        plain = replace(module, exit=module.exit._replace(faulting=frozenset(), needs={}, guest_bits=()))
        found = module.__dict__["_kinds"] = {leaf: _of_entry(item) for leaf, item in classes(plain).items()}
    return found


def _of_entry(found: EntryClasses) -> dict[Kind, int]:
    out: dict[Kind, int] = {}
    for bit_class, mask in found.masks.items():
        if bit_class not in _CLASSES:
            _add(out, COMPUTED, mask)
            continue
        scopes = frozenset({"ATTRIBUTES"}) if bit_class is BitClass.ATTRIBUTES else frozenset()
        for kind, part in _by_gates(found, mask, Kind(_CLASSES[bit_class], scopes)):
            _add(out, kind, part)
    return out


def _by_gates(found: EntryClasses, mask: int, kind: Kind) -> list[tuple[Kind, int]]:
    """A class's bits by the scopes of the gates that clear them; a fixed 1 that a gate clears is native."""
    parts = {kind: mask}
    for gate, cleared in found.gates:
        scopes = frozenset(condition.scope for condition in gate.needs)
        for old, part in list(parts.items()):
            if both := part & cleared:
                base = "native" if old.base == "fixed1" else old.base
                parts[old] = part & ~both
                _add(parts, Kind(base, old.scopes | scopes), both)
    return [(kind, part) for kind, part in parts.items() if part]


def _add(masks: dict[Kind, int], kind: Kind, mask: int) -> None:
    masks[kind] = masks.get(kind, 0) | mask
