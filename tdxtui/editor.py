"""The open document: edits, undo and redo, the dirty flag. It knows no screen.

Every edit returns an `Outcome`: done, with what changed; or refused, with the reason and, where there is one, a cure
(the situation that would make it possible). What only rarer edits need is imported by them: the screen opens sooner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from tdxtui import library, model_file
from tdxtui.classify import EntryClasses, classes_at
from tdxtui.cpuid import Field, Leaf
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import Situation, evaluate
from tdxtui.flipping import Flip, changed, flip, flip_setting, fresh_refusal
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.on_disk import FileChanged, OnDisk
from tdxtui.phrase import edit_list
from tdxtui.platform import Platform
from tdxtui.strict import shown
from tdxtui.td import NAMED_BITS
from tdxtui.td_values import TD_VALUES

READ_ONLY = "read only: nothing can be changed"


class Outcome(NamedTuple):
    """What became of an edit: `changed` holds packed masks of the bits that came out otherwise, by leaf.

    One that was not made may bring a `cure`: the situation that Enter would make, and what that is called.
    """

    done: bool
    message: str
    changed: Mapping[Leaf, int]
    cure: Situation | None = None
    cure_label: str = ""


def refused(message: str, cure: Situation | None = None, cure_label: str = "") -> Outcome:
    """An edit that was not made."""
    return Outcome(False, message, {}, cure, cure_label)


class Editor:
    """A vCPU model being edited on a module and a platform (None: no platform).

    `on_change` is called after whatever makes the document another one, or saves it: an edit, undo, save, reload.
    """

    def __init__(
        self, model: VcpuModel, module: Module, platform: Platform | None, path: Path | None = None,
        read_only: bool = False,
    ) -> None:
        self.path = path
        self.read_only = read_only
        self._saved = model
        self._written: dict[Path, bytes] = {}
        self._undo: list[tuple[str, Situation]] = []
        self._redo: list[tuple[str, Situation]] = []
        self.saved_at = 0  # how many edits were made when it was last saved or read; -1 where none lead there any more
        self.disk = OnDisk(path, model.origin.encode() if path else b"")
        self.on_change: Callable[[], None] = _nothing
        self.situation: Situation = evaluate(model, module, platform)
        self._flip: tuple[Situation, Field, Flip] | None = None

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

    def model_here(self) -> VcpuModel:
        """The model, with the module and platform that it is held against now."""
        model = self.model
        module = model.module if self._is_here(model.module) else self.module.version
        return replace(model, module=module, platform=self.platform.name if self.platform else "")

    def _is_here(self, module: str) -> bool:
        """Whether a module's name, or its file's, means the one that the model is held against."""
        try:
            return bool(module) and library.module(module).version == self.module.version
        except TdxtuiError:  # the model names one that isn't on this machine
            return False

    @property
    def dirty(self) -> bool:
        """Whether there is anything that is not saved."""
        return self.model != self._saved

    def classes_at(self, leaf: Leaf) -> EntryClasses:
        """The classes of an entry's bits."""
        return classes_at(self.module, leaf)

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
        outcome = self._take(self.flip_of(found))
        if outcome.done or outcome.cure or not self.situation.conflicts.get(found.leaf, 0) & found.mask:
            return outcome
        dropped = evaluate(self.model.wish(found, None), self.module, self.platform)
        return refused(f"{outcome.message}: Enter gives up the wish", dropped, f"no wish for {found.key}")

    def flip_of(self, bit: Field) -> Flip:
        """What the space bar would do to a bit of an entry: kept, so that it can be asked for ahead of the key."""
        situation, at, found = self._flip or (None, None, None)
        if found is None or situation is not self.situation or at != bit:
            found = flip(self.situation, bit)
            self._flip = self.situation, bit, found
        return found

    def _take(self, found: Flip) -> Outcome:
        """Make a flip, or offer it where more would move than was asked for."""
        if found.after is None:
            return refused(found.because)
        label = edit_list(found.edits)
        if found.at_once:
            return self._become(label, found.after)
        return refused(f"{found.because}: Enter shows what changes", found.after, label)

    # -- wishes, fields, many bits --

    def wish(self, bits: Sequence[Field]) -> Outcome:
        """Wish bits to have their other value, whatever the TD would get; where some conflict, give up their wishes."""
        from tdxtui.many import wished_otherwise

        found = [field for field in map(self.module.entry_field, bits) if field is not None]
        model, made = wished_otherwise(self.situation, found)
        what = found[0].key if len(found) == 1 else f"{len(found)} bits"
        if made is None:
            return self.apply(f"wish for {what} given up", model)
        wished = f" = {model.wished(found[0])}" if len(found) == 1 else " the other way round"
        label = f"wish {what}{wished}"
        outcome = self.apply(label, model)
        count = sum((self.situation.conflicts.get(bit.leaf, 0) & bit.mask) != 0 for bit in found)
        many = f"{count} of them conflict{'s' * (count == 1)}"
        told = "it conflicts, w again gives up the wish" if len(found) == 1 else many
        if not count or not outcome.done:
            return outcome
        return outcome._replace(message=f"{outcome.message if outcome.changed else label}: {told}")

    def set_bits(self, bits: Sequence[Field], value: int) -> Outcome:
        """Set or clear bits in one step; those that need more than their own switch are left as they are."""
        from tdxtui.many import turned

        if self.read_only:
            return refused(READ_ONLY)
        found = [field for field in map(self.module.entry_field, bits) if field is not None]
        done = turned(self.situation, found, value)
        rest = f"; {_counted(done.left, 'bit')} left: {done.because}" if done.left else ""
        if not done.turned:
            return refused(f"nothing to change{rest}")
        outcome = self._become(f"{_counted(done.turned, 'bit')} = {value}", done.after)
        return outcome._replace(message=outcome.message + rest)

    def set_field(self, field: Field, value: int) -> Outcome:
        """Give a field a value. Where the module would not let the TD have it, the bare wish is offered."""
        from tdxtui.many import with_field

        if self.read_only:
            return refused(READ_ONLY)
        found = self.module.entry_field(field) or field
        after, problem = with_field(self.situation, found, value)
        label = f"{found.key} = {value:#x}"
        if problem:
            return refused(f"{label}: {problem}: Enter wishes it nevertheless", after, label)
        return self._become(label, after)

    def set_value(self, name: str, text: str) -> Outcome:
        """Give a TD parameter that is a number another value. Raises ValueError saying what is expected."""
        if self.read_only:
            return refused(READ_ONLY)
        value = TD_VALUES[name]
        try:
            model = value.put(self.model, text)
        except ValueError:
            given = shown(repr(text), 40)
            raise ValueError(f"{name} is {value.expected(self.module)}, not {given}") from None
        after = evaluate(model, self.module, self.platform)
        label = f"{name} = {value.text(model)}"
        if problem := fresh_refusal(self.situation, after):
            return refused(f"{problem}: Enter sets it nevertheless", after, label)
        return self._become(label, after)

    def opened_by(self, scope: str, name: str) -> tuple[VcpuModel, int] | None:
        """The model that asks for what open gates of a setting let through, and for how many bits; None for none."""
        from tdxtui.many import opened

        masks = opened(self.situation, scope, NAMED_BITS[scope][name])
        count = sum(mask.bit_count() for mask in masks.values())
        if not count:
            return None
        wishes = dict(self.model.wishes)
        for leaf, mask in masks.items():
            value, wished = wishes.get(leaf, (0, 0))
            wishes[leaf] = value | mask, wished | mask
        return replace(self.model, wishes=wishes), count

    # -- settings --

    def toggle_xfam(self, name: str) -> Outcome:
        """Turn an XFAM component (or group) on or off, with the components that must follow (3.2)."""
        return self._toggle_setting("XFAM", name)

    def toggle_attribute(self, name: str) -> Outcome:
        """Turn a bit of ATTRIBUTES on or off (2.1, 2.2)."""
        return self._toggle_setting("ATTRIBUTES", name)

    def toggle_config_flag(self, name: str) -> Outcome:
        """Turn a bit of CONFIG_FLAGS on or off (3.3)."""
        return self._toggle_setting("CONFIG_FLAGS", name)

    def _toggle_setting(self, what: str, name: str) -> Outcome:
        return refused(READ_ONLY) if self.read_only else self._take(flip_setting(self.situation, what, name))

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
        """Make a model the present one."""
        return self.accept(label, evaluate(model, self.module, self.platform))

    def accept(self, label: str, after: Situation) -> Outcome:
        """Make a situation, for example a cure, the present one."""
        return refused(READ_ONLY) if self.read_only else self._become(label, after)

    def preview(self, after: Situation) -> dict[Leaf, int]:
        """The bits that a situation would change, as packed masks by leaf."""
        return changed(self.situation, after)

    def undo(self) -> Outcome:
        """Take the last edit back."""
        return self._step(self._undo, self._redo, "undone", "nothing to undo")

    def redo(self) -> Outcome:
        """Make the edit again that was last taken back."""
        return self._step(self._redo, self._undo, "redone", "nothing to redo")

    # -- history --

    @property
    def history(self) -> tuple[list[str], int]:
        """The labels of all edits, the oldest first, those taken back included; and how many of them are made."""
        return [label for label, _ in (*self._undo, *reversed(self._redo))], len(self._undo)

    def go_to(self, count: int) -> Outcome:
        """Take edits back or make them again until that many are made."""
        before, count = self.situation, max(0, min(count, len(self._undo) + len(self._redo)))
        if count == len(self._undo):
            return refused("that is where the model is now")
        while len(self._undo) != count:
            source, target = (self._undo, self._redo) if len(self._undo) > count else (self._redo, self._undo)
            label, after = source.pop()
            target.append((label, self.situation))
            self.situation = after
        self.on_change()
        masks = changed(before, self.situation)
        return Outcome(True, f"at {count} of {len(self._undo) + len(self._redo)} edits", masks)

    # -- the file --

    def save(self, path: Path | None = None, over: bool = False) -> Path:
        """Write the model to its file, or to another one that becomes its file; TdxtuiError if that fails.

        FileChanged if somebody else wrote its file meanwhile, unless `over`: that content is then kept as ``.bak``.
        """
        target = path or self.path
        if self.read_only and target == self.path:
            raise TdxtuiError("read only: the file stays as it is")
        if target is None:
            raise TdxtuiError("the model has no file yet")
        if target == self.path and not over and (change := self.disk.change()):
            raise FileChanged(f"{target} {change}")
        written = model_file.save(self.model, target, self._written.get(target))
        self._written[target] = written
        self.disk = OnDisk(target, written)
        self.path, self._saved, self.saved_at = target, self.model, len(self._undo)
        self.on_change()
        return target

    def reload(self) -> Outcome:
        """Take what the file has now, as an edit that can be taken back; TdxtuiError if it can't be read."""
        if self.path is None:
            raise TdxtuiError("the model has no file yet")
        model = model_file.load(self.path)
        outcome = self._become(f"reloaded {self.path.name}", evaluate(model, self.module, self.platform))
        self._saved, self.saved_at = model, len(self._undo)
        self.disk = OnDisk(self.path, model.origin.encode())
        self.on_change()
        return outcome

    def distrust(self) -> None:
        """The model comes of other content than the file has now: to save it here is to be asked about first."""
        self.disk = OnDisk(self.path, b"\0")

    def _become(self, label: str, after: Situation) -> Outcome:
        masks = changed(self.situation, after)
        if self.saved_at > len(self._undo):
            self.saved_at = -1
        self._undo.append((label, self.situation))
        self._redo.clear()
        self.situation = after
        self.on_change()
        count = sum(mask.bit_count() for mask in masks.values())
        return Outcome(True, f"{label}: {_counted(count, 'bit')} changed", masks)

    def _step(
        self, source: list[tuple[str, Situation]], target: list[tuple[str, Situation]], word: str, nothing: str
    ) -> Outcome:
        if not source:
            return refused(nothing)
        label, after = source.pop()
        target.append((label, self.situation))
        masks = changed(self.situation, after)
        self.situation = after
        self.on_change()
        return Outcome(True, f"{word}: {label}", masks)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _nothing() -> None:
    """Nobody wants to know of changes."""
