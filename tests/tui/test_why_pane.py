"""The pane that says why: what it tells, the way through its conditions, and to what they name and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tdxtui.tui.app import TdxApp
from tdxtui.tui.bit_grid import BitGrid
from tdxtui.tui.leaf_list import LeafList
from tdxtui.tui.switches import SwitchPane
from tdxtui.tui.why_pane import WhyPane
from tests.tui.screen import Screen, opened


def why(screen: Screen) -> str:
    """All that the pane shows."""
    return "\n".join(line.rstrip() for line in screen.pane("why"))


def marked(screen: Screen) -> list[str]:
    """The lines that are drawn as selected."""
    pane = screen.app.query_one(WhyPane)
    rows = [pane.render_line(y) for y in range(pane.size.height)]
    return ["".join(part.text for part in row if part.style == screen.app.palette.selected) for row in rows]


def choice(screen: Screen) -> str:
    """The text of the selected condition."""
    return " ".join(text.strip() for text in marked(screen) if text)


# -- what it tells --


async def test_why_tells_name_value_class_conditions_and_what_tools_call_it() -> None:
    async with opened() as screen:
        await screen.go("7.0.ebx.16")
        for part in (
            "CPUID.(EAX=07H,ECX=0):EBX[16]", "avx512f = 1", "flexible: Configured & Native", "✓ XFAM.AVX512 1: ",
            "✓ CPUID_CONFIG 1: ", "✓ native 1: ", "To make it 0: CPUID_CONFIG 7.0.ebx.16 = 0.", "512-bit vectors",
            "QEMU avx512f · libvirt avx512f · Linux avx512f", "Module 1.5.06, run: ",
        ):
            assert part in why(screen)


async def test_what_holds_a_bit_down_comes_first() -> None:
    async with opened("minimal", size=(80, 24)) as screen:
        await screen.go("7.0.ebx.16")
        lines = screen.pane("why")
        assert "avx512f = 0" in lines[0] and "7.0.ebx.16" in lines[0]
        assert [line.strip()[:1] for line in lines[1:4]] == ["✗", "✗", "✓"] and "To make it 1" in lines[4]


@pytest.mark.parametrize(("bit", "words"), [
    ("1.ecx.27", "The guest reads CR4.OSXSAVE"), ("2.eax.0", "#VE"), ("0.eax.31", "the module fixes it"),
    ("1.edx.0", "refuses to start"), ("d.0.ecx.9", "from XFAM: X87 SSE AVX"), ("4.0.eax.30", "whatever the CPU has"),
])
async def test_why_has_a_sentence_for_each_class(bit: str, words: str) -> None:
    async with opened() as screen:
        await screen.go(bit)
        assert words in why(screen)


async def test_why_names_what_a_conflicting_model_wants_before_anything_else(tmp_path: Path) -> None:
    path = tmp_path / "web.toml"
    path.write_text('platform = "sapphire-rapids"\n[registers]\n"1.ecx.1" = "0x0"\n', encoding="utf-8")
    async with opened(str(path)) as screen:
        await screen.press("]")
        assert screen.pane("why")[1].strip() == "The model wants 0, the TD gets 1."


async def test_why_of_an_unknown_value_offers_to_choose_a_platform() -> None:
    async with opened(platform="none") as screen:
        await screen.go("1.ecx.12")
        assert "fma = ?  fixed" in why(screen) or "fma = ?  flexible" in why(screen)
        assert "fixed here" not in why(screen) and "c chooses one" in why(screen)


async def test_what_another_place_gives_comes_once_the_cursor_rests() -> None:
    async with opened() as screen:
        await screen.go("7.0.ebx.3")
        await screen.settled()
        await screen.go("23.0.eax.0")
        pane = screen.app.query_one(WhyPane)
        assert pane._resting.busy == ("Another CPU or module" not in why(screen))
        await screen.settled()
        assert not pane._resting.busy




async def test_what_takes_long_is_asked_only_of_the_bit_that_the_cursor_rests_on() -> None:
    asked: list[str] = []
    async with opened() as screen:
        await screen.settled()
        pane, keys = screen.app.query_one(WhyPane), ["right"] * 5
        later = pane._resting.later
        pane._resting.later = lambda work, tell: later(lambda: asked.append(screen.cursor) or work(), tell)  # type: ignore
        for _ in keys:
            screen.grid.action_move_bit(-1)
        assert not asked
        await screen.settled()
        assert asked == [screen.cursor]


# -- through its conditions --


async def test_w_selects_the_first_condition_and_escape_leaves_nothing_marked() -> None:
    async with opened() as screen:
        await screen.go("7.0.ebx.16")
        assert choice(screen) == ""
        await screen.press("W")
        assert screen.focus == "why" and choice(screen).startswith("✓ CPUID_CONFIG 1: the VMM asks for it in")
        assert choice(screen).endswith("(rule 4.2).")
        await screen.press("escape")
        assert screen.focus == "grid" and choice(screen) == "" and screen.cursor == "7.0.ebx.16"


async def test_up_and_down_go_through_the_conditions_and_then_scroll() -> None:
    async with opened(size=(80, 24)) as screen:
        await screen.go("7.0.ebx.16")
        await screen.press("W", "down")
        assert choice(screen).startswith("✓ native 1")
        await screen.press("j")
        assert choice(screen).startswith("✓ XFAM.AVX512 1")
        await screen.press(*["down"] * 20)
        assert "Module 1.5.06, run: " in why(screen) and "more" not in screen.lines[screen.app._why.region.bottom - 1]
        await screen.press(*["up"] * 20)
        assert choice(screen).startswith("✓ CPUID_CONFIG 1") and "avx512f = 1" in screen.pane("why")[0]
        await screen.press("G")
        assert "Module 1.5.06" in why(screen)
        await screen.press("g")
        assert choice(screen).startswith("✓ CPUID_CONFIG 1") and "avx512f = 1" in screen.pane("why")[0]


async def test_what_does_not_fit_is_counted_in_the_frame() -> None:
    async with opened(size=(80, 24)) as screen:
        await screen.go("7.0.ebx.16")
        assert "↓ " in screen.lines[screen.app._why.region.bottom - 1]


async def test_the_mouse_selects_a_condition_and_twice_goes_there() -> None:
    async with opened() as screen:
        await screen.go("7.0.ebx.16")
        await screen.pilot.click("#why", offset=(6, 4))
        assert screen.focus == "why" and choice(screen).startswith("✓ XFAM.AVX512 1")
        await screen.pilot.click("#why", offset=(6, 4), times=2)
        assert screen.focus == "xfam"


async def test_where_the_pane_has_no_room_its_key_says_so() -> None:
    async with opened(size=(60, 12)) as screen:
        await screen.press("W")
        assert screen.status == "The window is too small for that pane" and screen.focus == "grid"


@pytest.mark.parametrize("size", [(60, 12), (80, 24), (200, 60), (44, 10)])
async def test_a_resize_with_the_focus_in_why_breaks_nothing(size: tuple[int, int]) -> None:
    async with opened() as screen:
        await screen.go("7.0.ebx.16")
        await screen.press("W", "down", "down")
        for _ in range(2):
            await screen.pilot.resize_terminal(*size)
            await screen.pilot.pause()
            await screen.press("down")
            await screen.pilot.resize_terminal(120, 40)
            await screen.pilot.pause()
        await screen.press("W", "g") if size[1] >= 16 else await screen.press("down")
        assert "CPUID.(EAX=07H" in screen.pane("why")[0]


# -- to what they name, and back --


async def go_to_term(screen: Screen, bit: str, start: str) -> None:
    """Enter on the condition that starts so."""
    await screen.go(bit)
    await screen.press("escape", "W")
    await screen.pilot.pause()
    for _ in range(8):
        if choice(screen).startswith(start):
            break
        await screen.press("down")
    assert choice(screen).startswith(start)
    await screen.press("enter")
    await screen.pilot.pause()


async def test_enter_on_a_bit_goes_there_and_back_again() -> None:
    async with opened(module="1.5.34") as screen:
        await go_to_term(screen, "d.0.ecx.9", "from native")
        assert screen.cursor == "d.2.eax.31" and screen.focus == "grid"
        await screen.press("ctrl+o")
        assert screen.cursor == "d.0.ecx.9" and screen.focus == "why" and choice(screen).startswith("from native")
        await screen.press("ctrl+o")
        assert screen.status == "There is nothing to go back to"


@pytest.mark.parametrize(("bit", "term", "pane", "switch"), [
    ("7.0.ebx.16", "✗ XFAM.AVX512", "xfam", "AVX512"), ("7.0.ecx.31", "✗ ATTRIBUTES.PKS", "attributes", "PKS"),
])
async def test_enter_on_a_setting_goes_to_its_switch(bit: str, term: str, pane: str, switch: str) -> None:
    async with opened("minimal", size=(80, 24)) as screen:
        await go_to_term(screen, bit, term)
        assert screen.focus == pane and f"{switch}: Space flips it, ctrl+o goes back" in screen.status
        switches = screen.app.query_one(f"#{pane}", SwitchPane)
        assert switches._switches[switches._at].name == switch
        await screen.press("space")
        assert f"■ {switch}" in "\n".join(screen.pane(pane))
        await screen.press("ctrl+o")
        assert screen.focus == "why" and screen.cursor == bit


@pytest.mark.parametrize(("bit", "term"), [("7.0.ebx.16", "✓ CPUID_CONFIG"), ("0.eax.31", "✗ constant")])
async def test_a_condition_of_the_bit_itself_leads_nowhere(bit: str, term: str) -> None:
    async with opened() as screen:
        await go_to_term(screen, bit, term)
        assert screen.focus == "why" and screen.cursor == bit
        assert screen.status == "That condition is the bit's own: there is nowhere to go"


async def test_every_jump_can_be_taken_back() -> None:
    async with opened() as screen:
        await screen.go("7.0.ebx.16")
        way = []
        for keys in (("end",), ("home",), ("G",), ("slash", "a", "m", "x", "enter"), ("n",), ("N",)):
            way.append(screen.cursor)
            await screen.press(*keys)
            assert screen.cursor != way[-1], keys
        for place in reversed(way):
            await screen.press("ctrl+o")
            assert screen.cursor == place
        await screen.press("ctrl+o")
        assert screen.status == "There is nothing to go back to"


async def test_a_way_through_the_leaf_list_is_one_jump() -> None:
    async with opened() as screen:
        await screen.go("7.0.ebx.16")
        screen.app.query_one(LeafList).focus()
        await screen.press("down", "down", "down", "enter", "ctrl+o")
        assert screen.cursor == "7.0.ebx.16" and screen.focus == "leaves"


async def test_conflicts_can_be_gone_back_from(tmp_path: Path) -> None:
    path = tmp_path / "web.toml"
    path.write_text('platform = "sapphire-rapids"\n[registers]\n"1.ecx.1" = "0x0"\n', encoding="utf-8")
    async with opened(str(path)) as screen:
        await screen.press("]", "ctrl+o")
        assert screen.cursor == "0.eax.31"


async def test_a_place_that_another_module_lacks_is_passed_over() -> None:
    async with opened("full-granite-rapids", module="2.0.18") as screen:
        await screen.go("18.3.ebx.4")
        await screen.press("home")
        screen.app._set_module("1.5.01")
        await screen.press("ctrl+o")
        assert screen.status == "There is nothing to go back to" and screen.cursor == "0.eax.31"


# -- keys --


def test_no_key_has_two_meanings_in_a_pane() -> None:
    for pane in (BitGrid, WhyPane, LeafList, SwitchPane):
        keys = [key for binding in pane.BINDINGS for key in binding.key.split(",")]  # type: ignore[union-attr]
        assert len(keys) == len(set(keys)), pane
    keys = [key for binding in TdxApp.BINDINGS for key in binding.key.split(",")]  # type: ignore[union-attr]
    assert len(keys) == len(set(keys))
    grid = {key for binding in BitGrid.BINDINGS for key in binding.key.split(",")}  # type: ignore[union-attr]
    assert not grid & set(keys)
