"""From a -cpu option, with a TD's settings in it, to `Features`, and what a user should know of it."""

from __future__ import annotations

from tdxtui import qemu_models
from tdxtui.importers.cpu_option import CpuOption
from tdxtui.importers.result import Features
from tdxtui.importers.statement import Statement
from tdxtui.td import ATTRIBUTES

REFUSED_MODEL = (
    "-cpu {0} is a named model, which QEMU refuses for a TD (\"Named cpu model is not supported for TDX yet!\"); {1}"
)


WITHOUT_CPU = "Only the features named here are wishes; with --platform the rest is worked out, XFAM too."


def features(option: CpuOption, title: str, notes: list[str], name: str) -> Features:
    """The features of an option; its notes and those on host and named models are added to `notes`."""
    found = dict(option.settings)
    attributes, vcpus = found.pop("attributes", None), found.pop("max_vcpus", None)
    bits = option.bits
    if option.is_host:
        notes.append(host_note(f"-cpu {option.model}"))
    else:
        bits = named(option, notes)
    notes += [*option.notes, *option.bits.notes()]
    own = ATTRIBUTES["SEPT_VE_DISABLE"] if attributes is None else int(str(attributes))
    return Features(
        name=title or stem(name),
        wishes=bits.wishes,
        attributes=own | option.attributes,
        max_vcpus=None if vcpus is None else int(str(vcpus)),
        settings=found,
        host=option.is_host,
        names=option.bits.qemu_names(),
    )


def host_note(words: str) -> str:
    """What a configuration that passes the host through leaves open."""
    return f"{words} means all that CPU, KVM and module offer. {WITHOUT_CPU}"


def named(option: CpuOption, notes: list[str]) -> Statement:
    """The bits of a named model, with what the option says of them."""
    model = qemu_models.find(option.model)
    if model is None:
        notes.append(REFUSED_MODEL.format(option.model[:40], "its bits are not known here."))
        return option.bits
    notes.append(REFUSED_MODEL.format(option.model[:40], f"its bits are wished as QEMU {model.qemu} has them."))
    both = Statement(option.bits.tool)
    both.add(qemu_models.wishes(model))
    both.add(option.bits.wishes)
    return both


def stem(name: str) -> str:
    """A file's name without folder and ending, as a name for what is in it."""
    return name.rpartition("/")[2].rpartition(".")[0] or name.rpartition("/")[2] or "imported"
