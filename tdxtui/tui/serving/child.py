"""The process behind one page: the app, speaking to the server over its standard input and output.

It ends with the server however that ends: the kernel sends SIGTERM when the parent dies, and where it can't, the end of
standard input says the same. Edits that are not saved are kept for the next time, as after any other signal.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
from threading import Timer

from textual import messages
from textual.drivers.web_driver import WebDriver

from tdxtui.errors import TdxtuiError
from tdxtui.situations import DEFAULT_PRESET
from tdxtui.tui import launch

PR_SET_PDEATHSIG = 1
LAST_CHANCE = 5.0


class ChildDriver(WebDriver):
    """A driver that ends the app when the server is gone."""

    def run_input_thread(self) -> None:
        """Read until the server ends, then leave; if that hangs, at once."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            last = Timer(LAST_CHANCE, os._exit, (1,))
            last.daemon = True
            last.start()
            self._app.post_message(messages.ExitApp())


def end_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies; other systems than Linux have the end of input only."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we had asked
            sys.exit(1)


def main() -> None:
    """Run the app that the server asked for."""
    end_with_parent()
    asked = json.loads(sys.argv[1])
    try:
        app, mouse = launch.make_app(**asked)
        app.driver_class = ChildDriver
        app.may_write = not asked["read_only"]
        launch.run_app(app, mouse, asked["name"] or DEFAULT_PRESET)
    except TdxtuiError as error:
        sys.exit(f"tdxtui: {error}")


if __name__ == "__main__":
    gc.disable()  # as `start` does; the app turns it on again
    main()
