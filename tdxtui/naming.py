"""What a bit or field is called, on screens and in reasons."""

from __future__ import annotations

from tdxtui import catalog
from tdxtui.cpuid import Field


def bit_name(bit: Field) -> str:
    """The catalogue's name at a bit, with the bit's number in a field of several; "reserved" or "unnamed"."""
    named = catalog.named_at(bit)
    if named is None:
        return catalog.name_at(bit.leaf, bit.register, bit.lsb) or "unnamed"
    return named.name if named.field.is_bit else f"{named.name}[{bit.lsb - named.field.lsb}]"


def field_name(field: Field) -> str:
    """The catalogue's name of a field; "reserved" or "unnamed"."""
    named = catalog.named_at(field)
    if named is None:
        return catalog.name_at(field.leaf, field.register, field.lsb) or "unnamed"
    low = named.field.lsb
    return named.name if named.field == field else f"{named.name}[{field.msb - low}:{field.lsb - low}]"


def tool_names(bit: Field) -> str:
    """What QEMU, libvirt and Linux call a bit, "" if none of them has a name."""
    named = catalog.named_at(bit)
    if named is None:
        return ""
    feature = f"X86_FEATURE_{named.x86_feature}" if named.x86_feature else ""
    tools = (("QEMU", named.qemu), ("libvirt", named.libvirt), ("Linux", named.linux or feature))
    return " · ".join(f"{tool} {name}" for tool, name in tools if name)


def sentence(field: Field) -> str:
    """What the catalogue says of a bit or field, "" if nothing."""
    named = catalog.named_at(field)
    return catalog.sentence(named.name) if named else ""
