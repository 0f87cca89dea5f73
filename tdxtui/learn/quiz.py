"""A quiz: what a bit reads if a setting changes, asked about random legal TDs and answered by the engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random
from typing import NamedTuple

from tdxtui import catalog, library, phrase, situations
from tdxtui.anatomy import anatomy
from tdxtui.classify import BitClass, Group, classes_at
from tdxtui.cpuid import Field, Register
from tdxtui.edits import CPUID_CONFIG, MODULE, PLATFORM
from tdxtui.evaluate import Situation, evaluate
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.td import ATTRIBUTES, names_of
from tdxtui.turning import UNITS

ANSWERS = ("it reads 0", "it reads 1", "TDH.MNG.INIT refuses the TD")
REFUSED = 2
OUTCOMES, WEIGHTS = ("moves", "stays", "refused"), (5, 4, 2)
TRIES = 400
# The lesson that tells of a kind of change.
LESSONS = {
    "XFAM": "xfam", "ATTRIBUTES": "attributes", CPUID_CONFIG: "configured-native", MODULE: "upgrade",
    PLATFORM: "migration",
}
_FMS = Field.parse("1.eax")


class Change(NamedTuple):
    """A bit of XFAM or ATTRIBUTES turned on or off, one asked for in CPUID_CONFIG, another module or CPU by name."""

    what: str
    name: str
    on: bool = True
    mask: int = 0
    bit: Field | None = None

    @property
    def text(self) -> str:
        """As a question says it."""
        if self.what == MODULE:
            return f"the host has module {self.name} instead"
        if self.what == PLATFORM:
            return f"the host is {self.name} instead"
        if self.what == CPUID_CONFIG:
            return f"the VMM asks for {self.name} in CPUID_CONFIG"
        return f"the VMM {'sets' if self.on else 'clears'} {self.what}.{self.name}, and changes nothing else"

    def of(self, before: Situation) -> Situation:
        """The situation with the change made, whatever comes of it."""
        model, module, platform = before.model, before.module, before.platform
        if self.what == MODULE:
            module = library.module(self.name)
        elif self.what == PLATFORM:
            platform = library.platform(self.name)
        elif self.bit is not None:
            model = model.wish(self.bit, 1)
        elif self.what == "XFAM":
            model = replace(model, xfam=model.xfam ^ self.mask)
        else:
            model = replace(model, attributes=model.attributes ^ self.mask)
        return evaluate(model, module, platform)


@dataclass(frozen=True)
class Question:
    """A question: `answer` is the number of the right one of `ANSWERS`; `lesson` tells of what it asks."""

    lines: tuple[str, ...]
    bit: Field
    answer: int
    before: Situation
    after: Situation
    lesson: str

    @property
    def explanation(self) -> str:
        """The refusal, or the reason chain of the bit after the change, in a line."""
        if self.after.refusals:
            refusal = self.after.refusals[0]
            return f"{str(refusal).removeprefix(f'{refusal.stage}: ')} (rule {refusal.rule})."
        return phrase.line(self.after.explainer.reason(self.bit))


def question(random: Random) -> Question:
    """A question of a random legal TD: of some the bit moves, of some it doesn't, and some the module refuses."""
    outcome = random.choices(OUTCOMES, WEIGHTS)[0]
    for _ in range(TRIES):
        before = _legal(random)
        change = _any_change(random, before) if before else None
        if before is None or change is None:
            continue
        after = change.of(before)
        if after.platform_refusal:
            continue
        bit = _bit(random, before, after, change, outcome)
        if bit is not None:
            return _asked(bit, change, before, after)
    raise RuntimeError("no legal TD was found to ask about")


def _legal(random: Random) -> Situation | None:
    """A preset on a module and a CPU that take it, with some switches turned, if that is legal."""
    module = library.module(random.choice(list(library.files("modules"))))
    cpu = library.platform(random.choice(list(library.files("platforms"))))
    here = evaluate(situations.find_model(random.choice(list(library.presets()))), module, cpu)
    for _ in range(random.randrange(4)):
        change = None if here.platform_refusal else _switch(random, here)
        after = change and change.of(here)
        here = after if after and not after.refusals else here
    return None if here.refusals or here.platform_refusal else here


def _any_change(random: Random, before: Situation) -> Change | None:
    """A switch, a bit of CPUID_CONFIG, or another module or CPU."""
    kind = random.choice(("switch", "switch", CPUID_CONFIG, MODULE, PLATFORM))
    if kind == "switch":
        return _switch(random, before)
    if kind == CPUID_CONFIG:
        bits = [bit for bit in _feature_bits(before.module) if _is_left_out(before.model, before.module, bit)]
        bit = random.choice(bits)
        return Change(kind, phrase.bit_name(bit), bit=bit)
    here = before.module.version if kind == MODULE else before.platform.name if before.platform else ""
    return Change(kind, random.choice([name for name in library.files(f"{kind}s") if name != here]))


def _is_configurable(module: Module, bit: Field) -> bool:
    return classes_at(module, bit.leaf).class_of(bit) is BitClass.CONFIGURED_NATIVE


def _is_left_out(model: VcpuModel, module: Module, bit: Field) -> bool:
    return _is_configurable(module, bit) and not _asks_for(model, module, bit)


def _asks_for(model: VcpuModel, module: Module, bit: Field) -> bool:
    return bool(model.td_config(module).cpuid_config.get(bit.leaf, 0) & bit.mask)


def _switch(random: Random, here: Situation) -> Change | None:
    """A switch that this module and CPU know."""
    prepared, model = here.td.prepared, here.model
    fixed = names_of(here.module.xfam.fixed1, UNITS)
    possible = [
        Change("XFAM", name, not model.xfam & mask, mask)
        for name, mask in UNITS.items() if not mask & ~prepared.xfam_allowed and name not in fixed
    ] + [
        Change("ATTRIBUTES", name, not model.attributes & mask, mask)
        for name, mask in ATTRIBUTES.items() if not mask & ~prepared.attributes_allowed
    ]
    return random.choice(possible) if possible else None


def _bit(random: Random, before: Situation, after: Situation, change: Change, outcome: str) -> Field | None:
    """A named feature bit on which the change has the outcome, None if there is none."""
    if bool(after.refusals) is not (outcome == "refused"):
        return None
    named = [bit for bit in _feature_bits(before.module) if after.module.entry_field(bit)]
    moved = [bit for bit in named if before.td.get(bit) != after.td.get(bit)]
    if outcome == "moves":
        return random.choice(moved) if moved else None
    if change.bit is not None:
        return change.bit if change.bit not in moved or outcome == "refused" else None
    near = [bit for bit in _near(named, before.module, change) if bit not in moved]
    return random.choice(near) if near else None


def _near(bits: Iterable[Field], module: Module, change: Change) -> list[Field]:
    """The bits of which one might think that a change concerns them, of those that some known CPU has."""
    found = [bit for bit in bits if _is_alive(bit)]
    if change.what in (MODULE, PLATFORM):
        return found
    return [bit for bit in found if anatomy(module, bit).gates or anatomy(module, bit).mirror]


@lru_cache(maxsize=4096)
def _is_alive(bit: Field) -> bool:
    cpus = (library.platform(name).cpuid.at(bit.leaf) for name in library.files("platforms"))
    return any(packed & bit.mask for packed in cpus)


def _feature_bits(module: Module) -> list[Field]:
    """The bits that QEMU or Linux name, and that the VMM or the CPU decide: a constant makes no question."""
    kept: list[Field] | None = module.__dict__.get("_feature_bits")
    if kept is None:
        leaves, places = [entry.leaf for entry in module.entries], [(reg, n) for reg in Register for n in range(32)]
        bits = (Field.bit(leaf, *place) for leaf in leaves for place in places)
        kept = module.__dict__["_feature_bits"] = [bit for bit in bits if _is_feature(module, bit)]
    return kept


def _is_feature(module: Module, bit: Field) -> bool:
    named = catalog.named_at(bit)
    if named is None or not named.field.is_bit or not (named.qemu or named.linux):
        return False
    return classes_at(module, bit.leaf).group_of(bit) is Group.FLEXIBLE


def _asked(bit: Field, change: Change, before: Situation, after: Situation) -> Question:
    model, value, cpu = before.model, before.td.get(bit), before.platform
    named = _FMS.get(model.td_config(before.module).cpuid_config.get(_FMS.leaf, 0))
    shows = f" It names its CPU {named:X}H in leaf 1." if named else ""
    asks = _asks_for(model, before.module, bit) if _is_configurable(before.module, bit) else None
    wish = {None: "", True: ", and the VMM asks for it", False: ", and the VMM does not ask for it"}[asks]
    lines = (
        f"A TD on module {before.module.version} and {cpu.name if cpu else 'an unknown CPU'} has "
        f"XFAM {' '.join(names_of(model.xfam, UNITS))} and "
        f"ATTRIBUTES {' '.join(names_of(model.attributes, ATTRIBUTES)) or '0'}.{shows}",
        f"{phrase.bit_name(bit)}, {bit.sdm}, reads {value}{wish}.",
        f"What if {change.text}?",
    )
    answer = REFUSED if after.refusals else after.td.get(bit)
    lesson = "migration" if after.refusals and after.refusals[0].rule == "5.1" else LESSONS[change.what]
    return Question(lines, bit, answer, before, after, lesson)
