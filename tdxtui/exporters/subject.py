"""What is exported: a model with all that comes of it, and the lines that say where an export is from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import or_

from tdxtui import exported, library, vmm
from tdxtui.check import Finding, Severity, check
from tdxtui.cpuid import Leaf
from tdxtui.errors import TdxtuiError
from tdxtui.evaluate import Situation
from tdxtui.exporters.result import Options
from tdxtui.model import VcpuModel
from tdxtui.module import Module
from tdxtui.resolve import VirtualCpuid
from tdxtui.strict import shown
from tdxtui.td import TdConfig
from tdxtui.vmm_layer import VmmLayer

MAX_NAME = 60
MAX_LINE = 200


@dataclass(frozen=True)
class Subject:
    """A model in its situation; `model` names the module and CPU that it is held against."""

    model: VcpuModel
    situation: Situation
    options: Options

    @property
    def module(self) -> Module:
        """The module that the model is held against."""
        return self.situation.module

    @property
    def td(self) -> VirtualCpuid:
        """The virtual CPUID of the TD."""
        return self.situation.td

    @property
    def config(self) -> TdConfig:
        """What the VMM hands to TDH.MNG.INIT."""
        return self.td.config

    @property
    def name(self) -> str:
        """The model's name on one line."""
        return shown(self.model.name, MAX_NAME)

    @property
    def identifier(self) -> str:
        """The model's name as C takes one."""
        return identifier(self.model.name)

    @cached_property
    def problems(self) -> tuple[str, ...]:
        """What does not come out as wished, a line each."""
        return tuple(shown(line, MAX_LINE) for line in exported.problems(self.situation))

    @cached_property
    def qemu(self) -> VmmLayer:
        """The QEMU that an export is for."""
        return vmm.layer("qemu", self.options.qemu or newest("qemu"))

    @cached_property
    def kvm(self) -> VmmLayer:
        """The KVM that an export is for."""
        return vmm.layer("kvm", self.options.kvm or newest("kvm"))

    @cached_property
    def findings(self) -> list[Finding]:
        """What `tdxtui check` says of the model, with the VMM versions that were named."""
        return check(self.situation, vmm.chosen(self.options.kvm, self.options.qemu))

    @cached_property
    def ground(self) -> tuple[str, ...]:
        """Where an export comes from: tool and model, module and CPU, and whether the TD comes out as wished."""
        cpu = shown(self.model.platform, MAX_NAME) if self.situation.platform else "none"
        held = f"module {self.module.version} (evidence: {self.module.evidence}), platform {cpu}"
        return (f"{tool()}: model {self.name}", held, *self._verdict())

    @cached_property
    def _refusing(self) -> list[str]:
        """Which of the VMM versions that were named refuse some of the model."""
        layers = vmm.chosen(self.options.kvm, self.options.qemu)
        conflicts = [item for item in self.findings if item.severity is Severity.CONFLICT] if layers else []
        return [layer.label for layer in layers if any(item.layer == layer.kind for item in conflicts)]

    def _verdict(self) -> Iterable[str]:
        if self.problems:
            count = len(self.problems)
            yield f"NOT VALIDATED, exported with {count} conflict{'' if count == 1 else 's'}:"
            yield from (f"  {line}" for line in self.problems)
        elif refusing := self._refusing:
            yield f"the module gives the TD what the model wishes, but {' and '.join(refusing)} would refuse it"
        elif self.situation.platform is None:
            yield "validated without a CPU: what depends on the CPU is not known"
        else:
            yield "validated: the TD comes out as the model wishes"

    def header(self, losses: Iterable[str] = (), mark: str = "# ") -> str:
        """The ground and what is lost as comment lines, each ended."""
        lines = [*self.ground]
        if told := list(losses):
            lines += ["lost in this format:", *(f"  {line}" for line in told)]
        return "".join(f"{mark}{line}\n" for line in lines)

    def config_of(self, leaf: Leaf) -> int:
        """CPUID_CONFIG's packed value for a slot."""
        return self.config.cpuid_config.get(leaf, 0)

    def wished_at(self, leaf: Leaf) -> int:
        """The packed mask of an entry's wished bits."""
        found = ((self.module.entry_for(at), mask) for at, (_, mask) in self.model.wishes.items())
        masks = (mask for entry, mask in found if entry is not None and entry.leaf == leaf)
        return reduce(or_, masks, 0)

    @cached_property
    def unknown_bits(self) -> int:
        """How many bits of the virtual CPUID are not known without a CPU."""
        return sum(128 - self.td.known_at(entry.leaf).bit_count() for entry in self.module.entries)

    @property
    def unknown_losses(self) -> tuple[str, ...]:
        """The loss of a format that has no sign for a bit that isn't known."""
        count = self.unknown_bits
        return (f"{count} bits depend on the CPU, which is not given: they are written as 0",) if count else ()


def tool() -> str:
    """The tool with its version."""
    return f"tdxtui {exported.tool_version()}"


def newest(kind: str) -> str:
    """The newest known version of a VMM; TdxtuiError if there is none."""
    found = vmm.versions(kind)
    if not found:
        raise TdxtuiError(f"no version of {kind.upper()} is known")
    return max(found, key=lambda version: [int(part) for part in re.findall(r"\d+", version)])


def identifier(text: str) -> str:
    """A text as C takes a name."""
    plain = re.sub(r"[^0-9A-Za-z]+", "_", text).strip("_").lower()[:MAX_NAME] or "model"
    return f"m_{plain}" if plain[0].isdigit() else plain


def subject_of(what: VcpuModel | Situation, options: Options) -> Subject:
    """The subject of a model, or of one that is held against a module and CPU already."""
    if isinstance(what, VcpuModel):
        return Subject(what, exported.situation_of(what), options)
    model = what.model
    module = model.module if _names(model.module, library.module, what.module) else what.module.version
    platform = what.platform.name if what.platform else ""
    if _names(model.platform, library.platform, what.platform):
        platform = model.platform
    return Subject(replace(model, module=module, platform=platform), what, options)


def _names(name: str, load: Callable[[str], object], what: object) -> bool:
    """Whether a model's name of a module or CPU, which may be a file, is that of the one that it is held against."""
    try:
        return bool(name) and name != exported.NONE and load(name) is what
    except TdxtuiError:
        return False
