"""What KVM makes of a model: the entries of KVM_TDX_INIT_VM, and what that call can't say or refuses."""

from __future__ import annotations

from collections.abc import Iterator

from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.exporters.abi import CpuidEntry
from tdxtui.exporters.subject import Subject
from tdxtui.naming import bit_name
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM, names_of
from tdxtui.vmm_layer import VmmLayer

GPAW = CONFIG_FLAGS["GPAW"]
NARROW, WIDE = 48, 52


def phys_bits(subject: Subject) -> int:
    """The width of guest-physical addresses that stands for CONFIG_FLAGS.GPAW."""
    return WIDE if subject.config.gpaw else NARROW


def config_entries(subject: Subject) -> list[CpuidEntry]:
    """CPUID_CONFIG as KVM_TDX_INIT_VM wants it: an entry for each slot in use, and those that it demands.

    The width of guest-physical addresses goes into its field of leaf 80000008H, which KVM clears again.
    """
    layer, values = subject.kvm, {leaf: subject.config_of(leaf) for leaf in subject.module.cpuid_config}
    if layer.phys_bits_field is not None and layer.phys_bits_field.leaf in values:
        leaf = layer.phys_bits_field.leaf
        values[leaf] = layer.phys_bits_field.put(values[leaf], phys_bits(subject))
    return [CpuidEntry(leaf, value) for leaf, value in values.items() if value or leaf in layer.mandatory]


def cpuid_entries(subject: Subject) -> list[CpuidEntry]:
    """The whole virtual CPUID; a bit that isn't known is 0, and leaves of zeros are left out, as KVM answers them."""
    td = subject.td
    values = ((entry.leaf, td.at(entry.leaf) & td.known_at(entry.leaf)) for entry in subject.module.entries)
    entries = [CpuidEntry(leaf, value) for leaf, value in values if value]
    return sorted(entries, key=lambda entry: (entry.leaf.leaf, entry.subleaf))


def losses(subject: Subject, says_gpaw: bool = True) -> Iterator[str]:
    """What KVM's interface has no word for, whichever VMM uses it."""
    config, layer = subject.config, subject.kvm
    flags = names_of(config.config_flags & ~layer.config_flags, CONFIG_FLAGS)
    if flags:
        yield f"CONFIG_FLAGS {', '.join(flags)}: {layer.label} has no word for it"
    if forced := names_of(layer.config_flags & ~GPAW & ~config.config_flags, CONFIG_FLAGS):
        yield f"CONFIG_FLAGS without {', '.join(forced)}: {layer.label} always sets it"
    if not says_gpaw:
        yield f"CONFIG_FLAGS.GPAW = {int(config.gpaw)}: left to what the host can do"
    if config.num_l2_vms and not layer.num_l2_vms:
        yield f"NUM_L2_VMS = {config.num_l2_vms}: {layer.label} has no word for it"
    if subject.model.arch_capabilities is not None and not layer.arch_capabilities:
        yield f"IA32_ARCH_CAPABILITIES_CONFIG = {config.arch_capabilities_config:#x}: {layer.label} has no word for it"


def refusals(subject: Subject, layer: VmmLayer) -> Iterator[str]:
    """What a VMM refuses of the model, which the export says all the same."""
    config = subject.config
    if refused := names_of(config.attributes & ~layer.attributes, ATTRIBUTES):
        yield f"ATTRIBUTES {', '.join(refused)}: {layer.label} refuses it"
    if refused := names_of(config.xfam & ~layer.xfam, XFAM):
        yield f"XFAM {', '.join(refused)}: {layer.label} refuses it"
    for leaf, mask in layer.refused.items():
        for bit in bits_of(leaf, subject.config_of(leaf) & mask):
            yield f"{bit.key} ({bit_name(bit)}): {layer.label} refuses it"
    if layer.tsc_mhz and not layer.tsc_mhz[0] <= subject.model.tsc_mhz <= layer.tsc_mhz[1]:
        yield f"a TSC of {subject.model.tsc_mhz} MHz: {layer.label} refuses it"


def bits_of(leaf: Leaf, packed: int) -> Iterator[Field]:
    """The single bits of a packed mask, EAX to EDX, the high bit first."""
    while packed:
        top = packed.bit_length() - 1
        yield Field.bit(leaf, Register(3 - top // 32), top % 32)
        packed &= ~(1 << top)
