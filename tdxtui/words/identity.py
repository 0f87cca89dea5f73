"""Who the CPU says it is: family, model and stepping, vendor, brand."""

from __future__ import annotations

import re

from tdxtui.strict import shown
from tdxtui.words.compound import Parts, Recipe, Writer

_EXTENDED_FAMILY = 0xF
_EXTENDED_MODELS = (0x6, 0xF)
_LARGEST_FAMILY = 0xF + 0xFF
_SHORT = re.compile(r"\s*([0-9]{1,3})\s*/\s*([0-9]{1,3})\s*/\s*([0-9]{1,2})\s*")


def family(parts: Parts) -> str:
    """The display family: the base family, plus the extended one if that is 15 (SDM, CPUID leaf 1)."""
    return str(_family(parts))


def model(parts: Parts) -> str:
    """The display model: families 6 and 15 add the extended model as the high digit (SDM, CPUID leaf 1).

    Without a family it is read as theirs.
    """
    return str(_model(parts))


def family_model_stepping(parts: Parts) -> str:
    """``6/143/8``: display family, display model and stepping, decimal."""
    return f"{_family(parts)}/{_model(parts)}/{parts['stepping']}"


def _family(parts: Parts) -> int:
    base = parts["base_family"]
    return base + parts["ext_family"] if base == _EXTENDED_FAMILY else base


def _model(parts: Parts) -> int:
    base_family = parts.get("base_family", _EXTENDED_MODELS[0])
    extended = parts["ext_model"] << 4 if base_family in _EXTENDED_MODELS else 0
    return extended | parts["base_model"]


def write_family(text: str) -> Parts:
    """Base and extended family for a decimal display family; ValueError if there is none."""
    return _family_parts(_number("family", text, _LARGEST_FAMILY))


def write_model(text: str) -> Parts:
    """Base and extended model for a decimal display model; only families 6 and 15 show one above 15."""
    return _model_parts(_number("model", text, 0xFF))


def write_family_model_stepping(text: str) -> Parts:
    """Every field of 1.EAX for ``6/143/8``, the processor type being original; ValueError for any other text."""
    match = _SHORT.fullmatch(text)
    number, model_number, stepping = map(int, match.groups()) if match else (0, 0x100, 0)
    parts = {"cpu_type": 0, "stepping": stepping, **_family_parts(number), **_model_parts(model_number)}
    few_models = parts["base_family"] not in _EXTENDED_MODELS
    if number > _LARGEST_FAMILY or model_number > (0xF if few_models else 0xFF) or stepping > 0xF:
        example = "family, model and stepping in decimal, such as '6/143/8'"
        raise ValueError(f"'family_model_stepping' is {example}, not {shown(repr(text), 40)}")
    return parts


def _family_parts(number: int) -> dict[str, int]:
    base = min(number, _EXTENDED_FAMILY)
    return {"base_family": base, "ext_family": number - base}


def _model_parts(number: int) -> dict[str, int]:
    return {"base_model": number & 0xF, "ext_model": number >> 4}


def _number(name: str, text: str, most: int) -> int:
    number = int(text) if re.fullmatch(r"\s*[0-9]{1,9}\s*", text) else most + 1
    if number > most:
        raise ValueError(f"{name!r} is a decimal number from 0 to {most}, not {shown(repr(text), 40)}")
    return number


def string(parts: Parts) -> str:
    """The characters of registers one after the other, up to a NUL; a dot for what can't be printed."""
    data = b"".join(value.to_bytes(4, "little") for value in parts.values()).split(b"\0")[0]
    return "".join(char if char.isascii() and char.isprintable() else "." for char in data.decode("latin-1")).strip()


def string_writer(name: str, registers: tuple[str, ...], fill: bytes, most: int) -> Writer:
    """What puts at most so many characters into registers, the rest being filled."""

    def write(text: str) -> Parts:
        if len(text) > most or not (text.isascii() and text.isprintable()):
            raise ValueError(f"{name!r} is at most {most} printable ASCII characters, not {shown(repr(text), 40)}")
        data = text.encode().ljust(4 * len(registers), fill)
        return {key: int.from_bytes(data[4 * n : 4 * n + 4], "little") for n, key in enumerate(registers)}

    return write




def _strings(name: str, leaf: int, registers: tuple[str, ...]) -> Recipe:
    writer = string_writer(name, registers, b" ", 12)
    return Recipe(name, leaf, registers, string, writer, line=f"{name.replace('_', ' ')} {{}}", whole=True)


_FMS = ("base_family", "ext_family", "base_model", "ext_model", "stepping", "cpu_type")
_MODEL = ("base_model", "ext_model", "base_family")
_BRAND = tuple(f"brand_string_{number}" for number in range(12))
RECIPES = (
    Recipe(
        "family_model_stepping", 1, _FMS, family_model_stepping, write_family_model_stepping,
        line="family/model/stepping {}", whole=True,
    ),
    Recipe("family", 1, _FMS[:2], family, write_family, line=""),
    Recipe("model", 1, _MODEL, model, write_model, line="", optional=_MODEL[2:]),
    _strings("vendor", 0, ("cpu_vendorid_0", "cpu_vendorid_1", "cpu_vendorid_2")),
    _strings("tdx_vendor", 0x21, ("tdx_vendorid_0", "tdx_vendorid_1", "tdx_vendorid_2")),
    Recipe(
        "brand", 0x80000002, _BRAND, string, string_writer("brand", _BRAND, b"\0", 47), line="brand {}",
        optional=_BRAND[1:],
    ),
)
