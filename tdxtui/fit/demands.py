"""What must be, must not be, or had better be on: features by name, and bits of XFAM and ATTRIBUTES."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from tdxtui import catalog
from tdxtui.cpuid import Field
from tdxtui.cures import Cures
from tdxtui.edits import Edit
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import Situation
from tdxtui.model_file.wishes import module_field
from tdxtui.module import Module
from tdxtui.strict import unknown
from tdxtui.td import NAMED_BITS
from tdxtui.turning import attributes_turned, xfam_turned

_WORDS = ("XFAM", "ATTRIBUTES")


class Demand(NamedTuple):
    """A feature's bit, or with `word` named bits of XFAM or ATTRIBUTES; `text` is how it was asked for."""

    text: str
    bit: Field | None = None
    word: str = ""
    name: str = ""

    def value(self, situation: Situation) -> int | None:
        """Whether it is on in a TD, None where no CPU is chosen that would tell."""
        if self.bit is None:
            mask = NAMED_BITS[self.word][self.name]
            return int(situation.td.config.param(self.word) & mask == mask)
        if situation.module.entry_for(self.bit.leaf) is None:
            return 0
        return situation.td.get(self.bit) if situation.td.known_at(self.bit.leaf) & self.bit.mask else None

    def on(self, module: Module) -> Demand:
        """The demand on the module's own entry of the leaf."""
        field = self.bit and module.entry_field(self.bit)
        return self._replace(bit=field) if field else self


@dataclass(frozen=True)
class Demands:
    """What is asked beyond the source. A failed `prefer` is only told."""

    require: tuple[Demand, ...] = ()
    forbid: tuple[Demand, ...] = ()
    prefer: tuple[Demand, ...] = ()

    @classmethod
    def parse(cls, require: Iterable[str] = (), forbid: Iterable[str] = (), prefer: Iterable[str] = ()) -> Demands:
        """Read names; TdxtuiError for an unknown one, or one that is both required and forbidden."""
        read = cls(*(tuple(_demand(name) for name in names) for names in (require, forbid, prefer)))
        both = {item[1:] for item in read.require} & {item[1:] for item in read.forbid}
        for item in read.require:
            if item[1:] in both:
                raise TdxtuiError(f"{item.text} is both required and forbidden")
        return read

    def on(self, module: Module) -> Demands:
        """The demands on the module's own entries."""
        groups = self.require, self.forbid, self.prefer
        return Demands(*(tuple(item.on(module) for item in items) for items in groups))


def _demand(text: str) -> Demand:
    word, _, name = text.partition(".")
    if word.upper() in _WORDS and name:
        word = word.upper()
        if name.upper() not in NAMED_BITS[word]:
            raise TdxtuiError(f"{word}: {unknown(name, NAMED_BITS[word])}")
        return Demand(text, None, word, name.upper())
    try:
        field = module_field(catalog.find(text))
    except ValueError as error:
        raise TdxtuiError(str(error)) from None
    if not field.is_bit:
        raise TdxtuiError(f"{text} is a field of {field.width} bits; only single features can be asked for")
    return Demand(text, field)


def edits(situation: Situation, cures: Cures, demand: Demand, value: int) -> tuple[Edit, ...] | None:
    """What gives a demand its value in a TD: () if it has it, None where nothing does."""
    now = demand.value(situation)
    if now == value:
        return ()
    if demand.bit is None:
        prepared, config, mask = cures.prepared, cures.config, NAMED_BITS[demand.word][demand.name]
        turn = xfam_turned if demand.word == "XFAM" else attributes_turned
        found = turn(prepared, config, mask, bool(value))
        return found if found is None else cures.with_legal_fms(found)
    if situation.module.by_leaf.get(demand.bit.leaf) is None:
        return None
    return cures.find(demand.bit, value)
