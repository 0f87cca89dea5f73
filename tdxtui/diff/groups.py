"""What a change of a bit's statements means to people: the groups that changes are told in."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from tdxtui.classify import BitClass
from tdxtui.diff.traits import Trait


class Group(Enum):
    """The groups, most important first, each with its title."""

    LOST = "Fixed 1 -> configurable: the TD loses it unless the VMM asks for it"
    GONE = "Now always 0: the TD can't have it any more"
    ON = "Newly on by default: the TD may have it without anyone asking"
    CLOSED = "No longer configurable: a VMM that sets it is refused"
    LEFT_0 = "Now configurable, and left 0 reads 0: until now the module gave a value of its own"
    CONSTANT = "Fixed to another value"
    GATED = "Newly gated: 0 unless something else is set too"
    GATE_MOVED = "Gate moved: other settings than before clear it"
    UNGATED = "No longer gated"
    GUEST = "Newly guest-controlled: after TD_CTLS.REDUCE_VE the guest's FEATURE_PARAVIRT_CTLS decides"
    NO_GUEST = "No longer guest-controlled"
    NEW_VE = "New #VE, or #VE in other cases"
    NO_VE = "No longer always #VE"
    OFFERED = "Newly configurable: was always 0, and still is unless the VMM asks for it"
    HOW = "Configured otherwise than before"
    COMPUTED = "Newly computed by the module, or computed otherwise"
    NATIVE = "Now passed through from the CPU"
    RUN_TIME = "Filled in otherwise at run time"
    ADDED = "Entries added"
    REMOVED = "Entries removed"
    RULES = "Rules of TDH.MNG.INIT"
    TOPOLOGY = "Rules of the topology leaves"
    MSR = "MSRs: IA32_ARCH_CAPABILITIES of the TD, and what TDH.SYS.INIT demands"
    DEMANDS = "Demands on the CPU (TDH.SYS.INIT): a Native bit that is demanded is as good as constant"
    LP = "What logical processors may differ in (TDH.SYS.LP.INIT)"
    HOST = "What the host can read, and other facts"
    SAME = "Stated otherwise, the same for every TD"

    @property
    def key(self) -> str:
        """The group's name for programs: ``fixed-1-to-configurable``."""
        return _KEYS[self]


_KEYS = {
    Group.LOST: "fixed-1-to-configurable",
    Group.GONE: "always-0",
    Group.ON: "on-by-default",
    Group.CLOSED: "not-configurable",
    Group.LEFT_0: "configurable-left-0-reads-0",
    Group.CONSTANT: "another-constant",
    Group.GATED: "gated",
    Group.GATE_MOVED: "gate-moved",
    Group.UNGATED: "not-gated",
    Group.GUEST: "guest-controlled",
    Group.NO_GUEST: "not-guest-controlled",
    Group.NEW_VE: "ve",
    Group.NO_VE: "not-ve",
    Group.OFFERED: "fixed-0-to-configurable",
    Group.HOW: "configured-otherwise",
    Group.COMPUTED: "computed",
    Group.NATIVE: "native",
    Group.RUN_TIME: "run-time",
    Group.ADDED: "entry-added",
    Group.REMOVED: "entry-removed",
    Group.RULES: "td-rules",
    Group.TOPOLOGY: "topology",
    Group.MSR: "msr",
    Group.DEMANDS: "platform-demands",
    Group.LP: "lp-demands",
    Group.HOST: "host-reads",
    Group.SAME: "same",
}
CONFIGURABLE = (BitClass.CONFIGURED, BitClass.CONFIGURED_NATIVE, BitClass.ATTRIBUTES)
FIXED = (BitClass.FIXED_0, BitClass.FIXED_1)


def groups(old: Trait | None, new: Trait | None) -> Iterator[Group]:
    """Every group that a change of statements belongs to; None stands for a missing entry."""
    if old is None or new is None:
        yield Group.ADDED if old is None else Group.REMOVED
        return
    value = list(_value(old, new))
    yield from value
    if not value:
        yield from _gates(old, new)
    if old.guest != new.guest or old.unreduced_one != new.unreduced_one:
        yield Group.GUEST if new.guest else Group.NO_GUEST
    if old.cleared_by_tsx_ctrl != new.cleared_by_tsx_ctrl:
        yield Group.RUN_TIME
    if old.demanded != new.demanded:
        yield Group.DEMANDS
    if old.may_differ != new.may_differ:
        yield Group.LP


def effective(trait: Trait) -> BitClass:
    """The class with a gate that never opens counted as a 0."""
    return BitClass.FIXED_0 if trait.closed else trait.kind


def _value(old: Trait, new: Trait) -> Iterator[Group]:
    """What the change means for the value at TDH.MNG.INIT."""
    was, now = effective(old), effective(new)
    if was is now:
        yield from _same_class(old, new)
    elif BitClass.VE in (was, now):
        yield Group.NEW_VE if now is BitClass.VE else Group.NO_VE
    elif old.constant and new.constant:
        yield Group.CONSTANT
    elif not _only_demand(old, new):
        yield from _moved(was, now)
        if (old.settable and not new.settable) or (was in CONFIGURABLE and now not in CONFIGURABLE):
            yield Group.CLOSED


def _same_class(old: Trait, new: Trait) -> Iterator[Group]:
    if old.closed != new.closed or (old.kind in FIXED and old.constant != new.constant):
        yield Group.SAME
    elif old.by != new.by:
        yield Group.RUN_TIME if new.kind is BitClass.DYNAMIC else Group.COMPUTED
    elif old.settable != new.settable:
        yield Group.HOW if new.settable else Group.CLOSED


def _only_demand(old: Trait, new: Trait) -> bool:
    """Whether a Native bit has but become demanded of the CPU, or is so no longer."""
    kinds = {old.kind, new.kind}
    constant = old.constant or new.constant
    return BitClass.NATIVE in kinds and bool(kinds & set(FIXED)) and not constant


def _moved(was: BitClass, now: BitClass) -> Iterator[Group]:
    if now in CONFIGURABLE:
        if was in CONFIGURABLE:
            yield Group.HOW
        else:
            yield {BitClass.FIXED_1: Group.LOST, BitClass.FIXED_0: Group.OFFERED}.get(was, Group.LEFT_0)
    elif now is BitClass.FIXED_0:
        # What the VMM had to ask for is told as what it can't ask for any more.
        yield from () if was in CONFIGURABLE else (Group.GONE,)
    elif now in (BitClass.COMPUTED, BitClass.DYNAMIC):
        yield Group.COMPUTED if now is BitClass.COMPUTED else Group.RUN_TIME
    elif was in (*CONFIGURABLE, BitClass.FIXED_0):
        yield Group.ON
    else:
        yield Group.NATIVE if now is BitClass.NATIVE else Group.ON


def _gates(old: Trait, new: Trait) -> Iterator[Group]:
    if old.gates == new.gates or old.kind in FIXED or new.kind in FIXED:
        return
    if set(old.gates) < set(new.gates):
        yield Group.GATED
    elif set(new.gates) < set(old.gates):
        yield Group.UNGATED
    else:
        yield Group.GATE_MOVED
