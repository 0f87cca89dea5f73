"""`tdxtui diff`: two things that a user names, compared, as text and as data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tdxtui import library, sources
from tdxtui.diff import data, module_text, modules, table_text, tables
from tdxtui.diff.for_model import Impact, impact
from tdxtui.diff.models import compare_models, table
from tdxtui.diff.subjects import CPU, MODEL, MODULE, TITLES, Machine, Subject, find
from tdxtui.diff.tables import FieldDiff, Table
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import Situation
from tdxtui.module import Module
from tdxtui.sources import Source


class Report(NamedTuple):
    """What differs, in both forms; `same` if nothing does."""

    lines: list[str]
    data: dict[str, Any]
    same: bool


def report(
    a: str, b: str, model: str | None = None, module: str | None = None, platform: str | None = None
) -> Report:
    """Compare two things by name or file; TdxtuiError for what can't be found, or can't be compared.

    `model` is held against both modules; `module` and `platform` are where models are compared, by default their own.
    """
    old, new = find(a), find(b)
    kinds = old.kind, new.kind
    if model is not None and kinds != (MODULE, MODULE):
        raise TdxtuiError("--model goes with two modules: it says what they mean for that model")
    if kinds == (MODULE, MODULE):
        if module is not None:
            raise TdxtuiError("--module goes with models; two modules are compared as they are")
        return _modules(old, new, model, platform)
    if MODULE in kinds:
        other = new if old.kind == MODULE else old
        raise TdxtuiError(f"a TDX module can't be compared with {TITLES[other.kind]}; {_INSTEAD[other.kind]}")
    if kinds == (MODEL, MODEL):
        return _models(_on(old, module, platform), _on(new, module, platform))
    return _tables(old, new, module, platform)


_INSTEAD = {
    MODEL: "tdxtui check holds a model against a module",
    CPU: "tdxtui platforms says whether a module takes a CPU",
}


def _modules(old: Subject, new: Subject, model: str | None, platform: str | None) -> Report:
    assert isinstance(old.what, Module) and isinstance(new.what, Module)
    found = modules.compare(old.what, new.what)
    meant = _impact(old.what, new.what, model, platform) if model else None
    same = not found.changes and (meant is None or meant.empty)
    return Report(module_text.text(found, meant), data.module_data(found, meant), same)


def _impact(old: Module, new: Module, model: str, platform: str | None) -> Impact:
    source = sources.find(model)
    _, cpu = sources.place(source, None, platform)
    host = library.platform(cpu) if cpu else None
    return impact(sources.on(source, old, host).model, old, new, host)


def _on(subject: Subject, module: str | None, platform: str | None) -> Situation:
    assert isinstance(subject.what, Source)
    return sources.situation(subject.what, module, platform)[1]


def _models(old: Situation, new: Situation) -> Report:
    found = compare_models(old, new)
    return Report(table_text.model_text(found), data.model_data(found), found.empty)


def _tables(old: Subject, new: Subject, module: str | None, platform: str | None) -> Report:
    """Two machines, or a model and a machine."""
    wished = [_on(side, module, platform) for side in (old, new) if side.kind == MODEL]
    found = tables.compare(*(_table(side, wished) for side in (old, new)))
    lines = [f"{_title(old, wished)} -> {_title(new, wished)}"]
    lines += table_text.table_text(found, _about(wished[0])) if wished else table_text.table_text(found)
    if found.empty:
        lines += ["", "Nothing else differs." if len(lines) > 1 else "Nothing differs."]
    if wished and not found.empty:
        lines += ["", "tdxtui verify says why the CPUID of a TD differs, if that is what the dump is of."]
    kind = "model-machine" if wished else "machines"
    return Report(lines, data.table_data(found, kind), found.empty)


def _table(side: Subject, wished: list[Situation]) -> Table:
    if isinstance(side.what, Machine):
        return tables.of_machine(side.what.name, side.what.cpuid, side.what.msrs)
    return table(wished[0])


def _title(side: Subject, wished: list[Situation]) -> str:
    if isinstance(side.what, Machine):
        return f"CPUID of {side.what.name}"
    cpu = wished[0].platform.name if wished[0].platform else "an unknown CPU"
    return f"model {wished[0].model.name} (what its TD gets on module {wished[0].module.version}, {cpu})"


def _about(situation: Situation) -> Callable[[FieldDiff], str]:
    """Whether the model wants a field."""

    def about(item: FieldDiff) -> str:
        value = situation.model.wished(item.field)
        return "" if value is None else f"the model wants {table_text.decoded(item.field, value)}"

    return about
