"""What the module refuses: the CPU, or the TD."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tdxtui.checking.finding import Finding, Kind, Layer
from tdxtui.evaluate import Situation
from tdxtui.refusal import Refusal
from tdxtui.vmm import VmmLayer


def refusals(situation: Situation, vmm: Sequence[VmmLayer]) -> Iterator[Finding]:
    """The module's own errors, with what a VMM makes of each."""
    if situation.platform_refusal:
        refusal = situation.platform_refusal
        yield Finding(
            Kind.REFUSAL, Layer.PLATFORM, "cpu-refused", f"{refusal} (rule {refusal.rule})", refusal=refusal,
            says=tuple(text for layer in vmm for text in layer.saying("no_module")), situation=situation,
        )
    for refusal in situation.refusals:
        yield Finding(
            Kind.REFUSAL, Layer.TD, "td-refused", f"{refusal} (rule {refusal.rule})", refusal=refusal,
            says=_says(refusal, vmm), situation=situation,
        )


def _says(refusal: Refusal, vmm: Sequence[VmmLayer]) -> tuple[str, ...]:
    """What the VMM's user sees of a TDH.MNG.INIT that failed."""
    answers = (layer.saying(refusal.status) or layer.saying("OTHER_STATUS") for layer in vmm)
    return tuple(text for texts in answers for text in texts)
