"""What a module file may speak of: parsers that also ask whether the thing is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tdxtui.cpuid import Field, Leaf
from tdxtui.module import Condition, Entry
from tdxtui.platform import FACTS
from tdxtui.strict import Section, unknown

PLATFORM_SCOPES = ("native", "platform")
_EXAMPLES = {"bit": "7.1.eax.8", "native": "native.7.1.eax.6", "platform": "platform.TDX_IO"}


class References:
    """Parsers that also ask whether the module has the entry that is spoken of."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._leaves = {entry.leaf: (number, entry) for number, entry in enumerate(entries)}

    def leaf(self, text: str) -> Leaf:
        """An entry of this file."""
        leaf = written_leaf(text)
        if leaf not in self._leaves:
            raise ValueError(f"there is no entry {text!r} in this file")
        return leaf

    def field(self, text: str) -> Field:
        """A field of an entry of this file."""
        field = Field.parse(text)
        self.leaf(field.leaf.key)
        return field

    def bit(self, text: str) -> Field:
        """A single bit of an entry of this file."""
        field = self.field(text)
        if not field.is_bit:
            raise ValueError(f"{text!r} is not a single bit")
        return field

    def free_bit(self, text: str) -> Field:
        """A single bit that its entry doesn't fix."""
        bit = self.bit(text)
        entry = self._leaves[bit.leaf][1]
        if bit.mask & (entry.fixed0 | entry.fixed1 | entry.dynamic):
            raise ValueError(f"{text!r} is fixed or dynamic by its entry")
        return bit

    def is_later(self, bit: Field, leaf: Leaf) -> bool:
        """Whether a bit's entry is computed after another one."""
        return self._leaves[bit.leaf][0] > self._leaves[leaf][0]

    def condition(self, *scopes: str) -> Callable[[str], Condition]:
        """The parser of a condition that may ask for these things."""

        def parse_condition(text: str) -> Condition:
            condition = Condition.parse(text)
            if condition.scope not in scopes:
                choices = " or ".join(_EXAMPLES.get(scope, f"{scope}.<name>") for scope in scopes)
                raise ValueError(f"{text!r} is no condition for this; write it as {choices}")
            if condition.field is not None:
                self.leaf(condition.field.leaf.key)
            if condition.scope == "platform" and condition.name not in FACTS:
                raise ValueError(f"{text!r} is no fact of a platform; known are {', '.join(FACTS)}")
            return condition

        return parse_condition


def written_leaf(text: str) -> Leaf:
    """A leaf written in the one way that files use."""
    leaf = Leaf.parse(text)
    if leaf.key != text:
        raise ValueError(f"write {leaf.key!r}, lower case without leading zeros")
    return leaf


def one_of(known: Iterable[str]) -> Callable[[str], str]:
    """The parser of a choice."""
    def parse_one(text: str) -> str:
        if text not in known:
            raise ValueError(unknown(text, known))
        return text

    return parse_one


def named(names: Iterable[str]) -> Callable[[str], str]:
    """The parser of one of some names."""
    return one_of(tuple(names))


def checked(section: Section, name: str, known: Iterable[str]) -> str:
    """A key that must be one of some names."""
    if name not in known:
        raise section.error(name, unknown(name, known))
    return name


def disjoint(section: Section, key: str, field: Field, others: Iterable[Field]) -> None:
    """Refuse a field of which an earlier statement speaks already."""
    for other in others:
        if field.leaf == other.leaf and field.mask & other.mask:
            raise section.error(key, f"{field.key} has bits of {other.key}, of which an earlier statement speaks")

