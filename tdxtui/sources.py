"""What a user names as "a CPU model", whatever it is: a QEMU named model, an x86-64 level, a preset, a file, a CPU.

Each becomes a vCPU model of what the source states. A source that knows of no TD gets the TD settings that follow
from its features; they are no statement of the source's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from tdxtui import (
    file_kind,
    imported_model,
    levels,
    library,
    model_file,
    qemu_models,
    situations,
    state_components,
    stated,
)
from tdxtui.cpuid import Field, Leaf
from tdxtui.dump import Dump
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import Situation, evaluate
from tdxtui.file_kind import kind_of
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.strict import MAX_MESSAGE, STDIN, read_named, shown
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS
from tdxtui.vmm_layer import VmmLayer

if TYPE_CHECKING:
    from tdxtui.importers import Features, Imported

QEMU, LEVEL = "qemu:", "level:"
PKS = Field.parse("7.0.ecx.31")


@dataclass(frozen=True)
class Source:
    """A source of wishes.

    `text` is how the user named it, `kind` one of qemu, level, preset, model, platform, dump, import. `model` holds
    what it states. With `states_td` its ATTRIBUTES, XFAM and other TD settings are its own, else they only follow from
    the wishes. `notes` are sentences on what was assumed. `imported` is set where the model depends on the module and
    the CPU: see `on`.
    """

    text: str
    kind: str
    title: str
    model: VcpuModel
    states_td: bool = False
    notes: tuple[str, ...] = ()
    imported: Imported | None = None


def on(source: Source, module: Module, platform: Platform | None, layers: Sequence[VmmLayer] = ()) -> Source:
    """The source on a module and a CPU. A configuration that leaves bits to the host is worked out there, and what
    the module and the VMM versions don't take of it is added to the notes; any other source stays as it is."""
    if source.imported is None:
        return source
    model = imported_model.model_of(source.imported, module, platform, layers)
    notes = imported_model.notes_of(source.imported, platform)
    remarks = imported_model.remarks(source.imported, module, layers)
    return replace(source, model=replace(model, module="", platform=""), notes=(*notes, *remarks))


def find(text: str) -> Source:
    """The source of a name: ``qemu:SapphireRapids-v4``, ``level:x86-64-v3``, a preset, a platform or a file.

    TdxtuiError if there is none, with those that come close.
    """
    if text.startswith(QEMU):
        return _of_qemu(text)
    if text.startswith(LEVEL):
        return _of_level(text)
    if text != STDIN and not os.path.exists(text):  # noqa: PTH110 (no error for what can be no name)
        if text in library.presets():
            return _of_model(text, "preset", situations.find_model(text))
        if text in library.files("platforms"):
            return of_platform(text, library.platform(text))
        raise TdxtuiError(_unknown(text))
    return _of_file(text)


def of_platform(text: str, platform: Platform) -> Source:
    """A CPU as a source: everything that its CPUID shows."""
    wishes, mhz = stated.wishes(platform.cpuid), stated.tsc_mhz(platform.cpuid)
    name = platform.title or platform.name
    return Source(text, "platform", name, _featured(platform.name, f"What {name} has.", wishes, mhz))


def _featured(
    name: str, description: str, wishes: Mapping[Leaf, tuple[int, int]], tsc_mhz: int | None = None
) -> VcpuModel:
    """A model of a source that knows of no TD: XFAM and PKS follow from its features."""
    value, mask = wishes.get(PKS.leaf, (0, 0))
    pks = ATTRIBUTES["PKS"] if value & mask & PKS.mask else 0
    return VcpuModel(
        name,
        description,
        attributes=ATTRIBUTES["SEPT_VE_DISABLE"] | pks,
        xfam=state_components.implied(wishes),
        config_flags=CONFIG_FLAGS["NO_RBP_MOD"],
        tsc_mhz=tsc_mhz or VcpuModel.tsc_mhz,
        wishes=dict(wishes),
    )


def place(source: Source, module: str | None, platform: str | None) -> tuple[str, str]:
    """The names of the module and the CPU that a source is held against, "" for no CPU.

    As given, else as its model says, else the default module and no CPU; a CPU that is the source is its own.
    """
    own = source.text if source.kind == "platform" else source.model.platform
    cpu = own if platform is None else platform
    return module or source.model.module or situations.DEFAULT_MODULE, "" if cpu == situations.NO_PLATFORM else cpu


def ground(source: Source, module: str | None, platform: str | None) -> tuple[Module, Platform | None]:
    """The module and the CPU at that `place`; TdxtuiError for one that can't be had."""
    own = source.text if source.kind == "platform" and platform is None else platform
    return (
        situations.module_of(source.model, module, source.text),
        situations.platform_of(source.model, own, source.text),
    )


def situation(
    source: Source, module: str | None = None, platform: str | None = None, layers: Sequence[VmmLayer] = ()
) -> tuple[Source, Situation]:
    """What becomes of a source on a module and a CPU, by default its own, with the source as it is `on` them.

    TdxtuiError for a module or CPU that can't be had.
    """
    there, cpu = ground(source, module, platform)
    source = on(source, there, cpu, layers)
    return source, evaluate(source.model, there, cpu)


def model_at(source: Source, module: str | None, platform: str | None) -> tuple[Source, VcpuModel]:
    """The source as it is on a module and CPU, by default its own, and its model with their names."""
    names = place(source, module, platform)
    there = on(source, *ground(source, module, platform))
    return there, replace(there.model, module=names[0], platform=names[1])


# -- QEMU's named models --


def _of_qemu(text: str) -> Source:
    name = text.removeprefix(QEMU)
    found = qemu_models.find(name)
    if found is None:
        known = (*qemu_models.families(), *qemu_models.models())
        raise TdxtuiError(f"there is no QEMU model {_named(name, known)}; `tdxtui sources` lists those of Intel CPUs")
    notes = []
    if found.name.lower() != name.lower():
        notes.append(f"{name} is {found.name} here{_alias_rule(name, found)}.")
    title = f"QEMU {found.qemu} {found.name}" + (f" ({found.note})" if found.note else "")
    model = _featured(found.name, f"QEMU's named model {found.name}, facts of QEMU {found.qemu}.",
                      qemu_models.wishes(found))
    return Source(text, "qemu", title, model, notes=tuple(notes))


def _alias_rule(name: str, found: qemu_models.QemuModel) -> str:
    family = qemu_models.unversioned(found.name).lower()
    if name.lower() == family:
        return f": QEMU's machine types take -v1 where no version is named; {QEMU}{name}-latest is the newest"
    return ": the newest version known" if name.lower() == f"{family}{qemu_models.LATEST}" else ", by QEMU's alias"


# -- levels --


def _of_level(text: str) -> Source:
    name = text.removeprefix(LEVEL)
    if name not in levels.levels():
        raise TdxtuiError(f"there is no level {_named(name, levels.levels())}; known are {', '.join(levels.levels())}")
    model = _featured(name, f"The features of the {name} level.", levels.wishes(name))
    notes = (f"{name} asks for features only; other bits are 0 where the VMM decides.",)
    return Source(text, "level", f"x86-64 level {name}", model, notes=notes)


# -- models, and what else a file may be --


def _of_model(text: str, kind: str, model: VcpuModel) -> Source:
    return Source(text, kind, model.description or model.name, model, states_td=True)


# -- files --


def _of_file(text: str) -> Source:
    """A file by its content; one in TOML that is nothing else is a model, if perhaps a broken one."""
    from tdxtui.importers import kata

    data, piped = read_named(text), text == STDIN
    text = "standard input" if piped else text
    if not data:  # what is left of a file that a full disk cut short would fit everywhere
        raise TdxtuiError(f"{shown(text, MAX_MESSAGE)}: is empty")
    kind = kind_of(data)
    if kind == file_kind.MODULE:
        raise TdxtuiError(f"{shown(text, MAX_MESSAGE)}: is no CPU model but a TDX module")
    if kind == file_kind.PLATFORM:
        if piped:  # it is asked for by name once more
            raise TdxtuiError(f"{text}: is a platform, which must be given as a file")
        return of_platform(text, library.platform(text))
    if kind == file_kind.MODEL or (Path(text).suffix == ".toml" and not kata.sniff(data)):
        return _of_model(text, "model", model_file.parse(model_file.decoded(data, text), text, Path(text).stem))
    return _of_import(text, data)


def _of_import(text: str, data: bytes) -> Source:
    from tdxtui import importers

    found = importers.read(data, text)
    title = importers.title(found.format)
    name = Path(text).stem
    if isinstance(found.what, Dump):
        cpuid = found.what.cpuid
        model = _featured(name, f"What {name}, {title}, shows.", stated.wishes(cpuid), stated.tsc_mhz(cpuid))
        return Source(text, "dump", title, model, notes=found.notes)
    if isinstance(found.what, VcpuModel):
        return Source(text, "import", title, found.what, states_td=True, notes=found.notes)
    if isinstance(found.what, importers.Features):
        return replace(_of_features(text, title, found.what, found.notes), imported=found)
    raise TdxtuiError(f"{shown(text, MAX_MESSAGE)}: is no CPU model but {title}")


def _of_features(text: str, title: str, features: Features, notes: tuple[str, ...]) -> Source:
    """Features by name; what the source doesn't say of the TD follows from them."""
    model = _featured(features.name, f"From {Path(text).name}, {title}.", features.wishes)
    given = {"attributes": features.attributes, "xfam": features.xfam, "max_vcpus": features.max_vcpus}
    said = {key: value for key, value in {**given, **features.settings}.items() if value is not None}
    model = replace(model, **said)  # type: ignore[arg-type]
    return Source(text, "import", title, model, states_td=features.xfam is not None, notes=notes)


# -- errors --


def _named(name: str, known: Iterable[str]) -> str:
    plain = {item.lower(): item for item in known}
    near = [plain[item] for item in get_close_matches(name.lower(), plain, n=3)]
    hint = f" (did you mean {', '.join(near)}?)" if near else ""
    return f"{shown(name, MAX_MESSAGE)!r}{hint}"


def _unknown(text: str) -> str:
    if os.sep in text or text.endswith((".toml", ".txt", ".xml", ".json")):
        return f"{shown(text, MAX_MESSAGE)}: there is no such file"
    names = (*library.presets(), *library.files("platforms"))
    qemu = qemu_models.find(text)
    hint = f"; write {QEMU}{text} for QEMU's model" if qemu else ""
    hint = f"; write {LEVEL}{text} for the level" if text in levels.levels() else hint
    known = f"; presets and CPUs are {', '.join(names)}, others are {QEMU}NAME, {LEVEL}NAME or a file"
    return f"there is no source {_named(text, names)}{hint or known}"
