"""What an import becomes: the text of a platform, model or module file, lines for people, or plain data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tdxtui import configuration_text, importers, library, model_file, offer, platform_file
from tdxtui.cpuid import CpuidTable, Leaf, quad
from tdxtui.dump import Dump, LogicalCpu
from tdxtui.dump_platform import platform_of
from tdxtui.importers import Capabilities, Features, Imported, ModuleText
from tdxtui.importers.result import NO_VERSION
from tdxtui.td import ATTRIBUTES, XFAM, names_of

Data = dict[str, Any]


def kind(imported: Imported) -> str:
    """What an import is: dump, model, features, module or capabilities."""
    names = {Dump: "dump", Features: "features", ModuleText: "module", Capabilities: "capabilities"}
    return names.get(type(imported.what), "model")


def text_of(
    imported: Imported, module: str | None = None, output: str | None = None, platform: str | None = None
) -> str:
    """The file that comes of an import: a platform of a dump, else the model or module, as TOML.

    Of what is no file, lines for people; `module` is what a host's offer is held against. `output` is the file's name,
    which a module gets its version from if nothing else says one. A configuration becomes a model on `module` and
    `platform`.
    """
    what = imported.what
    if isinstance(what, Dump):
        return platform_file.text_of(platform_of(what))
    if isinstance(what, ModuleText):
        named = what.named(Path(output).stem) if output and what.version == NO_VERSION else what
        return named.text
    if isinstance(what, Capabilities):
        return "\n".join(offer_lines(what, module)) + "\n"
    if isinstance(what, Features):
        return configuration_text.model_text(imported, module, platform)
    return model_file.dumps(what)


def notes_of(imported: Imported, module: str | None = None, platform: str | None = None) -> tuple[str, ...]:
    """The notes of an import; of a configuration as they are true on a module and CPU."""
    if isinstance(imported.what, Features):
        return configuration_text.notes_of(imported, module, platform)
    return imported.notes


def offer_lines(capabilities: Capabilities, module: str | None) -> Iterator[str]:
    """What a host offers, and where a module's file says otherwise."""
    yield f"ATTRIBUTES    {capabilities.attributes:#018x}  {' '.join(names_of(capabilities.attributes, ATTRIBUTES))}"
    yield f"XFAM          {capabilities.xfam:#018x}  {' '.join(names_of(capabilities.xfam, XFAM))}"
    yield "CPUID bits that a VMM may set, EAX EBX ECX EDX:"
    for leaf, mask in capabilities.configurable.items():
        words = quad(mask)
        yield f"  {leaf.key:<12}  {' '.join(words[at : at + 8] for at in range(0, 32, 8))}"
    if module is not None:
        found = offer.differences(capabilities, library.module(module))
        yield f"Against module {module}: {len(found) or 'no'} difference{'' if len(found) == 1 else 's'}"
        yield from (f"  {item.text}" for item in found)


def data_of(imported: Imported, module: str | None = None, platform: str | None = None) -> Data:
    """An import as plain data for JSON."""
    what = imported.what
    out: Data = {"format": imported.format, "kind": kind(imported), "notes": list(notes_of(imported, module, platform))}
    if isinstance(what, Dump):
        return out | {"name": what.name, "cpus": [_cpu(cpu) for cpu in what.cpus]}
    if isinstance(what, ModuleText):
        said = {"differences": list(what.differences), "assumptions": list(what.assumptions)}
        return out | {"version": what.version, **said, "text": what.text}
    if isinstance(what, Capabilities):
        return out | _offer(what, module)
    if isinstance(what, Features):
        return out | configuration_text.data_of(what, imported, module, platform)
    return out | {"model": model_file.document(what)}


def _cpu(cpu: LogicalCpu) -> Data:
    msrs = {f"{address:x}": f"{value:x}" for address, value in cpu.msrs.items()}
    return {"number": cpu.number, "cpuid": _table(cpu.cpuid), "msr": msrs}


def _table(table: CpuidTable) -> dict[str, str]:
    return {leaf.key: quad(table[leaf]) for leaf in sorted(table, key=_order)}


def _order(leaf: Leaf) -> tuple[int, int]:
    return leaf.leaf, leaf.subleaf or 0


def _offer(capabilities: Capabilities, module: str | None) -> Data:
    out: Data = {
        "attributes": f"{capabilities.attributes:x}",
        "xfam": f"{capabilities.xfam:x}",
        "configurable": {leaf.key: quad(mask) for leaf, mask in capabilities.configurable.items()},
    }
    if module is not None:
        out["module"] = module
        out["differences"] = [
            {"what": item.what, "name": item.name, "side": "host" if item.offered else "module"}
            for item in offer.differences(capabilities, library.module(module))
        ]
    return out


def formats() -> list[Data]:
    """The formats that can be imported, with what each is known from."""
    return [{"format": item.name, "title": item.title, "evidence": item.evidence} for item in importers.importers()]
