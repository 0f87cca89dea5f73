"""The canonical form of a model file: tables and keys in order, canonical names, a wish a line, comments with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tdxtui.cpuid import Field
from tdxtui.errors import TdxtuiError
from tdxtui.migrations import FORMAT
from tdxtui.model import VcpuModel
from tdxtui.model_file.notes import Note, Notes, notes_of
from tdxtui.model_file.read import BOM, parse
from tdxtui.model_file.values import Value, key_text, value_text
from tdxtui.model_file.wishes import FEATURES, FIELDS, REGISTERS, TABLES, Part, Wish, full, wishes_of
from tdxtui.model_file.wording import wording
from tdxtui.model_file.write import feature_name, hex_text, settings
from tdxtui.strict import data_error, parse_toml

TOP = ("name", "description", "module", "platform")


class Row(NamedTuple):
    """A key with its value, and where it stands among the others of its table."""

    place: tuple[Any, ...]
    key: str
    value: Any
    note: Note


def formatted(text: str, source: str, name: str = "unnamed") -> str:
    """A document's text in its canonical form, in the present format; DataError if it is no model.

    It means the same, and put in form again it stays as it is. Keys that say the same of the same bits become one.
    """
    if not text.removeprefix(BOM).strip():
        raise data_error(source, "", "is empty")
    model = parse(text, source, name)
    plain = text.removeprefix(BOM).replace("\r\n", "\n")
    data, notes = parse_toml(plain, source), notes_of(plain)
    new = "\n".join([*_top(data, notes), *_tables(data, model, notes)]) + "\n"
    if parse(new, source, name) != model:
        raise TdxtuiError(f"{source}: can't be put in form without a change of meaning; please report this file")
    return new


def _top(data: Mapping[str, Any], notes: Notes) -> Iterator[str]:
    yield from notes.head
    yield from _pair("format", FORMAT, notes.note(("format",)))
    for key in TOP:
        if key in data:
            yield from _pair(key, data[key], notes.note((key,)))
    yield from _without_last_blank(notes.ends.get((), []))


def _tables(data: Mapping[str, Any], model: VcpuModel, notes: Notes) -> Iterator[str]:
    wishes = list(wishes_of(data, ""))
    rows = {"td": _settings(data.get("td", {}), model, notes)}
    rows |= {table: _wishes(data, [wish for wish in wishes if wish.table == table], notes) for table in TABLES}
    for table, lines in rows.items():
        if table in data:
            yield from _table(table, lines, notes)
    if "validated" in data:
        import tomli_w

        yield from ["", *_commented(f"{tomli_w.dumps({'validated': data['validated']})}", notes)]


def _commented(text: str, notes: Notes) -> list[str]:
    """The text of [validated], its comments all above it."""
    note = notes.note(("validated",))
    return [*note.above, *note.behind, *filter(None, notes.ends.get(("validated",), [])), *text.splitlines()]


def _table(table: str, rows: list[Row], notes: Notes) -> Iterator[str]:
    note = notes.note((table,))
    *more, last = note.behind or [""]
    yield from ["", *note.above, *more, f"[{table}] {last}".rstrip()]
    for row in sorted(rows, key=lambda row: row.place):
        yield from _pair(row.key, row.value, row.note)
    yield from _without_last_blank(notes.ends.get((table,), []))


def _without_last_blank(lines: list[str]) -> list[str]:
    return lines[:-1] if lines and not lines[-1] else lines


def _pair(key: str, value: Value, note: Note) -> Iterator[str]:
    *more, last = note.behind or [""]
    yield from [*note.above, *more, f"{key_text(key)} = {value_text(value)} {last}".rstrip()]


def _settings(td: Mapping[str, Any], model: VcpuModel, notes: Notes) -> list[Row]:
    found = settings(model)
    keys = [key for key in found if key in td]
    return [Row((number,), key, found[key], notes.note(("td", key))) for number, key in enumerate(keys)]


def _wishes(data: Mapping[str, Any], wishes: list[Wish], notes: Notes) -> list[Row]:
    """The rows of a table; wishes that come to the same key are one."""
    rows: dict[str, Row] = {}
    parts: dict[str, tuple[Part, ...]] = {}
    for wish in wishes:
        key, value = _canonical(wish, data[wish.table][wish.key])
        note = notes.note((wish.table, wish.key))
        if key in rows:
            rows[key].note.add(note)
            first, second = parts[key][0], wish.parts[0]
            parts[key] = (first._replace(value=first.value | second.value, mask=first.mask | second.mask),)
            value = _register_value(parts[key][0]) if wish.table == REGISTERS else value
            rows[key] = rows[key]._replace(value=value)
        else:
            rows[key], parts[key] = Row(_place(wish), key, value, note), wish.parts
    return list(rows.values())


def _canonical(wish: Wish, value: Any) -> tuple[str, Any]:
    part = wish.parts[0]
    if wish.table == FEATURES:
        return feature_name(part.field) or part.field.key, value
    if wish.table == FIELDS:
        return wording(wish, value)
    return part.field.key, _register_value(part)


def _register_value(part: Part) -> Any:
    value, mask = hex_text(part.value, part.field), hex_text(part.mask, part.field)
    return value if part.mask == full(part.field) else {"value": value, "mask": mask}


def _place(wish: Wish) -> tuple[int, ...]:
    """Where a wish stands: by entry and register, features by their bits, fields and registers from the top bit on."""
    field: Field = wish.parts[0].field
    bits = (field.lsb,) if wish.table == FEATURES else (-field.msb, -field.lsb)
    return (field.leaf.leaf, field.leaf.subleaf or 0, field.register, *bits)
