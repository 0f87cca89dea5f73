"""What moves a computed field: its inputs, and the settings that would give it another value.

For each function of `computed`, by its name; the value of a setting is always that function's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from types import MappingProxyType

from tdxtui.computed import MIN_GUEST_WIDTH, Computation
from tdxtui.cpuid import WORD, Field, Leaf, Register
from tdxtui.edits import TSC_FREQUENCY, Edit, config_edit, word_edit
from tdxtui.reason import Input
from tdxtui.sysinit import Prepared
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, TSC_UNIT_MHZ, XFAM, TdConfig, names_of
from tdxtui.turning import XCR0_NAMES, attributes_turned, legal_words, word_edits

FMS = Field(Leaf(1), Register.EAX, 31, 0)
FMS_CONFIG = Field(Leaf(1), Register.EAX, 27, 0)
MAXPA = Field(Leaf(0x80000008), Register.EAX, 7, 0)
LA57 = Field.bit(Leaf(7, 0), Register.ECX, 16)
MAX_WIDTH = 52
_FLAGS = ("MAXPA_VIRT", "MAXGPA_VIRT", "GPAW")

Settings = tuple[Edit, ...]
Masks = tuple[int, int]


def _fms_inputs(td: Computation) -> tuple[Input, ...]:
    wished = FMS.get(td.config.cpuid_config.get(FMS.leaf, 0))
    platform = td.prepared.fms
    return (
        Input("CPUID_CONFIG 1.eax", f"{wished:X}H" if wished else "0, so the platform's", FMS),
        Input("platform", "unknown" if platform is None else f"{platform:X}H"),
        _named("ATTRIBUTES", "MIGRATABLE", td.config),
    )


def _fms_settings(prepared: Prepared, config: TdConfig) -> Iterator[Settings]:
    """The platform's own, and of a MIGRATABLE TD each older one that the module lists (5.1)."""
    platform = prepared.fms
    if platform is None:
        return
    values = dict.fromkeys((0, platform & FMS_CONFIG.register_mask, *older(prepared, platform)))
    mask = ATTRIBUTES["MIGRATABLE"]
    turned = [attributes_turned(prepared, config, mask, on) for on in (False, True)]
    wished = [(), *((config_edit(FMS_CONFIG, value),) for value in values)]
    for migratable, fms in product([(), *(edits for edits in turned if edits)], wished):
        yield (*migratable, *fms)


def _fms_reach(prepared: Prepared) -> int:
    """The platform's, and every listed model's of every stepping."""
    if prepared.platform is None:
        return WORD
    mask = (prepared.fms or 0) | 0xF
    for model in prepared.module.fms.models:
        mask |= model
    return mask


def _fms_here(prepared: Prepared) -> Masks | None:
    """The platform's own signature, and those that a MIGRATABLE TD may show (5.1)."""
    platform = prepared.fms
    if platform is None:
        return None
    migratable = prepared.attributes_allowed & ATTRIBUTES["MIGRATABLE"]
    return masks_of([platform, *(older(prepared, platform) if migratable else ())])


def older(prepared: Prepared, platform: int) -> Iterator[int]:
    """The signatures of a platform's model and of older ones that the module lists, the newest first (5.1)."""
    models = prepared.module.fms.models
    known = [model >> 4 for model in models]
    if platform >> 4 not in known:
        return
    for model in models[known.index(platform >> 4) :]:
        yield from (model & ~0xF | stepping for stepping in range(model & 0xF, -1, -1))


def _xsave_inputs(td: Computation) -> tuple[Input, ...]:
    return _word("XFAM", td.config.xfam, XFAM), Input("native", "the CPU's sizes in leaf 0DH", Field.parse("d.2.eax"))


def _xfam_settings(names: tuple[str, ...]) -> Callable[[Prepared, TdConfig], Iterator[Settings]]:
    def settings(prepared: Prepared, config: TdConfig) -> Iterator[Settings]:
        for word in legal_words(prepared, config.xfam, names):
            yield word_edits(config.xfam, word)

    return settings


def _xfd_inputs(td: Computation) -> tuple[Input, ...]:
    under = names_of(td.prepared.xfd_mask, XFAM)
    held = f"the CPU has XFD for {', '.join(under)}" if under else "the CPU has XFD for nothing"
    return _word("XFAM", td.config.xfam, XFAM), Input("native", held, Field.parse("d.1.eax.4"))


def _tsc_inputs(td: Computation) -> tuple[Input, ...]:
    units = td.config.tsc_frequency
    return (Input(TSC_FREQUENCY, f"{units} x {TSC_UNIT_MHZ} MHz"),)


def _tsc_settings(prepared: Prepared, config: TdConfig) -> Iterator[Settings]:
    """Of each bit flipped the nearest legal frequency that has it so (3.3)."""
    lowest, highest = prepared.module.td_params.tsc_frequency
    here = config.tsc_frequency
    for value in sorted(range(lowest, highest + 1), key=lambda units: abs(units - here)):
        yield (Edit(TSC_FREQUENCY, "", value),)


def _linear_inputs(td: Computation) -> tuple[Input, ...]:
    return (Input(LA57.key, str(td.get(LA57)), LA57),)


def _no_settings(prepared: Prepared, config: TdConfig) -> Iterator[Settings]:
    """What hangs on another CPUID bit moves with that bit: see `FOLLOWS`."""
    return iter(())


def _width_inputs(td: Computation) -> tuple[Input, ...]:
    wished = MAXPA.get(td.config.cpuid_config.get(MAXPA.leaf, 0))
    native = td.prepared.maxpa
    return (
        Input("native", "unknown" if native is None else f"{native} bits"),
        *(_named("CONFIG_FLAGS", name, td.config) for name in _FLAGS),
        Input(f"CPUID_CONFIG {MAXPA.key}", str(wished), MAXPA),
    )


def _guest_width_inputs(td: Computation) -> tuple[Input, ...]:
    return _width_inputs(td)[:-1]


def _width_settings(prepared: Prepared, config: TdConfig) -> Iterator[Settings]:
    """Each legal choice of the flags, alone and with each MAX_PA that may be configured (6.C1, C2)."""
    flags = [name for name in _FLAGS if prepared.module.config_flags.allowed & CONFIG_FLAGS[name]]
    for on in product((0, 1), repeat=len(flags)):
        chosen = tuple(word_edit("CONFIG_FLAGS", name, value) for name, value in zip(flags, on, strict=True))
        yield chosen
        for width in (0, *range(MAX_WIDTH, MIN_GUEST_WIDTH - 1, -1)):
            yield (*chosen, config_edit(MAXPA, width))


def _widths_here(prepared: Prepared) -> Masks | None:
    """The CPU's own width, and with MAXPA_VIRT what the VMM may configure (6.C1)."""
    native = prepared.maxpa
    if native is None:
        return None
    virtual = prepared.module.config_flags.allowed & CONFIG_FLAGS["MAXPA_VIRT"]
    return masks_of([native, *(range(MIN_GUEST_WIDTH, max(_limits(prepared, native)) + 1) if virtual else ())])


def _guest_widths_here(prepared: Prepared) -> Masks | None:
    """0, and with MAXGPA_VIRT the width of a guest-physical address (C2)."""
    native = prepared.maxpa
    if native is None:
        return None
    shown = prepared.module.config_flags.allowed & CONFIG_FLAGS["MAXGPA_VIRT"]
    return masks_of([0, *(_limits(prepared, native) if shown else ())])


def _limits(prepared: Prepared, native: int) -> list[int]:
    """The widths that a guest-physical address can have, without GPAW and with it."""
    wide = prepared.module.config_flags.allowed & CONFIG_FLAGS["GPAW"]
    return [min(native, 48), *([min(native, MAX_WIDTH)] if wide else [])]


def masks_of(values: Iterable[int]) -> Masks:
    """Of some values of a field the bits that are 0 in any, and those that are 1 in any."""
    zeros = ones = 0
    for value in values:
        zeros, ones = zeros | ~value & WORD, ones | value
    return zeros, ones


def _anything(prepared: Prepared) -> None:
    """Whatever is within reach."""


def _always(mask: int) -> Callable[[Prepared], int]:
    return lambda _: mask


def _named(what: str, name: str, config: TdConfig) -> Input:
    mask = {"ATTRIBUTES": ATTRIBUTES, "CONFIG_FLAGS": CONFIG_FLAGS}[what][name]
    return Input(f"{what}.{name}", str(int(bool(config.param(what) & mask))))


def _word(what: str, value: int, names: Mapping[str, int]) -> Input:
    return Input(what, " ".join(names_of(value, names)) or "0")


class Lever:
    """What a computed field is, what it is made of, every setting worth a try, and the bits that it can have.

    `reach` masks the bits that can be 1 on any CPU, `here` tells more of a module and platform: those that can be 0,
    and those that can be 1; None where nothing more is known.
    """

    def __init__(
        self,
        sentence: str,
        inputs: Callable[[Computation], tuple[Input, ...]],
        settings: Callable[[Prepared, TdConfig], Iterator[Settings]],
        reach: Callable[[Prepared], int],
        here: Callable[[Prepared], Masks | None] = _anything,
    ) -> None:
        self.sentence = sentence
        self.inputs = inputs
        self.settings = settings
        self.reach, self.here = reach, here


FOLLOWS: Mapping[str, Field] = MappingProxyType({"linear_width": LA57})
LEVERS: Mapping[str, Lever] = MappingProxyType({
    "family_model_stepping": Lever(
        "the CPU's family, model and stepping; a MIGRATABLE TD may show an older CPU that the module lists",
        _fms_inputs, _fms_settings, _fms_reach, _fms_here,
    ),
    "xsave_area_size": Lever(
        "the size of the XSAVE area that holds all user state in XFAM",
        _xsave_inputs, _xfam_settings(XCR0_NAMES), _always(WORD),
    ),
    "xfd": Lever(
        "1 if XFAM has a component that the CPU's extended-feature disable (XFD) covers",
        _xfd_inputs, _xfam_settings(XCR0_NAMES), _always(1),
    ),
    "tsc_frequency": Lever(
        "the TD's TSC frequency, counted in ticks of the virtual 25 MHz crystal",
        _tsc_inputs, _tsc_settings, _always(0x1FF),
    ),
    "linear_width": Lever(
        "the width of a linear address: 57 bits with la57, else 48",
        _linear_inputs, _no_settings, _always(0x39),
    ),
    "physical_width": Lever(
        "MAX_PA, the width of a physical address: the CPU's, or with MAXPA_VIRT what the VMM configures",
        _width_inputs, _width_settings, _always(0x3F), _widths_here,
    ),
    "guest_physical_width": Lever(
        "the width of a guest-physical address, shown only with MAXGPA_VIRT",
        _guest_width_inputs, _width_settings, _always(0x3F), _guest_widths_here,
    ),
})
