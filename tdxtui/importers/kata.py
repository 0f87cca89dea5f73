"""Kata Containers' configuration for TDX: cpu_features, which it appends to -cpu host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomli

from tdxtui.importers import cpu_option, settings
from tdxtui.importers.features_of_cpu import features
from tdxtui.importers.registry import LAYOUT
from tdxtui.importers.result import Imported, failed

NAME = "kata"
TITLE = "a Kata Containers configuration"
EVIDENCE = LAYOUT

MAX_SIZE = 1 << 20


def sniff(head: bytes) -> int:
    """Sure of the table that Kata's configurations for QEMU have."""
    return 95 if b"[hypervisor.qemu" in head else 0


def read(data: bytes, name: str) -> Imported:
    """The TD that Kata makes QEMU start."""
    table = _table(data, name)
    notes: list[str] = []
    text = table.get("cpu_features", "")
    if not isinstance(text, str):
        raise failed(name, "hypervisor.qemu.cpu_features", f"expected a string, found {str(text)[:30]}")
    option = cpu_option.parse(text, name, "hypervisor.qemu.cpu_features", with_model=False)
    if not _flag(table, "confidential_guest", name):
        notes.append("confidential_guest isn't true: that is an ordinary VM. It is read as if it were a TD.")
    option.settings |= {**settings.td_object({}, name, "", notes), "max_vcpus": _vcpus(table, name, notes)}
    return Imported(NAME, features(option, "", notes, name), tuple(notes))


def _table(data: bytes, name: str) -> Mapping[str, Any]:
    if len(data) > MAX_SIZE:
        raise failed(name, "", f"is larger than {MAX_SIZE >> 20} MiB; that is no configuration of Kata's")
    try:
        document = tomli.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise failed(name, f"byte {error.start}", "is not UTF-8 text") from None
    except RecursionError:
        raise failed(name, "", "is TOML that is nested too deeply") from None
    except ValueError as error:
        raise failed(name, "", f"is not TOML: {error}") from None
    hypervisor = document.get("hypervisor")
    table = hypervisor.get("qemu") if isinstance(hypervisor, Mapping) else None
    if not isinstance(table, Mapping):
        raise failed(name, "", "has no table [hypervisor.qemu]")
    return table


def _flag(table: Mapping[str, Any], key: str, name: str) -> bool:
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise failed(name, f"hypervisor.qemu.{key}", f"expected true or false, found {str(value)[:30]}")
    return value


def _vcpus(table: Mapping[str, Any], name: str, notes: list[str]) -> int:
    """MAX_VCPUS: default_maxvcpus, of which 0 means as many as the host has; a confidential guest has default_vcpus."""
    counts = {}
    for key in ("default_vcpus", "default_maxvcpus"):
        value = table.get(key, 1 if key == "default_vcpus" else 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not -1 <= value <= settings.MAX_VCPUS:
            raise failed(name, f"hypervisor.qemu.{key}", f"expected a number of vCPUs, found {str(value)[:30]}")
        counts[key] = int(-(-value // 1))
    if counts["default_vcpus"] < 0:
        notes.append("default_vcpus is below 0: as many as the host has; 1 is taken.")
    return max(counts["default_vcpus"], counts["default_maxvcpus"], 1)
