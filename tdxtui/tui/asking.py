"""Questions to the engine on the screen: findings, the nearest legal model, VMM layers, a second module."""

from __future__ import annotations

from tdxtui.tui.comparing import ComparingApp
from tdxtui.tui.findings import FindingsApp
from tdxtui.tui.nearest import NearestApp


class AskingApp(FindingsApp, NearestApp, ComparingApp):
    """An app that answers them all."""
