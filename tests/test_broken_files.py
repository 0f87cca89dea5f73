"""Broken platforms and models, and what nobody thought of: one line says where and what."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tdxtui import cli, library, model_file, module_file, platform_file
from tdxtui.errors import DataError
from tdxtui.evaluate import evaluate
from tdxtui.model import VcpuModel
from tests import broken_models
from tests.breaking import GUEST_BITS_MODULE, MODULE, PLATFORM, case, changed, model_error, platform_error

# -- platform files --


PLATFORM_CASES = [
    case("missing-key", "title =", "titel =", "title: is missing; expected a string"),
    case("unknown-key", "title =", "family = 6\ntitle =", "family: is not a key of this table"),
    case("missing-table", "[msr]", "[mrs]", "msr: is missing; expected a table"),
    case(
        "no-arch-capabilities", '"0x10a"', '"0x10b"',
        'msr: lacks "0x10a" (IA32_ARCH_CAPABILITIES), which the module looks at',
    ),
    case(
        "three-registers", '"00000024 756e6547 6c65746e 49656e69"', '"00000024 756e6547 6c65746e"',
        "cpuid.0: '00000024 756e6547 6c65746e' is not four registers; write EAX EBX ECX EDX as 8 hex digits each",
    ),
    case(
        "register-with-0x", '"00000024 756e6547', '"0x000024 756e6547',
        "cpuid.0: '0x000024 756e6547 6c65746e 49656e69' has a digit that is not hex",
    ),
    case(
        "register-not-hex", '"00000024 756e6547', '"0000002g 756e6547',
        "cpuid.0: '0000002g 756e6547 6c65746e 49656e69' has a digit that is not hex",
    ),
    case(
        "registers-as-number", '"00000024 756e6547 6c65746e 49656e69"', "24",
        "cpuid.0: expected a string, found a whole number",
    ),
    case("no-leaf", '"7.0" =', '"07h" =', "cpuid.07h: '07h' is not a leaf; write hex as in '7.0' or '80000008'"),
    case("unquoted-leaf", '"7.0" =', "7.0 =", "cpuid.7: expected a string, found a table"),
    case(
        "leaf-twice", '"1" =', '"01" = "00000000 00000000 00000000 00000000"\n"1" =',
        "cpuid.1: is the same leaf as another key of this table",
    ),
    case(
        "msr-without-0x", '"0x2da9fdeb"', '"2da9fdeb"',
        "msr.0x10a: '2da9fdeb' is not a hex number; write 0x and hex digits",
    ),
    case(
        "msr-too-wide", '"0x2da9fdeb"', '"0x12345678123456789"',
        "msr.0x10a: '0x12345678123456789' does not fit into 64 bits",
    ),
    case("msr-address", '"0x1a0"', '"1a0"', "msr.1a0: '1a0' is not a hex number; write 0x and hex digits"),
    case("msr-twice", '"0x1a0"', '"0x10A"', "msr.0x10A: is the same MSR as another key of this table"),
    case(
        "unknown-fact", "[cpuid]", 'missing_facts = ["TDX_OI"]\n[cpuid]',
        "missing_facts[0]: 'TDX_OI' is no fact of a platform; known are TDX_IO, SEAMGETKEY",
    ),
    case(
        "socket-as-number", "[cpuid]", "sockets = [0xa06d1]\n[cpuid]",
        "sockets[0]: expected a string, found a whole number",
    ),
    case("note-as-number", "notes = [", "notes = [3,", "notes[0]: expected a string, found a whole number"),
]


@pytest.mark.parametrize(("old", "new", "expected"), PLATFORM_CASES)
def test_platform_file(old: str, new: str, expected: str) -> None:
    assert platform_error(changed(PLATFORM, (old, new))) == f"p.toml: {expected}"


# -- vCPU model files --


BROKEN_MODELS = [case(name, text, expected) for name, (text, expected) in broken_models.CASES.items()]
BROKEN_MODEL_BYTES = [pytest.param(data, end, id=name) for name, (data, end) in broken_models.BYTES.items()]


def same(error: str, expected: str) -> bool:
    """Whether an error is as expected; "..." at the end stands for anything."""
    return error.startswith(expected[:-3]) if expected.endswith("...") else error == expected


@pytest.mark.parametrize(("text", "expected"), BROKEN_MODELS)
def test_model_file(text: str, expected: str) -> None:
    assert same(model_error(text), f"w.toml: {expected}")


@pytest.mark.parametrize(("text", "expected"), BROKEN_MODELS)
def test_model_file_at_first_look(text: str, expected: str, tmp_path: Path) -> None:
    """What the quick way to read a model lets through can be shown, and is found by the check that follows."""
    path = tmp_path / "w.toml"
    path.write_text(text, encoding="utf-8", newline="")

    def look_and_check() -> None:
        model = model_file.load_fast(path)
        evaluate(model, library.module("1.5.34"), library.platform("granite-rapids"))
        model_file.validate_file(path)

    with pytest.raises(DataError) as caught:
        look_and_check()
    assert same(str(caught.value).removeprefix(f"{path}: "), expected)


@pytest.mark.parametrize(("data", "expected"), BROKEN_MODEL_BYTES)
def test_bytes_of_a_model_file(data: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "w.toml"
    path.write_bytes(data)
    for read in (model_file.load, model_file.load_fast, model_file.validate_file):
        with pytest.raises(DataError) as caught:
            read(path)
        assert str(caught.value) == f"{path}: {expected}"


def test_there_are_enough_broken_models() -> None:
    assert len(BROKEN_MODELS) + len(BROKEN_MODEL_BYTES) >= 40


def test_every_sub_leaf_counts_as_another_wish() -> None:
    """The same bit of two sub-leaves is no contradiction; leaf 7 and its sub-leaf 0 are the same."""
    model_file.parse('[registers]\n"4.0.eax.0" = "0x1"\n"4.1.eax.0" = "0x0"', "w.toml")
    error = model_error('[registers]\n"7.ebx.0" = "0x1"\n"7.0.ebx.0" = "0x0"')
    assert error == 'w.toml: registers."7.0.ebx.0": contradicts another wish of this file for the same bits'


# -- what a user sees --


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as caught:
        cli.main(list(arguments))
    output = capsys.readouterr()
    assert output.out == ""
    return int(str(caught.value.code)), output.err


def test_the_command_line_says_it_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(changed(MODULE, ('evidence = "run"', 'evidence = "ran"')), encoding="utf-8")
    status, text = run(capsys, "bits", "--module", str(path))
    assert (status, text) == (2, f"tdxtui: {path}: evidence: 'ran' is none of run, read, partial\n")


def test_the_command_line_names_a_broken_platform(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "host.toml"
    path.write_text("[msr]\n[cpuid]\n", encoding="utf-8")
    status, text = run(capsys, "bits", "-m", "1.5.06", "-p", str(path))
    assert status == 2
    assert text == f'tdxtui: {path}: msr: lacks "0x10a" (IA32_ARCH_CAPABILITIES), which the module looks at\n'


# -- mutations nobody thought of --


TOKENS = re.compile(r'"[^"\n]*"|\w+|\n|[^\w\s]|[ \t]+')


def mutated(text: str, seed: int) -> str:
    """A text with one or two of its words swapped, doubled or lost."""
    rng, words = random.Random(seed), TOKENS.findall(text)
    for _ in range(rng.randint(1, 2)):
        here, there = rng.randrange(len(words)), rng.randrange(len(words))
        way = rng.randrange(3)
        if way == 0:
            words[here], words[there] = words[there], words[here]
        elif way == 1:
            words[here] = words[there]
        else:
            del words[here]
    return "".join(words)


MUTATIONS = settings(max_examples=60, deadline=None, derandomize=True)


@given(seed=st.integers(0, 1 << 32))
@MUTATIONS
def test_a_mutated_module_is_refused_in_one_line_or_can_be_used(seed: int) -> None:
    try:
        module = module_file.parse(mutated(GUEST_BITS_MODULE.read_text(encoding="utf-8"), seed), "m.toml")
    except DataError as error:
        assert str(error).startswith("m.toml: ")
        assert str(error).isprintable()
        return
    wishes = {leaf: (mask, mask) for leaf, mask in module.configurable.items()}
    model = VcpuModel("x", attributes=module.attributes.allowed, xfam=module.xfam.allowed, wishes=wishes)
    for platform in (None, library.platform("granite-rapids")):
        evaluate(model, module, platform)


@given(seed=st.integers(0, 1 << 32))
@MUTATIONS
def test_a_mutated_platform_is_refused_in_one_line_or_can_be_used(seed: int) -> None:
    try:
        platform = platform_file.parse(mutated(PLATFORM.read_text(encoding="utf-8"), seed), "p.toml", "p")
    except DataError as error:
        assert str(error).startswith("p.toml: ")
        assert str(error).isprintable()
        return
    evaluate(VcpuModel("x"), library.module("1.5.34"), platform)


@given(seed=st.integers(0, 1 << 32))
@MUTATIONS
def test_a_mutated_model_is_refused_in_one_line_or_survives_saving(seed: int) -> None:
    good = model_file.dumps(VcpuModel(
        "web", "a model", "1.5.34", "granite-rapids", attributes=1 << 28, xfam=0xE7, arch_capabilities=0x10,
        wishes=model_file.parse('[features]\navx512f = true\n[registers]\n"4.0.eax[31:14]" = "0x1"', "x").wishes,
    ))
    try:
        model = model_file.parse(mutated(good, seed), "w.toml")
    except DataError as error:
        assert str(error).startswith("w.toml: ")
        assert str(error).isprintable()
        return
    assert model_file.parse(model_file.dumps(model), "w.toml") == model
