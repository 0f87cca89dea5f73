"""Everything as JSON: the model, what [validated] of its file says, and the findings of `tdxtui check`."""

from __future__ import annotations

import json

from tdxtui import exported, model_file
from tdxtui.check import to_data
from tdxtui.exporters.result import Written
from tdxtui.exporters.subject import Subject, tool


def write(subject: Subject) -> Written:
    """The text, keys in a fixed order, two spaces deep."""
    document = {
        "tool": tool(),
        "model": model_file.document(subject.model),
        "valid": not subject.problems,
        "findings": [to_data(finding) for finding in subject.findings],
        **_without_tool(exported.record(subject.model, subject.situation)),
    }
    return Written(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _without_tool(record: exported.Record) -> exported.Record:
    return {key: value for key, value in record.items() if key not in ("tool", "format")}
