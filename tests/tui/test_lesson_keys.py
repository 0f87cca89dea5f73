"""What the hints of the lessons say to press does the tasks."""

from __future__ import annotations

import pytest

from tdxtui import learn
from tdxtui.tui.lesson_text import LETTERS
from tdxtui.tui.switches import SwitchPane
from tests.tui.screen import Screen
from tests.tui.test_learning import course, taken

# The keys of each task, questions left out: /name searches and stays, PANE:SWITCH moves to it as arrows would.
KEYS: dict[str, tuple[str, ...]] = {
    "leaves": ("/avx512f", "/stepping"),
    "fixed-bits": ("/vmx", "w", "u"),
    "configured-native": (
        "space", "/umip space /rdpid space", "c up enter m down down down down enter space",
    ),
    "xfam": ("x xfam:AVX space", "space enter enter /avx512bw space", "x xfam:AVX512 space"),
    "attributes": ("space", "a attributes:PERFMON space", "a attributes:MIGRATABLE space enter enter"),
    "values": ("t td:TSC enter backspace backspace backspace backspace 2 5 0 0 enter", "/la57 space"),
    "no-named-model": ("space enter enter", "enter backspace 8 enter"),
    "kvm-layer": ("space", "a attributes:PKS space"),
    "ve": ("r guest:VIRT_CPUID2 space", "guest:REDUCE_VE space"),
    "upgrade": ("m down down down down enter",),
    "migration": (
        "a attributes:MIGRATABLE space escape enter backspace backspace 1 5 enter "
        "/ext_model enter backspace backspace 8 enter /stepping enter backspace 8 enter",
    ),
    "guest-dump": ("r /ospke",),
}


async def press(screen: Screen, words: str) -> None:
    """Press what stands in a line of `KEYS`."""
    for word in words.split():
        pane, _, name = word.partition(":")
        if word.startswith("/"):
            await screen.type(word)
            await screen.press("enter")
        elif name:
            screen.app.query_one(f"#{pane}", SwitchPane).select(name)
        else:
            await screen.press(word)
        if word in ("enter", "space"):
            await screen.settled()
    await screen.pilot.pause()


def test_the_keys_of_every_lesson_are_here() -> None:
    assert list(KEYS) == [lesson.name for lesson in learn.in_order()]
    for lesson in learn.in_order():
        assert len(KEYS[lesson.name]) == sum(bool(step.task) for step in lesson.steps), lesson.name


@pytest.mark.parametrize("name", KEYS)
async def test_the_keys_that_its_hints_tell_take_a_learner_through_a_lesson(name: str) -> None:
    keys = iter(KEYS[name])
    async with taken(name, (80, 24)) as screen:
        for number, step in enumerate(learn.lesson(name).steps):
            assert course(screen).at == number and course(screen).passed is not bool(step.task or step.question)
            if step.task:
                await press(screen, next(keys))
            if step.question:
                await screen.press(LETTERS[course(screen).right_answer])
            assert course(screen).passed, (step.title, screen.text)
            if not course(screen).is_last:
                await screen.press("full_stop")
