"""The group of all commands: each is loaded when it is called, so that a start pays for one of them only."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

import click


class Place(NamedTuple):
    """Where a command is in this package, and its line in the help."""

    file: str
    name: str
    help: str


# The help lists them in this order.
SECTIONS: dict[str, dict[str, Place]] = {
    "Look": {
        "open": Place("open", "open_", "Open a model on the screen; the default."),
        "serve": Place("serve", "serve", "The screen in a browser on this machine."),
        "learn": Place("learn", "learn", "Guided lessons on what decides a TD's CPUID."),
        "quiz": Place("learn", "quiz", "What happens to this bit if ...?"),
    },
    "Ask": {
        "why": Place("why", "why", "Why a bit is so, and what would change it."),
        "query": Place("query", "query", "Is a bit fixed, flexible (how) or decided at run time?"),
        "check": Place("check", "check", "Would TDs get what models want? Bad bits, reasons, cures."),
        "diff": Place("diff", "diff", "What differs between two modules, models, CPUs or dumps."),
        "verify": Place("verify", "verify", "A TD's real CPUID against what its model should give."),
        "explain": Place("verify", "explain", "Where each feature of a host went in its guest."),
        "show": Place("show", "show", "The CPUID that a model's TD gets."),
    },
    "Make models": {
        "new": Place("models", "new", "A new model file, commented."),
        "fit": Place("fit", "fit", "The nearest legal model to a QEMU model, CPU, dump or level."),
        "baseline": Place("baseline", "baseline", "The richest model that every CPU of a pool can run."),
        "fmt": Place("models", "fmt", "Model files in their canonical form."),
        "drift": Place("models", "drift", "What comes out otherwise today than when a model was exported."),
    },
    "Formats": {
        "import": Place("importing", "import_", "Dumps, command lines, domains, binaries, Intel's tables."),
        "export": Place("export", "export", "A model for QEMU, libvirt, KVM, C, tests, reports."),
        "schema": Place("models", "schema", "The JSON Schema of the model file."),
    },
    "Look up": {
        "bits": Place("lists", "bits", "Every bit of a module: class, gates, value."),
        "rule": Place("rule", "rule", "What the rules say that reasons cite."),
        "modules": Place("lists", "modules", "The TDX module versions."),
        "platforms": Place("lists", "platforms", "The CPUs, and which modules take them."),
        "sources": Place("sources", "sources", "What fit, check and diff know by name."),
        "config": Place("config", "config", "Keys and settings of the screen."),
    },
    "For programs": {
        "resolve": Place("streams", "resolve", "TDs as a JSONL stream: TDH.SYS.INIT to TDH.MNG.INIT."),
        "guest": Place("streams", "guest", "As resolve, and what CPUID then returns in the TD."),
        "completion": Place("completion", "completion", "What makes a shell complete all this."),
    },
}
COMMANDS: dict[str, Place] = {name: place for section in SECTIONS.values() for name, place in section.items()}


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
        place = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"tdxtui.cli.{place.file}"), place.name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by what they are for; none of them is loaded for it."""
        width = max(map(len, COMMANDS))
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), place.help) for name, place in section.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and ctx.resilient_parsing:
            return super().parse_args(ctx, args)  # a shell asks what the first word may be
        words = [word for word in args if not word.startswith("-")]
        if not args or (args[0] not in ("-h", "--help", "--version") and not (words and words[0] in COMMANDS)):
            args = ["open", *args]
            if words:
                _demand_no_slip(words[0])
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. click would end with 1, our status for findings, when the reader of our output is gone."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise ReaderGone from None


def _demand_no_slip(word: str) -> None:
    """Raise UsageError for a word that is nearly a command, unless something else has that name."""
    from difflib import get_close_matches
    from pathlib import Path

    near = get_close_matches(word, COMMANDS, 1)
    if near and not Path(word).suffix and not Path(word).exists():
        from tdxtui import library

        if word not in library.presets():
            raise click.UsageError(f"there is no command or model {word!r}; did you mean {near[0]}?")
