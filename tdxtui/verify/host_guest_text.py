"""`tdxtui explain`: where the features went, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tdxtui import catalog
from tdxtui.columns import counted, section, sentences
from tdxtui.cpuid import Field
from tdxtui.naming import bit_name
from tdxtui.td import TD_CTLS, names_of
from tdxtui.verify.host_guest import Explained, Gone, Where
from tdxtui.verify.observed import GUEST, NO_TD
from tdxtui.words.names import key_of

GONE = {
    Where.UNEXPLAINED: "Not explained: by what the module and the VMM do the guest would have them",
    Where.XFAM: "XFAM: the VMM left out {of}",
    Where.ATTRIBUTES: "ATTRIBUTES: the VMM left out {of}",
    Where.CONFIG: "Not configured: the module offers them, the VMM didn't ask for them (CPUID_CONFIG)",
    Where.NEEDS: "Hangs on another bit of the TD, or is computed from its settings: {of}",
    Where.GUEST: "Guest-controlled: TD_CTLS and FEATURE_PARAVIRT_CTLS of the guest decide",
    Where.FIXED: "Fixed 0: module {version} gives them to no TD",
    Where.ABSENT: "In leaves that module {version} answers with 0",
    Where.VE: "In leaves that give the guest #VE: its kernel answers, not the module",
    Where.RUN_TIME: "Decided at run time: by CR4, XCR0 or the mode of the one who asks",
}
CAME = {
    Where.UNEXPLAINED: "Not explained: by what the module and the VMM do the guest would lack them",
    Where.XFAM: "XFAM: the VMM set {of}",
    Where.ATTRIBUTES: "ATTRIBUTES: the VMM set {of}",
    Where.CONFIG: "Configured by the VMM, whatever the CPU has (CPUID_CONFIG)",
    Where.NEEDS: "Hangs on another bit of the TD, or is computed from its settings: {of}",
    Where.GUEST: "Guest-controlled: TD_CTLS and FEATURE_PARAVIRT_CTLS of the guest decide",
    Where.FIXED: "Fixed 1: module {version} gives them to every TD",
    Where.ABSENT: "In leaves that module {version} has no entry for",
    Where.VE: "In leaves that give the guest #VE: its kernel answered, not the module",
    Where.RUN_TIME: "Decided at run time: by CR4, XCR0 or the mode of the one who asks",
}


def text(found: Explained) -> list[str]:
    """Where the features went, what can be changed first."""
    lines = sentences(_heading(found))
    for in_guest, titles in ((False, GONE), (True, CAME)):
        features = [gone for gone in found.features if gone.in_guest is in_guest]
        who = "guest" if in_guest else "host"
        lines += ["", f"{counted(len(features), 'feature')} that only the {who} has"]
        lines += _groups(found, features, titles)
    return lines


def _heading(found: Explained) -> Iterator[str]:
    read = "read in the guest" if found.guest.view == GUEST else "read by the host (TDCS)"
    yield f"Host {found.host}, guest {found.guest.name} ({read}), module {found.module.version}"
    if found.chosen:
        also = f", as well as {', '.join(found.equal)}" if found.equal else ""
        yield f"Module {found.module.version} explains the guest best{also}; --module names another one."
    if not found.guest.is_td:
        yield NO_TD
    if found.impossible:
        yield (f"{counted(found.impossible, 'bit')} of the guest can't come from this module and host; "
               "tdxtui verify tells which.")
    if found.guest.is_td and (ctls := names_of(found.state.td_ctls, TD_CTLS)):
        yield f"The guest must have set TD_CTLS {', '.join(ctls)}."


def _groups(found: Explained, features: Iterable[Gone], titles: dict[Where, str]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for gone in sorted(features, key=_order):
        title = titles[gone.where].format(of=_condition(gone.of), version=found.module.version)
        groups.setdefault(title, []).append(key_of(gone.field))
    lines = []
    for title, names in groups.items():
        lines += section(f"{title} ({len(names)})", [sentences([f"  {', '.join(names)}"])])
    return lines


def _order(gone: Gone) -> tuple[int, bool]:
    return list(Where).index(gone.where), not _known_to_tools(gone)


def _condition(name: str) -> str:
    """A condition's name for people: a bit with its name, a computation in words."""
    try:
        bit = Field.parse(name)
    except ValueError:
        return name.replace("_", " ")
    return f"{name} ({bit_name(bit)})"


def _known_to_tools(gone: Gone) -> bool:
    """Whether QEMU, libvirt or Linux has a name for a feature: those are told first."""
    named = catalog.named_at(gone.field)
    return named is not None and bool(named.qemu or named.libvirt or named.linux)


def data(found: Explained) -> dict[str, Any]:
    """The features, for programs."""
    return {
        "host": found.host,
        "guest": found.guest.name,
        "view": found.guest.view,
        "looks_like_a_td": found.guest.is_td,
        "module": found.module.version,
        "equal_modules": list(found.equal),
        "unexplained_bits": found.impossible,
        "td_ctls": names_of(found.state.td_ctls, TD_CTLS),
        "notes": list(found.notes),
        "features": [_feature(gone) for gone in found.features],
    }


def _feature(gone: Gone) -> dict[str, Any]:
    named = catalog.named_at(gone.field)
    tools = {"qemu": named.qemu, "linux": named.linux} if named else {}
    where = {"where": gone.where.value, "of": gone.of}
    return {"field": gone.field.key, "name": gone.name, **tools, "in": "guest" if gone.in_guest else "host", **where}
