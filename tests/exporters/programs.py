"""The real programs that read exports, where they can be had; a test without its program is skipped.

| variable | names |
|---|---|
| TDXTUI_QEMU | the command line of a qemu-system-x86_64 (words split as a shell does) |
| TDXTUI_CPUID | the command line of a cpuid |
| TDXTUI_LIBVIRT_SCHEMAS | the folder of libvirt's RELAX NG schemas |
| TDXTUI_LINUX_HEADERS | a folder of UAPI headers with struct kvm_tdx_init_vm |
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

SCHEMAS = Path(os.environ.get("TDXTUI_LIBVIRT_SCHEMAS", "/usr/share/libvirt/schemas"))
HEADERS = Path(os.environ.get("TDXTUI_LINUX_HEADERS", "/usr/include"))
FLAGS = ("-std=gnu11", "-Wall", "-Wextra", "-Wno-unused-const-variable", "-Wpedantic", "-Werror")


def program(name: str, variable: str = "") -> list[str]:
    """A program's command line; skips the test if there is none."""
    words = shlex.split(os.environ.get(variable, "")) or [name]
    if shutil.which(words[0]) is None:
        pytest.skip(f"no {words[0]} here" + (f"; {variable} may name one" if variable else ""))
    return words


def run(words: list[str], given: str = "", seconds: int = 60) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(words, input=given, capture_output=True, text=True, timeout=seconds, check=False)


def qemu() -> list[str]:
    """qemu-system-x86_64, with features asked of it under TCG."""
    return program("qemu-system-x86_64", "TDXTUI_QEMU")


def schema(name: str) -> Path:
    """A schema of libvirt that knows TDX."""
    path = SCHEMAS / name
    if not path.exists() or "tdx" not in (SCHEMAS / "domaincommon.rng").read_text(encoding="utf-8"):
        pytest.skip("no libvirt schema with TDX here; TDXTUI_LIBVIRT_SCHEMAS may name its folder")
    return path


def linux_headers() -> Path:
    """UAPI headers with the TDX structures."""
    found = list(HEADERS.glob("asm/kvm.h")) + list(HEADERS.glob("x86_64-linux-gnu/asm/kvm.h"))
    if not any("kvm_tdx_init_vm" in path.read_text(encoding="utf-8") for path in found):
        pytest.skip("no Linux headers with TDX here; TDXTUI_LINUX_HEADERS may name them")
    return HEADERS


def compiled(source: str, folder: Path, *flags: str) -> str:
    """What a C program prints."""
    path = folder / "test.c"
    path.write_text(source, encoding="utf-8")
    gcc = program("gcc")
    built = run([*gcc, *FLAGS, *flags, str(path), "-o", str(folder / "test")])
    assert built.returncode == 0, built.stderr
    return run([str(folder / "test")]).stdout
