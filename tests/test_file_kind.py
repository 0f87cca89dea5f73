"""tdxtui's own files are told by what is in them, whatever they are called, and never taken for another tool's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tdxtui import file_kind, importers, library, sources
from tdxtui.errors import TdxtuiError
from tests.configuration_samples import SAMPLES

FILES = {
    file_kind.MODULE: library.files("modules"), file_kind.PLATFORM: library.files("platforms"),
    file_kind.MODEL: library.presets(),
}
EACH = [(kind, path) for kind, files in FILES.items() for path in files.values()]

ONE_OF_EACH = [next(each for each in EACH if each[0] == kind) for kind in FILES]


@pytest.mark.parametrize(("kind", "path"), EACH, ids=lambda item: getattr(item, "name", str(item)))
def test_every_built_in_file_has_its_kind_and_is_nothing_to_import(kind: str, path: Path) -> None:
    assert file_kind.kind_of(path.read_bytes()) == kind
    with pytest.raises(importers.ImportFailed, match=f"is a {kind} file of tdxtui's already"):
        importers.read_path(path)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_of_another_tool_has_none(name: str) -> None:
    assert file_kind.kind_of(SAMPLES[name]) is None


def test_a_source_is_told_by_its_content(tmp_path: Path) -> None:
    files = {
        "model": (library.presets()["minimal"].read_bytes(), "model"),
        "cpu.toml": (library.files("platforms")["granite-rapids"].read_bytes(), "platform"),
        "configuration-qemu-tdx.toml": (SAMPLES["kata"], "import"),
    }
    for name, (data, kind) in files.items():
        (tmp_path / name).write_bytes(data)
        assert sources.find(str(tmp_path / name)).kind == kind


def test_a_comment_of_a_model_that_quotes_a_command_line_makes_it_none(tmp_path: Path) -> None:
    path = tmp_path / "web.conf"
    path.write_text('# qemu-system-x86_64 -cpu host -object tdx-guest,id=tdx0\nformat = 2\nname = "web"\n')
    assert sources.find(str(path)).model.name == "web"


@pytest.mark.parametrize("text", ["x" * 5000, "a\0b"])
def test_what_can_be_no_name_of_a_file_is_an_unknown_name(text: str) -> None:
    with pytest.raises(TdxtuiError, match="there is no source") as caught:
        sources.find(text)
    assert len(str(caught.value)) < 1000
    for load in (library.module, library.platform):
        with pytest.raises(library.NotFound, match=r"^there is no (module|platform) "):
            load(text)


@pytest.mark.parametrize(("kind", "path"), ONE_OF_EACH)
def test_one_that_is_taken_for_another_says_what_it_is(kind: str, path: Path) -> None:
    called = {file_kind.MODULE: "TDX module", file_kind.PLATFORM: "platform", file_kind.MODEL: "vCPU model"}
    loads = {file_kind.MODULE: library.module, file_kind.PLATFORM: library.platform}
    for wanted, load in loads.items():
        if wanted != kind:
            with pytest.raises(TdxtuiError, match=f"{path.name}: is no {called[wanted]} but a {called[kind]}$"):
                load(str(path))


def test_a_file_that_is_none_of_them_tells_its_first_mistake(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(TdxtuiError, match=r"entry: is missing; expected a table$"):
        library.module(str(path))
