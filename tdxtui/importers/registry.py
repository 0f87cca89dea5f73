"""The importers by name. Each is a module, loaded when it is asked for, so that a start pays for none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import NamedTuple

from tdxtui.errors import TdxtuiError
from tdxtui.importers.result import Imported
from tdxtui.strict import unknown

REAL = "real samples"
HOST = "host"
LAYOUT = "layout from documentation, not tried"

# A format's name and its module in this project, which may lie above this package. Of two equally sure the first wins.
MODULES = {
    "cpuid-r": "importers.cpuid_r",
    "instlatx64": "importers.instlatx64",
    "kcpuid": "importers.kcpuid",
    "kcpuid-flags": "importers.kcpuid_flags",
    "libvirt-cpudata": "importers.cpudata",
    "firecracker-fingerprint": "importers.fingerprint",
    "kvm-tdx-capabilities": "importers.kvm_capabilities",
    "kvm-cpuid2": "importers.kvm_cpuid2",
    "intel-json": "intel_table.json_form",
    "intel-csv": "intel_table.csv_form",
    "cpuid-json": "importers.cpuid_json",
    "qemu": "importers.qemu",
    "libvirt-domain": "importers.libvirt_domain",
    "libvirt-cpu": "importers.libvirt_caps",
    "qmp": "importers.qmp",
    "kvm-tdx-init-vm": "importers.kvm_init_vm",
    "td-params": "importers.td_params_binary",
    "proc-cpuinfo": "importers.proc_cpuinfo",
    "firecracker-template": "importers.firecracker_template",
    "kata": "importers.kata",
    "cloud-hypervisor": "importers.cloud_hypervisor",
    "alioth": "importers.alioth",
}


class Importer(NamedTuple):
    """One format: `sniff` says of a file's first bytes how sure it is that they are of its kind, 0 to 100."""

    name: str
    title: str
    evidence: str
    sniff: Callable[[bytes], int]
    read: Callable[[bytes, str], Imported]


def names() -> list[str]:
    """All formats' names."""
    return list(MODULES)


def title(name: str) -> str:
    """What a format is, in words; of this machine too, which is read from no file."""
    return "this machine's CPUID" if name == HOST else importer(name).title


@cache
def importer(name: str) -> Importer:
    """The importer of a format; TdxtuiError with the formats that there are for another name."""
    if name not in MODULES:
        raise TdxtuiError(f"format {unknown(name, MODULES)} (tdxtui import --list has them all)")
    module = import_module(f"tdxtui.{MODULES[name]}")
    return Importer(module.NAME, module.TITLE, module.EVIDENCE, module.sniff, module.read)


def importers() -> Iterator[Importer]:
    """Every importer."""
    return (importer(name) for name in MODULES)
