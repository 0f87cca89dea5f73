"""Lists for people and programs: modules, platforms, bits."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tdxtui import library
from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.errors import TdxtuiError
from tdxtui.refusal import Refusal

GATES_WIDTH = 26


def modules() -> list[dict[str, Any]]:
    """Every module that can be named, with its evidence and provenance."""
    return [_or_error(name, _module) for name in library.files("modules")]


def _or_error(name: str, describe: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    try:
        return describe(name)
    except TdxtuiError as error:
        return {"name": name, "error": str(error)}


def _module(name: str) -> dict[str, Any]:
    module = library.module(name)
    return {
        "name": name,
        "version": module.version,
        "evidence": module.evidence,
        "inferred": [_inferred(item) for item in module.inferred],
        "entries": len(module.entries),
        "configurable_entries": len(module.cpuid_config),
        "attributes_allowed": f"{module.attributes.allowed:x}",
        "xfam_allowed": f"{module.xfam.allowed:x}",
        "source": module.source,
        "file": str(library.files("modules")[name]),
    }


def _inferred(item: Any) -> str:
    what = (item.rule and f"rule {item.rule}") or (item.field and f"{item.field.key} {item.mask}") or "entries"
    return f"{what}: {item.because}"


def module_table(found: list[dict[str, Any]]) -> Iterator[str]:
    """The modules as lines of at most 100 columns."""
    yield f"{'module':10} {'evidence':9} {'entries':>7} {'configurable':>12}  source"
    for row in found:
        if "error" in row:
            yield f"{row['name']:10} {row['error']}"
            continue
        counts = f"{row['entries']:7} {row['configurable_entries']:12}"
        yield f"{row['name']:10} {row['evidence']:9} {counts}  {row['source']}"[:100]


def platforms() -> list[dict[str, Any]]:
    """Every platform that can be named, and what each module's TDH.SYS.INIT says of it."""
    return [_or_error(name, _platform) for name in library.files("platforms")] + [_no_platform()]


def _platform(name: str) -> dict[str, Any]:
    platform = library.platform(name)
    verdicts = {version: library.prepared(library.module(version), platform) for version in _sound_modules()}
    return {
        "name": name,
        "title": platform.title,
        "family_model_stepping": f"{platform.cpuid.cpuid(1) >> 96:x}",
        "accepted_by": [version for version, found in verdicts.items() if not isinstance(found, Refusal)],
        "refused_by": {version: str(found) for version, found in verdicts.items() if isinstance(found, Refusal)},
        "notes": list(platform.notes),
        "source": platform.source,
        "file": str(library.files("platforms")[name]),
    }


def _sound_modules() -> list[str]:
    return [row["name"] for row in modules() if "error" not in row]


def _no_platform() -> dict[str, Any]:
    return {
        "name": "none",
        "title": "no CPU: what depends on it is unknown",
        "family_model_stepping": None,
        "accepted_by": _sound_modules(),
        "refused_by": {},
        "notes": [],
        "source": "",
        "file": None,
    }


def platform_table(found: list[dict[str, Any]]) -> Iterator[str]:
    """The platforms as lines of at most 100 columns, refusals below each."""
    yield f"{'platform':18} {'CPUID(1).EAX':12}  {'accepted by':>11}  what it is"
    total = len(_sound_modules())
    for row in found:
        if "error" in row:
            yield f"{row['name']:18} {row['error']}"
            continue
        count = f"{len(row['accepted_by'])} of {total}"
        yield f"{row['name']:18} {row['family_model_stepping'] or '-':12}  {count:>11}  {row['title']}"[:100]
        for version, reason in row["refused_by"].items():
            yield from textwrap.wrap(f"not {version}: {reason}", 96, initial_indent="    ", subsequent_indent="      ")


def bits_table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The rows of `bits` as lines of at most 100 columns; what doesn't fit goes on in the next line."""
    yield f"{'bits':20} {'name':24} {'class':17} {'value':>8}  gates"
    for row in rows:
        value = "?" if row["value"] is None else f"{row['value']:x}"
        line = f"{_field(row).key:20} {row['name']:24} {row['class']:17} {value:>8}  "
        first, *more = textwrap.wrap(" ".join(row["gates"]), GATES_WIDTH) or [""]
        yield f"{line}{first}".rstrip()
        yield from (" " * len(line) + gates for gates in more)


def _field(row: dict[str, Any]) -> Field:
    return Field(Leaf(row["leaf"], row["subleaf"]), Register.parse(row["register"]), row["msb"], row["lsb"])


def bits_csv(rows: Iterable[dict[str, Any]]) -> str:
    """The rows of `bits` as CSV: the keys of the JSON form, lists joined by blanks, null empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    header: list[str] = []
    for row in rows:
        if not header:
            header = list(row)
            writer.writerow(header)
        writer.writerow([_cell(row[key]) for key in header])
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(value) if isinstance(value, list) else value
