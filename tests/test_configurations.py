"""Configurations of VMMs and tools: what each format says becomes wishes and settings, and what is wrong is told."""

from __future__ import annotations

import contextlib
import os
import random
import time
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

from tdxtui import catalog, imported_model, importers, library, model_file
from tdxtui.cpuid import Field, Leaf
from tdxtui.errors import TdxtuiError
from tdxtui.importers import Features, Imported
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS
from tests import broken_configurations
from tests.configuration_samples import CPUINFO, DIGEST, DOMAIN, ENTRIES, QEMU, SAMPLES, init_vm, td_params
from tests.importers.samples import WRITERS

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "samples"
THOROUGH = bool(os.environ.get("TDXTUI_THOROUGH"))
MUTATIONS = 3000 if THOROUGH else 30
WIDEST = 220
MODULE, CPU = library.module("1.5.06"), library.platform("sapphire-rapids")


def imported(text: str | bytes, format: str | None = None) -> Imported:
    return importers.read(text.encode() if isinstance(text, str) else text, "web.cfg", format)


def features(text: str | bytes, format: str | None = None) -> Features:
    what = imported(text, format).what
    assert isinstance(what, Features)
    return what


def notes(text: str | bytes, format: str | None = None) -> str:
    return "\n".join(imported(text, format).notes)


def bit(found: Features, name: str) -> int | None:
    at = catalog.find(name)
    value, mask = found.wishes.get(at.leaf, (0, 0))
    return at.get(value) if mask & at.mask == at.mask else None


def qemu(options: str) -> str:
    return f"qemu-system-x86_64 -machine q35,confidential-guest-support=tdx0 {options}\n"


TD = "-object tdx-guest,id=tdx0"


# -- detection --


@pytest.mark.parametrize("name", WRITERS)
def test_exactly_the_right_importer_is_surest_of_a_sample(name: str) -> None:
    head = WRITERS[name]()[:importers.HEAD]
    sure = sorted(((item.sniff(head), item.name) for item in importers.importers()), reverse=True)
    assert sure[0][1] == name
    assert sure[1][0] < sure[0][0]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_byte_order_mark_and_windows_line_ends_change_nothing(name: str) -> None:
    data = SAMPLES[name]
    if name in ("kvm-tdx-init-vm", "td-params"):
        pytest.skip("binary")
    windows = b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n")
    assert importers.detect(windows, "x").name == name
    assert features(windows).wishes == features(data).wishes


def test_every_sample_of_the_project_s_notes_is_of_its_format_and_no_other() -> None:
    if not SHARED.is_dir():
        pytest.skip("no samples beside the checkout")
    expected = {
        "libvirt/domain-tdx-validated.xml": "libvirt-domain",
        "libvirt/domcaps.xml": "libvirt-cpu",
        "libvirt/x86_SapphireRapids-v4.xml": "libvirt-cpu",
        "libvirt/x86_GraniteRapids-v1.xml": "libvirt-cpu",
        "qmp/query-cpu-model-expansion-GraniteRapids-v3.json": "qmp",
        "qmp/query-cpu-definitions-excerpt.json": "qmp",
        "qmp/x86_64-cpuid-Ice-Lake-Server.json": "qmp",
        "qmp/x86_64-cpuid-Ice-Lake-Server-json.xml": "libvirt-cpu",
        "cpuid/proc-cpuinfo-flags-amd-guest.txt": "proc-cpuinfo",
        "firecracker/SPR_TO_T2_6.1.json": "firecracker-template",
        "firecracker/GNR_TO_T2_6.1.json": "firecracker-template",
        "firecracker/T2CL.json": "firecracker-template",
    }
    for place, name in expected.items():
        data = (SHARED / place).read_bytes()
        sure = Counter({item.name: item.sniff(data[:importers.HEAD]) for item in importers.importers()})
        (best, most), (_, second) = sure.most_common(2)
        assert (best, second < most) == (name, True), place
        assert isinstance(importers.read(data, place).what, Features)


# -- a QEMU command line --


def test_a_script_s_command_line_is_a_td() -> None:
    found = features(QEMU)
    assert (bit(found, "avx512f"), bit(found, "pks"), bit(found, "avx")) == (0, 1, None)
    assert found.attributes == ATTRIBUTES["SEPT_VE_DISABLE"] | ATTRIBUTES["PKS"]
    assert (found.name, found.max_vcpus, found.host) == ("web", 8, True)
    assert found.settings == {"tsc_mhz": 2600, "mrconfigid": DIGEST}


def test_minus_beats_plus_and_both_beat_equals_whatever_their_order() -> None:
    found = features(qemu(f"-cpu host,-avx2,+avx2,+fma,fma=off,f16c=on,bmi1=on,bmi1=off {TD}"))
    assert [bit(found, name) for name in ("avx2", "fma", "f16c", "bmi1")] == [0, 1, 1, 0]
    assert "avx2: with both + and -, QEMU takes the -." in notes(qemu(f"-cpu host,-avx2,+avx2 {TD}"))


def test_underscores_and_aliases_are_names_too() -> None:
    found = features(qemu(f"-cpu host,+sse4_1,+ds_cpl,xd=off,+sse3 {TD}"))
    assert [bit(found, name) for name in ("sse4.1", "ds_cpl", "nx", "pni")] == [1, 1, 0, 1]


def test_the_last_cpu_option_counts() -> None:
    assert bit(features(qemu(f"-cpu host,+avx2 -cpu host,-avx2 {TD}")), "avx2") == 0


@pytest.mark.parametrize("text", [
    '-object \'{"qom-type":"tdx-guest","id":"tdx0","attributes":268435457}\'',
    "-object \"{'qom-type': 'tdx-guest', 'id': 'tdx0', 'attributes': 268435457}\"",
    '-object {"qom-type":"tdx-guest","id":"tdx0","attributes":268435457}',
    "-object tdx-guest,id=tdx0,attributes=268435457",
    "--object tdx-guest,attributes=0x1,id=tdx0,sept-ve-disable=on",
])
def test_both_spellings_of_the_object_say_the_same_quoted_as_in_a_shell_or_bare_as_from_ps(text: str) -> None:
    assert features(qemu(f"-cpu host {text}")).attributes == ATTRIBUTES["SEPT_VE_DISABLE"] | ATTRIBUTES["DEBUG"]


def test_sept_ve_disable_is_on_unless_said_otherwise_and_off_is_warned_of() -> None:
    assert features(qemu(f"-cpu host {TD}")).attributes == ATTRIBUTES["SEPT_VE_DISABLE"]
    off = qemu(f"-cpu host {TD},sept-ve-disable=off")
    assert features(off).attributes == 0
    assert "Linux refuses to boot" in notes(off)
    both = qemu(f"-cpu host {TD},sept-ve-disable=off,attributes=0x10000000")
    assert "contradict each other" in notes(both)


def test_pmu_on_is_perfmon() -> None:
    assert features(qemu(f"-cpu host,pmu=on {TD}")).attributes == ATTRIBUTES["SEPT_VE_DISABLE"] | ATTRIBUTES["PERFMON"]


def test_a_named_model_is_told_to_be_refused_and_gives_its_bits() -> None:
    text = qemu(f"-cpu SapphireRapids-v4,-avx512f {TD}")
    found = features(text)
    assert 'refuses for a TD ("Named cpu model is not supported for TDX yet!")' in notes(text)
    assert (bit(found, "avx512f"), bit(found, "avx512bw"), bit(found, "dtes64"), found.host) == (0, 1, 0, False)
    assert "its bits are not known here" in notes(qemu(f"-cpu Frobnicator-v7 {TD}"))


def test_a_name_that_is_no_cpuid_bit_is_left_out_and_told() -> None:
    told = notes(qemu(f"-cpu host,+avx512ff,+rdctl-no,vmx-ept=on,kvmclock=on,hv-relaxed,x-foo=7 {TD}"))
    assert "'avx512ff' is no CPUID feature of QEMU that is known here, left out; did you mean avx512f?" in told
    assert "vmx-ept, rdctl-no: of MSRs, not of CPUID; left out." in told
    assert "kvmclock: of KVM's own leaf 40000001H" in told
    assert "hv-relaxed" not in told and "x-foo" not in told


@pytest.mark.parametrize(("smp", "most"), [
    ("4", 4), ("cpus=2,maxcpus=6", 6), ("2,sockets=1,cores=2,threads=1", 2), ("sockets=2,cores=4,threads=2", 16),
])
def test_max_vcpus_is_what_smp_allows_at_most(smp: str, most: int) -> None:
    assert features(qemu(f"-cpu host -smp {smp} {TD}")).max_vcpus == most


def test_several_sockets_say_how_many_logical_cpus_each_has() -> None:
    def logical(text: str) -> int | None:
        return bit(features(text), "1.ebx[23:16]")

    assert logical(qemu(f"-cpu host -smp 8,sockets=2 {TD}")) == 4
    assert logical(qemu(f"-cpu host -smp 4,sockets=4,cores=1,threads=1 {TD}")) == 0
    assert logical(qemu(f"-cpu host -smp 8,sockets=1 {TD}")) is None
    topology = "<topology sockets='2' cores='2' threads='1'/></cpu>"
    assert logical(DOMAIN.replace("</cpu>", topology)) == 2


def test_a_tsc_between_the_steps_of_25_mhz_is_rounded_and_told() -> None:
    text = qemu(f"-cpu host,tsc-freq=2.61G {TD}")
    assert features(text).settings["tsc_mhz"] == 2600
    assert "must be a multiple of 25 MHz from 100 MHz to 10 GHz; 2600 MHz are taken" in notes(text)
    assert features(text.replace("2.61G", "1k")).settings["tsc_mhz"] == 100
    assert features(text.replace("2.61G", "90T")).settings["tsc_mhz"] == 10_000


def test_a_wide_guest_is_gpaw() -> None:
    flags = CONFIG_FLAGS["NO_RBP_MOD"]
    assert features(qemu(f"-cpu host,guest-phys-bits=52 {TD}")).settings["config_flags"] == flags | CONFIG_FLAGS["GPAW"]
    assert features(qemu(f"-cpu host,guest-phys-bits=48 {TD}")).settings["config_flags"] == flags


def test_the_words_of_proc_cmdline_end_with_nul_and_need_no_quotes() -> None:
    words = ["/usr/bin/qemu-system-x86_64", "-name", "guest=a b", "-cpu", "host,-avx2", "-object", "tdx-guest,id=t"]
    found = features("\0".join(words) + "\0")
    assert (found.name, bit(found, "avx2")) == ("a b", 0)


def test_of_what_ps_lists_the_last_td_is_read_and_the_others_are_counted() -> None:
    lines = (qemu(f"-cpu host,-{name} {TD}") for name in ("avx2", "fma"))
    text = "".join(f"root {number} 0.3 ? Sl 10:00 {line}" for number, line in enumerate(lines))
    assert (bit(features(text), "avx2"), bit(features(text), "fma")) == (None, 0)
    assert "has 2 such command lines; the one of line 2 is read." in notes(text)


def test_a_log_of_libvirt_s_is_read_with_its_environment_and_quotes() -> None:
    log = (
        "2026-01-01 10:00:00.000+0000: starting up libvirt version: 12.8.0, it's qemu version: 11.1.3\n"
        "LC_ALL=C \\\nPATH=/usr/bin \\\n/usr/bin/qemu-system-x86_64 \\\n-name guest=td,debug-threads=on \\\n"
        "-machine pc-q35-11.1,confidential-guest-support=lsec0 \\\n-cpu host,migratable=off,amx-bf16=off \\\n"
        "-object '{\"qom-type\":\"tdx-guest\",\"id\":\"lsec0\",\"attributes\":268435456}'\nchar device redirected\n"
    )
    found = features(log)
    assert (found.name, bit(found, "amx-bf16"), found.attributes) == ("td", 0, ATTRIBUTES["SEPT_VE_DISABLE"])


def test_variables_are_taken_from_the_script_or_told_to_be_missing() -> None:
    text = f"#!/bin/sh\nexport FLAGS='host,-avx2'\nqemu-system-x86_64 -cpu ${{FLAGS}},-fma -m $MEMORY {TD}\n"
    assert (bit(features(text), "avx2"), bit(features(text), "fma")) == (0, 0)
    assert "$MEMORY: set outside this text" in notes(text) and "$FLAGS" not in notes(text)


def test_what_starts_no_td_is_told() -> None:
    assert "no tdx-guest object: that is an ordinary VM" in notes("qemu-system-x86_64 -cpu host\n")
    assert "lacks confidential-guest-support=t" in notes("qemu-system-x86_64 -M q35 -cpu host -object tdx-guest,id=t\n")
    assert "-accel is tcg" in notes(qemu(f"-accel tcg -cpu host {TD}"))
    assert "QEMU takes qemu64" in notes(qemu(TD))


def test_options_a_line_each_are_one_command() -> None:
    options = ("-smp 8", "-object tdx-guest,id=t", "# between", "-machine q35,confidential-guest-support=t")
    text = "# made by hand\n" + "".join(f"{line}\n" for line in (*options, "-cpu host,-avx2"))
    assert (bit(features(text), "avx2"), features(text).max_vcpus) == (0, 8)
    assert "ordinary VM" not in notes(text)


# -- libvirt --


def test_a_domain_is_a_td() -> None:
    found = features(DOMAIN)
    assert (bit(found, "amx-bf16"), bit(found, "pks"), bit(found, "pclmulqdq")) == (0, 1, None)
    assert found.attributes == ATTRIBUTES["SEPT_VE_DISABLE"] | ATTRIBUTES["PKS"]
    assert (found.name, found.max_vcpus, found.host, found.settings) == ("td", 4, True, {"mrconfigid": DIGEST})
    assert "pclmuldq: optional, so the host decides; no wish." in notes(DOMAIN)


def test_libvirt_s_names_are_libvirt_s_and_qemu_s_where_it_has_none() -> None:
    names = "".join(f"<feature policy='force' name='{name}'/>" for name in ("pclmuldq", "ds", "cmt", "sse4.1", "frob"))
    text = DOMAIN.replace("<feature policy='require' name='pks'/>", names)
    found = features(text)
    assert [bit(found, name) for name in ("pclmulqdq", "1.edx.21", "cqm", "sse4.1")] == [1, 1, 1, 1]
    assert "'frob' is no CPUID feature of libvirt" in notes(text)


def test_a_cpu_passed_through_to_qemu_replaces_the_domain_s() -> None:
    passed = "<qemu:commandline><qemu:arg value='-cpu'/><qemu:arg value='host,-avx10'/></qemu:commandline></domain>"
    text = DOMAIN.replace("</domain>", passed)
    assert (bit(features(text), "avx10"), bit(features(text), "amx-bf16")) == (0, None)
    assert "which replaces <cpu>" in notes(text)


def test_a_domain_s_host_model_and_missing_launch_security_are_told() -> None:
    text = DOMAIN.replace("host-passthrough", "host-model").replace("type='tdx'", "type='sev'")
    assert "<cpu mode='host-model'>" in notes(text) and "only host-passthrough is taken" in notes(text)
    assert "launchSecurity is of type 'sev': that is no TD" in notes(text)
    assert not features(text).host


def test_a_domain_s_pmu_and_tsc_are_read() -> None:
    parts = "<features><pmu state='on'/></features><clock><timer name='tsc' frequency='2400000000'/></clock></domain>"
    found = features(DOMAIN.replace("</domain>", parts))
    assert found.attributes and found.attributes & ATTRIBUTES["PERFMON"]
    assert found.settings["tsc_mhz"] == 2400


def test_domain_capabilities_are_the_host_model_and_say_that_a_td_takes_neither_it_nor_custom() -> None:
    data = SAMPLES["libvirt-cpu"]
    found = features(data)
    assert (found.name, bit(found, "ss"), bit(found, "amx-int8"), bit(found, "avx512f")) == ("SapphireRapids", 1, 0, 1)
    assert "QEMU takes only host-passthrough for a TD" in notes(data)


def test_a_model_of_libvirt_s_map_is_a_whole_statement() -> None:
    listed = "<feature name='avx'/><feature name='aes' removed='yes'/>"
    found = features(f"<cpus><model name='Mine'><vendor name='Intel'/>{listed}</model></cpus>")
    assert [bit(found, name) for name in ("avx", "aes", "avx2")] == [1, 0, 0]


# -- QMP --


def test_an_expansion_tells_bits_under_either_spelling_and_the_signature() -> None:
    found = features(SAMPLES["qmp"])
    assert [bit(found, name) for name in ("avx512f", "sse4.1", "ds_cpl", "avx2")] == [1, 1, 0, None]
    signature = Field.parse("1.eax[27:0]")
    assert signature.get(found.wishes[Leaf(1)][0]) == 0x806F4
    assert "type static" in notes(SAMPLES["qmp"])


def test_definitions_tell_what_the_host_can_t_give() -> None:
    text = '{"return": [{"name": "max", "unavailable-features": ["pcid", "avx512f"]}, {"name": "host"}]}'
    assert (bit(features(text), "pcid"), bit(features(text), "avx512f")) == (0, 0)


# -- binaries --


def test_init_vm_has_its_settings_and_entries() -> None:
    found = features(init_vm())
    assert (found.attributes, found.xfam, found.settings["mrconfigid"]) == (1 << 28, 7, DIGEST)
    assert found.settings["config_flags"] == CONFIG_FLAGS["NO_RBP_MOD"]
    assert found.entries == ENTRIES and found.max_vcpus is None


def test_init_vm_tells_what_kvm_refuses_of_its_physical_width() -> None:
    assert features(init_vm(phys_bits=52)).settings["config_flags"] == CONFIG_FLAGS["NO_RBP_MOD"] | CONFIG_FLAGS["GPAW"]
    assert "KVM takes only 48 or 52" in notes(init_vm(phys_bits=46))
    without = {leaf: value for leaf, value in ENTRIES.items() if leaf.leaf != 0x80000008}
    assert "has no entry 80000008H" in notes(init_vm(without))


def test_init_vm_reads_indices_that_lack_their_flag() -> None:
    data = bytearray(init_vm({Leaf(4, 0): 1, Leaf(4, 1): 2}))
    for number in range(2):
        data[264 + 40 * number + 8] = 0
    assert features(bytes(data)).entries == {Leaf(4, 0): 1, Leaf(4, 1): 2}
    assert "1 entries lack KVM_CPUID_FLAG_SIGNIFCANT_INDEX" in notes(bytes(data))


def test_td_params_has_its_settings_and_slots_in_order() -> None:
    found = features(td_params())
    assert (found.attributes, found.xfam, found.max_vcpus) == (1 << 28, 7, 8)
    settings = {"config_flags": 4, "tsc_mhz": 2600, "num_l2_vms": 0, "mrconfigid": DIGEST}
    assert found.settings == settings
    assert found.slots == (ENTRIES[Leaf(1)], 0, 0, 0, 0, ENTRIES[Leaf(7, 0)])


# -- flags, templates, other VMMs --


def test_linux_s_flags_are_bits_under_linux_s_names_and_its_own_are_left_out() -> None:
    found = features(CPUINFO)
    assert [bit(found, name) for name in ("1.edx.21", "cqm", "avx512_vbmi2", "lm")] == [1, 1, 1, 1]
    assert bit(found, "invtsc") is None and found.name == "Intel(R) Xeon(R) Platinum 8480+"
    assert "constant_tsc, rep_good: Linux's own flags" in notes(CPUINFO)
    assert all(value == mask for value, mask in found.wishes.values())


def test_another_maker_s_cpu_is_told() -> None:
    assert "isn't Intel's" in notes(CPUINFO.replace("GenuineIntel", "AuthenticAMD"))
    assert "isn't Intel's" in notes(SAMPLES["libvirt-cpu"].replace(b"<vendor>Intel", b"<vendor>AMD"))
    assert "isn't Intel's" not in notes(CPUINFO) + notes(SAMPLES["libvirt-cpu"])


def test_processors_that_differ_are_told() -> None:
    assert "1 of 2 processors have other flags" in notes(CPUINFO + "\nprocessor : 1\nflags : fpu msr apic\n")


def test_a_template_s_signs_are_value_and_mask() -> None:
    found = features(SAMPLES["firecracker-template"])
    assert [bit(found, name) for name in ("avx512f", "avx2", "amx_tile", "avx", "adx")] == [0, 1, 0, 1, None]
    assert sum(mask.bit_count() for _, mask in found.wishes.values()) == 4
    assert "1 MSRs of the template are left out" in notes(SAMPLES["firecracker-template"])


def test_kata_s_features_are_added_to_host() -> None:
    found = features(SAMPLES["kata"])
    assert (bit(found, "avx512f"), bit(found, "vmx"), found.host, found.max_vcpus) == (0, 0, True, 6)
    assert found.attributes == ATTRIBUTES["SEPT_VE_DISABLE"]
    assert "confidential_guest isn't true" in notes("[hypervisor.qemu]\ndefault_vcpus = 0.5\n")


def test_cloud_hypervisor_gives_amx_only_when_asked() -> None:
    data = SAMPLES["cloud-hypervisor"]
    assert (bit(features(data), "amx_tile"), features(data).max_vcpus) == (1, 6)
    assert bit(features(data.replace(b"features=amx,", b"")), "amx_tile") == 0
    assert "that is an ordinary VM" in notes(data.replace(b"tdx=on", b"num_pci_segments=1"))


def test_alioth_gives_attributes_and_no_xfam() -> None:
    found = features(SAMPLES["alioth"])
    assert (found.attributes, found.xfam, found.max_vcpus, found.host) == (1 << 28, 3, 4, True)
    assert features("tdx,attr=0x1").attributes == 1


# -- what is wrong --


@pytest.mark.parametrize("case", broken_configurations.CASES)
def test_what_is_wrong_is_said_in_one_line(case: str) -> None:
    format, data, expected = broken_configurations.CASES[case]
    with pytest.raises(importers.ImportFailed) as caught:
        importers.read(data, "web.cfg", format)
    text = str(caught.value)
    assert text.isprintable() and len(text) <= WIDEST
    said = text.removeprefix("web.cfg: ")
    assert said.startswith(expected[:-3]) if expected.endswith("...") else said == expected


def test_each_format_has_eight_broken_files_at_least() -> None:
    counts = Counter(format for format, _, _ in broken_configurations.CASES.values())
    assert counts.keys() == SAMPLES.keys()
    assert min(counts.values()) >= 8


@pytest.mark.parametrize("name", SAMPLES)
def test_mutated_samples_become_models_or_raise_nothing_but_errors_for_people(name: str) -> None:
    random_ = random.Random(name)
    others = [data for other, data in SAMPLES.items() if other != name]
    for _ in range(MUTATIONS):
        data = mutated(SAMPLES[name], random_, others)
        try:
            found = importers.read(data, "web.cfg", name)
        except TdxtuiError as error:
            assert str(error).isprintable() and len(str(error)) <= WIDEST
        else:
            assert all(note.isprintable() and len(note) <= 600 for note in found.notes), found.notes
            check_model(found)
        assert all(0 <= item.sniff(data) <= 100 for item in importers.importers())


def check_model(found: Imported) -> None:
    """Whatever was read becomes a model whose file can be read again, or an error for people."""
    try:
        model = imported_model.model_of(found, MODULE, CPU)
    except TdxtuiError as error:
        assert str(error).isprintable() and len(str(error)) <= WIDEST * 2
    else:
        again = model_file.parse(model_file.dumps(model), "again.toml")
        assert (again.wishes, again.xfam, again.attributes) == (model.wishes, model.xfam, model.attributes)


def mutated(data: bytes, random_: random.Random, others: list[bytes]) -> bytes:
    """A sample with a few bytes changed, cut out, doubled, or spliced with another format's."""
    out = bytearray(data)
    for _ in range(random_.randint(1, 6)):
        at, length = random_.randrange(len(out) + 1), random_.randint(1, 12)
        match random_.randrange(6):
            case 0:
                out[at:at + 1] = bytes([random_.randrange(256)])
            case 1:
                del out[at:at + length]
            case 2:
                out[at:at] = out[at:at + length]
            case 3:
                out[at:at] = random_.choice((b"\0", b"'", b'"', b"{", b"\n", b",", b"=", b"<", b"\\", b"0x", b"\xff"))
            case 4:
                other = random_.choice(others)
                begin = random_.randrange(len(other))
                out[at:at] = other[begin:begin + length * 4]
            case _:
                out[at:] = out[at:][: random_.randrange(len(out) + 1)]
    return bytes(out)


HOSTILE = {
    "zeros": bytes(importers.MAX_SIZE),
    "too-large": bytes(importers.MAX_SIZE + 1),
    "braces": b"{" * 1_000_000,
    "brackets": b'{"model":{"props":' + b"[" * 200_000,
    "elements": b"<domain>" + b"<cpu>" * 300_000,
    "entities": b'<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><domain>&b;</domain>',
    "one-line": b"qemu-system-x86_64 -cpu host," + b"+avx," * 700_000,
    "backslashes": b"qemu -cpu host " + b"\\\n" * 900_000,
    "quotes": b"qemu -cpu host " + b"'" * 1_000_001,
    "flags": b"flags : fpu msr apic lm sse2 " + b"x " * 3_000_000,
    "toml": b"[hypervisor.qemu]\na = " + b"[" * 100_000,
    "digits": b'{"model": {"name": "x", "props": {"avx": ' + b"9" * 100_000 + b"}}}",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_get_their_answer_at_once(kind: str) -> None:
    for name in (None, *SAMPLES):
        begin = time.process_time()
        try:
            importers.read(HOSTILE[kind], "web.cfg", name)
        except TdxtuiError as error:
            assert str(error).isprintable() and len(str(error)) <= WIDEST
        assert time.process_time() - begin < 1, name


@pytest.mark.skipif(not THOROUGH, reason="measuring memory makes everything slow; TDXTUI_THOROUGH=1 does it")
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_take_no_more_than_100_mib(kind: str) -> None:
    for name in (None, *SAMPLES):
        tracemalloc.start()
        with contextlib.suppress(TdxtuiError):
            importers.read(HOSTILE[kind], "web.cfg", name)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 100 << 20, name
