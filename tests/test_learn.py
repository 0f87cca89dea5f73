"""Lessons are judged by the engine, and so are they themselves; the quiz's answers are what resolve says."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from tdxtui import cli, learn
from tdxtui.errors import DataError
from tdxtui.learn import checking, lesson_file, progress, quiz
from tdxtui.learn.course import Course, following
from tdxtui.learn.perform import CannotBeDone, Statement
from tdxtui.learn.predicate import Predicate
from tdxtui.refusal import Refusal
from tdxtui.resolve import resolve

BEGIN = """
format = 1
number = 1
title = "Mine"
summary = "A lesson for tests."
model = "minimal"
module = "1.5.06"
platform = "sapphire-rapids"
"""
TASK = """
[[step]]
title = "One"
text = "Do it."
task = "Give it gfni."
done = ["gfni = 1"]
solution = ["gfni = 1"]
wrong = ["umip = 1"]
"""
QUESTION = """
[[step]]
title = "Two"
text = "Think."
question = "Is vmx fixed?"
because = "The module clears it."
[[step.choice]]
text = "Yes"
if = ["class vmx = fixed-0"]
[[step.choice]]
text = "No"
if = ["group vmx = flexible"]
"""


def made(text: str) -> learn.Lesson:
    return lesson_file.parse(BEGIN + text, "mine.toml", "mine")


@pytest.fixture
def stand() -> learn.Stand:
    return made(TASK).start()


@pytest.mark.parametrize("name", learn.lessons())
def test_each_lesson_that_is_shipped_can_be_learnt_from(name: str) -> None:
    assert checking.problems(learn.lesson(name)) == []


def test_there_are_at_least_ten_lessons_each_with_a_number_of_its_own() -> None:
    numbers = [learn.lesson(name).number for name in learn.lessons()]
    assert len(set(numbers)) == len(numbers) >= 10


@pytest.mark.parametrize("name", learn.lessons())
def test_a_step_fits_a_small_screen(name: str) -> None:
    for step in learn.lesson(name).steps:
        assert len(step.text) <= 560 and len(step.task) <= 150 and len(step.because) <= 330, step.title


@pytest.mark.parametrize(("text", "holds"), [
    ("gfni = 0", True), ("gfni = 1", False), ("gfni != 1", True), ("7.0.ecx.8 = 0", True), ("15.ebx = 104", True),
    ("15.ebx >= 104", True), ("15.ebx > 104", False), ("15.ebx < 0x69", True), ("15.ebx <= 103", False),
    ("class gfni = configured-native", True), ("group gfni = flexible", True), ("group vmx = fixed", True),
    ("guest 2.eax = ve", True), ("guest 1.ecx.27 = 0", True), ("wish gfni = none", True), ("wish hle = 0", True),
    ("XFAM.SSE = 1", True), ("XFAM.AMX = 1", False),
    ("ATTRIBUTES.SEPT_VE_DISABLE = 1", True), ("TD_CTLS.LOCK = 0", True),
    ("conflicts = 0", True), ("refusals = 0", True), ("module = 1.5.06", True), ("platform = granite-rapids", False),
    ("tsc_mhz = 2600", True), ("max_vcpus = 1", True), ("at gfni = 0", True), ("class b.0.eax = none", False),
])
def test_predicates(stand: learn.Stand, text: str, holds: bool) -> None:
    assert Predicate.parse(text).holds(stand) is holds


@pytest.mark.parametrize(("text", "word"), [
    ("gfni", "not a predicate"), ("", "not a predicate"), ("nosuch = 1", "no CPUID field"),
    ("XFAM.NO = 1", "has no bit"), ("guest nosuch = 1", "no CPUID field"), ("= 1", "not a predicate"),
])
def test_what_is_no_predicate_is_told(text: str, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Predicate.parse(text)


@pytest.mark.parametrize(("text", "then"), [
    ("gfni = 1", "gfni = 1"), ("avx512f = 1", "XFAM.AVX512 = 1"), ("wish vmx = 1", "conflicts = 1"),
    ("wish hle = none", "wish hle = none"), ("XFAM.AVX = 1", "fma = 1"), ("ATTRIBUTES.PKS = 1", "pks = 1"),
    ("module = 1.5.34", "module = 1.5.34"), ("platform = none", "platform = none"), ("tsc_mhz = 2500", "15.ebx = 100"),
    ("TD_CTLS.VIRT_CPUID2 = 1", "guest 2.eax = 0xfeff01"), ("go gfni", "at gfni = 1"), ("xfam = 0x27", "refusals = 1"),
    ("CONFIG_FLAGS.FLEXIBLE_PENDING_VE = 1", "CONFIG_FLAGS.FLEXIBLE_PENDING_VE = 1"),
])
def test_statements(stand: learn.Stand, text: str, then: str) -> None:
    assert not Predicate.parse(then).holds(stand) or then == text == "wish hle = none"
    Statement.parse(text).perform(stand)
    assert Predicate.parse(then).holds(stand)


@pytest.mark.parametrize("text", ["gfni", "XFAM.AVX = 2", "XFAM.NO = 1", "nosuch = 1", "gfni = x", "go nosuch"])
def test_what_is_no_statement_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"changes nothing|no switch|no CPUID field|invalid literal"):
        Statement.parse(text)


def test_a_statement_that_the_editor_refuses_says_why(stand: learn.Stand) -> None:
    with pytest.raises(CannotBeDone, match="vmx = 1: "):
        Statement.parse("vmx = 1").perform(stand)


def test_a_good_lesson_has_no_problem() -> None:
    assert checking.problems(made(TASK + QUESTION)) == []


@pytest.mark.parametrize(("old", "new", "problem"), [
    ('solution = ["gfni = 1"]', 'solution = ["umip = 1"]', "leaves undone: gfni = 1"),
    ('wrong = ["umip = 1"]', 'wrong = ["gfni = 1"]', "the wrong solution does the task"),
    ('done = ["gfni = 1"]', 'done = ["gfni = 0"]', "done before anything is"),
    ('if = ["group vmx = flexible"]', 'if = ["vmx = 0"]', "2 right answers"),
    ('if = ["class vmx = fixed-0"]', 'if = ["vmx = 1"]', "0 right answers"),
    ('solution = ["gfni = 1"]', 'solution = ["vmx = 1"]', "vmx = 1: "),
])
def test_a_lesson_that_teaches_wrongly_fails_the_check(old: str, new: str, problem: str) -> None:
    text = TASK + QUESTION
    assert old in text
    assert any(problem in said for said in checking.problems(made(text.replace(old, new))))


@pytest.mark.parametrize(("text", "word"), [
    ("", r"needs at least one \[\[step\]\]"),
    (TASK.replace("gfni = 1", "gfni"), "not a predicate"),
    (TASK.replace('solution = ["gfni = 1"]', ""), "needs a solution"),
    (TASK.replace('wrong = ["umip = 1"]', ""), "something wrong"),
    (TASK.replace('task = "Give it gfni."', ""), "what is then true"),
    (QUESTION.replace('because = "The module clears it."', ""), "needs its explanation"),
    (TASK + "more = 1", "not a key"),
    ('[[step]]\ntitle = "x"', "text: is missing"),
    ("[[step]", "is not TOML"),
])
def test_a_broken_lesson_says_where_and_what(text: str, word: str) -> None:
    with pytest.raises(DataError, match=word) as error:
        made(text)
    assert str(error.value).startswith("mine.toml")


def test_an_unknown_lesson_suggests_the_nearest() -> None:
    with pytest.raises(Exception, match="xfam"):
        learn.lesson("xfan")


def test_the_answer_of_a_question_is_found_in_a_copy(stand: learn.Stand) -> None:
    step = made(QUESTION.replace("question =", 'suppose = ["gfni = 1"]\nquestion =')).steps[0]
    assert step.answer(stand) == 0
    assert not Predicate.parse("gfni = 1").holds(stand)


def test_progress_is_kept_and_only_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert progress.load() == {}
    for steps in (1, 3, 2):
        progress.record("xfam", steps)
    assert progress.load() == {"xfam": 3}
    (tmp_path / "tdxtui" / "lessons.json").write_text("[")
    assert progress.load() == {}


def test_a_state_folder_that_cannot_be_written_only_forgets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    progress.record("xfam", 1)
    assert progress.load() == {}


@pytest.mark.parametrize("seed", range(40))
def test_the_answer_of_a_quiz_is_what_resolve_computes(seed: int) -> None:
    asked = quiz.question(Random(seed))
    before = resolve(asked.before.td.prepared, asked.before.td.config)
    after = resolve(asked.after.td.prepared, asked.after.td.config)
    assert not isinstance(before, Refusal) and f", reads {before.get(asked.bit)}" in asked.lines[1]
    if isinstance(after, Refusal):
        assert asked.answer == quiz.REFUSED and f"(rule {after.rule})" in asked.explanation
    else:
        assert asked.answer == after.get(asked.bit)
        assert f" = {asked.answer}" in asked.explanation
    assert asked.lesson in learn.lessons()


def test_the_quiz_asks_of_bits_that_move_and_that_stay_and_of_tds_that_are_refused() -> None:
    asked = [quiz.question(Random(seed)) for seed in range(60)]
    kinds = {(item.answer, item.before.td.get(item.bit)) for item in asked}
    assert {(0, 0), (0, 1), (1, 0), (1, 1)} <= kinds and {answer for answer, _ in kinds} == {0, 1, quiz.REFUSED}
    assert {item.lesson for item in asked} == set(quiz.LESSONS.values())


def test_the_same_seed_asks_the_same() -> None:
    runs = [CliRunner().invoke(cli.commands, ["quiz", "-n", "2", "--seed", "3", "--answers"]) for _ in range(2)]
    assert runs[0].output == runs[1].output and runs[0].exit_code == 0
    assert max(map(len, runs[0].output.splitlines())) <= 100


def test_the_quiz_counts_right_answers() -> None:
    right = [quiz.question(random).answer for random in [Random(3)] for _ in range(2)]
    typed = f"{right[0] + 1}\n{(right[1] + 1) % 3 + 1}\n"
    result = CliRunner().invoke(cli.commands, ["quiz", "-n", "2", "--seed", "3"], input=typed)
    assert result.output.endswith("1 of 2 right\n") and result.output.count("tdxtui learn ") == 1


def test_lessons_are_listed_and_checked_without_a_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    listed = CliRunner().invoke(cli.commands, ["learn", "--list"])
    assert "xfam" in listed.output and max(map(len, listed.output.splitlines())) <= 100
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(BEGIN + TASK.replace('done = ["gfni = 1"]', 'done = ["gfni = 0"]'))
    assert CliRunner().invoke(cli.commands, ["learn", str(wrong), "--check"]).exit_code == 1
    assert CliRunner().invoke(cli.commands, ["learn", "--check"]).exit_code == 0


# -- taking a lesson --


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    mine = made(TASK.replace("task =", 'hints = ["First.", "Second."]\ntask =') + QUESTION)
    return Course(mine, mine.start())


def test_a_task_is_done_once_the_stand_says_so(course: Course) -> None:
    assert not course.judge() and not course.passed
    Statement.parse("gfni = 1").perform(course.stand)
    assert course.judge() and course.passed
    assert not course.judge()
    assert progress.load() == {"mine": 1}


def test_what_was_done_stays_done_when_it_is_undone(course: Course) -> None:
    Statement.parse("gfni = 1").perform(course.stand)
    course.judge()
    Statement.parse("gfni = 0").perform(course.stand)
    assert course.passed


def test_hints_come_one_after_the_other(course: Course) -> None:
    assert [course.ask_hint() for _ in range(3)] == ["First.", "First. Second.", "First. Second."]


def test_a_wrong_answer_may_be_mended(course: Course) -> None:
    assert course.move(1)
    assert course.answer(7) is None
    assert course.answer(1) is False and not course.passed
    assert course.answer(0) is True and course.passed


def test_steps_end_where_the_lesson_does(course: Course) -> None:
    assert not course.move(-1)
    assert course.move(1) and course.is_last and not course.move(1)
    assert course.move(-1) and course.at == 0


@pytest.mark.parametrize("name", learn.lessons())
def test_a_step_can_be_begun_though_the_ones_before_were_skipped_or_spoilt(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    mine = learn.lesson(name)
    taken = Course(mine, mine.start())
    for step in range(1, len(mine.steps)):
        for text in ("wish vmx = 1", "XFAM.AVX = 1", "xfam = 0x3"):
            Statement.parse(text).perform(taken.stand)
        assert taken.move(1)
        there = mine.stand_at(step)
        assert taken.stand.editor.model.wishes == there.editor.model.wishes or all(
            number in taken._passed for number in range(step)
        )
        assert not taken.step.question or taken.answer(taken.right_answer)


@pytest.mark.parametrize("name", learn.lessons())
def test_each_lesson_can_be_taken_from_its_first_step_to_its_last(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    mine = learn.lesson(name)
    taken = Course(mine, mine.start())
    while True:
        for statement in taken.step.solution:
            statement.perform(taken.stand)
        if taken.step.question:
            assert taken.answer(taken.right_answer)
        taken.judge()
        assert taken.passed, taken.step.title
        if not taken.move(1):
            break
    assert progress.load() == {name: len(mine.steps)}


def test_a_broken_lesson_of_the_users_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = tmp_path / "tdxtui" / "lessons"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text("format = 1")
    listed = CliRunner().invoke(cli.commands, ["learn", "--list"])
    assert listed.exit_code == 0 and "xfam" in listed.stdout
    problem = f"{folder / 'mine.toml'}: number: is missing; expected a whole number"
    assert listed.stderr == f"tdxtui: lesson left out: {problem}\n"
    checked = CliRunner().invoke(cli.commands, ["learn", "--check"])
    assert checked.exit_code == 1 and "wrong: " in checked.output and "xfam: right" in checked.output
    assert following(None).name == "leaves"
