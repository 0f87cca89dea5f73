"""Edits of XFAM, ATTRIBUTES and CONFIG_FLAGS by their rules. Each gives the new word, or why it can't be."""

from __future__ import annotations

from collections.abc import Callable

from tdxtui.sysinit import Prepared
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM, XFAM_GROUPS
from tdxtui.td_params import attributes_problem, config_flags_problem, xfam_problem


def xfam_edit(prepared: Prepared, xfam: int, name: str) -> tuple[int, str]:
    """Flip an XFAM component. Its group moves with it, what it needs comes on, what needs it goes off (3.2)."""
    mask = next((group for group in XFAM_GROUPS.values() if group & XFAM[name]), XFAM[name])
    rules = prepared.module.xfam
    if mask & rules.fixed1 & xfam:
        return xfam, f"XFAM.{name} is fixed: every TD has x87 and SSE (3.2)"
    turning_on = xfam & mask != mask
    value = xfam | mask if turning_on else xfam & ~mask
    for dependent, needed in rules.requires:
        if turning_on and mask & dependent:
            value |= needed
        if not turning_on and mask & needed:
            value &= ~dependent
    return _unless_worse(xfam, value, lambda word: xfam_problem(prepared, word))


def attributes_edit(prepared: Prepared, attributes: int, name: str) -> tuple[int, str]:
    """Flip a bit of ATTRIBUTES (2.1, 2.2)."""
    return _unless_worse(attributes, attributes ^ ATTRIBUTES[name], lambda word: attributes_problem(prepared, word))


def config_flags_edit(prepared: Prepared, flags: int, name: str) -> tuple[int, str]:
    """Flip a bit of CONFIG_FLAGS (3.3)."""
    return _unless_worse(flags, flags ^ CONFIG_FLAGS[name], lambda word: config_flags_problem(prepared, word))


def _unless_worse(before: int, after: int, problem_of: Callable[[int], str]) -> tuple[int, str]:
    """The edit, unless it adds bits and something is wrong with the word; taking bits out is always allowed."""
    problem = problem_of(after) if after & ~before else ""
    return (before, problem) if problem else (after, "")
