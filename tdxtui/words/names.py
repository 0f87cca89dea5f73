"""What entries and fields are called in a model file."""

from __future__ import annotations

from functools import lru_cache

from tdxtui import catalog
from tdxtui.cpuid import Field, Leaf


def canonical(leaf: Leaf) -> Leaf:
    """The leaf as TDX modules write it: sub-leaf 0 is named where a leaf has sub-leaves, and only there.

    One that the catalogue doesn't know stays as it is.
    """
    if leaf.subleaf or not catalog.title(leaf):
        return leaf
    return Leaf(leaf.leaf, 0 if catalog.has_subleaves(leaf.leaf) else None)


@lru_cache(maxsize=4096)
def name_of(field: Field) -> str:
    """The canonical name of exactly these bits, or their notation if they have none."""
    named = catalog.named_at(field)
    return named.name if named is not None and named.field == field else field.key


@lru_cache(maxsize=1024)
def multi_bit_fields(leaf: Leaf) -> tuple[Field, ...]:
    """The catalogue's fields of an entry that are wider than a bit, EAX to EDX, the high bit first."""
    return tuple(named.field for named in catalog.fields_of(leaf) if not named.field.is_bit)


def key_of(field: Field) -> str:
    """The shortest key that means a named field: its name, after its leaf if several sub-leaves have it."""
    return qualified(field.leaf, name_of(field))


def qualified(leaf: Leaf, name: str, field_name: str = "") -> str:
    """A name after its leaf if several sub-leaves have the field of that name (or of field_name), else alone."""
    return f"{leaf.key}.{name}" if in_many(field_name or name) else name


@lru_cache(maxsize=1024)
def in_many(name: str) -> bool:
    """Whether more than one sub-leaf has the field of a canonical name; those that have it are neighbours."""
    try:
        first = catalog.find(name).leaf
    except ValueError:
        return False
    if first.subleaf is None:
        return False
    return any(named.name == name for named in catalog.fields_of(Leaf(first.leaf, first.subleaf + 1)))
