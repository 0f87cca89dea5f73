"""Which bits to look at: conflicts, what can change, what differs from something else, what has a name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from tdxtui import catalog, library, model_file
from tdxtui.bit_state import flexible_bits
from tdxtui.cpuid import ALL_ONES, Leaf
from tdxtui.evaluate import Situation, evaluate
from tdxtui.flipping import changed
from tdxtui.model import VcpuModel
from tdxtui.module import Module

PRESET, DEFAULT, MODULE = "preset", "default", "module"


@dataclass(frozen=True)
class Reference:
    """What a model is compared with: a preset, the module's default, or itself on another module; with its name."""

    kind: str
    name: str = ""

    @property
    def text(self) -> str:
        """As a sentence goes on after "differs from"."""
        return "the module's default" if self.kind == DEFAULT else f"{self.kind} {self.name}"

    def situation(self, of: Situation) -> Situation:
        """What it comes to on the same CPU. Raises TdxtuiError for a file that can't be read."""
        if self.kind == MODULE:
            return evaluate(of.model, library.module(self.name), of.platform)
        model = unconfigured(of.module) if self.kind == DEFAULT else _preset(self.name)
        return evaluate(model, of.module, of.platform)


@lru_cache(maxsize=16)
def _preset(name: str) -> VcpuModel:
    presets = library.presets()
    if name not in presets:
        raise library.NotFound(f"there is no preset {name!r}; presets are {', '.join(presets)}")
    return model_file.load_fast(presets[name])


def unconfigured(module: Module) -> VcpuModel:
    """The model of a VMM that asks for nothing but what the module demands."""
    return VcpuModel(name="default", attributes=module.attributes.fixed1, xfam=module.xfam.fixed1)


@dataclass(frozen=True)
class Filter:
    """What a bit must be to be shown: all that is set here. `filled` leaves out entries that are all 0."""

    conflicts: bool = False
    flexible: bool = False
    named: bool = False
    filled: bool = False
    reference: Reference | None = None

    def __bool__(self) -> bool:
        return self != Filter()

    @property
    def text(self) -> str:
        """What it shows, in a few words: ``only conflicts``."""
        differs = [f"differs from {self.reference.text}"] if self.reference else []
        only = [word for word in ("conflicts", "flexible", "named") if getattr(self, word)] + differs
        return ", ".join(["only " + " + ".join(only)] * bool(only) + ["no empty leaf"] * self.filled)

    def toggled(self, word: str) -> Filter:
        """With one of the flags turned over."""
        return replace(self, **{word: not getattr(self, word)})  # type: ignore[arg-type]


class Sieve:
    """A filter put over one situation."""

    def __init__(self, chosen: Filter, situation: Situation) -> None:
        self._chosen, self._situation = chosen, situation
        self._differs: dict[Leaf, int] | None = None
        if chosen.reference is not None:
            self._differs = changed(chosen.reference.situation(situation), situation)

    def mask(self, leaf: Leaf) -> int:
        """The bits of an entry that pass, as a packed mask."""
        mask, chosen, situation = ALL_ONES, self._chosen, self._situation
        if chosen.filled and not self._says_anything(leaf):
            return 0
        if chosen.conflicts:
            refused = any(item.at == leaf for item in situation.refusals)
            mask &= ALL_ONES if refused else situation.conflicts.get(leaf, 0)
        if chosen.flexible:
            mask &= flexible_bits(situation, leaf)
        if chosen.named:
            mask &= named_bits(leaf)
        if self._differs is not None:
            mask &= self._differs.get(leaf, 0)
        return mask

    def _says_anything(self, leaf: Leaf) -> bool:
        td = self._situation.td
        return bool(td.at(leaf) or td.known_at(leaf) != ALL_ONES or self._situation.conflicts_at(leaf))


@lru_cache(maxsize=1024)
def named_bits(leaf: Leaf) -> int:
    """The bits of an entry that have a name, as a packed mask."""
    mask = 0
    for named in catalog.fields_of(leaf):
        mask |= named.field.mask
    return mask
