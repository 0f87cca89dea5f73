"""Edits outlive the program; files that others write are not overwritten without a word; history goes anywhere."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from tdxtui import folders, journal, model_file
from tdxtui.cpuid import Field
from tdxtui.tui import autosave
from tdxtui.tui.recovery_text import age
from tests.tui.screen import Screen, check_golden, opened

TEXT = '# mine\nname = "web"\nmodule = "1.5.06"\nplatform = "sapphire-rapids"\n'
BIT, OTHER = "1.ecx.3", "1.ecx.7"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model's file, in the present folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "web.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long."""
    monkeypatch.setattr(autosave, "SOON", 0.02)
    monkeypatch.setattr(autosave, "LOOK_EVERY", 0.1)


def journals() -> list[Path]:
    """The journals that there are."""
    return sorted(folders.recovery().glob("*.toml")) if folders.recovery().is_dir() else []


async def kept(screen: Screen) -> None:
    """Wait until the last edit is written."""
    await screen.pilot.pause(0.1)
    screen.app._writer.submit(lambda: None).result()


async def crashed(name: str = "web.toml", *bits: str) -> None:
    """Edit a model and leave without any good-bye, as a crash does; the lock ends with the process."""
    async with opened(name) as screen:
        for bit in bits or (BIT,):
            await screen.flip(bit)
        await kept(screen)
        lock = screen.app._journal._lock
        assert lock is not None
        lock.release()


# -- keeping --


async def test_an_edit_is_kept_soon_and_gone_once_it_is_saved_or_taken_back(model: Path) -> None:
    async with opened("web.toml") as screen:
        await kept(screen)
        assert not journals() and not folders.recovery().exists()
        for key in "su":
            await screen.flip(BIT)
            await kept(screen)
            (file,) = journals()
            assert model_file.load(file) == screen.editor.model and file.stat().st_mode & 0o077 in (0, 0o044)
            assert folders.recovery().stat().st_mode & 0o077 == 0
            await screen.press(key)
            await kept(screen)
            assert not journals() and not list(folders.recovery().iterdir())


async def test_edits_that_follow_at_once_are_written_once(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autosave, "SOON", 0.2)
    written = []
    monkeypatch.setattr(journal.Journal, "write", lambda _, draft: written.append(draft.edits))
    async with opened("web.toml") as screen:
        for _ in range(3):
            screen.app.show_outcome(screen.editor.toggle(Field.parse(BIT)))
        await screen.pilot.pause(0.4)
        await kept(screen)
        assert written == [3]


async def test_a_read_only_screen_keeps_and_offers_nothing(model: Path) -> None:
    await crashed()
    async with opened("web.toml", read_only=True) as screen:
        await screen.pilot.pause()
        assert len(screen.app.screen_stack) == 1 and len(journals()) == 1


async def test_what_is_discarded_on_leaving_is_not_offered(model: Path) -> None:
    async with opened("web.toml") as screen:
        await screen.flip(BIT)
        await kept(screen)
        await screen.press("q", "d")
        assert screen.app.end_autosave() == (0, "") and not journals()


async def test_whatever_ends_the_screen_else_keeps_the_last_edit(model: Path) -> None:
    async with opened("web.toml") as screen:
        await screen.flip(BIT)
        assert screen.app.end_autosave() == (1, "")
        (file,) = journals()
        assert model_file.load(file).wished(Field.parse(BIT)) == 1


async def test_a_folder_that_can_not_be_written_is_told_once(model: Path) -> None:
    folders.state().parent.mkdir(parents=True)
    folders.state().write_text("in the way", encoding="utf-8")
    async with opened("web.toml") as screen:
        await screen.flip(BIT)
        await kept(screen)
        await screen.pilot.pause()
        assert screen.status.startswith("Not autosaved (s saves): ") and screen.status.endswith("Not a directory")
        await screen.flip(OTHER)
        await kept(screen)
        await screen.pilot.pause()
        assert "Not autosaved" not in screen.status
        edits, failed = screen.app.end_autosave()
        assert edits == 2 and failed


async def test_a_full_disk_is_told_in_a_line_and_leaves_file_and_edits_whole(model: Path) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    async with opened("web.toml") as screen:
        with mock.patch("os.fsync", side_effect=full):
            await screen.flip(BIT)
            await kept(screen)
            await screen.pilot.pause()
            assert screen.status.endswith("can't be saved: No space left on device")
            await screen.press("s")
            assert screen.status == "web.toml: can't be saved: No space left on device" and screen.editor.dirty
        assert model.read_text(encoding="utf-8") == TEXT and not journals()
        assert [path.name for path in model.parent.iterdir()] == ["web.toml"]
        await screen.press("s")
        assert screen.status == "Saved web.toml"


# -- recovering --


async def test_a_crash_is_followed_by_an_offer_that_says_what_when_and_how_much(model: Path) -> None:
    await crashed("web.toml", BIT, OTHER)
    async with opened("web.toml") as screen:
        await screen.pilot.pause()
        text = screen.text
        assert "web.toml was being edited when tdxtui ended" in text and "2 edits, the last:" in text
        assert "on module 1.5.06, CPU sapphire-rapids" in text and time.strftime("%Y-%m-%d") in text
        assert f"CPUID_CONFIG {BIT} = 1" in text and "other content" not in text
        await screen.press("r")
        assert screen.status.startswith("Recovered 2 edits: u takes them back, s saves")
        assert [screen.editor.model.wished(Field.parse(bit)) for bit in (BIT, OTHER)] == [1, 1]
        (file,) = journals()
        assert str(os.getpid()) in file.name and screen.editor.dirty
        await screen.press("u")
        assert not screen.editor.dirty
        await screen.press("U", "s")
        assert screen.status == "Saved web.toml"
        await kept(screen)
        assert not journals()
    assert model.read_text(encoding="utf-8").startswith("# mine\n")


async def test_discarded_edits_are_gone_and_later_keeps_them(model: Path) -> None:
    await crashed()
    async with opened("web.toml") as screen:
        await screen.pilot.pause()
        await screen.press("escape")
        assert "offered again" in screen.status and len(journals()) == 1
    async with opened("web.toml") as screen:
        await screen.pilot.pause()
        await screen.press("d")
        assert screen.status == "Discarded 1 edit" and not list(folders.recovery().iterdir())
        assert not screen.editor.dirty


async def test_a_draft_that_was_saved_after_all_is_not_offered(model: Path) -> None:
    await crashed()
    model_file.save(model_file.load(journals()[0]), model)
    async with opened("web.toml") as screen:
        await screen.pilot.pause()
        assert len(screen.app.screen_stack) == 1 and not journals()


async def test_only_the_same_document_is_offered_however_it_is_named(model: Path) -> None:
    await crashed()
    (model.parent / "sub").mkdir()
    (model.parent / "link.toml").symlink_to(model)
    (model.parent / "other.toml").write_text(TEXT, encoding="utf-8")
    for name, offers in (("other.toml", 0), ("minimal", 0), ("link.toml", 1), ("sub/../web.toml", 1), (str(model), 1)):
        async with opened(name) as screen:
            await screen.pilot.pause()
            assert len(screen.app.screen_stack) == 1 + offers, name
            await screen.press("escape")


async def test_a_preset_that_was_never_saved_is_offered_by_its_name(model: Path) -> None:
    await crashed("minimal")
    async with opened("minimal") as screen:
        await screen.pilot.pause()
        assert "minimal (never saved) was being edited" in screen.text
        await screen.press("r")
        assert screen.editor.model.wished(Field.parse(BIT)) == 1 and screen.editor.path is None


async def test_the_edits_of_a_running_instance_are_not_offered_to_another(model: Path) -> None:
    async with opened("web.toml") as first:
        await first.flip(BIT)
        await kept(first)
        async with opened("web.toml") as second:
            await second.pilot.pause()
            assert len(second.app.screen_stack) == 1
            await second.flip(OTHER)
            await kept(second)
            assert len(journals()) == 2
            models = [model_file.load(file) for file in journals()]
            wished = {tuple(model.wished(Field.parse(bit)) for bit in (BIT, OTHER)) for model in models}
            assert wished == {(1, None), (None, 1)}


async def test_several_drafts_are_offered_one_after_the_other_the_newest_first(model: Path) -> None:
    await crashed("web.toml", BIT)
    async with opened("web.toml") as screen:
        await screen.pilot.pause()
        await screen.press("escape")
        await screen.flip(OTHER)
        await kept(screen)
        screen.app._journal._lock.release()  # type: ignore[union-attr]
    async with opened("web.toml") as screen:
        await screen.pilot.pause()
        assert f"CPUID_CONFIG {OTHER} = 1" in screen.text
        await screen.press("d")
        await screen.pilot.pause()
        assert f"CPUID_CONFIG {BIT} = 1" in screen.text
        await screen.press("r")
        assert screen.status.startswith("Recovered 1 edit")


async def test_a_draft_of_other_content_says_so_and_saving_asks(model: Path) -> None:
    await crashed()
    model.write_text(TEXT.replace("# mine", "# newer"), encoding="utf-8")
    async with opened("web.toml") as screen:
        await screen.pilot.pause()
        assert "The file has other content now" in screen.text
        await screen.press("r", "s")
        await screen.pilot.pause()
        assert "Changed on disk" in screen.text and "# newer" in model.read_text(encoding="utf-8")
        await screen.press("o")
        assert screen.status == "Saved web.toml"
    assert "# newer" in (model.parent / "web.toml.bak").read_text(encoding="utf-8")


def test_a_broken_journal_harms_nobody_and_stays(model: Path) -> None:
    folders.recovery().mkdir(parents=True)
    whole = journal.encoded(journal.Draft(str(model), "", 1, (), 0.0, "1.5.06", "", model_file.load(model)))
    file = folders.recovery() / "web-1-a.toml"
    head = whole.partition(b"\n")[0]
    cut = (b"", b"\xff\xfe", b"# tdxtui recovery 1 [", b"# tdxtui recovery 1 {}\n", head[:-9], head + b"\nname = [")
    for junk in (*cut, whole.replace(b'"edits"', b'"ed"'), whole.replace(b"recovery 1", b"recovery 2")):
        file.write_bytes(junk)
        assert journal.abandoned(model, "web") == [] and file.exists()
    file.write_bytes(whole)
    (found,) = journal.abandoned(model, "web")
    assert found.draft.model == model_file.load(model)
    assert journal.abandoned(model, "web") == [], "it is locked now"
    found.remove()
    assert not file.exists()


def test_the_litter_of_killed_processes_is_swept(model: Path) -> None:
    folder = folders.recovery()
    folder.mkdir(parents=True)
    for name in ("web-1-a.lock", ".web-1-a.toml.x"):
        (folder / name).touch()
        os.utime(folder / name, (1, 1))
    assert journal.abandoned(model, "web") == [] and not list(folder.iterdir())


def test_how_long_ago_is_told_in_one_unit() -> None:
    told = [age(seconds) for seconds in (-3, 0.4, 1, 59, 60, 3599, 7200, 86400 * 3)]
    assert told == ["just now", "just now", "1 second ago", "59 seconds ago", "1 minute ago", "59 minutes ago",
                    "2 hours ago", "3 days ago"]


# -- a file that others write --


async def test_a_file_changed_meanwhile_is_noticed_and_never_overwritten_silently(model: Path) -> None:
    async with opened("web.toml") as screen:
        await screen.flip(BIT)
        model.write_text(f"{TEXT}# theirs\n", encoding="utf-8")
        for _ in range(40):
            await screen.pilot.pause(0.05)
            if "has been changed" in screen.status:
                break
        assert screen.status == "web.toml has been changed by another program: s asks what to do"
        await screen.press("s")
        await screen.pilot.pause()
        assert "overwrite: its content is kept" in screen.text
        await screen.press("escape")
        assert model.read_text(encoding="utf-8").endswith("# theirs\n") and screen.editor.dirty


async def test_overwriting_keeps_the_others_content_beside_it(model: Path) -> None:
    async with opened("web.toml") as screen:
        await screen.flip(BIT)
        await screen.press("s")
        model.write_text(f"{TEXT}# theirs\n", encoding="utf-8")
        await screen.flip(OTHER)
        await screen.press("s", "o")
        assert screen.status == "Saved web.toml" and model_file.load(model) == screen.editor.model
    backups = {path.name: path.read_text(encoding="utf-8") for path in model.parent.glob("web.toml.bak*")}
    assert backups == {"web.toml.bak": TEXT, "web.toml.bak.1": f"{TEXT}# theirs\n"}


async def test_reloading_takes_the_others_content_and_undo_brings_the_edits_back(model: Path) -> None:
    async with opened("web.toml") as screen:
        await screen.flip(BIT)
        model.write_text(f"{TEXT}[features]\navx = true\n")
        await screen.press("s", "r")
        await screen.pilot.pause()
        assert not screen.editor.dirty and screen.status.startswith("reloaded web.toml")
        assert screen.editor.model == model_file.load(model)
        await screen.press("u")
        assert screen.editor.model.wished(Field.parse(BIT)) == 1 and screen.editor.dirty


async def test_a_broken_file_is_not_reloaded(model: Path) -> None:
    async with opened("web.toml") as screen:
        await screen.flip(BIT)
        model.write_text("name = [", encoding="utf-8")
        await screen.press("s", "r")
        await screen.pilot.pause()
        assert screen.status.startswith("Not reloaded: web.toml: is not TOML") and screen.editor.dirty


async def test_save_as_is_another_way_out(model: Path) -> None:
    async with opened("web.toml") as screen:
        await screen.flip(BIT)
        model.write_text(f"{TEXT}# theirs\n", encoding="utf-8")
        await screen.press("s", "a")
        await screen.pilot.pause()
        await screen.press(*"2", "enter")
        await screen.pilot.pause()
        assert screen.editor.path != Path("web.toml") and not screen.editor.dirty
    assert model.read_text(encoding="utf-8").endswith("# theirs\n")


async def test_a_touched_or_rewritten_file_with_the_same_content_is_no_change(model: Path) -> None:
    async with opened("web.toml") as screen:
        await screen.flip(BIT)
        os.utime(model, (1, 1))
        other = model.with_name("new")
        other.write_text(TEXT, encoding="utf-8")
        other.replace(model)
        await screen.pilot.pause(0.3)
        assert "changed by another" not in screen.status
        await screen.press("s")
        assert screen.status == "Saved web.toml"


async def test_a_file_that_is_gone_is_noticed_and_can_be_written_again(model: Path) -> None:
    async with opened("web.toml") as screen:
        await screen.flip(BIT)
        model.unlink()
        await screen.press("s")
        await screen.pilot.pause()
        assert "web.toml is gone from the disk" in screen.text
        await screen.press("o")
        assert screen.status == "Saved web.toml" and model_file.load(model) == screen.editor.model


async def test_a_new_file_that_somebody_else_made_first_is_noticed(model: Path) -> None:
    async with opened("new.toml") as screen:
        await screen.flip(BIT)
        Path("new.toml").write_text(TEXT, encoding="utf-8")
        await screen.press("s")
        await screen.pilot.pause()
        assert "new.toml has been made by another program" in screen.text


# -- history --


async def test_the_history_lists_all_edits_and_goes_to_any(model: Path) -> None:
    async with opened("web.toml") as screen:
        await screen.press("Z")
        assert screen.status == "There are no edits yet"
        start = screen.editor.model
        await screen.flip(BIT)
        await screen.press("s")
        await screen.flip(OTHER)
        await screen.press("m", "end", "enter", "u")
        await screen.press("Z")
        await screen.pilot.pause()
        first, second = f"   1  CPUID_CONFIG {BIT} = 1  (saved)", f"▸   2  CPUID_CONFIG {OTHER} = 1"
        for line in ("   0  as it was opened", first, second, "   3  module 2.0.18  (taken back)"):
            assert line in screen.text, line
        await screen.press("home", "enter")
        assert screen.editor.model == start and screen.status == "at 0 of 3 edits" and screen.editor.dirty
        await screen.press("Z", "end", "enter")
        await screen.pilot.pause()
        assert screen.editor.module.version == "2.0.18" and "module 2.0.18" in screen.header
        await screen.press("Z", "up", "up", "enter")
        await screen.pilot.pause()
        assert not screen.editor.dirty


# -- golden texts --


@pytest.fixture
def sure(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A clock that stands still, and no look at the disk that comes sooner or later."""
    monkeypatch.setattr(autosave, "LOOK_EVERY", 60)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    real = time.time
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
    yield
    monkeypatch.setattr(time, "time", real)
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
@pytest.mark.usefixtures("sure")
async def test_golden_recovery_and_change_on_disk_and_history(model: Path, size: tuple[int, int]) -> None:
    await crashed("web.toml", BIT, OTHER)
    async with opened("web.toml", size=size) as screen:
        await screen.settled()
        check_golden(f"{size[0]}x{size[1]}-recovery", screen.text)
        await screen.press("r")
        await screen.flip("1.ecx.8")
        model.write_text(f"{TEXT}# theirs\n", encoding="utf-8")
        await screen.press("s")
        await screen.settled()
        check_golden(f"{size[0]}x{size[1]}-changed", screen.text)
        await screen.press("escape", "Z")
        await screen.settled()
        check_golden(f"{size[0]}x{size[1]}-history", screen.text)
