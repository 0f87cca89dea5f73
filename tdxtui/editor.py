"""The open document: edits, undo and redo, the dirty flag. It knows no screen.

Every edit returns an `Outcome`: done, with what changed; or refused, with the reason and, where there is one, a cure
(the model that would make it possible).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tdxtui import library, model_file
from tdxtui.classify import BitClass, EntryClasses, classes
from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import Situation, evaluate
from tdxtui.model import VcpuModel
from tdxtui.module import Condition, Gate, Module
from tdxtui.platform import Platform
from tdxtui.resolve import in_config
from tdxtui.settings import attributes_edit, config_flags_edit, xfam_edit
from tdxtui.td import NAMED_BITS, names_of

READ_ONLY = "read only: nothing can be changed"


@dataclass(frozen=True)
class Outcome:
    """What became of an edit: `changed` holds packed masks of the bits that came out otherwise, by leaf."""

    done: bool
    message: str
    changed: Mapping[Leaf, int]
    cure: VcpuModel | None = None
    cure_label: str = ""


def refused(message: str, cure: VcpuModel | None = None, cure_label: str = "") -> Outcome:
    """An edit that was not made."""
    return Outcome(False, message, {}, cure, cure_label)


def with_word(model: VcpuModel, word: str, value: int) -> VcpuModel:
    """The model with xfam, attributes or config_flags replaced."""
    changes: dict[str, Any] = {word: value}
    return replace(model, **changes)


def _may_be(situation: Situation, bit: Field, value: int) -> bool:
    """Whether a bit has a value, or could have it on some CPU where it isn't known."""
    td = situation.td
    return not td.known_at(bit.leaf) & bit.mask or td.get(bit) == value


class Editor:
    """A vCPU model being edited on a module and a platform (None: no platform)."""

    def __init__(
        self, model: VcpuModel, module: Module, platform: Platform | None, path: Path | None = None,
        read_only: bool = False,
    ) -> None:
        self.path = path
        self.read_only = read_only
        self._saved = model
        self._undo: list[tuple[str, Situation]] = []
        self._redo: list[tuple[str, Situation]] = []
        self.situation: Situation = evaluate(model, module, platform)

    @property
    def model(self) -> VcpuModel:
        """The model as it is now."""
        return self.situation.model

    @property
    def module(self) -> Module:
        """The module that it is held against."""
        return self.situation.module

    @property
    def platform(self) -> Platform | None:
        """The platform that it is held against."""
        return self.situation.platform

    @property
    def dirty(self) -> bool:
        """Whether there is anything that is not saved."""
        return self.model != self._saved

    def classes_at(self, leaf: Leaf) -> EntryClasses:
        """The classes of an entry's bits."""
        return classes(self.module)[leaf]

    # -- edits --

    def toggle(self, bit: Field) -> Outcome:
        """Flip a bit by its own switch: CPUID_CONFIG, its ATTRIBUTES bit, or the gates that it hangs on.

        A conflicting bit that can't be flipped offers to give up the wish.
        """
        if self.read_only:
            return refused(READ_ONLY)
        found = self.module.entry_field(bit)
        if found is None:
            return refused(f"{bit.key}: module {self.module.version} has no such entry; a guest gets #VE")
        outcome = self._toggle(found)
        if outcome.done or outcome.cure or not self.situation.conflicts.get(found.leaf, 0) & found.mask:
            return outcome
        dropped = self.model.wish(found, None)
        return refused(f"{outcome.message}: Enter gives up the wish", dropped, f"no wish for {found.key}")

    def _toggle(self, found: Field) -> Outcome:
        entry = self.classes_at(found.leaf)
        wanted = 1 - self._shown(found)
        if entry.entry.configurable & found.mask:
            return self._toggle_configured(found, entry, wanted)
        mirror = next((item for item in self.module.mirrors if item.bit == found), None)
        if mirror is not None and self.module.possible(mirror.of):
            return self._toggle_condition(found, mirror.of, wanted)
        if entry.flexible & found.mask:
            return self._toggle_gates(found, entry)
        return refused(f"{found.key} is {REASONS[entry.class_of(found)]}")

    def toggle_xfam(self, name: str) -> Outcome:
        """Turn an XFAM component (or group) on or off, with the components that must follow (3.2)."""
        return self._set_word("XFAM", "xfam", xfam_edit(self.situation.td.prepared, self.model.xfam, name))

    def toggle_attribute(self, name: str) -> Outcome:
        """Turn a bit of ATTRIBUTES on or off (2.1, 2.2)."""
        found = attributes_edit(self.situation.td.prepared, self.model.attributes, name)
        return self._set_word("ATTRIBUTES", "attributes", found)

    def toggle_config_flag(self, name: str) -> Outcome:
        """Turn a bit of CONFIG_FLAGS on or off (3.3)."""
        found = config_flags_edit(self.situation.td.prepared, self.model.config_flags, name)
        return self._set_word("CONFIG_FLAGS", "config_flags", found)

    def set_module(self, version: str) -> Outcome:
        """Hold the model against another module. Raises TdxtuiError for a bad file."""
        module = library.module(version)
        model = replace(self.model, module=version)
        return self._become(f"module {version}", evaluate(model, module, self.platform))

    def set_platform(self, name: str) -> Outcome:
        """Hold the model against another platform, "" for none. Raises TdxtuiError for a bad file."""
        platform = library.platform(name) if name else None
        model = replace(self.model, platform=name)
        return self._become(f"platform {name or 'none'}", evaluate(model, self.module, platform))

    def apply(self, label: str, model: VcpuModel) -> Outcome:
        """Make a model, for example a cure, the present one."""
        if self.read_only:
            return refused(READ_ONLY)
        return self._become(label, evaluate(model, self.module, self.platform))

    def undo(self) -> Outcome:
        """Take the last edit back."""
        return self._step(self._undo, self._redo, "undone", "nothing to undo")

    def redo(self) -> Outcome:
        """Make the edit again that was last taken back."""
        return self._step(self._redo, self._undo, "redone", "nothing to redo")

    def save(self, path: Path | None = None) -> Path:
        """Write the model to its file, or to another one that becomes its file; TdxtuiError if that fails."""
        target = path or self.path
        if self.read_only and target == self.path:
            raise TdxtuiError("read only: the file stays as it is")
        if target is None:
            raise TdxtuiError("the model has no file yet")
        model_file.save(self.model, target)
        self.path, self._saved = target, self.model
        return target

    # -- how --

    def _shown(self, bit: Field) -> int:
        """The bit's value as shown: what the TD gets, or where that is unknown what is wished."""
        td = self.situation.td
        if td.known_at(bit.leaf) & bit.mask:
            return td.get(bit)
        return self.model.wished(bit) or 0

    def _toggle_configured(self, bit: Field, entry: EntryClasses, wanted: int) -> Outcome:
        model = self._wish_with_equals(bit, wanted)
        closed = self._closed(entry.gates_of(bit))
        if wanted and closed:
            return self._needs_gates(bit, model, closed)
        after = evaluate(model, self.module, self.platform)
        if not _may_be(after, bit, wanted) and not self._fresh_refusals(after):
            return refused(self._no_effect(bit, entry))
        return self._apply_checked(f"{bit.key} = {wanted}", after)

    def _wish_with_equals(self, bit: Field, wanted: int) -> VcpuModel:
        """The model with a bit wished, and those that must be equal to it (5.4)."""
        model = self.model.wish(bit, wanted)
        for equal in self.module.equals:
            if bit in equal.bits:
                for other in equal.bits:
                    model = model.wish(other, wanted)
        return model

    def _no_effect(self, bit: Field, entry: EntryClasses) -> str:
        if entry.class_of(bit) is BitClass.CONFIGURED_NATIVE or entry.entry.configured_native & bit.mask:
            return f"{bit.key} = native AND configured, and this CPU has 0 (4.3)"
        return f"{bit.key}: the configured value is not used here ({self._computed_rule(bit)})"

    def _computed_rule(self, bit: Field) -> str:
        here = (item for item in self.module.computed if item.field.leaf == bit.leaf and item.field.mask & bit.mask)
        found = next(here, None)
        return f"rule {found.rule}" if found else "computed"

    def _toggle_condition(self, bit: Field, condition: Condition, wanted: int) -> Outcome:
        model, problem = self._with_condition(self.model, condition, bool(wanted))
        if problem:
            return refused(problem)
        after = self._keeping_wish(model, bit, wanted)
        return self._apply_checked(f"{condition.text} {'on' if wanted else 'off'}", after)

    def _toggle_gates(self, bit: Field, entry: EntryClasses) -> Outcome:
        gates = entry.gates_of(bit)
        closed = self._closed(gates)
        wanted = int(bool(closed))
        if not closed and not _may_be(self.situation, bit, 1):
            return refused(f"{bit.key} is native, and this CPU has 0")
        conditions = closed if wanted else [self._handiest(gates)]
        model = self.model
        for condition in conditions:
            model, problem = self._with_condition(model, condition, bool(wanted))
            if problem:
                return refused(problem)
        after = self._keeping_wish(model, bit, wanted)
        if not _may_be(after, bit, wanted):
            return refused(f"{bit.key} is native, and this CPU has 0; {self._names(conditions)} would not change that")
        return self._apply_checked(f"{self._names(conditions)} {'on' if wanted else 'off'}", after)

    def _keeping_wish(self, model: VcpuModel, bit: Field, wanted: int) -> Situation:
        if model.wished(bit) is not None:
            model = model.wish(bit, wanted)
        return evaluate(model, self.module, self.platform)

    def _handiest(self, gates: list[Gate]) -> Condition:
        """The condition to break when a gated bit is cleared: a CPUID bit before XFAM or ATTRIBUTES."""
        conditions = [condition for gate in gates for condition in gate.needs]
        return next((item for item in conditions if item.scope == "bit"), conditions[0])

    @staticmethod
    def _names(conditions: list[Condition]) -> str:
        return " and ".join(dict.fromkeys(condition.text for condition in conditions))

    def _closed(self, gates: list[Gate]) -> list[Condition]:
        return [item for gate in gates for item in gate.needs if not self.holds(item)]

    def holds(self, condition: Condition) -> bool:
        """Whether a gate's condition holds now."""
        if condition.scope != "bit":
            return in_config(condition, self.situation.td.config)
        assert condition.field is not None
        bit = condition.field
        if not self.situation.td.known_at(bit.leaf) & bit.mask and not self._configurable(bit):
            return True
        return bool(self._shown(bit)) is not condition.negated

    def _configurable(self, bit: Field) -> bool:
        return bool(self.classes_at(bit.leaf).entry.configurable & bit.mask)

    def _needs_gates(self, bit: Field, model: VcpuModel, closed: list[Condition]) -> Outcome:
        """Refuse for closed gates, with the model that opens them and sets the bit as the cure."""
        message = f"{bit.key} needs {self._names(closed)}"
        for condition in closed:
            model, problem = self._with_condition(model, condition, True)
            if problem:
                return refused(f"{message}, but {problem}")
        after = evaluate(model, self.module, self.platform)
        if not _may_be(after, bit, 1):
            return refused(f"{message}, and this CPU has 0")
        count = sum(mask.bit_count() for mask in self._changed(after).values())
        label = f"{bit.key} = 1 with {self._names(closed)}"
        return refused(f"{message}: Enter sets it ({count} bits change)", model, label)

    def _with_condition(self, model: VcpuModel, condition: Condition, on: bool) -> tuple[VcpuModel, str]:
        """The model with a condition made to hold (or not), or why it can't be."""
        prepared, on = self.situation.td.prepared, on is not condition.negated
        if condition.scope == "bit":
            assert condition.field is not None
            return self._with_bit(model, condition.field, on)
        edit, word = {
            "XFAM": (xfam_edit, "xfam"),
            "ATTRIBUTES": (attributes_edit, "attributes"),
            "CONFIG_FLAGS": (config_flags_edit, "config_flags"),
        }[condition.scope]
        present = getattr(model, word)
        if (present & condition.mask == condition.mask) is on:
            return model, ""
        value, problem = edit(prepared, present, condition.name)
        return with_word(model, word, value), problem

    def _with_bit(self, model: VcpuModel, bit: Field, on: bool) -> tuple[VcpuModel, str]:
        model = model.wish(bit, int(on))
        possible = _may_be(evaluate(model, self.module, self.platform), bit, int(on))
        return model, "" if possible else f"{bit.key} can't be {int(on)} here"

    def _set_word(self, what: str, key: str, edit: tuple[int, str]) -> Outcome:
        value, problem = edit
        if self.read_only:
            return refused(READ_ONLY)
        if problem:
            return refused(problem)
        before = getattr(self.model, key)
        names = " ".join(names_of(before ^ value, NAMED_BITS[what]))
        on_off = "on" if value & ~before else "off"
        model = with_word(self.model, key, value)
        return self.apply(f"{what} {names} {on_off}", model)

    def _fresh_refusals(self, after: Situation) -> list[str]:
        return [str(item) for item in after.refusals if item not in self.situation.refusals]

    def _apply_checked(self, label: str, after: Situation) -> Outcome:
        fresh = self._fresh_refusals(after)
        return refused(fresh[0]) if fresh else self._become(label, after)

    def _become(self, label: str, after: Situation) -> Outcome:
        changed = self._changed(after)
        self._undo.append((label, self.situation))
        self._redo.clear()
        self.situation = after
        count = sum(mask.bit_count() for mask in changed.values())
        return Outcome(True, f"{label}: {count} bit{'' if count == 1 else 's'} changed", changed)

    def _changed(self, after: Situation) -> dict[Leaf, int]:
        """The bits whose value, or whether it is known, differs from now."""
        old, new = self.situation.td, after.td
        leaves = dict.fromkeys([*old.cpuid(), *new.cpuid()])
        masks = {leaf: old.at(leaf) ^ new.at(leaf) | old.known_at(leaf) ^ new.known_at(leaf) for leaf in leaves}
        return {leaf: mask & ALL_ONES for leaf, mask in masks.items() if mask & ALL_ONES}

    def _step(
        self, source: list[tuple[str, Situation]], target: list[tuple[str, Situation]], word: str, nothing: str
    ) -> Outcome:
        if not source:
            return refused(nothing)
        label, after = source.pop()
        target.append((label, self.situation))
        changed = self._changed(after)
        self.situation = after
        return Outcome(True, f"{word}: {label}", changed)


REASONS = {
    BitClass.VE: "of a leaf that gives the guest #VE",
    BitClass.DYNAMIC: "decided at run time",
    BitClass.GUEST: "decided by the guest through #VE reduction",
    BitClass.FIXED_0: "fixed to 0 by the module",
    BitClass.FIXED_1: "fixed to 1 by the module, or demanded of every CPU",
    BitClass.CONFIGURED: "configured",
    BitClass.CONFIGURED_NATIVE: "configured and native",
    BitClass.ATTRIBUTES: "a bit of ATTRIBUTES",
    BitClass.COMPUTED: "computed by the module",
    BitClass.NATIVE: "native: the CPU's value passes through",
}
