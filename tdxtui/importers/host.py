"""This machine's own CPUID, through Linux's /dev/cpu/N/cpuid, and its MSRs where /dev/cpu/N/msr answers."""

from __future__ import annotations

import os
from pathlib import Path

from tdxtui.cpuid import pack
from tdxtui.dump import LogicalCpu
from tdxtui.importers.entries import dump, plain
from tdxtui.importers.registry import HOST
from tdxtui.importers.result import Imported, failed
from tdxtui.importers.subleaves import whole_table

DEVICES = Path("/dev/cpu")
MSRS = (0x10A, 0x122, 0x1A0, 0x345, 0x492)


def read_host(number: int = 0, devices: Path = DEVICES) -> Imported:
    """The dump of a logical CPU of this machine; ImportFailed if its device is missing or can't be read."""
    path = devices / str(number) / "cpuid"
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise failed(str(path), "", _why(error)) from None
    try:
        table = plain(whole_table(lambda leaf, subleaf: _ask(file, leaf, subleaf)))
    except OSError as error:
        raise failed(str(path), "", f"can't be read: {error.strerror}") from None
    finally:
        os.close(file)
    msrs = _msrs(devices / str(number) / "msr")
    notes = [] if msrs else [f"MSRs are left out: {devices / str(number) / 'msr'} can't be read (modprobe msr; root)."]
    return dump(f"host-cpu{number}", HOST, [LogicalCpu(number, table, msrs)], notes)


def _why(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "can't be read: only root may"
    if isinstance(error, FileNotFoundError):
        return "is not there: there is no such CPU, or Linux lacks the driver (modprobe cpuid)"
    return f"can't be read: {error.strerror}"


def _ask(file: int, leaf: int, subleaf: int) -> int:
    """The device's position is ECX in the upper half and EAX in the lower one."""
    data = os.pread(file, 16, subleaf << 32 | leaf)
    if len(data) != 16:
        raise OSError(0, f"leaf {leaf:#x} gave {len(data)} bytes instead of 16")
    return pack(*(int.from_bytes(data[at : at + 4], "little") for at in range(0, 16, 4)))


def _msrs(path: Path) -> dict[int, int]:
    found: dict[int, int] = {}
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return found
    for address in MSRS:
        try:
            found[address] = int.from_bytes(os.pread(file, 8, address), "little")
        except OSError:  # the CPU has no such MSR
            continue
    os.close(file)
    return found
