"""The shipped presets: legal where they say, and those that a command made are what it makes today."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from tdxtui import cli, library, model_file
from tdxtui.evaluate import evaluate

PRESETS = sorted((Path(__file__).parents[1] / "presets").glob("*.toml"))


def made_by(text: str) -> list[str]:
    """The words of the command in a file's comments, [] for a file that was written by hand."""
    comments = " ".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("#"))
    after = "Dropped|Forced on|Other values|Left to|Lost to|MIGRATABLE"
    found = re.search(rf"Made by: tdxtui (.*?)(?: (?:{after})|$)", comments)
    return shlex.split(found[1]) if found else []


MADE = [path for path in PRESETS if made_by(path.read_text())]


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: str(path.stem))
def test_a_preset_has_no_conflict_where_it_is_for_and_says_what_it_is_for(path: Path) -> None:
    model = model_file.load(path)
    platform = library.platform(model.platform) if model.platform else None
    assert evaluate(model, library.module(model.module), platform).conflict_count == 0
    assert model.name == path.stem
    assert len(model.description) > 30


@pytest.mark.parametrize("path", MADE, ids=lambda path: str(path.stem))
def test_a_preset_that_a_command_made_is_what_it_makes_today(path: Path, tmp_path: Path) -> None:
    model, file = model_file.load(path), tmp_path / path.name
    words = ["--name", model.name, "--description", model.description, "-q", "-o", str(file)]
    done = CliRunner().invoke(cli.commands, [*made_by(path.read_text()), *words])
    assert done.exit_code == 0, done.output
    assert file.read_text() == path.read_text()


def test_the_pools_run_on_every_cpu_and_module_that_they_are_for() -> None:
    for preset in (path for path in MADE if path.stem.startswith("pool-")):
        words = made_by(preset.read_text())
        hosts = [word for word in words[1:] if word in library.files("platforms")]
        for module in [words[at + 1] for at, word in enumerate(words) if word == "--module"]:
            for host in hosts:
                model = model_file.load(preset)
                assert evaluate(model, library.module(module), library.platform(host)).conflict_count == 0
