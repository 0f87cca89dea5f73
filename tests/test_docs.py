"""Every command that the README and docs/ show works as it stands there, in the order of its page."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from tdxtui import cli, library, model_file
from tdxtui.cli.group import COMMANDS
from tdxtui.evaluate import evaluate
from tests.documents import PAGES, ROOT, Command, File, anchors, commands, links, same, steps
from tests.importers.samples import cpuid_r
from tests.picture import PICTURES

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKE = re.findall(r"^    make (\w+)", README, re.MULTILINE) + re.findall(r"`make (\w+)`", README)
SCREENS = list({command.line: command for page in PAGES for command in commands(page) if command.is_screen}.values())
SHELL = set("|<>*;&$`~")
NOT_RUN = (
    "pip ", "make ", "apt", "git ", "python3 -m venv", "~/", "eval ", ". ", "source ", "qemu-", "virt-", "gcc ", "cc ",
)


def environment(home: Path) -> dict[str, str]:
    """The commands find this tdxtui first, and a home of their own."""
    mine = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "TERM": "xterm-256color"}
    return {**os.environ, **mine, "HOME": str(home), "XDG_DATA_HOME": "", "XDG_STATE_HOME": "", "XDG_CONFIG_HOME": ""}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that looks like a checkout, with the README's model in it as web-tier.toml and models/web-tier.toml."""
    here = tmp_path / "checkout"
    shutil.copytree(ROOT / "presets", here / "presets")
    shutil.copytree(ROOT / "tdxtui" / "data", here / "tdxtui" / "data")
    shutil.copytree(ROOT / "docs" / "examples", here / "docs" / "examples")
    (here / "models").mkdir()
    for path in ("web-tier.toml", "models/web-tier.toml"):
        (here / path).write_text(model_of_the_readme(), encoding="utf-8")
    return here


def model_of_the_readme() -> str:
    return str(re.findall(r"```toml\n(format = .*?)```", README, re.DOTALL)[0])


def run(command: Command, folder: Path) -> tuple[int, str]:
    """The exit status of a command line in a folder, and what it prints."""
    if command.line.startswith("tdxtui ") and command.status != 2 and not SHELL & set(command.line):
        # What needs neither a shell nor the words for bad input needs no process of its own.
        done = CliRunner(env=environment(folder.parent)).invoke(cli.commands, shlex.split(command.line)[1:])
        return done.exit_code, done.output + ("Traceback" if isinstance(done.exception, Exception) else "")
    ended = subprocess.run(
        command.line, shell=True, executable="/bin/bash", cwd=folder, env=environment(folder.parent), timeout=120,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    return ended.returncode, ended.stdout


def write(file: File, folder: Path) -> None:
    """Put a file of a page where its commands look for it."""
    path = folder / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(file.text, encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_run_in_its_order_and_print_what_it_shows(
    page: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    for command in steps(page):
        if isinstance(command, File):
            write(command, checkout)
            continue
        if command.is_screen or command.line.startswith(NOT_RUN):
            continue
        status, printed = run(command, checkout)
        assert status == command.status, f"{command.line}\n{printed[-2000:]}"
        assert "Traceback" not in printed, command.line
        if command.printed is not None:
            assert same(command.printed, printed.rstrip().splitlines()), f"$ {command.line}\n{printed}"


@pytest.mark.parametrize("command", SCREENS, ids=lambda command: command.line)
def test_a_screen_that_a_page_opens_is_drawn(command: Command, checkout: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(checkout)
        words = [sys.executable, "-m", "tdxtui", *shlex.split(command.line)[1:]]
        os.execve(words[0], words, environment(checkout.parent))
    seen, end = b"", time.monotonic() + 30
    marker = b"127.0.0.1" if " serve" in command.line else b"EAX"
    try:
        while marker not in seen and time.monotonic() < end:
            if select.select([terminal], [], [], 0.2)[0]:
                seen += os.read(terminal, 1 << 16)
    except OSError:
        pass
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    assert marker in seen, seen[-2000:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in links(page):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_every_command_is_shown_on_some_page() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    missing = [name for name in COMMANDS if not re.search(rf"\btdxtui {name}\b", text)]
    assert not missing


@pytest.mark.parametrize("target", dict.fromkeys(MAKE))
def test_a_make_target_of_the_readme_exists(target: str) -> None:
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_first_commands_are_make_run_and_make_test() -> None:
    assert MAKE[:2] == ["run", "test"]
    assert README.index("make test") < README.index("pip install")


def test_the_model_of_the_readme_has_no_conflict() -> None:
    text = model_of_the_readme()
    assert tomllib.loads(text)
    model = model_file.parse(text, "README.md")
    situation = evaluate(model, library.module(model.module), library.platform(model.platform))
    assert situation.conflict_count == 0, (situation.conflicts, situation.refusals)


def test_the_map_has_every_page_and_the_presets_page_every_preset() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / target.partition("#")[0]).resolve() for target in links(index)}
    assert {page for page in PAGES if page.parent != ROOT and page != index} <= linked
    presets = (ROOT / "docs" / "presets.md").read_text(encoding="utf-8")
    assert [path.stem for path in (ROOT / "presets").glob("*.toml") if f"`{path.stem}`" not in presets] == []


def test_every_page_is_reached_from_the_readme() -> None:
    seen, left = set[Path](), [ROOT / "README.md"]
    while left:
        page = left.pop()
        seen.add(page)
        targets = ((page.parent / target.partition("#")[0]).resolve() for target in links(page))
        left += {target for target in targets if target.suffix == ".md" and target.is_file()} - seen
    assert set(PAGES) <= seen


def test_pictures_are_those_of_the_table_and_ask_for_nothing_else() -> None:
    pictures = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "pictures").glob("*.svg")}
    assert set(pictures) == set(PICTURES)
    for text in pictures.values():
        assert not re.findall(r"""(?:href|src|url)\s*[=(]\s*["']?(?:https?:)?//[^"')]*""", text)


def test_the_model_of_the_readme_is_in_the_examples() -> None:
    assert (ROOT / "docs" / "examples" / "web-tier.toml").read_text(encoding="utf-8") == model_of_the_readme()


def test_the_example_host_is_the_built_in_sapphire_rapids() -> None:
    example = (ROOT / "docs" / "examples" / "host.txt").read_bytes()
    assert example == cpuid_r((0,), library.platform("sapphire-rapids").cpuid)
