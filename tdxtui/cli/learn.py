"""`tdxtui learn`: guided lessons on the screen; listed and checked without one; the quiz."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from tdxtui.cli import options
from tdxtui.cli.output import show
from tdxtui.errors import TdxtuiError


@click.command()
@click.argument("lesson", required=False)
@click.option("--list", "as_list", is_flag=True, help="List the lessons, and how far you have come.")
@click.option("--check", is_flag=True, help="Judge the lessons themselves: solutions, wrong ones, answers.")
@options.as_json
@click.option("--theme", help="A theme by name.")
def learn(lesson: str | None, as_list: bool, check: bool, as_json: bool, theme: str | None) -> None:
    """Learn on the screen what decides a TD's CPUID, a step at a time.

    \b
    tdxtui learn                    go on where you were
    tdxtui learn xfam               one lesson
    tdxtui learn mine.toml          one of your own
    tdxtui learn --list
    tdxtui learn --check            exit status 1 if a lesson is wrong
    """
    if check:
        _check(lesson)
    elif as_list:
        found = _rows()
        show(found, _table(found), as_json)
    else:
        _open(lesson, theme)


def _open(name: str | None, theme: str | None) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise TdxtuiError("lessons need a terminal; --list and --check don't")
    from tdxtui.tui.launch import run_lesson

    sys.exit(run_lesson(name, theme))


def _rows() -> list[dict[str, object]]:
    from tdxtui import learn as lessons
    from tdxtui.learn import progress

    done = progress.load()
    return [
        {
            "name": item.name, "number": item.number, "title": item.title, "summary": item.summary,
            "steps": len(item.steps), "done": min(done.get(item.name, 0), len(item.steps)),
        }
        for item in lessons.in_order(_left_out)
    ]


def _left_out(problem: str) -> None:
    click.echo(f"tdxtui: lesson left out: {problem}", err=True)


def _table(rows: list[dict[str, object]]) -> Iterator[str]:
    """Lines of at most 100 columns."""
    from textwrap import wrap

    for row in rows:
        yield f"{row['number']:>3}  {row['name']:<18} {row['done']}/{row['steps']}  {row['title']}"
        yield from wrap(str(row["summary"]), 100, initial_indent=" " * 29, subsequent_indent=" " * 29)


def _check(name: str | None) -> None:
    from tdxtui import learn as lessons
    from tdxtui.learn import checking

    broken: list[str] = []
    found = [lessons.lesson(name)] if name else lessons.in_order(broken.append)
    wrong = len(broken)
    for item in found:
        problems = checking.problems(item)
        wrong += bool(problems)
        click.echo(f"{item.name}: {'wrong' if problems else 'right'}, {len(item.steps)} steps")
        for problem in problems:
            click.echo(f"  {problem}")
    for problem in broken:
        click.echo(f"wrong: {problem}")
    if wrong:
        sys.exit(options.FINDINGS)


@click.command()
@click.option("--count", "-n", default=10, show_default=True, type=click.IntRange(1, 1000), help="How many questions.")
@click.option("--seed", type=int, help="Ask the same questions again; without it each quiz is another one.")
@click.option("--answers", is_flag=True, help="Print questions with their answers instead of asking.")
def quiz(count: int, seed: int | None, answers: bool) -> None:
    """Be asked what a bit reads if a setting, the module or the CPU changes; the answer comes with its reason.

    \b
    tdxtui quiz
    tdxtui quiz -n 3 --seed 7 --answers
    """
    from random import Random

    random, right = Random(seed), 0
    for number in range(1, count + 1):
        right += _ask(number, random, answers)
    if not answers:
        click.echo(f"{right} of {count} right")


def _ask(number: int, random: object, answers: bool) -> bool:
    from random import Random
    from textwrap import wrap

    from tdxtui.learn.quiz import ANSWERS, question

    assert isinstance(random, Random)
    asked = question(random)
    begin = f"{number}. "
    for line in asked.lines:
        click.echo("\n".join(wrap(line, 96, initial_indent=begin, subsequent_indent=" " * len(begin))))
        begin = " " * len(begin)
    for key, text in enumerate(ANSWERS, 1):
        click.echo(f"   {key} {text}")
    given = asked.answer if answers else _given(len(ANSWERS))
    right = given == asked.answer
    verdict = "" if answers else "Right: " if right else "No: "
    more = "" if right else f" The lesson on it: tdxtui learn {asked.lesson}"
    click.echo("\n".join(wrap(f"{verdict}{ANSWERS[asked.answer]}. {asked.explanation}{more}", 96)))
    click.echo()
    return bool(right)


def _given(most: int) -> int:
    """The answer that is typed, counted from 0."""
    typed: int = click.prompt("  ", type=click.IntRange(1, most), prompt_suffix="> ")
    return typed - 1
