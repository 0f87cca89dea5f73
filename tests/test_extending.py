"""The worked examples of docs/extending.md do what the page says."""

from __future__ import annotations

import sys
from types import MappingProxyType, ModuleType

import pytest

from tdxtui import exporters, importers, model_file
from tdxtui.cpuid import Leaf
from tdxtui.dump import Dump
from tdxtui.exporters import Format
from tdxtui.exporters.formats import UNTRIED
from tdxtui.importers import ImportFailed, registry
from tests.documents import ROOT, file_of

PAGE = ROOT / "docs" / "extending.md"
TEXT = PAGE.read_text(encoding="utf-8")
SAMPLE = file_of(PAGE, "acme.txt").encode()


def added(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's file as the module that it is to become."""
    name = path.removesuffix(".py").replace("/", ".")
    module = ModuleType(name)
    exec(compile(file_of(PAGE, path), path, "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> None:
    added("tdxtui/importers/acme.py", monkeypatch)
    assert '`"acme": "importers.acme",`' in TEXT
    monkeypatch.setitem(registry.MODULES, "acme", "importers.acme")


@pytest.mark.usefixtures("acme")
def test_the_importer_of_the_page_reads_its_sample() -> None:
    found = importers.read(SAMPLE, "acme.txt")
    assert found.format == "acme"
    assert isinstance(found.what, Dump)
    assert found.what.cpus[0].cpuid[Leaf(1)] == 0x000806F8_00800800_7FFEFBFF_BFEBFBFF


@pytest.mark.usefixtures("acme")
def test_the_importer_of_the_page_says_which_line_is_wrong() -> None:
    with pytest.raises(ImportFailed, match=r"acme.txt: line 3: expected 32 hex digits"):
        importers.read(SAMPLE.replace(b"bfebfbff", b"bfebfbf"), "acme.txt")


def test_the_exporter_of_the_page_writes_the_names_of_a_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    added("tdxtui/exporters/flags.py", monkeypatch)
    row = next(line for line in TEXT.splitlines() if line.startswith('Format("flags"'))
    made = eval(row.rstrip(","), {"Format": Format, "UNTRIED": UNTRIED})
    monkeypatch.setattr(exporters, "FORMATS", MappingProxyType({**exporters.FORMATS, made.name: made}))
    text = str(exporters.export(model_file.load(ROOT / "presets" / "minimal.toml"), "flags").content)
    names = text.splitlines()[-1].split()
    assert {"hypervisor", "aes", "rdseed"} <= set(names)
    assert not {"avx", "vmx"} & set(names)
    assert text.startswith("# tdxtui ")
