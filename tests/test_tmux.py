"""The installed program in tmux, used as a person would: by what is on the screen, with no knowledge of its inside."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tdxtui import model_file
from tdxtui.cpuid import Field
from tdxtui.td import XFAM
from tests.tui.terminal import environment

TMUX = shutil.which("tmux")
COMMAND = Path(sys.executable).with_name("tdxtui")
PATIENCE = 20.0
pytestmark = pytest.mark.skipif(TMUX is None or not COMMAND.exists(), reason="needs tmux and the installed command")


class Person:
    """Somebody at a terminal of 120 columns and 40 lines."""

    def __init__(self, folder: Path) -> None:
        self.socket = f"tdxtui-{uuid.uuid4().hex[:8]}"
        self.folder = folder
        self.tmux("new-session", "-d", "-x", "120", "-y", "40", "env", "PS1=ready$ ", "sh")

    def tmux(self, *words: str) -> str:
        """Run tmux on a server of its own."""
        assert TMUX is not None
        found = environment(self.folder) | {"TERM": "xterm-256color"}
        done = subprocess.run(
            [TMUX, "-L", self.socket, "-f", "/dev/null", *words], cwd=self.folder, env=found, capture_output=True,
            text=True, timeout=PATIENCE, check=True,
        )
        return done.stdout

    @property
    def screen(self) -> str:
        """What is to be seen."""
        return self.tmux("capture-pane", "-p")

    def sees(self, *texts: str) -> None:
        """Wait until all of these are on the screen."""
        end = time.monotonic() + PATIENCE
        while not all(text in self.screen for text in texts):
            assert time.monotonic() < end, f"no {texts} in:\n{self.screen}"
            time.sleep(0.05)

    def is_told(self, name: str) -> str:
        """What is in a file, once it is there."""
        end, file = time.monotonic() + PATIENCE, self.folder / name
        while not (file.exists() and file.read_text()):
            assert time.monotonic() < end, f"no {name}"
            time.sleep(0.05)
        return file.read_text()

    def types(self, text: str) -> None:
        """Type characters."""
        self.tmux("send-keys", "-l", text)

    def presses(self, *keys: str) -> None:
        """Press keys by tmux's names."""
        self.tmux("send-keys", *keys)


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    """A person in a folder with a model."""
    (tmp_path / "web.toml").write_text(
        '# mine\nname = "web"\nmodule = "1.5.06"\nplatform = "sapphire-rapids"\n[td]\nxfam = ["X87", "SSE"]\n',
        encoding="utf-8",
    )
    someone = Person(tmp_path)
    yield someone
    someone.tmux("kill-server")


def test_open_find_be_refused_enable_toggle_undo_save_quit_and_open_again(person: Person) -> None:
    person.sees("ready$")
    person.types(f"stty -a > before; {COMMAND} open web.toml; stty -a > after\n")
    person.sees("CPUID.00H", "no conflict")
    person.types("/avx512f")
    person.sees("avx512f", "1 of")
    person.presses("Enter")
    person.sees("CPUID.(EAX=07H,ECX=0):EBX[16]")
    person.presses("Space")  # refused: XFAM lacks the state
    person.sees("XFAM", "Enter shows what changes")
    person.presses("Enter")
    person.sees("Make this change?", "XFAM")
    person.presses("Enter")
    person.sees("bits changed", "● changed", "avx512f = 1")
    person.presses("Space")
    person.sees("7.0.ebx.16 = 0")
    person.types("u")
    person.sees("undone", "avx512f = 1")
    person.types("s")
    person.sees("Saved web.toml")
    person.types("q")
    person.sees("ready$")
    folder = person.folder
    assert person.is_told("before") == person.is_told("after")
    model = model_file.load(folder / "web.toml")
    assert model.xfam & XFAM["AVX512"] == XFAM["AVX512"] and model.wished(Field.parse("7.0.ebx.16")) in (1, None)
    assert (folder / "web.toml").read_text(encoding="utf-8").startswith("# mine\n")
    person.types(f"clear; {COMMAND} open web.toml\n")
    person.sees("CPUID.00H", "■ AVX512", "no conflict")
    person.types("/avx512f")
    person.presses("Enter")
    person.sees("avx512f = 1")
    person.types("q")
    person.sees("ready$")


def test_stty_is_the_same_after_each_signal(person: Person) -> None:
    person.sees("ready$")
    for name in ("TERM", "HUP", "INT"):
        # The shell waits for the program, whose number it writes down.
        person.types(f"stty -a > before; sh -c 'echo $$ > pid; exec {COMMAND} open web.toml'; stty -a > after\n")
        person.sees("CPUID.00H", "no conflict")
        subprocess.run(["kill", f"-{name}", person.is_told("pid").strip()], check=True)
        assert person.is_told("before") == person.is_told("after")
        for file in ("before", "pid", "after"):
            (person.folder / file).unlink()
        person.types("clear\n")
