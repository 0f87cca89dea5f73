"""tdxtui for Python programs: what a TD's CPUID would be, and whether that is what a model wants.

Everything here keeps its name and meaning between versions; the modules behind it may change. Models, modules, CPUs
and VMM layers are named as on the command line; where a model is asked for, one that was loaded before does too.
Nothing here prints. Whatever a user can mend raises `TdxtuiError`, one line that says what, where and what to do.

>>> from tdxtui import api
>>> [finding.name for finding in api.check("full-granite-rapids", module="1.5.06") if finding.kind == "conflict"]
['prefetchiti']
>>> answer = api.query("pdcm", module="1.5.06")
>>> answer.state, answer.value
(<State.FIXED_1: 'fixed-1'>, 1)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tdxtui import baseline as pooling
from tdxtui import check as checks
from tdxtui import exporters, library, model_file, model_template, situations, sources, vmm
from tdxtui import fit as fitting
from tdxtui import query as queries
from tdxtui import resolve as engine
from tdxtui import why as reasons
from tdxtui.baseline import Pool
from tdxtui.catalog import AmbiguousName, UnknownName
from tdxtui.check import Finding, Kind, Layer, Severity
from tdxtui.cpuid import Field, Leaf, Register, unpack
from tdxtui.diff.report import report
from tdxtui.dynamic import GuestState
from tdxtui.errors import DataError, TdxtuiError
from tdxtui.evaluate import Situation
from tdxtui.exporters import Export
from tdxtui.fit import Fit, Unfit
from tdxtui.fit.changes import Change, changes
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.query import Answer, BitAnswer, State
from tdxtui.refusal import Refusal
from tdxtui.resolve import VirtualCpuid
from tdxtui.runtime import cpuid
from tdxtui.situations import DEFAULT_MODULE, NO_PLATFORM
from tdxtui.td import TdConfig
from tdxtui.verify import check_dump
from tdxtui.verify import observed as observations
from tdxtui.verify.check_dump import Difference, Verification
from tdxtui.verify.host_guest import Explained, Gone, explained
from tdxtui.vmm import VmmLayer

__all__ = [
    "Answer", "BitAnswer", "Change", "DataError", "Difference", "Explained", "Export", "Field", "Finding", "Fit",
    "Gone", "GuestState", "Kind", "Layer", "Leaf", "Module", "Platform", "Pool", "Refusal", "Register", "Severity",
    "Situation", "State", "TdConfig", "TdxtuiError", "Unfit", "VcpuModel", "Verification", "VirtualCpuid",
    "VmmLayer", "baseline", "check", "diff", "explain", "export", "finding_data", "fit", "fit_changes",
    "guest_cpuid", "layer", "layers", "model", "module", "modules", "parse_model", "platform", "platforms",
    "presets", "query", "query_data", "registers", "resolve", "save_model", "situation", "verify", "why",
]


# -- what there is --


def modules() -> list[str]:
    """The TDX module versions that can be named, the user's own files among them.

    >>> modules()[:3]
    ['1.5.01', '1.5.05', '1.5.06']
    """
    return list(library.files("modules"))


def platforms() -> list[str]:
    """The CPUs that can be named, the user's own files among them.

    >>> "granite-rapids" in platforms()
    True
    """
    return list(library.files("platforms"))


def presets() -> list[str]:
    """The models that come with tdxtui, and the user's own presets.

    >>> "minimal" in presets()
    True
    """
    return list(library.presets())


def layers() -> list[str]:
    """The VMM layers: kind and version.

    >>> [name for name in layers() if name.startswith("kvm")]
    ['kvm-7.2']
    """
    return vmm.layers()


def module(name: str) -> Module:
    """A module by version or file. TdxtuiError (DataError for a bad file) if it can't be had.

    >>> module("1.5.06").evidence
    'run'
    """
    return library.module(name)


def platform(name: str) -> Platform:
    """A CPU by name, file, or dump of its CPUID. TdxtuiError if it can't be had.

    >>> platform("granite-rapids").arch_capabilities & 1
    1
    """
    return library.platform(name)


def layer(kind: str, version: str) -> VmmLayer:
    """A VMM layer of kind ``kvm`` or ``qemu``. TdxtuiError names the known versions.

    >>> layer("kvm", "7.2").guest_phys_bits
    (48, 52)
    """
    return vmm.layer(kind, version)


def model(name: str) -> VcpuModel:
    """A vCPU model: a file, a preset, ``qemu:NAME``, ``level:NAME``, a dump, or whatever else tdxtui reads.

    Of a configuration that leaves bits to its host only those that it names: `situation`, `check` and `fit` take its
    name, and work out the others for their CPU.

    >>> model("kvm-sapphire-rapids").module
    '1.5.06'
    >>> model("nosuch")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    tdxtui.errors.TdxtuiError: there is no source 'nosuch'...
    """
    return sources.find(name).model


def parse_model(text: str, source: str = "model") -> VcpuModel:
    r"""A vCPU model from the text of a model file; `source` is what errors call it.

    >>> parse_model('format = 2\nname = "web"\n[features]\navx512f = true\n').name
    'web'
    """
    return model_file.parse(text, source)


def save_model(of: VcpuModel, path: str) -> None:
    """Write a model to a file, whole or not at all; what was there before is kept beside it as ``.bak``."""
    from pathlib import Path

    model_file.save(of, Path(path))


# -- what comes of it --


def situation(of: str | VcpuModel, module: str | None = None, platform: str | None = None) -> Situation:
    """What becomes of a model on a module and CPU, by default its own: the TD's values, refusals and conflicts.

    `platform` may be ``none`` for an unknown CPU. Never raises for a TD that is refused; that is part of the answer.

    >>> found = situation("kvm-sapphire-rapids", module="1.5.34")
    >>> found.conflict_count, f"{found.td.get(Field.parse('7.0.ebx.16'))}"
    (0, '1')
    """
    if isinstance(of, VcpuModel):
        return situations.of_model(of, module, platform)
    return sources.situation(sources.find(of), module, platform)[1]


def resolve(config: TdConfig, module: str, platform: str) -> VirtualCpuid | Refusal:
    """TDH.MNG.INIT alone: the virtual CPUID of a TD configuration, or the module's refusal.

    Raises TdxtuiError for a CPU that the module refuses.

    >>> str(resolve(TdConfig(xfam=0x20), "1.5.06", "sapphire-rapids"))
    'TDH.MNG.INIT: TDX_OPERAND_INVALID (XFAM): XFAM lacks X87, SSE, which every TD has'
    >>> found = resolve(TdConfig(), "1.5.06", "sapphire-rapids")
    >>> f"{found.at(Leaf(1)):032x}"[16:24]
    'c6faa217'
    """
    return engine.resolve(library.prepare_or_raise(library.module(module), platform), config)


def registers(packed: int) -> tuple[int, int, int, int]:
    """EAX, EBX, ECX and EDX of a packed leaf.

    >>> registers(0x00000001_00000002_00000003_00000004)
    (1, 2, 3, 4)
    """
    return unpack(packed)


def guest_cpuid(
    of: Situation, leaf: int, subleaf: int = 0, guest: GuestState | None = None
) -> tuple[int, int, int, int] | None:
    """What the CPUID instruction returns inside the TD, None for a #VE; `guest` is the state of the vCPU.

    >>> guest_cpuid(situation("kvm-sapphire-rapids"), 0x21)[1].to_bytes(4, "little")
    b'Inte'
    >>> guest_cpuid(situation("kvm-sapphire-rapids"), 0x40000001) is None
    True
    """
    found = cpuid(of.td, leaf, subleaf, guest or GuestState())
    return None if found is None else unpack(found)


# -- models that fit --


def fit(
    source: str, module: str | None = None, platform: str | None = None, *, kvm: str | None = None,
    qemu: str | None = None, require: Iterable[str] = (), forbid: Iterable[str] = (), prefer: Iterable[str] = (),
) -> Fit:
    """The nearest legal model to a source, as `model` of the answer, and what became of every wish.

    Where it is held against is as for `tdxtui fit`; `require`, `forbid` and `prefer` name features. Raises Unfit, with
    its `reasons`, where a demand can't be met or the module refuses the CPU.

    >>> found = fit("qemu:SapphireRapids-v4", "1.5.06", "sapphire-rapids", kvm="7.2", forbid=["amx_tile"])
    >>> found.situation.conflict_count, [item.name for item in fit_changes(found)][:2]
    (0, ['amx_bf16', 'amx_tile'])
    """
    found = sources.find(source)
    names, layers = sources.place(found, module, platform), vmm.chosen(kvm, qemu)
    on, cpu = sources.ground(found, module, platform)
    target = fitting.Target.of(on, cpu, layers, names)
    return fitting.fit(sources.on(found, on, cpu, layers), target, fitting.Demands.parse(require, forbid, prefer))


def fit_changes(of: Fit) -> list[Change]:
    """Every wish of a fit's source that isn't met: outcome, field, wanted and got value, and why.

    >>> [item.name for item in fit_changes(fit("qemu:SapphireRapids-v4", "1.5.06", "sapphire-rapids"))][:2]
    ['pse36', 'tsc_adjust']
    """
    return changes(of)


def baseline(
    hosts: Iterable[str], modules: Iterable[str] = (DEFAULT_MODULE,), *, kvm: str | None = None,
    qemu: str | None = None, cold: bool = False,
) -> Pool:
    """The richest model that every host (a CPU's name, a file or a dump) can run on every module.

    Raises Unfit if a module refuses a host.

    >>> found = baseline(["sapphire-rapids", "granite-rapids"])
    >>> hex(found.model.wished(Field.parse("1.eax[27:0]")))
    '0x806f8'
    """
    on = [(name, library.module(name)) for name in dict.fromkeys(modules)]
    return pooling.pool(pooling.gather(hosts), on, vmm.chosen(kvm, qemu), cold)


# -- questions --


def export(
    of: str | VcpuModel | Situation, format: str, *, module: str | None = None, platform: str | None = None,
    kvm: str | None = None, qemu: str | None = None, guest: bool = False, allow_conflicts: bool = False,
) -> Export:
    """A model as a VMM or tool reads it: ``content`` (text or bytes), and ``losses``, what the format can't say.

    Raises TdxtuiError for an unknown format, or for a model that doesn't come out as wished unless that is allowed.

    >>> found = export("minimal", "kvm-tdx-init-vm")
    >>> len(found.data), found.losses[0]
    (344, 'tsc_mhz = 2600: KVM takes it by KVM_SET_TSC_KHZ of the VM')
    """
    held: VcpuModel | Situation
    if isinstance(of, str):
        held = sources.model_at(sources.find(of), module, platform)[1]
    elif isinstance(of, VcpuModel) or module or platform:
        found = of if isinstance(of, VcpuModel) else of.model
        held = model_template.held_against(found, module or found.module or DEFAULT_MODULE, platform)
    else:
        held = of
    return exporters.export(held, format, exporters.Options(qemu, kvm, guest, allow_conflicts))


def check(
    of: str | VcpuModel | Situation, module: str | None = None, platform: str | None = None, *,
    kvm: str | None = None, qemu: str | None = None,
) -> list[Finding]:
    """What a TD would not have of what a model wants, and what else is worth a look, the most important first.

    A finding's ``severity`` is ``conflict`` for what the model wants and can't have, else ``warning``.

    >>> found = check("kvm-sapphire-rapids", module="1.5.06", kvm="7.2", qemu="10.2")
    >>> any(finding.severity == "conflict" for finding in found)
    False
    >>> wish = model("kvm-sapphire-rapids").wish(Field.parse("1.ecx.15"), 0)
    >>> first = check(wish)[0]
    >>> first.field.sdm, first.name, first.wanted, first.got, str(first.bit_class), first.cure
    ('CPUID.01H:ECX[15]', 'pdcm', 0, 1, 'fixed-1', None)
    """
    layers = vmm.chosen(kvm, qemu)
    if isinstance(of, str):
        return checks.check(sources.situation(sources.find(of), module, platform, layers)[1], layers)
    return checks.check(of if isinstance(of, Situation) else situation(of, module, platform), layers)


def finding_data(finding: Finding) -> dict[str, object]:
    """A finding as plain data, as ``tdxtui check --json`` prints it.

    >>> finding_data(check(model("minimal").wish(Field.parse("1.ecx.15"), 0))[0])["layer"]
    'module'
    """
    return checks.to_data(finding)


def query(asked: str, module: str, platform: str | None = None) -> Answer:
    """What can become of a bit or field on a module: fixed 0, fixed 1, flexible and how, run-time or unknown.

    Raises TdxtuiError for a name that means no single field.

    >>> answer = query("avx512f", module="1.5.06", platform="sapphire-rapids")
    >>> str(answer.state), answer.bits[0].how, answer.bits[0].gates
    ('flexible', ('CPUID_CONFIG', 'XFAM'), ('XFAM.AVX512',))
    >>> if query("mtrr", module="1.5.06").is_fixed:
    ...     print("nothing to configure")
    nothing to configure
    """
    found = _asked(asked, module, platform)
    if len(found) != 1:
        choices = ", ".join(answer.field.key for answer in found)
        raise TdxtuiError(f"{asked!r} means {len(found)} fields; ask for one of {choices}")
    return found[0]


def query_data(answer: Answer) -> dict[str, object]:
    """An answer as plain data, as ``tdxtui query --json`` prints it.

    >>> query_data(query("pdcm", module="1.5.06"))["state"]
    'fixed-1'
    """
    return queries.to_data(answer)


def _asked(asked: str, module: str, platform: str | None) -> list[Answer]:
    try:
        return queries.ask(asked, module, platform or NO_PLATFORM)
    except (AmbiguousName, UnknownName) as error:
        raise TdxtuiError(str(error)) from None


def diff(
    a: str, b: str, *, model: str | None = None, module: str | None = None, platform: str | None = None
) -> dict[str, object]:
    """What differs between two modules, two models, two CPUs or dumps, or a model and a dump, as plain data.

    `model` is held against both modules; models are compared on `module` and `platform`, by default their own.

    >>> found = diff("1.5.06", "1.5.34")
    >>> [item["name"] for item in found["changes"] if item["group"] == "fixed-1-to-configurable"]
    ['mca', 'mtrr', 'mce', 'core_capabilities']
    """
    return report(a, b, model, module, platform).data


def verify(
    of: str | VcpuModel | Situation, cpuid: str | Mapping[Leaf, int], module: str | None = None,
    platform: str | None = None, *, view: str | None = None, guest: GuestState | None = None,
) -> Verification:
    """A TD's real CPUID against what its model predicts: ``differences``, each with its ``cause``.

    `cpuid` is a dump's file, or packed values by leaf; `view` is ``guest`` or ``tdcs``, by default as the values
    tell. Without `guest`, the vCPU's likeliest state is taken.

    >>> td = situation("kvm-sapphire-rapids")
    >>> seen = {entry.leaf: td.td.at(entry.leaf) for entry in td.module.entries}
    >>> verify(td, seen).differences
    ()
    >>> [item.name for item in verify(td, {Leaf(7, 0): seen[Leaf(7, 0)] ^ 1 << 64 + 3}).differences]
    ['bmi1']
    """
    where = of if isinstance(of, Situation) else situation(of, module, platform)
    seen = observations.read(cpuid, view) if isinstance(cpuid, str) else observations.observed("CPUID", cpuid, view)
    return check_dump.verify(where, seen, guest)


def explain(host: str, guest: str, module: str | None = None) -> Explained:
    """Where each feature went between a host and its guest, as ``features`` of the answer.

    `host` is a CPU's name or a dump, `guest` a dump. Without a module, the one that explains the guest best.

    >>> explain("sapphire-rapids", "nosuch.txt")
    Traceback (most recent call last):
        ...
    tdxtui.errors.DataError: nosuch.txt: can't be read: No such file or directory
    """
    return explained(host, guest, module)


def why(
    of: str | VcpuModel | Situation, asked: str, module: str | None = None, platform: str | None = None
) -> list[str]:
    """Why a bit or field has its value in a TD, as lines of text, the smallest edits that would change it included.

    >>> print(why("kvm-sapphire-rapids", "pks")[-3])
    To make it 1: ATTRIBUTES.PKS = 1.
    """
    where = of if isinstance(of, Situation) else situation(of, module, platform)
    try:
        return _joined(reasons.text(reasons.answer(where, field)) for field in reasons.fields_of(asked))
    except (AmbiguousName, UnknownName) as error:
        raise TdxtuiError(str(error)) from None


def _joined(texts: Iterable[list[str]]) -> list[str]:
    return [line for text in texts for line in text]
