"""Moving: between flexible bits, to a place by its notation or name, by the mouse; and only what changed is drawn."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Offset
from textual.strip import Strip

from tdxtui.bit_state import flexible_bits
from tdxtui.cpuid import Field, Register
from tdxtui.tui.cells import cut, differing, padded
from tdxtui.tui.going import place_of
from tdxtui.tui.grid_lines import Cursor
from tdxtui.tui.grid_moves import beside, next_flexible, over
from tdxtui.tui.layout import SETTINGS, lay_out
from tdxtui.tui.minimap import Mark, minimap
from tdxtui.tui.selection import Selection
from tests.tui.screen import opened

# -- flexible bits --


async def test_parentheses_go_round_all_flexible_bits() -> None:
    async with opened("minimal") as screen:
        situation = screen.editor.situation
        masks = [flexible_bits(situation, leaf) for leaf in screen.grid.leaves]
        wanted = [
            Field.bit(leaf, register, number).key
            for leaf, mask in zip(screen.grid.leaves, masks, strict=True)
            for register in Register
            for number in range(31, -1, -1)
            if Field.bit(leaf, register, number).mask & mask
        ]
        at = Cursor(0, Register.EAX, 31)
        seen: list[str] = []
        for _ in wanted:
            found = next_flexible(at, 1, masks)
            assert found is not None and (not seen or next_flexible(found, -1, masks) == at)
            at = found
            seen.append(Field.bit(screen.grid.leaves[at.entry], at.register, at.bit).key)
        assert seen == wanted
        await screen.type("))")
        assert screen.cursor == wanted[1]
        await screen.type("((")
        assert screen.cursor == wanted[-1]
        await screen.type(")")
        assert screen.cursor == wanted[0]


def test_without_a_flexible_bit_there_is_nowhere_to_go() -> None:
    at = Cursor(1, Register.EBX, 7)
    assert next_flexible(at, 1, [0, 0]) is None
    alone = 1 << (3 - at.register) * 32 + at.bit
    assert next_flexible(at, 1, [0, alone]) == next_flexible(at, -1, [0, alone]) == at


@given(st.integers(1, 3), st.integers(1, 9), st.data())
def test_moving_back_ends_where_it_began(columns: int, count: int, data: st.DataObject) -> None:
    entry, register, bit = (data.draw(st.integers(0, most)) for most in (count - 1, 3, 31))
    at = Cursor(entry, Register(register), bit)
    for step in (1, -1):
        there = beside(at, step, columns, count)
        assert 0 <= there.entry < count and (there == at or beside(there, -step, columns, count) == at)
        there = over(at, step, columns, count)
        assert 0 <= there.entry < count and there.bit == at.bit


@given(st.integers(1, 3), st.integers(1, 7))
def test_going_right_visits_every_bit_once(columns: int, count: int) -> None:
    at, seen = Cursor(0, Register.EAX, 31), set()
    while at not in seen:
        seen.add(at)
        at = beside(at, -1, columns, count)
    assert len(seen) == count * 128


# -- to a place --


@pytest.mark.parametrize(("text", "target"), [
    ("7.0.ebx.16", "7.0.ebx.16"), ("CPUID.(EAX=07H,ECX=0):EBX[16]", "7.0.ebx.16"), ("avx512f", "7.0.ebx.16"),
    ("X86_FEATURE_AVX512F", "7.0.ebx.16"), ("4.2", "4.2.eax.31"), ("80000008", "80000008.eax.31"),
    ("CPUID.01H", "1.eax.31"), ("CPUID.(EAX=0DH,ECX=1)", "d.1.eax.31"), ("1.ecx", "1.ecx.31"), ("7", "7.0.eax.31"),
    ("4.0.eax[31:26]", "4.0.eax.31"),
])
async def test_a_place_is_gone_to_by_notation_or_name(text: str, target: str) -> None:
    async with opened() as screen:
        await screen.press("colon")
        screen.app._status._type(text)
        assert screen.cursor == "0.eax.31" and screen.status.startswith(f":{text}"[:10])
        await screen.press("enter")
        assert screen.cursor == target and "ctrl+o goes back" in screen.status
        await screen.press("ctrl+o")
        assert screen.cursor == "0.eax.31"


@pytest.mark.parametrize(("text", "words"), [
    ("avx512ff", "did you mean avx512f"), ("7.0.ebx.40", "bits run from 31"), ("nothing at all", "no CPUID field"),
    ("c0000000.eax.1", "has no CPUID.C0000000H"), ("0x", "no CPUID field"),
])
async def test_a_place_that_is_none_is_answered_with_what_comes_near(text: str, words: str) -> None:
    async with opened() as screen:
        await screen.press("colon")
        await screen.type(text)
        await screen.press("enter")
        assert words in screen.status and screen.cursor == "0.eax.31"


async def test_a_place_can_be_left_untyped() -> None:
    async with opened() as screen:
        for keys in (("colon", "escape"), ("colon", "7", "escape"), ("colon", "enter"), ("colon", "backspace")):
            await screen.press(*keys)
            assert screen.cursor == "0.eax.31" and "Space toggle" in screen.status
        await screen.press("slash", "a", "escape", "colon", "down", "1", "enter")
        assert screen.cursor == "1.eax.31"


def test_places_are_read_in_any_notation() -> None:
    assert place_of("0x7.0.ebx.16") == place_of("7.0.EBX.16") == place_of("avx512f")
    with pytest.raises(ValueError, match="no CPUID field"):
        place_of("so long")


# -- layouts --


def rows(name: str, width: int, freely: bool) -> int:
    """Rows as the panes take them on a large module."""
    count = {"xfam": 11, "attributes": 10, "td": 12, "guest": 34}[name]
    return -(-count // max(1, width // 20)) if freely else count


@given(st.integers(44, 300), st.integers(10, 100), st.sampled_from(["grid", "why", "leaves", *SETTINGS]), st.booleans())
def test_every_layout_leaves_room_for_the_grid(width: int, height: int, asked: str, guest: bool) -> None:
    found = lay_out(width, height, asked, guest, rows)
    room = height - 2
    assert found.side == 0 or width - found.side >= 56
    below = found.heights.get(found.below, 0)
    assert room - 1 - below - found.why >= (6 if height >= 12 else 4) or not (below or found.why)
    assert found.below in ("", asked) and (not found.below or not found.side)
    if found.side:
        assert room - sum(found.heights.values()) >= 10 or not found.heights
    if asked in SETTINGS:
        assert found.heights[asked] > 2, "of what is asked for a row is shown"


@given(st.integers(0, 60), st.integers(1, 400), st.integers(0, 400), st.lists(st.integers(0, 399)))
def test_a_map_marks_every_conflict(height: int, total: int, top: int, lines: list[int]) -> None:
    here = [line for line in lines if line < total]
    marks = minimap(height, total, min(top, total), here)
    assert len(marks) == height and (Mark.CONFLICT in marks) is bool(here and height)


def test_a_selection_has_the_bits_between_its_corners() -> None:
    marked = Selection.between((5, 3), (4, 7))
    assert marked == (4, 5, 7, 3) and marked.size == 10 and marked.has(4) and not marked.has(6)


# -- drawing --

styles = st.sampled_from([Style(), Style(bold=True)])
strips = st.lists(st.tuples(st.text("ab ", min_size=1, max_size=5), styles), min_size=1, max_size=6)


def cells(segments: Iterable[Segment]) -> list[tuple[str, object]]:
    return [(char, segment.style) for segment in segments for char in segment.text]


@given(strips, strips)
def test_what_is_drawn_anew_has_in_it_all_that_differs(
    one: list[tuple[str, Style]], two: list[tuple[str, Style]]
) -> None:
    before, after = (Strip([Segment(*piece) for piece in pieces]) for pieces in (one, two))
    span = differing(before, after)
    if span is None:
        assert cells(before) == cells(after)
    else:
        assert 0 <= span[0] < span[1] <= after.cell_length
        assert cells(cut(after, *span)) == cells(after)[span[0] : span[1]]
        if before.cell_length == after.cell_length:
            assert cells(before)[: span[0]] == cells(after)[: span[0]]
            assert cells(before)[span[1] :] == cells(after)[span[1] :]


@given(strips, strips)
def test_of_lines_in_runs_of_a_style_nothing_is_drawn_anew_but_what_differs(
    one: list[tuple[str, Style]], two: list[tuple[str, Style]]
) -> None:
    before, after = (Strip([Segment(*piece) for piece in pieces]).simplify() for pieces in (one, two))
    span = differing(before, after)
    assert (span is None) == (cells(before) == cells(after))
    if span and before.cell_length == after.cell_length:
        for column in (span[0], span[1] - 1):
            assert cells(before)[column] != cells(after)[column]


def test_wide_characters_are_drawn_whole() -> None:
    before, after = Strip([Segment("名 a")]), Strip([Segment("名 b")])
    assert differing(before, after) == (0, 4)
    assert cells(cut(after, 0, 4)) == cells(after) and cells(cut(after, 2, 4)) == cells(after)[1:]


@given(strips, st.integers(0, 40))
def test_a_padded_line_has_its_width_and_begins_as_it_did(pieces: list[tuple[str, Style]], width: int) -> None:
    line = [Segment(*piece) for piece in pieces]
    told, given = cells(padded(line, width, Style(dim=True))), cells(line)
    assert len(told) == width and told[: len(given)] == given[:width]
    assert all(cell == (" ", Style(dim=True)) for cell in told[len(given) :])


async def test_an_arrow_key_draws_few_cells() -> None:
    async with opened("full-granite-rapids", module="2.0.18") as screen:
        compositor = screen.app.screen_stack[0]._compositor
        sizes = []
        original = compositor.render_partial_update

        def counted() -> object:
            update = original()
            sizes.append(len(update.render_segments(screen.app.console).encode()) if update else 0)
            return update

        compositor.render_partial_update = counted  # type: ignore[method-assign, assignment]
        for key in ("right", "right", "down", "down", "left", "up"):
            sizes.clear()
            await screen.press(key)
            assert 0 < sum(sizes) <= 1500, key


# -- what comes in one piece --


def key(name: str) -> events.Key:
    return events.Key(name, name if len(name) == 1 else {"full_stop": ".", "slash": "/", "space": " "}.get(name))


async def test_keys_that_come_in_one_piece_are_taken_in_their_order() -> None:
    async with opened("minimal") as screen:
        typed = ["slash", "1", "full_stop", "e", "c", "x", "full_stop", "3", "enter", "space"]
        await screen.burst(*map(key, [*typed, "tab", "x", "escape", "down"]))
        assert screen.editor.model.wished(Field.parse("1.ecx.3")) == 1
        assert (screen.cursor, screen.focus) == ("1.edx.3", "grid")


async def test_a_key_behind_a_click_is_for_what_was_clicked() -> None:
    async with opened("minimal") as screen:
        await screen.go("1.ecx.3")
        at = screen.grid.region.offset + Offset(screen.grid.shape.x_of(0), 3)
        mouse = [kind(None, at.x, at.y, 0, 0, 1, False, False, False) for kind in (events.MouseDown, events.MouseUp)]
        await screen.burst(*mouse, key("space"), key("left"))
        assert screen.cursor == "0.ecx.1"
        assert not screen.editor.dirty  # 0.ecx.0 can't be flipped: 1.ecx.3, where the cursor was, is not either


async def test_after_another_window_had_the_keys_the_first_one_is_for_the_grid() -> None:
    async with opened("minimal") as screen:
        await screen.go("1.ecx.3")
        await screen.burst(events.AppBlur(), key("space"), key("left"))
        assert screen.cursor == "1.ecx.4" and screen.editor.model.wished(Field.parse("1.ecx.3")) == 1


def keys(*names: str) -> list[events.Key]:
    return [key(name) for name in names]


async def test_what_is_typed_behind_the_key_that_opens_a_dialog_goes_into_it() -> None:
    async with opened("minimal") as screen:
        await screen.go("4.2.eax.31")
        await screen.burst(*keys("down", "up", "enter", "5", "enter", "right"))
        await screen.settled()
        assert len(screen.app.screen_stack) == 1
        assert screen.editor.situation.td.get(Field.parse("4.2.eax[31:26]")) == 4  # 5 cores
        assert screen.cursor == "4.2.eax.30"


async def test_a_dialog_takes_its_keys_in_their_order() -> None:
    async with opened("minimal") as screen:
        await screen.go("4.2.eax.31")
        await screen.burst(*keys("enter"))
        await screen.settled()
        await screen.burst(*keys("ctrl+u", "5", "7", "backspace", "backspace", "6", "enter", "j", "j"))
        await screen.settled()
        assert len(screen.app.screen_stack) == 1
        assert screen.editor.situation.td.get(Field.parse("4.2.eax[31:26]")) == 5
        assert screen.cursor == "4.2.ecx.31"


async def test_keys_behind_the_one_that_closes_a_list_are_for_the_grid() -> None:
    async with opened("minimal") as screen:
        await screen.burst(*keys("T", "down", "enter", "j", "j"))
        await screen.settled()
        assert screen.cursor == "0.ecx.31" and screen.app.theme_name == "light"


async def test_a_paste_comes_behind_what_was_typed_before_it() -> None:
    async with opened("minimal") as screen:
        await screen.burst(*keys("j", "slash", "a", "v", "x"), events.Paste("512f"), *keys("enter"))
        await screen.settled()
        assert screen.cursor == "7.0.ebx.16"


async def test_a_window_too_small_for_the_grid_takes_no_edit() -> None:
    async with opened("minimal", size=(30, 5)) as screen:
        await screen.press("w", "space", "1", "s", "enter", "e", "x")
        assert not screen.editor.dirty and len(screen.app.screen_stack) == 1
        await screen.press("q")
        assert not screen.app.is_running


async def test_a_field_left_as_it_is_is_no_edit() -> None:
    async with opened("minimal") as screen:
        await screen.press("enter", "enter")
        assert not screen.editor.dirty and screen.status.endswith("stays as it is")


async def test_an_enter_typed_ahead_of_the_start_ends_a_search() -> None:
    async with opened("minimal") as screen:
        await screen.press("slash", *"avx2", "ctrl+j", "y")
        assert screen.cursor == "7.0.ebx.5" and "opied" in screen.status
