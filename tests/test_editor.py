"""The editor: edits can be taken back and made again, and nothing is ever lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tdxtui import library, model_file
from tdxtui.cpuid import ALL_ONES, Field
from tdxtui.editor import Editor, Outcome
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import Situation
from tdxtui.model import VcpuModel
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM
from tests.editing import (
    PHASES,
    PLATFORMS,
    READ_ONLY,
    VERSIONS,
    assert_consistent,
    assert_refused,
    bits_of,
    models,
    opened,
    versions,
)

# -- edits, undo and redo --


EDITS = ["XFAM", "ATTRIBUTES", "CONFIG_FLAGS", "module", "platform", "settings"]


def edit(editor: Editor, data: st.DataObject) -> Outcome:
    """Some edit."""
    kind = data.draw(st.sampled_from(["bit", "bit", "bit", *EDITS]))
    if kind == "bit":
        entry = data.draw(st.sampled_from(editor.module.entries))
        configurable = bits_of(entry.leaf, entry.configurable) or bits_of(entry.leaf, ALL_ONES)
        outcome = editor.toggle(data.draw(st.sampled_from(configurable)))
        return editor.accept("cure", outcome.cure) if outcome.cure else outcome
    if kind == "XFAM":
        return editor.toggle_xfam(data.draw(st.sampled_from(list(XFAM))))
    if kind == "ATTRIBUTES":
        return editor.toggle_attribute(data.draw(st.sampled_from(list(ATTRIBUTES))))
    if kind == "CONFIG_FLAGS":
        return editor.toggle_config_flag(data.draw(st.sampled_from(list(CONFIG_FLAGS))))
    if kind == "module":
        return editor.set_module(data.draw(st.sampled_from(VERSIONS)))
    if kind == "platform":
        return editor.set_platform(data.draw(st.sampled_from([*PLATFORMS, ""])))
    changed = replace(editor.model, max_vcpus=data.draw(st.integers(1, 600)), description="changed")
    return editor.apply("settings", changed)


def assert_changed(before: Situation, editor: Editor, outcome: Outcome) -> None:
    """The outcome names just the bits that came out otherwise, or became known or unknown."""
    old, new = before.td, editor.situation.td
    for leaf in {*old.cpuid(), *new.cpuid()}:
        mask = (old.at(leaf) ^ new.at(leaf)) | (old.known_at(leaf) ^ new.known_at(leaf))
        assert outcome.changed.get(leaf, 0) == mask


@versions
@given(data=st.data())
@settings(max_examples=5, deadline=None, derandomize=True, phases=PHASES)
def test_undo_and_redo_lose_nothing(version: str, data: st.DataObject) -> None:
    editor = opened(version, data.draw(st.sampled_from([*PLATFORMS, ""])), data.draw(models(version)))
    history = [editor.situation]
    for _ in range(data.draw(st.integers(1, 12))):
        before = editor.situation
        outcome = edit(editor, data)
        if outcome.done:
            assert_changed(before, editor, outcome)
            assert_consistent(editor)
            history.append(editor.situation)
            assert editor.redo().message == "nothing to redo"
        else:
            assert_refused(editor, before, outcome)
        assert editor.dirty == (editor.model != history[0].model)
    for former in reversed(history[:-1]):
        before = editor.situation
        outcome = editor.undo()
        assert outcome.done
        assert_changed(before, editor, outcome)
        assert editor.situation == former
    assert editor.undo().message == "nothing to undo"
    assert not editor.dirty
    for later in history[1:]:
        assert editor.redo().done
        assert editor.situation == later
    assert editor.redo().message == "nothing to redo"


@given(data=st.data())
@settings(max_examples=20, deadline=None, derandomize=True, phases=PHASES)
def test_redo_after_undo_is_where_one_was(data: st.DataObject) -> None:
    editor = opened("1.5.34", "granite-rapids")
    done = sum(edit(editor, data).done for _ in range(6))
    assume(done)
    back = data.draw(st.integers(1, done))
    before = editor.situation
    for _ in range(back):
        assert editor.undo().message.startswith("undone: ")
    for _ in range(back):
        assert editor.redo().message.startswith("redone: ")
    assert editor.situation == before


def test_an_edit_after_undo_forgets_what_was_undone() -> None:
    editor = opened("1.5.34", "granite-rapids")
    editor.toggle_xfam("AVX")
    editor.undo()
    editor.toggle_xfam("PKRU")
    assert editor.redo().message == "nothing to redo"
    assert editor.model.xfam == 0x203


def test_a_refused_edit_is_no_step() -> None:
    editor = opened("1.5.34", "granite-rapids")
    editor.toggle_xfam("AVX")
    editor.toggle_xfam("X87")
    editor.undo()
    assert editor.model.xfam == 3


def test_a_module_or_platform_that_is_not_there_changes_nothing() -> None:
    editor = opened("1.5.34", "granite-rapids")
    before = editor.situation
    for switch in (editor.set_module, editor.set_platform):
        with pytest.raises(TdxtuiError, match=r"there is no (module|platform) 'nowhere'"):
            switch("nowhere")
    assert editor.situation is before
    assert editor.undo().message == "nothing to undo"


def test_undo_of_a_module_switch_comes_back_to_the_module() -> None:
    """`tdxtui open x.toml -m 1.5.06` on a model that names no module, or another one."""
    for own in ("", "1.5.01"):
        editor = Editor(VcpuModel("x", module=own), library.module("1.5.06"), None)
        editor.set_module("1.5.34")
        editor.undo()
        assert (editor.model.module, editor.module.version) == (own, "1.5.06")


def test_undo_of_a_platform_switch_comes_back_to_the_platform() -> None:
    for own in ("", "emerald-rapids"):
        editor = Editor(VcpuModel("x", platform=own), library.module("1.5.06"), library.platform("granite-rapids"))
        editor.set_platform("sapphire-rapids")
        editor.undo()
        assert editor.platform is library.platform("granite-rapids")


# -- read only --


def test_read_only_refuses_every_edit() -> None:
    editor = opened("1.5.34", "granite-rapids", read_only=True)
    before = editor.situation
    for outcome in (
        editor.toggle(Field.parse("1.ecx.3")),
        editor.toggle(Field.parse("1.ecx.0")),
        editor.toggle(Field.parse("24.0.eax.0")),
        editor.toggle_xfam("AVX"),
        editor.toggle_xfam("X87"),
        editor.toggle_attribute("PKS"),
        editor.toggle_config_flag("GPAW"),
        editor.apply("anything", replace(editor.model, max_vcpus=2)),
    ):
        assert_refused(editor, before, outcome)
        assert outcome.message == READ_ONLY
    assert not editor.dirty


def test_read_only_allows_another_module_and_platform() -> None:
    editor = opened("1.5.34", "granite-rapids", read_only=True)
    assert editor.set_module("1.5.06").done
    assert editor.set_platform("").done
    assert (editor.module.version, editor.platform) == ("1.5.06", None)
    assert editor.undo().done
    assert editor.undo().done
    assert (editor.module.version, editor.platform) == ("1.5.34", library.platform("granite-rapids"))


def test_read_only_refuses_a_model_that_names_another_module() -> None:
    editor = opened("1.5.34", "granite-rapids", read_only=True)
    assert editor.apply("x", replace(editor.model, module="1.5.06", xfam=7)).message == READ_ONLY


def test_read_only_saves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    editor = opened("1.5.34", "granite-rapids", path=path, read_only=True)
    editor.set_module("1.5.06")
    with pytest.raises(TdxtuiError, match="read only"):
        editor.save()
    assert not path.exists()


# -- dirty, save --


def test_saving_makes_clean_and_changing_makes_dirty(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    editor = opened("1.5.34", "granite-rapids", path=path)
    assert not editor.dirty
    editor.toggle_xfam("AVX")
    assert editor.dirty
    assert editor.save() == path
    assert not editor.dirty
    assert model_file.load(path) == editor.model
    editor.undo()
    assert editor.dirty
    editor.redo()
    assert not editor.dirty


def test_saving_elsewhere_makes_that_the_file(tmp_path: Path) -> None:
    editor = opened("1.5.34", "granite-rapids")
    with pytest.raises(TdxtuiError, match="the model has no file yet"):
        editor.save()
    editor.toggle_xfam("AVX")
    path = tmp_path / "new.toml"
    assert editor.save(path) == editor.path == path
    assert not editor.dirty
    editor.toggle_xfam("PKRU")
    assert editor.save() == path
    assert model_file.load(path).xfam == 0x207


def test_a_save_that_fails_leaves_it_dirty(tmp_path: Path) -> None:
    editor = opened("1.5.34", "granite-rapids", path=tmp_path / "old.toml")
    editor.toggle_xfam("AVX")
    with pytest.raises(TdxtuiError, match="No such file or directory"):
        editor.save(tmp_path / "gone" / "x.toml")
    assert editor.dirty
    assert editor.path == tmp_path / "old.toml"
