"""What a user names to be compared: a module, a vCPU model, or the CPUID of a machine. An ambiguity is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from tdxtui import file_kind, importers, library, module_file, sources
from tdxtui.cpuid import CpuidTable
from tdxtui.dump import MAX_FILE_SIZE, Dump
from tdxtui.errors import TdxtuiError
from tdxtui.importers import ModuleText
from tdxtui.module import Module
from tdxtui.platform import ARCH_CAPABILITIES, Platform
from tdxtui.sources import Source
from tdxtui.strict import MAX_MESSAGE, read_bytes, shown

MODULE, MODEL, CPU = "module", "model", "cpu"
TITLES = {MODULE: "a TDX module", MODEL: "a vCPU model", CPU: "the CPUID of a machine"}


@dataclass(frozen=True)
class Machine:
    """What CPUID shows on a machine, and the MSRs that are known of it, by address."""

    name: str
    cpuid: CpuidTable
    msrs: Mapping[int, int]
    notes: tuple[str, ...] = ()


class Subject(NamedTuple):
    """One side of a comparison."""

    kind: str
    what: Module | Source | Machine


def find(text: str) -> Subject:
    """The subject of a name or file, ``module:``, ``model:`` or ``cpu:`` before it where it could be several.

    Raises TdxtuiError for what can't be found or read, and for a name of several things.
    """
    prefix, _, rest = text.partition(":")
    if prefix in _READERS and not rest:
        raise TdxtuiError(f"{_short(text)} names nothing; write {TITLES[prefix]} after the colon")
    if prefix in _READERS:
        return Subject(prefix, _READERS[prefix](rest))
    found = list(_named(text))
    if len(found) > 1:
        choices = " or ".join(f"{kind}:{text}" for kind in found)
        raise TdxtuiError(f"{_short(text)} may be {_either(found)}; write {choices}, or a file with its folder")
    if found:
        return Subject(found[0], _READERS[found[0]](text))
    if Path(text).exists():
        return _of_file(Path(text))
    raise TdxtuiError(_unknown(text))


def _either(kinds: list[str]) -> str:
    return " or ".join(TITLES[kind] for kind in kinds)


def _named(text: str) -> list[str]:
    """The kinds that have the name, a file of just that name included."""
    kinds = [kind for kind, names in _names().items() if text in names]
    if text.startswith((sources.QEMU, sources.LEVEL)):
        kinds.append(MODEL)
    if kinds and Path(text).is_file():
        kinds += [kind for kind in (_kind_of(Path(text)),) if kind not in kinds]
    return kinds


def _names() -> dict[str, list[str]]:
    return {
        MODULE: list(library.files("modules")), MODEL: list(library.presets()), CPU: list(library.files("platforms")),
    }


def _of_file(path: Path) -> Subject:
    kind = _kind_of(path)
    return Subject(kind, _READERS[kind](str(path)))


def _kind_of(path: Path) -> str:
    """What a file is, by its content."""
    if own := file_kind.kind_of(read_bytes(path, MAX_FILE_SIZE)):
        return {file_kind.MODULE: MODULE, file_kind.PLATFORM: CPU, file_kind.MODEL: MODEL}[own]
    if path.suffix == ".toml":
        return MODEL
    what = importers.read_path(path).what
    return CPU if isinstance(what, Dump) else MODULE if isinstance(what, ModuleText) else MODEL


def _module(text: str) -> Module:
    path = Path(text)
    if text in library.files("modules") or path.suffix == ".toml" or not path.exists():
        return library.module(text)
    what = importers.read_path(path).what
    if not isinstance(what, ModuleText):
        raise TdxtuiError(f"{_short(text)}: is no TDX module")
    return module_file.parse(what.text, text)


def _machine(text: str) -> Machine:
    path = Path(text)
    if text not in library.files("platforms") and path.suffix != ".toml" and path.exists():
        dump = importers.dump(text)
        return Machine(dump.name, dump.cpuid, dump.cpus[0].msrs, dump.notes)
    return of_platform(library.platform(text))


def of_platform(platform: Platform) -> Machine:
    """A platform as a machine."""
    msrs = {**platform.msrs, ARCH_CAPABILITIES: platform.arch_capabilities}
    return Machine(platform.name, platform.cpuid, msrs, platform.notes)


_READERS: Mapping[str, Callable[[str], Module | Source | Machine]] = {
    MODULE: _module, MODEL: sources.find, CPU: _machine,
}


def _short(text: str) -> str:
    return shown(text, MAX_MESSAGE)


def _unknown(text: str) -> str:
    known = [name for names in _names().values() for name in names]
    near = get_close_matches(text, known, n=3)
    hint = f"did you mean {', '.join(near)}?" if near else "name a module version, a preset, a CPU or a file"
    return f"{_short(text)!r}: there is no module, model, CPU or file of that name; {hint}"
