"""One field of Intel's table as it is written, in whatever form."""

from __future__ import annotations

import re
from typing import NamedTuple


class Row(NamedTuple):
    """A field of the table as it is written; `where` is its place, for errors and notes."""

    leaf: str
    register: str
    msb: object
    lsb: object
    name: str
    type: object
    details: object
    configured: bool | None
    where: str


def version_in(text: str) -> str:
    """A module version within a text, empty if there is none."""
    found = re.search(r"(?<![\d.])(\d{1,2}\.\d{1,2}\.\d{2,3})(?![\d.]*\d)", text.rpartition("/")[2])
    return found[1] if found else ""
