"""The grid: where the cursor goes, what Space does, and that the screen shows what resolve says."""

from __future__ import annotations

import random
from functools import cache

import pytest

from tdxtui import library
from tdxtui.classify import BitClass, classes_at
from tdxtui.cpuid import WORD, Field, Leaf, Register
from tdxtui.cures import Cures
from tdxtui.resolve import attempt, attempt_unknown
from tdxtui.sysinit import Prepared
from tdxtui.td import ATTRIBUTES, XFAM, TdConfig
from tdxtui.tui.switches import SwitchPane
from tests.tui.screen import Screen, opened

LAST = max(entry.leaf for entry in library.module("1.5.06").entries)
MOVES = {
    "up": "1.eax.16", "k": "1.eax.16", "down": "1.ecx.16", "j": "1.ecx.16", "left": "1.ebx.17", "h": "1.ebx.17",
    "right": "1.ebx.15", "l": "1.ebx.15", "left_curly_bracket": "0.eax.16", "right_curly_bracket": "2.eax.16",
    "home": "0.eax.31", "g": "0.eax.31", "end": f"{LAST.key}.eax.31", "G": f"{LAST.key}.eax.31",
    "pagedown": "4.1.eax.16", "pageup": "0.eax.16",
}


async def test_every_key_that_moves() -> None:
    async with opened() as screen:
        for key, target in MOVES.items():
            await screen.go("1.ebx.16")
            await screen.press(key)
            assert screen.cursor == target, key


async def test_the_cursor_goes_on_in_the_next_register_and_leaf() -> None:
    async with opened() as screen:
        for start, key, target in (
            ("1.ebx.31", "left", "1.eax.0"),
            ("1.ebx.0", "right", "1.ecx.31"),
            ("1.edx.0", "right", "2.eax.31"),
            ("1.edx.7", "down", "2.eax.7"),
            ("2.eax.31", "left", "1.edx.0"),
            ("2.eax.7", "up", "1.edx.7"),
        ):
            await screen.go(start)
            await screen.press(key)
            assert screen.cursor == target


async def test_the_cursor_stays_at_the_ends() -> None:
    async with opened() as screen:
        for start, keys in (
            ("0.eax.31", ("up", "left", "pageup", "left_curly_bracket", "home")),
            (f"{LAST.key}.edx.0", ("down", "right", "pagedown", "right_curly_bracket")),
        ):
            for key in keys:
                await screen.go(start)
                await screen.press(key)
                assert screen.cursor == start, key


@pytest.mark.parametrize("size", [(120, 40), (44, 10)])
async def test_the_cursor_is_always_in_view(size: tuple[int, int]) -> None:
    async with opened(size=size) as screen:
        for key in ("end", "pageup", "pageup", "home", "pagedown", "down", "down", "down", "down", "down", "up"):
            await screen.press(key)
            cursor = screen.grid.cursor
            assert (cursor.leaf, cursor.register) in screen.rows(), key


@pytest.mark.parametrize(("width", "first"), [(120, 8), (70, 8), (59, 5)])
async def test_a_click_puts_the_cursor_on_the_bit(width: int, first: int) -> None:
    gap = 2 if first == 8 else 1
    async with opened(size=(width, 30)) as screen:
        for bit in (31, 24, 23, 16, 0):
            index = 31 - bit
            x = first + index + index // 8 * gap
            assert screen.lines[screen.grid.region.y + 2][screen.grid.region.x + x] in "01"
            await screen.pilot.click("#grid", offset=(x, 2))
            assert screen.cursor == f"0.ebx.{bit}"
        await screen.pilot.click("#grid", offset=(first + 8, 9))
        assert screen.cursor == "1.ecx.0" if gap == 2 else "1.ebx.0"


async def test_a_click_beside_the_bits_chooses_the_register_only() -> None:
    async with opened() as screen:
        await screen.go("0.eax.5")
        await screen.pilot.click("#grid", offset=(50, 9))
        assert screen.cursor == "1.ecx.5"
        await screen.pilot.click("#grid", offset=(10, 6))
        assert screen.cursor == "1.ecx.5"


async def test_the_wheel_scrolls() -> None:
    async with opened() as screen:
        top = screen.lines[2]
        await screen.wheel("grid", down=True)
        assert screen.lines[2] != top and screen.cursor == "0.eax.31"
        await screen.press("right")
        assert screen.lines[2] == top and screen.cursor == "0.eax.30"


async def test_behind_each_title_stands_what_the_fields_say() -> None:
    async with opened("full-granite-rapids", module="2.0.18") as screen:
        await screen.go("4.2.eax.0")
        title = next(line for line in screen.lines if "CPUID.(EAX=04H,ECX=1)" in line)
        assert "L1I cache  L1 instruction, 64 KiB" in title


async def test_the_words_of_a_title_follow_an_edit() -> None:
    async with opened() as screen:
        await screen.go("4.0.eax.0")
        before = next(line for line in screen.lines if "(EAX=04H,ECX=0)" in line)
        assert "L1 data, " in before
        await screen.press("space")
        assert before not in screen.lines
        await screen.press("u")
        assert before in screen.lines


@pytest.mark.parametrize("width", [120, 80, 60, 44])
async def test_the_bit_numbers_stand_above_their_bits(width: int) -> None:
    async with opened(size=(width, 24)) as screen:
        ruler, row = screen.lines[1], screen.lines[3]
        start = row.index("EAX")
        starts = [place for place in range(start + 3, len(row)) if row[place] in "01" and row[place - 1] == " "][:4]
        assert [ruler[place : place + 2].strip() for place in starts] == ["31", "23", "15", "7"]
        assert [ruler[place + 6 : place + 8].strip() for place in starts] == ["24", "16", "8", "0"]


async def test_space_flips_a_flexible_bit_and_the_hex_value_follows() -> None:
    async with opened() as screen:
        await screen.go("7.0.ebx.19")
        bits, value = screen.row("7.0.ebx")
        assert screen.glyph("7.0.ebx.19") == "●"
        assert await screen.flip("7.0.ebx.19") == "CPUID_CONFIG 7.0.ebx.19 = 0: 1 bit changed"
        after = screen.row("7.0.ebx")
        assert int(after[1], 16) == int(value, 16) ^ 1 << 19
        assert after[0] == f"{bits[:12]}○{bits[13:]}"
        assert screen.editor.situation.td.get(Field.parse("7.0.ebx")) == int(after[1], 16)
        await screen.press("space")
        assert screen.row("7.0.ebx") == (bits, value)


@pytest.mark.parametrize(("bit", "glyph", "reason"), [
    ("0.eax.31", "0", "can't be 1 here: "),
    ("1.edx.0", "1", "can't be 0 here: "),
    ("1.ecx.27", "~", "filled in as the guest executes CPUID"),
    ("2.eax.0", "v", "gives the guest #VE"),
    ("d.0.ecx.0", "0", "(rule 5.7)"),
])
async def test_space_on_a_fixed_bit_says_why_not(bit: str, glyph: str, reason: str) -> None:
    async with opened() as screen:
        before = screen.editor.situation
        status = await screen.flip(bit)
        assert screen.glyph(bit) == glyph
        assert status.startswith(f"{bit} ") and reason in status
        assert screen.editor.situation is before and not screen.editor.dirty


async def test_a_closed_gate_is_named_and_enter_twice_opens_it() -> None:
    async with opened("minimal") as screen:
        status = await screen.flip("7.0.ebx.16")
        assert "XFAM.AVX512" in status and status.endswith("Enter shows what changes")
        assert not screen.editor.dirty and screen.glyph("7.0.ebx.16") == "○"
        await screen.cure()
        assert screen.glyph("7.0.ebx.16") == "●"
        assert screen.editor.model.xfam & XFAM["AVX512"] == XFAM["AVX512"] and screen.editor.model.xfam & XFAM["AVX"]
        assert "■ AVX512" in "\n".join(screen.pane("xfam"))
        await screen.press("u")
        assert screen.glyph("7.0.ebx.16") == "○" and not screen.editor.dirty


@pytest.mark.parametrize("key", ["right", "x", "]", "u"])
async def test_enter_applies_no_cure_that_is_no_longer_offered(key: str) -> None:
    async with opened("minimal") as screen:
        await screen.flip("7.0.ebx.16")
        await screen.press(key, "escape", "enter", "enter")
        assert not screen.editor.dirty and len(screen.app.screen_stack) == 1


async def test_without_a_platform_what_depends_on_it_is_a_question_mark() -> None:
    async with opened(platform="none") as screen:
        await screen.go("7.0.ebx.0")
        assert "?" in screen.row("7.0.ecx")[1] and "?" in screen.row("7.0.ecx")[0]
        assert "CPU none" in screen.header


@cache
def cures(version: str, platform: str) -> Cures:
    """What would change the bits of a TD, on an unknown CPU where the module doesn't take the platform."""
    module = library.module(version)
    prepared = library.prepared(module, library.platform(platform)) if platform else None
    if isinstance(prepared, Prepared):
        return Cures(attempt(prepared, TdConfig())[0])
    return Cures(attempt_unknown(library.prepared_unknown(module), TdConfig())[0])


def stuck(version: str, platform: str, bit: Field) -> bool:
    """Whether no setting gives a bit one of its values here; of an unknown CPU's topology that is not known."""
    found = cures(version, platform)
    if found.prepared.platform is None:
        return any(not mask & bit.mask for mask in found.possible.at(bit.leaf))
    return None in (found.reached(bit, 0), found.reached(bit, 1))


@cache
def kinds(version: str, platform: str, leaf: Leaf, register: Register) -> str:
    """How each bit of a register is drawn but for its value: fixed, flexible, decided at run time, #VE."""
    entry = classes_at(library.module(version), leaf)
    out = ""
    for bit in Field(leaf, register, 31, 0).bits():
        kind, configurable = entry.class_of(bit), entry.entry.configurable & bit.mask
        if kind in (BitClass.DYNAMIC, BitClass.GUEST):
            out += "~"
        elif kind is BitClass.VE and not configurable:
            out += "v"
        else:
            may = configurable or entry.flexible & bit.mask
            out += "x" if may and not stuck(version, platform, bit) else "f"
    return out


@cache
def expected(kinds: str, value: int, known: int, wished: int, mask: int) -> tuple[str, str]:
    """The glyphs and the hex value of a register, worked out from values, wishes and kinds alone."""
    glyphs = ""
    for kind, number in zip(kinds, range(31, -1, -1), strict=True):
        bit, is_known = value >> number & 1, known >> number & 1
        if is_known and kind != "~" and mask >> number & 1 and wished >> number & 1 != bit:
            glyphs += "✗"
        elif kind in "~v":
            glyphs += kind
        else:
            glyphs += {"x": "○●", "f": "01"}[kind][bit] if is_known else "?"
    digits = (f"{value >> shift & 15:X}" if known >> shift & 15 == 15 else "?" for shift in range(28, -1, -4))
    return glyphs, "0x" + "".join(digits)


def check_all(screen: Screen) -> None:
    """Every register of every leaf, as the screen shows it, against what the TD gets."""
    situation, rows = screen.editor.situation, screen.rows()
    platform = situation.platform.name if situation.platform else ""
    assert len(rows) == 4 * len(situation.module.entries)
    for (leaf, register), shown in rows.items():
        words = situation.td.at(leaf), situation.td.known_at(leaf), *situation.model.wishes.get(leaf, (0, 0))
        here = (word >> register.shift & WORD for word in words)
        assert shown == expected(kinds(situation.module.version, platform, leaf, register), *here), (leaf, register)


def edit(screen: Screen, rng: random.Random) -> None:
    """An edit as a key would make it."""
    what = rng.random()
    if what < 0.6:
        entry = rng.choice(screen.editor.module.entries)
        mask = screen.editor.classes_at(entry.leaf).flexible
        choice = [number for number in range(128) if mask >> number & 1] or [rng.randrange(128)]
        number = rng.choice(choice)
        screen.grid.go_to(Field.bit(entry.leaf, Register(3 - number // 32), number % 32))
        screen.app.flip_bit()
    elif what < 0.8:
        name, known = rng.choice([("xfam", XFAM), ("attributes", ATTRIBUTES)])
        pane = screen.app.query_one(f"#{name}", SwitchPane)
        screen.app.on_switch_pane_flipped(SwitchPane.Flipped(pane, rng.choice(list(known))))
    elif what < 0.9:
        rng.choice([screen.app.action_undo, screen.app.action_redo])()
    else:
        offer = screen.app._offer
        if offer is not None and offer.cure is not None:
            screen.app.show_outcome(screen.editor.accept(offer.cure_label, offer.cure))


async def test_the_screen_shows_what_resolve_says() -> None:
    rng = random.Random(15)
    dirty = 0
    async with opened("full-granite-rapids", module="1.5.06", platform="sapphire-rapids", size=(90, 432)) as screen:
        check_all(screen)
        for number in range(200):
            edit(screen, rng)
            if number % 20 == 0:
                await screen.pilot.pause()
            check_all(screen)
            dirty += screen.editor.dirty
        assert dirty > 100
        for platform in ("granite-rapids", "", "sapphire-rapids"):
            screen.app._set_platform(platform)
            await screen.pilot.pause()
            check_all(screen)
        for module in library.files("modules"):
            screen.app._set_module(module)
            await screen.pilot.resize_terminal(90, 20 + 6 * len(screen.editor.module.entries))
            check_all(screen)
