"""What the commands print, to the letter. TDXTUI_UPDATE_GOLDEN=1 writes it anew, to be looked at before it is kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from tdxtui import cli, shown_td
from tdxtui.td import TD_CTLS

from .guests import RUNNING, on

GOLDEN = Path(__file__).with_name("golden")
CASES = {
    "diff-1.5.01-1.5.05": "diff 1.5.01 1.5.05",
    "diff-1.5.05-1.5.06": "diff 1.5.05 1.5.06",
    "diff-1.5.06-1.5.34-model": "diff 1.5.06 1.5.34 --model kvm-sapphire-rapids",
    "diff-models": "diff minimal kvm-sapphire-rapids -m 1.5.34",
    "diff-cpus": "diff sapphire-rapids granite-rapids",
    "diff-model-dump": "diff minimal reduced.txt -m 1.5.34",
    "verify-other-vmm": "verify kvm-sapphire-rapids minimal.txt",
    "verify-other-module": "verify kvm-sapphire-rapids reduced.txt",
    "verify-other-cpu": "verify kvm-sapphire-rapids granite.txt",
    "explain": "explain sapphire-rapids minimal.txt",
    "explain-reduced": "explain sapphire-rapids reduced.txt",
    "show": "show kvm-sapphire-rapids",
    "show-unknown": "show minimal -m 1.5.34 -p none --guest",
    "show-cpuid": "show minimal --guest -f cpuid",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with dumps of three guests."""
    reduced = RUNNING._replace(td_ctls=TD_CTLS["REDUCE_VE"])
    for name, (model, module, platform), guest in (
        ("minimal", ("minimal", "1.5.06", "sapphire-rapids"), RUNNING),
        ("reduced", ("kvm-sapphire-rapids", "1.5.34", "sapphire-rapids"), reduced),
        ("granite", ("kvm-sapphire-rapids", "1.5.06", "granite-rapids"), RUNNING),
    ):
        (tmp_path / f"{name}.txt").write_text("\n".join(shown_td.raw(on(model, module, platform), guest)[0]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("case", CASES)
def test_what_is_printed_is_what_it_was(case: str, folder: Path) -> None:
    printed = CliRunner().invoke(cli.commands, CASES[case].split(), standalone_mode=False).output
    assert all(len(line) <= 100 and line == line.rstrip() for line in printed.splitlines())
    file = GOLDEN / f"{case}.txt"
    if os.environ.get("TDXTUI_UPDATE_GOLDEN"):
        file.write_text(printed, encoding="utf-8")
    assert printed == file.read_text(encoding="utf-8")
