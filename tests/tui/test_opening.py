"""Whatever is a source of a model opens: as a model that has no file yet, with what was assumed told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from textual._compositor import LayoutUpdate

from tdxtui import vmm
from tdxtui.errors import TdxtuiError
from tdxtui.tui.opening import open_document, open_editor
from tdxtui.tui.quick import QuickCompositor
from tests.tui.screen import opened

DUMP = """CPU:
   0x00000000 0x00: eax=0x00000007 ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69
   0x00000001 0x00: eax=0x000806f8 ebx=0x00100800 ecx=0x7ffefbff edx=0xbfebfbff
   0x00000007 0x00: eax=0x00000002 ebx=0xf3bfbffb ecx=0x1b415f6e edx=0xffc14410
   0x80000000 0x00: eax=0x80000008 ebx=0x00000000 ecx=0x00000000 edx=0x00000000
"""
SCRIPT = "#!/bin/sh\nexec qemu-system-x86_64 -cpu SapphireRapids-v4,-amx-tile -smp 4 -object tdx-guest,id=tdx0\n"
QUICK = "import sys; from tdxtui.tui.opening import open_document; open_document({!r}, None, None); print(*sys.modules)"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a host's dump and a script that starts a guest."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "host-dump.txt").write_text(DUMP, encoding="utf-8")
    (tmp_path / "run.sh").write_text(SCRIPT, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("name", "bit", "value"), [
    ("qemu:SapphireRapids-v4", "avx512f", 1), ("level:x86-64-v3", "avx2", 1), ("granite-rapids", "avx512f", 1),
    ("host-dump.txt", "avx512f", 1), ("run.sh", "amx_tile", 0),
])
async def test_every_kind_of_source_opens_as_a_model_that_is_not_saved_yet(name: str, bit: str, value: int) -> None:
    from tdxtui import catalog

    async with opened(name, module="1.5.06") as screen:
        assert "(not saved)" in screen.header and "changed" not in screen.header
        assert screen.editor.path is None and screen.editor.model.wished(catalog.find(bit)) == value
        assert screen.status.startswith(f"{name}, not saved yet")


async def test_what_was_assumed_is_told_and_listed_among_the_findings() -> None:
    async with opened("level:x86-64-v3") as screen:
        assert "asks for features only" in screen.status
        await screen.press("i")
        assert "note  x86-64-v3 asks for features only" in screen.text


async def test_a_source_is_saved_under_a_new_name_and_opens_as_the_same(here: Path) -> None:
    async with opened("qemu:SapphireRapids-v4") as screen:
        await screen.press("s")
        assert "SapphireRapids-v4.toml" in screen.text
        await screen.press("enter")
        await screen.pilot.pause()
    async with opened("SapphireRapids-v4.toml") as again:
        assert again.editor.model.wishes == screen.editor.model.wishes


def test_a_cpu_is_held_against_itself_and_another_one_where_asked() -> None:
    own, other = open_editor("granite-rapids", None, None)[0], open_editor("granite-rapids", None, "none")[0]
    assert own.platform is not None and own.platform.name == "granite-rapids" and other.platform is None


def test_a_command_line_takes_what_the_named_vmm_gives_it() -> None:
    notes = [open_document("run.sh", None, None, layers=layers).source for layers in ((), vmm.chosen("7.2", "10.2"))]
    assert notes[0] is not None and notes[1] is not None and set(notes[0].notes) <= set(notes[1].notes)


@pytest.mark.parametrize("text", ["", "\0\1\2", "hello\n", "<xml", "CPU:\n   0x0000"])
def test_a_file_of_no_known_kind_is_one_clear_error(here: Path, text: str) -> None:
    (here / "what.bin").write_text(text, encoding="utf-8")
    if not text:
        assert "is empty: a new model" in open_editor("what.bin", None, None)[1]
        return
    with pytest.raises(TdxtuiError, match=r"what\.bin") as error:
        open_editor("what.bin", None, None)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["minimal", "web.toml", "web"])
def test_for_files_and_presets_nothing_of_the_other_sources_is_loaded(here: Path, name: str) -> None:
    if name != "minimal":
        (here / name).write_text('name = "web"\n', encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", QUICK.format(name)], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert not [item for item in loaded if item.startswith(("tdxtui.sources", "tdxtui.importers", "tdxtui.fit"))]


async def test_the_very_first_frame_shows_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    frames: list[list[str]] = []
    render = QuickCompositor.render_full_update

    def recorded(self: QuickCompositor, simplify: bool = False) -> LayoutUpdate:
        update = render(self, simplify)
        frames.append(["".join(segment.text for segment in line).rstrip() for line in update.strips])
        return update

    monkeypatch.setattr(QuickCompositor, "render_full_update", recorded)
    async with opened("full-granite-rapids", module="2.0.18") as screen:
        await screen.settled()
        first = "\n".join(frames[0])
        for shown in ("31    24", "EAX  00000000", "0x00000023", "▸00H", "■ AVX512", "Why", "fixed", "s saves it"):
            assert shown in first, shown
        # Later come only the fields' words, behind titles and below the cursor's leaf, and the list's counts.
        later = [one for one, two in zip(frames[0], screen.lines, strict=True) if one != two.rstrip()]
        assert len(later) <= 10, later
