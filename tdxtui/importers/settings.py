"""Values that VMMs' configurations write in their own ways: switches, numbers, digests; each error is one line."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

from tdxtui.importers.result import failed
from tdxtui.td import ATTRIBUTES, TSC_UNIT_MHZ

DIGEST_SIZE = 48
MAX_VCPUS = 0xFFFF
MODEL_TSC_MHZ = 100, 10_000
_ON, _OFF = ("on", "yes", "true", "y"), ("off", "no", "false", "n")


def switch(text: object, name: str, where: str) -> bool:
    """On or off, as QEMU and its kin write it."""
    if isinstance(text, bool):
        return text
    if isinstance(text, str) and text.lower() in (*_ON, *_OFF):
        return text.lower() in _ON
    raise failed(name, where, f"expected on or off, found {_found(text)}")


def number(text: object, name: str, where: str, most: int = (1 << 64) - 1, least: int = 0) -> int:
    """A whole number, decimal or 0x hex."""
    value = text if isinstance(text, int) and not isinstance(text, bool) else _parsed(text)
    if value is None or not least <= value <= most:
        raise failed(name, where, f"expected a number from {least} to {most:#x}, found {_found(text)}")
    return value


def _parsed(text: object) -> int | None:
    if not isinstance(text, str) or not re.fullmatch(r"0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20}", text.strip()):
        return None
    word = text.strip()
    return int(word, 16) if word[:2] in ("0x", "0X") else int(word, 10)


def digest(text: object, name: str, where: str) -> bytes:
    """MRCONFIGID and its kin: base64 of 48 bytes."""
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        raise failed(name, where, f"expected base64, found {_found(text)}") from None
    if len(data) != DIGEST_SIZE:
        raise failed(name, where, f"expected {DIGEST_SIZE} bytes (SHA-384) in base64, found {len(data)} bytes")
    return data


def tsc_mhz(hertz: int, notes: list[str]) -> int:
    """A TSC frequency in MHz, rounded to the virtual crystal's 25 MHz where it is none of its multiples."""
    least, most = MODEL_TSC_MHZ
    near = min(max(least, (hertz + 12_500_000) // 25_000_000 * TSC_UNIT_MHZ), most)
    if near * 1_000_000 != hertz:
        must = f"it must be a multiple of 25 MHz from {least} MHz to {most // 1000} GHz"
        notes.append(f"A TSC of {hertz} Hz is refused for a TD: {must}; {near} MHz are taken.")
    return near


def td_object(properties: Mapping[str, object], name: str, where: str, notes: list[str]) -> dict[str, object]:
    """What the properties of QEMU's tdx-guest object say of a TD, by the names of `VcpuModel`."""
    out: dict[str, object] = {"attributes": _attributes(properties, name, where, notes)}
    for key in ("mrconfigid", "mrowner", "mrownerconfig"):
        if key in properties:
            out[key] = digest(properties[key], name, f"{where} {key}")
    return out


def _attributes(properties: Mapping[str, object], name: str, where: str, notes: list[str]) -> int:
    """ATTRIBUTES: SEPT_VE_DISABLE is QEMU's default; a whole value replaces it."""
    septve = ATTRIBUTES["SEPT_VE_DISABLE"]
    value = number(properties.get("attributes", septve), name, f"{where} attributes")
    if "sept-ve-disable" in properties:
        wanted = switch(properties["sept-ve-disable"], name, f"{where} sept-ve-disable")
        if "attributes" in properties and wanted != bool(value & septve):
            notes.append("attributes and sept-ve-disable contradict each other; the latter is taken.")
        value = value | septve if wanted else value & ~septve
    if "debug" in properties and switch(properties["debug"], name, f"{where} debug"):
        value |= ATTRIBUTES["DEBUG"]
        notes.append("debug=on is of older QEMUs made for TDX; today's have attributes=0x1 for it.")
    if not value & septve:
        notes.append("SEPT_VE_DISABLE is off: Linux refuses to boot in such a TD.")
    return value


def _found(text: object) -> str:
    return repr(text[:40]) if isinstance(text, str) else str(text)[:40] or "nothing"
