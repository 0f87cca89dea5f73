"""Edits reach the state folder soon after they are made, beside the screen's thread, and come back after a crash."""

from __future__ import annotations

import asyncio
import time
from functools import cached_property
from typing import TYPE_CHECKING

from textual.timer import Timer

from tdxtui.errors import TdxtuiError
from tdxtui.strict import shown
from tdxtui.tui.base import EditorApp

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from tdxtui.journal import Draft, Found, Journal
    from tdxtui.on_disk import OnDisk

# An edit is on its way to the disk after this many seconds: far below the half second that a crash may cost.
SOON = 0.2
LOOK_EVERY = 2.0
RECOVERED = "recovered edits"


class AutosaveApp(EditorApp):
    """An app whose edits survive it, and that notices when its file is changed by others."""

    def __init__(self, ansi_color: bool = False) -> None:
        super().__init__(ansi_color=ansi_color)
        self._autosave: Timer | None = None
        self._autosave_failed = ""
        self._offered: list[Found] = []
        self._told_change = ""
        self._looking = False
        self.discards = False

    @cached_property
    def _writer(self) -> ThreadPoolExecutor:
        """A single thread: what is written later is newer."""
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(1)

    @cached_property
    def _journal(self) -> Journal:
        from tdxtui.journal import Journal

        return Journal(self.editor.path.stem if self.editor.path else self.editor.model.name)

    def begin_autosave(self) -> None:
        """From now on edits are kept; call it once the first frame is drawn."""
        if self.editor.read_only:
            return
        self.editor.on_change = self._edited
        if self.editor.dirty:  # keys may have come before the first frame
            self._edited()
        self.set_interval(LOOK_EVERY, self._look_at_disk)
        self._offer_recovery()

    # -- keeping --

    def _edited(self) -> None:
        """The document changed. Edits that follow at once are kept together with this one; a save counts at once."""
        if not self.editor.dirty:
            self._writer.submit(self._write, None)
        elif self._autosave is None:
            self._autosave = self.set_timer(SOON, self._keep)

    async def _keep(self) -> None:
        self._autosave = None
        draft = self._draft()
        loop = asyncio.get_running_loop()
        self._keep_task = loop.create_task(self._told(loop.run_in_executor(self._writer, self._write, draft)))

    async def _told(self, writing: asyncio.Future[str]) -> None:
        """Tell once that edits can't be kept, not with each of them."""
        failed = await writing
        if failed and failed != self._autosave_failed:
            self.say(shown(f"Not autosaved (s saves): {failed}", self.size.width - 2), alarm=True)
        self._autosave_failed = failed

    def _write(self, draft: Draft | None) -> str:
        try:
            if draft is None:
                self._journal.remove()
            else:
                self._journal.write(draft)
        except TdxtuiError as error:
            return str(error)
        return ""

    def _draft(self) -> Draft | None:
        """What is to be kept now, None where everything is saved."""
        from tdxtui.journal import Draft, digest, place_of

        editor = self.editor
        if not editor.dirty:
            return None
        labels, made = editor.history
        saved = max(editor.saved_at, 0)
        platform = editor.platform.name if editor.platform else ""
        return Draft(
            path=place_of(editor.path), base=digest(editor.disk.data), edits=max(abs(made - saved), 1),
            labels=tuple(labels[min(made, saved) : made]), when=time.time(), module=editor.module.version,
            platform=platform, model=editor.model,
        )

    def end_autosave(self) -> tuple[int, str]:
        """The app has ended: how many edits are kept for another time, and why they couldn't be if they could not."""
        if self.editor.on_change != self._edited:
            return 0, ""
        for found in self._offered:
            found.release()
        draft = None if self.discards else self._draft()
        failed = self._writer.submit(self._write, draft).result()
        self._writer.shutdown()
        return draft.edits if draft else 0, failed

    # -- recovering --

    def _offer_recovery(self) -> None:
        from tdxtui import folders

        if folders.recovery().is_dir():
            from tdxtui import journal

            found = journal.abandoned(self.editor.path, self.editor.model.name)
            for item in found:
                if item.draft.model == self.editor.model:  # it was killed right after a save
                    item.remove()
            self._offered = [item for item in found if item.draft.model != self.editor.model]
            self._offer_next()

    def _offer_next(self) -> None:
        if self._offered:
            from tdxtui.tui.dialogs import Question
            from tdxtui.tui.recovery_text import ANSWERS, recovery_text

            draft = self._offered[0].draft
            text = recovery_text(draft, self._base_differs(draft), time.time())
            self.push_screen(Question("Edits that were not saved", text, ANSWERS, "later"), self._answered)

    def _base_differs(self, draft: Draft) -> bool:
        """Whether the file is another one than the draft was made of."""
        from tdxtui.journal import digest

        return draft.base != digest(self.editor.disk.data)

    def _answered(self, answer: str | None) -> None:
        found = self._offered[0]
        if answer == "r":
            self._recover(found)
        elif answer == "d":
            found.remove()
            del self._offered[0]
            self.say(f"Discarded {_edits(found.draft.edits)}")
            self._offer_next()
        else:
            self._later()
            self.say("The edits are kept, and offered again when the model is opened next time")

    def _later(self) -> None:
        for found in self._offered:
            found.release()
        self._offered = []

    def _recover(self, found: Found) -> None:
        """Make the draft the present model, as one edit; its journal goes once ours has it."""
        from tdxtui.evaluate import evaluate

        draft, editor = found.draft, self.editor
        differs = self._base_differs(draft)
        self.show_outcome(editor.accept(RECOVERED, evaluate(draft.model, editor.module, editor.platform)))
        if differs:
            editor.distrust()
        failed = self._writer.submit(self._write, self._draft()).result()
        if not failed:
            found.remove()
            del self._offered[0]
        more = len(self._offered)
        self._later()
        rest = f"; {more} more draft{'s are' if more > 1 else ' is'} offered next time" if more else ""
        self.say(failed or f"Recovered {_edits(draft.edits)}: u takes them back, s saves{rest}", alarm=bool(failed))

    # -- the file --

    async def _look_at_disk(self) -> None:
        """Notice that somebody else wrote the file. Done beside the screen's thread: a disk far away may be slow."""
        if self._looking or self.editor.path is None:
            return
        self._looking = True
        self._disk_task = asyncio.get_running_loop().create_task(self._look_at(self.editor.disk))

    async def _look_at(self, disk: OnDisk) -> None:
        try:
            change = await asyncio.get_running_loop().run_in_executor(self._writer, disk.change)
        finally:
            self._looking = False
        if disk is not self.editor.disk:
            return  # it was saved or read meanwhile
        if change and change != self._told_change:
            self.say(f"{self.editor.path} {change}: s asks what to do", alarm=True)
        self._told_change = change


def _edits(count: int) -> str:
    return f"{count} edit{'s' * (count != 1)}"
