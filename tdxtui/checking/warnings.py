"""What is legal and still worth a look, found by masks: a warning for each sort, not for each bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tdxtui import catalog
from tdxtui.checking.bits import bits_of, feature_mask
from tdxtui.checking.finding import Finding, Kind, Layer, Severity
from tdxtui.classify import BitClass, classes_at
from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.evaluate import Situation
from tdxtui.module import Module
from tdxtui.resolve import program
from tdxtui.runtime import HYPERVISOR_LEAVES
from tdxtui.vmm import VmmLayer

Masks = dict[Leaf, int]


def warnings(situation: Situation, vmm: Sequence[VmmLayer]) -> Iterator[Finding]:
    """The warnings of a situation."""
    wishes = wished(situation)
    yield from _left_unset(situation, wishes, vmm)
    yield from _without_needs(situation, wishes)
    yield from _run_time(situation, wishes)
    yield from _unsure(situation, wishes)
    own = {leaf: mask for leaf, (_, mask) in situation.model.wishes.items() if leaf.leaf in HYPERVISOR_LEAVES}
    said = "no matter of the module: the guest gets #VE and asks the VMM, which answers as it likes (rules 7.1, D5.1)"
    yield from _warning("hypervisor-leaf", said, Layer.MODULE, own, situation)


def wished(situation: Situation) -> dict[Leaf, tuple[int, int]]:
    """The model's wishes by the entries that they fall to."""
    out: dict[Leaf, tuple[int, int]] = {}
    for leaf, (value, mask) in situation.model.wishes.items():
        entry = situation.module.entry_for(leaf)
        if entry is not None:
            before = out.get(entry.leaf, (0, 0))
            out[entry.leaf] = before[0] | value & mask, before[1] | mask
    return out


def _warning(code: str, message: str, layer: Layer, masks: Masks, situation: Situation) -> Iterator[Finding]:
    """One warning about all bits of some masks, if there are any."""
    bits = tuple(bit for leaf, mask in masks.items() for bit in bits_of(leaf, mask))
    if bits:
        yield Finding(
            Kind.WARNING, layer, code, message, field=bits[0] if len(bits) == 1 else None, bits=bits,
            severity=Severity.WARNING, situation=situation,
        )


# -- left 0 --


def _left_unset(
    situation: Situation, wishes: Mapping[Leaf, tuple[int, int]], vmm: Sequence[VmmLayer]
) -> Iterator[Finding]:
    """Configurable bits that the CPU has, nothing stands in the way of, and no line of the model mentions (4.2).

    Those that a guest reads as 1 all the same (D7) are none of them.
    """
    features: Masks = {}
    values: Masks = {}
    if situation.platform is None or situation.platform_refusal:
        return
    config, prepared = situation.td.config, situation.td.prepared
    code = program(situation.module)
    keep, _ = code.kept(config.xfam, config.attributes)
    ones = _unreduced_ones(situation.module)
    for leaf, configurable in situation.module.configurable.items():
        left = prepared.start_of(leaf) & configurable & keep[code.index[leaf]]
        left &= ~wishes.get(leaf, (0, 0))[1] & ~situation.td.at(leaf) & offered(leaf, vmm) & ~ones.get(leaf, 0)
        if left:
            features[leaf] = left & feature_mask(leaf)
            values[leaf] = left & ~feature_mask(leaf)
    said = "the CPU has these and the VMM may turn them on; the model doesn't mention them, so the guest reads 0"
    yield from _warning("left-unset", said, Layer.TD, features, situation)
    said = "these values can be configured; the model doesn't mention them, so the guest reads 0 there"
    yield from _warning("left-unset-values", said, Layer.TD, values, situation)


def offered(leaf: Leaf, vmm: Sequence[VmmLayer]) -> int:
    """The packed mask of a leaf's bits that every layer lets be turned on."""
    mask = ALL_ONES
    for layer in vmm:
        mask &= ~layer.refused.get(leaf, 0) & (layer.named.get(leaf, 0) | ~layer.words.get(leaf, 0))
    return mask & ALL_ONES


# -- a feature without what it needs --


class Need(NamedTuple):
    """A feature and another one that it needs, as Linux has it; `place` and `mask` of each in a TD's values."""

    bit: Field
    needed: Field
    place: int
    needed_place: int | None


def _needs(module: Module) -> tuple[Need, ...]:
    """The pairs whose feature a module has an entry for, worked out once per module."""
    found: tuple[Need, ...] | None = module.__dict__.get("_needs")
    if found is None:
        index = program(module).index
        listed = ((bit, needed) for bit, many in catalog.needs().items() for needed in many)
        pairs = ((module.entry_field(bit), module.entry_field(needed) or needed) for bit, needed in listed)
        found = module.__dict__["_needs"] = tuple(
            Need(bit, needed, index[bit.leaf], index.get(needed.leaf)) for bit, needed in pairs if bit is not None
        )
    return found


def _without_needs(situation: Situation, wishes: Mapping[Leaf, tuple[int, int]]) -> Iterator[Finding]:
    values, module = situation.td.values, situation.module
    for need in _needs(module):
        if not values[need.place] & need.bit.mask:
            continue
        if need.needed_place is not None and values[need.needed_place] & need.needed.mask:
            continue
        if _is_chosen(situation, need.bit, wishes) and situation.td.known_at(need.needed.leaf) & need.needed.mask:
            what = _name(need.needed)
            yield Finding(
                Kind.WARNING, Layer.TD, "needs", f"needs {what}, which the guest won't have", field=need.bit,
                bits=(need.bit,), got=1, severity=Severity.WARNING, situation=situation,
            )


def _is_chosen(situation: Situation, bit: Field, wishes: Mapping[Leaf, tuple[int, int]]) -> bool:
    """Whether a bit is there because somebody wanted it, or could be told away."""
    value = wishes.get(bit.leaf, (0, 0))[0]
    return bool((value | classes_at(situation.module, bit.leaf).flexible) & bit.mask)


def _name(bit: Field) -> str:
    from tdxtui.naming import bit_name

    return f"{bit_name(bit)} ({bit.key})"


# -- what the guest reads otherwise --


def _run_time(situation: Situation, wishes: Mapping[Leaf, tuple[int, int]]) -> Iterator[Finding]:
    module = situation.module
    masks: dict[BitClass, Masks] = {kind: {} for kind in (BitClass.GUEST, BitClass.DYNAMIC, BitClass.VE)}
    for leaf, (_, mask) in wishes.items():
        for kind, found in masks.items():
            if here := classes_at(module, leaf).masks.get(kind, 0) & mask:
                found[leaf] = here
    unreduced = _reads_one(situation, wishes)
    said = "the model wants 0, but a guest that doesn't set TD_CTLS.REDUCE_VE reads 1 (rule D7)"
    yield from _warning("guest-reads-1", said, Layer.MODULE, unreduced, situation)
    left = {leaf: mask & ~unreduced.get(leaf, 0) for leaf, mask in masks[BitClass.GUEST].items()}
    said = "the guest decides what it reads, through #VE reduction; what the model wants is only the start (rule D7)"
    yield from _warning("guest-controlled", said, Layer.MODULE, left, situation)
    said = "filled in as the guest executes CPUID, so a wish for it means nothing (rule 7.4)"
    yield from _warning("run-time", said, Layer.MODULE, masks[BitClass.DYNAMIC], situation)
    said = "CPUID of these leaves gives the guest #VE by default: its kernel or firmware answers (rule 7.2, D5)"
    yield from _warning("ve", said, Layer.MODULE, masks[BitClass.VE], situation)


def _reads_one(situation: Situation, wishes: Mapping[Leaf, tuple[int, int]]) -> Masks:
    ones = _unreduced_ones(situation.module).items()
    found = {leaf: mask & wishes[leaf][1] & ~wishes[leaf][0] for leaf, mask in ones if leaf in wishes}
    return {leaf: mask for leaf, mask in found.items() if mask}


def _unreduced_ones(module: Module) -> Masks:
    """The bits that a guest reads as 1 unless it sets REDUCE_VE, however they are configured (D7)."""
    out: Masks = {}
    for item in module.exit.guest_bits:
        if item.unreduced_one:
            out[item.bit.leaf] = out.get(item.bit.leaf, 0) | item.bit.mask
    return out


# -- what is not known --


def _unsure(situation: Situation, wishes: Mapping[Leaf, tuple[int, int]]) -> Iterator[Finding]:
    module = situation.module
    inferred = {leaf: classes_at(module, leaf).inferred & mask for leaf, (_, mask) in wishes.items()}
    said = f"not read in the source of module {situation.module.version}, but inferred from other versions"
    yield from _warning("inferred", said, Layer.MODULE, inferred, situation)
    if situation.td.known is not None:
        silent = {leaf: classes_at(module, leaf).masks.get(BitClass.VE, 0) for leaf in wishes}
        known = {leaf: situation.td.known_at(leaf) | mask for leaf, mask in silent.items()}
        unknown = {leaf: mask & ~known[leaf] for leaf, (_, mask) in wishes.items()}
        said = "not known without a CPU (--platform)"
        yield from _warning("unknown-cpu", said, Layer.PLATFORM, unknown, situation)
