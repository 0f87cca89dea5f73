"""What the catalogue's sentences promise: each field has one of its own, short, plain and said but once."""

from __future__ import annotations

import csv
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tdxtui import catalog
from tdxtui.catalog import Named, find, named_at, search, sentence

FILE = Path(catalog.__file__).parents[1] / "data" / "catalog" / "sentences.csv"

# The entries whose fields of several bits a user meets on the screen.
SHOWN = {1, 4, 5, 0xA, 0xB, 0xD, 0x14, 0x15, 0x16, 0x18, 0x1A, 0x1C, 0x1D, 0x1E, 0x1F, 0x21, 0x23, 0x80000008}

# Vendors whose bits no TD can have are named first, so that nobody wonders.
FOREIGN = ("AMD: ", "VIA: ", "Transmeta: ")


@cache
def rows() -> list[list[str]]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def sentences() -> list[str]:
    return [text for _, text in rows()[1:]]


@cache
def everything() -> list[Named]:
    return search(".", limit=100_000)


def features() -> list[Named]:
    """The single bits that QEMU, libvirt or Linux has a name for."""
    return [named for named in everything()
            if named.field.is_bit and (named.qemu or named.libvirt or named.linux or named.x86_feature)]


def body(text: str) -> str:
    """A sentence without the vendor before it."""
    return re.sub(f"^({'|'.join(FOREIGN)})", "", text)


def skeleton(text: str) -> str:
    """A sentence without its numbers and proper names: what a template would leave."""
    return re.sub(r"[A-Z0-9][\w.-]*|\d+", "#", text)


def test_every_name_of_the_catalogue_has_exactly_one_sentence_in_the_order_of_the_fields() -> None:
    assert rows()[0] == ["name", "sentence"]
    with FILE.with_name("fields.csv").open(encoding="utf-8", newline="") as file:
        assert [name for name, _ in rows()[1:]] == [row["name"] for row in csv.DictReader(file)]


def test_every_feature_that_a_tool_names_has_its_sentence() -> None:
    assert len(features()) >= 300
    assert [named.name for named in features() if not sentence(named.name)] == []


def test_every_field_that_a_user_sees_has_its_sentence() -> None:
    shown = [named for named in everything() if named.field.leaf.leaf in SHOWN]
    assert [named.name for named in shown if not sentence(named.name)] == []


def test_sentences_are_of_40_to_150_characters() -> None:
    assert [text for text in sentences() if not 40 <= len(text) <= 150] == []


def test_a_sentence_is_one_and_ends_with_a_full_stop() -> None:
    assert [text for text in sentences() if not text.endswith(".") or re.search(r"[.!?] [A-Z]", text)] == []


def test_sentences_are_plain_text() -> None:
    plain = re.compile(r"[ -~–—‘’“”…]+")
    assert [text for text in sentences() if not plain.fullmatch(text) or "  " in text or text != text.strip()] == []


def test_no_two_sentences_are_alike() -> None:
    count = Counter(body(text).lower() for text in sentences())
    assert [text for text, times in count.items() if times > 1] == []


def test_no_template_is_filled_in_again_and_again() -> None:
    skeletons = Counter(skeleton(body(text)) for text in sentences() if not text.startswith("Transmeta"))
    assert [text for text, times in skeletons.items() if times > 3] == []


def test_no_beginning_is_worn_out() -> None:
    beginnings = Counter(" ".join(body(text).split()[:3]) for text in sentences())
    assert [text for text, times in beginnings.items() if times > 20] == []
    endings = Counter(" ".join(text.split()[-4:]) for text in sentences())
    assert [text for text, times in endings.items() if times > 20] == []


def test_a_sentence_says_more_than_the_name() -> None:
    for name, text in rows()[1:]:
        said = set(re.findall(r"[a-z0-9]{3,}", text.lower())) - set(re.findall(r"[a-z0-9]+", name))
        assert len(said) >= 3, (name, text)


@pytest.mark.parametrize("name", ["svm", "sse4a", "sev_snp", "clzero", "topoext", "3dnow", "amd_ibpb", "xop", "e_pae"])
def test_a_bit_of_amd_alone_says_so(name: str) -> None:
    assert sentence(name).startswith("AMD: ")


@pytest.mark.parametrize("name", ["lm", "nx", "syscall", "rdtscp", "pdpe1gb", "abm", "lahf_lm", "3dnowprefetch",
                                  "invtsc", "wbnoinvd", "phys_addr_bits", "virt_addr_bits", "l2_size_kb"])
def test_a_bit_in_an_extended_leaf_that_intel_has_too_does_not(name: str) -> None:
    assert sentence(name)
    assert not sentence(name).startswith(FOREIGN)


def test_bits_below_the_extended_leaves_belong_to_no_other_vendor_but_for_lwps_state() -> None:
    foreign = [named.name for named in everything()
               if named.field.leaf.leaf < 0x8000_0000 and sentence(named.name).startswith(FOREIGN)]
    assert foreign == ["xcr0_lwp"]


def test_the_fields_of_other_vendors_leaves_say_whose_they_are() -> None:
    owners = {0x8086: "Transmeta: ", 0xC000: "VIA: "}
    for named in everything():
        if owner := owners.get(named.field.leaf.leaf >> 16):
            assert sentence(named.name).startswith(owner), named


@pytest.mark.parametrize(("text", "word"), [
    ("avx512f", "XFAM"), ("AMX-TILE", "8 KiB"), ("X86_FEATURE_XMM4_2", "CRC32"), ("7.0.ecx.31", "ATTRIBUTES.PKS"),
    ("CPUID.01H:ECX[27]", "CR4.OSXSAVE"), ("hle", "RTM"), ("15.ebx", "TSC_FREQUENCY"), ("21.0.edx", "lTDX"),
])
def test_any_name_or_notation_leads_to_the_sentence(text: str, word: str) -> None:
    named = named_at(find(text))
    assert named is not None
    assert word in sentence(named.name)


@pytest.mark.parametrize("name", ["", "reserved", "no such name", "AVX512F"])
def test_what_is_no_canonical_name_has_no_sentence(name: str) -> None:
    assert sentence(name) == ""
