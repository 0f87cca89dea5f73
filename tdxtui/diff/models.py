"""Two vCPU models: their settings of the TD, their wishes, and what each TD gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tdxtui.cpuid import Field, Leaf
from tdxtui.diff.tables import Table, TableDiff, compare, of_td
from tdxtui.evaluate import Situation
from tdxtui.field_runs import fields_in, runs
from tdxtui.model import VcpuModel
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM, names_of


class SettingDiff(NamedTuple):
    """A setting of the TD that differs, in words; of a word of bits `old` and `new` have those that only one has."""

    name: str
    old: str
    new: str


class WishDiff(NamedTuple):
    """Bits that are wished otherwise; None where a model leaves them open."""

    field: Field
    name: str
    old: int | None
    new: int | None


@dataclass(frozen=True)
class ModelDiff:
    """Everything that differs between two models, each on its module and platform."""

    old: Situation
    new: Situation
    settings: tuple[SettingDiff, ...]
    wishes: tuple[WishDiff, ...]
    values: TableDiff

    @property
    def empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.settings or self.wishes) and self.values.empty


def compare_models(old: Situation, new: Situation) -> ModelDiff:
    """What differs between two models."""
    return ModelDiff(
        old, new, tuple(_settings(old.model, new.model)), tuple(_wishes(old.model, new.model)),
        compare(table(old), table(new)),
    )


def table(situation: Situation) -> Table:
    """What the TD of a model gets."""
    return of_td(situation.model.name, situation.td)


_WORDS: tuple[tuple[str, Callable[[VcpuModel], int], Mapping[str, int]], ...] = (
    ("ATTRIBUTES", lambda model: model.attributes, ATTRIBUTES),
    ("XFAM", lambda model: model.xfam, XFAM),
    ("CONFIG_FLAGS", lambda model: model.config_flags, CONFIG_FLAGS),
)
_NUMBERS: tuple[tuple[str, Callable[[VcpuModel], str]], ...] = (
    ("module", lambda model: model.module or "none"),
    ("platform", lambda model: model.platform or "none"),
    ("TSC frequency", lambda model: f"{model.tsc_mhz} MHz"),
    ("MAX_VCPUS", lambda model: str(model.max_vcpus)),
    ("NUM_L2_VMS", lambda model: str(model.num_l2_vms)),
    ("IA32_ARCH_CAPABILITIES", lambda model: (
        "not configured" if model.arch_capabilities is None else f"{model.arch_capabilities:X}H"
    )),
)


def _settings(old: VcpuModel, new: VcpuModel) -> Iterator[SettingDiff]:
    for name, word, names in _WORDS:
        was, now = word(old), word(new)
        if was != now:
            yield SettingDiff(name, _names(was & ~now, names), _names(now & ~was, names))
    for name, text in _NUMBERS:
        if text(old) != text(new):
            yield SettingDiff(name, text(old), text(new))


def _names(mask: int, names: Mapping[str, int]) -> str:
    return ", ".join(names_of(mask, names)) or "nothing"


def _wishes(old: VcpuModel, new: VcpuModel) -> Iterator[WishDiff]:
    for leaf in sorted({*old.wishes, *new.wishes}, key=lambda leaf: (leaf.leaf, leaf.subleaf or 0)):
        was, was_mask = old.wishes.get(leaf, (0, 0))
        now, now_mask = new.wishes.get(leaf, (0, 0))
        for field, name in runs(leaf, was_mask & ~now_mask):
            yield WishDiff(field, name, field.get(was), None)
        for field, name in runs(leaf, now_mask & ~was_mask):
            yield WishDiff(field, name, None, field.get(now))
        for field, name in _both_wished(leaf, was_mask & now_mask, was ^ now):
            yield WishDiff(field, name, field.get(was), field.get(now))


def _both_wished(leaf: Leaf, wished: int, differs: int) -> Iterator[tuple[Field, str]]:
    """Whole fields where all of their bits are wished."""
    for field, name in fields_in(leaf, wished & differs):
        if wished & field.mask == field.mask:
            yield field, name
        else:
            yield from runs(leaf, wished & differs & field.mask)
