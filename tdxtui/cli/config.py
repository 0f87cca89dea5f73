"""`tdxtui config`."""

from __future__ import annotations

import click


@click.command()
@click.option("--path", "what", flag_value="path", help="Print the file's name.")
@click.option("--check", "what", flag_value="check", help="Check the file: settings, theme, keys.")
@click.option("--example", "what", flag_value="example", help="Print a file with every setting and key, as they are.")
def config(what: str | None) -> None:
    """The settings of the screen (colours, mouse, defaults, keys): where, whether all is right, what there is.

    \b
    tdxtui config --example > ~/.config/tdxtui/config.toml
    tdxtui config --check
    """
    from tdxtui import settings

    if what == "example":
        click.echo(_example(), nl=False)
    elif what == "path":
        click.echo(settings.path())
    else:
        click.echo(_check())


def _check() -> str:
    """A line that says that all is well; DataError for the first thing that isn't."""
    from tdxtui import settings
    from tdxtui.tui import configured, keymap

    found = settings.load()
    configured.check(found)
    keys = keymap.checked(found.keys, found.source)
    if not settings.path().exists():
        return f"{found.source}: not there; everything has its default"
    return f"{found.source}: fine" + (f", {len(keys)} of the actions have keys of yours" if keys else "")


def _example() -> str:
    from tdxtui.tui import configured

    return configured.example()
