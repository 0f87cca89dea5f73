"""The user's settings: read strictly, told by file and key, and obeyed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tdxtui import cli, folders, remembered, settings
from tdxtui.errors import TdxtuiError
from tdxtui.tui import keymap, launch
from tdxtui.tui.app import TdxApp
from tests.tui.screen import opened
from tests.tui.terminal import Terminal


def write(text: str) -> Path:
    """The settings' file with that text."""
    path = settings.path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def config(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """What `tdxtui config` says, and its status."""
    with pytest.raises(SystemExit) as exit_:
        cli.main(["config", *words])
    out, err = capsys.readouterr()
    return int(exit_.value.code or 0), out or err


# -- reading --


@pytest.mark.parametrize(("text", "said"), [
    ("theme = 1\n", "theme: expected a string, found a whole number"),
    ("mouse = 'yes'\n", "mouse: expected true or false, found a string"),
    ("colour = 'dark'\n", "colour: 'colour' is none of theme, mouse, module, platform, kvm, qemu, keys"),
    ("theme = 'noir'\n", "theme: there is no theme 'noir'; known are dark, light"),
    ("module = '9.9'\n", "module: there is no module '9.9'; known are 1.5.01"),
    ("platform = 'z80'\n", "platform: there is no platform 'z80'; known are emerald-rapids"),
    ("theme = [", "is not TOML: "),
    ("keys = 3\n", "keys: expected a table, found a whole number"),
    ("[keys]\nundo = 3\n", "keys.undo: expected a list, found a whole number"),
    ("[keys]\nundo = [3]\n", "keys.undo: expected keys as strings, found a whole number"),
    ("[keys]\nundoo = 'z'\n", "keys.undoo: 'undoo' is unknown; did you mean undo"),
    ("[keys]\nwibble = 'z'\n", "keys.wibble: 'wibble' is no action; tdxtui config --example lists all"),
    ("[keys]\nundo = 'ctrl+'\n", "keys.undo: 'ctrl+' is no key; write a character, f1, ctrl+x"),
    ("[keys]\nundo = 'wibble'\n", "keys.undo: 'wibble' is no key"),
    ("kvm = '7.1'\n", "kvm: there is no KVM layer '7.1'; known are 7.2"),
    ("qemu = 10.2\n", "qemu: "),
    ("[keys]\nundo = 's'\n", "keys.undo: 's' is the key of save, too"),
    ("[keys]\nundo = 'k'\n", "keys.undo: 'k' is the key of up in the pane 'grid', too"),
    ("[keys]\nup = 'x'\n", "keys.up: 'x' is the key of to-xfam, too"),
    ("[keys]\nundo = 'z'\nredo = ['z']\n", "keys.undo: 'z' is the key of redo, too"),
])
def test_a_mistake_is_told_by_file_and_key(
    text: str, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(text)
    status, line = config(capsys, "--check")
    assert status == 2 and line.startswith(f"tdxtui: {path}: ") and said in line and line.count("\n") == 1
    Path("bare.toml").write_text('name = "bare"\n', encoding="utf-8")
    with pytest.raises(TdxtuiError) as error:
        launch.make_app("bare.toml", None, None, False, None)
    assert said in str(error.value)


def test_without_a_file_everything_has_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert settings.load() == settings.Settings(str(settings.path()))
    status, line = config(capsys)
    assert status == 0 and line == f"{settings.path()}: not there; everything has its default\n"
    assert config(capsys, "--path") == (0, f"{settings.path()}\n")


def test_the_example_changes_nothing_and_names_every_action(capsys: pytest.CaptureFixture[str]) -> None:
    _, example = config(capsys, "--example")
    write(example)
    assert settings.load() == settings.Settings(str(settings.path()))
    assert all(f"\n# {item.name} = " in example for item in keymap.actions())


def test_every_line_of_the_example_may_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    _, example = config(capsys, "--example")
    write(re.sub(r"^# (?=[a-z-]+ = )", "", example, flags=re.MULTILINE))
    found = settings.load()
    assert found.theme == "dark" and found.mouse and found.module == "1.5.06"
    assert keymap.checked(found.keys, found.source)["up"] == ("up", "k")
    assert config(capsys, "--check")[0] == 0


def test_keys_are_written_as_people_do() -> None:
    wanted = {"undo": ("Z", "?", "ctrl+u", "PgUp", "f7", "space", "shift+tab", "Esc", "←", ",", "é")}
    text = '["Z, ?", "ctrl+u", "PgUp", "f7", "space", "shift+tab", "Esc", "←", ",", "é"]'
    found = settings.read(f"[keys]\nundo = {text}", "x")
    assert dict(found.keys) == wanted
    names = [keymap._key("x", "undo", key) for key in wanted["undo"]]
    assert names[:8] == ["Z", "question_mark", "ctrl+u", "pageup", "f7", "space", "shift+tab", "escape"]
    assert names[8:10] == ["left", "comma"]


# -- obeying --


async def test_keys_of_the_users_take_the_place_of_ours() -> None:
    keys = keymap.checked({"undo": ("z",), "down": ("J", "f7"), "quit": ()}, "x")
    async with opened(keys=keys, size=(120, 60)) as screen:
        await screen.flip("1.ecx.3")
        await screen.press("u")
        assert screen.editor.dirty
        await screen.press("z")
        assert not screen.editor.dirty
        await screen.go("1.ecx.3")
        await screen.press("j", "down")
        assert screen.cursor == "1.ecx.3"
        await screen.press("f7")
        assert screen.cursor == "1.edx.3"
        await screen.press("x", "J", "q")
        assert not screen.app._exit
        await screen.press("question_mark")
        await screen.settled()
        assert "z              Undo" in screen.text and "J F7           Down  in switches" in screen.text


async def test_the_last_line_names_the_keys_of_the_users() -> None:
    async with opened("minimal", keys=keymap.checked({"save": ("ctrl+s", "f2"), "undo": ()}, "x")) as screen:
        screen.app.say("")
        assert "  ctrl+s save  " in screen.status and "undo" not in screen.status


async def test_a_key_may_change_hands_when_its_owner_gives_it_up() -> None:
    async with opened(keys=keymap.checked({"save": ("ctrl+s",), "undo": ("s",)}, "x")) as screen:
        await screen.flip("1.ecx.3")
        await screen.press("s")
        assert not screen.editor.dirty and len(screen.app.screen_stack) == 1


def test_theme_module_and_cpu_of_the_settings_hold_where_nothing_else_is_said(tmp_path: Path) -> None:
    write("theme = 'light'\nmouse = false\nmodule = '1.5.16'\nplatform = 'granite-rapids'\n")
    (tmp_path / "bare.toml").write_text('name = "bare"\n', encoding="utf-8")
    app, mouse = launch.make_app(str(tmp_path / "bare.toml"), None, None, False, None)
    assert isinstance(app, TdxApp) and app.theme_name == "light" and not mouse
    assert app.editor.module.version == "1.5.16" and app.editor.platform is not None
    assert app.editor.platform.name == "granite-rapids"
    app, _ = launch.make_app(str(tmp_path / "bare.toml"), "1.5.34", "none", False, "dark")
    assert app.editor.module.version == "1.5.34" and app.editor.platform is None and app.theme_name == "dark"
    app, _ = launch.make_app("minimal", None, None, False, None)
    assert app.editor.module.version == "1.5.06" and app.editor.platform is not None


def test_the_vmm_layers_of_the_settings_hold_unless_the_command_line_names_others_or_none() -> None:
    def labels(*asked: str | None) -> list[str]:
        return [layer.label for layer in launch.make_app("minimal", None, None, False, None, *asked)[0].layers]

    assert labels() == [] and labels("7.2", "10.2") == ["KVM 7.2", "QEMU 10.2"]
    write("kvm = '7.2'\nqemu = '11.1'\n")
    assert labels() == ["KVM 7.2", "QEMU 11.1"] and labels(None, "10.2") == ["KVM 7.2", "QEMU 10.2"]
    assert labels("none", "none") == []
    with pytest.raises(TdxtuiError, match="there is no QEMU layer '1'"):
        labels(None, "1")


def test_the_theme_chosen_last_comes_back_unless_it_is_gone() -> None:
    assert remembered.remember(theme="amber")
    assert launch.make_app("minimal", None, None, False, None)[0].theme_name == "amber"
    remembered.remember(theme="gone")
    assert launch.make_app("minimal", None, None, False, None)[0].theme_name == "dark"


def test_who_is_here_the_first_time_gets_a_hint_once() -> None:
    assert launch._hint() == launch.FIRST_HINT and launch._hint() == ""
    (folders.state() / remembered.FILE).write_text("[broken", encoding="utf-8")
    assert launch._hint() == launch.FIRST_HINT and launch._hint() == ""


def test_the_hint_is_seen_and_the_mouse_is_left_alone_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "config" / "tdxtui" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text("mouse = false\n", encoding="utf-8")
    for first in (True, False):
        with Terminal("open", "minimal", cwd=tmp_path) as terminal:
            terminal.wait_for("New here?" if first else "preset minimal: s saves it")
            assert "\x1b[?1000h" not in terminal.raw
            terminal.press("q")
            assert terminal.ended() == 0 and terminal.as_before


def test_settings_with_a_mistake_are_told_before_the_screen_opens(tmp_path: Path) -> None:
    path = tmp_path / "config" / "tdxtui" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text("[keys]\nundo = 's'\n", encoding="utf-8")
    with Terminal("open", "minimal", cwd=tmp_path) as terminal:
        assert terminal.ended() == 2
        assert terminal.last_words == [f"tdxtui: {path}: keys.undo: 's' is the key of save, too"]
