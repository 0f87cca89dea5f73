"""The real program in a pseudo-terminal, and enough of a terminal to read what it draws."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import TracebackType

SEQUENCE = re.compile(
    r"\x1b(?:\[(?P<params>[0-9:;<=>?]*)[ -/]*(?P<final>[@-~])|[P\]_^].*?(?:\x1b\\|\x07)|[ -/]*[0-Z\\^-~])", re.DOTALL
)
PATIENCE = 20.0


class Terminal:
    """A running tdxtui; used in a `with` block, which ends it."""

    def __init__(self, *arguments: str, size: tuple[int, int] = (120, 40), cwd: Path, command: str = "", **env: str):
        self.size, self.raw, self._pending = size, "", b""
        self._cells: dict[tuple[int, int], str] = {}
        self.styles: dict[tuple[int, int], str] = {}
        self._style = ""
        self._row = self._column = 0
        self.master, self.slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(self.slave)
        words = [command] if command else [sys.executable, "-m", "tdxtui"]
        self.process = subprocess.Popen(
            [*words, *arguments], stdin=self.slave, stdout=self.slave, stderr=self.slave, cwd=cwd,
            env=environment(cwd) | env, start_new_session=True, preexec_fn=_take_terminal,
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for end in (self.master, self.slave):
            if end >= 0:
                os.close(end)

    # -- doing --

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size; what was drawn is gone."""
        self.size = columns, rows
        self._cells.clear()
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, *keys: str) -> None:
        """Type keys, waiting after each until the screen is quiet."""
        for key in keys:
            os.write(self.master, KEYS.get(key, key).encode())
            self.settle(0.06)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def hang_up(self) -> None:
        """Close the window."""
        for end in (self.slave, self.master):
            os.close(end)
        self.master = self.slave = -1

    # -- waiting --

    def settle(self, quiet: float) -> None:
        """Read until nothing came for a while."""
        while self._read(quiet):
            pass

    def wait_for(self, text: str) -> None:
        """Read until a text is on the screen, and all that is drawn with it."""
        end = time.monotonic() + PATIENCE
        while text not in self.text:
            running = time.monotonic() < end and self.process.poll() is None
            assert running, f"no {text!r} in:\n{self.text}{self.raw[-400:]}"
            self._read(0.2)
        self.settle(0.1)

    def wait_until_stopped(self) -> None:
        """Read until the process is stopped."""
        end = time.monotonic() + PATIENCE
        while Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            assert time.monotonic() < end, "it runs on"
            self._read(0.05)
        self.settle(0.1)

    def ended(self) -> int:
        """Read until the program has ended; its exit status."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < end, f"still running:\n{self.text}"
            if self.master >= 0:
                self._read(0.05)
            else:
                time.sleep(0.05)
        if self.master >= 0:
            self.settle(0.05)
        return self.process.returncode

    def _read(self, seconds: float) -> bool:
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        self._pending += os.read(self.master, 1 << 16)
        text = self._pending.decode(errors="ignore")
        whole = text if "\x1b" not in text[-40:] else text[: text.rindex("\x1b")]
        if whole != text and SEQUENCE.match(text, len(whole)):
            whole = text
        self._pending = self._pending[len(whole.encode()) :]
        self.raw += whole
        self._draw(whole)
        return True

    # -- seeing --

    @property
    def text(self) -> str:
        """What is on the screen."""
        rows = ("".join(self._cells.get((row, x), " ") for x in range(self.size[0])) for row in range(self.size[1]))
        return "".join(f"{row.rstrip()}\n" for row in rows)

    @property
    def last_words(self) -> list[str]:
        """The lines that were written after the screen was left."""
        rest = SEQUENCE.sub("", self.raw.rpartition("\x1b[?1049l")[2])
        return [line for line in rest.replace("\r", "").split("\n") if line.strip()]

    @property
    def settings(self) -> list[object]:
        """The terminal's settings (termios)."""
        return termios.tcgetattr(self.slave)

    @property
    def as_before(self) -> bool:
        """Whether settings, screen buffer, mouse and cursor are again as they were."""
        on = {mode for mode in (1049, 1000, 1003) if self._last(f"?{mode}h") > self._last(f"?{mode}l")}
        return self.settings == self.before and not on and self._last("?25h") > self._last("?25l")

    def _last(self, sequence: str) -> int:
        return self.raw.rfind(f"\x1b[{sequence}")

    def _draw(self, text: str) -> None:
        at = 0
        for match in SEQUENCE.finditer(text):
            self._print(text[at : match.start()])
            self._obey(match["final"], match["params"] or "")
            at = match.end()
        self._print(text[at:])

    def _print(self, text: str) -> None:
        for char in text:
            if char == "\n":
                self._row += 1
            elif char == "\r":
                self._column = 0
            elif char >= " ":
                self._cells[self._row, self._column] = char
                self.styles[self._row, self._column] = self._style
                self._column += 1

    def _obey(self, final: str | None, params: str) -> None:
        if final == "H":
            row, _, column = params.partition(";")
            self._row, self._column = int(row or 1) - 1, int(column or 1) - 1
        elif final == "m":
            self._style = params.removeprefix("0")
        elif final == "J" and params == "2":
            self._cells.clear()


KEYS = {
    "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D", "pageup": "\x1b[5~", "pagedown": "\x1b[6~",
    "home": "\x1b[H", "end": "\x1b[F", "space": " ", "enter": "\r", "escape": "\x1b", "ctrl+c": "\x03",
    "ctrl+q": "\x11", "ctrl+o": "\x0f",
}


def environment(home: Path) -> dict[str, str]:
    """The environment of a program that shall find nothing of the user's."""
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "LC_ALL", "SYSTEMROOT") if key in os.environ}
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("STATE", "DATA", "CONFIG", "CACHE")}
    return kept | folders | {"HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor"}


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
