"""The command line: parse, call the library, print. A file a command or family of commands."""

from tdxtui.cli.entry import commands, main, version

__all__ = ["commands", "main", "version"]
