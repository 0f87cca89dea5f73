"""The wished bits that come out otherwise, the bits of one field together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from tdxtui import catalog
from tdxtui.anatomy import anatomy
from tdxtui.checking.finding import Finding, Kind, Layer
from tdxtui.classify import BitClass, classes_at
from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.evaluate import Situation
from tdxtui.reason import Kind as TermKind
from tdxtui.vmm import VmmLayer

_DECIDER = {
    Layer.MODULE: "the module decides it",
    Layer.PLATFORM: "the CPU decides it",
    Layer.TD: "the TD configuration decides it",
}


class Run(NamedTuple):
    """Bits of one field that the same layer decides, the lowest last; `field` is the part of it that is wished."""

    field: Field
    bits: list[Field]


def conflicts(situation: Situation, vmm: Sequence[VmmLayer]) -> Iterator[Finding]:
    """A finding for each field that comes out otherwise than wished."""
    for leaf, wrong in situation.conflicts.items():
        entry = situation.module.entry_for(leaf)
        value, mask = situation.model.wishes[leaf]
        if entry is None:
            yield from (_absent(situation, run, value) for run in runs(leaf, wrong, mask))
            continue
        got = situation.td.at(entry.leaf)
        kinds = classes_at(situation.module, entry.leaf)
        for run in runs(entry.leaf, wrong, mask):
            layer = decider(situation, run.bits[-1])
            yield Finding(
                Kind.CONFLICT, layer, "forced-on" if got & run.bits[-1].mask else "forced-off", _DECIDER[layer],
                field=run.field, bits=tuple(run.bits), wanted=run.field.get(value), got=run.field.get(got),
                bit_class=kinds.class_of(run.bits[-1]), says=_says(run, got, vmm), situation=situation,
            )


def _absent(situation: Situation, run: Run, value: int) -> Finding:
    message = f"module {situation.module.version} has no entry for this leaf, so it can't be configured"
    return Finding(
        Kind.CONFLICT, Layer.MODULE, "no-entry", message, field=run.field, bits=tuple(run.bits),
        wanted=run.field.get(value), situation=situation,
    )


def runs(leaf: Leaf, wrong: int, wished: int) -> Iterator[Run]:
    """The wrong bits of a packed leaf by the fields they are of; unnamed neighbours together."""
    for register in Register:
        here = wrong >> register.shift & 0xFFFFFFFF
        if here:
            yield from _register_runs(leaf, register, here, wished >> register.shift & 0xFFFFFFFF)


def _register_runs(leaf: Leaf, register: Register, wrong: int, wished: int) -> Iterator[Run]:
    bits = [Field.bit(leaf, register, number) for number in range(31, -1, -1) if wrong >> number & 1]
    for whole, group in groupby(enumerate(bits), lambda item: _whole(*item)):
        run = [bit for _, bit in group]
        part = wished & whole.register_mask if isinstance(whole, Field) else 0
        part = part or sum(bit.register_mask for bit in run)
        yield Run(Field(leaf, register, part.bit_length() - 1, (part & -part).bit_length() - 1), run)


def _whole(place: int, bit: Field) -> Field | int:
    """The field that a bit is of, or what unnamed bits share with their neighbours in a list from the high bit down."""
    named = catalog.named_at(bit)
    return named.field if named else place + bit.lsb


def decider(situation: Situation, bit: Field) -> Layer:
    """Which layer decides a bit that comes out otherwise than wished."""
    module, prepared = situation.module, situation.td.prepared
    about = anatomy(module, bit)
    kinds = {kind for kind, _ in about.base}
    if TermKind.MIRROR in kinds:
        return Layer.TD if about.kind is not BitClass.FIXED_0 else Layer.MODULE
    if kinds & {TermKind.CONSTANT, TermKind.VERIFIED}:
        # A constant 1 that a gate holds down.
        gated = about.gates and not situation.td.get(bit) and prepared.start_of(bit.leaf) & bit.mask
        return Layer.TD if gated else Layer.MODULE
    if kinds & {TermKind.COMPUTED, TermKind.TOPOLOGY}:
        return Layer.MODULE
    if TermKind.NATIVE in kinds and bool(prepared.start_of(bit.leaf) & bit.mask) is bool(situation.td.get(bit)):
        return Layer.PLATFORM
    return Layer.TD


def _says(run: Run, got: int, vmm: Sequence[VmmLayer]) -> tuple[str, ...]:
    """What a VMM that compares what it asked for with what the TD got tells its user."""
    bit = run.bits[-1]
    answer = "forced_on" if got & bit.mask else "forced_off"
    return tuple(text for layer in vmm if bit in layer.feature_names for text in layer.saying(answer))
