"""SIGKILL at any moment: the model's file is whole, and every edit that was made half a second before is offered.

The program runs in a real terminal and is killed while it edits and saves; TDXTUI_THOROUGH=1 does it 200 times.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tdxtui import folders, journal, model_file
from tdxtui.cpuid import Field
from tests.tui.terminal import Terminal

TIMES = 200 if os.environ.get("TDXTUI_THOROUGH") == "1" else 8
MODEL = '# mine, and long enough to be cut\nname = "web"\nmodule = "1.5.06"\nplatform = "sapphire-rapids"\n'
TO_BIT = ["}", "j", "j"]  # to 1.ecx.31
BITS = {3: 28, 7: 24, 8: 23, 11: 20, 14: 17}  # bits of 1.ecx that Space flips at once, and the way to them from bit 31
GRACE, PATIENCE = 0.5, 20.0


class Edits:
    """The program being edited in; it remembers which bits were wished when."""

    def __init__(self, terminal: Terminal, rng: random.Random, wished: frozenset[int] = frozenset()) -> None:
        self.terminal, self.rng = terminal, rng
        self.wished = wished
        self.at = 0
        self.states: list[tuple[float, frozenset[int]]] = [(0.0, wished)]
        self.saved = {wished}

    def type(self, keys: str) -> None:
        """Send keys without waiting for what they draw."""
        os.write(self.terminal.master, keys.encode())

    def step(self) -> str:
        """Flip a bit, or save; what the screen will say of it."""
        if self.rng.random() < 0.3:
            self.saved.add(self.wished)
            self.type("s")
            return "Saved web.toml"
        bit = self.rng.choice(list(BITS))
        way = BITS[bit] - self.at
        self.at = BITS[bit]
        self.type(("l" if way > 0 else "h") * abs(way) + " ")
        self.wished = self.wished ^ {bit}
        return f"1.ecx.{bit} = {int(bit in self.wished)}: "

    def wait_for(self, said: str) -> None:
        """Until the screen says so: then the edit is made."""
        end = time.monotonic() + PATIENCE
        while said not in self.terminal.text:
            assert time.monotonic() < end, self.terminal.text
            self.terminal.settle(0.005)
        if self.states[-1][1] != self.wished:
            self.states.append((time.monotonic(), self.wished))


def wished_in(path: Path) -> frozenset[int]:
    """The bits that a model file wishes to be 1."""
    model = model_file.load(path)
    return frozenset(bit for bit in BITS if model.wished(Field.parse(f"1.ecx.{bit}")) == 1)


@pytest.mark.parametrize("seed", range(TIMES))
def test_a_kill_at_any_moment_costs_half_a_second_at_most(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    path = tmp_path / "web.toml"
    path.write_text(MODEL, encoding="utf-8")
    with Terminal("web.toml", cwd=tmp_path) as terminal:
        terminal.wait_for("CPU sapphire-rapids")
        terminal.settle(0.15)
        terminal.press("".join(TO_BIT))
        edits = Edits(terminal, rng)
        end = time.monotonic() + rng.uniform(0.1, 0.9)
        while time.monotonic() < end:
            edits.wait_for(edits.step())
            time.sleep(rng.choice([0, 0, 0.05, 0.2]))
        edits.step()  # and of this nobody knows how far it comes
        time.sleep(rng.uniform(0, 0.4))
        terminal.process.kill()
        killed = time.monotonic()
        if edits.states[-1][1] != edits.wished:
            edits.states.append((killed, edits.wished))
        terminal.process.wait()
    _check(path, edits, killed, monkeypatch)


def _check(path: Path, edits: Edits, killed: float, monkeypatch: pytest.MonkeyPatch) -> None:
    in_file = wished_in(path)  # raises unless the file is whole
    assert in_file in edits.saved and path.read_text(encoding="utf-8").startswith("# mine")
    monkeypatch.setenv("XDG_STATE_HOME", str(path.parent / "state"))
    assert folders.recovery().is_relative_to(path.parent)
    found = journal.abandoned(path, "web")
    assert len(found) <= 1
    got = _wished(found[0].draft) if found else in_file
    # What was so at some time from half a second before the kill on is what may come back.
    times = [when for when, _ in edits.states] + [killed]
    recent = [state for (_, state), until in zip(edits.states, times[1:], strict=True) if until >= killed - GRACE]
    assert got in recent, f"{set(got)} is none of {[set(state) for state in recent]}"
    for item in found:
        item.remove()


def _wished(draft: journal.Draft) -> frozenset[int]:
    return frozenset(bit for bit in BITS if draft.model.wished(Field.parse(f"1.ecx.{bit}")) == 1)
