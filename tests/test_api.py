"""The Python API: its examples are what they say, and it stays what it is."""

from __future__ import annotations

import doctest
import inspect
from typing import get_type_hints

import pytest

from tdxtui import api
from tests.documents import ROOT


def test_the_examples_in_the_docstrings_hold() -> None:
    failed, tried = doctest.testmod(api)
    assert tried > 25
    assert not failed


def test_the_examples_on_the_page_hold() -> None:
    failed, tried = doctest.testfile(str(ROOT / "docs" / "api.md"), module_relative=False)
    assert tried > 10
    assert not failed


FUNCTIONS = [name for name in api.__all__ if inspect.isfunction(getattr(api, name))]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_typed_and_has_an_example(name: str) -> None:
    function = getattr(api, name)
    hints = get_type_hints(function)
    assert set(inspect.signature(function).parameters) | {"return"} == set(hints)
    assert function.__doc__
    assert ">>>" in function.__doc__ or name == "save_model"


def test_the_page_lists_every_function() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert all(f"{name}(" in page for name in FUNCTIONS)


def test_the_names_of_the_api_stay() -> None:
    assert set(FUNCTIONS) == {
        "baseline", "check", "diff", "explain", "export", "finding_data", "fit", "fit_changes", "guest_cpuid", "layer",
        "layers", "model", "module", "modules", "parse_model", "platform", "platforms", "presets", "query",
        "query_data", "registers", "resolve", "save_model", "situation", "verify", "why",
    }


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: api.model("nosuch"), "there is no source 'nosuch'"),
        (lambda: api.check("minimal", module="9"), "there is no module '9'"),
        (lambda: api.check("minimal", kvm="9"), "there is no KVM layer '9'"),
        (lambda: api.query("nosuch", module="1.5.06"), "no CPUID field is called 'nosuch'"),
        (lambda: api.query("7.0", module="1.5.06"), "means 4 fields"),
        (lambda: api.why("minimal", "nosuch"), "no CPUID field is called 'nosuch'"),
        (lambda: api.parse_model("format = "), "model: is not TOML"),
    ],
)
def test_what_a_user_can_mend_is_one_error(call: object, words: str) -> None:
    assert callable(call)
    with pytest.raises(api.TdxtuiError) as caught:
        call()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_that_was_loaded_does_where_a_name_does() -> None:
    model = api.model("minimal")
    assert api.check(model) == api.check("minimal") == api.check(api.situation("minimal"))
