"""Why a bit has its value: the data, made by `explain` and put into words by `phrase`."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from tdxtui.classify import BitClass, Group
from tdxtui.cpuid import Field
from tdxtui.edits import Edit


class Kind(StrEnum):
    """What a term of a reason is."""

    CONSTANT = "constant"
    VERIFIED = "verified"
    NATIVE = "native"
    CPUID_CONFIG = "CPUID_CONFIG"
    GATE = "gate"
    MIRROR = "mirror"
    COMPUTED = "computed"
    TOPOLOGY = "topology"


class Certainty(StrEnum):
    """How a statement of a module file is known: its code was run, only read, or neither."""

    RUN = "run"
    READ = "read"
    INFERRED = "inferred"


class Term(NamedTuple):
    """One thing that a bit's value hangs on.

    `name` is written as in module files (``XFAM.AVX512``, ``native``, ``CPUID_CONFIG``); `value` is whether it holds
    now, None where that is unknown; `at` is the CPUID bit that it names, if any. `obstacle` says why the VMM can't
    change it, "" if nothing stands in the way.
    """

    kind: Kind
    name: str
    value: int | None
    rule: str
    at: Field | None = None
    obstacle: str = ""


class Input(NamedTuple):
    """What a computed field is computed from, with its present value in words."""

    name: str
    value: str
    at: Field | None = None


class Cure(NamedTuple):
    """What gives a bit another value: the smallest set of edits, None if there is none; `goal` is that value."""

    goal: int
    edits: tuple[Edit, ...] | None


class Reason(NamedTuple):
    """Why a bit has its value.

    The value that TDH.MNG.INIT gives it is 1 if all `terms` are, 0 if one is 0, else unknown (None). `inputs` are what
    a computed term is made of. `run_time` says what the guest reads instead, a sentence for each way.
    """

    bit: Field
    kind: BitClass
    group: Group
    terms: tuple[Term, ...]
    inputs: tuple[Input, ...]
    run_time: tuple[str, ...]
    certainty: Certainty
    cure: Cure

    @property
    def value(self) -> int | None:
        """The value, worked out from the terms."""
        return value_of(self.terms)


def value_of(terms: tuple[Term, ...]) -> int | None:
    """1 if all terms are 1, 0 if one is 0, else None."""
    unknown = False
    for term in terms:
        if term.value == 0:
            return 0
        unknown = unknown or term.value is None
    return None if unknown else 1
