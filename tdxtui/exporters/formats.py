"""The table of formats. Nothing else is loaded for a list of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tdxtui.exporters.result import Format

UNTRIED = "layout from documentation, not tried"
GCC = "gcc 12 compiles it"

_ALL = (
    Format("toml", "the model file with all that was validated", "read back by tdxtui", "toml", "toml"),
    Format("json", "everything for programs: TD_PARAMS, virtual CPUID, findings", "read by people and tests",
           "json_text", "json", ("qemu", "kvm")),
    Format("qemu", "a shell script with -cpu and -object tdx-guest for a QEMU version",
           "QEMU 11.1.3 takes every name of the -cpu line (TCG); no TD was started", "qemu", "sh", ("qemu", "kvm")),
    Format("libvirt", "the parts of a domain XML", "libvirt 12.8.0's schema accepts it; no domain was started",
           "libvirt", "xml", ("qemu", "kvm")),
    Format("kvm-cpuid2", "struct kvm_cpuid2 with the whole virtual CPUID",
           "KVM_SET_CPUID2 takes it, on a CPU of another maker", "kvm_cpuid2", "bin", binary=True,
           silent=True),
    Format("kvm-tdx-init-vm", "struct kvm_tdx_init_vm for KVM_TDX_INIT_VM",
           "sizes and offsets as in <linux/kvm.h> of 7.2; no TD was started", "kvm_tdx_init_vm", "bin", ("kvm",),
           binary=True, silent=True),
    Format("td-params", "TD_PARAMS for TDH.MNG.INIT", "offsets checked; no TD was started", "td_params", "bin",
           binary=True, silent=True),
    Format("c", "all three as C data, in a header", f"{GCC}, alone and with <linux/kvm.h> of 7.2; offsets checked",
           "c_header", "h", ("kvm",)),
    Format("cpuid", "text as cpuid -r prints it", "cpuid 20230120 and 20260503 decode it (cpuid -f)", "cpuid_text",
           "txt", ("guest",), silent=True),
    Format("firecracker", "a custom CPU template of 0, 1 and x", "Firecracker's JSON schema accepts it", "firecracker",
           "json", silent=True),
    Format("cloud-hypervisor", "a shell script", UNTRIED, "cloud_hypervisor", "sh"),
    Format("kata", "a piece of configuration-qemu-tdx.toml", UNTRIED, "kata", "toml", ("qemu", "kvm")),
    Format("kvm-unit-tests", "a C table that the guest checks", GCC, "kvm_unit_tests", "h"),
    Format("lkvs", "EXP_CPUID_BIT lines that the guest checks", UNTRIED, "lkvs", "h"),
    Format("markdown", "a report for reviews", "read by people", "markdown", "md", ("qemu", "kvm")),
    Format("html", "a page for a browser: the grid, every bit's reason, a search", "Chromium runs it without an error",
           "html", "html"),
    Format("fixed-bits", "CPUID_FIXED0_BITS and CPUID_FIXED1_BITS of a module", UNTRIED, "fixed_bits", "bin",
           binary=True, silent=True, of_module=True),
    Format("fixed-bits-c", "the same as a C table", GCC, "fixed_bits_c", "h", of_module=True),
)
FORMATS: Mapping[str, Format] = MappingProxyType({found.name: found for found in _ALL})
