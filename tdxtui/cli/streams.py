"""`tdxtui resolve` and `tdxtui guest`: streams of JSON, a request and an answer a line."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import click

OK, BAD_INPUT = 0, 2


@click.command()
@click.option("--jsonl", is_flag=True, required=True, help="One JSON request a line in, one answer a line out.")
def resolve(jsonl: bool) -> None:
    """Compute TDs from TDH.SYS.INIT to TDH.MNG.INIT: requests on standard input, answers on standard output.

    Exit status 2 if a line could not be understood; its answer says why.
    """
    from tdxtui import protocol

    _stream(protocol.answer_resolve)


@click.command()
@click.option("--jsonl", is_flag=True, required=True, help="One JSON request a line in, one answer a line out.")
def guest(jsonl: bool) -> None:
    """As resolve, and what the CPUID instruction then returns inside the TD for each probe in "exit"."""
    from tdxtui import protocol

    _stream(protocol.answer_guest)


def _stream(answer: Callable[[Any], dict[str, Any]]) -> NoReturn:
    import json

    from tdxtui import protocol

    gc.enable()  # `start` has turned it off
    encode = json.JSONEncoder(separators=(",", ":")).encode
    status = OK
    for reply in protocol.stream(protocol.lines_of(sys.stdin.buffer), answer):
        status = BAD_INPUT if "error" in reply else status
        sys.stdout.write(encode(reply) + "\n")
        sys.stdout.flush()  # whoever asks line by line waits for this
    sys.exit(status)
