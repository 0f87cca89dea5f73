"""JSON of tools and VMMs: one document or several after each other, each error with its line."""

from __future__ import annotations

import json
from typing import Any

from tdxtui.importers.result import failed

MAX_SIZE = 8 << 20


def documents(data: bytes, name: str) -> list[Any]:
    """The documents of a text, at least one; ImportFailed with the line for what is none."""
    if len(data) > MAX_SIZE:
        raise failed(name, "", f"is larger than {MAX_SIZE >> 20} MiB; that is no file of this kind")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise failed(name, f"byte {error.start}", "is not UTF-8 text") from None
    decoder, out, at = json.JSONDecoder(), [], _skip(text, 0)
    while at < len(text):
        try:
            found, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise failed(name, f"line {error.lineno}", f"is not JSON: {error.msg}") from None
        except RecursionError:
            raise failed(name, "", "is JSON that is nested too deeply") from None
        except ValueError:
            raise failed(name, "", "is JSON with a number of thousands of digits") from None
        out.append(found)
        at = _skip(text, at)
    if not out:
        raise failed(name, "", "has no JSON in it")
    return out


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at
