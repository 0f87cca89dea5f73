"""Broken JSONL requests: the answer is one line that says where and what."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tdxtui import protocol
from tests.breaking import WIDEST, case

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
