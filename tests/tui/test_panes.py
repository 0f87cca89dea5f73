"""The panes beside the grid: leaves, XFAM, ATTRIBUTES, why, header; and the way between conflicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tdxtui.cpuid import Leaf
from tdxtui.td import ATTRIBUTES, XFAM
from tdxtui.tui.leaf_list import LeafList
from tests.tui.screen import Screen, opened

CONFLICTS = """
module = "1.5.06"
platform = "sapphire-rapids"
[td]
attributes = ["SEPT_VE_DISABLE"]
xfam = ["X87", "SSE", "AVX"]
[features]
avx512f = true
smap = false
[registers]
"1.ecx.1" = "0x0"
"4.0.ebx.0" = "0x0"
"""
LAST = Leaf(0x80000008)
PLACES = ["1.ecx.1", "4.0.ebx.0", "7.0.ebx.20", "7.0.ebx.16"]


@pytest.fixture
def conflicts(tmp_path: Path) -> str:
    """A model with four conflicts in three leaves."""
    path = tmp_path / "conflicts.toml"
    path.write_text(CONFLICTS, encoding="utf-8")
    return str(path)


def selected(screen: Screen) -> str:
    """The leaf that the list marks: 07H.0."""
    return next(line[1:].split()[0] for line in screen.pane("leaves") if line.startswith("▸"))


# -- leaves --


async def test_the_leaf_list_follows_the_grid() -> None:
    async with opened() as screen:
        assert selected(screen) == "00H"
        steps = ("right_curly_bracket", "01H"), ("end", "80000008H"), ("pageup", "80000000H"), ("home", "00H")
        for key, leaf in steps:
            await screen.press(key)
            assert selected(screen) == leaf, key


async def test_the_grid_follows_the_leaf_list() -> None:
    async with opened() as screen:
        screen.app.query_one(LeafList).focus()
        for key, leaf in (
            ("down", Leaf(1)), ("j", Leaf(2)), ("up", Leaf(1)), ("k", Leaf(0)), ("up", Leaf(0)),
            ("end", LAST), ("down", LAST), ("home", Leaf(0)), ("G", LAST), ("g", Leaf(0)),
        ):
            await screen.press(key)
            assert screen.grid.cursor.leaf == leaf, key
            assert (leaf, 0) in screen.rows() and f"{leaf.leaf:02X}H" == selected(screen), key


async def test_a_page_in_the_leaf_list() -> None:
    async with opened() as screen:
        screen.app.query_one(LeafList).focus()
        height = len(screen.pane("leaves"))
        await screen.press("pagedown")
        assert screen.grid.cursor.leaf == screen.grid.leaves[height - 1]
        await screen.press("pagedown", "pageup", "pageup")
        assert screen.grid.cursor.leaf == Leaf(0)


@pytest.mark.parametrize("key", ["enter", "space", "right", "l", "escape"])
async def test_from_the_leaf_list_to_the_grid(key: str) -> None:
    async with opened() as screen:
        screen.app.query_one(LeafList).focus()
        await screen.press("down", key)
        assert screen.focus == "grid" and screen.cursor == "1.eax.31"
        await screen.press("down")
        assert screen.cursor == "1.ebx.31"


async def test_the_mouse_in_the_leaf_list() -> None:
    async with opened() as screen:
        await screen.pilot.click("#leaves", offset=(4, 5))
        assert selected(screen) == "04H.0" and screen.grid.cursor.leaf == Leaf(4, 0)
        await screen.pilot.click("#leaves", offset=(4, 0))
        assert selected(screen) == "04H.0"
        await screen.wheel("leaves", down=True)
        assert selected(screen) == "04H.1"
        await screen.wheel("leaves", down=False)
        assert selected(screen) == "04H.0"


async def test_the_leaf_list_is_full_to_its_end_whatever_the_module() -> None:
    async with opened("full-granite-rapids", size=(120, 30)) as screen:
        await screen.press("end")
        count = len(screen.grid.leaves)
        screen.app._set_module("1.5.01")
        await screen.pilot.pause()
        assert len(screen.grid.leaves) < count
        assert all(line.strip() for line in screen.pane("leaves")) and selected(screen) == "80000008H"
        await screen.pilot.resize_terminal(120, 60)
        await screen.pilot.pause()
        assert all(line.strip() for line in screen.pane("leaves")) and selected(screen) == "80000008H"


async def test_a_module_with_other_leaves_keeps_the_cursor_near() -> None:
    async with opened("full-granite-rapids") as screen:
        await screen.go("18.3.ebx.4")
        assert screen.cursor == "18.3.ebx.4"
        screen.app._set_module("1.5.01")
        await screen.pilot.pause()
        assert screen.cursor == "15.ebx.4"
        assert (screen.grid.cursor.leaf, screen.grid.cursor.register) in screen.rows()


# -- conflicts --


async def test_the_keys_between_conflicts_go_round(conflicts: str) -> None:
    async with opened(conflicts) as screen:
        for place in [*PLACES, PLACES[0]]:
            await screen.press("]")
            assert screen.cursor == place and screen.glyph(place) == "✗"
        for place in [PLACES[3], PLACES[2], PLACES[1], PLACES[0], PLACES[3]]:
            await screen.press("[")
            assert screen.cursor == place


async def test_conflicts_are_counted_in_the_header_and_in_each_leaf(conflicts: str) -> None:
    async with opened(conflicts) as screen:
        assert screen.header.endswith("✗ 4 conflicts")
        counts = {line[1:].split()[0]: line.split("✗")[1] for line in screen.pane("leaves") if "✗" in line}
        assert counts == {"01H": "1", "04H.0": "1", "07H.0": "2"}
        await screen.flip("7.0.ebx.16")
        await screen.cure()
        assert screen.header.endswith("✗ 3 conflicts")
        counts = {line[1:].split()[0]: line.split("✗")[1] for line in screen.pane("leaves") if "✗" in line}
        assert counts == {"01H": "1", "04H.0": "1", "07H.0": "1"}
        assert screen.glyph("7.0.ebx.16") == "●"


async def test_a_single_conflict_is_singular(tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text('platform = "sapphire-rapids"\n[registers]\n"1.ecx.1" = "0x0"\n', encoding="utf-8")
    async with opened(str(path)) as screen:
        assert screen.header.endswith("✗ 1 conflict")


async def test_why_names_what_a_conflicting_model_wants(conflicts: str) -> None:
    async with opened(conflicts) as screen:
        await screen.press("]")
        assert "The model wants 0, the TD gets 1." in "\n".join(screen.pane("why"))


async def test_without_conflict_the_key_says_so() -> None:
    async with opened() as screen:
        assert screen.header.endswith("no conflict")
        await screen.press("]")
        assert screen.status == "There is no conflict" and screen.cursor == "0.eax.31"


async def test_a_refused_leaf_is_a_conflict_that_names_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "unequal.toml"
    path.write_text('platform = "sapphire-rapids"\n[features]\nhle = true\nrtm = false\n', encoding="utf-8")
    async with opened(str(path)) as screen:
        assert "✗ 1 conflict" in screen.header
        await screen.press("]")
        assert screen.grid.cursor.leaf == Leaf(7, 0) and "EBX[11]" in screen.status
        title = next(line for line in screen.lines if "CPUID.(EAX=07H,ECX=0)  " in line)
        assert "✗" in title and "✗1" in next(line for line in screen.pane("leaves") if "07H.0" in line)


async def test_a_refusal_without_leaf_is_told_by_the_key(tmp_path: Path) -> None:
    path = tmp_path / "old.toml"
    path.write_text('module = "1.5.01"\nplatform = "sapphire-rapids"\n[td]\nattributes = ["LASS"]\n', encoding="utf-8")
    async with opened(str(path)) as screen:
        assert "✗ 1 conflict" in screen.header
        await screen.press("]")
        assert "ATTRIBUTES has LASS" in screen.status


# -- XFAM and ATTRIBUTES --


async def test_every_xfam_component_can_be_reached_and_flipped() -> None:
    async with opened("minimal", module="1.5.34", platform="granite-rapids") as screen:
        await screen.press("x")
        assert screen.focus == "xfam" and "Space" in screen.status
        await screen.press("down", "down", "space")
        assert screen.editor.model.xfam == XFAM["X87"] | XFAM["SSE"] | XFAM["AVX"]
        await screen.press("j", "k", "down", "space")
        assert screen.editor.model.xfam == 7 | XFAM["AVX512"]
        await screen.press("up", "space")
        assert screen.editor.model.xfam == 3, "without AVX there is no AVX-512"
        await screen.press("u")
        assert screen.editor.model.xfam == 7 | XFAM["AVX512"]
        await screen.press("right", "left", "l", "h", "space")
        assert screen.editor.model.xfam == 3


async def test_avx512_brings_avx() -> None:
    async with opened("minimal") as screen:
        await screen.press("x", "down", "down", "down", "space")
        assert screen.editor.model.xfam == 7 | XFAM["AVX512"]
        shown = "\n".join(screen.pane("xfam"))
        assert "■ AVX " in shown and "■ AVX512" in shown


async def test_x87_can_not_be_turned_off() -> None:
    async with opened() as screen:
        xfam = screen.editor.model.xfam
        await screen.press("x", "space")
        assert screen.status.startswith("XFAM.X87 is fixed") and screen.editor.model.xfam == xfam


async def test_the_switch_cursor_stays_inside() -> None:
    async with opened() as screen:
        await screen.press("x", "up", "left", "space")
        assert screen.status.startswith("XFAM.X87 is fixed")
        await screen.press("right", "right", "down", "down", "down", "down", "down", "down", "space")
        assert screen.status.startswith("XFAM.AMX = 0: ") and not screen.editor.model.xfam & XFAM["AMX"]


async def test_an_xfam_component_that_the_cpu_lacks_is_marked_and_refused() -> None:
    async with opened("minimal", module="1.5.34") as screen:
        lacking = [line for line in "  ".join(screen.pane("xfam")).split("  ") if line.startswith("·")]
        await screen.press("x")
        for name in [word.strip("· ") for word in lacking]:
            screen.app.show_outcome(screen.editor.toggle_xfam(name))
            await screen.pilot.pause()
            assert name in screen.status and not screen.editor.dirty


async def test_a_click_on_a_switch_flips_it() -> None:
    async with opened() as screen:
        await screen.pilot.click("#xfam", offset=(3, 4))
        assert not screen.editor.model.xfam & XFAM["AVX512"] and screen.focus == "xfam"
        assert "□ AVX512" in screen.pane("xfam")[3]
        await screen.pilot.click("#xfam", offset=(20, 1))
        assert not screen.editor.model.xfam & XFAM["PKRU"]
        await screen.pilot.click("#attributes", offset=(3, 6))
        assert screen.editor.model.attributes & ATTRIBUTES["PKS"]


async def test_attributes_flip_and_exclude_each_other_by_name() -> None:
    async with opened("minimal") as screen:
        await screen.press("a")
        assert screen.focus == "attributes"
        names = [line.split()[1] for line in screen.pane("attributes")]
        await screen.press(*["down"] * names.index("PERFMON"), "space")
        assert screen.editor.model.attributes & ATTRIBUTES["PERFMON"] and "PERFMON" in screen.status
        await screen.press(*["up"] * (names.index("PERFMON") - names.index("MIGRATABLE")), "space")
        assert "ATTRIBUTES.PERFMON = 0" in screen.status and screen.status.endswith("Enter shows what changes")
        assert not screen.editor.model.attributes & ATTRIBUTES["MIGRATABLE"]
        assert "□ MIGRATABLE" in "\n".join(screen.pane("attributes"))


async def test_a_bit_that_mirrors_attributes_and_its_switch_move_together() -> None:
    async with opened("minimal") as screen:
        await screen.flip("7.0.ecx.31")
        assert screen.editor.model.attributes & ATTRIBUTES["PKS"] and screen.glyph("7.0.ecx.31") == "●"
        assert "■ PKS" in "\n".join(screen.pane("attributes"))
        await screen.press("space")
        assert "□ PKS" in "\n".join(screen.pane("attributes"))


@pytest.mark.parametrize("key", ["x", "a"])
async def test_escape_goes_back_to_the_grid(key: str) -> None:
    async with opened() as screen:
        await screen.press(key, "escape", "down")
        assert screen.focus == "grid" and screen.cursor == "0.ebx.31"


async def test_tab_goes_through_all_panes() -> None:
    async with opened() as screen:
        seen = []
        for _ in range(5):
            await screen.press("tab")
            seen.append(screen.focus)
        assert sorted(map(str, seen)) == ["attributes", "grid", "leaves", "why", "xfam"]


# -- the header --


async def test_the_header_names_file_module_platform_and_state(tmp_path: Path) -> None:
    path = tmp_path / "web-tier.toml"
    path.write_text('module = "1.5.34"\nplatform = "granite-rapids"\n', encoding="utf-8")
    async with opened(str(path)) as screen:
        assert screen.header.startswith("tdxtui  web-tier.toml  ")
        assert "module 1.5.34 (read)" in screen.header and "CPU granite-rapids" in screen.header
        assert "changed" not in screen.header
        await screen.flip("1.ecx.3")
        assert screen.header.startswith("tdxtui  web-tier.toml ● changed")
        await screen.press("u")
        assert "changed" not in screen.header


async def test_control_characters_of_a_name_do_not_reach_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[31mb\nc.toml"
    path.write_text('platform = "sapphire-rapids"\n', encoding="utf-8")
    async with opened(str(path)) as screen:
        assert screen.header.startswith("tdxtui  a·[31mb·c.toml")
        assert all(line.isprintable() for line in screen.lines)
