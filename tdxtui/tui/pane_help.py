"""What F1 says of each pane."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from tdxtui.tui.keymap import EVERYWHERE, Action, kinds, shown
from tdxtui.tui.palette import Palette
from tdxtui.tui.panes import legend

KEYS_WIDTH = 18
ABOUT = {
    "grid": (
        "The bits",
        "Every CPUID bit of the module, one register a line, bit 31 at the left; at the right the register in hex. "
        "The bits are what TDH.MNG.INIT would give this TD on this module and CPU. Space flips the bit under the "
        "cursor by whatever decides it: CPUID_CONFIG, ATTRIBUTES or XFAM. Where it can't, the last line says what "
        "holds the bit, and Enter shows what a cure would change. V holds the model against KVM and QEMU, too, d lays "
        "a second module over it, i lists all findings, f makes the model legal.",
    ),
    "leaves": (
        "Leaves",
        "The module's CPUID leaves and sub-leaves. ✗ counts the bits that the model wants otherwise than the TD gets "
        "them, ! those that a VMM layer refuses, ≠ and ≈ what differs on a second module. The grid follows the "
        "selected leaf.",
    ),
    "xfam": (
        "XFAM",
        "The extended features that the TD may use (TD_PARAMS.XFAM). A component takes along the ones that must go "
        "with it, and its CPUID bits come and go with it. · marks what this module and CPU don't allow, ! what the "
        "VMM doesn't pass.",
    ),
    "attributes": (
        "ATTRIBUTES",
        "The TD's attributes (TD_PARAMS.ATTRIBUTES). Some let the guest use a feature and so set CPUID bits. · marks "
        "what this module doesn't allow.",
    ),
    "td": (
        "TD parameters",
        "The rest of TD_PARAMS: CONFIG_FLAGS, the virtual TSC's frequency, MAX_VCPUS, L2 VMs, and what the VMM "
        "configures of IA32_ARCH_CAPABILITIES. Space flips a flag, Enter changes a value.",
    ),
    "guest": (
        "The guest",
        "The state in which the guest executes CPUID: CR4, XCR0, TD_CTLS, FEATURE_PARAVIRT_CTLS, its privilege. The "
        "grid shows what it then reads, and which leaves give #VE.",
    ),
    "why": (
        "Why",
        "The conditions that make the bit under the cursor what it is, the deciding ones first, and what would change "
        "it. Enter on a condition goes to the bit or the setting that it names.",
    ),
}
OTHER = ("This pane", "")
HELP = "? lists all keys, ctrl+p finds commands and bits by name."


def explained(pane: Widget | None, palette: Palette, everything: list[Action]) -> tuple[str, Text]:
    """A pane's title, and what it shows, its keys, and for the grid its glyphs."""
    title, about = ABOUT.get((pane.id if pane else None) or "", OTHER)
    text = Text.assemble((f"{about}\n\n" if about else "", palette.text))
    if pane is not None and pane.id == "grid":
        text.append_text(legend(palette)).append("\n")
    mine = [item for item in everything if item.pane != EVERYWHERE and isinstance(pane, kinds()[item.pane])]
    for item in mine:
        text.append(f"  {' '.join(shown(key) for key in item.keys):{KEYS_WIDTH}}", palette.strong)
        text.append(f" {item.description}\n", palette.text)
    text.append(f"\n{HELP}", palette.muted)
    return title, text
