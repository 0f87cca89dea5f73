"""Opening, saving, quitting, read-only: nothing that the user made is lost."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from textual.widgets import Input

from tdxtui import model_file
from tdxtui.errors import TdxtuiError
from tdxtui.tui.opening import open_editor
from tests.tui.screen import Screen, opened

TEXT = '# mine\nname = "web"\nmodule = "1.5.06"\nplatform = "sapphire-rapids"\n'


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model's file, in the present folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "web.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


async def save_as(screen: Screen, name: str) -> None:
    """Press S and type a file's name."""
    await screen.press("S")
    screen.app.screen.query_one(Input).value = name
    await screen.press("enter")


def gone(screen: Screen) -> bool:
    """Whether the screen was left."""
    return screen.app._exit


# -- saving --


@pytest.mark.parametrize("key", ["s", "ctrl+s"])
async def test_save_writes_the_file_and_keeps_the_one_before(model: Path, key: str) -> None:
    async with opened("web.toml") as screen:
        await screen.flip("1.ecx.3")
        assert "● changed" in screen.header
        await screen.press(key)
        assert screen.status == "Saved web.toml" and "changed" not in screen.header
    assert tomllib.loads(model.read_text(encoding="utf-8"))["features"] == {"monitor": True}
    assert model_file.load(model) == screen.editor.model
    assert (model.parent / "web.toml.bak").read_text(encoding="utf-8") == TEXT


async def test_the_dirty_mark_follows_edits_undo_and_redo(model: Path) -> None:
    async with opened("web.toml") as screen:
        await screen.flip("1.ecx.3")
        for key, dirty in (("u", False), ("U", True), ("ctrl+z", False), ("ctrl+y", True), ("s", False), ("u", True)):
            await screen.press(key)
            assert ("● changed" in screen.header) is dirty, key
            assert screen.editor.dirty is dirty
        await screen.press("u")
        assert screen.status == "nothing to undo"
        await screen.press("U", "U")
        assert screen.status == "nothing to redo"


async def test_a_preset_asks_for_a_file(model: Path) -> None:
    async with opened("minimal") as screen:
        assert "minimal (not saved)" in screen.header
        await screen.press("s")
        assert screen.app.screen.query_one(Input).value == "minimal.toml"
        await screen.press("enter")
        assert screen.status == "Saved minimal.toml" and screen.header.startswith("tdxtui  minimal.toml  ")
        await screen.flip("1.ecx.3")
        await screen.press("s")
    assert model_file.load(Path("minimal.toml")) == screen.editor.model


async def test_save_as_does_not_replace_without_asking(model: Path) -> None:
    async with opened("minimal") as screen:
        await save_as(screen, "web.toml")
        assert "web.toml exists" in screen.text and "web.toml.bak" in screen.text
        for key in ("x", "s", "d", "enter"):
            await screen.press(key)
            assert len(screen.app.screen_stack) == 2
        await screen.press("escape")
        assert model.read_text(encoding="utf-8") == TEXT and screen.editor.path is None
        await save_as(screen, "web.toml")
        await screen.press("r")
        assert screen.status == "Saved web.toml"
    assert model_file.load(model) == screen.editor.model
    assert Path("web.toml.bak").read_text(encoding="utf-8") == TEXT


async def test_save_as_can_be_left(model: Path) -> None:
    async with opened("web.toml") as screen:
        await screen.press("S", "escape")
        assert len(screen.app.screen_stack) == 1
    assert sorted(path.name for path in model.parent.iterdir()) == ["web.toml"]


async def test_a_file_without_a_name_is_asked_for_again(model: Path) -> None:
    async with opened("web.toml") as screen:
        await save_as(screen, "  ")
        assert len(screen.app.screen_stack) == 2 and "A name saves; Esc goes back" in screen.text
        await screen.press(*"b.toml", "enter")
        assert len(screen.app.screen_stack) == 1 and screen.status == "Saved b.toml"


async def test_a_name_that_could_not_be_written_is_offered_again(model: Path) -> None:
    async with opened("web.toml") as screen:
        await save_as(screen, "missing/b.toml")
        assert "can't be saved: " in screen.status
        await screen.press("S")
        assert screen.app.screen.query_one(Input).value == "missing/b.toml"
        await screen.press("escape", "S")
        assert screen.app.screen.query_one(Input).value == "web.toml"


UNSAVEABLE = ["missing/web.toml", "web.toml/x.toml", "~no-such-user/x.toml", "x" * 300, "a\0b", "/"]


@pytest.mark.parametrize("name", UNSAVEABLE)
async def test_a_save_that_fails_says_so_and_loses_nothing(model: Path, name: str) -> None:
    async with opened("web.toml") as screen:
        await screen.flip("1.ecx.3")
        await save_as(screen, name)
        if len(screen.app.screen_stack) == 2:
            await screen.press("r")
        assert "can't be saved: " in screen.status and screen.editor.dirty and not gone(screen)
        assert screen.editor.path == Path("web.toml")
        await screen.press("s")
        assert screen.status == "Saved web.toml"
    assert model_file.load(model) == screen.editor.model


async def test_a_file_that_became_a_folder_can_not_be_saved(model: Path) -> None:
    async with opened("web.toml") as screen:
        await screen.flip("1.ecx.3")
        model.unlink()
        model.mkdir()
        await screen.press("s")
        assert "web.toml: can't be saved: " in screen.status and "● changed" in screen.header
        await screen.press("q", "s")
        assert not gone(screen) and screen.editor.dirty


# -- quitting --


@pytest.mark.parametrize("key", ["q", "ctrl+q", "ctrl+c"])
async def test_quit_without_changes_asks_nothing(model: Path, key: str) -> None:
    async with opened("web.toml") as screen:
        await screen.press(key)
        assert gone(screen) and not screen.app.return_code


@pytest.mark.parametrize("key", ["q", "ctrl+q", "ctrl+c"])
async def test_quit_with_changes_asks(model: Path, key: str) -> None:
    async with opened("web.toml") as screen:
        await screen.flip("1.ecx.3")
        await screen.press(key)
        assert not gone(screen) and "web.toml has changes that are not saved" in screen.text
        await screen.press("escape")
        assert not gone(screen) and screen.editor.dirty and len(screen.app.screen_stack) == 1
        await screen.press(key, "d")
        assert gone(screen)
    assert model.read_text(encoding="utf-8") == TEXT


async def test_quit_and_save(model: Path) -> None:
    async with opened("web.toml") as screen:
        await screen.flip("1.ecx.3")
        await screen.press("q", "s")
        assert gone(screen)
    assert model_file.load(model) == screen.editor.model


async def test_quit_and_save_a_preset_asks_for_its_file_and_quits(model: Path) -> None:
    async with opened("minimal") as screen:
        await screen.flip("1.ecx.3")
        await screen.press("q", "s", "escape")
        assert not gone(screen) and screen.editor.dirty
        await screen.press("q", "s", "enter")
        assert gone(screen)
    assert model_file.load(Path("minimal.toml")) == screen.editor.model


# -- read only --


async def test_read_only_refuses_every_edit_and_every_save(model: Path) -> None:
    async with opened("web.toml", read_only=True) as screen:
        assert "read only" in screen.header
        before = screen.editor.model
        assert await screen.flip("1.ecx.3") == "read only: nothing can be changed"
        for keys in (("x", "down", "down", "space"), ("a", "space")):
            await screen.press(*keys)
            assert screen.status == "read only: nothing can be changed"
        assert screen.editor.model == before
        await screen.press("escape", "m", "end", "enter")
        assert screen.editor.module.version == "2.0.18", "looking at another module is no edit of the file"
        await screen.press("s")
        assert screen.status.startswith("read only: ")
        await save_as(screen, "web.toml")
        assert screen.status.startswith("read only: ")
        await screen.press("q")
        assert gone(screen)
    assert model.read_text(encoding="utf-8") == TEXT


# -- opening --


async def test_a_new_name_opens_an_empty_model_that_save_writes(model: Path) -> None:
    async with opened("new.toml") as screen:
        assert "new.toml is written by s" in screen.status and not screen.editor.model.wishes
        assert screen.header.startswith("tdxtui  new.toml") and "changed" not in screen.header
        assert not Path("new.toml").exists()
        await screen.press("s")
    assert model_file.load(Path("new.toml")) == screen.editor.model


@pytest.mark.parametrize(("name", "says"), [
    ("nope", "no source 'nope'.*minimal"), ("missing/new.toml", "missing/new.toml: there is no such file"),
    ("new.txt", "new.txt: there is no such file"), ("minimul", "did you mean minimal"),
    ("SapphireRapids", "write qemu:SapphireRapids"),
])
def test_a_name_that_is_nothing_is_an_error_that_tells_what_comes_near(model: Path, name: str, says: str) -> None:
    with pytest.raises(TdxtuiError, match=says):
        open_editor(name, None, None)


async def test_a_model_that_only_the_full_check_finds_broken_ends_the_screen(model: Path) -> None:
    model.write_text("nonsense = 1\n", encoding="utf-8")
    async with opened("web.toml") as screen:
        for _ in range(100):
            await screen.pilot.pause(0.02)
            if gone(screen):
                break
        assert screen.app.return_code == 2
        assert screen.app.problem.startswith("web.toml: nonsense: ") and "\n" not in screen.app.problem


async def test_a_file_named_like_a_preset_comes_first(model: Path) -> None:
    Path("minimal").write_text('name = "my own"\n', encoding="utf-8")
    async with opened("minimal") as screen:
        assert screen.editor.model.name == "my own" and screen.editor.path == Path("minimal")


async def test_module_and_platform_of_the_command_line_come_first(model: Path) -> None:
    async with opened("web.toml", module="1.5.34", platform="granite-rapids") as screen:
        assert "module 1.5.34 (read)" in screen.header and "CPU granite-rapids" in screen.header
        assert "changed" not in screen.header


async def test_an_empty_file_is_a_new_model_and_says_so(tmp_path: Path) -> None:
    empty = tmp_path / "empty.toml"
    empty.touch()
    editor, notice = open_editor(str(empty), None, None)
    assert notice == f"{empty} is empty: a new model, written by s"
    assert editor.path == empty and editor.model.name == "empty"
