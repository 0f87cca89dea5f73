"""What an export is, and what may be asked of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Options:
    """What a format may be told. `qemu` and `kvm` are versions or files, None for the newest that is known.

    A KVM that is named also says what it refuses. `guest`: what the guest reads instead of what the module holds.
    """

    qemu: str | None = None
    kvm: str | None = None
    guest: bool = False
    allow_conflicts: bool = False


class Written(NamedTuple):
    """What a format made: its content, and a line for each thing of the model that it can't say."""

    content: str | bytes
    losses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Export:
    """A model or module in a format.

    `ground` says where it comes from and whether the TD comes out as wished, `losses` what is lost on the way: a line
    each. Where the format has room for them, they stand in the content too.
    """

    format: str
    content: str | bytes
    losses: tuple[str, ...]
    ground: tuple[str, ...]

    @property
    def data(self) -> bytes:
        """The content as the bytes of a file."""
        return self.content.encode() if isinstance(self.content, str) else self.content


@dataclass(frozen=True)
class Format:
    """A format of the table: where its code is, and how far to trust it.

    `evidence` says which programs have read an export, or that the layout is from documentation alone. `suffix` is
    what a file of it ends in, `options` are the names in `Options` that it looks at; `silent`: a file of it has no room
    to say where it is from; `of_module`: it exports a module instead of a model.
    """

    name: str
    title: str
    evidence: str
    file: str
    suffix: str
    options: tuple[str, ...] = ()
    binary: bool = False
    silent: bool = False
    of_module: bool = False
