"""What multi-bit fields promise: values become words, words become the same values, and both follow the SDM."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdxtui.cpuid import Field
from tdxtui.words import decode, encode
from tests.worded import EXHAUSTIVE, field_of, multi_bit, rows


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
