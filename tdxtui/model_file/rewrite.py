"""Change a hand-written document so that it reads as another model, and nothing else of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from tdxtui.cpuid import Leaf
from tdxtui.errors import DataError
from tdxtui.migrations import FORMAT
from tdxtui.model import VcpuModel
from tdxtui.model_file.draft import Draft
from tdxtui.model_file.read import BOM, DEFAULT_XFAM, bits_of, parse
from tdxtui.model_file.values import Value
from tdxtui.model_file.wishes import FEATURES, FIELDS, REGISTERS, Part, Wish, full, wishes_of
from tdxtui.model_file.write import dumps, hex_text, settings, wish_tables
from tdxtui.strict import parse_toml
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM, names_of

Wishes = Mapping[Leaf, tuple[int, int]]
_NAMES = {"attributes": ATTRIBUTES, "xfam": XFAM, "config_flags": CONFIG_FLAGS}


def rewritten(text: str, source: str, model: VcpuModel) -> str:
    """The text of a model file changed so that it reads as the model when it stands in the file `source`.

    Each key that says something else than the model is changed where it stands, one that says nothing any more is
    removed, what is missing is added at the end of its table. [validated] goes, since it speaks of another model.
    Text that is no model is replaced by a new file's.
    """
    name = PurePath(source).stem
    try:
        old = parse(text, source, name)
    except DataError:
        return dumps(model)
    if old == model:
        return text
    draft = Draft(text)
    draft.remove(("validated",))
    edit(draft, parse_toml(text.removeprefix(BOM), source), old, model)
    new = draft.text
    # Whatever else may go wrong, the model itself must never be lost.
    return new if _reads_as(new, source, name, model) else dumps(model)


def without_record(model: VcpuModel) -> str:
    """The text of a model in the present format without [validated], its own text kept as far as that goes."""
    text = rewritten(model.origin, "", model) if model.origin else dumps(model)
    draft = Draft(text)
    draft.remove(("validated",))
    draft.set(("format",), FORMAT)
    return draft.text


def _reads_as(text: str, source: str, name: str, model: VcpuModel) -> bool:
    try:
        return parse(text, source, name) == model
    except DataError:
        return False


def edit(draft: Draft, data: Mapping[str, Any], old: VcpuModel, new: VcpuModel) -> None:
    """Make a draft of the document `data`, which reads as the model `old`, read as `new`."""
    for key in ("name", "description", "module", "platform"):
        if getattr(old, key) != getattr(new, key):
            _set_or_remove(draft, (key,), getattr(new, key) or None)
    before, after = settings(old), settings(new)
    for key in dict.fromkeys([*before, *after]):
        if before.get(key) != after.get(key):
            value = after.get(key)
            if key in _NAMES:
                default = DEFAULT_XFAM if key == "xfam" else ()
                value = _names(data.get("td", {}).get(key, default), getattr(new, key), _NAMES[key])
            _set_or_remove(draft, ("td", key), value)
    if new.digests and data.get("format") == 1:
        draft.set(("format",), FORMAT)
    _edit_wishes(draft, data, new.wishes)


def _set_or_remove(draft: Draft, path: tuple[str, ...], value: Value | None) -> None:
    if value is None:
        draft.remove(path)
    else:
        draft.set(path, value)


def _names(old: Sequence[str], wanted: int, known: Mapping[str, int]) -> list[str]:
    """A list of names for a mask: the old ones that still hold, as they were written, then what is missing."""
    masks = {name: bits_of(name, known) or 0 for name in old}
    kept = [name for name in old if not masks[name] & ~wanted]
    covered = 0
    for name in kept:
        covered |= masks[name]
    return kept + names_of(wanted & ~covered, known)


def _edit_wishes(draft: Draft, data: Mapping[str, Any], wanted: Wishes) -> None:
    missing = {leaf: mask for leaf, (_, mask) in wanted.items()}
    for wish in wishes_of(data, ""):
        parts = tuple(_still_wished(part, wanted) for part in wish.parts)
        if parts != wish.parts and not _rewrite(draft, data, wish, parts):
            continue
        for field, _, mask in parts:
            missing[field.leaf] = missing.get(field.leaf, 0) & ~(mask << field.shift)
    rest = {leaf: (wanted[leaf][0] & mask, mask) for leaf, mask in missing.items() if mask}
    for table, added in wish_tables(rest, with_fields=_has_fields(data)).items():
        for key, value in added.items():
            draft.set((table, key), value)


def _has_fields(data: Mapping[str, Any]) -> bool:
    """Whether a document may have [fields] without asking for a newer tdxtui than it did."""
    return FIELDS in data or data.get("format", 1) > 1


def _still_wished(part: Part, wanted: Wishes) -> Part:
    """What a model wishes of the bits that a part speaks of."""
    value, mask = wanted.get(part.field.leaf, (0, 0))
    mask = part.field.get(mask) & part.mask
    return Part(part.field, part.field.get(value) & mask, mask)


def _rewrite(draft: Draft, data: Mapping[str, Any], wish: Wish, parts: tuple[Part, ...]) -> bool:
    """Change a key to say what is still wished of its bits; False if it was removed, since it can't say that."""
    path = wish.table, wish.key
    value = _value(data[wish.table][wish.key], wish, parts) if any(part.mask for part in parts) else None
    _set_or_remove(draft, path, value)
    return value is not None


def _value(old: Any, wish: Wish, parts: tuple[Part, ...]) -> Value | None:
    first = parts[0]
    if wish.table == FEATURES:
        return bool(first.value)
    if wish.table == REGISTERS:
        value, mask = hex_text(first.value, first.field), hex_text(first.mask, first.field)
        return value if isinstance(old, str) and first.mask == full(first.field) else {"value": value, "mask": mask}
    from tdxtui.model_file.wording import reworded

    return reworded(wish.key, parts)
