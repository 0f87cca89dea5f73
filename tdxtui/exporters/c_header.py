"""The three binary structures as C data: KVM_SET_CPUID2's entries, kvm_tdx_init_vm, TD_PARAMS.

By default the header brings its own types of the same layout; with TDXTUI_LINUX_KVM defined before, those of
<linux/kvm.h>, which has struct kvm_tdx_init_vm from Linux 6.16 on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tdxtui.cpuid import unpack
from tdxtui.exporters import kvm_rules, td_params
from tdxtui.exporters.abi import CpuidEntry
from tdxtui.exporters.c_text import comment, guarded, hex32
from tdxtui.exporters.kvm_tdx_init_vm import losses
from tdxtui.exporters.result import Written
from tdxtui.exporters.subject import Subject
from tdxtui.td import DIGESTS

TYPES = """\
#include <stddef.h>
#include <stdint.h>

#ifdef TDXTUI_LINUX_KVM
#include <linux/kvm.h>
#define TDXTUI_ENTRY struct kvm_cpuid_entry2
#else
#define TDXTUI_ENTRY struct tdxtui_cpuid_entry2
#endif

#ifndef TDXTUI_TYPES
#define TDXTUI_TYPES
/* As struct kvm_cpuid_entry2. */
struct tdxtui_cpuid_entry2 {
\tuint32_t function, index, flags, eax, ebx, ecx, edx, padding[3];
};
/* What struct kvm_tdx_init_vm holds before its cpuid; the entries are an array of their own. */
struct tdxtui_init_vm {
\tuint64_t attributes, xfam;
\tuint8_t mrconfigid[48], mrowner[48], mrownerconfig[48];
\tuint64_t reserved[12];
};
/* TD_PARAMS as TDH.MNG.INIT reads it; cpuid_config in the module's order. */
struct tdxtui_td_params {
\tuint64_t attributes, xfam;
\tuint16_t max_vcpus;
\tuint8_t num_l2_vms, msr_config_ctls;
\tuint32_t reserved0;
\tuint64_t eptp_controls, config_flags;
\tuint16_t tsc_frequency;
\tuint8_t reserved1[38];
\tuint8_t mrconfigid[48], mrowner[48], mrownerconfig[48];
\tuint64_t arch_capabilities_config;
\tuint8_t reserved2[24];
\tstruct { uint32_t eax, ebx, ecx, edx; } cpuid_config[48];
};
#endif
"""


def write(subject: Subject) -> Written:
    """The header file."""
    name, lost = subject.identifier, (*losses(subject), *subject.unknown_losses)
    parts = [
        TYPES,
        _entries(f"{name}_cpuid", "The whole virtual CPUID, for KVM_SET_CPUID2.", kvm_rules.cpuid_entries(subject)),
        _entries(
            f"{name}_cpuid_config", "CPUID_CONFIG, for KVM_TDX_INIT_VM.", kvm_rules.config_entries(subject)
        ),
        _init_vm(subject),
        _td_params(subject),
    ]
    return Written(comment(subject.header(lost, "")) + guarded(name, "\n".join(parts)), lost)


def _entries(name: str, title: str, entries: Sequence[CpuidEntry]) -> str:
    rows = [
        f"\t{{ .function = {function:#010x}, .index = {index:#x}, .flags = {flags}, "
        + ", ".join(f".{key} = {word:#010x}" for key, word in zip(("eax", "ebx", "ecx", "edx"), words, strict=True))
        + " },"
        for function, index, flags, *words in (entry.words for entry in entries)
    ]
    return "\n".join([f"/* {title} */", f"static const TDXTUI_ENTRY {name}[{len(rows)}] = {{", *rows, "};", ""])


def _init_vm(subject: Subject) -> str:
    config, name = subject.config, f"{subject.identifier}_init_vm"
    words = [f"\t.attributes = {config.attributes:#x}ULL,", f"\t.xfam = {config.xfam:#x}ULL,"]
    return "\n".join([f"static const struct tdxtui_init_vm {name} = {{", *words, *_digests(subject), "};", ""])


def _digests(subject: Subject) -> Iterator[str]:
    for name in DIGESTS:
        if digest := getattr(subject.model, name):
            yield f"\t.{name} = {{ {', '.join(f'{byte:#04x}' for byte in digest)} }},"


def _td_params(subject: Subject) -> str:
    words = td_params.words(subject)._asdict()
    rows = [f"\t.{name} = {value:#x}ULL," for name, value in words.items()]
    rows += _digests(subject)
    rows.append(f"\t.arch_capabilities_config = {subject.config.arch_capabilities_config:#x}ULL,")
    slots = [
        f"\t\t{{ {hex32(unpack(subject.config_of(leaf)))} }}, /* {leaf.key} */" for leaf in subject.module.cpuid_config
    ]
    rows += ["\t.cpuid_config = {", *slots, "\t},"]
    return "\n".join([f"static const struct tdxtui_td_params {subject.identifier}_td_params = {{", *rows, "};", ""])
