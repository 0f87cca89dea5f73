"""Which data this tdxtui carries: names by kind, and one digest of all of it."""

from __future__ import annotations

import hashlib

from tdxtui import library

KINDS = ("modules", "platforms", "vmm")


def names() -> dict[str, list[str]]:
    """The built-in files of each kind."""
    return {kind: sorted(path.stem for path in (library.DATA / kind).glob("*.toml")) for kind in KINDS}


def digest() -> str:
    """SHA-256 over the path and bytes of every built-in data file, in hex; the user's own files don't count."""
    total = hashlib.sha256()
    for path in sorted(item for item in library.DATA.rglob("*") if item.is_file()):
        total.update(f"{path.relative_to(library.DATA)}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def lines(version: str) -> list[str]:
    """What `--version` prints: the program, then its data."""
    found = names()
    told = [f"{kind} {' '.join(found[kind])}" for kind in KINDS if found[kind]]
    return [f"tdxtui {version}", f"data {digest()[:12]}: {told[0]}", *(f"{'':19}{text}" for text in told[1:])]
