"""A headless Chromium by its DevTools protocol: open a page, click, type, and see what it asks the network."""

from __future__ import annotations

import asyncio
import base64
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 30.0


class Browser:
    """A running browser with one page; used in an `async with` block, which ends it."""

    def __init__(self, folder: Path, size: tuple[int, int] = (1280, 860)) -> None:
        self._folder, self._size = folder, size
        self.asked: list[str] = []  # every address that the page asked for
        self.received = b""  # what came through its web sockets
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._count = 0

    async def __aenter__(self) -> Browser:
        assert CHROMIUM is not None
        words = [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", f"--user-data-dir={self._folder}",
            f"--window-size={self._size[0]},{self._size[1]}", "--remote-debugging-port=0", "about:blank",
        ]
        self._process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(await self._address(), max_msg_size=0)
        self._reading = asyncio.create_task(self._read())
        for domain in ("Page", "Network", "Runtime"):
            await self.call(f"{domain}.enable")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        await self._session.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(self._process.wait, 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    async def _address(self) -> str:
        """The page's socket, once the browser has told its port."""
        file = self._folder / "DevToolsActivePort"
        async with asyncio.timeout(PATIENCE):
            while not file.exists() or not file.read_text().count("\n"):
                await asyncio.sleep(0.1)
            port = file.read_text().splitlines()[0]
            while True:
                async with self._session.get(f"http://127.0.0.1:{port}/json") as answer:
                    pages = [item for item in await answer.json() if item["type"] == "page"]
                if pages:
                    return str(pages[0]["webSocketDebuggerUrl"])
                await asyncio.sleep(0.1)

    async def _read(self) -> None:
        async for message in self._socket:
            data = message.json()
            if "id" in data:
                self._answers.pop(data["id"]).set_result(data.get("result", {}))
                continue
            params = data.get("params", {})
            if data["method"] == "Network.requestWillBeSent":
                self.asked.append(params["request"]["url"])
            elif data["method"] == "Network.webSocketCreated":
                self.asked.append(params["url"])
            elif data["method"] == "Network.webSocketFrameReceived":
                frame = params["response"]
                text = frame["payloadData"]
                self.received += base64.b64decode(text) if frame["opcode"] == 2 else text.encode()

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Have the browser do something."""
        self._count += 1
        answer = self._answers[self._count] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._count, "method": method, "params": params})
        return await asyncio.wait_for(answer, PATIENCE)

    async def evaluate(self, expression: str) -> Any:
        """The value of a piece of script."""
        found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    async def wait_for(self, text: str) -> None:
        """Until a text has come from the server."""
        async with asyncio.timeout(PATIENCE):
            while text.encode() not in self.received:
                await asyncio.sleep(0.05)

    async def click(self, x: float, y: float) -> None:
        """Press and release the left button."""
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def type(self, text: str) -> None:
        """Type characters."""
        for char in text:
            for kind in ("keyDown", "keyUp"):
                extra = {"text": char} if kind == "keyDown" else {}
                await self.call("Input.dispatchKeyEvent", type=kind, key=char, **extra)

    async def picture(self, x: float, y: float, width: float, height: float) -> bytes:
        """A part of the page as PNG, once it doesn't change any more."""
        clip = {"x": x, "y": y, "width": width, "height": height, "scale": 1}
        last, now = b"", b"-"
        async with asyncio.timeout(PATIENCE):
            while last != now:
                await asyncio.sleep(0.15)
                last, now = now, base64.b64decode(
                    (await self.call("Page.captureScreenshot", format="png", clip=clip))["data"]
                )
        return now

    def hosts(self) -> set[str]:
        """Whom the page asked."""
        return {urlsplit(url).hostname or "" for url in self.asked if not url.startswith(("data:", "blob:", "about:"))}
