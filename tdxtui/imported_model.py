"""From a configuration that was imported to a vCPU model on a module and, if the user names one, a CPU.

A configuration that passes the host through ("-cpu host") names few bits. Without a CPU only these are wished. With
one, the others are what a VMM would hand to the module there: the CPU's features that KVM can give a guest and the
module lets be configured, as far as the TD really gets them. What KVM can give is taken to be what QEMU's models of
CPUs with AVX have between them: an approximation, since each KVM reports its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from functools import cache

from tdxtui import catalog, importers, library, qemu_models, state_components, stated, vmm
from tdxtui.cpuid import WORD, Field, Leaf, Register
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import evaluate
from tdxtui.importers import Features, Imported
from tdxtui.importers.features_of_cpu import WITHOUT_CPU
from tdxtui.importers.statement import LOGICAL_CPUS, few
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.refusal import Refusal
from tdxtui.strict import MAX_MESSAGE, shown
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM, XFAM_COMPONENTS
from tdxtui.vmm_layer import VmmLayer

Wishes = dict[Leaf, tuple[int, int]]

_AVX = Field.parse("1.ecx.28")
_CACHES, _TOPOLOGY, _PERFMON = 4, (0xB, 0x1F), (0xA, 0x23)
_ROUNDS = 8


def model_of(
    imported: Imported, module: Module, platform: Platform | None = None, layers: Sequence[VmmLayer] = ()
) -> VcpuModel:
    """The vCPU model that a configuration asks for on a module.

    `layers` are the VMM versions that a host's pass-through goes through; of KVM or QEMU, if it isn't named, all that
    are known, so that each takes it. TdxtuiError for what is no configuration, or for TD_PARAMS with more CPUID slots
    than the module has.
    """
    what = imported.what
    if isinstance(what, VcpuModel):
        return replace(what, module=what.module or module.version)
    if not isinstance(what, Features):
        title = importers.title(imported.format)
        raise TdxtuiError(f"{shown(what_name(imported), MAX_MESSAGE)}: is no configuration but {title}")
    wishes = _stated(what, module)
    model = replace(_td(what, wishes, module), description=_description(imported, what, platform))
    if not what.host:
        return model
    layers = _with_unnamed(layers)
    if what.xfam is None:
        model = replace(model, xfam=_host_xfam(wishes, module, platform, layers))
    if platform is not None:
        if "tsc_mhz" not in what.settings:
            model = replace(model, tsc_mhz=stated.tsc_mhz(platform.cpuid) or model.tsc_mhz)
        model = _with_host(model, module, platform, layers)
    return model


def notes_of(imported: Imported, platform: Platform | None) -> tuple[str, ...]:
    """The import's notes as they are true with a CPU or without one."""
    if platform is None:
        return imported.notes
    with_cpu = f"What isn't named here is what {platform.name} has and KVM can give, as far as the module takes it."
    return tuple(note.replace(WITHOUT_CPU, with_cpu) for note in imported.notes)


def what_name(imported: Imported) -> str:
    """What an import calls itself, "" if nothing."""
    return str(getattr(imported.what, "name", ""))


def remarks(imported: Imported, module: Module, layers: Iterable[VmmLayer] = ()) -> list[str]:
    """Sentences on what a module, or a VMM version, doesn't take of a configuration as it is written."""
    what = imported.what
    if not isinstance(what, Features):
        return []
    out = []
    for leaf, value in _entries(what, module).items():
        entry = module.entry_for(leaf)
        legal = module.configurable.get(entry.leaf, 0) if entry else 0
        if illegal := value & ~legal:
            keys = few([bit.key for bit in bits(leaf, illegal)])
            out.append(f"CPUID_CONFIG sets what {module.version} doesn't let be configured: {keys}.")
    for layer in layers:
        out += [f"{layer.label} has no {name}: Property 'host-x86_64-cpu.{name}' not found."
                for name in what.names if layer.names and name not in layer.names]
    return out


def fitting_modules(slots: Sequence[int]) -> list[str]:
    """The known modules whose CPUID_CONFIG could have these slots: as many entries, all bits configurable."""
    out = []
    for name in library.files("modules"):
        module = library.module(name)
        legal = [module.configurable[leaf] for leaf in module.cpuid_config]
        if len(slots) <= len(legal) and not any(value & ~mask for value, mask in zip(slots, legal, strict=False)):
            out.append(name)
    return out


# -- what the configuration states --


def _entries(what: Features, module: Module) -> Mapping[Leaf, int]:
    """CPUID_CONFIG as the configuration has it whole, {} if it hasn't."""
    if what.slots is None:
        return what.entries or {}
    if len(what.slots) > len(module.cpuid_config):
        fits = ", ".join(fitting_modules(what.slots)) or "none that is known"
        raise TdxtuiError(
            f"{shown(what.name, MAX_MESSAGE)}: has {len(what.slots)} CPUID_CONFIG slots, module {module.version} has "
            f"{len(module.cpuid_config)}; --module names the right one (fitting: {fits})"
        )
    return {leaf: value for leaf, value in zip(module.cpuid_config, what.slots, strict=False) if value}


def _stated(what: Features, module: Module) -> Wishes:
    """The wishes; of CPUID_CONFIG the configurable bits of every register that isn't 0, others may be defaults."""
    out = dict(what.wishes)
    for leaf, value in _entries(what, module).items():
        entry = module.entry_for(leaf)
        legal = module.configurable.get(entry.leaf, 0) if entry else 0
        registers = sum(WORD << register.shift for register in Register if value & WORD << register.shift)
        if mask := value | legal & registers:
            out[entry.leaf if entry else leaf] = value, mask
    return out


def _td(what: Features, wishes: Wishes, module: Module) -> VcpuModel:
    known = {field.name for field in fields(VcpuModel)}
    settings = {key: value for key, value in what.settings.items() if key in known}
    model = VcpuModel(
        what.name,
        module=module.version,
        attributes=_mirrored(wishes, module) if what.attributes is None else what.attributes,
        xfam=state_components.implied(wishes) if what.xfam is None else what.xfam,
        config_flags=CONFIG_FLAGS["NO_RBP_MOD"] & module.config_flags.allowed,
        max_vcpus=what.max_vcpus or 1,
        wishes=wishes,
    )
    return replace(model, **settings)  # type: ignore[arg-type]


def _mirrored(wishes: Wishes, module: Module) -> int:
    """ATTRIBUTES for a source that has none: SEPT_VE_DISABLE, as Linux needs, and what shows as a wished bit."""
    out = ATTRIBUTES["SEPT_VE_DISABLE"]
    for mirror in module.mirrors:
        value, mask = wishes.get(mirror.bit.leaf, (0, 0))
        if mirror.of.scope == "ATTRIBUTES" and value & mask & mirror.bit.mask:
            out |= mirror.of.mask & module.attributes.allowed
    return out


def _description(imported: Imported, what: Features, platform: Platform | None) -> str:
    title = importers.title(imported.format)
    if not what.host:
        return f"From {title}."
    if platform is None:
        return f"From {title}; what it doesn't name is the host's, and no wish here."
    return f"From {title}; what it doesn't name is what {platform.title or platform.name} has and the module takes."


# -- what the host adds --


def _with_unnamed(layers: Sequence[VmmLayer]) -> list[VmmLayer]:
    """The layers given; of a kind of VMM that isn't among them every known version, so that each of them will do."""
    given = {layer.kind for layer in layers}
    names = (name.split("-", 1) for name in vmm.layers())
    return [*layers, *(vmm.layer(kind, version) for kind, version in names if kind not in given)]


def _host_xfam(wishes: Wishes, module: Module, platform: Platform | None, layers: Iterable[VmmLayer]) -> int:
    """XFAM of a host's pass-through: what the VMMs pass and CPU and module have, less what is turned off by name."""
    xfam = module.xfam.allowed
    for layer in layers:
        xfam &= layer.xfam
    if platform is not None:
        prepared = library.prepared(module, platform)
        xfam &= xfam if isinstance(prepared, Refusal) else prepared.xfam_allowed
    for name, bits in state_components.FEATURES.items():
        if any(_wished(wishes, Field.parse(bit)) == 0 for bit in bits):
            xfam &= ~XFAM[name]
    if not xfam & XFAM_COMPONENTS["AVX"]:
        xfam &= ~XFAM["AVX512"]
    return xfam | state_components.implied(wishes)


def _with_host(model: VcpuModel, module: Module, platform: Platform, layers: Sequence[VmmLayer]) -> VcpuModel:
    """The model with the host's bits wished too, as far as the TD gets them."""
    host = _host_wishes(model, module, platform, layers)
    whole = model
    for _ in range(_ROUNDS):
        whole = replace(model, platform=platform.name, wishes=_merged(host, model.wishes))
        situation = evaluate(whole, module, platform)
        refused = {item.at for item in situation.refusals if item.at}
        bad = {leaf: -1 if leaf in refused else situation.conflicts.get(leaf, 0) for leaf in host}
        if not any(mask & host[leaf][1] for leaf, mask in bad.items()):
            break
        host = {leaf: (value & ~bad[leaf], mask & ~bad[leaf]) for leaf, (value, mask) in host.items()}
    return whole


def _host_wishes(model: VcpuModel, module: Module, platform: Platform, layers: Iterable[VmmLayer]) -> Wishes:
    """Of each configurable leaf: features that the CPU has and VMMs know, and the caches; not the host's topology."""
    native, given, out = platform.sampler(), _given_by_kvm(), {}
    refused = [layer.refused for layer in layers]
    skipped = (*_TOPOLOGY, *(() if model.attributes & ATTRIBUTES["PERFMON"] else _PERFMON))
    for leaf, legal in module.configurable.items():
        if leaf.leaf in skipped:
            continue
        value = native(leaf)
        mask = value & legal & given.get(leaf, 0)
        for table in refused:
            mask &= ~table.get(leaf, 0)
        if leaf.leaf == _CACHES:
            mask |= _whole_fields(leaf, legal)
        if mask:
            out[leaf] = value & mask, mask
    if LOGICAL_CPUS.mask & module.configurable.get(LOGICAL_CPUS.leaf, 0) == LOGICAL_CPUS.mask:
        old, mask = out.get(LOGICAL_CPUS.leaf, (0, 0))
        out[LOGICAL_CPUS.leaf] = LOGICAL_CPUS.put(old, min(model.max_vcpus, 255)), mask | LOGICAL_CPUS.mask
    return out


@cache
def _given_by_kvm() -> dict[Leaf, int]:
    """The features that any model with AVX has, as packed masks."""
    out: dict[Leaf, int] = {}
    for item in qemu_models.models().values():
        if _AVX.get(item.words.get(_AVX.leaf, 0)):
            for leaf, word in item.words.items():
                out[leaf] = out.get(leaf, 0) | word
    return out


def _whole_fields(leaf: Leaf, legal: int) -> int:
    """The fields of a leaf that are configurable to the last bit."""
    return sum(item.field.mask for item in catalog.fields_of(leaf) if item.field.mask & legal == item.field.mask)


def _merged(host: Wishes, stated: Mapping[Leaf, tuple[int, int]]) -> Wishes:
    """Both; what is stated goes before."""
    out = {leaf: pair for leaf, pair in host.items() if pair[1]}
    for leaf, (value, mask) in stated.items():
        old, old_mask = out.get(leaf, (0, 0))
        out[leaf] = old & ~mask | value, old_mask | mask
    return out


def _wished(wishes: Wishes, bit: Field) -> int | None:
    value, mask = wishes.get(bit.leaf, (0, 0))
    return bit.get(value) if mask & bit.mask else None


def bits(leaf: Leaf, mask: int) -> list[Field]:
    """The single bits of a packed mask, EAX first, the high bit first."""
    every = (Field.bit(leaf, register, number) for register in Register for number in range(31, -1, -1))
    return [bit for bit in every if bit.mask & mask]
