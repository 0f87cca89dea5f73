"""Which quantities there are, and of which leaves."""

from __future__ import annotations

import re
from functools import lru_cache

from tdxtui import catalog
from tdxtui.cpuid import Field, Leaf
from tdxtui.words import caches, identity, machine, monitoring
from tdxtui.words.compound import Quantity, Recipe
from tdxtui.words.names import canonical, in_many, qualified

_LEAF = re.compile(r"[0-9a-f]{1,8}(\.[0-9a-f]{1,8})?")
_RECIPES = (*identity.RECIPES, *caches.RECIPES, *machine.RECIPES, *monitoring.RECIPES)


@lru_cache(maxsize=1024)
def quantities(leaf: Leaf) -> tuple[Quantity, ...]:
    """The quantities of an entry, the most telling first."""
    own = {named.name: named.field for named in catalog.fields_of(leaf)}
    recipes = [recipe for recipe in _RECIPES if recipe.leaf == leaf.leaf and recipe.prefix + recipe.names[0] in own]
    return tuple(_made(recipe, leaf, own) for recipe in recipes)


def quantity(key: str) -> Quantity | None:
    """The quantity that a key of a model file means, with or without its leaf in front, or None.

    Raises ValueError if the leaf is missing of one that several sub-leaves have.
    """
    leaf, _, name = key.strip().lower().rpartition(".")
    recipe = next((recipe for recipe in _RECIPES if recipe.name == name), None)
    if recipe is None or (leaf and not _LEAF.fullmatch(leaf)):
        return None
    if "." not in leaf and in_many(recipe.prefix + recipe.names[0]):
        raise ValueError(f"{key!r} is in several sub-leaves; name one, as in '{recipe.leaf:x}.0.{name}'")
    entry = canonical(Leaf.parse(leaf) if leaf else Leaf(recipe.leaf))
    return next((found for found in quantities(entry) if found.name == name), None)


def _made(recipe: Recipe, leaf: Leaf, own: dict[str, Field]) -> Quantity:
    full = {name: recipe.prefix + name for name in recipe.names}
    parts = tuple((name, own[other] if other in own else catalog.find(other)) for name, other in full.items())
    return Quantity(recipe, qualified(leaf, recipe.name, full[recipe.names[0]]), parts)
