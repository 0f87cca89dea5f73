"""`tdxtui completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from tdxtui.errors import TdxtuiError

PROGRAM, VARIABLE = "tdxtui", "_TDXTUI_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes a shell complete tdxtui's commands, options and names.

    \b
    tdxtui completion bash > ~/.local/share/bash-completion/completions/tdxtui
    tdxtui completion zsh > ~/.zfunc/_tdxtui          (a folder of your fpath)
    tdxtui completion fish > ~/.config/fish/completions/tdxtui.fish
    """
    from tdxtui.cli.entry import commands

    found = get_completion_class(shell)
    if found is None:
        raise TdxtuiError(f"completion: {shell} isn't known to this version of click")
    complete = found(commands, {}, PROGRAM, VARIABLE)
    # Not complete.source(): that starts bash to learn its version, and the shell at hand may be another one.
    click.echo(complete.source_template % complete.source_vars())
