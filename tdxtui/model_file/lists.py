"""Lists of strings as TOML text: items taken out and added, the layout and the other items' comments kept.

By hand: tomlkit 0.15 appends behind a comment, and so to it, once the last item was taken out.
"""

from __future__ import annotations

from collections.abc import Sequence

import tomli

from tdxtui.model_file.statements import Token, tokens

Tokens = list[Token]


def with_items(raw: str, items: Sequence[str]) -> str:
    """A list with the items that aren't wanted taken out and those that are missing added at its end."""
    found = list(tokens(raw))
    for token in [token for token in found if token.kind == "string"]:
        if _text(token) not in items:
            _remove(found, found.index(token))
    present = [_text(token) for token in found if token.kind == "string"]
    for item in items:
        if item not in present:
            _append(found, item)
    return "".join(token.text for token in found)


def _text(token: Token) -> str:
    return str(tomli.loads(f"v = {token.text}")["v"])


def _remove(found: Tokens, at: int) -> None:
    """Take out an item with one comma, and its line with the comment if nothing else is there."""
    start, end = _line(found, at)
    after, before = _comma(found, range(at + 1, len(found))), _comma(found, range(at - 1, -1, -1))
    gone = {at, before if after is None and before is not None else at if after is None else after}
    rest = [token for number, token in enumerate(found[start:end], start) if number not in gone]
    if start and end < len(found) and all(token.kind in ("space", "line", "comment") for token in rest):
        gone |= set(range(start, end))
    else:
        gone |= _spaces(found, at if after is None else after + 1, -1 if after is None else 1)
    found[:] = [token for number, token in enumerate(found) if number not in gone]


def _line(found: Tokens, at: int) -> tuple[int, int]:
    """Where the line of a token starts, and where the next one does."""
    breaks = [number for number, token in enumerate(found) if token.kind == "line"]
    start = max((number + 1 for number in breaks if number < at), default=0)
    return start, min((number + 1 for number in breaks if number > at), default=len(found))


def _comma(found: Tokens, numbers: range) -> int | None:
    """The first comma on the way to another item."""
    for number in numbers:
        if found[number].kind == "string":
            return None
        if found[number].text == ",":
            return number
    return None


def _spaces(found: Tokens, at: int, step: int) -> set[int]:
    """The blanks that would be left over on one side of what is taken out."""
    at = at + step if step < 0 else at
    return {at} if found[at].kind == "space" and found[at + step].kind != "comment" else set()


def _append(found: Tokens, item: str) -> None:
    """Add an item behind the last one, on a line of its own if that has one."""
    last = max((number for number, token in enumerate(found) if token.kind == "string"), default=0)
    quote = "'" if found[last].text.startswith("'") else '"'
    new = f"{quote}{item}{quote}"
    start, end = _line(found, last)
    comma = _comma(found, range(last + 1, len(found)))
    own = start and end < len(found) and all(token.kind != "mark" or token.text == "," for token in found[start:end])
    if not last:
        found.insert(1, _string(new))
    elif not own or (comma is not None and comma >= end):
        found[last + 1:last + 1] = [Token("mark", ",", 0), Token("space", " ", 0), _string(new)]
    else:
        indent = [found[start]] if found[start].kind == "space" else []
        added = [*indent, _string(new), *([found[comma]] if comma else []), found[end - 1]]
        found[end:end] = added
        if comma is None:
            found.insert(last + 1, Token("mark", ",", 0))


def _string(text: str) -> Token:
    return Token("string", text, 0)
