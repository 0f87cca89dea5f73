"""A vCPU model on a module and a platform: what the TD would get, and where that isn't what the model wants."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tdxtui import library
from tdxtui.classify import BitClass, classes_at
from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.explain import Explainer
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.platform import Platform
from tdxtui.refusal import Refusal
from tdxtui.resolve import VirtualCpuid, attempt, attempt_unknown
from tdxtui.runtime import HYPERVISOR_LEAVES


@dataclass(frozen=True)
class Situation:
    """What becomes of a model here.

    `td` are the values that the TD gets, or would get but for the `refusals`. `platform_refusal` is set where the
    module doesn't take the platform at all; `td` then is that of an unknown one. `conflicts` are packed masks of the
    wished bits that come out otherwise, by leaf as wished.
    """

    model: VcpuModel
    module: Module
    platform: Platform | None
    platform_refusal: Refusal | None
    td: VirtualCpuid
    refusals: tuple[Refusal, ...]
    conflicts: dict[Leaf, int]

    @cached_property
    def explainer(self) -> Explainer:
        """The reasons of the TD's bits."""
        return Explainer(self.td, self.model.td_config)

    @property
    def conflict_count(self) -> int:
        """How many bits conflict, refusals counted as one each."""
        bits = sum(mask.bit_count() for mask in self.conflicts.values())
        return bits + len(self.refusals) + (self.platform_refusal is not None)

    def conflicts_at(self, leaf: Leaf) -> int:
        """How many conflicts there are at a leaf."""
        return self.conflicts.get(leaf, 0).bit_count() + sum(refusal.at == leaf for refusal in self.refusals)

    def conflict_leaves(self) -> list[Leaf]:
        """The leaves with conflicts or refusals."""
        return [*self.conflicts, *(refusal.at for refusal in self.refusals if refusal.at)]

    def conflict_bits(self) -> list[Field]:
        """Every conflicting bit; a refusal stands at its leaf's first one."""
        out = [Field.bit(item.at, Register.EAX, 31) for item in self.refusals if item.at]
        for leaf, mask in self.conflicts.items():
            bits = (Field.bit(leaf, register, number) for register in Register for number in range(32))
            out += [bit for bit in bits if bit.mask & mask]
        return out

    def refusals_elsewhere(self) -> list[str]:
        """What conflicts without a leaf to show it: the platform, refusals of TD_PARAMS, wishes for missing leaves."""
        words = [f"The module refuses this CPU: {self.platform_refusal}"] if self.platform_refusal else []
        missing = [leaf for leaf in self.conflicts if self.module.entry_for(leaf) is None]
        words += [str(item) for item in self.refusals if item.at is None]
        return words + [f"module {self.module.version} has no {leaf.sdm}, whose bits are wished" for leaf in missing]


def evaluate(model: VcpuModel, module: Module, platform: Platform | None) -> Situation:
    """Work out the situation; never raises."""
    config = model.td_config(module)
    prepared = library.prepared(module, platform) if platform else None
    if prepared is None or isinstance(prepared, Refusal):
        td, refusals = attempt_unknown(library.prepared_unknown(module), config)
    else:
        td, refusals = attempt(prepared, config)
    refused = prepared if isinstance(prepared, Refusal) else None
    return Situation(model, module, platform, refused, td, refusals, _conflicts(model, td))


def _conflicts(model: VcpuModel, td: VirtualCpuid) -> dict[Leaf, int]:
    out = {}
    for leaf, (value, mask) in model.wishes.items():
        if wrong := _wrong(td, leaf, value, mask):
            out[leaf] = wrong
    return out


def _wrong(td: VirtualCpuid, leaf: Leaf, value: int, mask: int) -> int:
    """The wished bits that are known to come out otherwise; bits of the run time are no matter of the VMM's."""
    entry = td.module.entry_for(leaf)
    if entry is None:
        # In the hypervisors' own range the module has nothing to say (D5.1).
        return 0 if leaf.leaf in HYPERVISOR_LEAVES else value & mask
    dynamic = classes_at(td.module, entry.leaf).masks.get(BitClass.DYNAMIC, 0) | entry.dynamic
    return (td.at(entry.leaf) ^ value) & mask & td.known_at(entry.leaf) & ~dynamic
