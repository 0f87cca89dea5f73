"""Configurations that are wrong in one way each: the format, the file, and the one line that says so.

An expected line that ends with ``...`` may go on. The line is without the file's name.
"""

from __future__ import annotations

import struct

from tests.configuration_samples import BASE64, DOMAIN, FIRECRACKER, QMP, init_vm, td_params

TDX = "-object tdx-guest,id=tdx0"


def qemu(options: str) -> bytes:
    return f"qemu-system-x86_64 {options}\n".encode()


def kata(setting: str) -> bytes:
    return f"[hypervisor.qemu]\n{setting}\n".encode()


def domain(old: str, new: str) -> bytes:
    assert old in DOMAIN
    return DOMAIN.replace(old, new, 1).encode()


def qmp(props: str) -> bytes:
    return f'{{"return": {{"model": {{"name": "max", "props": {props}}}}}}}'.encode()


def template(old: str, new: str) -> bytes:
    assert old in FIRECRACKER
    return FIRECRACKER.replace(old, new, 1).encode()


def at(data: bytes, offset: int, new: bytes) -> bytes:
    return data[:offset] + new + data[offset + len(new):]


CASES: dict[str, tuple[str, bytes, str]] = {
    # -- QEMU --
    "qemu-none": ("qemu", b"echo nothing\n", "has no such command line"),
    "qemu-open-quote": ("qemu", qemu(f"-cpu 'host {TDX}"), "line 1: has a quote (') that doesn't end"),
    "qemu-no-value": ("qemu", qemu(f"{TDX} -cpu"), "line 1: ends after -cpu, which needs a value"),
    "qemu-help": ("qemu", qemu("-cpu help"), "line 1: -cpu: expected a CPU model such as host, found 'help'"),
    "qemu-no-model": ("qemu", qemu("-cpu +avx"), "line 1: -cpu: expected a CPU model such as host, found '+avx'"),
    "qemu-value": ("qemu", qemu("-cpu host,avx=perhaps"), "line 1: -cpu avx: expected on or off, found 'perhaps'"),
    "qemu-plus-nothing": (
        "qemu", qemu("-cpu host,+"), "line 1: -cpu: expected a feature's name after + or -, found ''",
    ),
    "qemu-tsc": (
        "qemu", qemu("-cpu host,tsc-freq=fast"), "line 1: -cpu tsc-freq: expected a frequency in Hz such as...",
    ),
    "qemu-attributes": (
        "qemu", qemu(f"-cpu host {TDX},attributes=0xZZ"),
        "line 1: tdx-guest attributes: expected a number from 0 to 0xffffffffffffffff, found '0xZZ'",
    ),
    "qemu-septve": (
        "qemu", qemu(f"-cpu host {TDX},sept-ve-disable=maybe"),
        "line 1: tdx-guest sept-ve-disable: expected on or off, found 'maybe'",
    ),
    "qemu-base64": (
        "qemu", qemu(f"-cpu host {TDX},mrconfigid=???"), "line 1: tdx-guest mrconfigid: expected base64, found '???'"
    ),
    "qemu-digest": (
        "qemu", qemu(f"-cpu host {TDX},mrowner=AAAA"),
        "line 1: tdx-guest mrowner: expected 48 bytes (SHA-384) in base64, found 3 bytes",
    ),
    "qemu-json": (
        "qemu", qemu("-cpu host -object '{\"qom-type\":\"tdx-guest\",}'"), "line 1: -object: is not JSON: ...",
    ),
    "qemu-smp": ("qemu", qemu("-cpu host -smp many"), "line 1: -smp: expected a number from 0 to 0xffff, found 'many'"),
    "qemu-two-objects": (
        "qemu", qemu(f"-cpu host {TDX} -object tdx-guest,id=b"),
        "line 1: has more than one tdx-guest object; a VM has one",
    ),
    # -- libvirt's domain --
    "domain-cut": ("libvirt-domain", DOMAIN[:300].encode(), "line 7: is not XML: unclosed token"),
    "domain-other-root": (
        "libvirt-domain", b"<network><name>n</name></network>", "line 1: expected <domain>, found <network>",
    ),
    "domain-doctype": (
        "libvirt-domain", b'<!DOCTYPE d [<!ENTITY a "b">]><domain>&a;</domain>', "line 1: has a document type...",
    ),
    "domain-policy": (
        "libvirt-domain", domain("<policy>0x10000000<", "<policy>high<"),
        "line 11: launchSecurity attributes: expected a number from 0 to 0xffffffffffffffff, found 'high'",
    ),
    "domain-digest": (
        "libvirt-domain", domain(BASE64, "AAAA"),
        "line 11: launchSecurity mrconfigid: expected 48 bytes (SHA-384) in base64, found 3 bytes",
    ),
    "domain-feature-policy": (
        "libvirt-domain", domain("policy='disable'", "policy='deny'"),
        "line 6: policy is 'deny'; expected force, require, disable, forbid, optional",
    ),
    "domain-feature-name": ("libvirt-domain", domain(" name='pks'", ""), "line 7: <feature> has no name"),
    "domain-mode": (
        "libvirt-domain", domain("mode='host-passthrough'", "mode='guess'"),
        "line 5: mode is 'guess'; expected one of host-passthrough, maximum, host-model, custom",
    ),
    "domain-vcpu": (
        "libvirt-domain", domain(">4</vcpu>", ">0</vcpu>"),
        "line 4: vcpu: expected a number from 1 to 0xffff, found '0'",
    ),
    "domain-passed-through": (
        "libvirt-domain",
        domain("</domain>", "<q:commandline><q:arg value='-cpu'/><q:arg value='?'/></q:commandline></domain>"),
        "line 16: -cpu: expected a CPU model such as host, found '?'",
    ),
    # -- libvirt's CPUs --
    "cpu-cut": ("libvirt-cpu", b"<cpu mode='custom'><model>x", "line 1: is not XML: ..."),
    "cpu-empty": ("libvirt-cpu", b"<cpu/>", "line 1: <cpu> names no model and no feature"),
    "cpu-none": (
        "libvirt-cpu", b"<capabilities><host/></capabilities>", "line 1: expected a <cpu>, found <capabilities>...",
    ),
    "cpu-no-model": (
        "libvirt-cpu", b"<capabilities><host><cpu><arch>x86_64</arch></cpu></host></capabilities>",
        "line 1: libvirt knows no model of this host's CPU; try virsh domcapabilities",
    ),
    "cpu-feature-name": ("libvirt-cpu", b"<cpu>\n<feature policy='require'/></cpu>", "line 2: <feature> has no name"),
    "cpu-no-host-model": (
        "libvirt-cpu", b"<domainCapabilities><cpu><mode name='host-model' supported='no'/></cpu></domainCapabilities>",
        "line 1: has no supported host-model; expected virsh domcapabilities of the host",
    ),
    "cpu-feature-list": (
        "libvirt-cpu", b"<cpus><feature name='pni'/></cpus>",
        "line 1: is the list of libvirt's feature names, no CPU...",
    ),
    "cpu-index": ("libvirt-cpu", b"<cpus><arch name='x86'/></cpus>", "line 1: is a list of CPU map files, no CPU..."),
    "cpu-deep": ("libvirt-cpu", b"<cpu>" * 200, "line 1: is nested more than 100 elements deep"),
    # -- QMP --
    "qmp-cut": ("qmp", QMP[:80].encode(), "line 2 column 19: is not JSON: ..."),
    "qmp-list": ("qmp", b"[1, 2]", 'return: expected models with "unavailable-features" or one with "props"'),
    "qmp-error": ("qmp", b'{"error": {"class": "GenericError"}}', 'expected {"return": {"model": ...'),
    "qmp-empty": ("qmp", qmp("{}"), "model.props: is empty: ask for the expansion of type full"),
    "qmp-value": ("qmp", qmp('{"avx": []}'), "model.props.avx: expected true, false, a number or text, found []"),
    "qmp-spellings": (
        "qmp", qmp('{"ds-cpl": true, "ds_cpl": false}'),
        "model.props.ds_cpl: contradicts the same feature under its other spelling",
    ),
    "qmp-no-feature": ("qmp", qmp('{"kvm": true}'), "model.props: has no CPUID feature that QEMU is known to have"),
    "qmp-family": (
        "qmp", qmp('{"avx": true, "family": "six", "model": 1, "stepping": 1}'),
        "model.props: family, model and stepping are ['six', 1, 1]; expected small numbers",
    ),
    "qmp-name": ("qmp", b'{"model": {"name": 3, "props": {"avx": true}}}', "model.name: expected a string, found 3"),
    "qmp-missing": (
        "qmp", b'[{"unavailable-features": "avx"}]', "return[0].unavailable-features: expected a list of names"
    ),
    # -- struct kvm_tdx_init_vm --
    "init-short": ("kvm-tdx-init-vm", bytes(100), "has 100 bytes; struct kvm_tdx_init_vm has at least 264"),
    "init-reserved": (
        "kvm-tdx-init-vm", at(init_vm(), 200, b"\1"),
        "byte 160: reserved words aren't 0: KVM refuses that, or it is another structure",
    ),
    "init-count": (
        "kvm-tdx-init-vm", at(init_vm(), 256, struct.pack("<I", 300)), "byte 256: expected a count of 1 to 256...",
    ),
    "init-zeros": ("kvm-tdx-init-vm", bytes(1024), "byte 256: expected a count of 1 to 256..."),
    "init-padding": ("kvm-tdx-init-vm", at(init_vm(), 260, b"\1"), "byte 256: expected a count of 1 to 256..."),
    "init-cut": ("kvm-tdx-init-vm", init_vm()[:-8], "byte 376: ends within its entries; 3 of them end at byte 384"),
    "init-more": ("kvm-tdx-init-vm", init_vm() + b"more", "byte 384: goes on after its 3 entries"),
    "init-flags": (
        "kvm-tdx-init-vm", at(init_vm(), 272, b"\xff"), "byte 272: expected flags of an entry (at most 7), found 0xff",
    ),
    "init-twice": (
        "kvm-tdx-init-vm", at(init_vm(), 304, struct.pack("<3I", 1, 0, 0)), "byte 304: has leaf 1 a second time"
    ),
    # -- TD_PARAMS --
    "params-short": ("td-params", td_params()[:512], "has 512 bytes; TD_PARAMS has 1024"),
    "params-long": ("td-params", td_params() + b"\0", "has 1025 bytes; TD_PARAMS has 1024"),
    "params-reserved": (
        "td-params", at(td_params(), 21, b"\1"), "byte 20: reserved bytes aren't 0: the module refuses that",
    ),
    "params-reserved-late": ("td-params", at(td_params(), 250, b"\1"), "byte 232: reserved bytes aren't 0: ..."),
    "params-eptp": ("td-params", td_params(eptp=0x1F), "byte 24: EPTP_CONTROLS is 0x1f; the module takes 0x1e..."),
    "params-tsc": (
        "td-params", at(td_params(), 40, b"\1\0"), "byte 40: TSC_FREQUENCY is 1; the module takes 4 to 400...",
    ),
    "params-vcpus": ("td-params", at(td_params(), 16, b"\0\0"), "byte 16: MAX_VCPUS is 0"),
    "params-l2": ("td-params", at(td_params(), 18, b"\7"), "byte 18: NUM_L2_VMS is 7; the module takes at most 3"),
    # -- /proc/cpuinfo, of which little can be wrong --
    "cpuinfo-none": (
        "proc-cpuinfo", b"processor : 0\n", "has no line of flags; expected flags : fpu vme ... of an x86 CPU",
    ),
    "cpuinfo-arm": ("proc-cpuinfo", b"Features : fp asimd\n", "has no line of flags; ..."),
    "cpuinfo-empty": ("proc-cpuinfo", b"flags :\n", "has a line of flags without any"),
    "cpuinfo-synthetic": (
        "proc-cpuinfo", b"flags : nopl cpuid\n", "has no flag that Linux has for a CPUID bit; found nopl, cpuid"
    ),
    "cpuinfo-words": (
        "proc-cpuinfo", b"flags : to be done\n", "has no flag that Linux has for a CPUID bit; found to, be, done",
    ),
    "cpuinfo-binary": ("proc-cpuinfo", b"\x7fELF" + bytes(99), "has no line of flags; ..."),
    "cpuinfo-no-colon": ("proc-cpuinfo", b"flags fpu vme de\n", "has no line of flags; ..."),
    "cpuinfo-vmx": ("proc-cpuinfo", b"vmx flags : ept vpid\n", "has no line of flags; ..."),
    # -- Firecracker --
    "template-cut": ("firecracker-template", FIRECRACKER[:90].encode(), "line 3 column 6: is not JSON: ..."),
    "template-none": ("firecracker-template", b"{}", "cpuid_modifiers: expected a list of modifiers"),
    "template-entry": ("firecracker-template", b'{"cpuid_modifiers": [7]}', "cpuid_modifiers[0]: expected an object"),
    "template-leaf": (
        "firecracker-template", template('"0x7"', "7"),
        "cpuid_modifiers[0].leaf: expected a number as a string such as 0x7, found '7'",
    ),
    "template-subleaf": (
        "firecracker-template", template('"subleaf": "0x0", ', ""),
        "cpuid_modifiers[0].subleaf: expected a number as a string such as 0x7, found 'None'",
    ),
    "template-modifiers": (
        "firecracker-template", b'{"cpuid_modifiers": [{"leaf": "0x7", "subleaf": "0x0"}]}',
        "cpuid_modifiers[0].modifiers: expected a list",
    ),
    "template-register": (
        "firecracker-template", template('"ebx"', '"rbx"'),
        "cpuid_modifiers[0].modifiers[0].register: expected eax, ebx, ecx or edx, found 'rbx'",
    ),
    "template-bitmap": (
        "firecracker-template", template("0bxxxxxxxx_", "0b"),
        "cpuid_modifiers[0].modifiers[0].bitmap: expected 0b and 32 of 0, 1 and x, found ...",
    ),
    "template-nothing": ("firecracker-template", b'{"cpuid_modifiers": []}', "cpuid_modifiers: changes no bit"),
    # -- kata --
    "kata-toml": ("kata", b"[hypervisor.qemu]\npath = \n", "is not TOML: Invalid value (at line 2, column 8)"),
    "kata-none": ("kata", b"[hypervisor.clh]\n", "has no table [hypervisor.qemu]"),
    "kata-utf8": ("kata", b"[hypervisor.qemu]\n# \xff\n", "byte 20: is not UTF-8 text"),
    "kata-features-kind": (
        "kata", kata("cpu_features = 3"), "hypervisor.qemu.cpu_features: expected a string, found 3"
    ),
    "kata-features": (
        "kata", kata('cpu_features = "pmu=perhaps"'),
        "hypervisor.qemu.cpu_features pmu: expected on or off, found 'perhaps'",
    ),
    "kata-feature": (
        "kata", kata('cpu_features = "+a b"'),
        "hypervisor.qemu.cpu_features: expected a feature's name after + or -, found 'a b'",
    ),
    "kata-confidential": (
        "kata", kata('confidential_guest = "yes"'),
        "hypervisor.qemu.confidential_guest: expected true or false, found yes",
    ),
    "kata-vcpus": (
        "kata", kata("default_vcpus = 1e9"),
        "hypervisor.qemu.default_vcpus: expected a number of vCPUs, found 1000000000.0",
    ),
    "kata-vcpus-nan": (
        "kata", kata("default_vcpus = nan"), "hypervisor.qemu.default_vcpus: expected a number of vCPUs...",
    ),
    # -- Cloud Hypervisor --
    "ch-none": ("cloud-hypervisor", b"cloud-hypervisor --version\n", "has no such command line"),
    "ch-quote": ("cloud-hypervisor", b'cloud-hypervisor --cpus "boot=1\n', 'line 1: has a quote (") that doesn\'t end'),
    "ch-tdx": (
        "cloud-hypervisor", b"cloud-hypervisor --platform tdx=2 --cpus boot=1\n",
        "line 1: --platform tdx: expected on or off, found '2'",
    ),
    "ch-boot": (
        "cloud-hypervisor", b"\ncloud-hypervisor --cpus boot=some\n",
        "line 2: --cpus boot: expected a number from 1 to 0xffff, found 'some'",
    ),
    "ch-boot-0": (
        "cloud-hypervisor", b"x --cpus boot=0\n", "line 1: --cpus boot: expected a number from 1 to 0xffff, found '0'",
    ),
    "ch-max": (
        "cloud-hypervisor", b"x --cpus max=99999\n", "line 1: --cpus max: expected a number from 1 to 0xffff...",
    ),
    "ch-feature": (
        "cloud-hypervisor", b"x --cpus boot=1,features=avx\n", "line 1: --cpus features: expected amx, found 'avx'"
    ),
    "ch-features": (
        "cloud-hypervisor", b"x --cpus boot=1,features=[amx,mpx]\n",
        "line 1: --cpus features: expected amx, found 'mpx'",
    ),
    # -- alioth --
    "alioth-none": ("alioth", b"alioth run --cpu count=1\n", "has no such command line"),
    "alioth-sev": (
        "alioth", b"alioth run --coco sev,policy=1\n", "line 1: --coco is 'sev,policy'; expected tdx,attr=0x...",
    ),
    "alioth-no-attr": (
        "alioth", b"alioth run --coco tdx\n", "line 1: --coco tdx has no attr=; expected ATTRIBUTES in hex...",
    ),
    "alioth-attr": ("alioth", b"alioth run --coco tdx,attr=high\n", "line 1: attr: expected a number from 0 to..."),
    "alioth-attr-wide": ("alioth", b"tdx,attr=0x1ffffffffffffffff\n", "line 1: attr: expected a number from 0 to..."),
    "alioth-count": (
        "alioth", b"alioth run --num-cpu none --coco tdx,attr=0\n",
        "line 1: number of CPUs: expected a number from 1 to 0xffff, found 'none'",
    ),
    "alioth-count-0": ("alioth", b"alioth --cpu count=0 --coco tdx,attr=0\n", "line 1: number of CPUs: expected..."),
    "alioth-quote": ("alioth", b"alioth --coco 'tdx,attr=0\n", "line 1: has a quote (') that doesn't end"),
}
