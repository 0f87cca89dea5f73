"""Broken module files: the answer is one line that says where and what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tdxtui import library, model_file, module_file, platform_file
from tdxtui.errors import DataError
from tdxtui.strict import MAX_FILE_SIZE
from tests.breaking import GUEST_BITS_MODULE, MODULE, case, changed, error_of, module_error

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
