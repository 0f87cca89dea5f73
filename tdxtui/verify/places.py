"""Modules and CPUs that a TD may have run on, and how well each explains what it shows."""

from __future__ import annotations

from collections.abc import Iterator

from tdxtui import library
from tdxtui.errors import TdxtuiError
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.refusal import Refusal
from tdxtui.verify.inference import Ground


def ground(module: Module, platform: Platform | None) -> Ground:
    """A module prepared on a platform; on an unknown one where there is none, or the module refuses it."""
    found = library.prepared(module, platform) if platform else None
    return library.prepared_unknown(module) if found is None or isinstance(found, Refusal) else found


def takes(module: Module, platform: Platform | None) -> bool:
    """Whether a module takes a platform; any takes an unknown one."""
    return platform is None or not isinstance(library.prepared(module, platform), Refusal)


def modules() -> Iterator[Module]:
    """Every module that can be used."""
    for name in library.files("modules"):
        try:
            yield library.module(name)
        except TdxtuiError:
            continue


def platforms() -> Iterator[Platform]:
    """Every platform that can be used."""
    for name in library.files("platforms"):
        try:
            yield library.platform(name)
        except TdxtuiError:
            continue
