"""The page of a model: what it says of each bit is what the engine says, and it needs nothing but itself."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tdxtui import classify, situations
from tdxtui.bit_state import states
from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.evaluate import Situation
from tdxtui.web_page import page

CASES = [
    ("full-granite-rapids", "2.0.18", "granite-rapids"), ("kvm-sapphire-rapids", "1.5.06", "sapphire-rapids"),
    ("full-granite-rapids", "1.5.34", "sapphire-rapids"), ("minimal", "1.5.01", "none"),
]
CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--virtual-time-budget=5000",
    "--enable-logging=stderr", "--v=0",
]


class Grid(HTMLParser):
    """What the page's grid says: runs with their class and group, and every bit's glyph by register row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.runs: list[dict[str, str]] = []
        self.glyphs: dict[str, list[str]] = {}
        self._entry, self._row, self._in_bits = "", "", False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "section":
            self._entry = found["id"][1:]
        self._in_bits = tag == "b" and bool(self._entry)
        if self._in_bits and "data-r" in found:
            self.runs.append(found)
        if tag == "th":
            self._row = ""

    def handle_endtag(self, tag: str) -> None:
        self._in_bits = self._in_bits and tag != "b"

    def handle_data(self, data: str) -> None:
        if self._in_bits:
            self.glyphs.setdefault(self._row, []).extend(data)
        elif re.fullmatch("E[A-D]X", data):
            self._row = f"{self._entry}.{data.lower()}"


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(case[:2]))
def case(request: pytest.FixtureRequest) -> tuple[Situation, str]:
    situation = situations.find(*request.param)
    return situation, page(situation, "tdxtui")


def test_its_classes_and_groups_are_those_of_bits(case: tuple[Situation, str]) -> None:
    situation, text = case
    shown = {run["data-r"].split()[0]: (run["data-k"], run["data-g"]) for run in Grid(text).runs}
    rows = classify.rows(situation.module.version)
    real = {}
    for row in rows:
        field = Field(Leaf(row["leaf"], row["subleaf"]), Register.parse(row["register"]), row["msb"], row["lsb"])
        real[field.key] = row["class"], row["group"]
    assert shown == real


def test_every_bit_is_drawn_in_the_state_that_the_screen_shows(case: tuple[Situation, str]) -> None:
    situation, text = case
    glyphs = Grid(text).glyphs
    assert len(glyphs) == len(situation.module.entries) * 4
    for entry in situation.module.entries:
        for register, row in zip(Register, states(situation, entry.leaf), strict=True):
            assert glyphs[f"{entry.leaf.key}.{register.key}"] == [state.glyph for state in row]


def test_every_run_has_its_reason(case: tuple[Situation, str]) -> None:
    for run in Grid(case[1]).runs:
        assert run["title"].startswith(run["data-r"].split()[0]) and len(run["title"]) > 20


def test_it_asks_for_nothing_outside(case: tuple[Situation, str]) -> None:
    text = case[1]
    assert "default-src 'none'" in text
    assert not re.search(r"(src|href)=\"(?!#|data:)|url\(|@import|https?://", text)


def test_it_is_smaller_than_half_a_megabyte(case: tuple[Situation, str]) -> None:
    assert len(case[1].encode()) < 500_000


def test_its_conflicts_are_told(case: tuple[Situation, str]) -> None:
    situation, text = case
    count = situation.conflict_count
    assert f"{count} conflict" in text if count else "comes out as the model wishes" in text


def test_what_a_model_says_of_itself_is_no_markup() -> None:
    from dataclasses import replace

    from tdxtui.evaluate import evaluate

    found = situations.find("minimal", None, "none")
    model = replace(found.model, name="<script>alert(1)</script>", description="a & b <b>")
    text = page(evaluate(model, found.module, None))
    assert "<script>alert" not in text and "a &amp; b &lt;b&gt;" in text


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_a_browser_runs_it_without_an_error_and_finds_bits(tmp_path: Path) -> None:
    text = page(situations.find(*CASES[1]), "tdxtui")
    probe = """<script>
search.value = "AVX512F"; search.dispatchEvent(new Event("input"));
const hit = document.querySelector(".hit"); hit.click();
document.body.dataset.seen = hits.textContent + "|" + why.textContent + "|" + bits.every(bit => bit.title !== "");
</script></body>"""
    file = tmp_path / "model.html"
    file.write_text(text.replace("</body>", probe), encoding="utf-8")
    words = [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", file.as_uri()]
    done = subprocess.run(words, capture_output=True, text=True, timeout=90)
    assert "CONSOLE" not in done.stderr
    (seen,) = re.findall(r'data-seen="([^"]*)"', done.stdout)
    found, reason, titled = seen.split("|")
    assert found == "1 found" and reason.startswith("7.0.ebx.16 avx512f = 1: CPUID_CONFIG 1") and titled == "true"
