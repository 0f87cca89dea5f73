"""`tdxtui show`: the CPUID of a model's TD, as TDH.MNG.INIT makes it or as a guest would see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tdxtui.catalog import title
from tdxtui.classify import BitClass, always_ve, classes_at, sum_masks
from tdxtui.columns import WIDTH, sentences
from tdxtui.cpuid import ALL_ONES, REGISTER_KEYS, Leaf, quad, unpack
from tdxtui.dynamic import GuestState
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import Situation
from tdxtui.field_runs import leaf_list
from tdxtui.runtime import cpuid

NEED_PLATFORM = ("xsave_size", "xsaves_size")


class ShownLeaf(NamedTuple):
    """One leaf: its packed value and the packed mask of its known bits; a value of None is #VE.

    `run_time` are the bits that the guest or the run time decides.
    """

    leaf: Leaf
    value: int | None
    known: int
    run_time: int


def leaves(situation: Situation, guest: GuestState | None) -> list[ShownLeaf]:
    """Every leaf that the module answers, in order; for a guest in the given state, or None as TDCS holds it."""
    shown = _stored(situation) if guest is None else _guest_leaves(situation, guest)
    return sorted(shown, key=lambda item: (item.leaf.leaf, item.leaf.subleaf or 0))


def _stored(situation: Situation) -> Iterator[ShownLeaf]:
    for entry in situation.module.entries:
        readable = entry.leaf not in situation.module.exit.faulting
        value = situation.td.at(entry.leaf) if readable else None
        yield ShownLeaf(entry.leaf, value, situation.td.known_at(entry.leaf), _run_time(situation, entry.leaf))


def _guest_leaves(situation: Situation, guest: GuestState) -> Iterator[ShownLeaf]:
    td, module = situation.td, situation.module
    for entry in module.entries:
        value = cpuid(td, entry.leaf.leaf, entry.leaf.subleaf or 0, guest)
        known = td.known_at(entry.leaf) | entry.dynamic | _decided(situation, entry.leaf, guest)
        yield ShownLeaf(entry.leaf, value, known & ~_unknown_sizes(situation, entry.leaf), 0)
    answered = {leaf.leaf for leaf in module.by_leaf}
    for number in module.exit.zero_leaves - answered:
        yield ShownLeaf(Leaf(number), cpuid(td, number, 0, guest), ALL_ONES, 0)


def _run_time(situation: Situation, leaf: Leaf) -> int:
    masks = classes_at(situation.module, leaf).masks
    dynamic = sum_masks(item.field for item in situation.module.exit.dynamic if item.field.leaf == leaf)
    return dynamic | masks.get(BitClass.GUEST, 0)


def _decided(situation: Situation, leaf: Leaf, guest: GuestState) -> int:
    """The guest-controlled bits that read a constant in this state of the guest, whatever the CPU (D7)."""
    here = [item for item in situation.module.exit.guest_bits if item.bit.leaf == leaf]
    if guest.has_td_ctl("REDUCE_VE", situation.module):
        return sum_masks(item.bit for item in here if not guest.feature_paravirt_ctls & item.control)
    return sum_masks(item.bit for item in here if item.unreduced_one)


def _unknown_sizes(situation: Situation, leaf: Leaf) -> int:
    """The XSAVE sizes, which only a CPU tells."""
    if situation.td.prepared.platform is not None:
        return 0
    rules = situation.module.exit.dynamic
    return sum_masks(item.field for item in rules if item.field.leaf == leaf and item.by in NEED_PLATFORM)


def problems(situation: Situation) -> list[str]:
    """Why the TD can't be, a line each; its values are those that it would have but for that."""
    out = []
    if situation.platform_refusal:
        out.append(f"The module refuses this CPU, so these are the values on an unknown one: "
                   f"{situation.platform_refusal}")
    return out + [f"The module refuses this TD, which would have these values but for this: {refusal}"
                  for refusal in situation.refusals]


# -- table --


def table(situation: Situation, guest: GuestState | None) -> list[str]:
    """The leaves as lines of at most 100 columns, four registers each in hex."""
    cpu = situation.platform.name if situation.platform else "unknown CPU"
    what = "what TDH.MNG.INIT gives the TD" if guest is None else "what the guest's CPUID returns"
    lines = [f"Model {situation.model.name}, module {situation.module.version}, {cpu}: {what}"]
    lines += sentences(problems(situation))
    lines.append(f"{'leaf':10} {'EAX':8} {'EBX':8} {'ECX':8} EDX")
    found = leaves(situation, guest)
    lines += [_row(situation, item, guest is None) for item in found]
    return lines + _legend(situation, found, guest is None)


def _row(situation: Situation, item: ShownLeaf, stored: bool) -> str:
    value = "#VE" if item.value is None else " ".join(_digits(item))
    about = [title(item.leaf), *(_marks(situation, item) if stored and item.value is not None else ())]
    return f"{item.leaf.key:10} {value:35}  {'; '.join(part for part in about if part)}".rstrip()[:WIDTH]


def _marks(situation: Situation, item: ShownLeaf) -> Iterator[str]:
    if always_ve(situation.module, item.leaf):
        yield "#VE by default"
    elif item.run_time:
        yield "in part run time"


def _digits(item: ShownLeaf) -> Iterator[str]:
    """Each register in hex, with a ``?`` for a digit that isn't wholly known."""
    value, known = quad(item.value or 0), quad(item.known)
    text = "".join(digit if mask == "f" else "?" for digit, mask in zip(value, known, strict=True))
    return (text[at : at + 8] for at in range(0, 32, 8))


def _legend(situation: Situation, found: Iterable[ShownLeaf], stored: bool) -> list[str]:
    items = list(found)
    said = []
    if any(item.value is not None and item.known != ALL_ONES for item in items):
        said.append("? depends on the CPU; name one with --platform.")
    if any(item.value is None for item in items):
        who = "nobody can read it, and CPUID gives the guest #VE" if stored else "its own kernel must answer"
        said.append(f"#VE: {who}.")
    if stored and any(always_ve(situation.module, item.leaf) and item.value is not None for item in items):
        said.append("#VE by default: the guest reads it only once it has set TD_CTLS bits; see --guest --td-ctls.")
    if stored and any(item.run_time for item in items):
        said.append("in part run time: the guest reads some bits otherwise; see --guest.")
    return ["", *sentences(said)] if said else []


# -- as cpuid -r prints it --


def raw(situation: Situation, guest: GuestState | None) -> tuple[list[str], list[str]]:
    """The lines of ``cpuid -r``, and notes on what they lack. TdxtuiError where values depend on an unknown CPU."""
    found = leaves(situation, guest)
    unknown = [item.leaf for item in found if item.value is not None and item.known != ALL_ONES]
    if unknown:
        more = f" and {len(unknown) - 4} more" if len(unknown) > 4 else ""
        raise TdxtuiError(f"leaves {leaf_list(unknown[:4])}{more} depend on the CPU; name one with --platform")
    lines = ["CPU 0:", *(_raw(item.leaf, item.value) for item in found if item.value is not None)]
    missing = [item.leaf for item in found if item.value is None]
    note = f"left out, since CPUID gives #VE there: {leaf_list(missing)}"
    return lines, [*problems(situation), *([note] if missing else [])]


def _raw(leaf: Leaf, value: int) -> str:
    words = " ".join(f"{key}=0x{word:08x}" for key, word in zip(REGISTER_KEYS, unpack(value), strict=True))
    return f"   0x{leaf.leaf:08x} 0x{leaf.subleaf or 0:02x}: {words}"


# -- for programs --


def data(situation: Situation, guest: GuestState | None) -> dict[str, Any]:
    """The leaves for programs."""
    return {
        "model": situation.model.name,
        "module": situation.module.version,
        "platform": situation.platform.name if situation.platform else None,
        "guest": guest is not None,
        "refusals": problems(situation),
        "leaves": [_leaf_data(situation, item) for item in leaves(situation, guest)],
    }


def _leaf_data(situation: Situation, item: ShownLeaf) -> dict[str, Any]:
    out: dict[str, Any] = {"leaf": item.leaf.key, "title": title(item.leaf), "ve": item.value is None}
    if item.value is not None:
        out |= _registers("", item.value & item.known)
        out |= {} if item.known == ALL_ONES else _registers("known_", item.known)
        out |= _registers("run_time_", item.run_time) if item.run_time else {}
    return out


def _registers(prefix: str, packed: int) -> dict[str, str]:
    return {f"{prefix}{key}": f"{word:#010x}" for key, word in zip(REGISTER_KEYS, unpack(packed), strict=True)}
