"""Search as one types: the grid follows, Enter stays, Esc goes back to where one was."""

from __future__ import annotations

from tdxtui.cpuid import Leaf
from tdxtui.naming import field_name, sentence
from tdxtui.tui.jumps import JumpingApp, Place, first_bit
from tdxtui.tui.resting import Resting
from tdxtui.tui.search import Hits, finder, nearest
from tdxtui.tui.search_line import SearchLine

ASK = "a name or a notation, such as avx512f or 7.0.ebx; Enter stays there, Esc goes back"


class SearchingApp(JumpingApp):
    """An app with a line to type searches in."""

    _status: SearchLine

    def __init__(self, ansi_color: bool = False) -> None:
        super().__init__(ansi_color=ansi_color)
        self._text, self._found, self._at = "", Hits(()), 0
        self._near: tuple[str, ...] = ()
        self._searched: tuple[Leaf, ...] = ()
        self._origin: Place | None = None
        self._guessing = Resting(self)

    def action_search(self) -> None:
        """Type what to look for."""
        if not self._status.display:
            return
        self._origin = self.here()
        self._status.open()
        self.search_typed("")

    def prepare_search(self) -> None:
        """Read what searches read, while nobody waits."""
        leaves, module = tuple(self._grid.all_leaves), self.editor.module
        self._guessing.later(lambda: finder(leaves).find("7.0", module), lambda _: None)

    # -- while typing --

    def search_typed(self, text: str) -> None:
        """Another text: to its best match at once, or back to where one was."""
        self._guessing.cancel()
        self._near = ()
        self._look_for(text)
        if self._found.fields:
            self._grid.go_to(first_bit(self._found.fields[0]))
        elif self._origin is not None:
            self._grid.go_to(self._origin.bit)
        if text and not self._found.fields and self._found.missing is None:
            self._guessing.later(lambda: nearest(text), self._guessed)
        self.show_message()

    def search_stepped(self, step: int) -> None:
        """To another match."""
        self._step(step)
        self.show_message()

    def search_ended(self, stay: bool) -> None:
        """Stay at the match or go back."""
        self._guessing.cancel()
        self._status.close()
        origin, stays = self._origin, stay and bool(self._found.fields)
        if origin is not None and not stays:
            self.return_to(origin)
        elif origin is not None:
            self._stay(origin)
        words = f"/{self._text}  {self.search_words}" if stays else self._failed
        self.say(words if stay and self._text else "")

    def _stay(self, origin: Place) -> None:
        if origin.bit != self._grid.cursor:
            self._places.append(origin)
        if origin.pane != "grid":
            self.show_pane("grid")

    def _guessed(self, names: tuple[str, ...]) -> None:
        self._near = names
        self.show_message()

    @property
    def prompt(self) -> str:
        """What has been typed, as it is shown with the cursor."""
        return f"/{self._status.text}▏"

    @property
    def search_words(self) -> str:
        """What has been found, or that nothing has."""
        if not self._text:
            return ASK
        if not self._found.fields:
            return self._failed
        field = self._found.fields[self._at]
        about = f"{field.key} {field_name(field)}  {sentence(field)}".strip()
        return f"{self._at + 1} of {len(self._found.fields)}  {about}"

    @property
    def _failed(self) -> str:
        missing = self._found.missing
        if missing is not None:
            name = f"{missing.key} {field_name(missing)}"
            return f"module {self.editor.module.version} has no {missing.leaf.sdm} ({name})"
        return f"no match for {self._text!r}" + (f"; nearest: {', '.join(self._near)}" if self._near else "")

    # -- afterwards --

    def action_match(self, step: int) -> None:
        """To the next match of the last search, or the one before."""
        if not self._text:
            self.say("Nothing was searched for yet; / searches")
            return
        if tuple(self._grid.all_leaves) != self._searched:
            self._look_for(self._text)
        if not self._found.fields:
            self.say(self._failed)
            return
        self.mark()
        self._step(step)
        self.show_pane("grid")
        self.say(f"/{self._text}  {self.search_words}")

    def _step(self, step: int) -> None:
        if self._found.fields:
            self._at = (self._at + step) % len(self._found.fields)
            self._grid.go_to(first_bit(self._found.fields[self._at]))

    def _look_for(self, text: str) -> None:
        leaves = tuple(self._grid.all_leaves)
        self._text, self._at, self._searched = text, 0, leaves
        self._found = finder(leaves).find(text, self.editor.module) if text.strip() else Hits(())
