"""Broken inputs: whatever is wrong with a file or a request, the answer is one line that says where and what."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tdxtui import cli, library, model_file, module_file, platform_file, protocol
from tdxtui.errors import DataError, TdxtuiError
from tdxtui.evaluate import evaluate
from tdxtui.model import VcpuModel
from tdxtui.strict import MAX_FILE_SIZE
from tests import broken_models

MODULE = library.DATA / "modules" / "1.5.06.toml"
GUEST_BITS_MODULE = library.DATA / "modules" / "1.5.34.toml"
PLATFORM = library.DATA / "platforms" / "granite-rapids.toml"
WIDEST = 200


def error_of(action: Callable[[], object]) -> str:
    """The error of an action, which must be one for people, of one line that fits a wide terminal."""
    with pytest.raises(TdxtuiError) as caught:
        action()
    text = str(caught.value)
    assert text.isprintable(), text
    assert len(text) <= WIDEST, text
    return text


def changed(source: Path, *changes: tuple[str, str]) -> str:
    """A good file's text with things replaced, each at its first place."""
    text = source.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def module_error(text: str) -> str:
    return error_of(lambda: module_file.parse(text, "m.toml"))


def platform_error(text: str) -> str:
    return error_of(lambda: platform_file.parse(text, "p.toml", "p"))


def model_error(text: str) -> str:
    return error_of(lambda: model_file.parse(text, "w.toml"))


def case(name: str, *rest: str) -> Any:
    return pytest.param(*rest, id=name)


# -- module files --

MODULE_CASES = [
    case(
        "bad-toml", "[xfam]", "[xfam",
        "is not TOML: Expected ']' at the end of a table declaration (at line 26, column 8)",
    ),
    case("missing-table", "[fms]", "[femisu]", "fms: is missing; expected a table"),
    case("missing-key", "last_base_leaf = ", "last_bass_leaf = ", "last_base_leaf: is missing; expected a string"),
    case("unknown-key-at-top", "version =", "versio = 1\nversion =", "versio: is not a key of this table"),
    case(
        "unknown-key-in-entry-register", '{ fixed0 = "0xf000c000"', '{ fixed2 = "0x1", fixed0 = "0xf000c000"',
        "entry.1.eax.fixed2: is not a key of this table",
    ),
    case("unknown-register", "[entry.5]\neax", "[entry.5]\nrax", "entry.5.rax: is not a key of this table"),
    case("unknown-key-in-gate", "[[gate]]", "[[gate]]\nneed = 'x'", "gate[0].need: is not a key of this table"),
    case(
        "type-beside-zero", "[entry.3]\nzero = true", '[entry.3]\nzero = true\neax = { fixed0 = "0x1" }',
        "entry.3.eax: is not a key of this table",
    ),
    case(
        "overlapping-types", 'fixed0 = "0xf000c000"', 'fixed0 = "0xf000c001"',
        "entry.1.eax.configured: bits 0x00000001 already have another virtualization type",
    ),
    case(
        "gate-clears-no-entry", 'clears."d.2"', 'clears."d.92"',
        "gate[0].clears.\"d.92\": there is no entry 'd.92' in this file",
    ),
    case(
        "gate-clears-neither-all-nor-masks", 'clears."d.2" = "all"', 'clears."d.2" = "al"',
        "gate[0].clears.\"d.2\": 'al' is none of all",
    ),
    case("gate-without-needs", 'needs = ["XFAM.AVX"]', "needs = []", "gate[0].needs: expected a condition at least"),
    case("config-no-entry", '"1c", "80000008"', '"1c", "99"', "cpuid_config[9]: there is no entry '99' in this file"),
    case("mirror-no-entry", '"7.0.ecx.31"', '"8.0.ecx.31"', "mirror[0].bit: there is no entry '8.0' in this file"),
    case("mirror-of-field", '"7.0.ecx.31"', '"7.0.ecx"', "mirror[0].bit: '7.0.ecx' is not a single bit"),
    case(
        "mirror-of-xfam", '"ATTRIBUTES.PKS"', '"XFAM.PKRU"',
        "mirror[0].of: 'XFAM.PKRU' is no condition for this; write it as ATTRIBUTES.<name>",
    ),
    case(
        "equal-no-entry", '["7.0.ebx.4", "7.0.ebx.11"]', '["7.3.ebx.4", "7.0.ebx.11"]',
        "equal[0].bits[0]: there is no entry '7.3' in this file",
    ),
    case(
        "equal-across-leaves", '["7.0.ebx.4", "7.0.ebx.11"]', '["7.0.ebx.4", "7.1.ebx.11"]',
        "equal[0].bits: expected two bits of one leaf",
    ),
    case("flag-no-entry", 'tsx = "7.0.ebx.4"', 'tsx = "7.5.ebx.4"', "flags.tsx: there is no entry '7.5' in this file"),
    case("verify-no-entry", "[verify.a]", "[verify.ab]", "verify.ab: there is no entry 'ab' in this file"),
    case(
        "verify-one-and-zero", 'one = "0x00000800", zero = "0x0000f700"', 'one = "0x00001800", zero = "0x0000f700"',
        "verify.1.ebx.zero: bits 0x00001000 can't be demanded both 1 and 0",
    ),
    case(
        "lp-differs-no-entry", "[lp_differs]", "[lp_differs]\n99 = { eax = '0x1' }",
        "lp_differs.99: there is no entry '99' in this file",
    ),
    case("entry-key", "[entry.5]", "[entry.05]", "entry.05: write '5', lower case without leading zeros"),
    case(
        "entry-no-leaf", "[entry.5]", "[entry.zz]",
        "entry.zz: 'zz' is not a leaf; write hex as in '7.0' or '80000008'",
    ),
    case(
        "lacks-what-all-have", "[entry.80000008]", "[entry.80000009]",
        "entry: lacks '80000008', which every module has",
    ),
    case(
        "string-for-number", "max_vcpus = 576", 'max_vcpus = "576"',
        "td_params.max_vcpus: expected a whole number, found a string",
    ),
    case(
        "number-out-of-bounds", "max_vcpus = 576", "max_vcpus = -1",
        "td_params.max_vcpus: expected a number from 1 to 65535, found -1",
    ),
    case(
        "number-for-true", "states_maxpa = true", "states_maxpa = 1",
        "states_maxpa: expected true or false, found a whole number",
    ),
    case(
        "tsc-bounds", "tsc_frequency = [4, 400]", "tsc_frequency = [400, 4]",
        "td_params.tsc_frequency: expected two whole numbers, the lowest and the highest",
    ),
    case(
        "hex-without-0x", 'fixed0 = "0xf000c000"', 'fixed0 = "f000c000"',
        "entry.1.eax.fixed0: 'f000c000' is not a hex number; write 0x and hex digits",
    ),
    case(
        "hex-with-blank", 'fixed0 = "0xf000c000"', 'fixed0 = "0xf000c000 "',
        "entry.1.eax.fixed0: '0xf000c000 ' is not a hex number; write 0x and hex digits",
    ),
    case(
        "hex-as-number", 'fixed0 = "0xf000c000"', "fixed0 = 0xf000c000",
        "entry.1.eax.fixed0: expected a string, found a whole number",
    ),
    case(
        "hex-too-wide", 'fixed0 = "0xf000c000"', 'fixed0 = "0x1f000c000"',
        "entry.1.eax.fixed0: '0x1f000c000' does not fit into 32 bits",
    ),
    case(
        "unknown-condition", 'needs = ["XFAM.AVX"]', 'needs = ["XFAM.AVY"]',
        "gate[0].needs[0]: 'XFAM.AVY' names no bit of XFAM",
    ),
    case(
        "condition-of-the-platform", 'needs = ["XFAM.AVX"]', 'needs = ["platform.TDX_IO"]',
        "gate[0].needs[0]: 'platform.TDX_IO' is no condition for this; "
        "write it as XFAM.<name> or ATTRIBUTES.<name> or 7.1.eax.8",
    ),
    case(
        "unknown-fact", 'when = "native.7.2.edx.3"', 'when = "platform.TDX_OI"',
        "msr_check[4].when: 'platform.TDX_OI' is no fact of a platform; known are TDX_IO, SEAMGETKEY",
    ),
    case(
        "attribute-needs-xfam", '"native.7.1.eax.6"', '"XFAM.AVX"',
        "attributes.needs.LASS: 'XFAM.AVX' is no condition for this; write it as native.7.1.eax.6 or platform.TDX_IO",
    ),
    case(
        "exit-needs-xfam", '["TD_CTLS.ENUM_TOPOLOGY"]', '["XFAM.AVX"]',
        "exit.needs.b[0]: 'XFAM.AVX' is no condition for this; write it as TD_CTLS.<name> or 7.1.eax.8",
    ),
    case(
        "unknown-attribute", 'LASS = "native', 'LAZZ = "native',
        "attributes.needs.LAZZ: 'LAZZ' is unknown; did you mean LASS?",
    ),
    case(
        "unknown-component", 'together = ["AVX512"', 'together = ["AVX513"',
        "xfam.together[0]: 'AVX513' is unknown; did you mean AVX512, AVX?",
    ),
    case(
        "unknown-computed-function", 'by = "xfd"', 'by = "xfx"',
        "computed[2].by: 'xfx' is none of family_model_stepping, xsave_area_size, xfd, tsc_frequency, linear_width, "
        "physical_width, guest_physi...",
    ),
    case(
        "unknown-dynamic-function", 'by = "cr4_pke"', 'by = "cr4_pkx"',
        "dynamic[2].by: 'cr4_pkx' is none of vcpu_index, apic_id, x2apic_id, cr4_osxsave, cr4_pke, long_mode, "
        "xsave_size, xsaves_size",
    ),
    case(
        "unknown-platform-check", 'by = "tsc_ratio"', 'by = "tsc_rato"',
        "platform_check[4].by: 'tsc_rato' is unknown; did you mean tsc_ratio?",
    ),
    case("evidence", 'evidence = "run"', 'evidence = "ran"', "evidence: 'ran' is none of run, read, partial"),
    case(
        "configurable-not-in-list", '"1c", "80000008"', '"80000008"',
        "cpuid_config: entry '1c' has configurable bits but is not in this list",
    ),
    case("twice-in-list", '"1c", "80000008"', '"1c", "1c", "80000008"', "cpuid_config: an entry stands here twice"),
    case(
        "dynamic-without-statement", 'fields = ["1.ecx.27"]', "fields = []",
        "entry.1.ecx.dynamic: bits 0x08000000 are in no [[dynamic]] statement",
    ),
    case(
        "dynamic-not-in-entry", 'fields = ["1.ecx.27"]', 'fields = ["1.ecx.27", "1.ecx.26"]',
        "dynamic[1].fields: 1.ecx.26 has bits that its entry doesn't call dynamic",
    ),
    case(
        "dynamic-twice", 'fields = ["7.0.ecx.4"]', 'fields = ["7.0.ecx.4", "1.ecx.27"]',
        "dynamic[2].fields: 1.ecx.27 has bits of 1.ecx.27, of which an earlier statement speaks",
    ),
    case(
        "computed-twice", 'field = "d.1.eax.4"', 'field = "1.eax[3:0]"',
        "computed[2].field: 1.eax[3:0] has bits of 1.eax, of which an earlier statement speaks",
    ),
    case(
        "topology-of-two", 'derived = ["b.0", "b.1", "b.2"]', 'derived = ["b.0", "b.1"]',
        "topology.derived: expected three sub-leaves",
    ),
    case(
        "topology-of-none", 'configured = ["1f.0", "1f.1", "1f.2", "1f.3", "1f.4", "1f.5"]', "configured = []",
        "topology.configured: expected a sub-leaf at least",
    ),
    case(
        "msr-key", '"0x345" = "0x3000"', '345 = "0x3000"',
        "msr_defaults.345: '345' is not a hex number; write 0x and hex digits",
    ),
    case(
        "lines-in-version", 'version = "1.5.06"', 'version = "1.5\\n06"',
        "version: expected one line of text without control characters",
    ),
    case(
        "control-character-in-key", "version =", '"a\\u001b[2J\\nb" = 1\nversion =',
        '"a\\x1b[2J\\nb": is not a key of this table',
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), MODULE_CASES)
def test_module_file(old: str, new: str, expected: str) -> None:
    error = module_error(changed(MODULE, (old, new)))
    start, cut, _ = expected.partition("...")
    assert error.startswith(f"m.toml: {start}") if cut else error == f"m.toml: {expected}"


def test_module_file_with_an_unknown_guest_control() -> None:
    error = module_error(changed(GUEST_BITS_MODULE, ('control = "EST"', 'control = "EXT"')))
    assert error == "m.toml: guest_bits.\"1.ecx.7\".control: 'EXT' is unknown; did you mean EST?"


@pytest.mark.parametrize(("text", "expected"), [
    case("empty", "", "entry: is missing; expected a table"),
    case("only-a-comment", "# nothing\n", "entry: is missing; expected a table"),
    case("nul-bytes", "\0\0\0", "is not TOML: Invalid statement (at line 1, column 1)"),
    case("deep-arrays", "a = " + "[" * 100_000, "is not TOML that can be used: it is nested too deeply"),
    case("deep-tables", "a = " + "{b = " * 100_000, "is not TOML that can be used: it is nested too deeply"),
    case("huge-number", "a = " + "9" * 5_000, "is not TOML that can be used: it has a number of thousands of digits"),
    case("same-key-twice", "a = 1\na = 2\n", "is not TOML: Cannot overwrite a value (at line 2, column 6)"),
])
def test_module_text(text: str, expected: str) -> None:
    assert module_error(text) == f"m.toml: {expected}"


@pytest.mark.parametrize(("data", "expected"), [
    pytest.param(b"\xff\xfe[\0x\0]\0", ": byte 0: is not UTF-8 text", id="utf-16"),
    pytest.param(b"version = '\xe9'", ": byte 11: is not UTF-8 text", id="latin-1"),
    pytest.param(b"#" * (5 << 20), ": is larger than 4 MiB; that is no file of this kind", id="5-mib"),
    pytest.param(b"\x7fELF\x02\x01\x01\0\0", ": is not TOML: Invalid statement (at line 1, column 1)", id="binary"),
])
@pytest.mark.parametrize("load", [module_file.load, platform_file.load, model_file.load])
def test_bytes_of_any_file(load: Callable[[Path], object], data: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        load(path)
    assert str(caught.value) == f"{path}{expected}"


@pytest.mark.parametrize("load", [module_file.load, platform_file.load, model_file.load])
def test_what_is_no_file(load: Callable[[Path], object], tmp_path: Path) -> None:
    assert error_of(lambda: load(tmp_path)) == f"{tmp_path}: can't be read: Is a directory"
    missing = tmp_path / "gone.toml"
    assert error_of(lambda: load(missing)) == f"{missing}: can't be read: No such file or directory"
    assert error_of(lambda: load(Path("a\0b"))) == "a\\x00b: can't be read: that is no name of a file"


def test_a_file_of_the_greatest_size_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"#" * MAX_FILE_SIZE)
    assert error_of(lambda: module_file.load(path)) == f"{path}: entry: is missing; expected a table"


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xef\xbb\xbf" + MODULE.read_bytes())
    assert module_file.load(path) == library.module("1.5.06")


def test_long_keys_and_values_are_cut() -> None:
    error = module_error(changed(MODULE, ("version =", f'{"k" * 5_000} = 1\nversion =')))
    assert error.startswith("m.toml: kkkk")
    assert error.endswith("kkk: is not a key of this table")
    error = module_error(changed(MODULE, ('evidence = "run"', f'evidence = "{"x" * 5_000}"')))
    assert error.startswith("m.toml: evidence: 'xxx")
    assert error.endswith("is none of run, read, partial")


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


# -- JSONL requests --

QUAD = "00000000000000000000000000000012"


def request(**keys: Any) -> str:
    return json.dumps({"id": 7, "module": "1.5.06", **keys})


def probe(**keys: Any) -> str:
    return request(platform="granite-rapids", exit=[{"leaf": "1"}, keys])


REQUESTS = [
    case(
        "no-json", "{",
        "the line is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    ),
    case("two-objects", "{} {}", "the line is not JSON: Extra data: line 1 column 4 (char 3)"),
    case("nan", '{"id": NaN}', "the line is not JSON: NaN is none of its numbers"),
    case("deep-lists", "[" * 100_000, "the line is not JSON: it is nested too deeply"),
    case("deep-id", f'{{"id": {"[" * 100_000}', "the line is not JSON: it is nested too deeply"),
    case("huge-line", '"' + "x" * protocol.MAX_LINE + '"', "the line is longer than 4 MiB"),
    case("list", "[]", "request: expected an object, found a list"),
    case("number", "12", "request: expected an object, found a number"),
    case("null", "null", "request: expected an object, found null"),
    case("no-module", '{"id": 7}', "module: is missing; expected a string"),
    case("module-as-number", '{"id": 7, "module": 1.5}', "module: expected a string, found a number"),
    case(
        "unknown-module", '{"id": 7, "module": "9.9"}',
        "there is no module '9.9'; known are 1.5.01, 1.5.05, 1.5.06, 1.5.08, 1.5.16, 1.5.28, 1.5.34, 2.0.08, 2.0.18, "
        "or give a file",
    ),
    case(
        "module-of-no-file", '{"id": 7, "module": "gone/m.toml"}',
        "gone/m.toml: can't be read: No such file or directory",
    ),
    case(
        "module-of-no-name", '{"id": 7, "module": "\\ud800\\u0000.toml"}',
        "\\ud800\\x00.toml: can't be read: that is no name of a file",
    ),
    case(
        "unknown-platform", request(platform="nehalem"),
        "there is no platform 'nehalem'; known are emerald-rapids, granite-rapids, sapphire-rapids, or give a file",
    ),
    case("native-as-list", request(native=[]), "native: expected an object, found a list"),
    case(
        "short-quad", request(native={"cpuid": {"7.0": "12"}}),
        "native.cpuid.7.0: '12': expected 32 hex digits (EAX EBX ECX EDX)",
    ),
    case(
        "quad-with-0x", request(native={"cpuid": {"0": "0x" + QUAD[2:]}}),
        "native.cpuid.0: '0x000000000000000000000000000012': expected 32 hex digits (EAX EBX ECX EDX)",
    ),
    case(
        "quad-as-list", request(native={"cpuid": {"0": [1, 2, 3, 4]}}),
        "native.cpuid.0: [1, 2, 3, 4]: expected 32 hex digits (EAX EBX ECX EDX)",
    ),
    case(
        "no-leaf", request(native={"cpuid": {"07h": QUAD}}),
        "native.cpuid.07h: '07h' is not a leaf; write hex as in '7.0' or '80000008'",
    ),
    case(
        "msr-as-number", request(native={"msr": {"345": 1}}),
        "native.msr.345: 1: expected a hex string of at most 64 bits",
    ),
    case(
        "socket-too-wide", request(native={"sockets": ["a06d1", "1000a06d1"]}),
        "native.sockets[1]: '1000a06d1': expected a hex string of at most 32 bits",
    ),
    case("config-without-slot", request(config={"6": QUAD}), "config.6: has no slot in CPUID_CONFIG of module 1.5.06"),
    case("config-quad", request(config={"1": "1"}), "config.1: '1': expected 32 hex digits (EAX EBX ECX EDX)"),
    case(
        "attributes-too-wide", request(attributes="1" + "0" * 16),
        "attributes: '10000000000000000': expected a hex string of at most 64 bits",
    ),
    case("attributes-as-number", request(attributes=1), "attributes: 1: expected a hex string of at most 64 bits"),
    case("negative", request(xfam="-1"), "xfam: '-1': expected a hex string of at most 64 bits"),
    case("underscore", request(xfam="1_0"), "xfam: '1_0': expected a hex string of at most 64 bits"),
    case("no-digits", request(xfam="0x"), "xfam: '0x': expected a hex string of at most 64 bits"),
    case(
        "vcpus-too-many", request(params={"max_vcpus": "10000"}),
        "params.max_vcpus: '10000': expected a hex string of at most 16 bits",
    ),
    case("lp-native-as-text", request(lp_native="x"), "lp_native: expected an object, found a string"),
    case("exit-no-list", request(exit={}), "exit: expected a list, found an object"),
    case("probe-no-object", request(exit=["1"]), "exit[0]: expected an object, found a string"),
    case("probe-without-leaf", probe(subleaf="1"), "exit[1].leaf: is missing; expected a hex string"),
    case(
        "probe-leaf-too-wide", probe(leaf="100000000"),
        "exit[1].leaf: '100000000': expected a hex string of at most 32 bits",
    ),
    case("probe-cpl", probe(leaf="1", cpl=4), "exit[1].cpl: 4: expected a number from 0 to 3"),
    case("probe-flag", probe(leaf="1", sup_ve="1"), "exit[1].sup_ve: '1': expected a number from 0 to 1"),
]


@pytest.mark.parametrize(("line", "expected"), REQUESTS)
def test_request(line: str, expected: str) -> None:
    good = request(platform="granite-rapids").encode()
    broken, after = protocol.stream([line.encode(), b"\n", good], protocol.answer_guest)
    assert broken["error"] == expected
    assert len(expected) <= WIDEST
    assert broken["error"].isprintable()
    assert broken["id"] == (7 if '"id": 7' in line else None)
    assert "error" not in after


def test_a_request_that_is_not_utf_8() -> None:
    (answer,) = protocol.stream([b'{"id": "\xff"}'], protocol.answer_resolve)
    assert answer["error"].startswith("the line is not JSON: 'utf-8' codec can't decode byte 0xff")


@pytest.mark.parametrize("answer", [protocol.answer_resolve, protocol.answer_guest])
@given(value=st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
), key=st.sampled_from([
    "module", "platform", "native", "lp_native", "attributes", "xfam", "config", "params", "exit",
]), inner=st.sampled_from(["", "cpuid", "msr", "sockets", "arch_cap", "max_vcpus", "7.0"]))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_value_of_any_key_is_too_much(answer: Callable[[Any], Any], value: Any, key: str, inner: str) -> None:
    reply = answer({"id": 1, "module": "1.5.06", key: {inner: value} if inner else value})
    assert reply["id"] == 1
    assert ("error" in reply) != ("status" in reply)
    if "error" in reply:
        assert reply["error"].isprintable()


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
