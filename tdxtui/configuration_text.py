"""A configuration that was imported as a model file with its notes, and as plain data."""

from __future__ import annotations

from dataclasses import replace
from textwrap import wrap
from typing import Any

from tdxtui import imported_model, library, model_file
from tdxtui.cpuid import quad
from tdxtui.importers import Features, Imported
from tdxtui.model import VcpuModel
from tdxtui.platform import Platform
from tdxtui.situations import DEFAULT_MODULE, NO_PLATFORM

WIDTH = 110


def model_text(imported: Imported, module: str | None, platform: str | None) -> str:
    """The model's file, with what was odd or assumed in comments at its top."""
    notes = notes_of(imported, module, platform)
    lines = [line for note in notes for line in wrap(note, WIDTH, initial_indent="# ", subsequent_indent="#   ")]
    return "".join(f"{line}\n" for line in lines) + model_file.dumps(_model(imported, module, platform))


def notes_of(imported: Imported, module: str | None, platform: str | None) -> tuple[str, ...]:
    """What was odd or assumed, and what the module doesn't take, as it is true on the module and CPU."""
    remarks = imported_model.remarks(imported, library.module(module or DEFAULT_MODULE))
    return (*imported_model.notes_of(imported, _cpu(platform)), *remarks)


def _model(imported: Imported, module: str | None, platform: str | None) -> VcpuModel:
    """The model on a module and CPU by name; it keeps the names as given, since they may be files."""
    version = module or DEFAULT_MODULE
    cpu = _cpu(platform)
    model = imported_model.model_of(imported, library.module(version), cpu)
    return replace(model, module=version, platform=platform if cpu and platform else model.platform)


def _cpu(platform: str | None) -> Platform | None:
    return library.platform(platform) if platform and platform != NO_PLATFORM else None


def data_of(what: Features, imported: Imported, module: str | None, platform: str | None) -> dict[str, Any]:
    """What a configuration says, CPUID_CONFIG included where it has that whole; with a module or CPU its model too."""
    out: dict[str, Any] = {
        "name": what.name,
        "host": what.host,
        "wishes": {leaf.key: {"value": quad(value), "mask": quad(mask)} for leaf, (value, mask) in what.wishes.items()},
        "max_vcpus": what.max_vcpus,
        "settings": {key: value.hex() if isinstance(value, bytes) else value for key, value in what.settings.items()},
    }
    for key, word in (("attributes", what.attributes), ("xfam", what.xfam)):
        out[key] = None if word is None else f"{word:x}"
    if what.entries is not None:
        out["cpuid_config"] = {leaf.key: quad(value) for leaf, value in what.entries.items()}
    if what.slots is not None:
        out["slots"] = [quad(value) for value in what.slots]
    if module or platform:
        out["model"] = model_file.document(_model(imported, module, platform))
    return out
