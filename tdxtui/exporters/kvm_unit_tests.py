"""A table in the style of kvm-unit-tests: what each register must show in the guest, under its mask."""

from __future__ import annotations

from tdxtui.cpuid import REGISTER_KEYS, unpack
from tdxtui.exporters.c_text import comment, guarded
from tdxtui.exporters.demands import steady
from tdxtui.exporters.result import Written
from tdxtui.exporters.subject import Subject

STRUCT = """\
#include <stdbool.h>
#include <stdint.h>

#ifndef TDXTUI_CPUID_CHECK
#define TDXTUI_CPUID_CHECK
enum { TDXTUI_EAX, TDXTUI_EBX, TDXTUI_ECX, TDXTUI_EDX };
/* A register of a leaf: (value read) & mask must be value. */
struct tdxtui_cpuid_check {
\tuint32_t eax;
\tbool needs_ecx;
\tuint32_t ecx;
\tint reg;
\tuint32_t mask;
\tuint32_t value;
};
#endif
"""
LOST = ("bits that give #VE, or that the guest or the run time decides: a check of them could fail rightly",)


def write(subject: Subject) -> Written:
    """The header file."""
    losses = (*LOST, *subject.unknown_losses)
    rows = [
        f"\t{{ .eax = {leaf.leaf:#x}, .needs_ecx = {'false' if leaf.subleaf is None else 'true'}, "
        f".ecx = {leaf.subleaf or 0:#x}, .reg = TDXTUI_{key.upper()}, .mask = {wanted:#010x}, .value = {word:#010x} }},"
        for leaf, value, mask in steady(subject)
        for key, word, wanted in zip(REGISTER_KEYS, unpack(value), unpack(mask), strict=True)
        if wanted
    ]
    name = f"{subject.identifier}_cpuid_checks"
    table = "\n".join([f"static const struct tdxtui_cpuid_check {name}[] = {{", *rows, "};", ""])
    return Written(comment(subject.header(losses, "")) + guarded(name, f"{STRUCT}\n{table}"), losses)
