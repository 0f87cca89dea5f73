"""The errors that a user may see: one line that says what, where and what to do."""

from __future__ import annotations


class TdxtuiError(Exception):
    """Anything that the user can mend; its text is one line."""


class DataError(TdxtuiError):
    """A file that can't be used: which file, which table and key, and what was expected there."""

    def __init__(self, source: str, where: str, message: str) -> None:
        self.source = source
        self.where = where
        self.message = message
        place = f"{source}: {where}" if where else source
        super().__init__(f"{place}: {message}")
