"""Where each CPU feature went between a host and its TD: what the module, the VMM or the guest did with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from tdxtui import catalog, dump_platform, importers, library, situations
from tdxtui.classify import BitClass, classes_at
from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.dynamic import GuestState
from tdxtui.errors import TdxtuiError
from tdxtui.explain import Explainer
from tdxtui.importers import Features
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.resolve import VirtualCpuid
from tdxtui.strict import STDIN
from tdxtui.td import TdConfig
from tdxtui.verify.causes import CONFIG, FIXED, Cause, deciding
from tdxtui.verify.inference import inferred, settled
from tdxtui.verify.observed import Observed, observed
from tdxtui.verify.places import ground, modules, takes
from tdxtui.verify.prediction import Prediction, likely_state, misfit, predict

# What a machine shows by names; other formats that have features ask for them.
SEEN = ("proc-cpuinfo", "kcpuid-flags")


class Where(Enum):
    """Where a feature went, or came from, what can be changed first."""

    UNEXPLAINED = "unexplained"
    XFAM = "xfam"
    ATTRIBUTES = "attributes"
    CONFIG = "not-configured"
    NEEDS = "needs-another-bit"
    GUEST = "guest-controlled"
    FIXED = "module-fixed"
    ABSENT = "no-entry"
    VE = "ve"
    RUN_TIME = "run-time"


class Gone(NamedTuple):
    """A feature that only the host has (`in_guest` false) or only the guest; `of` names what it hangs on."""

    field: Field
    name: str
    in_guest: bool
    where: Where
    of: str = ""


@dataclass(frozen=True)
class Explained:
    """What became of the features. `module` explains the guest; `equal` are others that do so as well."""

    host: str
    guest: Observed
    td: VirtualCpuid
    state: GuestState
    chosen: bool
    equal: tuple[str, ...]
    impossible: int
    features: tuple[Gone, ...]
    notes: tuple[str, ...]

    @property
    def module(self) -> Module:
        """The module that the guest is explained by."""
        return self.td.module


class Host(NamedTuple):
    """A host: what is known of its CPUID, and the platform that it makes, None where that can't be had."""

    name: str
    seen: Observed
    platform: Platform | None
    notes: tuple[str, ...] = ()


def explained(host: str, guest: str, module: str | None, view: str | None = None) -> Explained:
    """Explain a guest by its host, both by name or file; TdxtuiError for what can't be found or read."""
    there = find_host(host)
    return explain(there, find_guest(guest, view), library.module(module) if module else None)


def find_host(text: str) -> Host:
    """A CPU by name, or what a file shows: a dump, or features by name."""
    if text in library.files("platforms") or text.endswith(".toml"):
        platform = library.platform(text)
        return Host(platform.name, observed(platform.name, platform.cpuid), platform)
    if text != STDIN and not Path(text).exists():
        raise TdxtuiError(f"there is no CPU or file {text!r}; CPUs are {', '.join(library.files('platforms'))}")
    read = importers.read_machine(text)
    if isinstance(read.what, Features) and read.format in SEEN:
        return Host(read.what.name, of_features(read.what), None, read.notes)
    dump = importers.dump_of(read, text)
    dump_platform.demand_intel(dump)
    platform = dump_platform.platform_of(dump)
    return Host(dump.name, observed(dump.name, dump.cpuid), platform, platform.notes)


def find_guest(text: str, view: str | None) -> Observed:
    """What a file shows of a guest."""
    read = importers.read_machine(text)
    if isinstance(read.what, Features) and read.format in SEEN:
        return of_features(read.what)
    dump = importers.dump_of(read, text)
    return observed(dump.name, dump.cpuid, view)


def of_features(features: Features) -> Observed:
    """Features by name: only these bits are known.

    A list of nothing but what is there, as /proc/cpuinfo has it, says of every other flag of Linux that it isn't.
    """
    known = dict.fromkeys(features.wishes, 0)
    if all(value & mask == mask for value, mask in features.wishes.values()):
        known |= linux_flags()
    for leaf, (_, mask) in features.wishes.items():
        known[leaf] |= mask
    values = {leaf: features.wishes.get(leaf, (0, 0))[0] for leaf in known}
    return Observed(features.name, values, known=known)


def linux_flags() -> dict[Leaf, int]:
    """The bits that Linux has a flag for, packed by leaf."""
    masks: dict[Leaf, int] = {}
    for row in catalog.rows():
        found = catalog.named_at(Field(row.first, row.register, row.msb, row.lsb))
        if found is not None and found.linux and found.field.is_bit:
            masks[row.first] = masks.get(row.first, 0) | found.field.mask
    return masks


def explain(host: Host, guest: Observed, module: Module | None = None) -> Explained:
    """Explain a guest by its host; without a module by the one that explains it best."""
    if module is None:
        best, equal, left = _best(host.platform, guest)
    else:
        best, equal, left = module, (), _misfit(module, host.platform, guest)
    td = _td(best, host.platform, guest)
    state = likely_state(td, guest)
    found = sorted(_features(host, guest, td, state), key=lambda gone: list(Where).index(gone.where))
    return Explained(host.name, guest, td, state, module is None, equal, left, tuple(found), host.notes)


def _td(module: Module, platform: Platform | None, guest: Observed) -> VirtualCpuid:
    on = ground(module, platform)
    return settled(on, inferred(on, TdConfig(xfam=module.xfam.fixed1), guest), guest)


def _misfit(module: Module, platform: Platform | None, guest: Observed) -> int:
    return misfit(_td(module, platform, guest), guest)


def _best(platform: Platform | None, guest: Observed) -> tuple[Module, tuple[str, ...], int]:
    """The module that leaves the fewest bits unexplained, others that leave as many, and that number.

    Of equals the usual one is taken, else the latest.
    """
    found = [(_misfit(module, platform, guest), module) for module in modules() if takes(module, platform)]
    if not found:
        raise TdxtuiError("no known module takes the host's CPU; tdxtui platforms says why, --module takes one anyway")
    least = min(left for left, _ in found)
    equal = [module for left, module in found if left == least]
    best = next((module for module in equal if module.version == situations.DEFAULT_MODULE), equal[-1])
    return best, tuple(module.version for module in equal if module is not best), least


# -- the features --


def _features(host: Host, guest: Observed, td: VirtualCpuid, state: GuestState) -> Iterator[Gone]:
    explainer = Explainer(td)
    for leaf in sorted({*host.seen.values, *guest.values}, key=lambda leaf: (leaf.leaf, leaf.subleaf or 0)):
        ours, theirs = host.seen.values.get(leaf, 0), guest.values.get(leaf, 0)
        differs = (ours ^ theirs) & _known(host.seen, leaf) & _known(guest, leaf)
        expected = predict(td, leaf, guest.view, state)
        for field, name in _named_bits(leaf, differs):
            where, of = _where(field, bool(theirs & field.mask), td, explainer, expected)
            yield Gone(field, name, bool(theirs & field.mask), where, of)


def _known(seen: Observed, leaf: Leaf) -> int:
    """What is known of a leaf: a dump that leaves one out shows nothing there, names leave all others open."""
    return seen.known.get(leaf, 0) if seen.known else ALL_ONES


def _named_bits(leaf: Leaf, mask: int) -> Iterator[tuple[Field, str]]:
    for named in catalog.fields_of(leaf):
        if named.field.is_bit and named.field.mask & mask:
            yield named.field, named.name


def _where(
    field: Field, in_guest: bool, td: VirtualCpuid, explainer: Explainer, expected: Prediction | None
) -> tuple[Where, str]:
    own = td.module.entry_field(field)
    if expected is None or expected.value is None:
        return Where.VE, ""
    if own is None:
        return (Where.UNEXPLAINED if in_guest else Where.ABSENT), ""
    if td.module.by_leaf[own.leaf].dynamic & own.mask:
        return Where.RUN_TIME, ""
    if bool(expected.value & field.mask) is not in_guest:
        free = expected.guest_ones if in_guest else expected.guest_zeros
        return (Where.GUEST if free & field.mask else Where.UNEXPLAINED), ""
    if expected.guest_zeros & field.mask or (in_guest and _reads_one(own, td)):
        return Where.GUEST, ""
    if classes_at(td.module, own.leaf).class_of(own) is (BitClass.FIXED_1 if in_guest else BitClass.FIXED_0):
        return Where.FIXED, ""
    return _place(deciding(explainer, own))


def _reads_one(own: Field, td: VirtualCpuid) -> bool:
    """Whether a bit reads 1 only because the guest hasn't set REDUCE_VE (D7)."""
    return not td.get(own) and any(item.bit == own and item.unreduced_one for item in td.module.exit.guest_bits)


def _place(cause: Cause) -> tuple[Where, str]:
    if cause.kind == FIXED:
        return Where.FIXED, ""
    if cause.kind == CONFIG:
        return Where.CONFIG, ""
    if cause.kind in ("XFAM", "ATTRIBUTES"):
        return Where[cause.kind], cause.name
    return Where.NEEDS, cause.name
