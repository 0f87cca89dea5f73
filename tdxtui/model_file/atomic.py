"""Replace a file in one step, with its previous content kept beside it."""

from __future__ import annotations

import itertools
import os
import stat
import tempfile
from pathlib import Path

from tdxtui.errors import TdxtuiError
from tdxtui.strict import MAX_MESSAGE, shown


def write(path: Path, data: bytes, ours: bytes | None = None, backup: bool = True) -> None:
    """Put data into a file, which is written anew and moved there; TdxtuiError leaves the file as it was.

    Through a link its target is replaced. Content that isn't `ours` is kept as ``.bak`` unless `backup` is false.
    """
    try:
        target = Path(os.path.realpath(path))
        if target.exists():
            if not target.is_file():
                raise OSError("it is no ordinary file")
            present = target.read_bytes()
            if present == data:
                return
            if backup and present != ours:
                _put(present, _backup(target, first=ours is None), like=target)
        _put(data, target, like=target)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TdxtuiError(f"{shown(str(path), MAX_MESSAGE)}: can't be saved: {reason}") from None


def _backup(target: Path, first: bool) -> Path:
    """Where the content goes that is replaced.

    After the session's first save that is a free name: somebody else wrote the file meanwhile, and ``.bak`` holds
    what the session began with.
    """
    usual = target.with_name(target.name + ".bak")
    if first:
        return usual
    names = (target.with_name(f"{usual.name}.{number}") for number in itertools.count(1))
    return next(name for name in names if not name.exists())


def _put(data: bytes, target: Path, like: Path) -> None:
    """Write a file beside the target and move it there."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        new = Path(file.name)
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            new.chmod(_mode(like))
            new.replace(target)
        except BaseException:
            new.unlink(missing_ok=True)
            raise


def _mode(like: Path) -> int:
    """A file's permissions, or those that a new file gets here."""
    if like.exists():
        return stat.S_IMODE(like.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
