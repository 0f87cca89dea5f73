"""A TOML document as its statements: text that can be cut and put together again byte by byte.

Only for text that `tomli` takes: what is no TOML isn't noticed here. tomlkit would keep comments too, but not where
they stand, nor line ends, once keys are added to tables; it does the work inside values (`model_file.values`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import tomli

Path = tuple[str, ...]

BLANK, COMMENT, HEADER, PAIR = "blank", "comment", "header", "pair"


@dataclass(frozen=True)
class Statement:
    """A header, a key with its value, a comment or a blank line, with its line end and whatever follows it there.

    `path` is the full way to a header's table or a pair's value; `table` the header that it stands under. `value`
    and `key` are spans of `text`.
    """

    kind: str
    text: str
    path: Path = ()
    table: Path = ()
    key: tuple[int, int] = (0, 0)
    value: tuple[int, int] = (0, 0)

    @property
    def raw(self) -> str:
        """The value as it is written."""
        return self.text[slice(*self.value)]

    @property
    def comment(self) -> str:
        """The comment at the end of the line, "" for none."""
        return self.text[self.value[1]:].strip() if self.kind in (PAIR, HEADER) else ""

    @property
    def lead(self) -> str:
        """What stands before the key."""
        return self.text[:self.key[0]]

    def with_raw(self, raw: str) -> Statement:
        """The statement with another value."""
        start, end = self.value
        return replace(self, text=self.text[:start] + raw + self.text[end:], value=(start, start + len(raw)))


class Token(NamedTuple):
    """A piece of text: space, line end, comment, string, mark (brackets and the like) or bare word."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.start + len(self.text)


_TOKEN = re.compile(
    r"""(?P<space>[ \t]+)|(?P<line>\r?\n)|(?P<comment>\#[^\r\n]*)
    |(?P<string>\"{3}(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*"{3,5}|'{3}(?:[^']|'{1,2}(?!'))*'{3,5}
      |"(?:[^"\\\n]|\\.)*"|'[^'\n]*')
    |(?P<mark>[\[\]{}=,.])|(?P<bare>[^\s\[\]{}=,.\#"']+)""",
    re.VERBOSE,
)


def split(text: str, table: Path = ()) -> Iterator[Statement]:
    """The statements of a document, or of what stands under a table's header; their texts together are the text."""
    line: list[Token] = []
    depth = 0
    for token in tokens(text):
        line.append(token)
        if token.kind == "mark":
            depth += (token.text in "[{") - (token.text in "]}")
        if token.kind == "line" and not depth:
            statement = _statement(line, table)
            table = statement.path if statement.kind == HEADER else table
            yield statement
            line = []
    if line:
        yield _statement(line, table)


def tokens(text: str) -> Iterator[Token]:
    """The pieces of a text."""
    for match in _TOKEN.finditer(text):
        yield Token(match.lastgroup or "", match[0], match.start())


def _statement(line: list[Token], table: Path) -> Statement:
    text, start = "".join(token.text for token in line), line[0].start
    tokens = [token._replace(start=token.start - start) for token in line if token.kind not in ("space", "line")]
    if not tokens:
        return Statement(BLANK, text, table=table)
    if tokens[0].kind == "comment":
        return Statement(COMMENT, text, table=table)
    if tokens[-1].kind == "comment":
        tokens.pop()
    first, end = tokens[0], tokens[-1].end
    if first.text == "[":
        return Statement(HEADER, text, _keys(tokens), (), (first.start, end), (first.start, end))
    equals = next(number for number, token in enumerate(tokens) if token.text == "=")
    key, value = tokens[:equals], tokens[equals + 1]
    return Statement(PAIR, text, table + _keys(key), table, (first.start, key[-1].end), (value.start, end))


def _keys(tokens: list[Token]) -> Path:
    """The parts of a dotted key; a bare word is taken as it is, also one that looks like a number."""
    words = [token for token in tokens if token.kind in ("string", "bare")]
    return tuple(tomli.loads(f"k = {word.text}")["k"] if word.kind == "string" else word.text for word in words)


def comments_in(raw: str) -> list[str]:
    """The comments inside a value of several lines."""
    return [token.text.rstrip() for token in tokens(raw) if token.kind == "comment"]
