"""What a configuration says of CPUID's bits, gathered name by name: a later word replaces an earlier one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tdxtui import catalog
from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.importers import spelled
from tdxtui.importers.result import Wishes

FEW = 6
LOGICAL_CPUS = Field(Leaf(1), Register.EBX, 23, 16)


class Statement:
    """The bits said to be 1 or 0, in one tool's names, and the names that are no bits of CPUID."""

    def __init__(self, tool: str) -> None:
        self.tool = tool
        self.names: dict[str, Field] = {}
        self._wishes: dict[Leaf, tuple[int, int]] = {}
        self._unknown: dict[str, None] = {}
        self._msr: dict[str, None] = {}
        self._paravirtual: dict[str, None] = {}

    @property
    def wishes(self) -> Wishes:
        """Per leaf the packed value and mask of all bits named so far."""
        return dict(sorted(self._wishes.items(), key=lambda pair: (pair[0].leaf, pair[0].subleaf or 0)))

    def add(self, wishes: Mapping[Leaf, tuple[int, int]]) -> None:
        """Say many bits at once; bits said before are replaced."""
        for leaf, (value, mask) in wishes.items():
            old, old_mask = self._wishes.get(leaf, (0, 0))
            self._wishes[leaf] = old & ~mask | value & mask, old_mask | mask

    def say(self, at: Field, value: int) -> None:
        """Say a field's value."""
        self.add({at.leaf: (at.put(0, value), at.mask)})

    def name(self, word: str, on: bool) -> Field | None:
        """Say a bit by the tool's name for it; None, and kept for the notes, if it names no bit of CPUID."""
        at = spelled.field(self.tool, word)
        if at is None or spelled.is_paravirtual(at):
            kind = self._paravirtual if at else self._msr if spelled.of_an_msr(word) else self._unknown
            kind[word] = None
            return None
        self.names[word] = at
        self.say(at, (1 << at.width) - 1 if on else 0)
        return at

    def packages(self, vcpus: int, sockets: int) -> None:
        """Say how many logical CPUs a package has, as QEMU does where there are several: 0 for a single one."""
        if sockets > 1:
            each = min(vcpus // sockets, 255)
            self.say(LOGICAL_CPUS, each if each > 1 else 0)

    def qemu_names(self) -> tuple[str, ...]:
        """QEMU's own names of the bits that were named, in their order."""
        found = (catalog.named_at(at) for at in self.names.values())
        return tuple(dict.fromkeys(item.qemu for item in found if item and item.qemu))

    def wished(self, name: str) -> int | None:
        """What has been said of a bit by the tool's name, None if nothing."""
        at = spelled.field(self.tool, name)
        value, mask = self._wishes.get(at.leaf, (0, 0)) if at else (0, 0)
        return at.get(value) if at and mask & at.mask == at.mask else None

    def notes(self) -> list[str]:
        """A sentence on each kind of name that says nothing of the module's CPUID."""
        out = [self._unknown_note(word) for word in list(self._unknown)[:FEW]]
        if len(self._unknown) > FEW:
            out.append(f"{len(self._unknown) - FEW} more names are unknown too.")
        if self._msr:
            out.append(f"{few(self._msr)}: of MSRs, not of CPUID; left out.")
        if self._paravirtual:
            out.append(f"{few(self._paravirtual)}: of KVM's own leaf 40000001H, which no TDX module decides; left out.")
        return out

    def _unknown_note(self, word: str) -> str:
        near = spelled.nearest(self.tool, word)
        hint = f"; did you mean {near}?" if near else ""
        return f"{word[:40]!r} is no CPUID feature of {self.tool} that is known here, left out{hint or '.'}"


def few(words: Iterable[str]) -> str:
    """A list of words for people, cut where it gets long."""
    every = [word[:40] for word in words]
    more = len(every) - FEW
    return ", ".join(every[:FEW]) + (f" and {more} more" if more > 0 else "")
