"""What the screen shows of an entry's fields, and that words are quick enough for every key."""

from __future__ import annotations

import subprocess
import sys
import time

from hypothesis import given
from hypothesis import strategies as st

from tdxtui.cpuid import ALL_ONES, Field, Leaf, Register
from tdxtui.words import decode, lines, register_line
from tests.worded import PACKED, entries, field_of, native


def test_a_register_line_tells_its_fields_from_the_low_bit_up() -> None:
    assert register_line(Leaf(4, 0), Register.EAX, native("4.0"), ALL_ONES) == (
        "cache_type data · cache_level 1 · num_threads_sharing 2 · num_cores_on_die 64"
    )
    assert register_line(Leaf(7, 0), Register.EBX, native("7.0"), ALL_ONES) == ""


def test_a_field_with_an_unknown_bit_is_a_question_mark() -> None:
    known = ALL_ONES ^ Field.parse("4.0.eax.0").mask
    line = register_line(Leaf(4, 0), Register.EAX, native("4.0"), known)
    assert line.startswith("cache_type ? · cache_level 1 · ")
    assert lines(Leaf(4, 0), native("4.0"), known)[0] == line
    assert lines(Leaf(4, 0), native("4.0"), 0)[0].startswith("cache_type ? · cache_level ?")


def test_lines_tell_quantities_first_and_then_the_fields_left() -> None:
    assert lines(Leaf(1), native("1"), ALL_ONES) == [
        "family/model/stepping 6/143/8", "clflush_size 64 bytes · n_logical_cpu 128",
    ]
    assert lines(Leaf(4, 3), native("4.3"), ALL_ONES) == [
        "L3 unified, 37.5 MiB, 15 ways, 40,960 sets, 64-byte lines", "num_threads_sharing 128 · num_cores_on_die 64",
    ]
    assert lines(Leaf(0x80000008), native("80000008"), ALL_ONES) == ["52-bit physical, 57-bit linear"]
    assert lines(Leaf(7, 2), ALL_ONES, ALL_ONES) == []


@given(st.sampled_from(entries()), PACKED, PACKED | st.just(ALL_ONES))
def test_lines_are_short_and_printable_whatever_the_values(leaf: Leaf, packed: int, known: int) -> None:
    for line in lines(leaf, packed, known):
        assert 0 < len(line) <= 90
        assert line.isprintable()
    for register in Register:
        assert register_line(leaf, register, packed, known).isprintable()


def test_nothing_is_read_at_import() -> None:
    code = (
        "import builtins, io, pathlib\n"
        "def refuse(self, *args, **kwargs): raise SystemExit(f'read {self}')\n"
        "pathlib.Path.open = refuse\n"
        "import tdxtui.words\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).returncode == 0


def test_words_are_quick_enough_for_every_key_press() -> None:
    chosen = [field_of(key) for key in ("4.0.cache_type", "4.0.cache_nways", "cpu_vendorid_0", "pmu_fcounters_bitmap")]
    assert best_of(lambda: [decode(field, 5) for field in chosen]) / len(chosen) < 50e-6
    assert best_of(lambda: register_line(Leaf(4, 0), Register.EAX, native("4.0"), ALL_ONES)) < 50e-6


def best_of(work: object) -> float:
    assert callable(work)
    times = []
    for _ in range(200):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
