"""The group of all commands: each is loaded when it is called, so that a start pays for one of them only."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

# Where each command is; the help lists them in this order.
COMMANDS = {
    "open": "open:open_",
    "serve": "serve:serve",
    "why": "why:why",
    "bits": "lists:bits",
    "modules": "lists:modules",
    "platforms": "lists:platforms",
    "rule": "rule:rule",
    "new": "models:new",
    "fmt": "models:fmt",
    "export": "models:export",
    "drift": "models:drift",
    "schema": "models:schema",
    "config": "config:config",
    "resolve": "streams:resolve",
    "guest": "streams:guest",
}


class ReaderGone(Exception):
    """Nobody reads our output any more."""


class Commands(click.Group):
    """A first word that is no command is a model to open: `tdxtui web.toml`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, loaded now."""
        if cmd_name not in COMMANDS:
            return None
        file, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"tdxtui.cli.{file}"), name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = [word for word in args if not word.startswith("-")]
        if not args or (args[0] not in ("-h", "--help", "--version") and not (words and words[0] in COMMANDS)):
            args = ["open", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. click would end with 1, our status for findings, when the reader of our output is gone."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise ReaderGone from None
