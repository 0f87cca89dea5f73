"""Command lines in files: shell scripts, what ps prints, libvirt's logs, /proc/PID/cmdline with its NULs.

No shell is asked: quotes and continued lines are read as one does, variables only where the text sets them plainly.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from tdxtui.importers.result import failed

MAX_WORDS = 20_000
MAX_SIZE, MAX_COMMAND = 4 << 20, 1 << 17
_ASSIGNMENT = re.compile(
    r"^[ \t]*(?:export |local |declare )?([A-Za-z_]\w*)=(\"[^\"$`\\\n]*\"|'[^'\n]*'|[^\s\"'$`\\;&|()]*)[ \t\r]*$", re.M
)
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^{}$]*))?\})")
_BLANK, _ENDS = " \t\r", "\n;|&<>"


class CommandLine(NamedTuple):
    """Words of a command; `line` is where it begins, `others` how many more commands of the kind the text has."""

    words: list[str]
    line: int
    others: int
    unset: tuple[str, ...]


def find(data: bytes, name: str, wanted: Callable[[str], bool]) -> CommandLine:
    """The last command of a text that is wanted; ImportFailed if there is none, or its quotes don't end."""
    if len(data) > MAX_SIZE:
        raise failed(name, "", f"is larger than {MAX_SIZE >> 20} MiB; that is no command line")
    if b"\0" in data:
        return CommandLine([_text(word) for word in data.rstrip(b"\0\n").split(b"\0")], 1, 0, ())
    text = _text(data).removeprefix("\ufeff")
    commands = [(begin, command) for begin, command in _commands(text) if wanted(command)]
    if not commands:
        raise failed(name, "", "has no such command line")
    begin, command = commands[-1]
    line = text.count("\n", 0, begin) + 1
    if len(command) > MAX_COMMAND:
        raise failed(name, f"line {line}", f"has a command line of more than {MAX_COMMAND >> 10} KiB")
    values = {key: value.strip("\"'") for key, value in _ASSIGNMENT.findall(text[:begin])}
    words = _Words(_expanded(command, values), name, line).all()
    unset = dict.fromkeys(match[1] or match[2] or "" for match in _VARIABLE.finditer(command))
    return CommandLine(words, line, len(commands) - 1, tuple(key for key in unset if key not in values))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _commands(text: str) -> list[tuple[int, str]]:
    """The text's commands with their offsets: continued lines are one, lines of options alone too; comments none."""
    out: list[tuple[int, list[str]]] = []
    parts: list[str] = []
    offset = begin = 0
    for line in text.split("\n"):
        if not parts:
            begin = offset
        offset += len(line) + 1
        bare = line.removesuffix("\r")
        parts.append(bare.removesuffix("\\"))
        if not bare.endswith("\\"):
            _add(out, begin, parts)
            parts = []
    _add(out, begin, parts)
    return [(begin, " ".join(lines)) for begin, lines in out]


def _add(out: list[tuple[int, list[str]]], begin: int, parts: list[str]) -> None:
    command = " ".join(parts)
    if not command.strip() or command.lstrip().startswith("#"):
        return
    if out and all(line.lstrip().startswith("-") for line in (out[-1][1][0], command)):
        out[-1][1].append(command)
    else:
        out.append((begin, [command]))


def _expanded(command: str, values: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        key = match[1] or match[2]
        return values.get(key, match[3] if match[3] is not None else match[0])

    return _VARIABLE.sub(value, command)


class _Words:
    """The words of one command. A word that begins with a brace goes to the brace that closes it: ps drops quotes."""

    def __init__(self, text: str, name: str, line: int) -> None:
        self._text, self._name, self._line = text, name, line
        self._at = 0

    def all(self) -> list[str]:
        out: list[str] = []
        while len(out) < MAX_WORDS:
            while self._at < len(self._text) and self._text[self._at] in _BLANK:
                self._at += 1
            if self._at >= len(self._text) or self._text[self._at] in _ENDS:
                return out
            out.append(self._braced() if self._text[self._at] == "{" else self._word())
        return out

    def _braced(self) -> str:
        begin, depth, quoted = self._at, 0, ""
        for match in re.compile(r"\\.|[{}\"']").finditer(self._text, begin):
            sign = match[0]
            if quoted:
                quoted = "" if sign == quoted else quoted
            elif sign in "\"'":
                quoted = sign
            elif sign in "{}":
                depth += 1 if sign == "{" else -1
                if not depth:
                    self._at = match.end()
                    return self._text[begin:self._at]
        return self._word()

    def _word(self) -> str:
        parts: list[str] = []
        while self._at < len(self._text) and self._text[self._at] not in _BLANK + _ENDS:
            sign = self._text[self._at]
            if sign in "\"'":
                parts.append(self._quoted(sign))
            else:
                match = re.compile(r"\\(.)|[^\s\"'\\;|&<>]+|\\?", re.S).match(self._text, self._at)
                assert match is not None
                parts.append(match[1] if match[1] else match[0])
                self._at = max(match.end(), self._at + 1)
        return "".join(parts)

    def _quoted(self, sign: str) -> str:
        pattern = r"'([^']*)'" if sign == "'" else r'"((?:[^"\\]|\\.)*)"'
        match = re.compile(pattern, re.S).match(self._text, self._at)
        if match is None:
            raise failed(self._name, f"line {self._line}", f"has a quote ({sign}) that doesn't end")
        self._at = match.end()
        return match[1] if sign == "'" else re.sub(r'\\([\\"$`])', r"\1", match[1])
