"""Every need of docs/needs.md is answered by the command beside it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner, Result

from tdxtui import cli
from tdxtui.cli.group import COMMANDS
from tests.documents import ROOT

TABLE = re.compile(r"^\| (N\d+) \| (.+?) \| `(tdxtui .+?)` \| (?:`(.+?)` )?\|$", re.MULTILINE)
GUEST = "show kvm-sapphire-rapids --guest --format cpuid"


class Need(NamedTuple):
    """A row: who it is of, the command, and what its output has."""

    number: str
    command: str
    has: str

    @property
    def is_there(self) -> bool:
        """Whether this version has what the command needs."""
        words = shlex.split(self.command)
        return words[1] in COMMANDS and ("--to" not in words or "export:export" in COMMANDS["export"])


PAGE = (ROOT / "docs" / "needs.md").read_text(encoding="utf-8")
NEEDS = [Need(number, command, has) for number, _, command, has in TABLE.findall(PAGE)]


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.commands, words, catch_exceptions=False)


def test_no_need_is_forgotten() -> None:
    assert [need.number for need in NEEDS] == [f"N{number}" for number in range(1, 28)]


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.number)
def test_a_need_is_answered(need: Need, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not need.is_there:
        pytest.skip(f"this version has no {need.command}")
    monkeypatch.chdir(tmp_path)
    if "guest.txt" in need.command:
        (tmp_path / "guest.txt").write_text(run(*shlex.split(GUEST)).stdout, encoding="utf-8")
    done = run(*shlex.split(need.command)[1:])
    assert done.exit_code in (0, 1), done.output
    assert need.has in done.stdout
    assert done.stdout or list(tmp_path.iterdir())
