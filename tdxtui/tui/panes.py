"""The texts around the grid: the header, the line for messages and keys, the help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rich.text import Text

from tdxtui.bit_state import BitState
from tdxtui.editor import Editor
from tdxtui.tally import Tally
from tdxtui.tui.lines import shortened
from tdxtui.tui.palette import Palette
from tdxtui.tui.signs import Sign

KEYS = (
    ("Space", "toggle"), ("w", "wish"), ("/", "find"), ("]", "conflict"), ("x", "XFAM"), ("a", "ATTRIBUTES"),
    ("t", "TD"), ("m", "module"), ("c", "CPU"), ("r", "run time"), ("o", "only"), ("i", "findings"), ("f", "fit"),
    ("d", "diff"), ("V", "VMM"), ("u", "undo"), ("s", "save"), ("e", "export"), ("L", "legend"), ("?", "help"),
    ("q", "quit"),
)
# What is left out first where there is little room; the others always find room.
DISPENSABLE = ("e", "V", "c", "d", "t", "m", "r", "u", "o", "f", "i", "L", "w", "a", "x", "]", "s", "/")
NARROW_HEADER, BADGE_HEADER, MIDDLE_HEADER, WIDE_HEADER = 60, 72, 80, 100
SIGNS = {
    Sign.OTHER_VALUE: "another value on the second module (d)",
    Sign.OTHER_CLASS: "the same value there, but decided otherwise",
    Sign.REFUSED: "legal for the module, refused by the VMM (V)",
}
LEAST_NAME, LEAST_BADGE, LEAST_FILE = 24, 16, 12
OFFER = ": Enter "


class Asked(NamedTuple):
    """The VMM layers that the model is held against too, by their labels, and how much of it they refuse."""

    layers: tuple[str, ...] = ()
    refused: int = 0


NOTHING_ASKED = Asked()


def header(editor: Editor, palette: Palette, width: int, badge: str = "", asked: Asked = NOTHING_ASKED) -> Text:
    """File, module, platform, VMM and conflicts in one line; the badge tells of a view that is not the plain one."""
    name = editor.path.name if editor.path else f"{editor.model.name} (not saved)"
    left = Text.assemble((" tdxtui  ", palette.name), (name, palette.strong))
    if editor.dirty:
        left.append(" ● changed", palette.conflict)
    if editor.read_only:
        left.append(" read only", palette.muted)
    right = _where(editor, palette, width, asked, bool(badge))
    if badge:
        left_over = width - right.cell_len
        room = max(left_over - LEAST_NAME, min(LEAST_BADGE, left_over - LEAST_FILE - 2), 1)
        right = Text.assemble((f" {shortened(badge, room)} ", palette.selected), right)
    left.truncate(max(width - right.cell_len, LEAST_FILE), overflow="ellipsis")
    left.append(" " * max(width - left.cell_len - right.cell_len, 0), palette.text)
    left.append_text(right)
    return left


def _where(editor: Editor, palette: Palette, width: int, asked: Asked, badge: bool) -> Text:
    """The header's right part: module, platform, VMM and verdicts, in fewer words where there is less room."""
    count = editor.situation.conflict_count
    vmm = " · ".join(asked.layers)
    wide = f"   module {editor.module.version} ({editor.module.evidence})   CPU {_platform(editor)}   "
    wide += f"{vmm}   " if vmm else ""
    short = (vmm if width >= MIDDLE_HEADER else "VMM",) if vmm else ()
    cpu = () if badge and width < BADGE_HEADER else (_platform(editor),)
    narrow = f"  {' · '.join((editor.module.version, *cpu, *short))}  "
    if asked.refused:
        parts = [f"✗{count}"] * bool(count) + [f"!{asked.refused}"]
        verdict = f"{' '.join(parts)}{' refused by the VMM' * (width >= WIDE_HEADER and not count)} "
    elif width < NARROW_HEADER:
        verdict = f"✗{count} " if count else ""
    else:
        verdict = f"✗ {count} conflict{'s' * (count != 1)} " if count else "no conflict "
    style = palette.conflict if count or asked.refused else palette.muted
    return Text.assemble((wide if width >= WIDE_HEADER else narrow, palette.text), (verdict, style))


def _platform(editor: Editor) -> str:
    if editor.platform is None:
        return "none"
    return editor.platform.name + (" (refused)" if editor.situation.platform_refusal else "")


def keys(palette: Palette, width: int, renamed: Mapping[str, str] | None = None) -> Text:
    """The keys, as many as there is room for, under the names that the user gave them."""
    names = renamed or {}
    shown = [(names.get(key, key), what) for key, what in KEYS if names.get(key, key)]
    dispensable = [names.get(key, key) for key in DISPENSABLE]
    while sum(len(key) + len(what) + 3 for key, what in shown) - 1 > width and dispensable:
        least = dispensable.pop(0)
        shown = [(key, what) for key, what in shown if key != least]
    text = Text.assemble((" ", palette.text))
    for key, what in shown:
        text.append(key, palette.strong)
        text.append(f" {what}  ", palette.muted)
    text.right_crop(2)
    return text


def message(text: str, width: int) -> str:
    """A message in one line; where it is too long, what Enter offers stays in sight."""
    head, offer, rest = text.rpartition(OFFER)
    if len(text) + 2 <= width or not offer:
        return f" {shortened(text, width - 1)}"
    return f" {shortened(head, max(width - 2 - len(offer + rest), 8))}{offer}{rest}"


def legend(palette: Palette) -> Text:
    """What each glyph means."""
    text = bit_legend(palette)
    for sign, meaning in SIGNS.items():
        text.append(f"  {sign.value} ", palette.states[sign])
        text.append(f" {meaning}\n", palette.text)
    text.append("  ·  ", palette.muted)
    text.append("left out by the filter\n", palette.text)
    text.append("  ┃ ◆ ", palette.strong)
    text.append("in the maps at the right: in view, conflicts\n", palette.text)
    text.append("  ■ □ ", palette.strong)
    text.append("on, off;", palette.text)
    text.append("  · ", palette.muted)
    text.append("not with this module and CPU;", palette.text)
    text.append("  ! ", palette.strong)
    text.append("on, but the VMM doesn't pass it\n", palette.text)
    return text


def bit_legend(palette: Palette) -> Text:
    """What the glyphs of bits mean that show how they stand."""
    meanings = (
        (BitState.FIXED_0, "fixed to 0"), (BitState.FIXED_1, "fixed to 1"), (BitState.FLEXIBLE_0, "flexible, now 0"),
        (BitState.FLEXIBLE_1, "flexible, now 1"), (BitState.CONFLICT, "the model wants the other value"),
        (BitState.RUN_TIME, "guest or run time decides"), (BitState.VE, "the guest gets #VE"),
        (BitState.UNKNOWN, "unknown without a CPU"),
    )
    text = Text()
    for state, meaning in meanings:
        text.append(f"  {state.glyph} ", palette.states[state])
        text.append(f" {meaning}\n", palette.text)
    return text


def tally_text(total: Tally, palette: Palette) -> Text:
    """How many bits there are of each class."""
    told = (
        ("flexible", total.flexible), ("fixed", total.fixed), ("conflicting", total.conflicting),
        ("run time or #VE", total.run_time), ("unknown", total.unknown),
    )
    text = Text("\nBits of this model here\n", palette.strong)
    for word, number in told:
        text.append(f"  {number:6}", palette.strong)
        text.append(f"  {word}\n", palette.text)
    return text
