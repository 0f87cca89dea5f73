"""XML from strangers: no document type (so no entities), nothing deep or endless, each element with its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from tdxtui.importers.result import failed

MAX_DEPTH = 100
MAX_ELEMENTS = 100_000


@dataclass(slots=True)
class Node:
    """An element: its name, attributes and text, the elements in it, and the line on which it begins."""

    tag: str
    attributes: Mapping[str, str]
    line: int
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def find(self, tag: str) -> Node | None:
        """The first element of a name in it."""
        return next(self.all(tag), None)

    def all(self, tag: str) -> Iterator[Node]:
        """The elements of a name in it."""
        return (node for node in self.children if node.tag == tag)

    def walk(self) -> Iterator[Node]:
        """It and every element below it."""
        yield self
        for node in self.children:
            yield from node.walk()


def parse(data: bytes, name: str) -> Node:
    """The root of an XML text; ImportFailed with its line if it is none, or one that is not for reading."""
    reader = _Reader(name)
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise failed(name, f"line {error.lineno}", f"is not XML: {expat.ErrorString(error.code)}") from None
    except (ValueError, LookupError):  # a declared encoding that there is not
        raise failed(name, "line 1", "is not XML that can be used: expected UTF-8") from None
    return reader.top.children[0]


class _Reader:
    def __init__(self, name: str) -> None:
        self.name, self.count = name, 0
        self.top = Node("", {}, 0)
        self.open = [self.top]
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.parser.StartElementHandler = self.begin
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters

    def doctype(self, *_: object) -> None:
        raise failed(self.name, self.where, "has a document type; files of this kind have none, and it may be a trap")

    @property
    def where(self) -> str:
        return f"line {self.parser.CurrentLineNumber}"

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if len(self.open) > MAX_DEPTH:
            raise failed(self.name, self.where, f"is nested more than {MAX_DEPTH} elements deep")
        if self.count > MAX_ELEMENTS:
            raise failed(self.name, self.where, f"has more than {MAX_ELEMENTS} elements")
        node = Node(tag, attributes, self.parser.CurrentLineNumber)
        self.open[-1].children.append(node)
        self.open.append(node)

    def end(self, _: str) -> None:
        self.open.pop()

    def characters(self, text: str) -> None:
        if text.strip():
            self.open[-1].text += text
