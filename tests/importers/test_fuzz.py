"""Fuzzing: whatever becomes of a file, an importer hands back something or raises its own error of one line.

Every registered format takes part that has a writer in `samples` (each importer's tests add theirs), and every real
sample where the shared folder is there. TDXTUI_THOROUGH=1 runs 100,000 mutations of each format.
"""

from __future__ import annotations

import os
import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tdxtui import importers
from tdxtui.importers import registry

from . import samples

THOROUGH = os.environ.get("TDXTUI_THOROUGH") == "1"
MUTATIONS = 100_000 if THOROUGH else 300
OF_TABLES = MUTATIONS if THOROUGH else 60  # each makes a whole module
EXAMPLES = 2_000 if THOROUGH else 40
SLOWEST = 1.0
WORDS = (
    b"\0", b"\xff" * 8, b"0x", b"0xffffffffffffffff", b"-1", b"99999999999", b"\n", b"\r\n", b"[SL 00]", b"CPU 0:\n",
    b"null", b"{}", b"[]", b"{", b"]", b'"', b"'", b"<", b"/>", b"&amp;", b"&x;", b"<!DOCTYPE a>", b"<!--", b"Fixed",
    b"Configured & Native", b"XFAM &", b"Leaf 0x7", b"\xc3\x28", b"eax", b",", b"=", b" " * 50,
)
# A big table would make 100,000 runs take hours; a part of it has every kind of field.
SMALL = {"intel-json": 12_000, "intel-csv": 6_000}


def small(name: str) -> bytes:
    """A format's file, or as much of it as is cheap to import 100,000 times."""
    data = samples.WRITERS[name]()
    if name == "intel-json":
        return data[: data.rindex(b', {"Leaf"', 0, SMALL[name])] + b"]"
    return data[: data.rindex(b"\n", 0, SMALL[name]) + 1] if name in SMALL else data


def mutated(data: bytes, dice: random.Random) -> bytes:
    """A file with some bytes flipped, cut out, doubled, moved, or replaced by what parsers may trip over."""
    out = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        at = dice.randrange(len(out) + 1)
        length = min(dice.choice((1, 1, 2, 4, 8, 40, 400)), len(out) - at)
        match dice.randrange(7):
            case 0 if at < len(out):
                out[at] ^= 1 << dice.randrange(8)
            case 1:
                del out[at : at + length]
            case 2:
                out[at:at] = out[at : at + length]
            case 3:
                out[at:at] = dice.choice(WORDS)
            case 4:
                out[at : at + length] = dice.choice(WORDS)
            case 5:
                del out[at:]
            case _:
                out[at : at + length] = dice.randbytes(length)
    return bytes(out)


def survives(data: bytes, format: str | None) -> None:
    """Import, and demand of an error that it is the importers' own, of one line, and not too long."""
    begin = time.process_time()
    try:
        importers.read(data, "sample", format)
    except importers.ImportFailed as error:
        text = str(error)
        assert text.isprintable() and text.startswith("sample: ") and len(text) < 340
    assert time.process_time() - begin < SLOWEST


@pytest.mark.parametrize("name", samples.WRITERS)
def test_mutated_files_are_read_or_refused(name: str) -> None:
    data, dice = small(name), random.Random(name)
    for number in range(OF_TABLES if name in SMALL else MUTATIONS):
        survives(mutated(data, dice), name if number % 4 else None)


@pytest.mark.skipif(not samples.DUMPS, reason="the shared samples are not there")
def test_mutated_real_samples_are_read_or_refused() -> None:
    paths = [path for path in sorted((samples.SHARED / "samples").rglob("*.*")) if path.stat().st_size < 50_000]
    heads = [path.read_bytes() for path in paths] + [path.read_bytes()[:12_000] for path in samples.DUMPS]
    dice = random.Random(1)
    for _ in range(MUTATIONS):
        survives(mutated(dice.choice(heads), dice), None)


@pytest.mark.parametrize("name", registry.names())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode),
                      st.lists(st.sampled_from(WORDS), max_size=30).map(b"".join)))
def test_any_bytes_are_read_or_refused(name: str, data: bytes) -> None:
    survives(data, name)
    survives(data, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(("", "0x1", "7.0", "Fixed", "EAX")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(("Leaf", "EAX", "MSB", "LSB", "Virtualization Type", "Virtualization Details", "cpuid", "msr",
                         "7.0", "leaf", "subleaf", "eax", "guest_cpu_config", "cpuid_modifiers", "modifiers", "Header",
                         "register", "bitmap", "flags", "msr_modifiers", "addr")), inner, max_size=5),
    max_leaves=20,
)


@pytest.mark.parametrize("name", [name for name in registry.names() if "json" in name or "fingerprint" in name])
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=JSON)
def test_json_of_any_shape_is_read_or_refused(name: str, value: object) -> None:
    import json

    survives(json.dumps(value).encode(), name)


def test_every_format_has_a_writer_to_be_mutated() -> None:
    assert set(registry.names()) == set(samples.WRITERS)
