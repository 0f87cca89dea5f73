"""The user's settings as the screen uses them: checked against what there is, and written out as an example."""

from __future__ import annotations

import json

from tdxtui import library, settings, vmm
from tdxtui.settings import NO_LAYER, Settings
from tdxtui.situations import DEFAULT_MODULE, DEFAULT_PRESET, NO_PLATFORM
from tdxtui.tui import palette
from tdxtui.tui.keymap import EVERYWHERE, actions, shown

DEFAULT_THEME = "dark"
_HEAD = """\
# Settings of tdxtui. A line that begins with # says what holds without it.

# Colours: {themes}; T on the screen tries them
# theme = "{theme}"
# Whether the screen takes the mouse; the terminal's own selection needs it
# mouse = true
# The module that a model is held against which names none: {modules}
# module = "{module}"
# The CPU of a model that names none: {platforms}, "none" or a file
# platform = "sapphire-rapids"
# What KVM and QEMU refuse on top of the module, V on the screen: {kvm}; {qemu}; "none" or a file
# kvm = "{newest_kvm}"
# qemu = "{newest_qemu}"

[keys]
# An action's keys take the place of all that it has; [] takes it off the keyboard. What a key does already must go
# elsewhere first. Write a character, space, enter, pageup, f5, ctrl+x, shift+tab and the like.
"""


def check(found: Settings) -> None:
    """DataError for a theme, module, CPU or VMM layer that there isn't."""
    settings.checked(found, {
        "theme": lambda name: palette.load(palette.find(name)),
        "module": library.module,
        "platform": lambda name: name == NO_PLATFORM or library.platform(name),
        "kvm": lambda name: name == NO_LAYER or vmm.layer("kvm", name),
        "qemu": lambda name: name == NO_LAYER or vmm.layer("qemu", name),
    })


def example() -> str:
    """A settings file that changes nothing, with everything in it that there is to set."""
    kvm, qemu = vmm.versions("kvm"), vmm.versions("qemu")
    head = _HEAD.format(
        themes=", ".join(palette.names()), theme=DEFAULT_THEME, modules=", ".join(library.files("modules")),
        module=DEFAULT_MODULE, platforms=", ".join(library.files("platforms")), preset=DEFAULT_PRESET,
        kvm=", ".join(kvm), qemu=", ".join(qemu), newest_kvm=kvm[-1], newest_qemu=qemu[-1],
    )
    lines, told = [head], set()
    pane = EVERYWHERE
    for item in actions():
        if item.pane != pane:
            pane = item.pane
            lines.append(f"\n# in the pane {pane}")
        if item.name not in told:
            told.add(item.name)
            keys = [shown(key) for key in item.keys]
            lines.append(f"# {item.name} = {json.dumps(keys, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"
