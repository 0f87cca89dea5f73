"""`tdxtui rule`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tdxtui.errors import TdxtuiError

if TYPE_CHECKING:
    from tdxtui.rules import Rule

WIDTH = 100
MAX_SHOWN = 40


@click.command()
@click.argument("numbers", metavar="[NUMBER...]", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def rule(numbers: tuple[str, ...], as_json: bool) -> None:
    """Say what the rules that reasons and refusals cite are about; without a number, list them.

    \b
    tdxtui rule                 every number with its title
    tdxtui rule 5.4 d7          what these two say
    tdxtui rule 5.1, E2, I2     as other commands print them
    """
    from tdxtui import rules

    wanted = [number for text in numbers for number in text.replace(",", " ").split()]
    if numbers and not wanted:
        raise TdxtuiError('no rule is named; "tdxtui rule" lists all of them')
    found = [_find(number) for number in wanted] if wanted else list(rules.rules())
    if as_json:
        import json

        click.echo(json.dumps([item._asdict() for item in found], indent=1))
    else:
        click.echo("\n".join(_whole(found) if wanted else _list(found)))


def _find(number: str) -> Rule:
    from tdxtui import rules
    from tdxtui.strict import shown

    found = rules.rule(number)
    if found is None:
        near = rules.nearest(number)
        hint = f"; the nearest are {', '.join(near)}" if near else '; "tdxtui rule" lists all of them'
        raise TdxtuiError(f"there is no rule {shown(number, MAX_SHOWN)}{hint}")
    return found


def _list(found: list[Rule]) -> list[str]:
    width = max(len(item.number) for item in found)
    return [f"{item.number:<{width}}  {item.title}" for item in found]


def _whole(found: list[Rule]) -> list[str]:
    from textwrap import wrap

    out: list[str] = []
    for item in found:
        gap = [""] if out else []
        out += [*gap, f"{item.number}  {item.title}", *wrap(item.sentence, WIDTH, break_on_hyphens=False)]
    return out
