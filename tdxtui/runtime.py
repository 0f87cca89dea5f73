"""What the CPUID instruction returns inside a TD (section 7, D5)."""

from __future__ import annotations

from tdxtui.cpuid import Field, Leaf, Register, pack
from tdxtui.dynamic import FUNCTIONS, GuestState
from tdxtui.guest_reads import needs_text
from tdxtui.module import Condition, Entry, Module
from tdxtui.resolve import VirtualCpuid
from tdxtui.td import TD_CTLS

HYPERVISOR_LEAVES = range(0x40000000, 0x50000000)
LAST_EXTENDED_LEAF = 0x80000008
ZEROS = "The guest gets zeros (rule D5.4)."
_TOPOLOGY_LEAVES = (0xB, 0x1F)
_CACHE_SHARING = Field(Leaf(4, 0), Register.EAX, 31, 14).mask


def cpuid(td: VirtualCpuid, leaf: int, subleaf: int, guest: GuestState) -> int | None:
    """The packed registers that the guest gets for EAX = leaf, ECX = subleaf; None is #VE."""
    if leaf in HYPERVISOR_LEAVES or _ve_of_td(guest):
        return None
    asked, leaf = leaf, _redirect(td, leaf)
    entry = td.module.by_leaf.get(Leaf(leaf)) or td.module.by_leaf.get(Leaf(leaf, subleaf))
    reduced = guest.has_td_ctl("REDUCE_VE", td.module)
    if entry is None:
        value = _without_entry(td.module, leaf, subleaf, guest)
        if value is None:
            return None
    elif (entry.leaf in td.module.exit.faulting and not reduced) or (asked == leaf and _ve_of_leaf(guest)):
        return None
    else:
        value = guest_value(td, entry, guest)
    needs = td.module.exit.needs.get(leaf, ())
    if entry is None and leaf not in td.module.exit.zero_leaves:
        return value
    return value if all(_holds(td, condition, guest) for condition in needs) else None


def _ve_of_td(guest: GuestState) -> bool:
    return guest.ve_user if guest.cpl else guest.ve_supervisor


def _ve_of_leaf(guest: GuestState) -> bool:
    return guest.leaf_ve_user if guest.cpl else guest.leaf_ve_supervisor


def _redirect(td: VirtualCpuid, leaf: int) -> int:
    """A leaf beyond the maxima is answered as the last base leaf (7.1, D5.3)."""
    module, last = td.module, LAST_EXTENDED_LEAF
    if module.exit.extended_limit_native and td.prepared.platform:
        last = td.prepared.platform.last_extended_leaf
    if leaf > last or module.last_base_leaf < leaf < 0x80000000:
        return module.last_base_leaf
    return leaf


def _without_entry(module: Module, leaf: int, subleaf: int, guest: GuestState) -> int | None:
    """Zeros for a leaf of the fixed-0 bitmap, or any leaf with REDUCE_VE; otherwise #VE (D5.4)."""
    if leaf in module.exit.zero_leaves:
        return 0
    if not guest.has_td_ctl("REDUCE_VE", module):
        return None
    if leaf in _TOPOLOGY_LEAVES:
        return pack(0, 0, subleaf & 0xFF, guest.x2apic_id & 0xFFFFFFFF)
    return 0


def without_entry(module: Module, leaf: int) -> str:
    """What a guest with default TD_CTLS gets of a leaf that the module has no entry for, as a sentence."""
    extended, last = leaf > LAST_EXTENDED_LEAF, f"{module.last_base_leaf:X}H"
    if leaf in HYPERVISOR_LEAVES:
        return "The hypervisors' own leaf: the guest gets #VE, and its handler asks the VMM (rules 7.1, D5.1)."
    if extended and module.exit.extended_limit_native:
        return f"The guest gets what leaf {last} has for the same ECX if the CPU hasn't this leaf, else #VE (rule 7.1)."
    if extended or module.last_base_leaf < leaf < 0x80000000:
        return f"Beyond the last leaf: the guest gets what leaf {last} has for the same ECX (rules 7.1, D5.3)."
    if leaf in module.exit.zero_leaves:
        needs = module.exit.needs.get(leaf, ())
        return f"The guest gets zeros if {needs_text(needs)}, else #VE (rule D5.6)." if needs else ZEROS
    if module.exit.td_ctls & TD_CTLS["REDUCE_VE"]:
        return "The guest gets #VE; once it has set TD_CTLS.REDUCE_VE, zeros (rules 7.2, D5.4)."
    return "The guest gets #VE (rule 7.2)."


def _holds(td: VirtualCpuid, condition: Condition, guest: GuestState) -> bool:
    if condition.scope == "TD_CTLS":
        held = guest.has_td_ctl(condition.name, td.module)
    else:
        field = condition.field
        assert field is not None
        held = bool(field.get(guest_value(td, td.module.by_leaf[field.leaf], guest)))
    return held is not condition.negated


def guest_value(td: VirtualCpuid, entry: Entry, guest: GuestState) -> int:
    """An entry's TDCS value with the parts that the guest and the run time decide (7.4, D5.7)."""
    exit_rules, leaf = td.module.exit, entry.leaf
    value = td.at(leaf)
    reduced = guest.has_td_ctl("REDUCE_VE", td.module)
    if reduced and leaf in exit_rules.native_cache_leaves:
        value = td.prepared.start_of(leaf) & ~_CACHE_SHARING | value & _CACHE_SHARING
    for guest_bit in exit_rules.guest_bits:
        if guest_bit.bit.leaf != leaf:
            continue
        if not reduced:
            value |= guest_bit.bit.mask if guest_bit.unreduced_one else 0
        elif not guest.feature_paravirt_ctls & guest_bit.control:
            value &= ~guest_bit.bit.mask
    if guest.tsx_ctrl & 2:
        for field in exit_rules.cleared_by_tsx_ctrl:
            value &= ~field.mask if field.leaf == leaf else ~0
    for dynamic in exit_rules.dynamic:
        if dynamic.field.leaf == leaf:
            value = dynamic.field.put(value, FUNCTIONS[dynamic.by](td.prepared, guest))
    return value
