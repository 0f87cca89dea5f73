"""tdxtui serve: the same screen in a browser, for this machine and whoever has the key, and nothing outlives it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tdxtui import cli, model_file
from tdxtui.cpuid import Field
from tdxtui.tui import serving
from tests.tui.screen import opened
from tests.tui.terminal import environment

pytest.importorskip("textual_serve")
from aiohttp import ClientSession, WSServerHandshakeError

from tests.browser import CHROMIUM, Browser

MODEL = 'name = "web"\nmodule = "1.5.06"\nplatform = "sapphire-rapids"\n'
BIT = "1.ecx.3"
PATIENCE = 15.0


class Served:
    """A running server."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        (folder / "web.toml").write_text(MODEL, encoding="utf-8")
        words = [sys.executable, "-m", "tdxtui", "serve", "web.toml", "--port", "0", *options]
        self.process = subprocess.Popen(
            words, cwd=folder, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline()
        found = re.search(r"http://\S+", self.said)
        assert found, self.said
        self.address = found[0]
        self.root = self.address.partition("?")[0]

    def children(self) -> list[int]:
        """The processes that it runs."""
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [int(word) for word in found.stdout.split()]

    def end(self) -> None:
        """End it if it still runs."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(PATIENCE)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A server on a free port."""
    server = Served(tmp_path)
    yield server
    server.end()


def status(url: str, **headers: str) -> int:
    """What an address answers."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def gone(pid: int) -> bool:
    """Whether a process has ended, within some seconds."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


class Page:
    """What a page's web socket speaks, without a browser."""

    def __init__(self, session: ClientSession, socket: Any) -> None:
        self._session, self._socket, self.drawn = session, socket, b""

    @classmethod
    async def open(cls, served: Served) -> Page:
        """Open the page, then its socket with the cookie that the page gave."""
        from aiohttp import CookieJar

        session = ClientSession(cookie_jar=CookieJar(unsafe=True))
        async with session.get(served.address) as answer:
            assert answer.status == 200
        return cls(session, await session.ws_connect(f"{served.root}ws?width=120&height=40"))

    async def wait_for(self, text: str) -> None:
        """Until a text was drawn."""
        try:
            async with asyncio.timeout(PATIENCE):
                async for message in self._socket:
                    self.drawn += message.data if isinstance(message.data, bytes) else b""
                    if text.encode() in self.drawn:
                        return
        except TimeoutError:
            raise AssertionError(f"{text!r} did not come: {self.drawn[-300:]!r}") from None
        raise AssertionError(f"closed before {text!r}: {self.drawn[-300:]!r}")

    async def type(self, text: str) -> None:
        """Type characters."""
        self.drawn = b""
        await self._socket.send_json(["stdin", text])

    async def close(self) -> None:
        """Leave the page."""
        await self._socket.close()
        await self._session.close()


async def test_the_screen_is_served_with_its_keys_and_saves(served: Served) -> None:
    page = await Page.open(served)
    await page.wait_for("module 1.5.06 (run)")
    await page.type(f"/{BIT}\r ")
    await page.wait_for(f"{BIT} = 1")
    await page.type("s")
    await page.wait_for("Saved web.toml")
    await page.close()
    assert model_file.load(served.folder / "web.toml").wished(Field.parse(BIT)) == 1


async def test_a_closed_page_ends_its_process_and_keeps_its_edits(served: Served) -> None:
    page = await Page.open(served)
    await page.wait_for("module 1.5.06 (run)")
    (child,) = served.children()
    await page.type(f"/{BIT}\r ")
    await page.wait_for(f"{BIT} = 1")
    await page.close()
    assert gone(child)
    (kept,) = (served.folder / "state" / "tdxtui" / "recovery").glob("*.toml")
    assert model_file.load(kept).wished(Field.parse(BIT)) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_no_process_outlives_the_server(served: Served, number: signal.Signals) -> None:
    page = await Page.open(served)
    await page.wait_for("module 1.5.06 (run)")
    (child,) = served.children()
    served.process.send_signal(number)
    assert served.process.wait(PATIENCE) in (0, -number) and gone(child)
    await page.close()


async def test_read_only_changes_and_writes_nothing(tmp_path: Path) -> None:
    served = Served(tmp_path, "--read-only")
    try:
        assert "nothing is changed or written" in served.said
        page = await Page.open(served)
        await page.wait_for("read only")
        await page.type(f"/{BIT}\r ")
        await page.wait_for("read only: nothing can be changed")
        await page.type("Sother.toml\r")
        await page.wait_for("read only: nothing is written")
        await page.close()
    finally:
        served.end()
    assert (tmp_path / "web.toml").read_text(encoding="utf-8") == MODEL
    assert [path.name for path in tmp_path.iterdir()] == ["web.toml"]


async def test_the_vmm_that_the_model_is_held_against_is_shown(tmp_path: Path) -> None:
    served = Served(tmp_path, "--kvm", "7.2", "--qemu", "10.2")
    try:
        page = await Page.open(served)
        await page.wait_for("KVM 7.2 · QEMU 10.2")
        await page.close()
    finally:
        served.end()


async def test_only_who_has_the_key_and_comes_from_here_is_answered(served: Served) -> None:
    place = urlsplit(served.root).netloc
    assert status(served.address) == 200 and status(served.root) == 403 and status(served.root + "?key=x") == 403
    assert status(served.root + "static/js/textual.js") == 403 and status(served.root + "ws") == 403
    assert status(served.address, Host="evil.test") == 403
    assert status(served.address, Host=place.replace("127.0.0.1", "localhost")) == 403
    assert status(served.address, Origin="http://evil.test") == 403
    async with ClientSession() as session:
        with pytest.raises(WSServerHandshakeError):
            await session.ws_connect(f"{served.root}ws")
    assert not served.children()


def test_it_listens_on_loopback_only(served: Served) -> None:
    port = urlsplit(served.address).port
    assert urlsplit(served.address).hostname == "127.0.0.1"
    with socket.socket() as other:
        other.bind(("127.0.0.2", port or 0))  # free: it has not taken every address


def test_the_page_names_no_other_host(served: Served) -> None:
    with urllib.request.urlopen(served.address, timeout=PATIENCE) as answer:
        page, policy = answer.read().decode(), answer.headers["Content-Security-Policy"]
    hosts = {urlsplit(url).netloc for url in re.findall(r"(?:https?|wss?)://[^\"' )]+", page)}
    assert hosts == {urlsplit(served.root).netloc} and "default-src 'none'" in policy


def test_without_the_extra_one_line_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "tdxtui.tui.serving.server", raising=False)
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    with pytest.raises(SystemExit) as exit_:
        cli.main(["serve", "minimal"])
    assert exit_.value.code == 2
    said = "tdxtui: serve needs textual-serve; install it with: pip install 'tdxtui[serve]'\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(("words", "said"), [
    (["nope.xml"], "nope.xml: there is no such file"),
    (["--theme", "nope"], "there is no theme 'nope'"),
    (["-m", "9.9"], "there is no module '9.9'"),
    (["--kvm", "9.9"], "there is no KVM layer '9.9'"),
])
def test_a_mistake_is_told_before_anything_is_served(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["serve", *words])
    assert exit_.value.code == 2 and said in capsys.readouterr().err


def test_a_taken_port_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind((serving.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as exit_:
            cli.main(["serve", "minimal", "--port", str(port)])
    assert exit_.value.code == 2
    assert f"port {port} of 127.0.0.1: Address already in use; --port takes another one" in capsys.readouterr().err


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
async def test_a_browser_opens_it_clicks_a_bit_and_sees_it_change(served: Served, tmp_path: Path) -> None:
    async with Browser(tmp_path / "chromium") as browser:
        await browser.call("Page.navigate", url=served.address)
        await browser.wait_for("module 1.5.06")
        (opened_,) = [url for url in browser.asked if url.startswith("ws:")]
        size = {key: int(value[0]) for key, value in parse_qs(urlsplit(opened_).query).items()}
        columns, rows = size["width"], size["height"]
        place = await browser.evaluate(
            "(() => { const r = document.querySelector('.xterm-screen').getBoundingClientRect();"
            " return [r.x, r.y, r.width, r.height]; })()"
        )
        cell = place[2] / columns, place[3] / rows
        column, row = await _cell_of(served.folder / "web.toml", (columns, rows))
        corner = place[0] + column * cell[0], place[1] + row * cell[1]
        await browser.picture(*place)  # what has come may not be on the page yet
        await browser.click(corner[0] + cell[0] / 2, corner[1] + cell[1] / 2)
        await browser.wait_for("QEMU monitor")  # of the line above, cells that were right already are not drawn again
        before = await browser.picture(*corner, *cell)
        await browser.type(" ")
        await browser.wait_for(f"{BIT} = 1")
        assert await browser.picture(*corner, *cell) != before
        await browser.type("s")
        await browser.wait_for("Saved web.toml")
        if picture := os.environ.get("TDXTUI_PICTURE"):  # to look at
            Path(picture).write_bytes(await browser.picture(0, 0, 1280, 860))
        assert browser.hosts() == {"127.0.0.1"}, browser.asked
    assert model_file.load(served.folder / "web.toml").wished(Field.parse(BIT)) == 1


async def _cell_of(path: Path, size: tuple[int, int]) -> tuple[int, int]:
    """Where the bit stands on a screen of that size: its column and row."""
    async with opened(str(path), size=size) as screen:
        title = next(row for row, line in enumerate(screen.lines) if " CPUID.01H " in line)
        row = title + 3  # EAX, EBX, ECX
        start = screen.lines[row].index("ECX") + 3
        places = [at for at, char in enumerate(screen.lines[row]) if at > start and char in "01○●✗~v?"]
        return places[31 - 3], row


def test_a_name_reaches_the_process_whatever_the_shell_would_make_of_it(tmp_path: Path) -> None:
    odd = "a b'\"$(touch x).toml"
    command = serving.Request(odd, None, None, False, None).command.replace(sys.executable, "printf '%s\\n'", 1)
    said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=tmp_path).stdout.splitlines()
    assert json.loads(said[-1])["name"] == odd and not list(tmp_path.iterdir())
