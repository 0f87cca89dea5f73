"""Edits that are not saved, kept in the state folder so that a crash or a kill takes none of them.

Each process keeps one file per document, and holds a lock beside it for as long as it runs: the kernel lets go of the
lock however the process ends, so a journal whose lock can be had belongs to nobody any more and may be offered. A
journal is a model file that any command reads; its first line, a comment, says whose it is.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tdxtui import folders, model_file
from tdxtui.errors import TdxtuiError
from tdxtui.model import VcpuModel
from tdxtui.strict import read_bytes

MARK = "# tdxtui recovery 1 "
MAX_SIZE = 64 << 20
FEW = 5
STALE = 3600.0


@dataclass(frozen=True)
class Draft:
    """A document as it was edited: its file ("" for none), and a digest of what the file held then.

    `edits` counts those that were not saved, `labels` are the last few of them; `when` is in seconds since 1970.
    """

    path: str
    base: str
    edits: int
    labels: tuple[str, ...]
    when: float
    module: str
    platform: str
    model: VcpuModel


@dataclass(frozen=True)
class Found:
    """A draft that nobody works on, with the lock that keeps it so until it is released or removed."""

    draft: Draft
    file: Path
    lock: Lock

    def remove(self) -> None:
        """It was recovered or is not wanted."""
        self.file.unlink(missing_ok=True)
        self.lock.remove()

    def release(self) -> None:
        """Keep it for another time."""
        self.lock.release()


def place_of(path: Path | None) -> str:
    """A file's name that is the same from every folder and through every link; "" for no file."""
    return os.path.realpath(path) if path else ""


def digest(data: bytes) -> str:
    """What tells whether a file is still the one that was edited."""
    import hashlib

    return hashlib.sha256(data).hexdigest()


class Lock:
    """A lock that ends with the process that holds it."""

    def __init__(self, path: Path, file: int) -> None:
        self.path, self._file = path, file

    @classmethod
    def take(cls, path: Path) -> Lock | None:
        """Take a lock; None if somebody else holds it."""
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return None
        if os.fstat(file).st_nlink:
            return cls(path, file)
        os.close(file)  # whoever held it before has removed it meanwhile
        return cls.take(path)

    def release(self) -> None:
        """Let others have it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def remove(self) -> None:
        """Nobody needs it any more."""
        self.path.unlink(missing_ok=True)
        self.release()


class Journal:
    """This process's journal of one document. Nothing is made before the first edit is written."""

    def __init__(self, name: str) -> None:
        slug = re.sub(r"[^\w.-]+", "_", name)[:60].strip(".") or "model"
        self.file = folders.recovery() / f"{slug}-{os.getpid()}-{os.urandom(4).hex()}.toml"
        self._lock: Lock | None = None

    def write(self, draft: Draft) -> None:
        """Keep a draft in place of the one before; TdxtuiError if it can't be."""
        from tdxtui.model_file import atomic

        try:
            if self._lock is None:
                self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._lock = Lock.take(self.file.with_suffix(".lock"))
        except OSError as error:
            raise TdxtuiError(f"{self.file}: can't be saved: {error.strerror or error}") from None
        atomic.write(self.file, encoded(draft), backup=False)

    def remove(self) -> None:
        """Everything is saved, or not wanted; an error leaves an old draft, which does no harm."""
        try:
            self.file.unlink(missing_ok=True)
            if self._lock is not None:
                self._lock.remove()
        except OSError:
            return
        self._lock = None


def encoded(draft: Draft) -> bytes:
    """A draft as a file."""
    import json

    head = {
        "path": draft.path, "name": draft.model.name, "base": draft.base, "edits": draft.edits,
        "labels": draft.labels[-FEW:], "when": draft.when,
        "module": draft.module, "platform": draft.platform, "origin": draft.model.origin,
    }
    return f"{MARK}{json.dumps(head)}\n{model_file.dumps(draft.model)}".encode()


def decoded(data: bytes, source: str) -> Draft:
    """The draft of a file; TdxtuiError if it is none."""
    text = model_file.decoded(data, source)
    first, _, rest = text.partition("\n")
    try:
        head = _head(first)
        del head["name"]
        origin, labels = str(head.pop("origin")), tuple(map(str, head.pop("labels")))
        return Draft(model=replace(model_file.parse(rest, source), origin=origin), labels=labels, **head)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TdxtuiError(f"{source}: is no journal of edits") from None


def _head(line: str) -> dict[str, Any]:
    """What a journal's first line says; ValueError if it is none."""
    import json

    head = json.loads(line.removeprefix(MARK))
    if not line.startswith(MARK) or not isinstance(head, dict):
        raise ValueError
    return head


def abandoned(path: Path | None, name: str) -> list[Found]:
    """The drafts that nobody works on any more, each locked, the newest first: of a file, or without one of a model."""
    try:
        files = sorted(folders.recovery().iterdir())
    except OSError:
        return []
    found = [item for file in files for item in _found(file, place_of(path), name)]
    return sorted(found, key=lambda item: -item.draft.when)


def _found(file: Path, place: str, name: str) -> Iterator[Found]:
    if file.suffix != ".toml" or file.name.startswith("."):
        _sweep(file)
    elif _is_of(file, place, name):
        yield from _unlocked(file)


def _is_of(file: Path, place: str, name: str) -> bool:
    """Whether a journal is of that document, which its first line tells."""
    try:
        with file.open(encoding="utf-8") as lines:
            head = _head(lines.readline())
    except (OSError, ValueError):
        return False
    return head.get("path") == place and (bool(place) or head.get("name") == name)


def _unlocked(file: Path) -> Iterator[Found]:
    """A journal, if its lock can be had and it can be read; one that can't be read stays where it is."""
    try:
        lock = Lock.take(file.with_suffix(".lock"))
    except OSError:
        return
    if lock is None:
        return
    try:
        yield Found(decoded(read_bytes(file, MAX_SIZE), str(file)), file, lock)
    except TdxtuiError:
        lock.release()


def _sweep(file: Path) -> None:
    """Remove what a killed process left: a lock without a journal, a file that was being written long ago."""
    try:
        if file.suffix == ".lock" and not file.with_suffix(".toml").exists():
            lock = Lock.take(file)
            if lock is not None:
                lock.remove()
        elif file.name.startswith(".") and time.time() - file.stat().st_mtime > STALE:
            file.unlink()
    except OSError:
        return
