"""The vCPU model's file: nothing is lost on the way, and a save that fails leaves everything as it was."""

from __future__ import annotations

import base64
import errno
import os
import stat
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tdxtui import library, model_file
from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.errors import TdxtuiError
from tdxtui.model import VcpuModel
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM

MODULES = [library.module(version) for version in library.files("modules")]
NAMES = st.text(min_size=1, max_size=20).filter(lambda text: not any(0xD800 <= ord(char) < 0xE000 for char in text))
WORDS = st.integers(0, (1 << 64) - 1)
DIGESTS = st.just(b"") | st.binary(min_size=48, max_size=48)


@st.composite
def wishes(draw: st.DrawFn) -> dict[Leaf, tuple[int, int]]:
    """Wishes for some entries of a module: fields, single bits, whole registers, anything."""
    leaves = draw(st.sampled_from([[entry.leaf for entry in module.entries] for module in MODULES]))
    masks = st.integers(1, ALL_ONES) | st.integers(0, 127).map(lambda bit: 1 << bit) | st.sampled_from(
        [0xFFFFFFFF << shift for shift in (0, 32, 64, 96)] + [0x3F0000FF << 32, 0xF << 96, ALL_ONES]
    )
    found = draw(st.dictionaries(st.sampled_from(leaves), st.tuples(st.integers(0, ALL_ONES), masks), max_size=6))
    return {leaf: (value & mask, mask) for leaf, (value, mask) in found.items()}


MODELS = st.builds(
    VcpuModel,
    name=NAMES,
    description=NAMES | st.just(""),
    module=st.sampled_from(["", "1.5.06", "../mine.toml"]),
    platform=st.sampled_from(["", "granite-rapids", "C:\\host \"1\".toml"]),
    attributes=WORDS,
    xfam=WORDS,
    config_flags=WORDS,
    tsc_mhz=st.integers(4, 400).map(lambda units: units * 25),
    max_vcpus=st.integers(1, 65535),
    num_l2_vms=st.integers(0, 3),
    arch_capabilities=st.none() | WORDS,
    mrconfigid=DIGESTS,
    mrowner=DIGESTS,
    mrownerconfig=DIGESTS,
    wishes=wishes(),
)


@given(MODELS)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_nothing_is_lost(model: VcpuModel) -> None:
    assert model_file.parse(model_file.dumps(model), "w.toml") == model


@given(MODELS)
@settings(max_examples=50, deadline=None, derandomize=True)
def test_written_twice_it_reads_the_same(model: VcpuModel) -> None:
    text = model_file.dumps(model)
    shuffled = replace(model, wishes=dict(reversed(list(model.wishes.items()))))
    assert model_file.dumps(shuffled) == text
    assert model_file.dumps(model_file.parse(text, "w.toml")) == text


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.version))
def test_each_bit_of_each_entry_survives_alone_and_among_all(module: Any) -> None:
    every = {entry.leaf: (ALL_ONES // 3, ALL_ONES) for entry in module.entries}
    model = VcpuModel("x", wishes=every)
    assert model_file.parse(model_file.dumps(model), "w.toml") == model
    striped = {leaf: (value & ALL_ONES // 5, ALL_ONES // 5) for leaf, (value, _) in every.items()}
    model = VcpuModel("x", wishes=striped)
    assert model_file.parse(model_file.dumps(model), "w.toml") == model


@pytest.mark.parametrize("known", [ATTRIBUTES, XFAM, CONFIG_FLAGS], ids=["attributes", "xfam", "config-flags"])
@pytest.mark.parametrize("case", [str, str.lower, str.title])
def test_td_bits_are_known_in_any_case(known: dict[str, int], case: Any) -> None:
    key = {id(ATTRIBUTES): "attributes", id(XFAM): "xfam", id(CONFIG_FLAGS): "config_flags"}[id(known)]
    for name, mask in known.items():
        model = model_file.parse(f'[td]\n{key} = ["{case(name)}"]', "w.toml")
        assert getattr(model, key) == mask


def test_what_is_missing_has_a_default(tmp_path: Path) -> None:
    path = tmp_path / "web-tier.toml"
    path.write_bytes(b"")
    assert model_file.load(path) == VcpuModel("web-tier")
    assert VcpuModel("x").xfam == 3


@pytest.mark.parametrize(("text", "key", "value"), [
    ('features = { avx512f = true }', "7.0.ebx.16", 1),
    ('features = { AVX512F = false }', "7.0.ebx.16", 0),
    ('features = { "7.0.ebx.16" = true }', "7.0.ebx.16", 1),
    ('features = { "sse4.1" = true }', "1.ecx.19", 1),
    ('registers = { "1.eax" = "0x000A06D1" }', "1.eax", 0xA06D1),
    ('registers = { "1.0.eax" = "0xa06d1" }', "1.eax", 0xA06D1),
    ('registers = { "7.ebx.16" = "0x1" }', "7.0.ebx.16", 1),
    ('registers = { "CPUID.(EAX=07H,ECX=0):EBX[16]" = "0x1" }', "7.0.ebx.16", 1),
    ('registers = { "4.3.eax[31:14]" = "0x3f07f" }', "4.3.eax[31:14]", 0x3F07F),
    ('registers = { "4.3.eax[31:14]" = { value = "0x1", mask = "0x3" } }', "4.3.eax[15:14]", 1),
])
def test_ways_to_write_a_wish(text: str, key: str, value: int) -> None:
    model = model_file.parse(text, "w.toml")
    assert model.wished(Field.parse(key)) == value
    assert sum(mask.bit_count() for _, mask in model.wishes.values()) == Field.parse(key).width


HEX, BASE64 = "0123456789abcDEF" * 6, "ASNFZ4mrze8B" + "+/+/" * 13


@pytest.mark.parametrize("key", ["mrconfigid", "mrowner", "mrownerconfig"])
@pytest.mark.parametrize(("text", "digest"), [(HEX, bytes.fromhex(HEX)), (BASE64, base64.b64decode(BASE64))])
def test_a_digest_is_read_as_hex_or_base64_and_written_as_hex(key: str, text: str, digest: bytes) -> None:
    model = model_file.parse(f'[td]\n{key} = "{text}" # mine\n', "w.toml")
    assert model.digests == {key: digest} and getattr(model, key) == digest
    assert f'{key} = "{digest.hex()}"\n' in model_file.dumps(model)
    assert f'{key} = "{digest.hex()}" # mine\n' in model_file.formatted(model.origin, "w.toml")
    # An edit of something else leaves it as it is written, and one of the digest what stands behind it.
    assert f'{key} = "{text}" # mine\n' in model_file.rewritten(model.origin, "", replace(model, max_vcpus=9))
    zeros: dict[str, Any] = {key: bytes(48)}
    nothing: dict[str, Any] = {key: b""}
    edited = model_file.rewritten(model.origin, "", replace(model, **zeros))
    assert f'{key} = "{"0" * 96}" # mine\n' in edited
    assert model_file.parse(model_file.rewritten(edited, "", replace(model, **nothing)), "w").digests == {}


def test_a_digest_brings_an_older_file_to_the_format_that_has_it() -> None:
    old = model_file.parse("# mine\nformat = 1\n", "w.toml", "w")
    text = model_file.rewritten(old.origin, "w.toml", replace(old, mrowner=bytes(48)))
    assert text == f'# mine\nformat = 2\n\n[td]\nmrowner = "{"0" * 96}"\n'


SMALL = VcpuModel(
    name="web-tier", description='Web servers, "small"', module="1.5.34", platform="granite-rapids",
    attributes=ATTRIBUTES["SEPT_VE_DISABLE"] | ATTRIBUTES["PERFMON"] | 1 << 45, xfam=0xE7 | 1 << 9, config_flags=4,
    tsc_mhz=2500, max_vcpus=8, arch_capabilities=0x80000,
    wishes={
        Leaf(7, 0): (1 << 64 + 16, 0x10030 << 64 | 0x20),
        Leaf(1): (0x000A06D1 << 96 | 1 << 32 + 28 | 0x10 << 64 + 16, 0xFFFFFFFF << 96 | 1 << 32 + 28 | 0xFF << 64 + 16),
        Leaf(4, 3): (0x3F07F << 110 | 0x163 << 96, 0x3FFFF << 110 | 0x3FF << 96),
    },
)
SMALL_TEXT = """\
format = 2
name = "web-tier"
description = "Web servers, \\"small\\""
module = "1.5.34"
platform = "granite-rapids"

[td]
attributes = ["SEPT_VE_DISABLE", "PERFMON", "bit 45"]
xfam = ["X87", "SSE", "AVX", "AVX512", "PKRU"]
config_flags = ["NO_RBP_MOD"]
tsc_mhz = 2500
max_vcpus = 8
num_l2_vms = 0
arch_capabilities = "0x80000"

[features]
avx = true
hle = false
avx2 = false
avx512f = true

[fields]
n_logical_cpu = 16
"4.3.num_cores_on_die" = 64
"4.3.num_threads_sharing" = 128
"4.3.cache_level" = 3
"4.3.cache_type" = "unified"

[registers]
"1.eax" = "0x000a06d1"
"4.3.eax[9:8]" = "0x1"
"7.0.edx.5" = "0x0"
"""


def test_a_small_model_is_easy_to_read() -> None:
    assert model_file.dumps(SMALL) == SMALL_TEXT
    assert model_file.parse(SMALL_TEXT, "w.toml") == SMALL


def test_a_new_model_is_short() -> None:
    assert model_file.dumps(VcpuModel("new")) == """\
format = 2
name = "new"

[td]
attributes = []
xfam = ["X87", "SSE"]
config_flags = []
tsc_mhz = 2000
max_vcpus = 1
num_l2_vms = 0

[features]

[fields]

[registers]
"""


def test_the_document_goes_from_general_to_particular() -> None:
    document = model_file.document(SMALL)
    top = ["format", "name", "description", "module", "platform"]
    assert list(document) == [*top, "td", "features", "fields", "registers"]
    assert list(document["td"])[:2] == ["attributes", "xfam"]
    assert next(iter(document["registers"])) == "1.eax"


PRESETS = sorted((Path(__file__).parents[1] / "presets").glob("*.toml"))


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: str(path.stem))
def test_the_presets_survive(path: Path) -> None:
    model = model_file.load(path)
    assert model_file.load_fast(path) == model
    assert model_file.parse(model_file.dumps(model), "w.toml") == model


@pytest.mark.parametrize(("text", "key", "value"), [
    ("n_logical_cpu = 8", "1.ebx[23:16]", 8),
    ('"4.0.cache_type" = "data"', "4.0.eax[4:0]", 1),
    ('"4.0.cache_nways" = 12', "4.0.ebx[31:22]", 11),
    ('"80000008.phys_addr_bits" = 46', "80000008.eax[7:0]", 46),
    ('family_model_stepping = "6/143/8"', "1.eax[19:16]", 8),
])
def test_fields_in_words(text: str, key: str, value: int) -> None:
    assert model_file.parse(f"[fields]\n{text}", "w.toml").wished(Field.parse(key)) == value


def test_the_text_is_no_part_of_the_model() -> None:
    one, other = (model_file.parse(text, "w.toml") for text in ("name = 'a'", "# comment\nname = \"a\""))
    assert one == other and one.origin != other.origin
    assert "origin" not in repr(one)


# -- saving --

OLD = b'name = "old"\n'


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "[web] tier.toml"
    path.write_bytes(OLD)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_saving_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    model_file.save(SMALL, path)
    assert path.read_text(encoding="utf-8") == SMALL_TEXT
    assert names(tmp_path) == ["new.toml"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_saving_keeps_the_previous_content_beside_it(old: Path) -> None:
    model_file.save(SMALL, old)
    assert names(old.parent) == ["[web] tier.toml", "[web] tier.toml.bak"]
    assert old.with_name("[web] tier.toml.bak").read_bytes() == OLD
    assert model_file.load(old) == SMALL
    model_file.save(VcpuModel("again"), old)
    assert old.with_name("[web] tier.toml.bak").read_text(encoding="utf-8") == SMALL_TEXT
    assert model_file.load(old) == VcpuModel("again")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_saving_keeps_the_mode(old: Path, mode: int) -> None:
    old.chmod(mode)
    model_file.save(SMALL, old)
    assert stat.S_IMODE(old.stat().st_mode) == mode
    assert stat.S_IMODE(old.with_name(old.name + ".bak").stat().st_mode) == mode


def test_saving_through_a_link_keeps_the_link(old: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(old.name)
    model_file.save(SMALL, link)
    assert link.is_symlink()
    assert link.readlink() == Path(old.name)
    assert model_file.load(old) == SMALL
    assert names(tmp_path) == ["[web] tier.toml", "[web] tier.toml.bak", "link.toml"]


def test_saving_through_a_link_that_leads_nowhere_makes_its_target(tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to("target.toml")
    model_file.save(SMALL, link)
    assert link.is_symlink()
    assert model_file.load(tmp_path / "target.toml") == SMALL


def failing(number: int, text: str = "") -> Any:
    def fail(*_: Any, **__: Any) -> NoReturn:
        raise OSError(number, text or os.strerror(number))

    return fail


def refused(path: Path) -> str:
    before = {name: (path.parent / name).read_bytes() for name in names(path.parent)}
    with pytest.raises(TdxtuiError) as caught:
        model_file.save(SMALL, path)
    assert names(path.parent) == list(before)
    assert path.read_bytes() == OLD
    assert str(caught.value).isprintable()
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_failing_call_leaves_the_file_and_no_rubbish(old: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    monkeypatch.setattr(os, call, failing(errno.ENOSPC))
    assert refused(old) == "can't be saved: No space left on device"


def test_a_failing_mode_leaves_the_file_and_no_rubbish(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "chmod", failing(errno.EPERM))
    assert refused(old) == "can't be saved: Operation not permitted"


def test_a_folder_that_is_read_only(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", failing(errno.EROFS))
    assert refused(old) == "can't be saved: Read-only file system"


def test_a_write_that_fails_only_after_the_copy(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy of the old content may be there already; the file itself is as it was."""
    calls, replace_file = [], os.replace

    def second_fails(*arguments: Any, **more: Any) -> None:
        calls.append(arguments)
        if len(calls) == 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        replace_file(*arguments, **more)

    monkeypatch.setattr(os, "replace", second_fails)
    with pytest.raises(TdxtuiError, match="Input/output error"):
        model_file.save(SMALL, old)
    assert old.read_bytes() == OLD
    assert names(old.parent) == ["[web] tier.toml", "[web] tier.toml.bak"]
    assert old.with_name(old.name + ".bak").read_bytes() == OLD


def test_an_interrupt_leaves_no_rubbish(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        model_file.save(SMALL, old)
    assert names(old.parent) == [old.name]
    assert old.read_bytes() == OLD


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "x.toml"
    with pytest.raises(TdxtuiError) as caught:
        model_file.save(SMALL, path)
    assert str(caught.value) == f"{path}: can't be saved: No such file or directory"


def test_what_is_no_name_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(TdxtuiError) as caught:
        model_file.save(SMALL, Path("a\0b.toml"))
    assert str(caught.value) == "a\\x00b.toml: can't be saved: embedded null byte"


def test_what_is_no_ordinary_file_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path):
        with pytest.raises(TdxtuiError) as caught:
            model_file.save(SMALL, path)
        assert str(caught.value) == f"{path}: can't be saved: it is no ordinary file"
    assert names(tmp_path) == ["pipe"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


EDITED = replace(model_file.parse('# mine\nname = "old"  # here\n', "x"), max_vcpus=3)
EDITED_TEXT = '# mine\nname = "old"  # here\n\n[td]\nmax_vcpus = 3\n'


def test_saving_keeps_the_text_that_was_read(old: Path) -> None:
    assert model_file.save(EDITED, old) == EDITED_TEXT.encode() == old.read_bytes()


def test_saving_what_is_there_already_touches_nothing(old: Path) -> None:
    before = old.stat()
    assert model_file.save(model_file.load(old), old) == OLD
    assert old.stat().st_ino == before.st_ino
    assert names(old.parent) == [old.name]


def test_a_session_keeps_its_first_copy(old: Path) -> None:
    copy = old.with_name(old.name + ".bak")
    ours = model_file.save(EDITED, old)
    for count in (4, 5):
        ours = model_file.save(replace(EDITED, max_vcpus=count), old, ours)
        assert copy.read_bytes() == OLD
    assert names(old.parent) == [old.name, copy.name]


def test_what_somebody_else_wrote_meanwhile_is_kept_too(old: Path) -> None:
    ours = model_file.save(EDITED, old)
    for number in (1, 2):
        old.write_bytes(b"# other %d" % number)
        ours = model_file.save(EDITED, old, ours)
        assert old.with_name(f"{old.name}.bak.{number}").read_bytes() == b"# other %d" % number
    assert old.with_name(old.name + ".bak").read_bytes() == OLD


def test_a_model_without_a_name_keeps_it_in_another_file(tmp_path: Path) -> None:
    (tmp_path / "web.toml").write_text("# no name\n", encoding="utf-8")
    model = model_file.load(tmp_path / "web.toml")
    model_file.save(model, tmp_path / "other.toml")
    assert model_file.load(tmp_path / "other.toml") == model
    assert (tmp_path / "other.toml").read_text(encoding="utf-8") == '# no name\n\nname = "web"\n'


def test_a_first_look_loads_nothing_heavy() -> None:
    code = (
        "import sys; from pathlib import Path; from tdxtui import model_file;"
        "model_file.load_fast(Path(sys.argv[1]));"
        "print([name for name in ('pydantic', 'tomlkit', 'tomli_w', 'tempfile') if name in sys.modules])"
    )
    path = str(library.presets()["kvm-sapphire-rapids"])
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("value", [-1, 2, 5])
def test_a_wish_that_its_field_can_not_have_is_an_error(value: int) -> None:
    with pytest.raises(ValueError, match=rf"^1\.ecx\.28 has 1 bit; {value} does not fit$"):
        VcpuModel("x").wish(Field.parse("1.ecx.28"), value)
