"""What a VMM layer is: the facts of one version of KVM or QEMU, as its file states them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tdxtui.cpuid import Field, Leaf

KINDS = ("kvm", "qemu")
ALL = (1 << 64) - 1
# What a VMM may have words for: the module's status of a refused TDH.MNG.INIT (OTHER_STATUS for any other), a host
# without TDX, what it refuses itself, what it passes and the VMM below it doesn't, bits that a TD gets otherwise than
# asked for, and a name that it doesn't know.
ANSWERS = (
    "TDX_OPERAND_INVALID", "OTHER_STATUS", "no_module", "attributes", "xfam", "cpuid", "phys_bits", "entries", "tsc",
    "attributes_unsupported", "xfam_unsupported", "forced_on", "forced_off", "unknown_name",
)


@dataclass(frozen=True)
class Derived:
    """A bit of ATTRIBUTES that the VMM sets by itself: `by` is what asks for it, `bit` the CPUID bit that shows it."""

    attribute: int
    by: str
    bit: Field | None = None


@dataclass(frozen=True)
class Off:
    """A switch of the VMM that is off by default, and the bits of ATTRIBUTES that it would set."""

    name: str
    attributes: int
    because: str


@dataclass(frozen=True)
class VmmLayer:
    """What one version of a VMM makes of a TD configuration.

    `attributes`, `xfam` and `config_flags` are masks of the bits that pass; `xfam_assumed` are those of them that
    nobody has read. `refused` are packed masks of CPUID bits that may not be 1, `forced` packed values and masks that
    the VMM sets by itself, with reasons by bit. `guest_phys_bits` are the values that `phys_bits_field` may have, ()
    for any. `fixed1` is the VMM's own table of bits that it believes every TD to have. `feature_names` are the bits
    that the version has names for; empty where the VMM takes none. `says` are the VMM's own words, by what
    they answer (`ANSWERS`), with ``{value}`` for what it names.
    """

    kind: str
    version: str
    title: str
    source: str
    evidence: str = "read"
    notes: tuple[str, ...] = ()
    attributes: int = ALL
    attributes_derived: tuple[Derived, ...] = ()
    xfam: int = ALL
    xfam_assumed: int = 0
    config_flags: int = ALL
    num_l2_vms: bool = True
    arch_capabilities: bool = True
    refused: Mapping[Leaf, int] = field(default_factory=dict)
    forced: Mapping[Leaf, tuple[int, int]] = field(default_factory=dict)
    because: Mapping[Field, str] = field(default_factory=dict)
    default_off: tuple[Off, ...] = ()
    phys_bits_field: Field | None = None
    guest_phys_bits: tuple[int, ...] = ()
    phys_bits_as_host: bool = False
    mandatory: tuple[Leaf, ...] = ()
    forced_entries: tuple[Leaf, ...] = ()
    only_configurable: bool = False
    max_entries: int | None = None
    tsc_mhz: tuple[int, int] | None = None
    fixed1: Mapping[Leaf, int] = field(default_factory=dict)
    feature_names: Mapping[Field, str] = field(default_factory=dict)
    pv_features: tuple[str, ...] = ()
    says: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The layer's short name for people: ``KVM 7.2``."""
        return f"{self.kind.upper()} {self.version}"

    @cached_property
    def names(self) -> Mapping[str, Field]:
        """The feature names that the version knows, each with the lowest of its bits."""
        return {name: bit for bit, name in sorted(self.feature_names.items(), reverse=True)}

    @cached_property
    def words(self) -> Mapping[Leaf, int]:
        """Per leaf the packed mask of the registers that the version has names for, whole."""
        out: dict[Leaf, int] = {}
        for bit in self.feature_names:
            register = Field(bit.leaf, bit.register, 31, 0)
            out[bit.leaf] = out.get(bit.leaf, 0) | register.mask
        return out

    @cached_property
    def named(self) -> Mapping[Leaf, int]:
        """Per leaf the packed mask of the bits that the version has names for."""
        out: dict[Leaf, int] = {}
        for bit in self.feature_names:
            out[bit.leaf] = out.get(bit.leaf, 0) | bit.mask
        return out

    def saying(self, answer: str, value: str = "") -> tuple[str, ...]:
        """The VMM's words for something, () if none are known."""
        text = self.says.get(answer)
        return () if text is None else (f"{self.label}: {text.replace('{value}', value)}",)
