"""`tdxtui sources`."""

from __future__ import annotations

from typing import Any

import click

from tdxtui.cli import options
from tdxtui.cli.output import show


@click.command()
@options.as_json
def sources(as_json: bool) -> None:
    """List what can be fitted, checked and compared by name: QEMU's models of Intel CPUs, x86-64 levels, presets, CPUs.

    A model file is named by its path. A QEMU model without a version is its -v1, as in QEMU; -latest is the newest.

    \b
    tdxtui sources
    tdxtui sources --json
    """
    from tdxtui import levels, library, qemu_models

    found: list[dict[str, Any]] = [
        {"source": f"qemu:{item.name}", "kind": "qemu", "alias": item.alias, "qemu": item.qemu,
         "signature": f"{item.signature:x}", "title": item.note or item.title}
        for item in qemu_models.models().values()
    ]
    found += [{"source": f"level:{name}", "kind": "level"} for name in levels.levels()]
    found += [{"source": name, "kind": "preset"} for name in library.presets()]
    found += [{"source": name, "kind": "platform"} for name in library.files("platforms")]
    show(found, [_line(row) for row in found], as_json)


def _line(row: dict[str, Any]) -> str:
    facts = f"{row['signature']:>6}  QEMU {row['qemu']}" if row["kind"] == "qemu" else row["kind"]
    more = "; ".join(text for text in (row.get("alias", ""), row.get("title", "")) if text)
    return f"{row['source']:<30} {facts}  {more}"[:100].rstrip()
