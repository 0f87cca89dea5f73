"""Read a VMM layer's file (TOML). Errors are `DataError`s with file, table and key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from tdxtui.cpuid import Field, Leaf, Register
from tdxtui.strict import Section, parse_toml, read_text, unknown
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM
from tdxtui.vmm_layer import ALL, ANSWERS, KINDS, Derived, Off, VmmLayer

EVIDENCE = ("run", "read", "partial")
MAX_MHZ = 100_000


def load(path: Path) -> VmmLayer:
    """The layer of a file; DataError for a file that can't be used."""
    return parse(read_text(path), str(path))


def parse(text: str, source: str) -> VmmLayer:
    """The layer of a file's text; `source` is what errors call the file."""
    top = Section(parse_toml(text, source), source)
    because: dict[Field, str] = {}
    refused = _refused(top, because)
    forced = _forced(top, because)
    attributes, derived = _attributes(top.table("attributes"))
    xfam, assumed = _xfam(top.table("xfam"))
    td_params, entries = top.table("td_params", required=False), top.table("entries", required=False)
    phys_bits, pv = top.table("phys_bits", required=False), top.table("pv", required=False)
    layer = VmmLayer(
        kind=top.parsed("kind", lambda text: _one_of(text, KINDS)),
        version=top.text("version"),
        title=top.text("title"),
        source=top.text("source"),
        evidence=top.parsed("evidence", lambda text: _one_of(text, EVIDENCE)),
        notes=top.parsed_list("notes", str),
        attributes=attributes,
        attributes_derived=derived,
        xfam=xfam,
        xfam_assumed=assumed,
        config_flags=_mask(td_params, "config_flags", CONFIG_FLAGS, ALL),
        num_l2_vms=td_params.flag("num_l2_vms", True),
        arch_capabilities=td_params.flag("arch_capabilities", True),
        refused=refused,
        forced=forced,
        because=because,
        default_off=tuple(_off(section) for section in top.tables("default_off")),
        phys_bits_field=phys_bits.parsed("field", Field.parse, None),
        guest_phys_bits=_numbers(phys_bits, "allowed"),
        phys_bits_as_host=phys_bits.flag("as_host"),
        mandatory=entries.parsed_list("mandatory", Leaf.parse),
        forced_entries=entries.parsed_list("forced", Leaf.parse),
        only_configurable=entries.flag("only_configurable"),
        max_entries=entries.number("most", 1, 1 << 16, None),
        tsc_mhz=_tsc(top),
        fixed1=_table(top.table("fixed1", required=False)),
        feature_names=_names(top.table("names", required=False)),
        pv_features=pv.parsed_list("passes", str),
        says=_says(top.table("says", required=False)),
    )
    for section in (td_params, entries, phys_bits, pv, top):
        section.done()
    return layer


def _one_of(text: str, known: Iterable[str]) -> str:
    if text not in known:
        raise ValueError(unknown(text, known))
    return text


def _mask(section: Section, key: str, known: Mapping[str, int], default: int) -> int:
    """The bits of a list of names."""
    if key not in section:
        return default
    out = 0
    for name in section.parsed_list(key, lambda text: _one_of(text, known)):
        out |= known[name]
    return out


def _attributes(section: Section) -> tuple[int, tuple[Derived, ...]]:
    passes = _mask(section, "passes", ATTRIBUTES, ALL)
    derived = tuple(_derived(item) for item in section.tables("derived"))
    section.done()
    return passes, derived


def _derived(section: Section) -> Derived:
    name = section.parsed("attribute", lambda text: _one_of(text, ATTRIBUTES))
    found = Derived(ATTRIBUTES[name], section.text("by"), section.parsed("bit", _bit, None))
    section.done()
    return found


def _xfam(section: Section) -> tuple[int, int]:
    passes, assumed = _mask(section, "passes", XFAM, ALL), _mask(section, "assumed", XFAM, 0)
    section.done()
    return passes, assumed


def _off(section: Section) -> Off:
    name, attribute = section.text("name"), section.parsed("attribute", lambda text: _one_of(text, ATTRIBUTES))
    found = Off(name, ATTRIBUTES[attribute], section.text("because"))
    section.done()
    return found


def _bit(text: str) -> Field:
    found = Field.parse(text)
    if not found.is_bit:
        raise ValueError(f"{text!r} is not a single bit")
    return found


def _refused(top: Section, because: dict[Field, str]) -> dict[Leaf, int]:
    out: dict[Leaf, int] = {}
    for section in top.tables("refused"):
        for bit in _reasoned(section, because):
            out[bit.leaf] = out.get(bit.leaf, 0) | bit.mask
        section.done()
    return out


def _forced(top: Section, because: dict[Field, str]) -> dict[Leaf, tuple[int, int]]:
    out: dict[Leaf, tuple[int, int]] = {}
    for section in top.tables("forced"):
        ones = section.number("value", 0, 1)
        for bit in _reasoned(section, because):
            value, mask = out.get(bit.leaf, (0, 0))
            out[bit.leaf] = value | bit.mask * ones, mask | bit.mask
        section.done()
    return out


def _reasoned(section: Section, because: dict[Field, str]) -> tuple[Field, ...]:
    bits, reason = section.parsed_list("bits", _bit, required=True), section.text("because")
    because.update(dict.fromkeys(bits, reason))
    return bits


def _numbers(section: Section, key: str) -> tuple[int, ...]:
    numbers = section.take(key, list, [])
    if not all(type(number) is int and 0 <= number <= 0xFF for number in numbers):
        raise section.error(key, "expected a list of whole numbers from 0 to 255")
    return tuple(numbers)


def _tsc(top: Section) -> tuple[int, int] | None:
    if "tsc" not in top:
        return None
    section = top.table("tsc")
    least = section.number("least_mhz", 0, MAX_MHZ)
    found = least, section.number("most_mhz", least, MAX_MHZ)
    section.done()
    return found


def _table(section: Section) -> dict[Leaf, int]:
    """Packed masks by leaf."""
    out = {}
    for key in section:
        leaf, registers = _leaf(section, key), section.table(key)
        out[leaf] = sum(registers.hex(register.key, 32, 0) << register.shift for register in Register)
        registers.done()
    return out


def _leaf(section: Section, key: str) -> Leaf:
    try:
        return Leaf.parse(key)
    except ValueError as error:
        raise section.error(key, str(error)) from None


def _names(section: Section) -> dict[Field, str]:
    """[names]: per register the bits' numbers and names."""
    out: dict[Field, str] = {}
    for key in section:
        try:
            register = Field.parse(key)
        except ValueError as error:
            raise section.error(key, str(error)) from None
        for number, name in section.parsed_list(key, _numbered):
            out[Field.bit(register.leaf, register.register, number)] = name
    return out


def _numbered(text: str) -> tuple[int, str]:
    match = re.fullmatch(r"([0-9]|[12][0-9]|3[01]) (\S+)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a bit's number and a name")
    return int(match[1]), match[2]


def _says(section: Section) -> dict[str, str]:
    """[says]: the VMM's own words."""
    out = {key: section.text(key) for key in ANSWERS if key in section}
    section.done()
    return out
