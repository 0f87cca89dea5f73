"""XML without what makes it dangerous: no DOCTYPE, so no entities; a bound on depth and size; each element's line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from tdxtui.importers.result import failed

_ROOT = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*)*<([A-Za-z_][\w:.-]*)", re.DOTALL)

MAX_DEPTH = 100
MAX_SIZE = 8 << 20


@dataclass
class Element:
    """An element; `text` is what stands directly in it. Namespaces keep their prefix in `tag`."""

    tag: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, tag: str) -> list[Element]:
        """The children of a tag."""
        return [child for child in self.children if child.tag == tag]

    def first(self, *path: str) -> Element | None:
        """The first element at the end of a way of tags."""
        found: Element | None = self
        for tag in path:
            found = next(iter(found.all(tag)), None) if found else None
        return found

    def every(self) -> Iterator[Element]:
        """This element and all in it, in their order."""
        yield self
        for child in self.children:
            yield from child.every()


class _Forbidden(Exception):
    """Something that no configuration needs; its text says what."""


class _Reader:
    """Builds the tree as expat tells it."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._open: list[Element] = []
        self.root: Element | None = None

    def parse(self, data: bytes) -> None:
        self._parser.Parse(data, True)

    @property
    def line(self) -> int:
        return self._parser.CurrentLineNumber

    def _doctype(self, *_: object) -> None:
        raise _Forbidden("has a DOCTYPE, which could define entities; no file of this kind needs one")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise _Forbidden(f"is nested more than {MAX_DEPTH} deep")
        element = Element(tag, attributes, self.line)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, tag: str) -> None:
        element = self._open.pop()
        element.text = element.text.strip()

    def _text(self, text: str) -> None:
        if len(self._open[-1].text) < 1 << 16:
            self._open[-1].text += text


def root_tag(head: bytes) -> str:
    """The tag of the root element, as far as the first bytes tell; "" for what doesn't begin as XML."""
    match = _ROOT.match(head)
    return match[1].decode("latin-1") if match else ""


def parse(data: bytes, name: str) -> Element:
    """The root element; ImportFailed with the line for what is no XML or too dangerous."""
    if len(data) > MAX_SIZE:
        raise failed(name, "", f"is larger than {MAX_SIZE >> 20} MiB; that is no file of this kind")
    reader = _Reader()
    try:
        reader.parse(data)
    except expat.ExpatError as error:
        raise failed(name, f"line {error.lineno}", f"is not XML: {expat.ErrorString(error.code)}") from None
    except _Forbidden as error:
        raise failed(name, f"line {reader.line}", str(error)) from None
    except (ValueError, LookupError) as error:
        raise failed(name, "", f"is not XML that can be used: {error}") from None
    if reader.root is None:
        raise failed(name, "", "has no XML element")
    return reader.root
