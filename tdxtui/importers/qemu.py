"""A QEMU command line that starts a TD: -cpu, -object tdx-guest, -smp."""

from __future__ import annotations

import re
from typing import NamedTuple

from tdxtui.importers import command_line, cpu_option, qemu_objects, settings
from tdxtui.importers.features_of_cpu import features
from tdxtui.importers.registry import LAYOUT
from tdxtui.importers.result import Imported, failed

NAME = "qemu"
TITLE = "a QEMU command line"
EVIDENCE = LAYOUT

_CPU = re.compile(r"(?:^|[\s\0])--?cpu(?:[\s\0]|$)")
_TDX = re.compile(r"tdx-guest")
_PROGRAM = re.compile(r"qemu-system-|qemu-kvm")
_VALUES = ("cpu", "object", "smp", "machine", "M", "accel", "name")
_STRUCTURED = (b"<", b"{", b"[")


class Options(NamedTuple):
    """The values of the options that matter, in their order."""

    values: dict[str, list[str]]

    def last(self, *keys: str) -> str | None:
        """The last value of an option, which is the one that counts."""
        every = [value for key in keys for value in self.values.get(key, ())]
        return every[-1] if every else None


def sniff(head: bytes) -> int:
    """Sure of -cpu beside a tdx-guest object or QEMU's name; one of them alone will do."""
    if head.lstrip()[:1] in _STRUCTURED:
        return 0
    text = head.decode("latin-1")
    has_cpu, has_tdx, has_program = (bool(pattern.search(text)) for pattern in (_CPU, _TDX, _PROGRAM))
    if has_cpu and (has_tdx or has_program):
        return 90
    return 80 if has_tdx and "-object" in text else 60 if has_cpu else 40 if has_program else 0


def read(data: bytes, name: str) -> Imported:
    """The TD that such a command line asks for."""
    found = command_line.find(data, name, _is_wanted)
    where = f"line {found.line}"
    notes = [f"has {found.others + 1} such command lines; the one of line {found.line} is read."] * bool(found.others)
    if found.unset:
        notes.append(f"{', '.join('$' + key for key in found.unset[:4])}: set outside this text, taken as written.")
    return read_words(found.words, name, where, notes)


def read_words(words: list[str], name: str, where: str, notes: list[str]) -> Imported:
    """The TD that the words of a command line ask for."""
    options = _options(words, name, where)
    cpu = options.last("cpu")
    if cpu is None and not options.values.get("object"):
        raise failed(name, where, "has neither -cpu nor -object; a QEMU command line for a TD has both")
    if cpu is None:
        notes.append("has no -cpu: QEMU takes qemu64, a named model, which it refuses for a TD; host is taken here.")
    option = cpu_option.parse(cpu or "host", name, f"{where}: -cpu")
    tdx = _tdx(options, name, where, notes)
    option.settings |= settings.td_object(tdx, name, f"{where}: tdx-guest", notes)
    vcpus, sockets = _vcpus(options, name, where)
    option.settings["max_vcpus"] = vcpus
    option.bits.packages(vcpus, sockets)
    title = qemu_objects.parse(options.last("name") or "", name, where, "guest").get("guest")
    return Imported(NAME, features(option, str(title or ""), notes, name), tuple(notes))


def _is_wanted(command: str) -> bool:
    return bool(_CPU.search(command) or (_TDX.search(command) and "-object" in command))


def _options(words: list[str], name: str, where: str) -> Options:
    values: dict[str, list[str]] = {}
    for number, word in enumerate(words):
        key = word.lstrip("-") if re.fullmatch(r"--?[A-Za-z]\w*", word) else ""
        if key in _VALUES:
            if number + 1 >= len(words):
                raise failed(name, where, f"ends after -{key}, which needs a value")
            values.setdefault(key, []).append(words[number + 1])
    return Options(values)


def _tdx(options: Options, name: str, where: str, notes: list[str]) -> dict[str, object]:
    """The properties of the tdx-guest object; notes where the command line would start no TD."""
    objects = [qemu_objects.parse(text, name, f"{where}: -object", "qom-type")
               for text in options.values.get("object", []) if "tdx-guest" in text]
    if not objects:
        notes.append("has no tdx-guest object: that is an ordinary VM. What it asks for is read as if it were a TD.")
        return {}
    if len(objects) > 1:
        raise failed(name, where, "has more than one tdx-guest object; a VM has one")
    machines = [qemu_objects.parse(text, name, f"{where}: -machine", "type")
                for key in ("machine", "M") for text in options.values.get(key, [])]
    chosen = next((item[key] for item in machines for key in ("confidential-guest-support",) if key in item), None)
    if machines and chosen != objects[0].get("id"):
        notes.append(f"-machine lacks confidential-guest-support={objects[0].get('id', 'ID')}: QEMU would start no TD.")
    accelerators = [options.last("accel") or "", *(str(item.get("accel", "")) for item in machines)]
    if any(text.startswith("tcg") for text in accelerators):
        notes.append("-accel is tcg: a TD needs kvm.")
    return objects[0]


def _vcpus(options: Options, name: str, where: str) -> tuple[int, int]:
    """MAX_VCPUS, which is what -smp allows at most, and in how many sockets."""
    text = options.last("smp")
    if text is None:
        return 1, 1
    found = qemu_objects.parse(text, name, f"{where}: -smp", "cpus")
    at = f"{where}: -smp"
    numbers = {key: settings.number(value, name, at, settings.MAX_VCPUS) for key, value in found.items()
               if key in ("cpus", "maxcpus", *_TOPOLOGY) and not str(value).startswith("$")}
    product = 1
    for key in _TOPOLOGY:
        product *= numbers.get(key, 1) or 1
    count = numbers.get("maxcpus") or numbers.get("cpus") or product
    return min(max(count, 1), settings.MAX_VCPUS), numbers.get("sockets", 1)


_TOPOLOGY = ("sockets", "dies", "clusters", "modules", "cores", "threads", "drawers", "books")
