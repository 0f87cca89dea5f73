"""Models and modules in the formats of VMMs and other tools: one file a format, each loaded when it is asked for.

A format's file has ``write(subject) -> Written``; that of a module ``write(module) -> Written``. Where a format has
room for it, an export begins with where it comes from and what it can't say; `Export` has that for all of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import Situation
from tdxtui.exported import Conflicting
from tdxtui.exporters.formats import FORMATS
from tdxtui.exporters.result import Export, Format, Options, Written
from tdxtui.exporters.subject import subject_of, tool
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.strict import unknown

__all__ = ["FORMATS", "Conflicting", "Export", "Format", "Options", "export", "export_module", "format_of"]


def format_of(name: str) -> Format:
    """The format of a name; TdxtuiError with those that come close."""
    if name not in FORMATS:
        raise TdxtuiError(f"format {unknown(name, FORMATS)}; tdxtui export --formats lists all")
    return FORMATS[name]


def export(what: VcpuModel | Situation, format: str, options: Options | None = None) -> Export:
    """A model, held against the module and CPU that it names or in a situation, in a format.

    Raises TdxtuiError for an unknown format, module, CPU or version, `Conflicting` for a model that does not come out
    as wished unless the options allow it.
    """
    found = format_of(format)
    if found.of_module:
        raise TdxtuiError(f"{format} is made of a module, not of a model; give --module alone")
    subject = subject_of(what, options or Options())
    if subject.problems and not subject.options.allow_conflicts:
        raise Conflicting(subject.name, subject.problems)
    written: Written = _code(found).write(subject)
    return Export(format, written.content, written.losses, subject.ground)


def export_module(module: Module, format: str) -> Export:
    """A module in a format. Raises TdxtuiError for an unknown one, or one that is made of a model."""
    found = format_of(format)
    if not found.of_module:
        raise TdxtuiError(f"{format} is made of a model; name one")
    written: Written = _code(found).write(module)
    ground = (tool(), f"TDX module {module.version} (evidence: {module.evidence})")
    return Export(format, written.content, written.losses, ground)


def _code(found: Format) -> Any:
    return import_module(f"tdxtui.exporters.{found.file}")
