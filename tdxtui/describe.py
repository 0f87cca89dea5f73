"""What a bit is and who decides it, in a few short lines, from the statements that computed it."""

from __future__ import annotations

from dataclasses import dataclass

from tdxtui import catalog
from tdxtui.classify import BitClass, Group, always_ve
from tdxtui.cpuid import Field
from tdxtui.editor import Editor
from tdxtui.module import Condition


@dataclass(frozen=True)
class Description:
    """A bit's names, class and group, value, the conditions with their present state, and a note."""

    name: str
    names: str
    kind: BitClass
    group: Group
    value: str
    sentence: str
    conditions: tuple[tuple[str, bool], ...]
    note: str


SENTENCES = {
    BitClass.VE: "The leaf gives a guest with default TD_CTLS #VE.",
    BitClass.DYNAMIC: "The run time decides: {how}.",
    BitClass.GUEST: "The guest decides: REDUCE_VE, FEATURE_PARAVIRT_CTLS.",
    BitClass.FIXED_0: "Fixed to 0 by the module.",
    BitClass.FIXED_1: "Fixed to 1: by the module, or demanded of every CPU.",
    BitClass.CONFIGURED: "Configured: CPUID_CONFIG decides, whatever the CPU has.",
    BitClass.CONFIGURED_NATIVE: "Configured & Native: CPUID_CONFIG AND the CPU's bit.",
    BitClass.ATTRIBUTES: "Shows a bit of ATTRIBUTES.",
    BitClass.COMPUTED: "Computed by the module: {how}.",
    BitClass.NATIVE: "Native: the CPU's value passes through.",
}


def describe(editor: Editor, bit: Field) -> Description:
    """The description of a bit of an entry of the editor's module."""
    entry = editor.classes_at(bit.leaf)
    named = catalog.named_at(bit)
    kind = entry.class_of(bit)
    conditions = dict.fromkeys(item for gate in entry.gates_of(bit) for item in gate.needs)
    return Description(
        name=_name(bit, named),
        names=_names(named),
        kind=kind,
        group=entry.group_of(bit),
        value=value_text(editor, bit),
        sentence=_sentence(editor, bit, kind),
        conditions=tuple(_conditions(editor, bit, list(conditions))),
        note=_note(editor, bit),
    )


def _sentence(editor: Editor, bit: Field, kind: BitClass) -> str:
    how = _how(editor, bit)
    if kind is BitClass.CONFIGURED and how:
        return f"CPUID_CONFIG is only a wish here; the module computes: {how}."
    if kind is BitClass.FIXED_1 and editor.classes_at(bit.leaf).gates_of(bit):
        return "1 on every CPU that the module takes, while its gates are open."
    return SENTENCES[kind].format(how=how)


def _name(bit: Field, named: catalog.Named | None) -> str:
    if named is None:
        return catalog.name_at(bit.leaf, bit.register, bit.lsb) or "unnamed"
    if named.field.is_bit:
        return named.name.upper()
    return f"{named.name}[{bit.lsb - named.field.lsb}]"


def _names(named: catalog.Named | None) -> str:
    if named is None:
        return ""
    tools = (("QEMU", named.qemu), ("libvirt", named.libvirt), ("Linux", named.linux))
    return " · ".join(f"{tool} {name}" for tool, name in tools if name)


def value_text(editor: Editor, bit: Field) -> str:
    """0, 1, or ? for a value that isn't known without a platform."""
    td = editor.situation.td
    return str(td.get(bit)) if td.known_at(bit.leaf) & bit.mask else "?"


def _how(editor: Editor, bit: Field) -> str:
    computed = [(item.field, item.by, item.rule) for item in editor.module.computed]
    dynamic = [(item.field, item.by, item.rule) for item in editor.module.exit.dynamic]
    for field, by, rule in computed + dynamic:
        if field.leaf == bit.leaf and field.mask & bit.mask:
            return f"{by.replace('_', ' ')} (rule {rule})"
    topology = editor.module.topology
    return f"topology (rule {topology.rule})" if topology and bit.leaf in topology.derived else ""


def _conditions(editor: Editor, bit: Field, gates: list[Condition]) -> list[tuple[str, bool]]:
    """Each thing that must hold for a 1, and whether it does now."""
    entry, td = editor.classes_at(bit.leaf).entry, editor.situation.td
    out = []
    mirrors = [item.of for item in editor.module.mirrors if item.bit == bit]
    if entry.configurable & bit.mask and not _how(editor, bit):
        wished = bool(td.config.cpuid_config.get(bit.leaf, 0) & bit.mask)
        out.append(("CPUID_CONFIG", wished))
    kind = editor.classes_at(bit.leaf).class_of(bit)
    native_known = editor.platform is not None and editor.situation.platform_refusal is None
    if kind in (BitClass.NATIVE, BitClass.CONFIGURED_NATIVE) and native_known:
        start = td.prepared.registers(bit.leaf)[bit.register]
        out.append(("native", bool(start >> bit.lsb & 1)))
    return out + [(condition.text, editor.holds(condition)) for condition in [*mirrors, *gates]]


def _note(editor: Editor, bit: Field) -> str:
    parts = []
    wished = editor.model.wished(bit)
    if editor.situation.conflicts.get(bit.leaf, 0) & bit.mask:
        parts.append(f"The model wants {wished}, the TD gets {value_text(editor, bit)}.")
    elif wished is not None:
        parts.append(f"The model wants {wished}.")
    if editor.classes_at(bit.leaf).inferred & bit.mask:
        parts.append("The mask is inferred, not read.")
    if not always_ve(editor.module, bit.leaf) and value_text(editor, bit) == "?":
        parts.append("Unknown without a platform (c chooses one).")
    return " ".join(parts)
