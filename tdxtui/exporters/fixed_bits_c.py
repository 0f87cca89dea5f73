"""CPUID_FIXED0_BITS and CPUID_FIXED1_BITS of a module as a C table."""

from __future__ import annotations

from tdxtui.classify import classes
from tdxtui.exporters.c_text import comment, guarded
from tdxtui.exporters.fixed_bits import records
from tdxtui.exporters.result import Written
from tdxtui.exporters.subject import identifier, tool
from tdxtui.module import Module

STRUCT = """\
#include <stdint.h>

#ifndef TDXTUI_FIXED_BITS
#define TDXTUI_FIXED_BITS
/*
 * Half an entry: EBX:EAX, or EDX:ECX where bit 0 of field is 1. A 0 of fixed0 is 0 in every TD, a 1 of fixed1 is 1.
 * field: 16 leaf[31], 15:9 leaf[6:0], 8 no sub-leaf (7:1 all ones), 7:1 sub-leaf, 0 element.
 */
struct tdxtui_fixed_bits {
\tuint32_t field;
\tuint64_t fixed0;
\tuint64_t fixed1;
};
#endif
"""


def write(module: Module) -> Written:
    """The header file; it says how sure it is."""
    name = identifier(f"tdx module {module.version} fixed bits")
    leaves = [leaf.key for leaf in classes(module)]
    rows = [
        f"\t{{ {code:#07x}, {fixed0:#018x}ULL, {fixed1:#018x}ULL }}, /* {leaves[number // 2]} */"
        for number, (code, fixed0, fixed1) in enumerate(records(module))
    ]
    table = "\n".join([f"static const struct tdxtui_fixed_bits {name}[] = {{", *rows, "};", ""])
    return Written(comment(_ground(module)) + guarded(name, f"{STRUCT}\n{table}"))


def _ground(module: Module) -> str:
    lines = [f"{tool()}: CPUID_FIXED0_BITS and CPUID_FIXED1_BITS of TDX module {module.version}",
             "which bits are the same in every legal TD",
             f"evidence: {module.evidence}; source: {module.source}"]
    lines += [f"inferred: {item.rule or ', '.join(leaf.key for leaf in item.leaves) or item.field}: {item.because}"
              for item in module.inferred]
    return "\n".join(lines)
