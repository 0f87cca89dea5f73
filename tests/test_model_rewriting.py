"""Saving a hand-written model: what was edited changes, and nothing else; and the canonical form."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tdxtui import migrations, model_file
from tdxtui.cpuid import Field
from tdxtui.errors import DataError
from tdxtui.model import VcpuModel
from tdxtui.model_file import rewrite
from tdxtui.model_file.lists import with_items
from tdxtui.model_file.statements import split
from tests.model_texts import edits, texts

PROPERTY = settings(
    max_examples=60, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
TEXT = """\
# the web tier

name = 'web' # by hand
[features]
  avx  =  true # for openssl
AVX512F=false\t# not yet
"7.ebx.4" = false

# what QEMU can't name
[registers]
"1.eax" = '0X000A06D1' # the CPU
'7.0.edx' = { value='0x10', mask="0x30" } # fsrm

[td] # the rest
xfam = [
    "X87", "SSE",
    'avx', # needed
]
max_vcpus = 0x8
"""


def wish(key: str, value: int | None) -> Callable[[VcpuModel], VcpuModel]:
    return lambda model: model.wish(Field.parse(key), value)


def saved(text: str, edit: Callable[[VcpuModel], VcpuModel]) -> str:
    model = edit(model_file.parse(text, "web.toml", "web"))
    new = model_file.rewritten(text, "web.toml", model)
    assert model_file.parse(new, "web.toml", "web") == model
    return new


@pytest.mark.parametrize(("edit", "old", "new"), [
    (wish("1.ecx.28", 0), "avx  =  true # for", "avx  =  false # for"),
    (wish("7.0.ebx.16", 1), "AVX512F=false\t#", "AVX512F=true\t#"),
    (wish("7.0.ebx.4", 1), '"7.ebx.4" = false', '"7.ebx.4" = true'),
    (wish("7.0.ebx.16", None), "AVX512F=false\t# not yet\n", ""),
    (wish("1.ecx.3", 1), '"7.ebx.4" = false\n', '"7.ebx.4" = false\nmonitor = true\n'),
    (wish("1.eax.0", 0), "0X000A06D1", "0X000A06D0"),
    (wish("1.eax.0", None), "'0X000A06D1'", '{ value = "0x000a06d0", mask = "0xfffffffe" }'),
    (wish("7.0.edx.5", 1), "value='0x10'", "value='0x30'"),
    (wish("7.0.edx.4", None), "value='0x10', mask=\"0x30\"", "value='0x00', mask=\"0x20\""),
    (wish("7.0.edx[5:4]", None), "'7.0.edx' = { value='0x10', mask=\"0x30\" } # fsrm\n", ""),
    (wish("1.ebx[23:16]", 9), "# fsrm\n", '# fsrm\n"1.ebx[23:16]" = "0x09"\n'),
    (lambda model: replace(model, xfam=0x203), "    'avx', # needed\n", "    \"PKRU\",\n"),
    (lambda model: replace(model, xfam=0x207), "# needed\n", "# needed\n    'PKRU',\n"),
    (lambda model: replace(model, max_vcpus=9), "0x8", "9"),
    (lambda model: replace(model, tsc_mhz=2500), "0x8\n", "0x8\ntsc_mhz = 2500\n"),
    (lambda model: replace(model, name="x"), "'web' #", "'x' #"),
    (lambda model: replace(model, module="1.5.34"), "by hand\n", "by hand\nmodule = \"1.5.34\"\n"),
])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_one_edit_changes_one_line(
    edit: Callable[[VcpuModel], VcpuModel], old: str, new: str, ends: str, start: str
) -> None:
    assert TEXT.count(old) == 1
    expected = TEXT.replace(old, new)
    assert saved(start + TEXT.replace("\n", ends), edit) == start + expected.replace("\n", ends)


@pytest.mark.parametrize(("text", "edit", "expected"), [
    ("", wish("1.ecx.28", 1), "[features]\navx = true\n"),
    ("# c", wish("1.ecx.28", 1), "# c\n\n[features]\navx = true"),
    ("features = { avx = true } # c\n", wish("1.ecx.28", 0), "features = { avx = false } # c\n"),
    ("features.avx = true # c\n", wish("7.0.ebx.4", 0), "features.avx = true # c\nfeatures.hle = false\n"),
    ("[td]\n\n# regs\n[registers]\n'1.eax' = '0x1'", wish("1.ecx.28", 1),
     "[td]\n\n[features]\navx = true\n\n# regs\n[registers]\n'1.eax' = '0x1'"),
    ("[registers.'1.eax']\nvalue = '0x1' # v\nmask = '0x3'\n", wish("1.eax.0", 0),
     "[registers.'1.eax']\nvalue = '0x0' # v\nmask = '0x3'\n"),
    ("format = 2\n[fields]\nn_logical_cpu = 8 # c\n", wish("1.ebx[23:16]", 16),
     "format = 2\n[fields]\nn_logical_cpu = 16 # c\n"),
    ("[fields]\nfamily_model_stepping = '6/143/8'\n", wish("1.eax[3:0]", 7),
     "[fields]\nfamily_model_stepping = '6/143/7'\n"),
    ("[fields]\n'4.0.cache_type' = 'data'\n", wish("4.0.eax[4:0]", 2), "[fields]\n'4.0.cache_type' = 'instruction'\n"),
    ("format = 2\n[registers]\n", wish("4.0.eax[4:0]", 2),
     'format = 2\n\n[fields]\n"4.0.cache_type" = "instruction"\n\n[registers]\n'),
])
def test_ways_to_write_a_table(text: str, edit: Callable[[VcpuModel], VcpuModel], expected: str) -> None:
    assert saved(text, edit) == expected


def test_a_text_that_is_no_model_is_replaced() -> None:
    model = VcpuModel("new")
    for text in ("name = ", "nam = 1", "[features]\nqq = true"):
        assert model_file.rewritten(text, "x.toml", model) == model_file.dumps(model)


@given(st.data())
@PROPERTY
def test_any_text_after_any_edit_reads_as_the_model(data: st.DataObject) -> None:
    text = data.draw(texts())
    model = model_file.parse(text, "w.toml", "w")
    assert model_file.rewritten(text, "w.toml", model) == text
    edited = data.draw(edits(model))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rewrite, "dumps", lambda _: "nothing of the text is left")
        new = model_file.rewritten(text, "w.toml", edited)
    assert model_file.parse(new, "w.toml", "w") == edited
    lines = new.splitlines()
    for line in text.removeprefix("\ufeff").splitlines():
        assert not line.strip().startswith("#") or line in [*lines, lines[0].removeprefix("\ufeff")]
    assert new.startswith("\ufeff") == text.startswith("\ufeff")
    assert "\r\n" not in text or not re.search(r"[^\r]\n", new)


@given(texts())
@PROPERTY
def test_statements_are_the_whole_text(text: str) -> None:
    text = text.removeprefix("\ufeff")
    assert "".join(statement.text for statement in split(text)) == text


@given(texts())
@PROPERTY
def test_the_canonical_form_stays_as_it_is_and_means_the_same(text: str) -> None:
    new = model_file.formatted(text, "w.toml", "w")
    assert model_file.parse(new, "w.toml", "w") == model_file.parse(text, "w.toml", "w")
    assert model_file.formatted(new, "w.toml", "w") == new
    assert sorted(re.findall("# ?c[0-9]+", new)) == sorted(re.findall("# ?c[0-9]+", text))
    assert new.endswith("\n") and "\r" not in new and not new.startswith("\ufeff")


def test_the_canonical_form() -> None:
    assert model_file.formatted(TEXT, "web.toml") == """\
# the web tier

format = 2
name = "web" # by hand

[td] # the rest
# needed
xfam = ["X87", "SSE", "AVX"]
max_vcpus = 8

[features]
avx = true # for openssl
hle = false
avx512f = false # not yet

# what QEMU can't name
[registers]
"1.eax" = "0x000a06d1" # the CPU
"7.0.edx" = { value = "0x00000010", mask = "0x00000030" } # fsrm
"""


def test_keys_that_say_the_same_become_one() -> None:
    text = "[features]\nAVX = true # a\navx = true # b\n[registers]\n'7.ebx' = {value='0x1',mask='0x1'}\n"
    text += "'7.0.ebx' = {value='0x2',mask='0x2'} # c\n[fields]\n'1.n_logical_cpu' = '0x8'\n"
    assert model_file.formatted(text, "w.toml") == """\
format = 2

[features]
# a
avx = true # b

[fields]
n_logical_cpu = 8

[registers]
"7.0.ebx" = { value = "0x00000003", mask = "0x00000003" } # c
"""


@pytest.mark.parametrize(("raw", "items", "expected"), [
    ("['a', 'b']", ["b"], "['b']"), ("[ 'a', 'b' ]", ["a"], "[ 'a' ]"), ("[]", ["a"], '["a"]'),
    ("[\n 'a', # c\n 'b' # d\n]", ["a", "b", "e"], "[\n 'a', # c\n 'b', # d\n 'e'\n]"),
    ("[\n 'a', # c\n 'b', # d\n]", ["a"], "[\n 'a', # c\n]"),
    ("[\r\n 'a',\r\n]", ["a", "b"], "[\r\n 'a',\r\n 'b',\r\n]"),
])
def test_lists(raw: str, items: list[str], expected: str) -> None:
    assert with_items(raw, items) == expected


# -- formats --

FORMAT_1 = """\
format = 1 # old
name = "old"
[features]
avx = true
[registers]
"1.ebx[23:16]" = "0x08"
"""


@pytest.mark.parametrize("text", [FORMAT_1, FORMAT_1.replace("format = 1 # old\n", "")], ids=["1", "none"])
def test_old_files_open_and_stay_what_they_are(text: str, tmp_path: Path) -> None:
    path = tmp_path / "old.toml"
    path.write_text(text, encoding="utf-8")
    model = model_file.load(path)
    assert model_file.load_fast(path) == model and model.wished(Field.parse("1.ebx[23:16]")) == 8
    model_file.validate_file(path)
    assert model_file.save(model, path) == text.encode()
    edited = model.wish(Field.parse("1.ebx[23:16]"), 4).wish(Field.parse("4.0.eax[4:0]"), 1)
    expected = text.replace("0x08", "0x04") + '"4.0.eax[4:0]" = "0x01"\n'
    assert model_file.save(edited, path).decode() == expected
    assert model_file.formatted(expected, "old.toml").startswith("format = 2")


def test_each_step_leaves_its_document_alone() -> None:
    for number, step in enumerate(migrations.STEPS, 1):
        before = {"format": number, "name": "x"}
        assert step(before) == {"format": number + 1, "name": "x"}
        assert before == {"format": number, "name": "x"}


def test_a_newer_format_is_told_before_anything_else() -> None:
    with pytest.raises(DataError, match="format: is 3, and this tdxtui reads formats 1 to 2; a newer tdxtui reads it"):
        model_file.parse("format = 3\nunknown = 1", "w.toml")
