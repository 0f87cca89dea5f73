"""What the module takes and a VMM layer doesn't: verdicts of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tdxtui import catalog
from tdxtui.checking.bits import bits_of, feature_mask
from tdxtui.checking.finding import Finding, Kind, Layer, Severity
from tdxtui.cpuid import Field
from tdxtui.edits import ARCH_CAPABILITIES, NUM_L2_VMS, TSC_FREQUENCY, Edit, word_edit
from tdxtui.evaluate import Situation
from tdxtui.levers import MAXPA
from tdxtui.runtime import HYPERVISOR_LEAVES
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, TSC_UNIT_MHZ, XFAM, names_of
from tdxtui.turning import xfam_turned
from tdxtui.vmm import VmmLayer


def verdicts(situation: Situation, vmm: Sequence[VmmLayer]) -> Iterator[Finding]:
    """What each layer refuses or makes otherwise of a TD that the module would take."""
    for layer in vmm:
        yield from _attributes(situation, layer, vmm)
        yield from _xfam(situation, layer, vmm)
        yield from _td_params(situation, layer)
        yield from _entries(situation, layer)
        yield from _refused_bits(situation, layer)
        yield from _phys_bits(situation, layer)
        yield from _host_phys_bits(situation, layer)
        yield from _forced(situation, layer)
        yield from _unnamed(situation, layer)
        yield from _pv_features(situation, layer)
        yield from _default_off(situation, layer)
        yield from _clobbering(situation, layer)


def _finding(
    layer: VmmLayer, code: str, message: str, *bits: Field, says: tuple[str, ...] = (),
    edits: tuple[Edit, ...] | None = None, wanted: int | None = None, got: int | None = None,
    severity: Severity = Severity.CONFLICT, field: Field | None = None,
) -> Finding:
    field = field or (bits[0] if len(bits) == 1 else None)
    return Finding(
        Kind.VMM, Layer(layer.kind), code, message, field=field, bits=bits, says=says, edits=edits, wanted=wanted,
        got=got, severity=severity,
    )


def _legal(situation: Situation, layer: VmmLayer, what: str) -> str:
    return f"{what}: legal for module {situation.module.version}, refused by {layer.label}"


def _attributes(situation: Situation, layer: VmmLayer, vmm: Sequence[VmmLayer]) -> Iterator[Finding]:
    rules, value = situation.module.attributes, situation.model.attributes
    for name in names_of(value & rules.allowed & ~rules.fixed1 & ~layer.attributes, ATTRIBUTES):
        known = name in ATTRIBUTES
        edits = (word_edit("ATTRIBUTES", name, 0),) if known else None
        above = [other for other in vmm if known and other.attributes & ATTRIBUTES[name]]
        says = _said(layer, above, "attributes", value)
        yield _finding(layer, "attribute", _legal(situation, layer, f"ATTRIBUTES.{name}"), says=says, edits=edits)


def _xfam(situation: Situation, layer: VmmLayer, vmm: Sequence[VmmLayer]) -> Iterator[Finding]:
    rules, value = situation.module.xfam, situation.model.xfam
    for name in names_of(value & rules.allowed & ~rules.fixed1 & ~layer.xfam, XFAM):
        mask = XFAM.get(name, 0)
        edits = xfam_turned(situation.td.prepared, situation.td.config, mask, False)
        says = _said(layer, [other for other in vmm if mask and other.xfam & mask == mask], "xfam", value)
        message = _legal(situation, layer, f"XFAM.{name}")
        if "xfam" not in layer.says:
            message = f"XFAM.{name}: legal for module {situation.module.version}; {layer.label} never asks for it"
        yield _finding(layer, "xfam", message, says=says, edits=edits)
    for name in names_of(value & layer.xfam_assumed, XFAM):
        message = f"XFAM.{name}: that {layer.label} passes it was not read, but assumed from its features' names"
        yield _finding(layer, "xfam-assumed", message, severity=Severity.WARNING)


def _said(layer: VmmLayer, above: Sequence[VmmLayer], what: str, value: int) -> tuple[str, ...]:
    """The layer's own words, and those of layers that pass what this one doesn't."""
    others = (text for other in above for text in other.saying(f"{what}_unsupported", f"{value:#x}"))
    return (*layer.saying(what, f"{value:#x}"), *others)


def _td_params(situation: Situation, layer: VmmLayer) -> Iterator[Finding]:
    """The words of TD_PARAMS that the VMM's interface has no way to set."""
    model, rules = situation.model, situation.module.config_flags
    no_way = f"{layer.label} has no way to ask for it"
    for name in names_of(model.config_flags & rules.allowed & ~layer.config_flags, CONFIG_FLAGS):
        edits = (word_edit("CONFIG_FLAGS", name, 0),) if name in CONFIG_FLAGS else None
        yield _finding(layer, "config-flag", f"CONFIG_FLAGS.{name}: {no_way}", edits=edits)
    if model.num_l2_vms and not layer.num_l2_vms:
        edits = (Edit(NUM_L2_VMS, "", 0),)
        yield _finding(layer, "l2-vms", f"NUM_L2_VMS = {model.num_l2_vms}: {no_way}", edits=edits)
    if model.arch_capabilities and not layer.arch_capabilities:
        edits = (Edit(ARCH_CAPABILITIES, "", 0),)
        yield _finding(layer, "arch-capabilities", f"{ARCH_CAPABILITIES}: {no_way}", edits=edits)
    if layer.tsc_mhz and not layer.tsc_mhz[0] <= model.tsc_mhz <= layer.tsc_mhz[1]:
        lowest, highest = layer.tsc_mhz
        message = f"TSC of {model.tsc_mhz} MHz: {layer.label} takes {lowest}..{highest} MHz"
        edits = (Edit(TSC_FREQUENCY, "", min(max(model.tsc_mhz, lowest), highest) // TSC_UNIT_MHZ),)
        yield _finding(layer, "tsc", message, says=layer.saying("tsc"), edits=edits)


def _entries(situation: Situation, layer: VmmLayer) -> Iterator[Finding]:
    slots = situation.module.cpuid_config
    for leaf in layer.mandatory:
        if leaf not in slots:
            message = f"{layer.label} demands an entry {leaf.key}, which this module doesn't take: it can't make a TD"
            yield _finding(layer, "mandatory-entry", message, says=layer.saying("entries"))


def _refused_bits(situation: Situation, layer: VmmLayer) -> Iterator[Finding]:
    config = situation.td.config.cpuid_config
    for leaf, mask in layer.refused.items():
        for bit in bits_of(leaf, config.get(leaf, 0) & mask):
            message = _legal(situation, layer, f"configured 1 ({layer.because[bit]})")
            found = _finding(layer, "refused-bit", message, bit, says=layer.saying("cpuid"), wanted=1)
            yield replace(found, situation=situation)


def _clobbering(situation: Situation, layer: VmmLayer) -> Iterator[Finding]:
    """What the layer refuses and a TD has all the same, though nobody configured it."""
    td = situation.td
    for leaf, mask in layer.refused.items():
        on = td.at(leaf) & td.known_at(leaf) & mask & ~td.config.cpuid_config.get(leaf, 0)
        for bit in bits_of(leaf, on):
            message = f"a TD has it though {layer.label} refuses it ({layer.because[bit]}): dangerous for the host"
            yield _finding(layer, "clobbers-host", message, bit, got=1, severity=Severity.WARNING)


def _phys_bits(situation: Situation, layer: VmmLayer) -> Iterator[Finding]:
    """The field that selects the guest-physical width, which the VMM keeps from the module."""
    field = layer.phys_bits_field
    if field is None or situation.module.entry_field(field) is None:
        return
    value, mask = situation.model.wishes.get(field.leaf, (0, 0))
    wanted = field.get(value & mask)
    if wanted and wanted not in layer.guest_phys_bits:
        allowed = " or ".join(map(str, layer.guest_phys_bits))
        message = f"{layer.label} takes only {allowed} here"
        yield _finding(layer, "phys-bits", message, field=field, wanted=wanted, says=layer.saying("phys_bits"))
    elif wanted:
        message = f"{layer.label} takes it for the width of guest-physical addresses, and gives the module 0"
        yield _finding(layer, "phys-bits", message, field=field, wanted=wanted, got=0, severity=Severity.WARNING)


def _host_phys_bits(situation: Situation, layer: VmmLayer) -> Iterator[Finding]:
    """A TD whose MAX_PA isn't the CPU's, where the VMM gives a guest the host's."""
    native, got = situation.td.prepared.maxpa, situation.td.get(MAXPA)
    if layer.phys_bits_as_host and native is not None and got not in (0, native):
        message = f"{layer.label} demands the physical width of the host's CPU, which is {native}"
        edits = (word_edit("CONFIG_FLAGS", "MAXPA_VIRT", 0),)
        yield _finding(layer, "host-phys-bits", message, field=MAXPA, got=got, edits=edits)


def _forced(situation: Situation, layer: VmmLayer) -> Iterator[Finding]:
    """Configurable bits that the VMM sets by itself, or believes to be fixed to 1, against a wish."""
    module = situation.module
    table = {leaf: (mask, mask) for leaf, mask in layer.fixed1.items()}
    for leaf, (value, mask) in [*layer.forced.items(), *table.items()]:
        entry = module.entry_for(leaf)
        if entry is None:
            continue
        wish, wished = situation.model.wishes.get(leaf, (0, 0))
        wrong = (wish ^ value) & mask & wished & module.configurable.get(entry.leaf, 0)
        for bit in bits_of(leaf, wrong & ~situation.conflicts.get(leaf, 0)):
            got = int(bool(value & bit.mask))
            because = layer.because.get(bit, f"{layer.label} takes it for a bit that every TD has")
            says = layer.saying("forced_on" if got else "forced_off")
            yield _finding(layer, "forced", because, bit, wanted=1 - got, got=got, says=says)


def _unnamed(situation: Situation, layer: VmmLayer) -> Iterator[Finding]:
    """Features to be configured that the layer has no name for, in the registers that it knows by names."""
    for leaf, value in situation.td.config.cpuid_config.items():
        mask = value & layer.words.get(leaf, 0) & ~layer.named.get(leaf, 0)
        # What comes out 0 all the same is a conflict already.
        for bit in bits_of(leaf, mask & situation.td.at(leaf) & feature_mask(leaf)):
            named = catalog.named_at(bit)
            says = layer.saying("unknown_name", named.qemu) if named and named.qemu else ()
            message = f"{layer.label} has no name for this feature, so nothing can ask it to turn it on"
            yield _finding(layer, "unknown-name", message, bit, wanted=1, says=says, severity=Severity.WARNING)


def _pv_features(situation: Situation, layer: VmmLayer) -> Iterator[Finding]:
    """Paravirtual features, which the VMM itself answers for, that the layer doesn't give a TD."""
    own = [leaf for leaf in situation.model.wishes if leaf.leaf in HYPERVISOR_LEAVES]
    if not own or not layer.pv_features:
        return
    for bit, name in layer.feature_names.items():
        value, mask = situation.model.wishes.get(bit.leaf, (0, 0))
        if bit.leaf in own and value & mask & bit.mask and name not in layer.pv_features:
            yield _finding(layer, "pv-feature", f"{layer.label} gives no TD this feature", bit, wanted=1, got=0)


def _default_off(situation: Situation, layer: VmmLayer) -> Iterator[Finding]:
    for off in layer.default_off:
        if situation.model.attributes & off.attributes & layer.attributes:
            names = " ".join(names_of(off.attributes, ATTRIBUTES))
            message = f"ATTRIBUTES.{names}: {off.because}"
            yield _finding(layer, "default-off", message, severity=Severity.WARNING)
