"""Where a learner stands: the open document, the bit under the cursor, and the guest's run-time state."""

from __future__ import annotations

from dataclasses import dataclass, field

from tdxtui.cpuid import Field
from tdxtui.dynamic import GuestState
from tdxtui.editor import Editor
from tdxtui.evaluate import Situation


@dataclass
class Stand:
    """What predicates look at and statements change."""

    editor: Editor
    cursor: Field | None = None
    guest: GuestState = field(default_factory=GuestState)

    @property
    def situation(self) -> Situation:
        """What becomes of the document now."""
        return self.editor.situation

    def copy(self) -> Stand:
        """A stand of its own in the same situation, to try things in."""
        here = self.situation
        return Stand(Editor(here.model, here.module, here.platform), self.cursor, self.guest)
