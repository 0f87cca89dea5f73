"""The server: textual-serve's, kept to this machine and to whoever has the key that it prints."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from textual_serve.server import Server

from tdxtui.tui.serving import HOST, Request

PAGE = Path(__file__).parent / "page"
# Nothing but this server is asked for anything, whatever the page or a library in it would want.
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self' ws://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LocalServer(Server):
    """Serves the screen on loopback.

    Other users of the machine, and pages of other sites in the same browser, can reach a port on loopback too: the
    first visit needs the key of the printed address, the rest the cookie that it gives.
    """

    def __init__(self, request: Request, listening: socket.socket) -> None:
        port = listening.getsockname()[1]
        super().__init__(request.command, HOST, port, title="tdxtui", templates_path=PAGE)
        self._listening, self._request = listening, request
        self._key = secrets.token_urlsafe(16)
        self._place = f"{HOST}:{port}"
        self._cookie = f"tdxtui-{port}"

    @property
    def address(self) -> str:
        """What to open in the browser."""
        return f"http://{self._place}/?key={self._key}"

    def serve(self, debug: bool = False) -> None:
        """Serve until SIGINT, SIGTERM or SIGHUP."""
        logging.getLogger("textual-serve").addHandler(logging.NullHandler())
        loop = asyncio.new_event_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.request_exit)
        options: dict[str, Any] = {"handle_signals": False, "print": None, "access_log": None, "shutdown_timeout": 1.0}
        web.run_app(self._make_app(), sock=self._listening, loop=loop, **options)

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guard)
        app.on_response_prepare.append(self._harden)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Say where it is, and no more."""
        mode = "to look at, nothing is changed or written" if self._request.read_only else "Ctrl+C ends it"
        print(f"tdxtui: open {self.address} ({mode})", flush=True)

    # -- who may ask --

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse whoever was led here by another page or name, or has not the key."""
        origin = request.headers.get("Origin", f"http://{self._place}")
        if request.host != self._place or origin != f"http://{self._place}":
            raise web.HTTPForbidden(text=f"tdxtui answers only as http://{self._place}\n")
        asked = request.query.get("key", "") if request.path == "/" else ""
        known = request.cookies.get(self._cookie, "")
        if not any(hmac.compare_digest(self._key.encode(), given.encode()) for given in (asked, known)):
            raise web.HTTPForbidden(text="the address that tdxtui serve printed has a key; open that one\n")
        response = await handler(request)
        if request.path == "/":
            response.set_cookie(self._cookie, self._key, httponly=True, samesite="Strict")
        return response

    async def _harden(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Content-Security-Policy"] = POLICY.format(host=self._place)
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
