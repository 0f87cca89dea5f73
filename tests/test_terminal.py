"""The real program in a real terminal: it starts, draws, obeys signals, and leaves the terminal as it was."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tdxtui import model_file
from tdxtui.cpuid import Field
from tests.tui.terminal import Terminal, environment

BIT = "1.ecx.3"
TO_BIT = ["}", "j", "j", *["l"] * 28]
MODEL = 'name = "web"\nmodule = "1.5.06"\nplatform = "sapphire-rapids"\n'


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model's file."""
    path = tmp_path / "web.toml"
    path.write_text(MODEL, encoding="utf-8")
    return path


def edited(terminal: Terminal) -> None:
    """Wait for the screen and flip a bit."""
    terminal.wait_for("CPU sapphire-rapids")
    terminal.press("".join(TO_BIT), "space")
    terminal.wait_for(f"{BIT} = 1")


def test_quit_leaves_the_terminal_as_it_was(model: Path) -> None:
    with Terminal("open", model.name, cwd=model.parent) as terminal:
        terminal.wait_for("CPUID.00H  Vendor, max leaf")
        assert not terminal.as_before and re.search(r"\x1b\[[0-9;]*38;2;", terminal.raw)
        terminal.press("q")
        assert terminal.ended() == 0 and terminal.as_before and not terminal.last_words


def test_quit_with_changes_asks_first(model: Path) -> None:
    with Terminal(model.name, cwd=model.parent) as terminal:
        edited(terminal)
        terminal.press("ctrl+c")
        terminal.wait_for("web.toml has changes that are not saved")
        terminal.press("s")
        assert terminal.ended() == 0 and terminal.as_before
    assert model_file.load(model).wished(Field.parse(BIT)) == 1


def kept(model: Path) -> Path:
    """The one journal of unsaved edits."""
    (found,) = (model.parent / "state" / "tdxtui" / "recovery").glob("*.toml")
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_keeps_the_changes(model: Path, number: signal.Signals) -> None:
    with Terminal(model.name, cwd=model.parent) as terminal:
        edited(terminal)
        terminal.signal(number)
        assert terminal.ended() == 128 + number and terminal.as_before
        (line,) = terminal.last_words
    assert line == "tdxtui: ended with 1 unsaved edit; tdxtui open web.toml offers to recover"
    assert model_file.load(kept(model)).wished(Field.parse(BIT)) == 1
    assert model.read_text(encoding="utf-8") == MODEL


def test_what_a_signal_kept_is_offered_and_recovered(model: Path) -> None:
    with Terminal(model.name, cwd=model.parent) as terminal:
        edited(terminal)
        terminal.signal(signal.SIGTERM)
        terminal.ended()
    with Terminal(model.name, cwd=model.parent) as terminal:
        terminal.wait_for("1 edit, the last:")
        terminal.press("r")
        terminal.wait_for("Recovered 1 edit")
        terminal.press("s")
        terminal.wait_for("Saved web.toml")
        terminal.press("q")
        assert terminal.ended() == 0 and not terminal.last_words
    assert model_file.load(model).wished(Field.parse(BIT)) == 1
    assert not list((model.parent / "state" / "tdxtui" / "recovery").iterdir())


def test_a_stop_gives_the_terminal_back_and_going_on_takes_it_again(model: Path) -> None:
    with Terminal(model.name, cwd=model.parent) as terminal:
        edited(terminal)
        terminal.signal(signal.SIGTSTP)
        terminal.wait_until_stopped()
        assert terminal.as_before
        terminal.signal(signal.SIGCONT)
        terminal.settle(0.5)
        assert not terminal.as_before
        terminal.press("u")
        terminal.wait_for("undone")
        terminal.press("q")
        assert terminal.ended() == 0 and terminal.as_before


def test_a_state_folder_that_can_not_be_written_is_told_and_nothing_is_lost(model: Path) -> None:
    (model.parent / "state").symlink_to("/dev/null")
    with Terminal(model.name, cwd=model.parent) as terminal:
        edited(terminal)
        terminal.wait_for("Not autosaved (s saves): ")
        terminal.press("s")
        terminal.wait_for("Saved web.toml")
        terminal.press("q")
        assert terminal.ended() == 0 and not terminal.last_words


def test_a_closed_window_keeps_the_changes(model: Path) -> None:
    with Terminal(model.name, cwd=model.parent) as terminal:
        edited(terminal)
        terminal.hang_up()
        terminal.ended()
    assert model_file.load(kept(model)).wished(Field.parse(BIT)) == 1


def test_a_signal_without_changes_keeps_nothing(model: Path) -> None:
    with Terminal(model.name, cwd=model.parent) as terminal:
        terminal.wait_for("CPU sapphire-rapids")
        terminal.signal(signal.SIGTERM)
        assert terminal.ended() == 128 + signal.SIGTERM and terminal.as_before and not terminal.last_words
    assert not (model.parent / "state" / "tdxtui" / "recovery").exists()


def test_what_a_key_repaints_is_all_that_changed(model: Path) -> None:
    with Terminal("full-granite-rapids", "--module", "1.5.01", cwd=model.parent) as terminal:
        terminal.wait_for("✗ 2 conflicts")
        for keys, sign in (
            (["down", "pagedown"], "CPUID.(EAX=04H,ECX=1):EAX[31]"),
            (["]", "space"], "7.1.edx.17 can't be 1 here"),
            (["x", "down", "down", "space"], "bits changed"),
            (["escape", "end", "u", "["], "CPUID.(EAX=07H,ECX=1):EDX[14]"),
            (["m", "end", "enter"], "module 2.0.18 (read)"),
            (["c", "end", "enter", "home", "right"], "CPUID.00H:EAX[30]"),
            (["/", "p", "k", "u"], "/pku▏ 1 of 1"),
            (["enter", "W", "down"], "↑ ↓ choose a condition"),
            (["ctrl+o"], "CPUID.00H:EAX[30]"),
        ):
            terminal.press(*keys)
            terminal.wait_for(sign)
            terminal.settle(0.4)  # what comes only once the cursor rests
            before, styles = terminal.text, dict(terminal.styles)
            terminal.resize(121, 40)
            terminal.wait_for("╭─ Why")
            terminal.resize(120, 40)
            terminal.wait_for(before)
            differing = {place for place, style in styles.items() if place[1] < 120 and terminal.styles[place] != style}
            assert not differing, keys


def test_no_color_sends_no_colour(model: Path) -> None:
    with Terminal("full-granite-rapids", "-m", "1.5.01", cwd=model.parent, NO_COLOR="1") as terminal:
        terminal.wait_for("✗ 2 conflicts")
        signs = {"]": "EDX[17]", "x": "Space flips it", "m": "evidence: ", "escape": "Leaves", "S": "Save as"}
        for key, sign in signs.items():
            terminal.press(key)
            terminal.wait_for(sign)
        styles = set(";".join(re.findall(r"\x1b\[([0-9;]*)m", terminal.raw)).split(";"))
        assert styles <= {"", "0", "1", "3", "4", "7", "39", "49"}


def test_a_tiny_window(model: Path) -> None:
    with Terminal(model.name, cwd=model.parent, size=(20, 5)) as terminal:
        terminal.wait_for("needs 44x10, is 20x5")
        terminal.press("down", "space", "x")
        terminal.resize(80, 24)
        terminal.wait_for("1.5.06 · sapphire-rapids")
        terminal.press("q")
        assert terminal.ended() == 0 and terminal.as_before


@pytest.mark.parametrize(("text", "words"), [
    ("name = [", "web.toml: "),  # no TOML
    ('[features]\navx512f = "yes"\n', "features.avx512f: expected true or false"),  # found while it is read
    ('[td]\nvcpus = "[red]7"\n', "td.vcpus: "),  # found by the full check, after the first frame
])
def test_a_broken_model_is_told_in_one_line(model: Path, text: str, words: str) -> None:
    model.write_text(text, encoding="utf-8")
    with Terminal(model.name, cwd=model.parent, size=(50, 24)) as terminal:
        assert terminal.ended() == 2
        (line,) = terminal.last_words
        assert line.startswith("tdxtui: web.toml: ") and words in line
        assert terminal.settings == terminal.before


@pytest.mark.parametrize("arguments", [["nope"], ["-m", "9.9.9"], ["--theme", "no"]])
def test_a_mistake_is_told_before_the_screen_opens(tmp_path: Path, arguments: list[str]) -> None:
    with Terminal(*arguments, cwd=tmp_path) as terminal:
        assert terminal.ended() == 2
        (line,) = terminal.last_words
        assert line.startswith("tdxtui: ") and "\x1b" not in terminal.raw


@pytest.mark.parametrize("stream", ["stdin", "stdout"])
def test_without_a_terminal_one_line_says_so(tmp_path: Path, stream: str) -> None:
    with Terminal("--version", cwd=tmp_path) as terminal:
        terminal.ended()
        given, taken = (subprocess.PIPE if stream == name else terminal.slave for name in ("stdin", "stdout"))
        done = subprocess.Popen(
            [sys.executable, "-m", "tdxtui"], stdin=given, stdout=taken, stderr=subprocess.PIPE, text=True,
            env=environment(tmp_path),
        )
        output, error = done.communicate(timeout=20)
    assert done.returncode == 2 and not output
    assert error.startswith("tdxtui: the screen needs a terminal") and error.count("\n") == 1
