"""What an importer hands back, and the one error that it raises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tdxtui.cpuid import Leaf
from tdxtui.dump import Dump
from tdxtui.errors import DataError
from tdxtui.model import VcpuModel
from tdxtui.strict import MAX_MESSAGE, MAX_WHERE, shown

Wishes = Mapping[Leaf, tuple[int, int]]

NO_VERSION = "imported"


class ImportFailed(DataError):
    """A file that an importer can't use: the file, the line or offset, and what was expected there."""


def failed(name: str, where: str, message: str) -> ImportFailed:
    """An ImportFailed of one line, whatever the file has in it."""
    return ImportFailed(shown(name, MAX_MESSAGE), shown(where, MAX_WHERE), shown(message, MAX_MESSAGE))


@dataclass(frozen=True)
class Features:
    """Bits that a configuration names, without being a whole model: per leaf a packed value and the packed mask.

    `attributes`, `xfam` and `max_vcpus` are None where the source does not say them; `settings` has the settings of a
    TD beyond these that it says, by the names of `VcpuModel`. `host` tells that everything not named is the host's.
    """

    name: str
    wishes: Wishes = field(default_factory=dict)
    attributes: int | None = None
    xfam: int | None = None
    max_vcpus: int | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    host: bool = False


@dataclass(frozen=True)
class ModuleText:
    """A module file made from Intel's table: its version, its TOML, and what the table left open.

    `differences` are sentences on what the table says otherwise than the built-in module that it was held against.
    """

    version: str
    text: str
    assumptions: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()

    def named(self, version: str) -> ModuleText:
        """The same module under another version, for a table that says none."""
        old, new = (f'\nversion = "{text}"\n' for text in (self.version, version))
        return replace(self, version=version, text=self.text.replace(old, new, 1))


@dataclass(frozen=True)
class Capabilities:
    """KVM_TDX_CAPABILITIES: the ATTRIBUTES and XFAM bits that a VM may ask for, and the CPUID bits that it may set.

    `configurable` has a packed mask per leaf, in the order in which KVM reports the leaves.
    """

    name: str
    attributes: int
    xfam: int
    configurable: Mapping[Leaf, int]


What = Dump | VcpuModel | Features | ModuleText | Capabilities


@dataclass(frozen=True)
class Imported:
    """What a file says: `format` is the importer's name, `notes` are sentences on what was odd, assumed or left out."""

    format: str
    what: What
    notes: tuple[str, ...] = ()
