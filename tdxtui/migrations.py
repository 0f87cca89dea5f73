"""The formats of the model file: each step turns a document into one of the next format.

A document without ``format`` is read as whatever it uses. Reading always goes to the present format; the text on disk
keeps its number until `fmt` or an export rewrites it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tdxtui.strict import data_error
from tdxtui.td import DIGESTS

Document = dict[str, Any]


class NewerKey(ValueError):
    """A document has a key that its format doesn't have yet."""

    def __init__(self, key: str, needed: int) -> None:
        super().__init__(f"belongs to format {needed}; write format = {needed} at the top")
        self.key = key


def _one_to_two(data: Mapping[str, Any]) -> Document:
    """Format 2 adds [fields], [validated] and the digests of [td]; nothing else changes."""
    td = data.get("td")
    newer = [key for key in ("fields", "validated") if key in data]
    newer += [f"td.{key}" for key in DIGESTS if isinstance(td, Mapping) and key in td]
    for key in newer:
        raise NewerKey(key, 2)
    return {**data, "format": 2}


STEPS: tuple[Callable[[Mapping[str, Any]], Document], ...] = (_one_to_two,)
FORMAT = len(STEPS) + 1


def migrated(data: Document, source: str) -> Document:
    """The document in the present format; DataError if its format is newer, or a key is newer than its format.

    A ``format`` that is no format at all is left for `model_schema` to refuse.
    """
    found = data.get("format", FORMAT)
    if type(found) is not int or found < 1:
        return data
    if found > FORMAT:
        message = f"is {found}, and this tdxtui reads formats 1 to {FORMAT}; a newer tdxtui reads it"
        raise data_error(source, "format", message)
    try:
        for step in STEPS[found - 1:]:
            data = step(data)
    except NewerKey as error:
        raise data_error(source, error.key, str(error)) from None
    return data
