"""Each bit's class, gates and value, read backwards from the statements that compute it (protocol 4)."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from tdxtui import catalog, library
from tdxtui.cpuid import ALL_ONES, Field, Leaf, Register
from tdxtui.module import Condition, Entry, Gate, Module
from tdxtui.resolve import VirtualCpuid, attempt, in_config
from tdxtui.sysinit import Prepared
from tdxtui.td import TdConfig


class BitClass(StrEnum):
    """What decides a bit; the first that fits, in this order."""

    VE = "ve"
    DYNAMIC = "dynamic"
    GUEST = "guest"
    FIXED_0 = "fixed-0"
    FIXED_1 = "fixed-1"
    CONFIGURED = "configured"
    CONFIGURED_NATIVE = "configured-native"
    ATTRIBUTES = "attributes"
    COMPUTED = "computed"
    NATIVE = "native"


class Group(StrEnum):
    """Who may change a bit: nobody, the VMM, or only the run time."""

    FIXED = "fixed"
    FLEXIBLE = "flexible"
    RUN_TIME = "run-time"


RUN_TIME_CLASSES = (BitClass.VE, BitClass.DYNAMIC, BitClass.GUEST)
FLEXIBLE_CLASSES = (BitClass.CONFIGURED, BitClass.CONFIGURED_NATIVE, BitClass.ATTRIBUTES)


class EntryClasses(NamedTuple):
    """An entry's bits by class, as packed masks that share no bit and leave none out.

    `gates` are the statements that clear bits which could be 1 otherwise; `inferred` the bits whose mask was not read.
    """

    entry: Entry
    masks: dict[BitClass, int]
    gates: tuple[tuple[Gate, int], ...]
    inferred: int
    flexible: int

    def class_of(self, field: Field) -> BitClass:
        """The class of a field's lowest bit."""
        bit = 1 << field.shift
        return next(kind for kind, mask in self.masks.items() if mask & bit)

    def gates_of(self, field: Field) -> list[Gate]:
        """The gates of a field's lowest bit."""
        return [gate for gate, mask in self.gates if mask >> field.shift & 1]

    def group_of(self, field: Field) -> Group:
        """The group of a field's lowest bit."""
        kind = self.class_of(field)
        if kind in RUN_TIME_CLASSES:
            return Group.RUN_TIME
        return Group.FLEXIBLE if self.flexible >> field.shift & 1 else Group.FIXED


def classes_at(module: Module, leaf: Leaf) -> EntryClasses:
    """The classes of an entry's bits, worked out once per module; KeyError if there is no such entry."""
    kept: dict[Leaf, EntryClasses] = module.__dict__.setdefault("_classes", {})
    found = kept.get(leaf)
    if found is None:
        found = kept[leaf] = _classify(module, module.by_leaf[leaf])
    return found


def classes(module: Module) -> dict[Leaf, EntryClasses]:
    """The classes of every entry's bits, in the module's order."""
    return {entry.leaf: classes_at(module, entry.leaf) for entry in module.entries}


def _classify(module: Module, entry: Entry) -> EntryClasses:
    run_time = {
        BitClass.VE: ALL_ONES if always_ve(module, entry.leaf) else 0,
        BitClass.DYNAMIC: sum_masks(item.field for item in module.exit.dynamic if item.field.leaf == entry.leaf),
        BitClass.GUEST: sum_masks(item.bit for item in module.exit.guest_bits if item.bit.leaf == entry.leaf),
    }
    origin = origins(module, entry)
    # What can't be 1 on this module is as good as a constant.
    origin[BitClass.FIXED_0] |= never_one(module, entry.leaf)
    return _entry_classes(module, entry, first_that_fits(run_time | origin))


def origins(module: Module, entry: Entry) -> dict[BitClass, int]:
    """What decides an entry's bits at TDH.MNG.INIT, as if every gate could open; the first mask counts."""
    mirrored = sum_masks(mirror.bit for mirror in module.mirrors if mirror.bit.leaf == entry.leaf)
    computed = sum_masks(item.field for item in module.computed if item.field.leaf == entry.leaf)
    computed |= _topology_mask(module, entry.leaf)
    verified = entry.verify_mask & ~(entry.configurable | mirrored | computed | entry.fixed0 | entry.fixed1)
    return {
        BitClass.FIXED_0: entry.fixed0 | verified & ~entry.verify_value,
        BitClass.FIXED_1: entry.fixed1 | verified & entry.verify_value,
        BitClass.CONFIGURED: entry.configured,
        BitClass.CONFIGURED_NATIVE: entry.configured_native,
        BitClass.ATTRIBUTES: mirrored,
        BitClass.COMPUTED: computed,
        BitClass.NATIVE: ALL_ONES,
    }


def _entry_classes(module: Module, entry: Entry, masks: dict[BitClass, int]) -> EntryClasses:
    open_to = ALL_ONES & ~masks.get(BitClass.FIXED_0, 0)
    gates = tuple(
        (gate, gate.clears[entry.leaf] & open_to)
        for gate in module.gates
        if gate.clears.get(entry.leaf, 0) & open_to
    )
    gated = 0
    for _, mask in gates:
        gated |= mask
    flexible = gated
    for kind in FLEXIBLE_CLASSES:
        flexible |= masks.get(kind, 0)
    return EntryClasses(entry, masks, gates, _inferred(module, entry), flexible)


def first_that_fits(wanted: dict[BitClass, int]) -> dict[BitClass, int]:
    """The masks without the bits of those before them, empty ones left out."""
    masks, left = {}, ALL_ONES
    for kind, mask in wanted.items():
        if mask & left:
            masks[kind] = mask & left
            left &= ~mask
    return masks


def sum_masks(fields: Iterator[Field]) -> int:
    """The packed mask of some fields of one leaf."""
    mask = 0
    for field in fields:
        mask |= field.mask
    return mask


def always_ve(module: Module, leaf: Leaf) -> bool:
    """Whether a guest with default TD_CTLS gets #VE here (7.2, D5)."""
    needs = module.exit.needs.get(leaf.leaf, ())
    return leaf in module.exit.faulting or any(item.scope == "TD_CTLS" and not item.negated for item in needs)


def never_one(module: Module, leaf: Leaf) -> int:
    """The bits that show a bit of ATTRIBUTES, or hang on a gate, that this module never allows."""
    mask = sum_masks(item.bit for item in module.mirrors if item.bit.leaf == leaf and not module.possible(item.of))
    for gate in module.gates:
        if not all(module.possible(condition) for condition in gate.needs):
            mask |= gate.clears.get(leaf, 0)
    return mask


def _topology_mask(module: Module, leaf: Leaf) -> int:
    return ALL_ONES if module.topology and leaf in module.topology.derived else 0


def _inferred(module: Module, entry: Entry) -> int:
    mask = 0
    for item in module.inferred:
        if entry.leaf in item.leaves:
            return ALL_ONES
        if item.field and item.field.leaf == entry.leaf:
            # What the inferred mask of constants decides: its own bits and those that are left to be Native.
            mask |= item.field.mask & ~(entry.fixed1 | entry.configurable | entry.dynamic)
    return mask


def gate_conditions(gates: list[Gate]) -> list[str]:
    """The conditions of some gates, each once."""
    return list(dict.fromkeys(condition.text for gate in gates for condition in gate.needs))


def rows(
    module: str, platform: str | None = None, xfam: int | None = None, attributes: int | None = None
) -> list[dict[str, Any]]:
    """The rows of `tdxtui bits --json` (protocol 4): every bit of every entry in exactly one.

    Without xfam and attributes the gates are taken as open. Raises TdxtuiError for an unknown module or platform,
    or a platform that the module refuses.
    """
    on = library.module(module)
    values = _Values(on, library.prepare_or_raise(on, platform) if platform else None, xfam, attributes)
    out: list[dict[str, Any]] = []
    for entry_classes in classes(on).values():
        for field, name in runs(entry_classes):
            out.append(_row(entry_classes, field, name, values))
    return out


def _row(entry_classes: EntryClasses, field: Field, name: str, values: _Values) -> dict[str, Any]:
    return {
        "leaf": field.leaf.leaf,
        "subleaf": field.leaf.subleaf,
        "register": field.register.key,
        "msb": field.msb,
        "lsb": field.lsb,
        "name": name,
        "class": entry_classes.class_of(field).value,
        "gates": gate_conditions(entry_classes.gates_of(field)),
        "group": entry_classes.group_of(field).value,
        "value": values.of(entry_classes, field),
        "inferred": bool(entry_classes.inferred >> field.shift & 1),
    }


def runs(entry_classes: EntryClasses) -> Iterator[tuple[Field, str]]:
    """An entry's named fields and runs of like bits, EAX to EDX, high bit first."""
    leaf = entry_classes.entry.leaf
    for register in Register:
        msb, previous = 31, None
        for number in range(31, -1, -1):
            here = _likeness(entry_classes, leaf, register, number)
            if previous is not None and here != previous:
                yield Field(leaf, register, msb, number + 1), previous[0]
                msb = number
            previous = here
        assert previous is not None
        yield Field(leaf, register, msb, 0), previous[0]


def _likeness(entry_classes: EntryClasses, leaf: Leaf, register: Register, number: int) -> tuple[str, int, int, int]:
    """What bits of one run share: name, class, gates and whether their mask is inferred."""
    bit = 1 << register.shift + number
    kind = next(index for index, mask in enumerate(entry_classes.masks.values()) if mask & bit)
    gates = 0
    for index, (_, mask) in enumerate(entry_classes.gates):
        if mask & bit:
            gates |= 1 << index
    return catalog.name_at(leaf, register, number), kind, gates, entry_classes.inferred >> register.shift + number & 1


class _Values:
    """What is known of each bit's value from platform, XFAM and ATTRIBUTES alone."""

    def __init__(self, module: Module, prepared: Prepared | None, xfam: int | None, attributes: int | None) -> None:
        self._module, self._prepared = module, prepared
        self._xfam, self._attributes = xfam, attributes
        widest = prepared.xfam_allowed if prepared else module.xfam.allowed
        self._config = TdConfig(attributes or 0, widest if xfam is None else xfam)
        self._td: VirtualCpuid | None = attempt(prepared, self._config)[0] if prepared else None

    def of(self, entry_classes: EntryClasses, field: Field) -> int | None:
        """A run's value, None where it depends on what isn't given or on the run time."""
        kind = entry_classes.class_of(field)
        if kind in RUN_TIME_CLASSES:
            return None
        gates = entry_classes.gates_of(field)
        if kind is BitClass.FIXED_0 or any(self._closed(item) for gate in gates for item in gate.needs):
            return 0
        return self._open_value(kind, field)

    def _open_value(self, kind: BitClass, field: Field) -> int | None:
        if kind is BitClass.FIXED_1:
            return (1 << field.width) - 1
        if kind is BitClass.ATTRIBUTES:
            return self._mirrored(field)
        if kind is BitClass.NATIVE:
            return self._start(field)
        if kind is BitClass.CONFIGURED_NATIVE and self._start(field) == 0:
            return 0
        if kind is BitClass.COMPUTED and self._td and self._by_xfam(field):
            return self._td.get(field)
        return None

    def _by_xfam(self, field: Field) -> bool:
        """Whether a computed field depends on nothing but the platform and XFAM."""
        return any(item.by in ("xsave_area_size", "xfd") and item.field == field for item in self._module.computed)

    def _closed(self, condition: Condition) -> bool:
        given = {"XFAM": self._xfam, "ATTRIBUTES": self._attributes}.get(condition.scope)
        return given is not None and not in_config(condition, self._config)

    def _mirrored(self, field: Field) -> int | None:
        if self._attributes is None:
            return None
        return next(int(in_config(item.of, self._config)) for item in self._module.mirrors if item.bit == field)

    def _start(self, field: Field) -> int | None:
        if self._prepared is None:
            return None
        return field.get(self._prepared.start_of(field.leaf))
