"""EXP_CPUID_BIT and EXP_CPUID_BYTE lines for LKVS' tdx-compliance; layout from documentation, not tried.

The module's version there is a bit of its own (`VER1_0`, `VER1_5`), which this can't know: TDXTUI_VSN stands for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from tdxtui.cpuid import REGISTER_KEYS, WORD, Field, Register, unpack
from tdxtui.exporters.c_text import comment
from tdxtui.exporters.demands import steady
from tdxtui.exporters.kvm_unit_tests import LOST
from tdxtui.exporters.result import Written
from tdxtui.exporters.subject import Subject
from tdxtui.naming import bit_name

HEAD = """\
#ifndef TDXTUI_VSN
#define TDXTUI_VSN VER1_5
#endif
"""


def write(subject: Subject) -> Written:
    """The lines, to be included in a function of tdx-compliance."""
    losses = (*LOST, *subject.unknown_losses)
    lines = "".join(f"{line}\n" for line in _lines(subject))
    return Written(comment(subject.header(losses, "")) + HEAD + lines, losses)


def _lines(subject: Subject) -> Iterator[str]:
    for leaf, value, mask in steady(subject):
        place = f"{leaf.leaf:#x}, {leaf.subleaf or 0:#x}"
        for register, word, wanted in zip(Register, unpack(value), unpack(mask), strict=True):
            key = REGISTER_KEYS[register]
            if wanted == WORD:
                yield f"EXP_CPUID_BYTE({place}, {key}, {word:#010x}, TDXTUI_VSN);"
                continue
            for bit in range(32):
                if wanted >> bit & 1:
                    name = bit_name(Field.bit(leaf, register, bit))
                    yield f"EXP_CPUID_BIT({place}, {key}, {bit}, {word >> bit & 1}, TDXTUI_VSN);\t/* {name} */"
