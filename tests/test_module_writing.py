"""A module written as a file reads back as the same module."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tdxtui import library, module_file
from tdxtui.cpuid import Leaf
from tdxtui.intel_table.prune import without
from tdxtui.module_file.write import text_of

VERSIONS = list(library.files("modules"))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_written_module_reads_back_the_same(version: str) -> None:
    module = library.module(version)
    assert module_file.parse(text_of(module, ["a comment", ""]), "m.toml") == module


def test_text_with_quotes_and_other_letters_survives() -> None:
    module = replace(library.module("1.5.06"), source='"quoted" \\ é')
    assert module_file.parse(text_of(module), "m.toml").source == module.source


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("number", range(0, 60, 7))
def test_a_module_without_some_entries_is_still_one(version: str, number: int) -> None:
    module = library.module(version)
    kept = {Leaf(1), Leaf(7, 0), Leaf(0x80000008)}
    gone = frozenset(entry.leaf for entry in module.entries[number : number + 7]) - kept
    left = without(module, gone)
    assert module_file.parse(text_of(left), "m.toml") == left
    assert not gone & set(left.by_leaf)
