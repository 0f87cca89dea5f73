"""The screen in a browser on this machine: a server on loopback, and for each page a process of its own.

Needs the extra ``serve`` (textual-serve), which only `server` imports.
"""

from __future__ import annotations

import json
import shlex
import socket
import sys
from dataclasses import asdict, dataclass

from tdxtui import settings
from tdxtui.errors import TdxtuiError

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Request:
    """What each page shows: the arguments of `tui.launch.make_app`."""

    name: str | None
    module: str | None
    platform: str | None
    read_only: bool
    theme: str | None
    kvm: str | None = None
    qemu: str | None = None

    @property
    def command(self) -> str:
        """The shell's words that run the app for one page; the shell itself does not stay."""
        return f"exec {shlex.join([sys.executable, '-m', 'tdxtui.tui.serving.child', json.dumps(asdict(self))])}"


def serve(request: Request, port: int) -> None:
    """Serve until a signal comes. TdxtuiError if that can't be, or the model can't be opened."""
    from tdxtui.tui import launch, opening, palette

    opening.open_editor(request.name, request.module, request.platform, request.read_only)
    launch.layers(request.kvm, request.qemu, settings.load())
    if request.theme:
        palette.load(palette.find(request.theme))
    try:
        from tdxtui.tui.serving.server import LocalServer
    except ImportError:
        raise TdxtuiError("serve needs textual-serve; install it with: pip install 'tdxtui[serve]'") from None
    LocalServer(request, _listening(port)).serve()


def _listening(port: int) -> socket.socket:
    """A socket on loopback; port 0 takes any free one."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise TdxtuiError(f"port {port} of {HOST}: {error.strerror}; --port takes another one, 0 a free one") from None
    return listening
