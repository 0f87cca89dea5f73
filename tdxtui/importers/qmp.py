"""QMP's query-cpu-model-expansion (and -baseline, -comparison) and query-cpu-definitions: a model's features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.importers import json_tree, spelled
from tdxtui.importers.features_of_cpu import stem
from tdxtui.importers.registry import REAL
from tdxtui.importers.result import Features, Imported, failed
from tdxtui.importers.statement import Statement

NAME = "qmp"
TITLE = "a QMP answer about a CPU model"
EVIDENCE = REAL

_SIGNATURE = {"family", "model", "stepping"}
_STATIC_SIZE = 50


def sniff(head: bytes) -> int:
    """Sure of props beside a model, or of a list of definitions."""
    if head.lstrip()[:1] not in (b"{", b"["):
        return 0
    if b'"props"' in head and b'"model"' in head:
        return 95
    return 90 if b'"unavailable-features"' in head else 0


def read(data: bytes, name: str) -> Imported:
    """The features of the first model that the answers tell of."""
    answers = [_answer(item) for item in json_tree.documents(data, name)]
    for answer in answers:
        if isinstance(answer, Mapping) and (model := _model(answer)):
            return _of_model(model, name)
    for answer in answers:
        if isinstance(answer, Sequence) and not isinstance(answer, str) and answer:
            return _of_definitions(answer, name)
    raise failed(name, "", 'expected {"return": {"model": {"name": ..., "props": {...}}}}')


def _answer(item: Any) -> Any:
    if isinstance(item, Mapping) and "error" in item:
        return None
    return item.get("return", item) if isinstance(item, Mapping) else item


def _model(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The object that has props: the answer itself or its model."""
    for found in (answer.get("model"), answer):
        if isinstance(found, Mapping) and isinstance(found.get("props"), Mapping):
            return found
    return None


def _of_model(model: Mapping[str, Any], name: str) -> Imported:
    bits, title = Statement(spelled.QEMU), model.get("name")
    if not isinstance(title, str):
        raise failed(name, "model.name", f"expected a string, found {str(title)[:30]}")
    if not model["props"]:
        raise failed(name, "model.props", "is empty: ask for the expansion of type full")
    for key, value in model["props"].items():
        if isinstance(value, bool):
            if spelled.field(spelled.QEMU, key):
                _agree(bits, key, value, name)
        elif not isinstance(value, int | float | str):
            raise failed(name, f"model.props.{key}", f"expected true, false, a number or text, found {str(value)[:30]}")
    _signature(bits, model["props"], name)
    if not bits.wishes:
        raise failed(name, "model.props", "has no CPUID feature that QEMU is known to have")
    few = len(bits.names) < _STATIC_SIZE
    notes = ["names few features: with type static QEMU tells what differs from a base model; full tells all."] * few
    return Imported(NAME, Features(title.replace("base", stem(name)), bits.wishes), tuple(notes))


def _agree(bits: Statement, key: str, value: bool, name: str) -> None:
    """Both spellings of a name must say the same."""
    word = key.replace("_", "-")
    if word in bits.names and bits.wished(word) != value:
        raise failed(name, f"model.props.{key}", "contradicts the same feature under its other spelling")
    bits.name(word, value)


def _signature(bits: Statement, props: Mapping[str, Any], name: str) -> None:
    """Family, model and stepping, where all three are told."""
    if not props.keys() >= _SIGNATURE:
        return
    numbers = [props[key] for key in ("family", "model", "stepping")]
    if not all(isinstance(item, int) and 0 <= item < 0x100 for item in numbers):
        raise failed(name, "model.props", f"family, model and stepping are {str(numbers)[:40]}; expected small numbers")
    family, model, stepping = numbers
    extended = max(family - 15, 0)
    value = extended << 20 | model >> 4 << 16 | (family - extended) << 8 | (model & 0xF) << 4 | stepping & 0xF
    if family:
        bits.say(Field(Leaf(1), Register.EAX, 27, 0), value)


def _of_definitions(answer: Sequence[Any], name: str) -> Imported:
    """What no definition's host can give: features that are listed as unavailable."""
    bits, models = Statement(spelled.QEMU), 0
    for number, item in enumerate(answer):
        missing = item.get("unavailable-features") if isinstance(item, Mapping) else None
        if missing is None:
            continue
        if not isinstance(missing, list) or not all(isinstance(word, str) for word in missing):
            raise failed(name, f"return[{number}].unavailable-features", "expected a list of names")
        models += 1
        for word in missing:
            bits.name(word, False)
    if not models:
        raise failed(name, "return", 'expected models with "unavailable-features" or one with "props"')
    notes = (f"tells of {models} models which features this host can't give: these are wished 0, nothing else is.",
             *bits.notes())
    return Imported(NAME, Features(stem(name), bits.wishes), notes)
