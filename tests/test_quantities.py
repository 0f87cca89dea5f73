"""What several fields say together: family, model and stepping, caches, frequencies, texts; read and written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdxtui import catalog
from tdxtui.cpuid import Leaf, pack
from tdxtui.words import Quantity, decode, parse_wish, quantities, quantity
from tests.worded import entries, field_of, native, read, write


@pytest.mark.parametrize(("eax", "words"), [
    (0x000806F8, "6/143/8"),
    (0x000A06D1, "6/173/1"),
    (0x00000F29, "15/2/9"),
    (0x00A20F12, "25/33/2"),
    (0x00000543, "5/4/3"),
])
def test_family_model_and_stepping_follow_the_extended_rules(eax: int, words: str) -> None:
    packed = pack(eax, 0, 0, 0)
    assert read("family_model_stepping", packed) == words
    assert "/".join([read("family", packed), read("model", packed), decode(field_of("stepping"), eax & 15)]) == words
    back = 0
    for field, value in parse_wish("family_model_stepping", words):
        back = field.put(back, value)
    assert back == packed


@given(st.integers(0, 270), st.integers(0, 255), st.integers(0, 15))
def test_a_family_model_and_stepping_that_is_taken_reads_the_same(family: int, model: int, stepping: int) -> None:
    text = f"{family}/{model}/{stepping}"
    found = quantity("family_model_stepping")
    assert found is not None
    try:
        values = dict(found.write(text))
    except ValueError:
        assert model > 15 and family not in (6, *range(15, 271))
    else:
        assert found.read(values) == text


@pytest.mark.parametrize("text", [
    "6/143", "6/143/16", "271/0/0", "6/256/0", "5/16/0", "6-143-8", "", "6/143/8/1", "٦/1/1",
])
def test_other_families_models_and_steppings_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as '6/143/8'"):
        parse_wish("family_model_stepping", text)


def test_vendor_and_brand_are_read_and_written() -> None:
    assert read("vendor", native("0")) == "GenuineIntel"
    assert read("tdx_vendor", pack(0, 0x65746E49, 0x20202020, 0x5844546C)) == "IntelTDX"
    assert write("tdx_vendor", "IntelTDX")["tdx_vendorid_2"] == 0x20202020
    brand = quantity("brand")
    assert brand is not None
    values = {field: field.get(native(field.leaf.key)) for field in brand.fields}
    assert brand.read(values) == "Intel(R) Xeon(R) w7-2475X"
    assert dict(brand.write("Intel(R) Xeon(R) w7-2475X")) == values


def test_a_brand_is_read_of_the_leaves_that_there_are() -> None:
    brand = quantity("brand")
    assert brand is not None
    first = {field: field.get(native("80000002")) for field in brand.fields[:4]}
    assert brand.read(first) == "Intel(R) Xeon(R)"


def test_a_model_alone_is_read_as_it_was_wished() -> None:
    found = quantity("model")
    assert found is not None
    assert found.read(dict(parse_wish("model", 143))) == "143"


def test_other_quantities_need_all_their_fields() -> None:
    found = quantity("family")
    assert found is not None
    with pytest.raises(ValueError, match="'family' can't be read without base_family"):
        found.read({})


@pytest.mark.parametrize(("key", "words"), [
    ("4.0.cache", "L1 data, 48 KiB, 12 ways, 64 sets, 64-byte lines"),
    ("4.1.cache", "L1 instruction, 32 KiB, 8 ways, 64 sets, 64-byte lines"),
    ("4.2.cache_size", "2 MiB"),
    ("4.3.cache", "L3 unified, 37.5 MiB, 15 ways, 40,960 sets, 64-byte lines"),
    ("4.4.cache", "no cache"),
    ("15.tsc_frequency", "2,592 MHz (216/2 of 24 MHz)"),
    ("16.frequencies", "base 2,600 MHz, at most 4,800 MHz, bus 100 MHz"),
    ("d.0.xsave_area", "11,008 bytes now, 11,008 bytes at most"),
    ("d.2.xsave_component", "256 bytes at offset 576"),
    ("d.b.xsave_component", "16 bytes, supervisor"),
    ("d.3.xsave_component", ""),
    ("b.0.topology_level", "SMT level, shift 1, 2 logical processors"),
    ("1f.1.topology2_level", "core level, shift 7, 40 logical processors"),
    ("1f.2.topology2_level", "no level"),
    ("18.7.tlb", "L2 unified TLB, 4K/2M/4M pages, 1,024 entries, 8 ways, 128 sets"),
    ("18.3.tlb", "L1 store-only TLB, 4K/2M/4M/1G pages, 16 entries, fully associative, 1 set"),
    ("a.perfmon", "version 5, 8 counters of 48 bits, 4 fixed of 48 bits, 8 events"),
    ("14.1.processor_trace_ranges", "2 address ranges, MTC 0/3/6/9, PSB 2K/4K/8K/16K/32K/64K, CYC 0/1/2/4/8/16"),
    ("address_widths", "52-bit physical, 57-bit linear"),
])
def test_a_quantity_reads_the_real_cpu(key: str, words: str) -> None:
    found = quantity(key)
    assert found is not None
    assert read(key, native(found.fields[0].leaf.key)) == words


def test_a_tds_leaf_15_reads_as_its_frequency() -> None:
    assert read("tsc_frequency", pack(1, 104, 25_000_000, 0)) == "2,600 MHz (104/1 of 25 MHz)"
    assert write("tsc_frequency", "2.6 GHz") == {
        "tsc_denominator": 1, "tsc_numerator": 104, "cpu_crystal_hz": 25_000_000,
    }


@given(st.integers(1, 1 << 16), st.integers(1, 1 << 16), st.integers(1, 0xFFFFFFFF))
def test_a_tsc_frequency_with_its_ratio_reads_back(numerator: int, denominator: int, crystal: int) -> None:
    found = quantity("tsc_frequency")
    assert found is not None
    values = dict(zip(found.fields, (denominator, numerator, crystal), strict=True))
    assert dict(found.write(found.read(values))) == values


@pytest.mark.parametrize("text", [
    "2592 MHz", "2600 MHz (100/1 of 25 MHz)", "fast", "0 MHz", "1 MHz (1/0 of 25 MHz)", "(1/1 of 1)",
])
def test_a_tsc_frequency_that_leaf_15_would_not_give_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="'tsc_frequency' is a multiple of 25 MHz"):
        write("tsc_frequency", text)


@given(st.integers(1, 1024), st.integers(1, 16), st.integers(1, 4096), st.integers(1, 1 << 20), st.integers(1, 3))
def test_a_caches_words_give_its_fields_back(ways: int, partitions: int, line: int, sets: int, kind: int) -> None:
    found = quantity("4.2.cache")
    assert found is not None
    by_name = {"nways": ways - 1, "npartitions": partitions - 1, "linesize": line - 1, "nsets": sets - 1}
    values = {field: {"level": 2, "type": kind, **by_name}[name] for name, field in found.parts}
    assert dict(found.write(found.read(values))) == values


@pytest.mark.parametrize(("text", "sets", "ways"), [
    ("48 KiB, 12 ways, 64-byte lines", 64, 12),
    ("48 KiB, 64 sets, 64-byte lines", 64, 12),
    ("12 ways, 64 sets, 64-byte lines", 64, 12),
    ("96 KiB, 12-way, 64-byte lines, 2 partitions", 64, 12),
])
def test_a_cache_size_and_all_but_one_factor_give_the_last(text: str, sets: int, ways: int) -> None:
    values = {field.key: value for field, value in parse_wish("4.2.cache_size", text)}
    assert values["4.2.ecx"] == sets - 1
    assert values["4.2.ebx[31:22]"] == ways - 1


@pytest.mark.parametrize("text", [
    "48 KiB", "48 KiB, 12 ways", "48 KiB, 12 ways, 65-byte lines", "48 KiB, 12 ways, 64 sets, 32-byte lines", "big",
    "48 KiB, 0 ways, 64-byte lines", "48 KiB, 12 ways, 12 ways, 64-byte lines",
])
def test_a_cache_size_that_leaves_a_factor_open_or_contradicts_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a size and all but one of ways, sets and line size, which agree"):
        parse_wish("4.2.cache_size", text)


def test_a_factor_that_its_field_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="nways would be 1,024, which its field can't hold"):
        parse_wish("4.2.cache_size", "1025 ways, 1 sets, 64-byte lines")


def test_no_quantity_is_called_like_a_field() -> None:
    for found in every_quantity():
        with pytest.raises(ValueError):
            catalog.find(found.name)


def every_quantity() -> list[Quantity]:
    leaves = [Leaf(leaf.leaf, subleaf) for leaf in entries() for subleaf in (leaf.subleaf, 0, 1, 2)]
    return [found for leaf in dict.fromkeys(leaves) for found in quantities(leaf)]


@given(st.sampled_from(every_quantity()), st.data())
def test_a_quantity_reads_any_values_in_printable_words(found: Quantity, data: st.DataObject) -> None:
    values = {field: data.draw(st.integers(0, (1 << field.width) - 1)) for field in found.fields}
    assert found.read(values).isprintable()


@given(st.sampled_from(every_quantity()), st.text() | st.integers().map(str))
def test_a_quantity_takes_only_what_fits(found: Quantity, text: str) -> None:
    try:
        assert all(0 <= value < 1 << field.width for field, value in found.write(text))
    except ValueError as error:
        assert str(error).isprintable()
