"""What the catalogue promises: names lead to bits, bits to names, and both agree with the tools' own lists."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdxtui import catalog
from tdxtui.catalog import AmbiguousName, Named, UnknownName, fields_of, find, name_at, named_at, search, title
from tdxtui.cpuid import Field, Leaf, Register

SHARED = Path(__file__).resolve().parents[2] / "shared"
CATALOG = Path(catalog.__file__).parents[1] / "data" / "catalog"

needs_facts = pytest.mark.skipif(not (SHARED / "data" / "bits.tsv").exists(), reason="the fact files are not here")

TOOLS = ("qemu", "libvirt", "linux_cpuinfo", "linux_X86_FEATURE", "kcpuid_short")

# Facts that are wrong where they were collected: CET's state components belong to IA32_XSS (D.1.ECX), not to XCR0.
WRONG = {"xcr0_cet_u", "xcr0_cet_s"}


@cache
def everything() -> list[Named]:
    return search(".", limit=100_000)


@cache
def table(name: str) -> list[dict[str, str]]:
    with (CATALOG / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def known_leaves() -> list[Leaf]:
    return sorted({named.field.leaf for named in everything()}, key=lambda leaf: (leaf.leaf, leaf.subleaf or 0))


def span(text: str, separator: str, base: int) -> range:
    ends = sorted(int(end, base) for end in text.split(separator))
    return range(ends[0], ends[-1] + 1)


# --- the tables themselves


def test_every_canonical_name_is_plain_and_unique() -> None:
    names = [row["name"] for row in table("fields.csv")]
    assert [name for name in names if not re.fullmatch("[a-z0-9_]+", name)] == []
    assert sorted(set(names)) == sorted(names)


def test_every_field_lies_in_its_register() -> None:
    for row in table("fields.csv"):
        assert 31 >= int(row["msb"]) >= int(row["lsb"]) >= 0, row
        assert row["register"] in {"eax", "ebx", "ecx", "edx"}, row


def test_no_two_fields_of_an_entry_overlap() -> None:
    entries = {(row["leaf"], sub) for row in table("fields.csv") for sub in span(row["subleaf"] or "0", "-", 16)}
    for leaf, subleaf in entries:
        seen = 0
        for named in fields_of(Leaf(int(leaf, 16), subleaf)):
            assert not seen & named.field.mask, named
            seen |= named.field.mask


def test_an_intel_name_of_another_tool_never_hides_behind_a_canonical_one() -> None:
    canonical = {named.name: named.field for named in everything()}
    for named in everything():
        for name in named.names():
            other = canonical.get(name.lower(), named.field)
            near = other.leaf.leaf == named.field.leaf.leaf  # cdp_l3: kcpuid's name of both cache levels' bit
            assert other == named.field or near or named.field.leaf.leaf >= 0x8000_0000, (name, named, other)


def test_every_field_belongs_to_a_titled_entry() -> None:
    assert [leaf.key for leaf in known_leaves() if not title(leaf)] == []


def test_titles_are_short() -> None:
    assert [row for row in table("leaves.csv") if not 0 < len(row["title"]) <= 24] == []


def test_subleaves_are_written_exactly_where_an_entry_has_them() -> None:
    assert all((row["subleaf"] != "") == (row["has_subleaves"] == "yes") for row in table("leaves.csv"))


# --- from a bit to its name


def test_fields_come_from_eax_to_edx_with_the_high_bit_first() -> None:
    fields = [named.field for named in fields_of(Leaf(1))]
    assert fields == sorted(fields, key=lambda field: (field.register, -field.msb))
    assert fields[0].key == "1.eax[27:20]"


def test_fields_have_the_leaf_as_asked_for() -> None:
    for leaf in (Leaf(4, 2), Leaf(4), Leaf(1, 0), Leaf(1), Leaf(0xD, 0x12)):
        assert {named.field.leaf for named in fields_of(leaf)} == {leaf}


def test_a_leaf_without_subleaf_and_its_subleaf_zero_answer_alike() -> None:
    for leaf in (1, 7, 0xD, 0x12, 0x80000008):
        alone, first = fields_of(Leaf(leaf)), fields_of(Leaf(leaf, 0))
        assert [named.names() for named in alone] == [named.names() for named in first]
        assert title(Leaf(leaf)) == title(Leaf(leaf, 0)) != ""
        assert name_at(Leaf(leaf), Register.EAX, 0) == name_at(Leaf(leaf, 0), Register.EAX, 0)


def test_a_range_of_subleaves_is_expanded() -> None:
    assert {named.name for named in fields_of(Leaf(4, 3))} == {named.name for named in fields_of(Leaf(4, 0))}
    assert [named.name for named in fields_of(Leaf(0xD, 0x12)) if named.field.register is Register.ECX] == [
        "xsave_xfd", "xsave_align64", "xsave_supervisor"]
    assert fields_of(Leaf(0xD, 0x40)) == ()


def test_an_unknown_entry_has_no_fields_and_no_title() -> None:
    assert fields_of(Leaf(0x5000_0000)) == ()
    assert title(Leaf(0x5000_0000)) == ""
    assert name_at(Leaf(0x5000_0000), Register.EAX, 3) == ""
    assert name_at(Leaf(7, 9), Register.EAX, 3) == ""


@pytest.mark.parametrize(("bit", "name"), [
    ("1.ecx.31", "hypervisor"), ("1.ecx.0", "pni"), ("7.0.ecx.31", "pks"), ("7.0.edx.20", "ibt"),
    ("80000007.edx.8", "invtsc"), ("7.1.eax.31", "movrs"), ("7.1.edx.21", "apxf"), ("7.1.ecx.5", "msr_imm"),
    ("d.1.ecx.11", "xss_cet_u"), ("d.1.ecx.12", "xss_cet_s"), ("d.0.eax.18", "xcr0_tiledata"),
    ("4.0.ecx.31", "cache_nsets"), ("21.0.ecx.5", "tdx_vendorid_2"), ("1.eax.21", "ext_family"),
    ("1d.1.ecx.0", "amx_tile_nr_rows"),
])
def test_well_known_bits_have_their_well_known_names(bit: str, name: str) -> None:
    field = Field.parse(bit)
    assert name_at(field.leaf, field.register, field.lsb) == name


@pytest.mark.parametrize("bit", ["1.ecx.16", "1.edx.10", "8.eax.0", "e.edx.31", "22.ecx.7", "7.2.eax.0", "d.0.eax.11",
                                 "d.0.eax.8", "11.ebx.1", "13.0.ebx.1"])
def test_bits_that_the_sdm_reserves_say_so(bit: str) -> None:
    field = Field.parse(bit)
    assert name_at(field.leaf, field.register, field.lsb) == "reserved"
    assert named_at(field) is None


def test_a_bit_number_beyond_the_register_is_refused() -> None:
    with pytest.raises(IndexError):
        name_at(Leaf(1), Register.EAX, 32)


def test_named_at_finds_the_field_around_some_bits() -> None:
    named = named_at(Field.parse("1.eax[23:21]"))
    assert named is not None
    assert (named.name, named.field.key) == ("ext_family", "1.eax[27:20]")


def test_named_at_knows_nothing_of_bits_in_two_fields() -> None:
    assert named_at(Field.parse("1.eax[7:0]")) is None
    assert named_at(Field.parse("7.0.ebx")) is None


# --- from a name to its bit


@pytest.mark.parametrize("text", [
    "7.0.ebx.16", "7.0.ebx[16]", "7.0.EBX[bit 16]", "0x7.0.ebx.16", "0x7.0x0.ebx[16]",
    "CPUID.(EAX=07H,ECX=0):EBX[16]", "CPUID.(EAX=07H, ECX=0H):EBX.AVX512F[bit 16]", "CPUID.(EAX=7,ECX=0):EBX[bit 16]",
    "CPUID.07H.0:EBX[16]", "CPUID.07H.0H:EBX.AVX512F[16]", "cpuid(0x7,0).ebx[16]", "CPUID(7, 0x0).EBX.16",
    " cpuid(eax=0x7, ecx=0x0).ebx[16] ",
])
def test_every_notation_of_a_bit_is_found(text: str) -> None:
    assert find(text) == Field.parse(text) == Field(Leaf(7, 0), Register.EBX, 16, 16)


@pytest.mark.parametrize(("text", "key"), [
    ("7.0.ebx[31:26]", "7.0.ebx[31:26]"), ("CPUID.(EAX=0DH,ECX=1):EAX[bits 4:0]", "d.1.eax[4:0]"),
    ("CPUID.80000008H:EAX[15:8]", "80000008.eax[15:8]"), ("1.eax", "1.eax"), ("CPUID.01H:EAX", "1.eax"),
    ("cpuid(1).ecx", "1.ecx"), ("CPUID.(07H):EBX", "7.ebx"),
])
def test_every_notation_of_a_field_is_found(text: str, key: str) -> None:
    assert find(text).key == key


@pytest.mark.parametrize("text", [
    "cpuid", "cpuid.", "CPUID.07H", "cpuid(7,0)", "CPUID.(EAX=07H,ECX=0):EBX[32]", "CPUID.01H:EAX[3:9]",
    "CPUID.01H:EAX.NAME", "CPUID.01H:EEX[1]", "7.0.ebx[٣]", "7.0.ebx[bits 1:0", "123456789.eax", "0x.eax", "-1.eax",
])
def test_what_is_almost_a_notation_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"7\.0\.ebx\.16|bits run from 31"):
        Field.parse(text)


fields = st.builds(
    lambda leaf, subleaf, register, bits: Field(Leaf(leaf, subleaf), register, max(bits), min(bits)),
    st.integers(0, 0xFFFFFFFF), st.none() | st.integers(0, 0xFFFFFFFF), st.sampled_from(Register),
    st.tuples(st.integers(0, 31), st.integers(0, 31)))


@given(fields)
def test_a_field_is_found_by_both_its_notations(field: Field) -> None:
    assert find(field.key) == find(field.sdm) == find(field.key.upper()) == find(field.sdm.lower()) == field


@pytest.mark.parametrize("text", ["sse4_1", "sse4.1", "SSE4-1", "XMM4_1", "x86_feature_xmm4_1", " Sse4.1 ", "1.sse4.1"])
def test_every_spelling_of_every_tool_is_found(text: str) -> None:
    assert find(text).key == "1.ecx.19"


def test_a_field_of_many_subleaves_is_found_at_the_lowest() -> None:
    assert find("cache_type").key == "4.0.eax[4:0]"
    assert find("xsave_size").key == "d.2.eax"


def test_a_name_after_its_leaf_is_found_there() -> None:
    assert find("4.2.cache_type").key == "4.2.eax[4:0]"
    assert find("7.1.mwait").key == "7.1.edx.23"
    assert find("80000001.pae").key == "80000001.edx.6"
    with pytest.raises(UnknownName):
        find("7.2.avx512f")


@pytest.mark.parametrize(("text", "key"), [
    ("80000001.pae", "80000001.edx.6"), ("80000001.edx.fpu", "80000001.edx.0"),
    ("0x80000001.EDX.PAE", "80000001.edx.6"),
    ("80000007.ebx.cppc_perf_prio", "80000007.ebx.2"), ("80000007.edx.cppc_perf_prio", "80000007.edx.16"),
    ("1.ecx.sse4.1", "1.ecx.19"), ("7.1.X86_FEATURE_LAM", "7.1.eax.26"), ("0x7.0.avx512f", "7.0.ebx.16"),
    ("CPUID.01H:ECX.VMX", "1.ecx.5"), ("CPUID.(EAX=07H,ECX=0):EBX.AVX512F", "7.0.ebx.16"),
])
def test_a_name_after_its_register_or_in_the_sdms_form_is_found_there(text: str, key: str) -> None:
    assert find(text).key == key


@pytest.mark.parametrize("text", ["1.edx.avx", "7.0.eax.avx512f", "CPUID.01H:EDX.VMX"])
def test_a_name_after_another_register_is_unknown(text: str) -> None:
    with pytest.raises(UnknownName):
        find(text)


def test_a_linux_macro_means_linuxs_own_bit_where_another_tool_has_the_name_too() -> None:
    assert find("X86_FEATURE_MWAIT").key == "1.ecx.3"
    assert find("X86_FEATURE_DS").key == "1.edx.21"
    with pytest.raises(AmbiguousName):
        find("X86_FEATURE_MBA")


def test_a_canonical_name_wins_over_amds_copy_of_the_bit() -> None:
    assert find("pae").key == "1.edx.6"
    assert find("MTRR").key == "1.edx.12"
    assert find("mba").key == "10.0.ebx.3"


def test_a_name_of_several_bits_is_ambiguous_and_lists_them() -> None:
    with pytest.raises(AmbiguousName, match=r"7\.1\.edx\.23") as caught:
        find("mwait")
    assert [named.field.key for named in caught.value.candidates] == ["1.ecx.3", "7.1.edx.23"]
    assert caught.value.text == "mwait"
    assert "1.ecx.3" in str(caught.value)


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    with pytest.raises(UnknownName) as caught:
        find("avx512ff")
    assert "avx512f" in caught.value.nearest
    assert len(caught.value.nearest) <= 3
    assert "avx512f" in str(caught.value)
    assert caught.value.text == "avx512ff"


@pytest.mark.parametrize(("text", "nearest"), [
    ("7.0.avx512ff", "7.0.avx512f"), ("7.2.avx512f", "7.0.avx512f"), ("1.ecx.avxx", "1.avx"),
    ("4.2.cache_typ", "4.2.cache_type"), ("99.avx512f", "7.0.avx512f"), ("X86_FEATURE_AVX512FF", "avx512f"),
    ("CPUID.(EAX=07H,ECX=0):EBX.AVX512FF", "7.0.avx512f"),
])
def test_a_miss_after_a_leaf_is_answered_with_near_names_after_theirs(text: str, nearest: str) -> None:
    with pytest.raises(UnknownName) as caught:
        find(text)
    assert caught.value.nearest[0] == nearest
    assert len(caught.value.nearest) <= 3
    for name in caught.value.nearest:
        assert find(name)


@pytest.mark.parametrize(
    "text", ["", " ", ".", "7.0.ebx.32", "7.0.ebx[3:9]", "a\nb", "7.0.", "x86_feature_", "é" * 300]
)
def test_nonsense_is_an_unknown_name_told_in_one_line(text: str) -> None:
    with pytest.raises(UnknownName) as caught:
        find(text)
    assert "\n" not in str(caught.value)


def test_the_names_that_put_cet_into_xcr0_lead_to_where_it_is() -> None:
    assert [find(name).key for name in sorted(WRONG)] == ["d.1.ecx.12", "d.1.ecx.11"]


def test_a_field_lists_each_of_its_names_once_and_the_canonical_one_first() -> None:
    named = named_at(Field.parse("1.edx.21"))
    assert named is not None
    assert named.names() == ("dts", "ds", "DS")


@given(st.deferred(lambda: st.sampled_from(everything())))
def test_a_canonical_name_always_finds_its_own_field(named: Named) -> None:
    assert find(named.name) == find(named.name.upper()) == named.field


@given(st.deferred(lambda: st.sampled_from(everything())))
def test_every_name_finds_its_field_or_a_choice_with_it_or_the_canonical_one(named: Named) -> None:
    for name in named.names():
        try:
            found = find(name)
        except AmbiguousName as error:
            assert named in error.candidates
        else:
            holder = named_at(found)
            assert found == named.field or (holder is not None and holder.name == name.lower())


def test_every_name_after_its_leaf_or_at_least_its_register_means_its_own_field() -> None:
    astray = {name for named in everything() for name in named.names() if qualified(named.field, name) != named.field}
    assert astray == {"kvmclock"}  # QEMU's one name for two bits of a register


def test_every_linux_macro_after_its_leaf_means_its_own_field() -> None:
    for named in everything():
        if named.x86_feature:
            assert qualified(named.field, f"X86_FEATURE_{named.x86_feature}") == named.field


def test_a_field_and_its_canonical_name_lead_to_each_other() -> None:
    for named in everything():
        assert named_at(find(named.name)) == named


def qualified(field: Field, name: str) -> Field | None:
    """What a name means after a field's leaf, or after its register if the leaf doesn't settle it."""
    for place in (field.leaf.key, f"{field.leaf.key}.{field.register.key}"):
        try:
            return find(f"{place}.{name}")
        except AmbiguousName:
            continue
    return None


leaves = st.deferred(lambda: st.sampled_from(known_leaves())) | st.builds(
    Leaf, st.integers(0, 0x30), st.none() | st.integers(0, 40))


@given(leaves, st.sampled_from(Register), st.integers(0, 31))
def test_name_at_agrees_with_the_fields_of_the_entry(leaf: Leaf, register: Register, bit: int) -> None:
    named = named_at(Field.bit(leaf, register, bit))
    assert name_at(leaf, register, bit) in ({named.name} if named else {"reserved", ""})
    if named is None and fields_of(leaf):
        assert name_at(leaf, register, bit) == "reserved"


@given(st.text())
def test_any_text_is_found_or_refused(text: str) -> None:
    try:
        assert isinstance(find(text), Field)
    except (UnknownName, AmbiguousName) as error:
        assert error.text == text


# --- searching as one types


def test_a_search_puts_the_whole_name_first_then_beginnings() -> None:
    names = [named.name for named in search("avx")]
    assert names[0] == "avx"
    assert names.index("avx2") < names.index("xcr0_avx")


def test_a_search_looks_in_the_names_of_all_tools() -> None:
    assert [named.field.key for named in search("ld_u")] == []
    for text in ("tsc-dead", "DEADLINE_T", "tsc_dead"):
        assert [named.field.key for named in search(text)] == ["1.ecx.24"]
    assert "1.ecx.1" in [named.field.key for named in search("pclmuldq")]


def test_a_search_takes_either_separator() -> None:
    assert "avx512_vnni" in [named.name for named in search("avx512-vn")]


def test_a_search_looks_in_both_notations() -> None:
    assert search("7.0.ebx.16")[0].name == "avx512f"
    assert search("EBX[16]")[0].name == "avx512f"
    assert {named.field.register for named in search("edx", limit=1000) if "edx" not in named.name} == {Register.EDX}


def test_letters_alone_do_not_match_the_registers_of_every_field() -> None:
    assert all(any("ea" in name.lower() for name in named.names()) for named in search("ea", limit=1000))


def test_a_search_for_a_subleaf_of_a_range_shows_that_one() -> None:
    assert {named.field.leaf for named in search("4.2.eax")} == {Leaf(4, 2)}
    assert search("4.2.")[0].field.leaf == Leaf(4, 2)


def test_a_search_never_shows_a_field_twice() -> None:
    for text in ("7.0", "4.0", "4.2", "d.1", "avx"):
        fields = [named.field for named in search(text, limit=1000)]
        assert len(set(fields)) == len(fields)


def test_a_search_keeps_to_its_limit() -> None:
    assert len(search("a", limit=7)) == 7
    assert len(search("4.2", limit=3)) == 3
    assert search("a", limit=0) == []
    assert len(search("e")) <= 200


def test_an_empty_search_finds_nothing() -> None:
    assert search("") == search("  ") == search("no such thing") == []


def test_a_search_is_quick_enough_for_every_key_press() -> None:
    def seconds(text: str) -> float:
        start = time.perf_counter()
        search(text)
        return time.perf_counter() - start

    # The aim is 3 ms; the bound leaves room for a busy machine and for coverage's tracing.
    assert max(min(seconds(text) for _ in range(10)) for text in ("a", "e", "avx512", "7.0", "eax", "_")) < 0.015


def test_importing_the_catalogue_reads_no_table_and_nothing_but_the_vocabulary() -> None:
    code = ("import sys; from tdxtui import catalog; from tdxtui.catalog import tables; "
            "print(sorted({m.split('.')[1] for m in sys.modules if m.startswith('tdxtui.')}), "
            "[t.cache_info().currsize for t in (tables.rows, tables.entries, tables.sentences)], "
            "'difflib' in sys.modules)")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                         cwd=Path(catalog.__file__).parents[2])
    assert run.stdout.strip() == "['catalog', 'cpuid'] [0, 0, 0] False"


# --- against the collected facts


def facts() -> Iterator[tuple[dict[str, str], int, range]]:
    with (SHARED / "data" / "bits.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["kcpuid_short"] not in WRONG:
                yield row, int(row["leaf"], 16), span(row["subleaf"], ":", 10)


def holds(field: Field, row: dict[str, str], leaf: int, subleaves: range) -> bool:
    place = field.leaf.leaf == leaf and (field.leaf.subleaf or 0) in subleaves
    bits = field.lsb <= int(row["low_bit"]) and field.msb >= int(row["high_bit"])
    return place and bits and field.register.name.lower() == row["register"]


def resolves(name: str, row: dict[str, str], leaf: int, subleaves: range) -> bool:
    try:
        field = find(name)
    except AmbiguousName as error:
        return any(holds(named.field, row, leaf, subleaves) for named in error.candidates)
    canonical = named_at(field)
    copied = leaf >= 0x8000_0000 > field.leaf.leaf and canonical is not None and canonical.name == name.lower()
    return copied or holds(field, row, leaf, subleaves)


@needs_facts
@pytest.mark.parametrize("tool", TOOLS)
def test_every_name_of_a_tool_leads_to_its_bit(tool: str) -> None:
    named = [(row[tool], row, leaf, subleaves) for row, leaf, subleaves in facts() if row[tool]]
    assert [name for name, row, leaf, subleaves in named if not resolves(name, row, leaf, subleaves)] == []


@needs_facts
@pytest.mark.parametrize("tool", TOOLS)
def test_every_name_of_a_tool_after_its_place_means_exactly_its_bit(tool: str) -> None:
    astray = set()
    for row, leaf, subleaves in facts():
        place = Field.bit(Leaf(leaf, subleaves[0]), Register.parse(row["register"]), int(row["low_bit"]))
        found = qualified(place, row[tool]) if row[tool] else None
        if row[tool] and (found is None or not holds(found, row, leaf, subleaves)):
            astray.add(row[tool])
    assert astray == ({"kvmclock"} if tool == "qemu" else set())


@needs_facts
def test_every_linux_macro_leads_to_its_bit() -> None:
    named = [(f"X86_FEATURE_{row[TOOLS[3]]}", row, leaf, subs) for row, leaf, subs in facts() if row[TOOLS[3]]]
    assert [macro for macro, row, leaf, subleaves in named if not resolves(macro, row, leaf, subleaves)] == []


@needs_facts
def test_names_of_qemu_and_libvirt_are_unambiguous_but_for_the_two_kvmclock_bits() -> None:
    failed = set()
    for row, leaf, subleaves in facts():
        for name in filter(None, (row["qemu"], row["libvirt"])):
            try:
                assert holds(find(name), row, leaf, subleaves)
            except AmbiguousName:
                failed.add(name)
    assert failed == {"kvmclock"}


@needs_facts
def test_every_collected_field_is_in_the_catalogue() -> None:
    for row, leaf, subleaves in facts():
        register = Register.parse(row["register"])
        field = Field(Leaf(leaf, subleaves[0]), register, int(row["high_bit"]), int(row["low_bit"]))
        assert named_at(field) is not None, row


@needs_facts
def test_the_module_files_have_the_entries_of_the_facts() -> None:
    entries = {Leaf.parse(entry["key"])
               for path in (SHARED / "data" / "modules").glob("*.json")
               for entry in json.loads(path.read_text())["lookup"]}
    assert entries <= module_entries()


# --- against the modules' files


@cache
def module_entries() -> set[Leaf]:
    modules = [tomllib.loads(path.read_text()) for path in (CATALOG.parent / "modules").glob("*.toml")]
    return {Leaf.parse(key) for module in modules for key in module["entry"]}


def test_every_entry_of_every_module_has_a_title() -> None:
    assert module_entries()
    assert [leaf.key for leaf in module_entries() if not title(leaf)] == []


def test_leaves_have_subleaves_exactly_where_the_modules_write_them() -> None:
    for leaf in module_entries():
        assert catalog.has_subleaves(leaf.leaf) == (leaf.subleaf is not None), leaf


def test_every_entry_of_every_module_has_named_fields_or_is_reserved() -> None:
    bare = {leaf for leaf in module_entries() if not fields_of(leaf)}
    assert bare == {Leaf(8), Leaf(0xE), Leaf(0x11), Leaf(0x13), Leaf(0x22)}
    assert {name_at(leaf, register, 31) for leaf in bare for register in Register} == {"reserved"}


def test_every_bit_of_every_module_has_a_name_or_is_reserved() -> None:
    nameless = [f"{leaf.key}.{register.key}.{bit}" for leaf in module_entries()
                for register in Register for bit in range(32) if not name_at(leaf, register, bit)]
    assert nameless == []
