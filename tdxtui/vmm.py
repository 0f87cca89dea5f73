"""VMM layers: what a version of KVM or QEMU passes, refuses and forces on top of the module. Data, a file a version.

The built-in files are in `data/vmm`, a user's own in `vmm` of the user data directory. What lies between two known
versions is not guessed.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from tdxtui import library, vmm_file
from tdxtui.errors import TdxtuiError
from tdxtui.vmm_layer import KINDS, Derived, Off, VmmLayer

__all__ = ["KINDS", "Derived", "Off", "VmmLayer", "chosen", "layer", "layers", "versions"]


def layers() -> list[str]:
    """The names of the known layers: ``kvm-7.2``, ``qemu-10.2``, and the user's own."""
    return list(library.files("vmm"))


def versions(kind: str) -> list[str]:
    """The known versions of a kind."""
    return [name.removeprefix(f"{kind}-") for name in layers() if name.startswith(f"{kind}-")]


def layer(kind: str, version: str) -> VmmLayer:
    """The layer of a version, or of a file. TdxtuiError names the known versions; what lies between is not guessed."""
    path = library.files("vmm").get(f"{kind}-{version}")
    if path is None and (os.sep in version or version.endswith(".toml")):
        path = Path(version)
    if path is None:
        known = ", ".join(versions(kind)) or "none"
        raise TdxtuiError(f"there is no {kind.upper()} layer {version!r}; known are {known}, or give a file")
    found = _load(path)
    if found.kind != kind:
        raise TdxtuiError(f"{path}: is a layer of {found.kind.upper()}, not of {kind.upper()}")
    return found


def chosen(kvm: str | None, qemu: str | None) -> list[VmmLayer]:
    """The layers that --kvm and --qemu name."""
    return [layer(kind, version) for kind, version in zip(KINDS, (kvm, qemu), strict=True) if version is not None]


@lru_cache(maxsize=16)
def _load(path: Path) -> VmmLayer:
    return vmm_file.load(path)
