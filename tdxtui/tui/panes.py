"""The texts around the grid: the header, the pane that says why, the line for messages and keys."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.binding import Binding, BindingType

from tdxtui.bit_state import BitState
from tdxtui.classify import Group
from tdxtui.cpuid import Field
from tdxtui.describe import Description, describe
from tdxtui.editor import Editor
from tdxtui.tui.palette import Palette

KEYS = (
    ("Space", "toggle"), ("x", "XFAM"), ("a", "ATTRIBUTES"), ("m", "module"), ("c", "CPU"), ("]", "conflict"),
    ("u", "undo"), ("s", "save"), ("?", "help"), ("q", "quit"),
)


NARROW_HEADER, WIDE_HEADER, WIDE_WHY = 60, 100, 80


def header(editor: Editor, palette: Palette, width: int) -> Text:
    """File, module, platform and conflicts in one line."""
    name = editor.path.name if editor.path else f"{editor.model.name} (not saved)"
    left = Text.assemble((" tdxtui  ", palette.name), (name, palette.strong))
    if editor.dirty:
        left.append(" ● changed", palette.conflict)
    if editor.read_only:
        left.append(" read only", palette.muted)
    right = _where(editor, palette, width)
    left.truncate(max(width - right.cell_len, 12), overflow="ellipsis")
    left.append(" " * max(width - left.cell_len - right.cell_len, 0), palette.text)
    left.append_text(right)
    return left


def _where(editor: Editor, palette: Palette, width: int) -> Text:
    """The header's right part: module, platform and verdict, in fewer words where there is less room."""
    count = editor.situation.conflict_count
    wide = f"   module {editor.module.version} ({editor.module.evidence})   CPU {_platform(editor)}   "
    narrow = f"  {editor.module.version} · {_platform(editor)}  "
    if width < NARROW_HEADER:
        verdict = f"✗{count} " if count else ""
    else:
        verdict = f"✗ {count} conflict{'s' * (count != 1)} " if count else "no conflict "
    style = palette.conflict if count else palette.muted
    return Text.assemble((wide if width >= WIDE_HEADER else narrow, palette.text), (verdict, style))


def _platform(editor: Editor) -> str:
    if editor.platform is None:
        return "none"
    return editor.platform.name + (" (refused)" if editor.situation.platform_refusal else "")


def why(editor: Editor, bit: Field, palette: Palette, width: int) -> list[Text]:
    """What the bit under the cursor is, who decides it, and what would change it."""
    about = describe(editor, bit)
    lines = [
        Text.assemble(
            (bit.sdm if width >= WIDE_WHY else bit.key, palette.strong),
            ("  ", palette.text),
            (about.name, palette.name),
            (f"  {_verdict(about)}", palette.text),
        ),
        Text(about.sentence, palette.text),
    ]
    if about.conditions:
        line = Text.assemble(("For a 1:  ", palette.muted))
        for name, held in about.conditions:
            line.append(f"{'✓' if held else '✗'} {name}", palette.text if held else palette.conflict)
            line.append("   ", palette.text)
        lines.append(line)
    lines += [Text(about.note, palette.text)] if about.note else []
    return lines + ([Text(about.names, palette.muted)] if about.names else [])


def _verdict(about: Description) -> str:
    lacking = about.group is Group.FLEXIBLE and ("native", False) in about.conditions
    if lacking:
        return "fixed here: the CPU has 0"
    group = {Group.FIXED: "fixed", Group.FLEXIBLE: "flexible", Group.RUN_TIME: "run time"}[about.group]
    return f"{group}, now {about.value}" if about.group is not Group.RUN_TIME else f"{group}, TDCS holds {about.value}"


def keys(palette: Palette, width: int) -> Text:
    """As many keys as fit."""
    text = Text.assemble((" ", palette.text))
    for key, what in KEYS:
        if text.cell_len + len(key) + len(what) + 3 > width:
            break
        text.append(key, palette.strong)
        text.append(f" {what}  ", palette.muted)
    return text


def legend(palette: Palette) -> Text:
    """What each glyph means."""
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
    text.append("  ■ □ ", palette.strong)
    text.append("on, off;", palette.text)
    text.append("  · ", palette.muted)
    text.append("not with this module and CPU\n", palette.text)
    return text


def help_text(bindings: Sequence[BindingType], palette: Palette) -> Text:
    """The glyphs and the keys."""
    text = Text.assemble(("Glyphs\n", palette.strong), legend(palette), ("\nKeys\n", palette.strong))
    for binding in bindings:
        if isinstance(binding, Binding):
            text.append(f"  {_keys(binding):24}", palette.strong)
            text.append(f" {binding.description}\n", palette.text)
    return text


_KEY_NAMES = {
    "right_square_bracket": "]", "left_square_bracket": "[", "question_mark": "?", "left_curly_bracket": "{",
    "right_curly_bracket": "}", "pageup": "PgUp", "pagedown": "PgDn", "home": "Home", "end": "End", "space": "Space",
    "enter": "Enter", "escape": "Esc", "up": "↑", "down": "↓", "left": "←", "right": "→", "f1": "F1",
}


def _keys(binding: Binding) -> str:
    return ", ".join(_KEY_NAMES.get(key, key) for key in binding.key.split(","))
