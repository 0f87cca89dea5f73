"""Wishes of model files in words: keys and values that give the same bits back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdxtui import catalog, library
from tdxtui.cpuid import ALL_ONES, Field, Leaf, pack
from tdxtui.words import parse_wish, written
from tdxtui.words.names import canonical, key_of
from tests.worded import PACKED, entries, field_of, native


@given(st.sampled_from(entries()), PACKED, PACKED)
def test_what_is_written_is_parsed_to_the_same_bits(leaf: Leaf, value: int, mask: int) -> None:
    check_wishes(leaf, value, mask | Field.parse(f"{leaf.key}.eax").mask)
    check_wishes(leaf, value, mask)


@pytest.mark.parametrize("leaf", entries(), ids=str)
@pytest.mark.parametrize("value", [0, ALL_ONES, 0x12345678_9ABCDEF0_0F1E2D3C_4B5A6978])
def test_all_fields_of_an_entry_are_written_and_parsed(leaf: Leaf, value: int) -> None:
    check_wishes(leaf, value, ALL_ONES)
    wide = [named.field for named in catalog.fields_of(leaf) if not named.field.is_bit]
    assert written(leaf, value, ALL_ONES)[1] == ALL_ONES & ~sum(field.mask for field in wide)


def check_wishes(leaf: Leaf, value: int, mask: int) -> None:
    wishes, rest = written(leaf, value, mask)
    bits = covered = 0
    for key, words in wishes.items():
        for field, wish in parse_wish(key, words):
            assert field.leaf == leaf
            assert covered & field.mask == 0
            bits, covered = field.put(bits, wish), covered | field.mask
    assert covered == mask & ~rest and rest & ~mask == 0
    assert bits == value & covered


@pytest.mark.parametrize("name", ["sapphire-rapids", "emerald-rapids", "granite-rapids"])
def test_a_real_cpus_values_are_written_and_parsed(name: str) -> None:
    for leaf, value in library.platform(name).cpuid.items():
        if canonical(leaf) == leaf:
            check_wishes(leaf, value, ALL_ONES)


def test_wishes_are_ints_where_a_plain_number_is_shown_and_keys_are_short() -> None:
    assert written(Leaf(1), native("1"), ALL_ONES)[0] == {
        "family_model_stepping": "6/143/8",
        "local_apic_id": 0,
        "n_logical_cpu": 128,
        "clflush_size": "64 bytes",
        "brand_id": 0,
    }
    assert written(Leaf(4, 0), native("4.0"), ALL_ONES)[0] == {
        "4.0.num_cores_on_die": 64,
        "4.0.num_threads_sharing": 2,
        "4.0.cache_level": 1,
        "4.0.cache_type": "data",
        "4.0.cache_nways": 12,
        "4.0.cache_npartitions": 1,
        "4.0.cache_linesize": "64 bytes",
        "4.0.cache_nsets": 64,
    }


def test_the_bits_of_no_whole_field_are_left_over() -> None:
    mask = Field.parse("1.ebx[23:16]").mask | Field.parse("1.ebx[15:9]").mask | Field.parse("1.ecx.0").mask
    wishes, rest = written(Leaf(1), 0, mask)
    assert wishes == {"n_logical_cpu": 0}
    assert rest == mask & ~Field.parse("1.ebx[23:16]").mask


def test_a_family_that_does_not_reproduce_is_written_by_its_fields() -> None:
    hidden = pack(0x00010503, 0, 0, 0)  # family 5 shows no extended model
    wishes, _ = written(Leaf(1), hidden, Field.parse("1.eax").mask)
    assert wishes == {
        "ext_family": 0, "ext_model": 1, "cpu_type": "original", "base_family": 5, "base_model": 0, "stepping": 3,
    }
    part, _ = written(Leaf(1), native("1"), Field.parse("1.eax[11:0]").mask)
    assert part == {"base_family": 6, "base_model": 15, "stepping": 8}


def test_keys_may_be_names_or_come_after_their_leaf() -> None:
    expected = ((Field.parse("1.ebx[23:16]"), 8),)
    assert parse_wish("n_logical_cpu", 8) == parse_wish("1.N_Logical_CPU", "8") == expected
    assert parse_wish("1f.1.topo2_type", "core") == ((Field.parse("1f.1.ecx[15:8]"), 2),)
    assert parse_wish("80000008.phys_addr_bits", "52 bits") == ((Field.parse("80000008.eax[7:0]"), 52),)
    assert parse_wish("1.family_model_stepping", "6/143/8") == parse_wish("family_model_stepping", "6/143/8")
    assert parse_wish("avx512f", True) == ((Field.parse("7.0.ebx.16"), 1),)


def test_fields_have_the_leaf_as_modules_write_it() -> None:
    assert parse_wish("1.0.n_logical_cpu", 8)[0][0].leaf == Leaf(1)
    assert parse_wish("7.leaf7_n_subleaves", 2)[0][0].leaf == Leaf(7, 0)
    assert parse_wish("tdx_vendor", "IntelTDX")[0][0].leaf == Leaf(0x21, 0)
    assert parse_wish("7f.0.eax", 1)[0][0].leaf == Leaf(0x7F, 0)


def test_module_entries_are_written_as_wishes_have_them() -> None:
    for name in library.files("modules"):
        for leaf in library.module(name).by_leaf:
            fields = [named.field for named in catalog.fields_of(leaf)]
            assert all(field_of(key_of(field)).leaf == leaf for field in fields)


@pytest.mark.parametrize(("key", "value", "message"), [
    ("cache_nways", 12, "'cache_nways' is in several sub-leaves; name one, as in '4.0.cache_nways'"),
    ("4.cache_nways", 12, "'4.cache_nways' is in several sub-leaves; name one, as in '4.0.cache_nways'"),
    ("cache_size", "2 MiB", "'cache_size' is in several sub-leaves; name one, as in '4.0.cache_size'"),
    ("n_logical_cpus", 8, "no CPUID field is called 'n_logical_cpus'; did you mean n_logical_cpu"),
    ("5.n_logical_cpu", 8, "no CPUID field is called '5.n_logical_cpu'"),
    ("4.0.cache_type", "victim", "'cache_type' is one of none, data, instruction, unified"),
    ("tsc_frequency", "2600 MHz", "write tsc_mhz in [td]"),
    ("1f.1.topology2_level", "core", "can be read, not written; set its fields one by one"),
    ("family", "271", "'family' is a decimal number from 0 to 270"),
    ("vendor", "GenuineIntel!", "'vendor' is at most 12 printable ASCII characters"),
    ("", 1, "no CPUID field is called ''"),
])
def test_a_wish_that_means_nothing_is_refused_helpfully(key: str, value: int | str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_wish(key, value)
    assert message in str(caught.value)


@given(st.text(), st.text() | st.integers())
def test_any_other_key_is_refused_or_means_fields(key: str, value: int | str) -> None:
    try:
        parse_wish(key, value)
    except ValueError as error:
        assert str(error)
