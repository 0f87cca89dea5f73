"""QEMU's -cpu option: a model, then features and properties; also kata's cpu_features, and libvirt's pass-through.

The order of QEMU: ``feature=on|off`` first, as written, then every ``+feature``, then every ``-feature``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.importers import settings, spelled
from tdxtui.importers.result import failed
from tdxtui.importers.statement import Statement, few
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS

MAX_FEATURES = 2000
HOST_MODELS = ("host", "max")

# Properties of QEMU's CPUs that say nothing of CPUID's bits; also those that begin so.
_PLAIN = frozenset((
    "check", "enforce", "migratable", "host-phys-bits", "host-phys-bits-limit", "kvm", "vendor", "model-id", "level",
    "xlevel", "xlevel2", "min-level", "min-xlevel", "min-xlevel2", "level-func7", "full-cpuid-auto-level", "hotplugged",
    "l3-cache", "host-cache-info", "legacy-cache", "cpuid-0xb", "fill-mtrr-mask", "lmce", "start-powered-off",
    "tcg-cpuid", "tb-jmp-cache", "ucode-rev", "apic-id", "node-id", "socket-id", "die-id", "module-id", "core-id",
    "thread-id", "realized", "type", "memory", "crash-information", "enable-intel-pt-auto-level", "cpuid-0x1f",
    "avx10-version", "vendor-cpuid-only", "vendor-cpuid-only-v2", "vmware-cpuid-freq", "unavailable-features",
    "feature-words", "filtered-features", "phys-bits",
))
_PLAIN_BEGINNINGS = ("hv-", "x-", "kvm-hint", "pl011", "legacy-")
_SUFFIXES = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_FMS = {"family": (27, 20, 11, 8, 15), "model": (19, 16, 7, 4, 0)}
_SIGNATURE = Field(Leaf(1), Register.EAX, 27, 0)


@dataclass
class CpuOption:
    """What a -cpu option says: the model, its bits, and settings of the TD by the names of `VcpuModel`."""

    model: str
    bits: Statement
    settings: dict[str, object] = field(default_factory=dict)
    attributes: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def is_host(self) -> bool:
        """Whether everything that isn't said comes from the host."""
        return self.model in HOST_MODELS


def parse(text: str, name: str, where: str, with_model: bool = True) -> CpuOption:
    """Read such an option; ImportFailed for values that are none. Without model it begins with the features."""
    if text.count(",") > MAX_FEATURES:
        raise failed(name, where, f"has more than {MAX_FEATURES} features")
    words = [word.strip() for word in text.split(",")]
    model = words.pop(0) if with_model else "host"
    if with_model and (not model or model in ("help", "?") or "=" in model or model[0] in "+-"):
        raise failed(name, where, f"expected a CPU model such as host, found {model[:30]!r}")
    option = CpuOption(model, Statement(spelled.QEMU))
    plus: list[str] = []
    minus: list[str] = []
    for word in filter(None, words):
        if word[0] in "+-":
            (plus if word[0] == "+" else minus).append(word[1:])
        else:
            key, equals, value = word.partition("=")
            _property(option, key.strip().replace("_", "-"), value.strip() if equals else "on", name, where)
    for signs, on in ((plus, True), (minus, False)):
        for word in signs:
            _feature(option, word, on, name, where)
    both = [word for word in minus if word in plus]
    if both:
        option.notes.append(f"{few(both)}: with both + and -, QEMU takes the -.")
    return option


def _feature(option: CpuOption, word: str, on: bool, name: str, where: str) -> None:
    if not re.fullmatch(r"[\w.:-]+", word):
        raise failed(name, where, f"expected a feature's name after + or -, found {word[:30]!r}")
    if word in ("pmu", "kvm", "migratable"):
        _property(option, word, "on" if on else "off", name, where)
    elif option.bits.name(word, on) is not None and word.replace("_", "-") == "pks":
        option.attributes = option.attributes & ~ATTRIBUTES["PKS"] | (ATTRIBUTES["PKS"] if on else 0)


def _property(option: CpuOption, key: str, value: str, name: str, where: str) -> None:
    at = f"{where} {key}"
    if key == "pmu":
        on = settings.switch(value, name, at)
        option.attributes = option.attributes & ~ATTRIBUTES["PERFMON"] | (ATTRIBUTES["PERFMON"] if on else 0)
    elif key in ("tsc-frequency", "tsc-freq"):
        option.settings["tsc_mhz"] = settings.tsc_mhz(_hertz(value, name, at), option.notes)
    elif key == "guest-phys-bits":
        gpaw = CONFIG_FLAGS["GPAW"] if settings.number(value, name, at, 64) > 48 else 0
        option.settings["config_flags"] = CONFIG_FLAGS["NO_RBP_MOD"] | gpaw
    elif key in ("family", "model", "stepping"):
        _signature(option, key, settings.number(value, name, at, 0xFFF))
    elif key not in _PLAIN and not key.startswith(_PLAIN_BEGINNINGS):
        _feature(option, key, settings.switch(value, name, at), name, where)


def _signature(option: CpuOption, key: str, number: int) -> None:
    """Family, model or stepping, where CPUID(1).EAX has them."""
    if key == "stepping":
        option.bits.say(Field(Leaf(1), Register.EAX, 3, 0), number)
        return
    high, high_lsb, low, low_lsb, most = _FMS[key]
    extended, base = (max(number - most, 0), min(number, most)) if most else (number >> 4, number & 0xF)
    option.bits.say(Field(Leaf(1), Register.EAX, high, high_lsb), extended)
    option.bits.say(Field(Leaf(1), Register.EAX, low, low_lsb), base)


def _hertz(text: str, name: str, where: str) -> int:
    match = re.fullmatch(r"([0-9]{1,20}(?:\.[0-9]{1,9})?)([kKmMgGtT]?)(?:[hH][zZ])?", text)
    if match is None:
        raise failed(name, where, f"expected a frequency in Hz such as 2600000000 or 2.6G, found {text[:30]!r}")
    return round(float(match[1]) * _SUFFIXES.get(match[2].lower(), 1))
