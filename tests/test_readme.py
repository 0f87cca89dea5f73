"""Every command and every file that the README shows works as it stands there."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from tdxtui import library, model_file
from tdxtui.evaluate import evaluate

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
SCREENS = [line for line in SHELL if re.match(r"tdxtui( open|$)", line)]
MAKE = re.findall(r"^    make (\w+)", README, re.MULTILINE) + re.findall(r"`make (\w+)`", README)


def environment() -> dict[str, str]:
    """The commands find this tdxtui first."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "TERM": "xterm-256color"}


@pytest.mark.parametrize("line", [line for line in SHELL if line not in SCREENS and not line.startswith("pip ")])
def test_a_command_of_the_readme_runs(line: str) -> None:
    done = subprocess.run(line, shell=True, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == (1 if line.startswith("diff ") else 0), done.stderr
    assert done.stdout or line.startswith("tdxtui fmt")
    assert done.stderr == ""


@pytest.mark.parametrize("line", SCREENS)
def test_a_screen_of_the_readme_opens(line: str, tmp_path: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        words = [sys.executable, "-m", "tdxtui", *shlex.split(line)[1:]]
        os.execve(words[0], words, {**environment(), "XDG_STATE_HOME": str(tmp_path)})
    seen, end = b"", time.monotonic() + 30
    try:
        while b"EAX" not in seen and time.monotonic() < end:
            if select.select([terminal], [], [], 0.2)[0]:
                seen += os.read(terminal, 1 << 16)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    assert b"EAX" in seen


@pytest.mark.parametrize("target", dict.fromkeys(MAKE))
def test_a_make_target_of_the_readme_exists(target: str) -> None:
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_first_commands_are_make_run_and_make_test() -> None:
    assert MAKE[:2] == ["run", "test"]
    assert README.index("make test") < README.index("pip install")


def test_the_model_of_the_readme_has_no_conflict() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert tomllib.loads(text)
    model = model_file.parse(text, "README.md")
    situation = evaluate(model, library.module(model.module), library.platform(model.platform))
    assert situation.conflict_count == 0, (situation.conflicts, situation.refusals)


def test_the_answer_of_the_readme_is_what_the_tool_says() -> None:
    (words,) = re.findall(r"^`tdxtui (why [^`]*)`:$", README, re.MULTILINE)
    done = subprocess.run([sys.executable, "-m", "tdxtui", *words.split()], capture_output=True, text=True, timeout=60)
    shown = re.findall(r"^`tdxtui why [^`]*`:\n\n((?:(?:    .*)?\n)+)", README, re.MULTILINE)[0]
    assert [line.removeprefix("    ") for line in shown.rstrip("\n").splitlines()] == done.stdout.splitlines()


def test_every_link_of_the_readme_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target
