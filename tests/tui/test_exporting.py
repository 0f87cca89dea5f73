"""Exports: looked at first, then written; a new format is an entry of a list."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from textual.containers import VerticalScroll
from textual.widgets import Input, OptionList

from tdxtui import exporters, vmm
from tdxtui.tui.exporting import formats
from tests.tui.screen import Screen, check_golden, opened

TEXT = '# mine\nname = "web"\nmodule = "1.5.06"\nplatform = "sapphire-rapids"\n'
UNSAVEABLE = ["missing/web.toml", "web.toml/x.toml", "~no-such-user/x.toml", "x" * 300, "a\0b", "/"]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model's file, in the present folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "web.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


async def export_to(screen: Screen, name: str) -> None:
    """Go through the preview and give a name."""
    await screen.press("e", "enter")
    await screen.pilot.pause()
    screen.app.screen.query_one(Input).value = name
    await screen.press("enter")
    await screen.pilot.pause()


async def test_the_text_is_shown_before_it_is_written(model: Path) -> None:
    async with opened("web.toml") as screen:
        await screen.press("e")
        await screen.pilot.pause()
        assert "Export: toml, " in screen.text
        assert "# mine" in screen.text and 'name = "web"' in screen.text and "[validated]" in screen.text
        await screen.press("pagedown", "pagedown")
        await screen.pilot.pause(0.4)
        assert "# mine" not in screen.text and screen.app.screen.query_one(VerticalScroll).scroll_y > 0
        await screen.press("escape")
        assert len(screen.app.screen_stack) == 1
    assert [path.name for path in model.parent.iterdir()] == ["web.toml"]


async def test_export_writes_the_model_with_what_was_validated(model: Path) -> None:
    async with opened("web.toml", module="1.5.34") as screen:
        await screen.press("e", "enter")
        await screen.pilot.pause()
        assert screen.app.screen.query_one(Input).value == "web.validated.toml"
        await screen.press("enter")
        assert screen.status == "Exported to web.validated.toml" and "changed" not in screen.header
    found = tomllib.loads(Path("web.validated.toml").read_text(encoding="utf-8"))
    assert found["validated"]["module"]["version"] == "1.5.34" and found["validated"]["cpuid"]
    assert model.read_text(encoding="utf-8") == TEXT


async def test_a_model_with_conflicts_is_not_exported_and_the_preview_says_why(model: Path) -> None:
    model.write_text(f'{TEXT}[registers]\n"1.ecx.1" = "0x0"\n', encoding="utf-8")
    async with opened("web.toml") as screen:
        await screen.press("e")
        await screen.pilot.pause()
        assert "Not exported, since" in screen.text and "1.ecx.1 is wished 0" in screen.text
        await screen.press("enter")
        assert len(screen.app.screen_stack) == 2 and "Enter writes it" not in screen.text
    assert sorted(path.name for path in model.parent.iterdir()) == ["web.toml"]


async def test_export_replaces_no_file_without_asking_nor_the_model_itself(model: Path) -> None:
    async with opened("web.toml") as screen:
        await export_to(screen, "web.toml")
        assert "is the model itself" in screen.status and model.read_text(encoding="utf-8") == TEXT
        Path("taken.toml").write_text("mine", encoding="utf-8")
        await export_to(screen, "taken.toml")
        assert "taken.toml exists" in screen.text
        await screen.press("escape")
        assert Path("taken.toml").read_text(encoding="utf-8") == "mine"


async def test_an_export_that_fails_says_so(model: Path) -> None:
    async with opened("web.toml") as screen:
        for name in UNSAVEABLE:
            await export_to(screen, name)
            if len(screen.app.screen_stack) == 2:
                await screen.press("r")
            assert "can't be saved: " in screen.status and not screen.app._exit, name
            screen.app.say("")


async def test_a_conflicting_model_is_exported_only_on_a_word_of_its_own(model: Path) -> None:
    model.write_text(f'{TEXT}[registers]\n"1.ecx.1" = "0x0"\n', encoding="utf-8")
    async with opened("web.toml") as screen:
        await screen.press("e", "tab", "tab", "n")
        await screen.pilot.pause()
        assert "# NOT VALIDATED, exported with 1 conflict:" in screen.text and "Enter writes it" in screen.text
        await screen.press("enter")
        await screen.pilot.pause()
        await screen.press("enter")
        assert "NOT VALIDATED" in Path("web.qemu.sh").read_text(encoding="utf-8")


async def test_every_format_of_the_exporters_can_be_looked_at(model: Path) -> None:
    async with opened("web.toml") as screen:
        await screen.press("e")
        await screen.pilot.pause()
        for number, (name, item) in enumerate(exporters.FORMATS.items()):
            assert screen.app.screen.query_one(OptionList).highlighted == number
            assert f"Export: {name}, " in screen.text and ("bytes" in screen.text) is item.binary
            await screen.press("tab")
            await screen.pilot.pause()
        assert screen.app.screen.query_one(OptionList).highlighted == 0
        await screen.press("shift+tab")
        assert screen.app.screen.query_one(OptionList).highlighted == len(exporters.FORMATS) - 1


async def test_what_a_format_loses_is_shown_above_its_content(model: Path) -> None:
    async with opened("web.toml", platform="none") as screen:
        await screen.press("e", *["tab"] * list(exporters.FORMATS).index("kvm-cpuid2"))
        await screen.pilot.pause()
        assert "Lost in this format: " in screen.text and "depend on the CPU" in screen.text
        assert "00000000  " in screen.text, "then the bytes"


async def test_the_chosen_vmm_layers_are_what_an_export_is_for(model: Path) -> None:
    async with opened("web.toml", layers=[vmm.layer("qemu", "10.2")]) as screen:
        made = {item.name: item.make for item in formats(screen.editor.situation, screen.app.layers)}
        assert "QEMU 10.2" in made["qemu"](False).data.decode()
        assert made["toml"](False).data == exporters.export(screen.editor.situation, "toml").data


async def test_no_two_formats_suggest_the_same_file(model: Path) -> None:
    async with opened("web.toml") as screen:
        suffixes = [item.suffix for item in formats(screen.editor.situation, ())]
        assert len(set(suffixes)) == len(suffixes) and "toml" not in suffixes


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_golden_export_preview(model: Path, size: tuple[int, int]) -> None:
    async with opened("web.toml", size=size) as screen:
        await screen.settled()
        await screen.press("e")
        await screen.settled()
        check_golden(f"{size[0]}x{size[1]}-export", screen.text)
