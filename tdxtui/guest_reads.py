"""What the guest reads of a bit instead of what TDH.MNG.INIT gave it (section 7, D5, D7), in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tdxtui.cpuid import Field
from tdxtui.module import Condition, Dynamic, GuestBit, Module
from tdxtui.td import FEATURE_PARAVIRT_CTLS, names_of

VE = "#VE, an exception that its kernel must handle"
DYNAMIC: Mapping[str, str] = MappingProxyType({
    "vcpu_index": "the low byte of the vCPU's index",
    "apic_id": "the low byte of the vCPU's x2APIC ID with TD_CTLS.ENUM_TOPOLOGY, else of its index",
    "x2apic_id": "the vCPU's x2APIC ID",
    "cr4_osxsave": "CR4.OSXSAVE as the guest sets it",
    "cr4_pke": "CR4.PKE as the guest sets it",
    "long_mode": "1 in 64-bit mode, else 0",
    "xsave_size": "the XSAVE area's size for the guest's present XCR0",
    "xsaves_size": "the XSAVES area's size for the guest's present XCR0 and IA32_XSS",
})


def sentences(module: Module, bit: Field) -> tuple[str, ...]:
    """What differs at run time for a bit of an entry, () where the guest reads what TDH.MNG.INIT gave."""
    kept: dict[Field, tuple[str, ...]] = module.__dict__.setdefault("_run_time", {})
    found = kept.get(bit)
    if found is None:
        found = kept[bit] = tuple(_sentences(module, bit))
    return found


def _sentences(module: Module, bit: Field) -> list[str]:
    rules, leaf = module.exit, bit.leaf
    out = [f"The guest reads {DYNAMIC[item.by]} (rule {item.rule})." for item in rules.dynamic if _holds(item, bit)]
    out += [_guest_bit(item) for item in rules.guest_bits if item.bit == bit]
    if bit in rules.cleared_by_tsx_ctrl:
        out.append("The guest reads 0 once it sets IA32_TSX_CTRL[1] (rule 7.4).")
    if leaf in rules.native_cache_leaves:
        out.append("With TD_CTLS.REDUCE_VE the guest reads the CPU's own value here, but for EAX[31:14] (rule D5).")
    if leaf in rules.faulting:
        out.append(f"The guest never reads a value: CPUID of this leaf always gives it {VE} (rule 7.2).")
    needs = rules.needs.get(leaf.leaf, ())
    if needs:
        out.append(f"The guest reads a value only if {needs_text(needs)}; else CPUID gives it {VE} (rule 7.2, D5).")
    return out


def _holds(item: Dynamic, bit: Field) -> bool:
    return item.field.leaf == bit.leaf and bool(item.field.mask & bit.mask)


def _guest_bit(item: GuestBit) -> str:
    control = f"FEATURE_PARAVIRT_CTLS.{' '.join(names_of(item.control, FEATURE_PARAVIRT_CTLS))}"
    plain = "1 by default" if item.unreduced_one else "the value below by default"
    return f"The guest reads {plain}; once it sets TD_CTLS.REDUCE_VE, the value below AND its own {control} (rule D7)."


def needs_text(needs: tuple[Condition, ...]) -> str:
    """What must hold for a guest to read a leaf, in words."""
    return " and ".join(
        f"{item.name} is 0" if item.negated else f"it sets {item.text}" for item in needs
    )
