"""The rules that tdxtui cites: each of them can be looked up, in words of its own that need no other source."""

from __future__ import annotations

import ast
import csv
import json
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tdxtui import cli, library, rules, situations
from tdxtui.anatomy import anatomy
from tdxtui.cpuid import Field, Register
from tdxtui.errors import TdxtuiError
from tdxtui.explain import Explainer
from tdxtui.guest_reads import sentences
from tdxtui.module import Module
from tdxtui.rules import cited

PACKAGE = Path(rules.__file__).parent
FILE = PACKAGE / "data" / "catalog" / "rules.csv"
MODULES = list(library.files("modules"))
MODULE_FILES = sorted((PACKAGE / "data" / "modules").glob("*.toml"))
SOURCES = sorted(PACKAGE.rglob("*.py"))

# Sections in their order, with the number of rules that each has.
SECTIONS = {
    "1.": 10, "2.": 3, "3.": 3, "4.": 7, "5.": 12, "6.": 3, "7.": 4, "A": 15, "B": 8, "C": 5, "D": 9, "D5.": 7, "E": 6,
    "F": 2, "G": 6, "H": 6, "I": 10, "5.C": 14, "5.T": 2, "6.C": 8, "6.T": 1,
}
# A list of rules and nothing else, as statements of modules and refusals carry it.
LIST = re.compile(r"[1-7A-I][\w.]*(, [1-7A-I][\w.]*)*")
# How text cites: in brackets, or after the word.
MENTION = re.compile(r"\(([^()]*)\)|\brules? ([A-I\d][\w.]*)")


def numbers() -> list[str]:
    """All numbers in their order."""
    return [item.number for item in rules.rules()]


def unknown(found: Iterable[str]) -> set[str]:
    """Those of some numbers that can't be looked up."""
    return {number for number in found if rules.rule(number) is None}


def every_bit(module: Module) -> Iterator[Field]:
    """All bits of all entries."""
    for entry in module.entries:
        for register in Register:
            for number in range(32):
                yield Field.bit(entry.leaf, register, number)


def mentioned(text: str) -> list[str]:
    """The rules that a text cites."""
    return [number for found in MENTION.findall(text) for part in found for number in cited(part)]


def rule_values(value: Any) -> Iterator[str]:
    """Every `rule` in a module file."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "rule":
                yield inner
            yield from rule_values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from rule_values(inner)


def strings(path: Path) -> list[str]:
    """The string constants of a Python file, parts of f-strings included."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def comments(path: Path) -> list[str]:
    """The comments of a Python file."""
    with path.open(encoding="utf-8") as file:
        return [token.string for token in tokenize.generate_tokens(file.readline) if token.type == tokenize.COMMENT]


def run(*words: str) -> Result:
    """What `tdxtui rule` answers."""
    return CliRunner().invoke(cli.commands, ["rule", *words], standalone_mode=False)


# -- everything that is cited exists --


@pytest.mark.parametrize("path", MODULE_FILES, ids=lambda path: path.stem)
def test_each_rule_of_a_module_file_can_be_looked_up(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    values = [part for value in rule_values(tomllib.loads(text)) for part in value.split(", ")]
    assert len(values) > 30
    assert unknown(values) == set()
    remarks = [line.split("#", 1)[1] for line in text.splitlines() if "#" in line]
    assert unknown(number for remark in remarks for number in cited(remark)) == set()


@pytest.mark.parametrize("version", MODULES)
def test_each_rule_that_decides_a_bit_can_be_looked_up(version: str) -> None:
    module = library.module(version)
    found: set[str] = set()
    for bit in every_bit(module):
        about = anatomy(module, bit)
        found.update(rule for _, rule in (*about.base, *about.gates))
        found.update(number for text in sentences(module, bit) for number in mentioned(text))
    parts = {part for rule in found for part in rule.split(", ")}
    assert {"1.10", "1.5", "4.2", "5.4", "5.7", "7.4"} <= parts
    assert unknown(parts) == set()


@pytest.mark.parametrize("version", MODULES)
def test_each_rule_that_a_reason_shows_can_be_looked_up(version: str) -> None:
    found = situations.find("full-granite-rapids", version, "granite-rapids")
    explainer = Explainer(found.td)
    bits = [bit for bit in every_bit(found.module) if bit.leaf.leaf in (1, 7, 0xD, 0x23) and bit.lsb % 3 == 0]
    shown = {part for bit in bits for term in explainer.reason(bit).terms for part in term.rule.split(", ")}
    assert {"1.10", "4.2", "5.7"} <= shown
    assert unknown(shown) == set()


def test_each_rule_that_a_refusal_or_a_remark_in_the_source_cites_can_be_looked_up() -> None:
    lists = {text for path in SOURCES for text in strings(path) if LIST.fullmatch(text) and cited(text)}
    assert {"2.1", "3.1", "3.3", "4.6", "6.C1", "G3", "H4"} <= lists
    assert unknown(number for text in lists for number in cited(text)) == set()
    remarks = [text for path in SOURCES for text in (*strings(path), *comments(path))]
    assert {"7.2", "D5.4", "5.C1", "I5"} <= {number for text in remarks for number in mentioned(text)}
    assert unknown(number for text in remarks for number in mentioned(text)) == set()


def test_a_rule_sends_the_reader_only_to_rules_that_exist() -> None:
    # A leaf is written like a rule (7.1), so it's the word that makes it one.
    sent = [number for item in rules.rules() for number in re.findall(r"\brules? ([A-I\d][\w.]*\w)", item.sentence)]
    assert len(sent) > 20
    assert unknown(sent) == set()


# -- the table --


def test_rules_stand_in_their_order_without_a_gap_within_what_is_numbered_through() -> None:
    assert len(set(numbers())) == len(numbers()) == sum(SECTIONS.values())
    parts = [re.fullmatch(r"(.*?)(\d+)", number) for number in numbers()]
    sections = [found[1] for found in parts if found]
    # D5's own steps follow it, so D comes twice.
    assert list(dict.fromkeys(sections)) == list(SECTIONS)
    assert {section: sections.count(section) for section in SECTIONS} == SECTIONS
    for section in SECTIONS:
        places = [int(found[2]) for found in parts if found and found[1] == section]
        assert places == sorted(places)
        assert section.endswith("T") or places == list(range(1, len(places) + 1)), section
    assert numbers()[numbers().index("D5") + 1] == "D5.1" and numbers()[numbers().index("D5.7") + 1] == "D6"


def test_the_file_has_three_columns_and_no_stray_space() -> None:
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["rule", "title", "sentence"]
    assert [tuple(row) for row in rows[1:]] == list(rules.rules())
    assert all(cell == cell.strip() and cell.isascii() for row in rows for cell in row)


def test_titles_are_short_and_each_is_given_once() -> None:
    titles = [item.title for item in rules.rules()]
    assert len(set(titles)) == len(titles)
    assert [title for title in titles if not 3 <= len(title) <= 40 or title.endswith(".")] == []


def test_a_rule_says_one_or_two_sentences_and_no_two_rules_say_the_same() -> None:
    texts = [item.sentence for item in rules.rules()]
    assert len({text.casefold() for text in texts}) == len(texts)
    for text in texts:
        assert 60 <= len(text) <= 300 and text.endswith("."), text
        assert text[0].isupper() or text[0].isdigit(), text
        assert 1 <= len(re.findall(r"[.](?= [A-Z\d]|$)", text)) <= 2, text


def test_sentences_speak_of_modules_and_not_of_texts_about_them() -> None:
    foreign = re.compile(r"\b(cfg|nat|spec|shared|semantics|mng_init|sys_init|vectors?)\b|\.md\b|\[inf")
    assert [item.number for item in rules.rules() if foreign.search(item.sentence)] == []


# -- looking up --


def test_a_rule_is_found_in_any_case_of_letters() -> None:
    found = rules.rule("5.c10")
    assert found is not None and found.number == "5.C10" and found is rules.rule("5.C10")
    assert rules.rule("d5.7") is not None
    assert [rules.rule(text) for text in ("", "5", "D", "5.", "5.99", "D5.8", "1.5.06", "5.1 ")] == [None] * 8


def test_rules_are_read_once() -> None:
    assert all(one is other for one, other in zip(rules.rules(), rules.rules(), strict=True))


def test_numbers_are_found_in_text() -> None:
    assert cited("5.1, E2, I2") == ["5.1", "E2", "I2"]
    assert cited("decided at run time (rule 7.2, D5.3).") == ["7.2", "D5.3"]
    assert cited("5.C10; 6.T13, 1.10 and G4") == ["5.C10", "6.T13", "1.10", "G4"]
    assert cited("9.9 isn't one, D99 looks like one") == ["D99"]


def test_versions_leaves_and_bits_are_no_numbers_of_rules() -> None:
    assert cited("1.5.06, 2.0.18, 7.1.eax.6, 7.0.ebx.16, 1F.5, EAX[31:14], A06D0, protocol 1, 7.0") == []


@pytest.mark.parametrize("item", rules.rules(), ids=lambda item: item.number)
def test_each_number_is_recognized_where_it_is_cited(item: rules.Rule) -> None:
    assert cited(f"so it is (rule {item.number}).") == [item.number]


# -- the command --


def test_without_a_number_all_rules_are_listed() -> None:
    lines = run().output.splitlines()
    assert [tuple(line.split(maxsplit=1)) for line in lines] == [(item.number, item.title) for item in rules.rules()]
    assert len({line.index(item.title) for line, item in zip(lines, rules.rules(), strict=True)}) == 1
    assert lines[0].startswith("1.1    ") and max(map(len, lines)) <= 50


@pytest.mark.parametrize("item", rules.rules(), ids=lambda item: item.number)
def test_a_number_gives_title_and_sentence_in_lines_that_fit(item: rules.Rule) -> None:
    head, *body = run(item.number).output.splitlines()
    assert head == f"{item.number}  {item.title}"
    assert " ".join(body) == item.sentence
    assert all(len(line) <= 100 and line == line.strip() for line in body)


def test_several_numbers_are_answered_in_their_order_with_a_line_between() -> None:
    blocks = run("d7", "5.c1").output.rstrip("\n").split("\n\n")
    assert [block.split()[0] for block in blocks] == ["D7", "5.C1"]
    assert run("5.1, E2, I2").output == run("5.1,", "E2,", "i2").output == run("5.1", "E2", "I2").output


def test_json_has_the_same_for_programs() -> None:
    assert json.loads(run("--json").output) == [item._asdict() for item in rules.rules()]
    (found,) = json.loads(run("g4", "--json").output)
    assert found["number"] == "G4" and set(found) == {"number", "title", "sentence"}


@pytest.mark.parametrize(
    ("number", "near"),
    [
        ("5.13", "5.12, 5.11, 5.10, 5.9"),
        ("7", "7.1, 7.2, 7.3, 7.4"),
        ("5.c15", "5.C14, 5.C13, 5.C12, 5.C11"),
        ("5.T21", "5.T22, 5.T23"),
        ("D5.8", "D5.7, D5.6, D5.5, D5.4"),
        ("i", "I1, I2, I3, I4"),
    ],
)
def test_an_unknown_number_is_told_with_the_nearest(number: str, near: str) -> None:
    result = run("5.4", number)
    assert isinstance(result.exception, TdxtuiError)
    assert str(result.exception) == f"there is no rule {number}; the nearest are {near}"
    assert not result.output


@pytest.mark.parametrize("number", ["avx512f", "\x1b[31m", "9" * 5000, "é" * 300, "²", "-", "٣"])
def test_what_is_no_number_at_all_is_told_in_one_short_line(number: str) -> None:
    result = run("--", number)
    assert isinstance(result.exception, TdxtuiError)
    text = str(result.exception)
    assert text.startswith("there is no rule ") and len(text) < 120 and text.isprintable()


def test_nothing_between_commas_is_told() -> None:
    result = run(",")
    assert isinstance(result.exception, TdxtuiError) and "tdxtui rule" in str(result.exception)


def test_an_unknown_number_ends_with_2_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["rule", "5.99"])
    out, err = capsys.readouterr()
    assert ended.value.code == 2 and not out
    assert err == "tdxtui: there is no rule 5.99; the nearest are 5.12, 5.11, 5.10, 5.9\n"


def test_looking_up_loads_nothing_of_modules_or_the_screen() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from tdxtui import cli; "
        "CliRunner().invoke(cli.commands, ['rule', '5.4'], catch_exceptions=False); "
        "print(*sorted({'pydantic', 'textual', 'tomlkit', 'tdxtui.module', 'tdxtui.resolve'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout == "\n" and not done.stderr
