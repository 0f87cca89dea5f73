"""``struct kvm_tdx_init_vm``: what a VMM hands to KVM_TDX_INIT_VM."""

from __future__ import annotations

import struct

from tdxtui import catalog
from tdxtui.cpuid import Field, Leaf, Register, pack
from tdxtui.importers import kvm_entries
from tdxtui.importers.features_of_cpu import stem
from tdxtui.importers.kvm_entries import HEADER
from tdxtui.importers.registry import LAYOUT
from tdxtui.importers.result import Features, Imported, failed
from tdxtui.td import CONFIG_FLAGS

NAME = "kvm-tdx-init-vm"
TITLE = "a struct kvm_tdx_init_vm"
EVIDENCE = LAYOUT

_ENTRIES_AT = 256
_HEADER = _ENTRIES_AT + HEADER.size
_RESERVED = slice(160, 256)
_DIGESTS = {"mrconfigid": 16, "mrowner": 64, "mrownerconfig": 112}
_PHYS_BITS = Field(Leaf(0x80000008), Register.EAX, 23, 16)


def sniff(head: bytes) -> int:
    """Sure if reserved words are 0 and the first entry's padding is too; a binary has no name in it."""
    if len(head) < _HEADER or any(head[_RESERVED]):
        return 0
    return 88 if kvm_entries.looks_right(head, _ENTRIES_AT) else 0


def read(data: bytes, name: str) -> Imported:
    """ATTRIBUTES, XFAM, digests, and the bits of the CPUID entries."""
    if len(data) < _HEADER:
        raise failed(name, "", f"has {len(data)} bytes; struct kvm_tdx_init_vm has at least {_HEADER}")
    if any(data[_RESERVED]):
        raise failed(name, "byte 160", "reserved words aren't 0: KVM refuses that, or it is another structure")
    attributes, xfam = struct.unpack_from("<QQ", data)
    notes = ["MAX_VCPUS and the TSC frequency aren't in it: other calls set them."]
    entries = _entries(data, name, notes)
    flags = CONFIG_FLAGS["NO_RBP_MOD"] | _gpaw(entries, name, notes)
    found = {key: data[at : at + 48] for key, at in _DIGESTS.items() if any(data[at : at + 48])}
    wishes = {leaf: (value, value) for leaf, value in entries.items() if value}
    settings: dict[str, object] = {"config_flags": flags, **found}
    return Imported(NAME, Features(stem(name), wishes, attributes, xfam, None, settings, False, entries), tuple(notes))


def _entries(data: bytes, name: str, notes: list[str]) -> dict[Leaf, int]:
    """The entries by leaf. Their index counts even without the flag for it, which VMMs forget."""
    out: dict[Leaf, int] = {}
    unflagged = 0
    for at, function, index, flags, words in kvm_entries.entries(data, _ENTRIES_AT, name):
        leaf = Leaf(function, index if index or catalog.has_subleaves(function) else None)
        if leaf in out:
            raise failed(name, f"byte {at}", f"has leaf {leaf.key} a second time")
        out[leaf] = pack(*words)
        unflagged += bool(index and not flags & kvm_entries.SIGNIFICANT_INDEX)
    if unflagged:
        notes.append(f"{unflagged} entries lack KVM_CPUID_FLAG_SIGNIFCANT_INDEX; their index is taken all the same.")
    return out


def _gpaw(entries: dict[Leaf, int], name: str, notes: list[str]) -> int:
    """The guest's physical width, which KVM takes from CPUID 80000008H and clears before the module sees it."""
    leaf = next((leaf for leaf in entries if leaf.leaf == _PHYS_BITS.leaf.leaf), None)
    if leaf is None:
        notes.append("has no entry 80000008H, without which KVM_TDX_INIT_VM fails (EINVAL).")
        return 0
    width = _PHYS_BITS.get(entries[leaf])
    entries[leaf] = _PHYS_BITS.put(entries[leaf], 0)
    if width not in (48, 52):
        notes.append(f"80000008.eax[23:16] is {width}; KVM takes only 48 or 52 (EINVAL).")
    return CONFIG_FLAGS["GPAW"] if width > 48 else 0
