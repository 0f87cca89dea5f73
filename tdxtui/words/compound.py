"""What several fields say together, such as a family, a vendor or a cache's size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tdxtui.cpuid import Field

Parts = Mapping[str, int]
Reader = Callable[[Parts], str]
Writer = Callable[[str], Parts]


@dataclass(frozen=True)
class Recipe:
    """How a quantity is made, at each of a leaf's sub-leaves that have its fields.

    ``names`` are its fields' names in the catalogue less ``prefix``; ``reader`` and ``writer`` use them so. It can be
    read without those in ``optional``. ``line`` is how a screen shows it, {} being the words, or empty.
    ``whole`` lets a model file that wishes for all its fields name it alone, ``refusal`` says why none can.
    """

    name: str
    leaf: int
    names: tuple[str, ...]
    reader: Reader
    writer: Writer | None = None
    prefix: str = ""
    line: str = "{}"
    optional: tuple[str, ...] = ()
    whole: bool = False
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Quantity:
    """Fields of an entry that read as one thing; ``key`` is its name in a model file, such as ``4.2.cache_size``."""

    recipe: Recipe
    key: str
    parts: tuple[tuple[str, Field], ...]

    @property
    def name(self) -> str:
        """The name: ``cache_size``."""
        return self.recipe.name

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields, in the order in which the words use them."""
        return tuple(field for _, field in self.parts)

    @property
    def mask(self) -> int:
        """The bits, in the packed leaf, of a quantity of one leaf."""
        return sum(field.mask for _, field in self.parts)

    def read(self, values: Mapping[Field, int]) -> str:
        """The words for the fields' values; empty where they mean nothing. ValueError if a field is missing."""
        parts = {name: values[field] for name, field in self.parts if field in values}
        missing = [name for name, _ in self.parts if name not in parts and name not in self.recipe.optional]
        if missing:
            raise ValueError(f"{self.key!r} can't be read without {self.recipe.prefix}{missing[0]}")
        return self.recipe.reader(parts)

    def write(self, text: str) -> tuple[tuple[Field, int], ...]:
        """The fields' values for words; ValueError saying what is expected, or that it can't be written."""
        if self.recipe.writer is None:
            raise ValueError(f"{self.key!r} can be read, not written; set its fields one by one")
        written = self.recipe.writer(text)
        for name, field in self.parts:
            if not 0 <= written.get(name, 0) < 1 << field.width:
                raise ValueError(f"{self.key!r}: {name} would be {written[name]:,}, which its field can't hold")
        return tuple((field, written[name]) for name, field in self.parts if name in written)
