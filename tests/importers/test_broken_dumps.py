"""Broken files: one line that says what is wrong, where, and what was expected; no format raises anything else."""

from __future__ import annotations

import json
import resource
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest

from tdxtui import importers
from tdxtui.importers import ImportFailed

from . import samples


def error_of(data: bytes, format: str | None = None) -> str:
    """What importing says, which must be one line that isn't long."""
    with pytest.raises(ImportFailed) as caught:
        importers.read(data, "box", format)
    text = str(caught.value)
    assert "\n" not in text and len(text) < 330 and text.startswith("box: ")
    return text.removeprefix("box: ")


def changed(data: bytes, *pairs: tuple[str, str]) -> bytes:
    """A text with its first occurrence of each old part replaced."""
    for old, new in pairs:
        assert old.encode() in data
        data = data.replace(old.encode(), new.encode(), 1)
    return data


EOL = b"\n"
CPUID_R, INSTLATX64, KCPUID, CPUDATA = samples.cpuid_r(), samples.instlatx64(), samples.kcpuid(), samples.cpudata()
R_EXPECTED = "expected 0xLEAF 0xSUBLEAF: eax=0x... ebx=0x... ecx=0x... edx=0x..., found "
I_EXPECTED = "expected CPUID LEAF: EAX-EBX-ECX-EDX [SL nn] or MSR ADDRESS: four groups of 4 hex digits, found "
K_EXPECTED = "expected 0xLEAF: EAX=0x..., EBX=0x..., ECX=0x..., EDX=0x... or 0xLEAF: subleafs:, found "

TEXTS = [
    ("cpuid-r", CPUID_R[:200], f"line 4: {R_EXPECTED}'0x000000"),
    ("cpuid-r", changed(CPUID_R, ("eax=0x00000024", "eax=0x0000002g")),
     f"line 2: {R_EXPECTED}'0x00000000 0x00: eax=0x0000002g ebx=0x75'"),
    ("cpuid-r", changed(CPUID_R, ("0x00000001 0x00:", "0x00000001:")),
     f"line 3: {R_EXPECTED}'0x00000001: eax=0x000a06d1 ebx=0x0080080'"),
    ("cpuid-r", changed(CPUID_R, ("CPU:", "CPU 1\x00:")), f"line 1: {R_EXPECTED}'CPU 1\\x00:'"),
    ("cpuid-r", changed(CPUID_R, ("CPU:\n", "CPU:\nnonsense\n")), f"line 2: {R_EXPECTED}'nonsense'"),
    ("cpuid-r", CPUID_R + b"   0x00000000 0x00: eax=0x00000001 ebx=0x00000001 ecx=0x00000001 edx=0x00000001\n",
     f"line {CPUID_R.count(EOL) + 1}: has leaf 0.0 a second time, with another value"),
    ("cpuid-r", CPUID_R.replace(b"   0x00000000 0x00", b"   0x00000030 0x00"),
     "has no CPUID leaf 0, from which every dump begins"),
    ("cpuid-r", b"CPU:\n", "has no CPUID leaf 0, from which every dump begins"),
    ("cpuid-r", changed(CPUID_R, ("0x00000001 0x00", "0x100000001 0x00")), f"line 3: {R_EXPECTED}'0x100000001 0x00"),
    ("instlatx64", INSTLATX64[:240], f"line 7: {I_EXPECTED}'CPUID 00000002: 00FEFF01-00000'"),
    ("instlatx64", changed(INSTLATX64, ("[SL 01]", "[SL 0G]"), ("CPUID 00000001: 0", "CPUID 00000001: G")),
     f"line 6: {I_EXPECTED}'CPUID 00000001: G00A06D1-00800'"),
    ("instlatx64", changed(INSTLATX64, ("CPUID 00000002: ", "CPUID 2: ")), f"line 7: {I_EXPECTED}'CPUID 2: 00FEFF01"),
    ("instlatx64", changed(INSTLATX64, ("CPUID 00000001: 000A06D1", "CPUID 00000000: 000A06D1")),
     "line 6: has leaf 0 a second time, with another value"),
    ("instlatx64", changed(INSTLATX64, ("MSR 0000010A: 0000-", "MSR 0000010A: 0-")),
     f"line {INSTLATX64.partition(b'MSR 0000010A')[0].count(EOL) + 1}: {I_EXPECTED}'MSR 0000010A: 0-0000-2DA9-FDEB'"),
    ("instlatx64", INSTLATX64.replace(b"CPUID 00000000:", b"CPUID 00000030:"), "has no CPUID leaf 0"),
    ("instlatx64", INSTLATX64[INSTLATX64.index(b"------[ MSR"):], "has no CPUID leaf 0"),
    ("instlatx64", b"nothing of it", "has no CPUID leaf 0"),
    ("kcpuid", KCPUID[:100], f"line 3: {K_EXPECTED}'0x00000000: EAX=0x00000024, EB'"),
    ("kcpuid", changed(KCPUID, ("EAX=0x00000024", "EAX=0x24")), f"line 3: {K_EXPECTED}'0x00000000: EAX=0x24, EB"),
    ("kcpuid", changed(KCPUID, ("0x00000004: subleafs:\n", "")), "line 6: has a sub-leaf without a leaf before it"),
    ("kcpuid", changed(KCPUID, ("0x00000002:", "0x00000001:")), "line 5: has leaf 1 a second time, with another value"),
    ("kcpuid", changed(KCPUID, ("================", "no header")), f"line 2: {K_EXPECTED}'no header'"),
    ("kcpuid", changed(KCPUID, ("  1: EAX", "  x: EAX")), f"line 8: {K_EXPECTED}'x: EAX=0x"),
    ("kcpuid", KCPUID.replace(b"0x00000000:", b"0x00000030:"), "has no CPUID leaf 0"),
    ("kcpuid", b"Standard Leafs :\n", "has no CPUID leaf 0"),
    ("kcpuid-flags", b"CPU features:\n====\n\tavx\nhello\n", "line 4: expected a flag's name, or a name and : 0x..."),
    ("kcpuid-flags", b"CPU features:\n====\n\tavx \t: 0x1\n", "has no flag of CPUID that is known"),
    ("kcpuid-flags", b"CPU features:\n====\n\tno_such_thing\n", "has no flag of CPUID that is known"),
    ("libvirt-cpudata", CPUDATA[:120], "line 3: is not XML: unclosed token"),
    ("libvirt-cpudata", changed(CPUDATA, ("arch='x86'", "arch='s390x'")), "line 2: expected arch='x86', found 's390x'"),
    ("libvirt-cpudata", changed(CPUDATA, ("eax_in='0x00000000'", "eax_in='0'")),
     "line 3: eax_in: '0' is not a hex number; write 0x and hex digits"),
    ("libvirt-cpudata", changed(CPUDATA, ("eax_in='0x00000000' ", "")), "line 3: eax_in: '' is not a hex number"),
    ("libvirt-cpudata", changed(CPUDATA, ("<cpuid eax_in", "<cpuie eax_in")), "line 3: expected <cpuid> or <msr>"),
    ("libvirt-cpudata", changed(CPUDATA, ("eax_in='0x00000001'", "eax_in='0x00000000'")),
     "line 4: has leaf 0.0 a second time"),
    ("libvirt-cpudata", b"<cpu><cpudata/></cpu>", "line 1: expected <cpudata>, found <cpu>"),
    ("libvirt-cpudata", b"<cpudata/>", "has no CPUID leaf 0"),
    ("libvirt-cpudata", b"<?xml version='1.0' encoding='nonsense'?><cpudata/>", "line 1: is not XML"),
]


@pytest.mark.parametrize(("format", "data", "expected"), TEXTS)
def test_a_broken_text_names_line_and_what_was_expected(format: str, data: bytes, expected: str) -> None:
    assert error_of(data, format).startswith(expected)


def fingerprint(edit: Callable[[Any], Any]) -> bytes:
    whole = json.loads(samples.fingerprint())
    edit(whole["guest_cpu_config"])
    return json.dumps(whole).encode()


FINGERPRINTS = [
    (lambda c: c.pop("cpuid_modifiers"), "CONFIG: lacks 'cpuid_modifiers'"),
    (lambda c: c.update(cpuid_modifiers={}), "CONFIG.cpuid_modifiers: expected a list, found an object"),
    (lambda c: c["cpuid_modifiers"].insert(1, 7), "CONFIG.cpuid_modifiers[1]: expected an object, found a whole"),
    (lambda c: c["cpuid_modifiers"][0].update(leaf="7"), "CONFIG.cpuid_modifiers[0].leaf: '7' is not a hex"),
    (lambda c: c["cpuid_modifiers"][0].update(flags=True), "CONFIG.cpuid_modifiers[0].flags: expected a whole"),
    (lambda c: c["cpuid_modifiers"][0].update(modifiers=[{}]), "CONFIG.cpuid_modifiers[0].modifiers[0]: lacks"),
    (lambda c: c["cpuid_modifiers"][0]["modifiers"][0].update(register="eex"),
     "CONFIG.cpuid_modifiers[0].modifiers[0]: 'eex' is not a register"),
    (lambda c: c["cpuid_modifiers"][0]["modifiers"][0].update(bitmap="0b" + "x" * 32),
     "CONFIG.cpuid_modifiers[0].modifiers[0].bitmap: expected 0b and 32 digits"),
    (lambda c: c["msr_modifiers"][0].update(bitmap="0b1"), "CONFIG.msr_modifiers[0].bitmap: expected 0b and 64"),
    (lambda c: c["cpuid_modifiers"][1].update(leaf="0x0"), "CONFIG.cpuid_modifiers[1]: has leaf 0 a second"),
    (lambda c: c.update(msr_modifiers=5), "CONFIG.msr_modifiers: expected a list"),
]


@pytest.mark.parametrize(("edit", "expected"), FINGERPRINTS)
def test_a_broken_fingerprint_names_the_way_to_the_mistake(edit: Callable[[Any], Any], expected: str) -> None:
    found = error_of(fingerprint(edit), "firecracker-fingerprint")
    assert found.replace("guest_cpu_config", "CONFIG").startswith(expected)


JSONS = [
    (b"[", "line 1 column 2: is not JSON: Expecting value"),
    (b'{"cpuid": 7}', "cpuid: expected an object of leaves or a list of them"),
    (b'{"cpuid": {"7.z": ""}}', "cpuid: '7.z' is not a leaf"),
    (b'{"cpuid": {"7.0": "00"}}', "cpuid.7.0: expected 32 hex digits"),
    (b'{"cpuid": {"7.0": {"eax": 0}}}', "cpuid.7.0: lacks ebx, ecx, edx"),
    (b'{"cpuid": {"7.0": {"eax": -1, "ebx": 0, "ecx": 0, "edx": 0}}}', "cpuid.7.0.eax: expected a number of 32 bits"),
    (b'{"cpuid": {"7.0": {"eax": 1.5, "ebx": 0, "ecx": 0, "edx": 0}}}', "cpuid.7.0.eax: expected a number of 32 bits"),
    (b'{"cpuid": {}, "msr": []}', "msr: expected an object of MSRs"),
    (b'{"cpuid": {}, "msr": {"10a": "0x10000000000000000"}}', "msr.10a: expected a number of 64 bits"),
    (b"[1]", '[0]: expected an object with "leaf"'),
    (b'[{"eax": 0, "ebx": 0, "ecx": 0, "edx": 0}]', "[0].leaf: expected a number"),
    (b"{}", "has no CPUID leaf 0"),
    (b"7", "expected an object of leaves or a list of them"),
    (b"\xff\xfe{", "byte 0: is not UTF-8 text"),
    (b'{"cpuid": ' + b"[" * 100000, "is nested too deeply"),
    (b"[" + b"9" * 10000 + b"]", "has a number of thousands of digits"),
]


@pytest.mark.parametrize(("data", "expected"), JSONS)
def test_broken_json_names_the_way_to_the_mistake(data: bytes, expected: str) -> None:
    assert error_of(data, "cpuid-json").startswith(expected)


ENTRIES, CAPS, COUNT = samples.kvm_cpuid2(), samples.kvm_capabilities(), len(samples.HOST)
BINARIES = [
    ("kvm-cpuid2", ENTRIES[:5], "byte 5: ends within the header of kvm_cpuid2 (at byte 0)"),
    ("kvm-cpuid2", ENTRIES[:-1], f"byte {len(ENTRIES) - 1}: ends within its entries; {COUNT} of"),
    ("kvm-cpuid2", ENTRIES + b"\1", f"byte {len(ENTRIES)}: goes on after its {COUNT} entries"),
    ("kvm-cpuid2", b"\0" * 8, "byte 0: expected a count of 1 to 256 and 4 zero bytes, found 0x0 and 0x0"),
    ("kvm-cpuid2", struct.pack("<2I", 257, 0) + b"\0" * 40 * 257, "byte 0: expected a count of 1 to 256"),
    ("kvm-cpuid2", struct.pack("<2I", COUNT, 1) + ENTRIES[8:], "byte 0: expected a count of 1 to 256 and 4 zero"),
    ("kvm-cpuid2", ENTRIES[:16] + b"\xff" + ENTRIES[17:], "byte 16: expected flags of an entry (at most 7)"),
    ("kvm-cpuid2", struct.pack("<2I", 2, 0) + ENTRIES[8:48] * 2, "byte 48: has leaf 0 a second time"),
    ("kvm-tdx-capabilities", CAPS[:2000], "byte 2000: ends too early: kvm_tdx_capabilities has 2056 bytes"),
    ("kvm-tdx-capabilities", CAPS[:-1], f"byte {len(CAPS) - 1}: ends within its entries"),
    ("kvm-tdx-capabilities", CAPS[:100] + b"\1" + CAPS[101:], "byte 100: expected zero, which is reserved there"),
    ("kvm-tdx-capabilities", CAPS + b"\0\1", f"byte {len(CAPS)}: goes on after its 3 entries"),
]


@pytest.mark.parametrize(("format", "data", "expected"), BINARIES)
def test_a_broken_binary_names_the_offset(format: str, data: bytes, expected: str) -> None:
    assert error_of(data, format).startswith(expected)


def test_a_struct_may_be_followed_by_the_zeros_of_its_buffer() -> None:
    assert importers.read(ENTRIES + b"\0" * 400, "box").format == "kvm-cpuid2"


BOMB = b"<!DOCTYPE a [<!ENTITY x 'xxxxxxxxxx'>" + b"".join(
    b"<!ENTITY x%d '%s'>" % (n, b"&x%d;" % (n - 1) * 10 if n else b"&x;" * 10) for n in range(9)
) + b"]><cpudata>&x8;</cpudata>"

HOSTILE = {
    "empty": (b"", None, "is empty"),
    "zeros": (b"\0" * (8 << 20), None, "is only zero bytes; tdxtui import --list"),
    "too large": (b"\0" * ((8 << 20) + 1), None, "is larger than 8 MiB; that is no file of a known kind"),
    "binary garbage": (bytes(range(256)) * 4096, None, "is of no known kind; tdxtui import --list"),
    "an entity bomb": (BOMB, None, "line 1: has a document type; files of this kind have none"),
    "an external entity": (b"<!DOCTYPE cpudata SYSTEM 'file:///etc/passwd'><cpudata/>", None, "line 1: has a doc"),
    "deep XML": (b"<cpudata>" + b"<a>" * 2_000_000, None, "line 1: is nested more than 100 elements deep"),
    "endless XML": (b"<cpudata>" + b"<a/>" * 2_000_000, None, "line 1: has more than 100000 elements"),
    "deep JSON": (b'{"Leaf": "Virtualization Type", "a":' + b"[" * 390_000, "intel-json", "is nested too deeply"),
    "deep objects": (b'{"a":' * 900 + b"1" + b"}" * 900, "intel-json", ""),
    "endless JSON": (b"[" + b"{}," * 2_000_000 + b"{}]", "cpuid-json", "has more than 400000 values"),
    "endless lines": (b"CPU:\n" + b"\n" * (8 << 20), "cpuid-r", ""),
    "an endless line": (b"CPUID 00000000: " + b"0" * (7 << 20), "instlatx64", "line 1: expected CPUID LEAF"),
    "endless spaces": (b"   0x00000000 0x00:" + b" " * (7 << 20), "cpuid-r", "line 1: expected 0xLEAF 0xSUBLEAF"),
    "blank kcpuid": (b" " * (7 << 20) + b"x", "kcpuid", "line 1: expected 0xLEAF"),
    "a hundred thousand lines": (
        b"CPUID 00000000: 00000000-00000000-00000000-00000000\n" + b"".join(
            b"CPUID %08X: 00000000-00000000-00000000-%08X [SL 00]\n" % (n, n) for n in range(100_000)
        ), None, "",
    ),
    "brackets": (b"CPUID 00000000: 00000000-00000000-00000000-00000000 " + b"[" * (7 << 20), "instlatx64", ""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_end_in_one_line_within_a_second_and_100_mib(name: str) -> None:
    data, format, expected = HOSTILE[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):  # a machine that does other things besides takes longer
        begin, text = time.process_time(), said_of(data, format)
        if (took := time.process_time() - begin) < 1:
            break
    assert took < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10
    assert text.startswith(expected) and "\n" not in text


def said_of(data: bytes, format: str | None) -> str:
    """What reading fails with, "" if it doesn't."""
    try:
        importers.read(data, "box", format)
    except ImportFailed as error:
        return str(error).removeprefix("box: ")
    return ""
