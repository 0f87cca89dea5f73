"""Another theme while the screen is open, looked at before it is taken."""

from __future__ import annotations

from tdxtui.errors import TdxtuiError
from tdxtui.tui import palette
from tdxtui.tui.base import EditorApp
from tdxtui.tui.choosing import mark
from tdxtui.tui.fast import Bare

NO_COLOURS = "NO_COLOR is set, so there are no colours to choose: glyph, bold, italic and underline tell all"


class ThemingApp(EditorApp):
    """An app whose colours can be changed. Its panes share one palette, which is filled with other styles."""

    theme_name: str
    theme_is_set = False
    _no_color: bool

    def action_choose_theme(self) -> None:
        """A list of the themes; the screen shows the one under the cursor."""
        if self._no_color:
            self.say(NO_COLOURS)
            return
        before = self.theme_name
        from tdxtui.tui.theme_chooser import ThemeChooser

        chooser = ThemeChooser(_choices(before), before, self.palette, self._try)
        self.push_screen(chooser, lambda name: self._take(name, before))

    def _try(self, name: str) -> bool:
        """Show a theme; whether its file is fine."""
        if name == self.theme_name:
            return True
        try:
            theme, colours = palette.load(palette.find(name))
        except TdxtuiError:
            return False
        self.theme_name = name
        self.palette.become(colours)
        self.register_theme(theme)
        self.theme = theme.name
        for pane in self.screen_stack[0].query(Bare):
            pane.resized()  # makes the lines anew, in which the styles are
            pane.refresh()
        self.call_later(self.show_all)
        return True

    def _take(self, name: str | None, before: str) -> None:
        if name is None:
            self._try(before)
        elif not self._try(name):
            self._try(before)
            self.say(_about(name), alarm=True)
        elif name != before:
            self._remember(name)

    def set_theme(self, name: str) -> None:
        """Another theme at once."""
        if self._no_color:
            self.say(NO_COLOURS)
        else:
            self._take(name, self.theme_name)

    def _remember(self, name: str) -> None:
        if self.theme_is_set:
            self.say(f"Theme {name}, until you quit: --theme or your settings name another one")
            return
        from tdxtui.remembered import remember

        kept = self.may_write and remember(theme=name)
        self.say(f"Theme {name}" + ("" if kept else ", until you quit: the state folder can't be written"))


def _choices(present: str) -> list[tuple[str, str]]:
    return [(name, f"{mark(name == present)} {name:16} {_about(name)}") for name in palette.names()]


def _about(name: str) -> str:
    try:
        return palette.about(palette.find(name))
    except TdxtuiError as error:
        return str(error)
