"""Ask KVM on this machine what it offers to a TD: KVM_TDX_CAPABILITIES of a VM of type TDX."""

from __future__ import annotations

import ctypes
import errno
import os
from fcntl import ioctl
from struct import pack as packed
from struct import pack_into

from tdxtui.importers import kvm_capabilities, kvm_entries
from tdxtui.importers.result import Imported, failed

DEVICE = "/dev/kvm"
CREATE_VM, CHECK_EXTENSION, MEMORY_ENCRYPT_OP = 0xAE01, 0xAE03, 0xC008AEBA
CAP_VM_TYPES = 235
TDX_VM = 5
TDX_CAPABILITIES = 0
_COMMAND = "<IIQQ"  # id, flags, data, hw_error


def read_kvm(device: str = DEVICE) -> Imported:
    """What KVM here offers a TD; ImportFailed with the reason where it offers none."""
    return kvm_capabilities.read(capabilities(device), device)


def capabilities(device: str = DEVICE) -> bytes:
    """The bytes of struct kvm_tdx_capabilities as KVM here fills it."""
    try:
        kvm = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise failed(device, "", _why_closed(error)) from None
    try:
        vm = _tdx_vm(kvm, device)
        try:
            return _capabilities(vm, device)
        finally:
            os.close(vm)
    finally:
        os.close(kvm)


def _why_closed(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "is not there: this host has no KVM (kvm_intel is not loaded, or virtualization is off)"
    if isinstance(error, PermissionError):
        return "can't be opened: ask to be put into the group kvm"
    return f"can't be opened: {error.strerror}"


def _tdx_vm(kvm: int, device: str) -> int:
    try:
        types = ioctl(kvm, CHECK_EXTENSION, CAP_VM_TYPES)
    except OSError as error:
        raise failed(device, "", f"is no KVM: KVM_CHECK_EXTENSION says {error.strerror}") from None
    if not types >> TDX_VM & 1:
        needed = "it needs Linux 6.16 or newer, kvm_intel.tdx=1, and a CPU and BIOS with TDX"
        raise failed(device, "", f"KVM here has no TDX; {needed}")
    try:
        return ioctl(kvm, CREATE_VM, TDX_VM)
    except OSError as error:
        raise failed(device, "", f"KVM creates no VM of type TDX: {error.strerror}") from None


def _capabilities(vm: int, device: str) -> bytes:
    """Room for as many entries as KVM takes at most."""
    entries = kvm_entries.MAX_ENTRIES
    size = kvm_capabilities.CPUID + kvm_entries.HEADER.size + entries * kvm_entries.ENTRY.size
    buffer = ctypes.create_string_buffer(size)
    pack_into("<I", buffer, kvm_capabilities.CPUID, entries)
    command = bytearray(packed(_COMMAND, TDX_CAPABILITIES, 0, ctypes.addressof(buffer), 0))
    try:
        ioctl(vm, MEMORY_ENCRYPT_OP, command)
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "error")
        raise failed(device, "", f"KVM_TDX_CAPABILITIES failed: {error.strerror} ({name})") from None
    return buffer.raw[: kvm_capabilities.CPUID + kvm_entries.size(buffer.raw, kvm_capabilities.CPUID)]
