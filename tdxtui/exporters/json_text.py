"""Everything as JSON: what [validated] of a model file says, the model itself, and where it is from."""

from __future__ import annotations

import json

from tdxtui import exported, model_file
from tdxtui.exporters.result import Written
from tdxtui.exporters.subject import Subject, tool


def write(subject: Subject) -> Written:
    """The text, keys in a fixed order, two spaces deep."""
    document = {
        "tool": tool(),
        "model": model_file.document(subject.model),
        "valid": not subject.problems,
        **_without_tool(exported.record(subject.model, subject.situation)),
    }
    return Written(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _without_tool(record: exported.Record) -> exported.Record:
    return {key: value for key, value in record.items() if key not in ("tool", "format")}
