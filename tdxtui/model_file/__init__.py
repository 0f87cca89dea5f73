"""The vCPU model as a TOML document: read and check it, write it, and save it so that only what was edited changes.

What a first look at a model needs is imported here; whatever writes comes with the first save. A model that was read
keeps its document's text (`VcpuModel.origin`), and `save` edits that text instead of writing a new one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tdxtui.migrations import FORMAT
from tdxtui.model import VcpuModel
from tdxtui.model_file.read import (
    decoded,
    document_of,
    load,
    load_fast,
    parse,
    text_of,
    validate,
    validate_file,
)

__all__ = [
    "FORMAT", "decoded", "document", "document_of", "dumps", "formatted", "load", "load_fast", "parse", "rewritten",
    "save", "text_of", "validate", "validate_file", "without_record", "write_atomically",
]


def document(model: VcpuModel) -> dict[str, Any]:
    """The model as a plain document, ready for TOML."""
    from tdxtui.model_file import write

    return write.document(model)


def dumps(model: VcpuModel) -> str:
    """The model as the text of a new file."""
    from tdxtui.model_file import write

    return write.dumps(model)


def rewritten(text: str, source: str, model: VcpuModel) -> str:
    """A document's text changed so that it reads as the model; see `model_file.rewrite`."""
    from tdxtui.model_file import rewrite

    return rewrite.rewritten(text, source, model)


def without_record(model: VcpuModel) -> str:
    """The text of a model in the present format without [validated]; see `model_file.rewrite`."""
    from tdxtui.model_file import rewrite

    return rewrite.without_record(model)


def formatted(text: str, source: str, name: str = "unnamed") -> str:
    """A document's text in its canonical form; see `model_file.tidy`. DataError if it is no model."""
    from tdxtui.model_file import tidy

    return tidy.formatted(text, source, name)


def save(model: VcpuModel, path: Path, ours: bytes | None = None) -> bytes:
    """Write the model to a file: whole or not at all, the file's previous content kept beside it as ``.bak``.

    A model that was read from a file or preset keeps that text but for what was edited. `ours` is what an earlier
    save of the same session returned for this path; see `write_atomically`. Returns the file's bytes. Raises
    TdxtuiError if it can't be written; the file then is as it was.
    """
    from tdxtui.model_file import rewrite

    text = rewrite.rewritten(model.origin, str(path), model) if model.origin else dumps(model)
    data = text.encode()
    write_atomically(path, data, ours)
    return data


def write_atomically(path: Path, data: bytes, ours: bytes | None = None) -> None:
    """Replace a file's content, keeping the previous one as ``.bak``; TdxtuiError leaves the file as it was.

    A file that holds these bytes already isn't touched. One that still holds `ours`, what this session wrote before,
    is replaced without a copy, so that the first ``.bak`` of a session stays.
    """
    from tdxtui.model_file import atomic

    atomic.write(path, data, ours)
