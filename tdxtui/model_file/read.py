"""Read a vCPU model file. pydantic costs more to import than all the rest of a start, so only a full check loads it."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tdxtui.errors import DataError
from tdxtui.migrations import migrated
from tdxtui.model import VcpuModel
from tdxtui.model_file.wishes import merged, wishes_of
from tdxtui.strict import data_error, parse_toml, read_bytes, unknown
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, DIGEST_SIZE, DIGESTS, XFAM

BOM = "\ufeff"
DEFAULT_XFAM = ("X87", "SSE")
_UNNAMED = re.compile(r"bit ([0-9]|[1-5][0-9]|6[0-3])")


def load(path: Path) -> VcpuModel:
    """The model of a file; DataError says file, key and what was expected."""
    return parse(text_of(path), str(path), path.stem)


def parse(text: str, source: str, name: str = "unnamed") -> VcpuModel:
    """The model of a document's text; `name` is the model's if the document gives none."""
    data = document_of(text, source)
    validate(data, source)
    return _build(data, source, name, text)


def load_fast(path: Path) -> VcpuModel:
    """As `load`, but for what only pydantic finds: for a first look, to be followed by `validate_file`."""
    text = text_of(path)
    data = document_of(text, str(path))
    try:
        model = _build(data, str(path), path.stem, text)
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
    validate(document_of(text_of(path), str(path)), str(path))


def validate(data: dict[str, Any], source: str) -> None:
    """Check the shape of a document of the present format with pydantic."""
    from tdxtui.model_schema import check

    check(data, source)


def text_of(path: Path) -> str:
    """A file's text as it is, with its line ends and byte order mark; DataError if it can't be read or is no UTF-8."""
    return decoded(read_bytes(path), str(path))


def decoded(data: bytes, source: str) -> str:
    """The text of some bytes as it is; DataError if they are no UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise data_error(source, f"byte {error.start}", "is not UTF-8 text") from None


def document_of(text: str, source: str) -> dict[str, Any]:
    """A text's document, brought to the present format; DataError if it is no TOML or of a newer one."""
    return migrated(parse_toml(text.removeprefix(BOM), source), source)


def _build(data: dict[str, Any], source: str, name: str, text: str) -> VcpuModel:
    td = data.get("td", {})
    capabilities = td.get("arch_capabilities")
    return VcpuModel(
        name=data.get("name") or name,
        description=data.get("description", ""),
        module=data.get("module", ""),
        platform=data.get("platform", ""),
        attributes=_bits(td.get("attributes", ()), ATTRIBUTES, source, "td.attributes"),
        xfam=_bits(td.get("xfam", DEFAULT_XFAM), XFAM, source, "td.xfam"),
        config_flags=_bits(td.get("config_flags", ()), CONFIG_FLAGS, source, "td.config_flags"),
        tsc_mhz=td.get("tsc_mhz", 2000),
        max_vcpus=td.get("max_vcpus", 1),
        num_l2_vms=td.get("num_l2_vms", 0),
        arch_capabilities=None if capabilities is None else int(capabilities, 16),
        **{key: digest_of(td[key]) for key in DIGESTS if key in td},
        wishes=merged(wishes_of(data, source), source),
        origin=text,
    )


def digest_of(text: str) -> bytes:
    """The 48 bytes of 96 hex digits, or of base64 as QEMU and libvirt write it; ValueError for any other text."""
    found = bytes.fromhex(text) if len(text) == 2 * DIGEST_SIZE else a2b_base64(text, strict_mode=True)
    if len(found) != DIGEST_SIZE:
        raise ValueError(f"expected {DIGEST_SIZE} bytes, found {len(found)}")
    return found


def _bits(names: Sequence[str], known: Mapping[str, int], source: str, where: str) -> int:
    """The mask of a list of names."""
    mask = 0
    for number, name in enumerate(names):
        found = bits_of(name, known)
        if found is None:
            raise data_error(source, f"{where}[{number}]", unknown(name, known))
        mask |= found
    return mask


def bits_of(name: str, known: Mapping[str, int]) -> int | None:
    """The mask of a name in any case of letters; ``bit 45`` is a bit without a name (`td.names_of`). None for none."""
    unnamed = _UNNAMED.fullmatch(name)
    return 1 << int(unnamed[1]) if unnamed else known.get(name.upper())
