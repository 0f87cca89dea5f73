"""The vCPU model as a TOML document: read and check it (pydantic), write it, save it without losing anything.

pydantic costs more to import than all the rest of a start, so it comes with the first model that is read.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tdxtui import catalog
from tdxtui.cpuid import WORD, Field, Leaf, Register
from tdxtui.errors import DataError, TdxtuiError
from tdxtui.model import VcpuModel
from tdxtui.strict import MAX_MESSAGE, data_error, parse_hex, parse_toml, quoted, read_text, shown, unknown
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM, names_of

FORMAT = 1


def load(path: Path) -> VcpuModel:
    """The model of a file; DataError says file, key and what was expected."""
    return parse(read_text(path), str(path), path.stem)


def parse(text: str, source: str, name: str = "unnamed") -> VcpuModel:
    """The model of a document's text; `name` is the model's if the document gives none."""
    data = parse_toml(text, source)
    validate(data, source)
    return _build(data, source, name)


def load_fast(path: Path) -> VcpuModel:
    """As `load`, but for what only pydantic finds: for a first look, to be followed by `validate_file`."""
    data = parse_toml(read_text(path), str(path))
    try:
        model = _build(data, str(path), path.stem)
    except (AttributeError, TypeError, KeyError, ValueError, DataError):
        validate(data, str(path))
        raise
    if not _is_sound(model):
        validate(data, str(path))
    return model


def _is_sound(model: VcpuModel) -> bool:
    """Whether a model's plain values have the types that the computation and the screen rely on."""
    texts = model.name, model.description, model.module, model.platform
    numbers = model.tsc_mhz, model.max_vcpus, model.num_l2_vms
    return all(isinstance(text, str) for text in texts) and all(type(number) is int for number in numbers)


def validate_file(path: Path) -> None:
    """Check a model file's shape; DataError for the first thing that is wrong."""
    validate(parse_toml(read_text(path), str(path)), str(path))


def validate(data: dict[str, Any], source: str) -> None:
    """Check a document's shape with pydantic."""
    from tdxtui.model_schema import check

    check(data, source)


def _build(data: dict[str, Any], source: str, name: str) -> VcpuModel:
    td = data.get("td", {})
    capabilities = td.get("arch_capabilities")
    return VcpuModel(
        name=data.get("name") or name,
        description=data.get("description", ""),
        module=data.get("module", ""),
        platform=data.get("platform", ""),
        attributes=_bits(td.get("attributes", ()), ATTRIBUTES, source, "td.attributes"),
        xfam=_bits(td.get("xfam", ("X87", "SSE")), XFAM, source, "td.xfam"),
        config_flags=_bits(td.get("config_flags", ()), CONFIG_FLAGS, source, "td.config_flags"),
        tsc_mhz=td.get("tsc_mhz", 2000),
        max_vcpus=td.get("max_vcpus", 1),
        num_l2_vms=td.get("num_l2_vms", 0),
        arch_capabilities=None if capabilities is None else int(capabilities, 16),
        wishes=_wishes(data.get("features", {}), data.get("registers", {}), source),
    )


def _bits(names: Sequence[str], known: Mapping[str, int], source: str, where: str) -> int:
    """The mask of a list of names, in any case of letters; ``bit 45`` is a bit without a name (`td.names_of`)."""
    mask = 0
    for number, name in enumerate(names):
        unnamed = re.fullmatch(r"bit ([0-9]|[1-5][0-9]|6[0-3])", name)
        if not unnamed and name.upper() not in known:
            raise data_error(source, f"{where}[{number}]", unknown(name, known))
        mask |= 1 << int(unnamed[1]) if unnamed else known[name.upper()]
    return mask


def _wishes(features: dict[str, bool], registers: dict[str, Any], source: str) -> dict[Leaf, tuple[int, int]]:
    wishes: dict[Leaf, tuple[int, int]] = {}
    for name, wanted in features.items():
        where = f"features.{quoted(name)}"
        field = _feature(name, source, where)
        _add(wishes, field.leaf, field.put(0, int(wanted)), field.mask, source, where)
    for key, wish in registers.items():
        where = f"registers.{quoted(key)}"
        field = _register_field(key, source, where)
        value, mask = _masked(field, wish, source, where)
        _add(wishes, field.leaf, value << field.shift, mask << field.shift, source, where)
    return wishes


def _add(wishes: dict[Leaf, tuple[int, int]], leaf: Leaf, value: int, mask: int, source: str, where: str) -> None:
    old, old_mask = wishes.get(leaf, (0, 0))
    if (old ^ value) & mask & old_mask:
        raise data_error(source, where, "contradicts another wish of this file for the same bits")
    wishes[leaf] = old | value, old_mask | mask


def _feature(name: str, source: str, where: str) -> Field:
    try:
        field = catalog.find(name)
    except ValueError as error:
        raise data_error(source, where, str(error)) from None
    if not field.is_bit:
        raise data_error(source, where, f'is a field of {field.width} bits; wish it as registers."{field.key}"')
    return _module_leaf(field)


def _register_field(key: str, source: str, where: str) -> Field:
    try:
        return _module_leaf(Field.parse(key))
    except ValueError as error:
        raise data_error(source, where, str(error)) from None


def _module_leaf(field: Field) -> Field:
    """The field as modules write it: with or without sub-leaf 0."""
    if field.leaf.subleaf in (None, 0) and catalog.title(field.leaf):
        subleaf = 0 if catalog.has_subleaves(field.leaf.leaf) else None
        return field._replace(leaf=Leaf(field.leaf.leaf, subleaf))
    return field


def _masked(field: Field, wish: Any, source: str, where: str) -> tuple[int, int]:
    """The value and mask of a wish, relative to its field."""
    value_text, mask_text = (wish, None) if isinstance(wish, str) else (wish["value"], wish["mask"])
    full = (1 << field.width) - 1
    try:
        value = parse_hex(value_text, field.width)
        mask = full if mask_text is None else parse_hex(mask_text, field.width)
    except ValueError as error:
        raise data_error(source, where, str(error)) from None
    if value & ~mask:
        raise data_error(source, where, f"the value has bits {value & ~mask:#x} outside its mask")
    return value, mask


def document(model: VcpuModel) -> dict[str, Any]:
    """The model as a plain document, ready for TOML."""
    td: dict[str, Any] = {
        "attributes": names_of(model.attributes, ATTRIBUTES),
        "xfam": names_of(model.xfam, XFAM),
        "config_flags": names_of(model.config_flags, CONFIG_FLAGS),
        "tsc_mhz": model.tsc_mhz,
        "max_vcpus": model.max_vcpus,
        "num_l2_vms": model.num_l2_vms,
    }
    if model.arch_capabilities is not None:
        td["arch_capabilities"] = f"{model.arch_capabilities:#x}"
    top: dict[str, Any] = {"format": FORMAT, "name": model.name}
    optional = {"description": model.description, "module": model.module, "platform": model.platform}
    top |= {key: value for key, value in optional.items() if value}
    features, registers = _named_wishes(model)
    return top | {"td": td, "features": features, "registers": registers}


def _named_wishes(model: VcpuModel) -> tuple[dict[str, bool], dict[str, str]]:
    features: dict[str, bool] = {}
    registers: dict[str, str] = {}
    for leaf in sorted(model.wishes, key=lambda leaf: (leaf.leaf, leaf.subleaf or 0)):
        value, mask = model.wishes[leaf]
        for register in Register:
            word, rest = value >> register.shift & WORD, mask >> register.shift & WORD
            named = [] if rest == WORD else _features(leaf, register, rest)
            for name, bit in named:
                features[name] = bool(word >> bit & 1)
                rest &= ~(1 << bit)
            if rest:
                registers |= _register_wishes(leaf, register, word, rest)
    return features, registers


def _features(leaf: Leaf, register: Register, mask: int) -> list[tuple[str, int]]:
    """The wished bits of a register that have a feature name of their own, low bit first."""
    out = []
    for number in range(32):
        if not mask >> number & 1:
            continue
        bit = Field.bit(leaf, register, number)
        named = catalog.named_at(bit)
        if named and named.field.is_bit and _is_feature(named) and _means(named.name, bit):
            out.append((named.name, number))
    return out


def _is_feature(named: catalog.Named) -> bool:
    """Whether a tool knows the bit by name as a feature; a detail of a cache or counter is better written as a bit."""
    return bool(named.qemu or named.libvirt or named.linux or named.x86_feature)


def _means(name: str, bit: Field) -> bool:
    try:
        return _module_leaf(catalog.find(name)) == bit
    except ValueError:
        return False


def _register_wishes(leaf: Leaf, register: Register, word: int, mask: int) -> dict[str, str]:
    """The wished bits of a register as one wish for each run of neighbours, high bits first."""
    out = {}
    while mask:
        msb = mask.bit_length() - 1
        lsb = (~mask & (1 << msb) - 1).bit_length()
        field = Field(leaf, register, msb, lsb)
        out[field.key] = f"0x{word >> lsb & field.register_mask >> lsb:0{(field.width + 3) // 4}x}"
        mask &= ~field.register_mask
    return out


def dumps(model: VcpuModel) -> str:
    """The model as TOML text."""
    import tomli_w

    text = tomli_w.dumps(document(model))
    # tomli_w breaks every list into lines; the lists of names read better in one.
    return re.sub(r"\[\n((?:    .*,\n)*)\]", lambda match: "[" + _one_line(match[1]) + "]", text)


def _one_line(items: str) -> str:
    return ", ".join(line.strip().rstrip(",") for line in items.splitlines())


def save(model: VcpuModel, path: Path) -> None:
    """Write the model to a file: whole or not at all, the file's previous content kept beside it as ``.bak``.

    Raises TdxtuiError if it can't be written; the file then is as it was.
    """
    write_atomically(path, dumps(model).encode())


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file's content, keeping the previous one as ``.bak``; TdxtuiError leaves the file as it was."""
    try:
        target = Path(os.path.realpath(path))
        if target.exists():
            if not target.is_file():
                raise OSError("it is no ordinary file")
            _put(target.read_bytes(), target.with_name(target.name + ".bak"), like=target)
        _put(data, target, like=target)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TdxtuiError(f"{shown(str(path), MAX_MESSAGE)}: can't be saved: {reason}") from None


def _put(data: bytes, target: Path, like: Path) -> None:
    """Write a file beside the target and move it there."""
    import tempfile  # only a save needs it, and what it imports

    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        new = Path(file.name)
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            new.chmod(_mode(like))
            new.replace(target)
        except BaseException:
            new.unlink(missing_ok=True)
            raise


def _mode(like: Path) -> int:
    """A file's permissions, or those that a new file gets here."""
    if like.exists():
        return stat.S_IMODE(like.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
