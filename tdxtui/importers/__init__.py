"""Read what machines and tools show: a file a format, told apart by content.

An importer never guesses: what it can't read is an `ImportFailed` of one line, what it assumed is a note.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tdxtui.dump import MAX_FILE_SIZE as MAX_SIZE
from tdxtui.dump import Dump
from tdxtui.file_kind import kind_of
from tdxtui.importers.registry import Importer, importer, importers, names, title
from tdxtui.importers.result import (
    Capabilities,
    Features,
    Imported,
    ImportFailed,
    ModuleText,
    Wishes,
    failed,
)
from tdxtui.strict import read_bytes, read_named, shown

__all__ = [
    "MAX_SIZE",
    "Capabilities",
    "Features",
    "ImportFailed",
    "Imported",
    "Importer",
    "ModuleText",
    "Wishes",
    "detect",
    "dump",
    "dump_of",
    "failed",
    "importer",
    "importers",
    "names",
    "read",
    "read_path",
    "title",
]

HEAD = 1 << 16
MAX_NAME, MAX_NOTE = 80, 600


def read(data: bytes, name: str, format: str | None = None) -> Imported:
    """What a file's bytes say; `name` is what errors call it, `format` forces an importer.

    Raises ImportFailed for bytes that can't be used, TdxtuiError for an unknown format.
    """
    if not data:
        raise failed(name, "", "is empty")
    if len(data) > MAX_SIZE:
        raise failed(name, "", f"is larger than {MAX_SIZE >> 20} MiB; that is no file of a known kind")
    chosen = importer(format) if format else detect(data, name)
    try:
        return _clean(chosen.read(data, name))
    except RecursionError:
        raise failed(name, "", "is nested too deeply") from None


def _clean(found: Imported) -> Imported:
    """Notes and names fit for people and files, whatever the file had in them."""
    what = found.what
    if isinstance(what, Features):
        what = replace(what, name=shown(" ".join(what.name.split()), MAX_NAME) or found.format)
    return replace(found, what=what, notes=tuple(shown(note, MAX_NOTE) for note in found.notes))


def read_path(path: Path, format: str | None = None) -> Imported:
    """What a file says; DataError if it can't be read or used."""
    return read(read_bytes(path, MAX_SIZE), str(path), format)


def read_machine(name: str) -> Imported:
    """What a file, or standard input for "-", shows of a machine; DataError for one of tdxtui's own, or none at all."""
    data = read_named(name, MAX_SIZE)
    if own := kind_of(data):
        raise failed(name, "", f"is a {own} file of tdxtui's, where a dump of CPUID is wanted")
    return read(data, name)


def detect(data: bytes, name: str) -> Importer:
    """The importer that is surest of the bytes; ImportFailed if none recognises them."""
    head = data[:HEAD].removeprefix(b"\xef\xbb\xbf")
    if own := kind_of(head):
        raise failed(name, "", f"is a {own} file of tdxtui's already; other commands take it as it is")
    sure, best = max(((item.sniff(head), item) for item in importers()), key=lambda pair: pair[0])
    if not sure:
        kind = "only zero bytes" if not head.strip(b"\0") else "of no known kind"
        raise failed(name, "", f"is {kind}; tdxtui import --list has the formats, --format forces one")
    return best


def dump(name: str) -> Dump:
    """The dump in a file; DataError that says what the file is instead."""
    return dump_of(read_machine(name), name)


def dump_of(imported: Imported, name: str) -> Dump:
    """The dump that was imported; ImportFailed if it is something else."""
    if not isinstance(imported.what, Dump):
        raise failed(name, "", f"is no dump of a CPU but {title(imported.format)}")
    return imported.what
