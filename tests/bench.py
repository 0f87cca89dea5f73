"""Figures on speed: `make bench`. Nothing here passes or fails; quote the medians, machines differ.

The screen is timed in a real pseudo-terminal, in turn with a Textual hello world, so that a slow machine slows both.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path

from tdxtui import library, model_file
from tdxtui.evaluate import evaluate
from tdxtui.resolve import resolve
from tdxtui.sysinit import Prepared

HELLO = """
from textual.app import App
from textual.widgets import Static

class Hello(App):
    def compose(self):
        yield Static("HELLO-WORLD")

Hello().run()
"""
KEYS = {"right": b"\x1b[C", "down": b"\x1b[B", "space": b" ", "pgdn": b"\x1b[6~", "pgup": b"\x1b[5~"}
SEARCH = [*(bytes([char]) for char in b"avx512"), *[b"\x7f"] * 5]
SCREEN = [sys.executable, "-m", "tdxtui", "open", "full-granite-rapids", "-m", "2.0.18"]
COLUMNS, ROWS = 120, 40


def main() -> None:
    """Print every figure."""
    engine()
    streams()
    processes()
    screen()


def engine() -> None:
    """TDH.MNG.INIT and a model's evaluation, in this process."""
    module, platform = library.module("2.0.18"), library.platform("granite-rapids")
    model = model_file.load(library.presets()["full-granite-rapids"])
    prepared = library.prepared(module, platform)
    assert isinstance(prepared, Prepared)
    config = model.td_config(module)
    show("TDH.MNG.INIT, prepared platform", "us", repeat(lambda: resolve(prepared, config)))
    show("a model evaluated", "us", repeat(lambda: evaluate(model, module, platform)))


def repeat(what: Callable[[], object], batch: int = 500, batches: int = 11) -> list[float]:
    """Microseconds for one call, a figure for each batch."""
    out = []
    for _ in range(batches):
        begin = time.perf_counter()
        for _ in range(batch):
            what()
        out.append((time.perf_counter() - begin) / batch * 1e6)
    return out


def streams(lines: int = 5000) -> None:
    """`resolve --jsonl`, whole process: many TDs of one host, and a host of its own for each line."""
    platform = library.platform("sapphire-rapids")
    table = {leaf.key: f"{value:032x}" for leaf, value in platform.cpuid.items()}
    native = {"cpuid": table, "arch_cap": f"{platform.arch_capabilities:x}"}
    request = {"module": "1.5.06", "native": native, "xfam": "602e7", "params": {"tsc_frequency": "50"}}
    one = "".join(json.dumps({"id": number, **request}) + "\n" for number in range(lines))
    stream("resolve --jsonl, one host", one, lines)
    # Leaf 9 is read by no module, so that hosts may differ in it.
    hosts = ({**native, "cpuid": {**table, "9": f"{number:032x}"}} for number in range(lines))
    own = "".join(json.dumps({**request, "native": host}) + "\n" for host in hosts)
    stream("resolve --jsonl, each its own host", own, lines)


def stream(name: str, text: str, lines: int) -> None:
    """The rate of a stream."""
    rates = []
    for _ in range(3):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-m", "tdxtui", "resolve", "--jsonl"], input=text, text=True, check=True,
                       stdout=subprocess.DEVNULL)
        rates.append(lines / (time.perf_counter() - begin))
    show(name, "lines/s", rates)


def processes() -> None:
    """Whole processes."""
    for words in (["bits", "-m", "1.5.06", "-p", "sapphire-rapids", "--json"], ["modules"]):
        times = []
        for _ in range(9):
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-m", "tdxtui", *words], check=True, stdout=subprocess.DEVNULL)
            times.append((time.perf_counter() - begin) * 1e3)
        show(f"tdxtui {' '.join(words)}", "ms", times)


def screen(runs: int = 7) -> None:
    """First paint, keys and memory at 120x40, against hello world."""
    with tempfile.NamedTemporaryFile("w", suffix=".py") as hello:
        hello.write(HELLO)
        hello.flush()
        ours: dict[str, list[float]] = {}
        theirs: dict[str, list[float]] = {}
        for _ in range(runs):
            collect(theirs, [sys.executable, hello.name], b"HELLO-WORLD", {})
            collect(ours, SCREEN, b"EAX", KEYS)
    for name, values in ours.items():
        base = theirs.get(name)
        ratio = f"  {statistics.median(values) / statistics.median(base):.2f} x hello world" if base else ""
        show(name.partition("|")[0], name.partition("|")[2], values, ratio)


def collect(into: dict[str, list[float]], command: list[str], marker: bytes, keys: dict[str, bytes]) -> None:
    """Run a program once in a terminal and add its figures."""
    begin = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    try:
        wait_for(terminal, marker)
        into.setdefault("first paint|ms", []).append((time.perf_counter() - begin) * 1e3)
        drain(terminal, 0.7)
        into.setdefault("resident memory|MiB", []).append(resident(pid))
        for name, data in keys.items():
            for _ in range(8 if name.startswith("pg") else 22):
                milliseconds, size = press(terminal, data)
                into.setdefault(f"key {name}|ms", []).append(milliseconds)
                into.setdefault(f"key {name}, drawn|bytes", []).append(size)
        if keys:
            press(terminal, b"/")
            into.setdefault("key in a search|ms", []).extend(press(terminal, data)[0] for data in SEARCH)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def wait_for(terminal: int, marker: bytes) -> None:
    """Read until the marker has come."""
    seen, end = b"", time.perf_counter() + 60
    while marker not in seen:
        if time.perf_counter() > end:
            raise SystemExit(f"never saw {marker!r}")
        if select.select([terminal], [], [], 0.5)[0]:
            seen += os.read(terminal, 1 << 16)


def drain(terminal: int, quiet: float) -> int:
    """Read until nothing comes for a while; how many bytes came."""
    count = 0
    while select.select([terminal], [], [], quiet)[0]:
        count += len(os.read(terminal, 1 << 16))
    return count


def press(terminal: int, data: bytes) -> tuple[float, int]:
    """Milliseconds from a key to the last byte it draws, and how many bytes that is."""
    begin = last = time.perf_counter()
    os.write(terminal, data)
    count = 0
    while select.select([terminal], [], [], 0.06 if count else 3.0)[0]:
        count += len(os.read(terminal, 1 << 16))
        last = time.perf_counter()
    return (last - begin) * 1e3, count


def resident(pid: int) -> float:
    """A process's resident memory in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def show(name: str, unit: str, values: list[float], note: str = "") -> None:
    """A line: median and 95th percentile."""
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    print(f"{name:52} median {statistics.median(values):9.1f}  p95 {high:9.1f} {unit:8}{note}", flush=True)


if __name__ == "__main__":
    main()
