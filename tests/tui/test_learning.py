"""Lessons on the screen: read, done by keys, judged, answered, and gone on from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tdxtui import learn
from tdxtui.learn import progress
from tdxtui.learn.course import Course, following
from tdxtui.tui import palette
from tdxtui.tui.learning import LessonApp
from tdxtui.tui.switches import SwitchPane
from tests.tui.screen import Screen, check_golden


@asynccontextmanager
async def taken(name: str, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Screen]:
    """The screen with a lesson, as `tdxtui learn` opens it."""
    lesson = learn.lesson(name)
    found, colours = palette.load(palette.find("dark"))
    app = LessonApp(Course(lesson, lesson.start()), found, colours)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Screen(app, pilot)


def course(screen: Screen) -> Course:
    assert isinstance(screen.app, LessonApp)
    return screen.app.course


@pytest.mark.parametrize("name", learn.lessons())
@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=str)
async def test_golden_first_step_of_each_lesson(name: str, size: tuple[int, int]) -> None:
    async with taken(name, size) as screen:
        await screen.settled()
        check_golden(f"{size[0]}x{size[1]}-lesson-{name}", screen.text)


@pytest.mark.parametrize("name", learn.lessons())
async def test_all_that_is_to_be_done_in_a_lesson_is_seen_on_a_small_screen(name: str) -> None:
    async with taken(name, (80, 24)) as screen:
        for step in learn.lesson(name).steps:
            text = " ".join(" ".join(screen.pane("lesson")).split())
            assert " ".join((step.task or step.question).split()) in text
            assert all(choice.text in text for choice in step.choices)
            await screen.press("full_stop")


async def test_a_task_is_done_by_keys_and_the_lesson_goes_on() -> None:
    async with taken("xfam") as screen:
        assert "▸ Turn XFAM.AVX on" in screen.text
        await screen.press("x", "down", "down", "space")
        assert "✓ Turn XFAM.AVX on" in screen.text and screen.status.startswith("Done")
        await screen.press("full_stop")
        assert "2 of 4: Together or not at all" in screen.text and screen.cursor == "7.0.ebx.16"
        assert progress.load() == {"xfam": 1}


async def test_a_cure_does_a_task_too() -> None:
    async with taken("xfam") as screen:
        await screen.press("full_stop", "full_stop")
        await screen.press("space", "enter", "enter")
        await screen.settled()
        await screen.go("7.0.ebx.30")
        if screen.glyph("7.0.ebx.30") == "○":
            await screen.press("space")
        assert course(screen).passed


async def test_answers_are_judged_and_explained() -> None:
    async with taken("ve") as screen:
        await screen.press("A")
        assert "● A" in screen.text and "No. Look at Why" in screen.text and not course(screen).passed
        await screen.press("B")
        assert "● B" in screen.text and "Right. The module has constants" in screen.text
        await screen.press("D")
        assert screen.status == "There is no D"


async def test_the_keys_of_a_lesson() -> None:
    async with taken("ve") as screen:
        choices = len(course(screen).step.choices)
        for number, key in enumerate("ABCD"):
            await screen.press(key)
            told = f"● {key}" in screen.text if number < choices else screen.status == f"There is no {key}"
            assert told, key
        await screen.press("full_stop", "comma")
        assert course(screen).at == 0


async def test_a_switch_of_the_guest_does_a_task() -> None:
    async with taken("ve") as screen:
        await screen.press("full_stop", "r")
        assert not course(screen).passed
        guest = screen.app.query_one("#guest", SwitchPane)
        guest.select("VIRT_CPUID2")
        await screen.press("space")
        assert course(screen).passed and screen.status.startswith("Done")


async def test_a_hint_is_shown_when_it_is_asked_for() -> None:
    async with taken("leaves") as screen:
        await screen.press("semicolon")
        assert screen.status == "There is no hint here"
        await screen.press("full_stop", "full_stop", "semicolon")
        assert "Hint: Press /, type avx512f, press Enter." in screen.text


async def test_folding_leaves_what_there_is_to_do() -> None:
    async with taken("fixed-bits") as screen:
        tall = len(screen.pane("lesson"))
        await screen.press("z")
        assert len(screen.pane("lesson")) < tall and "▸ Find vmx" in screen.text
        await screen.press("z")
        assert len(screen.pane("lesson")) == tall


async def test_a_text_that_has_no_room_is_read_in_pieces() -> None:
    async with taken("leaves", (60, 20)) as screen:
        words = course(screen).step.text.split()
        shown = screen.pane("lesson")
        assert "… z shows more" in shown[-1] and "z more" in screen.text
        await screen.press("z")
        shown += screen.pane("lesson")
        assert set(words) <= set(" ".join(shown).split())
        await screen.press("z")
        assert "z all" in screen.text
        await screen.press("z")
        assert screen.pane("lesson") == shown[: len(screen.pane("lesson"))]


async def test_the_last_step_leads_to_the_next_lesson_and_the_last_lesson_to_none() -> None:
    async with taken("leaves") as screen:
        await screen.press(*["full_stop"] * 5)
        assert "Lesson 2: Fixed bits" in screen.text and screen.editor.model.name == "minimal"
        await screen.press("comma")
        assert screen.status == "This is the first step"
    async with taken("guest-dump") as screen:
        await screen.press(*["full_stop"] * 4)
        assert screen.status.startswith("That was the last lesson")


async def test_leaving_asks_nothing_though_the_document_has_changed() -> None:
    async with taken("xfam") as screen:
        await screen.press("x", "down", "down", "space")
        assert screen.editor.dirty
        await screen.press("q")
        assert not screen.app.is_running or screen.app._exit


@pytest.mark.parametrize("size", [(60, 20), (44, 14), (30, 8), (200, 60)], ids=str)
async def test_a_lesson_fits_any_window_or_says_what_it_needs(size: tuple[int, int]) -> None:
    async with taken("no-named-model", size) as screen:
        assert "▸" in screen.text or "needs 44x17" in screen.text
        await screen.press("right", "space", "full_stop", "A")
        assert all(len(line) <= size[0] for line in screen.text.splitlines())


async def test_a_resize_wraps_the_lesson_anew() -> None:
    async with taken("leaves") as screen:
        await screen.pilot.resize_terminal(80, 24)
        await screen.pilot.pause()
        assert "Lesson 1" in screen.text and max(map(len, screen.text.splitlines())) <= 80


def test_learning_goes_on_with_the_first_lesson_that_is_not_finished() -> None:
    first, second = learn.in_order()[:2]
    assert following(None).name == first.name
    progress.record(first.name, len(first.steps))
    assert following(None).name == second.name
    assert following("xfam").name == "xfam"


async def test_a_step_begins_in_the_grid_whichever_switch_the_last_one_ended_on() -> None:
    async with taken("xfam") as screen:
        await screen.press("x", "down", "down", "space", "full_stop")
        assert screen.focus == "grid" and course(screen).at == 1


async def test_being_done_takes_no_line_so_that_why_stays_in_sight() -> None:
    async with taken("fixed-bits", (80, 24)) as screen:
        tall = len(screen.pane("lesson"))
        await screen.type("/vmx")
        await screen.press("enter")
        assert course(screen).passed and len(screen.pane("lesson")) == tall
        assert "Done: . goes on" in screen.text and "1.ecx.5  vmx = 0  fixed to 0" in screen.text


async def test_a_right_answer_leaves_room_for_its_explanation() -> None:
    async with taken("ve") as screen:
        await screen.press("B")
        assert "A The module's constant" not in screen.text and "● B #VE" in screen.text
