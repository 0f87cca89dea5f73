"""The wheel: built, installed into an empty environment, and run from another folder."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tdxtui import classify, library
from tests.tui.terminal import Terminal, environment

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built with what pyproject.toml asks for, or without a network with what is here."""
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    impatient = os.environ | {"PIP_RETRIES": "0", "PIP_DEFAULT_TIMEOUT": "5"}
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, env=impatient)
    if done.returncode:
        done = subprocess.run([*words, "--no-isolation"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("tdxtui-*.whl")
    return path


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `tdxtui` of an environment that has nothing but the wheel and, from here, what it depends on."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    words = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    done = subprocess.run([*words, "--no-deps", "--no-index", str(wheel)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    # Behind the environment's own packages, and without this tree, which an editable install adds by a .pth file.
    here = sysconfig.get_path("purelib")
    (site / "dependencies.pth").write_text(f"import sys; sys.path.append({here!r})\n", encoding="utf-8")
    return folder / "bin" / "tdxtui"


@pytest.mark.parametrize("kind", ["--wheel", "--sdist"])
def test_building_twice_gives_the_same_bytes(kind: str, tmp_path: Path) -> None:
    digests = []
    for folder in ("one", "two"):
        words = [sys.executable, "-m", "build", kind, "--no-isolation", "--outdir", str(tmp_path / folder), str(ROOT)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        (built,) = (tmp_path / folder).iterdir()
        digests.append(hashlib.sha256(built.read_bytes()).hexdigest())
    assert digests[0] == digests[1]


def run(command: Path, folder: Path, *arguments: str) -> str:
    """What a command prints, run in another folder."""
    done = subprocess.run(
        [str(command), *arguments], cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


def test_the_wheel_has_all_that_is_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    data = [path for path in (ROOT / "tdxtui").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    assert {str(path.relative_to(ROOT)) for path in data} <= names and len(data) > 12
    for kind in ("themes", "presets"):
        assert {f"tdxtui/{kind}/{path.name}" for path in (ROOT / kind).glob("*.toml")} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests", "docs")) or name.endswith(".pyc")]


def test_modules_are_those_of_the_wheel(command: Path, tmp_path: Path) -> None:
    rows = json.loads(run(command, tmp_path, "modules", "--json"))
    assert [row["name"] for row in rows] == list(library.files("modules"))
    assert all(Path(row["file"]).is_relative_to(command.parents[1]) for row in rows)
    assert run(command, tmp_path, "--version").startswith("tdxtui ")


def test_bits_are_the_same(command: Path, tmp_path: Path) -> None:
    printed = run(command, tmp_path, "bits", "-m", "1.5.06", "-p", "sapphire-rapids", "--json")
    assert json.loads(printed) == classify.rows("1.5.06", "sapphire-rapids")


def test_everything_is_loaded_from_the_environment(command: Path, tmp_path: Path) -> None:
    code = """
import sys
from tdxtui import library
from tdxtui.tui import app, palette
print(library.__file__, app.__file__, palette.find("light"), *library.presets().values(), sep="\\n")
"""
    words = [str(command.with_name("python")), "-c", code]
    done = subprocess.run(words, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=60)
    found = [Path(line) for line in done.stdout.splitlines()]
    assert len(found) >= 6 and all(path.is_relative_to(command.parents[1]) for path in found), done.stdout + done.stderr


def test_the_screen_opens_on_a_preset(command: Path, tmp_path: Path) -> None:
    with Terminal("open", "full-granite-rapids", "--theme", "light", cwd=tmp_path, command=str(command)) as terminal:
        terminal.wait_for("full-granite-rapids (not saved)")
        terminal.wait_for("module 1.5.34 (read)   CPU granite-rapids   no conflict")
        terminal.press("q")
        assert terminal.ended() == 0 and terminal.as_before and not terminal.last_words
