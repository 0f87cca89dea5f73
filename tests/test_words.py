"""What multi-bit fields promise: values become words, words become the same values, and both follow the SDM."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import time
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdxtui import catalog, library
from tdxtui.cpuid import ALL_ONES, Field, Leaf, Register, pack
from tdxtui.words import (
    Quantity,
    decode,
    encode,
    lines,
    parse_wish,
    quantities,
    quantity,
    register_line,
    written,
)
from tdxtui.words.names import canonical, key_of

DATA = library.DATA / "catalog"
EXHAUSTIVE = 12
PACKED = st.integers(0, ALL_ONES)
SAPPHIRE_RAPIDS = "sapphire-rapids"


@cache
def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def multi_bit() -> dict[str, Field]:
    """Every multi-bit field of the catalogue, by name, at its lowest sub-leaf."""
    wide = [row["name"] for row in rows("fields.csv") if row["msb"] != row["lsb"]]
    return {name: catalog.find(name) for name in wide}


@cache
def entries() -> tuple[Leaf, ...]:
    """One entry, as TDX modules write it, of every leaf and sub-leaf range that has multi-bit fields."""
    return tuple(dict.fromkeys(canonical(field.leaf) for field in multi_bit().values()))


def field_of(key: str) -> Field:
    return parse_wish(key, "0x0")[0][0]


def native(key: str) -> int:
    return library.platform(SAPPHIRE_RAPIDS).cpuid.at(Leaf.parse(key))


def read(key: str, packed: int) -> str:
    found = quantity(key)
    assert found is not None
    return found.read({field: field.get(packed) for field in found.fields})


def write(key: str, text: str) -> dict[str, int]:
    found = quantity(key)
    assert found is not None
    return {catalog.name_at(field.leaf, field.register, field.lsb): value for field, value in found.write(text)}


# Simple fields


@pytest.mark.parametrize("name", multi_bit())
def test_every_value_of_a_narrow_field_and_the_ends_of_a_wide_one_survive_their_words(name: str) -> None:
    field = multi_bit()[name]
    most = 1 << field.width
    values = range(most) if field.width <= EXHAUSTIVE else [*range(256), *range(most - 256, most)]
    assert [value for value in values if encode(field, decode(field, value)) != value] == []


@given(st.sampled_from(sorted(multi_bit())), st.data())
def test_any_value_of_any_field_survives_its_words(name: str, data: st.DataObject) -> None:
    field = multi_bit()[name]
    value = data.draw(st.integers(0, (1 << field.width) - 1))
    assert encode(field, decode(field, value)) == value


CHARACTERS = re.compile("vendorid|brand_string|hypervisor_id|soc_vendor_brand|cpu_info")
TEXTS = [name for name in multi_bit() if CHARACTERS.search(name)]


@given(st.sampled_from(TEXTS), st.binary(min_size=4, max_size=4) | st.text("0xX 1aAeE\0", min_size=4, max_size=4).map(
    lambda text: text.encode()))
def test_any_four_bytes_of_a_text_survive(name: str, data: bytes) -> None:
    value = int.from_bytes(data, "little")
    words = decode(multi_bit()[name], value)
    assert words.isprintable() and words.strip()
    assert encode(multi_bit()[name], words) == value


@pytest.mark.parametrize("name", [name for name in multi_bit() if name not in TEXTS])
def test_words_may_be_written_in_any_case(name: str) -> None:
    field = multi_bit()[name]
    for value in (0, 1, (1 << field.width) - 1):
        words = decode(field, value)
        assert encode(field, words.upper()) == encode(field, words.lower()) == value


@given(st.sampled_from(sorted(multi_bit())), st.data())
def test_hex_in_a_text_is_the_value_itself(name: str, data: st.DataObject) -> None:
    field = multi_bit()[name]
    value = data.draw(st.integers(0, (1 << field.width) - 1))
    assert encode(field, f"{value:#x}") == encode(field, f" 0X{value:X} ") == value


@given(st.sampled_from(sorted(multi_bit())), st.integers() | st.text() | st.booleans())
def test_a_value_is_taken_only_if_it_fits_and_refused_in_one_line(name: str, words: int | str) -> None:
    field = multi_bit()[name]
    try:
        assert 0 <= encode(field, words) < 1 << field.width
    except ValueError as error:
        assert str(error).startswith(f"{name!r} is ")
        assert str(error).isprintable() and len(str(error)) < 400


@pytest.mark.parametrize(("key", "value", "words"), [
    ("clflush_size", 8, "64 bytes"),
    ("n_logical_cpu", 128, "128"),
    ("max_std_leaf", 0x23, "0x23"),
    ("cpu_vendorid_0", 0x756E6547, "Genu"),
    ("cpu_vendorid_2", 0, "empty"),
    ("cpu_vendorid_2", 0x80, "0x80"),
    ("4.0.cache_type", 1, "data"),
    ("4.0.cache_type", 7, "reserved (7)"),
    ("4.0.cache_nways", 11, "12"),
    ("4.0.cache_linesize", 63, "64 bytes"),
    ("4.3.cache_nsets", 0x9FFF, "40,960"),
    ("4.3.cache_nsets", 0xFFFFFFFF, "4,294,967,296"),
    ("4.0.num_cores_on_die", 63, "64"),
    ("4.0.num_threads_sharing", 0, "1"),
    ("bit_width_gp", 48, "48 bits"),
    ("pmu_fcounters_bitmap", 0xF, "0-3"),
    ("pmu_fcounters_bitmap", 0x80000205, "0, 2, 9, 31"),
    ("pmu_fcounters_bitmap", 0, "none"),
    ("b.0.topo_type", 1, "SMT"),
    ("1f.1.topo2_type", 2, "core"),
    ("1f.1.topo2_type", 6, "diegrp"),
    ("xsave_sz_max", 2696, "2,696 bytes"),
    ("10.1.cat_cbm_len", 14, "15 bits"),
    ("l3c_qm_bitwidth", 8, "32 bits"),
    ("max_enclave_sz_64", 36, "2^36 bytes"),
    ("mtc_periods_bmp", 0x0249, "0, 3, 6, 9"),
    ("psb_periods_bmp", 0x003F, "2K, 4K, 8K, 16K, 32K, 64K"),
    ("cycle_thresholds_bmp", 0x003F, "0, 1, 2, 4, 8, 16"),
    ("cpu_crystal_hz", 25_000_000, "25,000,000 Hz"),
    ("cpu_base_mhz", 2600, "2,600 MHz"),
    ("18.1.tlb_type", 5, "store-only"),
    ("core_type", 0x20, "atom"),
    ("core_type", 0x40, "core"),
    ("lbr_depth_mask", 0xB, "8, 16, 32"),
    ("l2_assoc", 8, "16 ways"),
    ("l2_assoc", 7, "see 4.2"),
    ("phys_addr_bits", 52, "52 bits"),
    ("pkg_type", 3, "3"),
    ("core_rmid_max", 159, "159"),
    ("sgx1", 1, "yes"),
])
def test_a_field_reads_as_the_sdm_means_it(key: str, value: int, words: str) -> None:
    field = field_of(key)
    assert decode(field, value) == words
    assert encode(field, words) == value


@pytest.mark.parametrize(("key", "words", "value"), [
    ("4.0.cache_nways", 12, 11),
    ("4.0.cache_nways", " 12 ", 11),
    ("4.0.cache_nways", "0xb", 11),
    ("4.0.cache_type", 1, 1),
    ("4.0.cache_type", "Reserved(9)", 9),
    ("4.3.cache_nsets", "40960", 0x9FFF),
    ("clflush_size", 64, 8),
    ("clflush_size", "1 KiB", 128),
    ("phys_addr_bits", 52, 52),
    ("phys_addr_bits", "52 BIT", 52),
    ("l2_size_kb", "2 MiB", 2048),
    ("l2_size_kb", "2MB", 2048),
    ("cpu_crystal_hz", "38.4 MHz", 38_400_000),
    ("cpu_base_mhz", "2.6GHz", 2600),
    ("l2_assoc", "8", 6),
    ("l2_assoc", 16, 8),
    ("lbr_depth_mask", "32 8,16", 0xB),
    ("pmu_fcounters_bitmap", "5, 0-3", 0x2F),
    ("max_enclave_sz_64", 36, 36),
    ("max_std_leaf", 0x23, 0x23),
    ("max_std_leaf", "35", 0x23),
    ("cpu_vendorid_0", 0x756E6547, 0x756E6547),
    ("1f.1.topo2_type", "Thread", 1),
    ("sgx1", True, 1),
    ("sgx1", "OFF", 0),
    ("sgx1", 1, 1),
])
def test_encode_takes_what_people_write(key: str, words: str | int, value: int) -> None:
    assert encode(field_of(key), words) == value


@pytest.mark.parametrize(("key", "words", "message"), [
    ("4.0.cache_type", "victim", "'cache_type' is one of none, data, instruction, unified, not 'victim'"),
    ("4.0.cache_nways", 0, "'cache_nways' is a number from 1 to 1,024, not 0"),
    ("4.0.cache_nways", 1025, "'cache_nways' is a number from 1 to 1,024, not 1025"),
    ("4.0.cache_nways", True, "'cache_nways' is a number from 1 to 1,024, not True"),
    ("clflush_size", 63, "'clflush_size' is a number of bytes from 0 to 2,040 in steps of 8, not 63"),
    ("clflush_size", "64 bits", "'clflush_size' is a number of bytes from 0 to 2,040 in steps of 8, not '64 bits'"),
    ("phys_addr_bits", "0x100", "'phys_addr_bits' is a number of bits from 0 to 255, not '0x100'"),
    ("cpu_vendorid_0", "Genuine", "'cpu_vendorid_0' is at most 4 printable characters, not 'Genuine'"),
    ("sgx1", "maybe", "'sgx1' is yes or no, not 'maybe'"),
    ("pkg_type", 16, "'pkg_type' is a number from 0 to 0xf, not 16"),
])
def test_a_refusal_says_what_is_expected(key: str, words: str | int, message: str) -> None:
    field = field_of(key)
    with pytest.raises(ValueError) as caught:
        encode(field, words)
    assert str(caught.value) == message


def test_an_int_for_a_bitmap_is_refused_since_item_and_mask_look_alike() -> None:
    for key in ("lbr_depth_mask", "pmu_fcounters_bitmap"):
        with pytest.raises(ValueError, match="a list in quotes such as"):
            encode(field_of(key), 8)


def test_a_value_wider_than_its_field_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit into phys_addr_bits, which has 8 bits"):
        decode(field_of("phys_addr_bits"), 256)


def test_a_field_without_a_name_is_a_plain_number() -> None:
    part = Field.parse("4.0.ebx[3:1]")
    assert [decode(part, 5), encode(part, "5"), encode(part, "0x7")] == ["5", 5, 7]
    assert decode(Field.parse("7.0.edx"), 9999) == "9999"
    assert decode(Field.parse("7.0.edx"), 10000) == "0x2710"


def test_every_row_of_the_table_is_a_multi_bit_field_of_the_catalogue() -> None:
    names = [row["name"] for row in rows("words.csv")]
    assert len(set(names)) == len(names)
    assert [name for name in names if name not in multi_bit()] == []


# Quantities


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


# Wishes of model files


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


# The screen


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
