"""Work that may take longer than a key should: begun once the user rests, done beside the screen's own thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from textual.message_pump import MessagePump
from textual.timer import Timer

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

REST = 0.15
Found = TypeVar("Found")


@cache
def _one_at_a_time() -> ThreadPoolExecutor:
    """A single thread: what is worked on needs no lock."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(1)


class Resting:
    """At most one piece of work for a widget; a new one takes the place of the one before.

    `busy` is true while something is to be told.
    """

    def __init__(self, widget: MessagePump) -> None:
        self._widget = widget
        self._timer: Timer | None = None
        self._asked = 0
        self.busy = False

    def cancel(self) -> None:
        """Begin nothing, and don't tell of what has begun."""
        self._asked += 1
        self.busy = False
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def later(self, work: Callable[[], Found], tell: Callable[[Found], None]) -> None:
        """Do the work after a rest and tell what was found."""
        self.cancel()
        asked = self._asked

        async def run() -> None:
            found = await asyncio.get_running_loop().run_in_executor(_one_at_a_time(), work)
            if asked == self._asked and self._widget.is_running:
                self.busy = False
                tell(found)

        async def begin() -> None:
            # Not awaited here: a key that comes meanwhile is not to wait for it.
            self._running = asyncio.create_task(run())

        self.busy = True
        self._timer = self._widget.set_timer(REST, begin)
