"""The module's own way to say no."""

from __future__ import annotations

from typing import NamedTuple

from tdxtui.cpuid import Leaf

SYS_INIT = "TDH.SYS.INIT"
LP_INIT = "TDH.SYS.LP.INIT"
MNG_INIT = "TDH.MNG.INIT"


class Refusal(NamedTuple):
    """A SEAMCALL's error: class, the SEAMCALL, and what it names.

    `at` is the entry in RCX, None where RCX is 0; `detail` a leaf; `rule` the rule that decided, `because` a
    sentence for people.
    """

    status: str
    stage: str
    rule: str
    because: str
    at: Leaf | None = None
    operand: str | None = None
    msr: int | None = None
    detail: int | None = None

    @property
    def fatal(self) -> bool:
        """Whether the module shuts itself down."""
        return self.status == "FATAL_ERROR"

    def __str__(self) -> str:
        named = [self.operand, self.at and self.at.sdm, self.msr and f"MSR {self.msr:X}H"]
        what = ", ".join(str(part) for part in named if part)
        return f"{self.stage}: {self.status}{f' ({what})' if what else ''}: {self.because}"


class Refused(Exception):
    """Carries a refusal out of the computation."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def shutdown(stage: str, rule: str, because: str) -> Refused:
    """The module shuts itself down."""
    return Refused(Refusal("FATAL_ERROR", stage, rule, because))
