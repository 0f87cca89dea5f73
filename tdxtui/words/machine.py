"""Clocks, address widths, topology levels and XSAVE areas in a line each."""

from __future__ import annotations

import re
from fractions import Fraction

from tdxtui.strict import shown
from tdxtui.words.compound import Parts, Recipe
from tdxtui.words.numbers import amount, counted
from tdxtui.words.table import codec_named

_MHZ = 10**6
_TDX_CRYSTAL = 25 * _MHZ
_RATIO = re.compile(r"([^(]+)(?:\(([0-9,]+)/([0-9,]+) of ([^)]+)\))?")
_NO_WISH = "'tsc_frequency' is no wish for CPUID: modules compute leaf 15 of the TD's own; write tsc_mhz in [td]"


def tsc_frequency(parts: Parts) -> str:
    """``2,600 MHz (104/1 of 25 MHz)``: crystal * EBX / EAX (SDM, CPUID leaf 15); empty if that isn't enumerated."""
    above, below, crystal = parts["tsc_numerator"], parts["tsc_denominator"], parts["cpu_crystal_hz"]
    if not above or not below:
        return ""
    if not crystal:
        return f"{above:,}/{below:,} of a crystal whose frequency isn't told"
    return f"{_megahertz(Fraction(crystal * above, below))} ({above:,}/{below:,} of {_megahertz(Fraction(crystal))})"


def write_tsc_frequency(text: str) -> Parts:
    """Leaf 15 for ``2,600 MHz (104/1 of 25 MHz)``, or as TDX modules write a frequency alone: a multiple of 25 MHz."""
    try:
        return _leaf_15(text)
    except (ValueError, ZeroDivisionError):
        expected = "a multiple of 25 MHz such as '2600 MHz', or has its ratio as in '2592 MHz (216/2 of 24 MHz)'"
        raise ValueError(f"'tsc_frequency' is {expected}, not {shown(repr(text), 40)}") from None


def _leaf_15(text: str) -> Parts:
    match = _RATIO.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    above, below, crystal = (match[2] or "0", match[3] or "1", match[4] or "25 MHz")
    given = Fraction(_hertz(match[1]))
    number = amount(above) if match[2] else int(given / _TDX_CRYSTAL)
    parts = {"tsc_denominator": amount(below), "tsc_numerator": number, "cpu_crystal_hz": _hertz(crystal)}
    exact = Fraction(parts["cpu_crystal_hz"] * number, parts["tsc_denominator"])
    if not number or max(parts.values()) >> 32 or abs(exact - given) > (1 if match[2] else 0):
        raise ValueError(text)
    return parts


def _hertz(text: str) -> int:
    return amount(text if re.search("[hH][zZ]", text) else f"{text.strip()} MHz", "Hz")


def _megahertz(hertz: Fraction) -> str:
    """MHz to the Hz: ``2,600 MHz``, ``38.4 MHz``."""
    whole, rest = divmod(round(hertz), _MHZ)
    return f"{whole:,}" + f".{rest:06d}".rstrip("0").rstrip(".") + " MHz"


def frequencies(parts: Parts) -> str:
    """``base 2,600 MHz, at most 4,800 MHz, bus 100 MHz``: of the brand, not of now (SDM, CPUID leaf 16)."""
    if not any(parts.values()):
        return ""
    return f"base {parts['cpu_base_mhz']:,} MHz, at most {parts['cpu_max_mhz']:,} MHz, bus {parts['bus_mhz']:,} MHz"


def address_widths(parts: Parts) -> str:
    """``52-bit physical, 57-bit linear`` (SDM, CPUID leaf 80000008), and a guest's own width if there is one."""
    guest = f", {parts['guest_phys_addr_bits']}-bit guest-physical" if parts["guest_phys_addr_bits"] else ""
    return f"{parts['phys_addr_bits']}-bit physical, {parts['virt_addr_bits']}-bit linear{guest}"


def topology_level(parts: Parts) -> str:
    """``core level, shift 7, 40 logical processors`` (SDM, CPUID leaf 1F); ``no level`` if the type is invalid."""
    if not parts["type"]:
        return "no level"
    kind = codec_named("topo2_type", 8).decode(parts["type"])
    return f"{kind} level, shift {parts['shift']}, {counted(parts['lcpus'], 'logical processors')}"


def xsave_area(parts: Parts) -> str:
    """``2,696 bytes now, 11,008 bytes at most``: of XCR0 as it is, and of all it may be (SDM, CPUID leaf D)."""
    return f"{counted(parts['xcr0'], 'bytes')} now, {counted(parts['max'], 'bytes')} at most"


def xsave_compacted(parts: Parts) -> str:
    """``10,880 bytes compacted``: of XCR0 and IA32_XSS as they are."""
    return f"{counted(parts['xcr0_xss'], 'bytes')} compacted"


def xsave_component(parts: Parts) -> str:
    """``256 bytes at offset 576``, or ``16 bytes, supervisor``; empty for a component that there isn't."""
    if not parts["size"]:
        return ""
    place = ", supervisor" if parts["supervisor"] else f" at offset {parts['offset']:,}"
    return f"{counted(parts['size'], 'bytes')}{place}"


_LEVEL = ("type", "shift", "lcpus")
RECIPES = (
    Recipe(
        "tsc_frequency", 0x15, ("tsc_denominator", "tsc_numerator", "cpu_crystal_hz"), tsc_frequency,
        write_tsc_frequency, line="TSC {}", refusal=_NO_WISH,
    ),
    Recipe("frequencies", 0x16, ("cpu_base_mhz", "cpu_max_mhz", "bus_mhz"), frequencies),
    Recipe(
        "address_widths", 0x80000008, ("phys_addr_bits", "virt_addr_bits", "guest_phys_addr_bits"), address_widths,
    ),
    Recipe("topology_level", 0xB, _LEVEL, topology_level, prefix="topo_"),
    Recipe("topology2_level", 0x1F, _LEVEL, topology_level, prefix="topo2_"),
    Recipe("xsave_area", 0xD, ("xcr0", "max"), xsave_area, prefix="xsave_sz_", line="XSAVE area {}"),
    Recipe("xsave_compacted", 0xD, ("xcr0_xss",), xsave_compacted, prefix="xsave_sz_", line="XSAVE area {}"),
    Recipe("xsave_component", 0xD, ("size", "offset", "supervisor"), xsave_component, prefix="xsave_"),
)
