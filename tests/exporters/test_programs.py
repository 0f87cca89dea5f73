"""Real programs read the exports: C compilers, cpuid, libvirt's schema, QEMU. A test skips where its program isn't."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from tdxtui import exported, library, vmm
from tdxtui.cpuid import Field, Leaf
from tdxtui.exporters import Options, export, export_module
from tdxtui.model import VcpuModel
from tdxtui.td import ATTRIBUTES, XFAM
from tests.exporters import programs
from tests.exporters.models import CONFLICTING, MINIMAL, PRESET, SEPT_VE_DISABLE
from tests.test_web_page import FLAGS

FULL = replace(
    PRESET, name="2 full \\ */ model", mrconfigid=bytes(range(48)), mrowner=bytes(48), mrownerconfig=b"\xff" * 48,
    arch_capabilities=0, platform="sapphire-rapids",
)
MODELS = {"minimal": MINIMAL, "preset": PRESET, "full": FULL}


def text(model: VcpuModel, name: str) -> str:
    found = export(model, name).content
    assert isinstance(found, str)
    return found


# -- C --

MAIN = """
#include <stdio.h>
#include <stddef.h>
#include "model.h"
_Static_assert(sizeof(struct tdxtui_td_params) == 1024, "TD_PARAMS");
_Static_assert(offsetof(struct tdxtui_td_params, max_vcpus) == 16, "max_vcpus");
_Static_assert(offsetof(struct tdxtui_td_params, num_l2_vms) == 18, "num_l2_vms");
_Static_assert(offsetof(struct tdxtui_td_params, msr_config_ctls) == 19, "msr_config_ctls");
_Static_assert(offsetof(struct tdxtui_td_params, eptp_controls) == 24, "eptp_controls");
_Static_assert(offsetof(struct tdxtui_td_params, config_flags) == 32, "config_flags");
_Static_assert(offsetof(struct tdxtui_td_params, tsc_frequency) == 40, "tsc_frequency");
_Static_assert(offsetof(struct tdxtui_td_params, mrconfigid) == 80, "mrconfigid");
_Static_assert(offsetof(struct tdxtui_td_params, mrowner) == 128, "mrowner");
_Static_assert(offsetof(struct tdxtui_td_params, mrownerconfig) == 176, "mrownerconfig");
_Static_assert(offsetof(struct tdxtui_td_params, arch_capabilities_config) == 224, "arch_capabilities_config");
_Static_assert(offsetof(struct tdxtui_td_params, cpuid_config) == 256, "cpuid_config");
_Static_assert(sizeof(struct tdxtui_init_vm) == 256, "init_vm");
_Static_assert(offsetof(struct tdxtui_init_vm, mrconfigid) == 16, "mrconfigid");
_Static_assert(offsetof(struct tdxtui_init_vm, reserved) == 160, "reserved");
_Static_assert(sizeof(TDXTUI_ENTRY) == 40, "entry");
_Static_assert(offsetof(TDXTUI_ENTRY, eax) == 12, "eax");
_Static_assert(offsetof(TDXTUI_ENTRY, padding) == 28, "padding");
static void put(const void *data, size_t size)
{
\tfor (size_t n = 0; n < size; n++)
\t\tprintf("%02x", ((const unsigned char *)data)[n]);
\tprintf("\\n");
}
int main(void)
{
\tput(&NAME_td_params, sizeof(NAME_td_params));
\tput(&NAME_init_vm, sizeof(NAME_init_vm));
\tput(NAME_cpuid_config, sizeof(NAME_cpuid_config));
\tput(NAME_cpuid, sizeof(NAME_cpuid));
\treturn 0;
}
"""
LINUX = """
_Static_assert(offsetof(struct kvm_tdx_init_vm, cpuid) == sizeof(struct tdxtui_init_vm), "cpuid");
_Static_assert(offsetof(struct kvm_tdx_init_vm, mrconfigid) == offsetof(struct tdxtui_init_vm, mrconfigid), "mrc");
_Static_assert(offsetof(struct kvm_tdx_init_vm, mrowner) == offsetof(struct tdxtui_init_vm, mrowner), "mro");
_Static_assert(offsetof(struct kvm_tdx_init_vm, mrownerconfig) == offsetof(struct tdxtui_init_vm, mrownerconfig), "m");
_Static_assert(offsetof(struct kvm_tdx_init_vm, reserved) == offsetof(struct tdxtui_init_vm, reserved), "reserved");
_Static_assert(sizeof(struct kvm_cpuid2) == 8, "kvm_cpuid2");
"""


def printed(model: VcpuModel, folder: Path, before: str, *flags: str, after: str = "") -> list[bytes]:
    source = text(model, "c")
    (folder / "model.h").write_text(source, encoding="utf-8")
    name = re.findall(r"(\w+)_td_params = \{", source)[0]
    lines = programs.compiled(before + MAIN.replace("NAME", name) + after, folder, *flags).splitlines()
    return [bytes.fromhex(line) for line in lines]


def binaries(model: VcpuModel) -> list[bytes]:
    init = export(model, "kvm-tdx-init-vm").data
    return [export(model, "td-params").data, init[:256], init[264:], export(model, "kvm-cpuid2").data[8:]]


@pytest.mark.parametrize("name", MODELS)
def test_a_compiler_makes_the_binary_formats_of_the_header(name: str, tmp_path: Path) -> None:
    assert printed(MODELS[name], tmp_path, "") == binaries(MODELS[name])


def test_the_header_fits_those_of_linux(tmp_path: Path) -> None:
    headers = programs.linux_headers()
    # C of the kernel's headers is gnu C with flexible arrays in structures.
    own = headers / "x86_64-linux-gnu"
    flags = ("-isystem", str(headers), "-isystem", str(own), "-Wno-pedantic")
    assert printed(FULL, tmp_path, "#define TDXTUI_LINUX_KVM\n", *flags, after=LINUX) == binaries(FULL)


def test_the_check_table_compiles_and_holds_in_the_virtual_cpuid(tmp_path: Path) -> None:
    source = text(FULL, "kvm-unit-tests")
    table = re.findall(r"tdxtui_cpuid_check (\w+)\[\]", source)[0]
    main = f"""
#include <stdio.h>
int main(void)
{{
\tfor (size_t n = 0; n < sizeof({table}) / sizeof({table}[0]); n++)
\t\tprintf("%x %x %d %x %x\\n", {table}[n].eax, {table}[n].ecx, {table}[n].reg, {table}[n].mask, {table}[n].value);
\treturn 0;
}}
"""
    td = exported.situation_of(FULL).td
    lines = programs.compiled(f"#include <stddef.h>\n{source}{main}", tmp_path).splitlines()
    assert len(lines) > 200
    for line in lines:
        leaf, subleaf, register, mask, value = (int(word, 16) for word in line.split())
        entry = td.module.entry_for(Leaf(leaf, subleaf))
        assert entry is not None and td.at(entry.leaf) >> 32 * (3 - register) & mask == value


@pytest.mark.parametrize("module", ["1.5.06", "2.0.18"])
def test_the_table_of_fixed_bits_compiles_and_is_the_binary_one(module: str, tmp_path: Path) -> None:
    source = str(export_module(library.module(module), "fixed-bits-c").content)
    name = re.findall(r"tdxtui_fixed_bits (\w+)\[\]", source)[0]
    main = f"""
#include <stdio.h>
int main(void)
{{
\tfor (size_t n = 0; n < sizeof({name}) / sizeof({name}[0]); n++)
\t\tprintf("%x %llx %llx\\n", {name}[n].field, (unsigned long long){name}[n].fixed0,
\t\t       (unsigned long long){name}[n].fixed1);
\treturn 0;
}}
"""
    lines = programs.compiled(f"#include <stddef.h>\n{source}{main}", tmp_path).splitlines()
    data = b"".join(struct.pack("<QQQ", *(int(word, 16) for word in line.split())) for line in lines)
    assert data == export_module(library.module(module), "fixed-bits").data


# -- cpuid --


def decoded(model: VcpuModel, folder: Path, guest: bool = False) -> str:
    path = folder / "cpuid.txt"
    path.write_bytes(export(model, "cpuid", Options(guest=guest)).data)
    cpuid = programs.program("cpuid", "TDXTUI_CPUID")
    found = programs.run([*cpuid, "-1", "-f", str(path)])
    assert found.returncode == 0 and "unexpected" not in found.stderr, found.stderr
    return found.stdout


# What cpuid prints for a bit, and the bit.
DECODED = {
    "AVX: advanced vector extensions": "1.ecx.28", "VMX: virtual machine extensions": "1.ecx.5",
    "HLE hardware lock elision": "7.0.ebx.4", "AVX512F: AVX-512 foundation instructions": "7.0.ebx.16",
    "AVX512VL: vector length": "7.0.ebx.31", "PKU protection keys for user-mode": "7.0.ecx.3",
    "WAITPKG instructions": "7.0.ecx.5", "AMX-TILE: tile architecture support": "7.0.edx.24",
    "AVX-VNNI: AVX VNNI neural network instrs": "7.1.eax.4", "hypervisor guest status": "1.ecx.31",
    "F16C half-precision convert instruction": "1.ecx.29", "SERIALIZE instruction": "7.0.edx.14",
}


@pytest.mark.parametrize("name", MODELS)
def test_cpuid_decodes_the_text_to_the_same_features(name: str, tmp_path: Path) -> None:
    td, lines = exported.situation_of(MODELS[name]).td, decoded(MODELS[name], tmp_path)
    for words, bit in DECODED.items():
        found = re.search(rf"^ *{re.escape(words)} *= (true|false)", lines, re.MULTILINE)
        assert found is not None, words
        assert (found[1] == "true") == bool(td.get(Field.parse(bit))), words


def test_cpuid_decodes_what_the_guest_reads(tmp_path: Path) -> None:
    held, read = decoded(PRESET, tmp_path), decoded(PRESET, tmp_path, guest=True)
    osxsave = "OS-enabled XSAVE/XSTOR *= true"
    assert re.search(osxsave, read) and not re.search(osxsave, held)


# -- libvirt --

ABOVE = "<name>td</name><memory unit='GiB'>4</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>"


@pytest.mark.parametrize("model", [MINIMAL, PRESET, FULL, replace(
    MINIMAL, attributes=SEPT_VE_DISABLE | ATTRIBUTES["PKS"], xfam=7 | XFAM["CET"], platform="granite-rapids"
)])
def test_libvirts_schema_takes_the_domain(model: VcpuModel, tmp_path: Path) -> None:
    xmllint, schema = programs.program("xmllint"), programs.schema("domain.rng")
    content = str(export(model, "libvirt", Options(allow_conflicts=True)).content)
    path = tmp_path / "domain.xml"
    path.write_text(content.replace("<vcpu>", f"{ABOVE}<vcpu>"), encoding="utf-8")
    found = programs.run([*xmllint, "--noout", "--relaxng", str(schema), str(path)])
    assert found.returncode == 0, found.stderr
    path.write_text(path.read_text(encoding="utf-8").replace("policy='disable'", "policy='no'"), encoding="utf-8")
    assert programs.run([*xmllint, "--noout", "--relaxng", str(schema), str(path)]).returncode != 0


def test_libvirt_knows_every_feature_name() -> None:
    """libvirt's own map of CPU features has each name at the bit that it is used for."""
    path = programs.schema("domain.rng").parents[1] / "cpu_map" / "x86_features.xml"
    if not path.exists():
        pytest.skip("no CPU map of libvirt here")
    known = {}
    for feature in ET.parse(path).getroot().iterfind("feature"):
        for cpuid in feature.iterfind("cpuid"):
            leaf, sub = int(cpuid.attrib["eax_in"], 16), int(cpuid.attrib.get("ecx_in", "0"), 16)
            registers = ("eax", "ebx", "ecx", "edx")
            known[feature.attrib["name"]] = (leaf, sub, *(int(cpuid.attrib.get(key, "0"), 16) for key in registers))
    used = {item.attrib["name"] for item in ET.fromstring(text(PRESET, "libvirt")).iterfind("cpu/feature")}
    assert used and used <= known.keys()


# -- Firecracker --


def test_firecrackers_schema_takes_the_template() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    shared = Path(__file__).resolve().parents[3] / "shared" / "data" / "samples" / "firecracker" / "schema.json"
    path = Path(os.environ.get("TDXTUI_FIRECRACKER_SCHEMA", shared))
    if not path.exists():
        pytest.skip("no schema of Firecracker's templates here; TDXTUI_FIRECRACKER_SCHEMA may name it")
    validator = jsonschema.Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))
    for model in MODELS.values():
        validator.validate(json.loads(text(model, "firecracker")))
        assert json.loads(text(model, "firecracker")).keys() == {"cpuid_modifiers"}


# -- QEMU --

# Limits of what TCG offers that are no matter of names.
NOT_TCG = ("guest-phys-bits",)


def asked(cpu: str) -> str:
    """What QEMU says of a CPU under TCG."""
    words = [*programs.qemu(), "-accel", "tcg", "-machine", "q35", "-S", "-display", "none", "-monitor", "stdio"]
    found = programs.run([*words, "-cpu", cpu], "quit\n")
    return found.stderr if found.returncode else ""


def test_qemu_takes_every_option_of_the_cpu_line() -> None:
    version = programs.run([*programs.qemu(), "--version"]).stdout
    number = re.findall(r"version (\d+\.\d+)", version)[0]
    if number not in vmm.versions("qemu"):
        pytest.skip(f"QEMU {number} is none of those that are known")
    for model in MODELS.values():
        content = str(export(model, "qemu", Options(qemu=number)).content)
        line = re.findall(r"^ *-cpu host,check,(\S*)", content, re.MULTILINE)[0]
        options = [part for part in line.split(",") if not part.startswith(NOT_TCG)]
        assert asked(f"max,{','.join(options)}") == ""
    assert "Property 'max-x86_64-cpu.no-such-name' not found" in asked("max,+no-such-name")
    # The name is known, the number is beyond TCG's.
    assert "guest-phys-bits should be between" in asked("max,guest-phys-bits=48")


def test_qemu_knows_every_name_of_its_layer() -> None:
    version = programs.run([*programs.qemu(), "--version"]).stdout
    number = re.findall(r"version (\d+\.\d+)", version)[0]
    if number not in vmm.versions("qemu"):
        pytest.skip(f"QEMU {number} is none of those that are known")
    names = vmm.layer("qemu", number).names
    assert asked(f"max,{','.join(f'-{name}' for name in names)}") == ""


def test_qemu_knows_the_properties_of_tdx_guest() -> None:
    words = [*programs.qemu(), "-accel", "tcg", "-machine", "none", "-display", "none", "-monitor", "stdio"]
    line = re.findall(r"^ *-object (tdx-guest,\S*)", text(FULL, "qemu"), re.MULTILINE)[0]
    found = programs.run([*words, "-object", line], "quit\n")
    assert "Invalid parameter" not in found.stderr, found.stderr
    assert "Invalid parameter 'no-such'" in programs.run([*words, "-object", f"{line},no-such=on"], "quit\n").stderr


# -- a browser --

ASK = """<script>
search.value = "dtes64"; search.dispatchEvent(new Event("input"));
document.querySelector(".hit").click();
document.body.dataset.seen = document.querySelector(".bad")?.textContent + "|" + why.textContent;
</script></body>"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_a_browser_shows_an_exported_page_and_answers_a_search(tmp_path: Path) -> None:
    file = tmp_path / "model.html"
    page = str(export(CONFLICTING, "html", Options(allow_conflicts=True)).content)
    file.write_text(page.replace("</body>", ASK), encoding="utf-8")
    words = ["chromium", *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", file.as_uri()]
    done = programs.run(words, seconds=90)
    assert "CONSOLE" not in done.stderr
    (seen,) = re.findall(r'data-seen="([^"]*)"', done.stdout)
    assert seen.startswith("1 conflict|1.ecx.2 dtes64 = 1")
