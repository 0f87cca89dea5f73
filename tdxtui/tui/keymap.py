"""Which key does what: the list of all actions made from the bindings, and the user's own keys for them.

An action's name is its binding's id, or else what it calls (``save-as``), or where that has arguments its description
(``next-conflict``). Actions of the same name in several panes move together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from textual.binding import Binding, BindingsMap, BindingType
from textual.dom import DOMNode
from textual.keys import KEY_ALIASES, Keys, _character_to_key
from textual.widget import Widget

from tdxtui.errors import DataError
from tdxtui.strict import data_error, unknown

EVERYWHERE = "everywhere"
PACKAGE = "tdxtui."
_MODIFIER = re.compile(r"(?:(?:ctrl|shift|alt|super|hyper|meta)\+)*")
_NAMES = frozenset(key.value for key in Keys) | frozenset(KEY_ALIASES)
_SHOWN = {
    "pageup": "PgUp", "pagedown": "PgDn", "home": "Home", "end": "End", "space": "Space", "enter": "Enter",
    "escape": "Esc", "up": "↑", "down": "↓", "left": "←", "right": "→", "tab": "Tab", "backspace": "Backspace",
}
_SHORT = {"pgup": "pageup", "pgdn": "pagedown", "esc": "escape", "return": "enter"}
_DRAWN = {drawn: key for key, drawn in _SHOWN.items()}
_CHARACTERS = {_character_to_key(char): char for char in map(chr, range(33, 127)) if not char.isalnum()}


class Action(NamedTuple):
    """Something that a key does in a pane (`EVERYWHERE` for all of them)."""

    pane: str
    name: str
    keys: tuple[str, ...]
    description: str
    action: str


def kinds() -> dict[str, type[Widget]]:
    """The widgets that have keys of their own, by what their panes are called."""
    from tdxtui.tui.bit_grid import BitGrid
    from tdxtui.tui.leaf_list import LeafList
    from tdxtui.tui.switches import SwitchPane
    from tdxtui.tui.why_pane import WhyPane

    return {"grid": BitGrid, "leaves": LeafList, "switches": SwitchPane, "why": WhyPane}


def panes() -> dict[str, list[Binding]]:
    """The bindings of each pane by its name; those of the whole screen first."""
    from tdxtui.tui.app import TdxApp

    everything: dict[str, type[DOMNode]] = {EVERYWHERE: TdxApp, **kinds()}
    return {name: bindings_of(kind) for name, kind in everything.items()}


def bindings_of(kind: type[DOMNode]) -> list[Binding]:
    """The bindings of a class of ours and of those of ours that it is made of; Textual's own do nothing here."""
    ours = (part for part in kind.__mro__ if part.__module__.startswith(PACKAGE))
    items: list[BindingType] = [item for part in ours for item in part.__dict__.get("BINDINGS", ())]
    return [item if isinstance(item, Binding) else Binding(*item) for item in items]


def name_of(binding: Binding) -> str:
    """What an action is called in the user's settings."""
    words = binding.description if "(" in binding.action else binding.action
    return binding.id or re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def actions(keys: Mapping[str, tuple[str, ...]] | None = None) -> list[Action]:
    """Every action of every pane, with the user's keys where they set some."""
    found = [_action(pane, binding) for pane, bindings in panes().items() for binding in bindings]
    return [item._replace(keys=(keys or {}).get(item.name, item.keys)) for item in found]


def _action(pane: str, binding: Binding) -> Action:
    keys = tuple(key.strip() for key in binding.key.split(","))
    return Action(pane, name_of(binding), keys, binding.description, binding.action)


# -- the user's keys --


def checked(keys: Mapping[str, tuple[str, ...]], source: str) -> dict[str, tuple[str, ...]]:
    """The user's keys as Textual calls them; DataError for an unknown action or key, or two actions on one key."""
    names = list(dict.fromkeys(item.name for item in actions()))
    found = {}
    for name, wanted in keys.items():
        if name not in names:
            near = unknown(name, names)
            rest = f"{name!r} is no action; tdxtui config --example lists all"
            raise _error(source, name, near if "did you mean" in near else rest)
        found[name] = tuple(_key(source, name, key) for key in wanted)
    for name in found:
        _refuse_clash(source, name, actions(found))
    return found


def _error(source: str, name: str, message: str) -> DataError:
    return data_error(source, f"keys.{name}", message)


def _key(source: str, name: str, key: str) -> str:
    modifier = _MODIFIER.match(key)
    assert modifier is not None
    rest = _DRAWN.get(key[modifier.end() :], key[modifier.end() :])
    if len(rest) == 1 and rest.isprintable():
        return modifier[0] + _character_to_key(rest)
    plain = rest.lower()
    plain = _SHORT.get(plain, plain)
    if plain not in _NAMES and plain not in _CHARACTERS:
        raise _error(source, name, f"{key!r} is no key; write a character, f1, ctrl+x, pageup, space or the like")
    return modifier[0] + plain


def _refuse_clash(source: str, name: str, everything: list[Action]) -> None:
    """A key may do two things only where it does by default: in a pane, something else than on the whole screen."""
    usual = {(item.pane, item.name): item.keys for item in actions()}
    for item in (item for item in everything if item.name == name):
        for other in everything:
            together = EVERYWHERE in (item.pane, other.pane) or item.pane == other.pane
            if not together or other.name == name:
                continue
            before = set(usual[item.pane, item.name]) & set(usual[other.pane, other.name])
            if both := [key for key in item.keys if key in other.keys and key not in before]:
                where = "" if other.pane == EVERYWHERE else f" in the pane {other.pane!r}"
                raise _error(source, name, f"{shown(both[0])!r} is the key of {other.name}{where}, too")


def rebind(node: DOMNode, keys: Mapping[str, tuple[str, ...]]) -> None:
    """Give a node's actions the user's keys. Done once: Textual's own keymap would be gone through with every key."""
    kept = [item for items in node._bindings.key_to_bindings.values() for item in items if name_of(item) not in keys]
    moved = {name_of(item): item for items in node._bindings.key_to_bindings.values() for item in items}
    new = [replace(moved[name], key=key) for name, wanted in keys.items() if name in moved for key in wanted]
    node._bindings = BindingsMap([*kept, *new])


# -- showing --


def shown(key: str) -> str:
    """A key as people write it."""
    modifier, plus, last = key.rpartition("+")
    return modifier + plus + (_SHOWN.get(last) or _CHARACTERS.get(last) or (last.upper() if _is_f(last) else last))


def _is_f(key: str) -> bool:
    return re.fullmatch(r"f\d+", key) is not None


def renamed(keys: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The keys that texts name by default, each with the user's first one for it, "" where there is none any more."""
    moved = [item for item in actions() if item.name in keys] if keys else []
    return {shown(key): shown(next(iter(keys[item.name]), "")) for item in moved for key in item.keys}
