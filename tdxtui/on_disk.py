"""What a file held when it was last read or written, so that a change by somebody else is noticed."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

from tdxtui.errors import TdxtuiError

MAX_SIZE = 32 << 20


class FileChanged(TdxtuiError):
    """Somebody else wrote or removed the file since it was read or written here."""


class Signature(NamedTuple):
    """What tells cheaply that a file is the same: a replaced file has another inode, a written one another time."""

    inode: int
    size: int
    modified: int


class OnDisk:
    """A file's content as it is known here; b"" where there is none or it is empty. Without a path nothing changes."""

    def __init__(self, path: Path | None, data: bytes) -> None:
        self.path = path
        self.data = data
        # Not looked up here: the file may have changed between reading and now, so the first look compares bytes.
        self._signature: Signature | None = None

    def change(self) -> str:
        """What somebody else did to the file, "" for nothing. Costs a `stat` unless something did happen."""
        if self.path is None:
            return ""
        signature = _signature(self.path)
        if signature is None:
            self._signature = None
            return "is gone from the disk" if self.data and not self.path.exists() else ""
        if signature == self._signature:
            return ""
        if _content(self.path) == self.data:
            self._signature = signature
            return ""
        return "has been changed by another program" if self.data else "has been made by another program"


def _signature(path: Path) -> Signature | None:
    try:
        found = os.stat(path)  # noqa: PTH116 (half the time of Path.stat)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return Signature(found.st_ino, found.st_size, found.st_mtime_ns)


def _content(path: Path) -> bytes | None:
    """A file's bytes; None if they can't be read, which is no content that is known here."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_SIZE)
    except OSError:
        return None
