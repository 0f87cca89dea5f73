"""A small good sample of each format of configurations, made here, by the format's name."""

from __future__ import annotations

import base64
import struct

from tdxtui.cpuid import Leaf, pack, unpack

DIGEST = bytes(range(48))
BASE64 = base64.b64encode(DIGEST).decode()

QEMU = f"""\
#!/bin/bash
# A TD with less than the host has.
CPU=host,check,-avx512f,+pks
qemu-system-x86_64 -accel kvm -smp 4,maxcpus=8 -name guest=web,process=td \\
  -machine q35,kernel-irqchip=split,confidential-guest-support=tdx0 \\
  -cpu $CPU,pmu=off,tsc-frequency=2600000000 \\
  -object tdx-guest,id=tdx0,sept-ve-disable=on,attributes=0x10000000,mrconfigid={BASE64} # the end
"""

DOMAIN = f"""\
<!-- virsh dumpxml -->
<domain type='kvm' id='3' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>td</name>
  <vcpu placement='static' current='2'>4</vcpu>
  <cpu mode='host-passthrough' check='none' migratable='off'>
    <feature policy='disable' name='amx-bf16'/>
    <feature policy='require' name='pks'/>
    <feature policy='optional' name='pclmuldq'/>
  </cpu>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices>
  <launchSecurity type='tdx'>
    <policy>0x10000000</policy>
    <mrConfigId>{BASE64}</mrConfigId>
    <quoteGenerationService path='/run/qgs.socket'/>
  </launchSecurity>
</domain>
"""

DOMAIN_CAPABILITIES = """\
<domainCapabilities>
  <path>/usr/bin/qemu-system-x86_64</path>
  <domain>kvm</domain>
  <cpu>
    <mode name='host-passthrough' supported='yes'/>
    <mode name='host-model' supported='yes'>
      <model fallback='forbid'>SapphireRapids</model>
      <vendor>Intel</vendor>
      <feature policy='require' name='ss'/>
      <feature policy='disable' name='amx-int8'/>
    </mode>
    <mode name='custom' supported='yes'><model usable='yes'>SapphireRapids</model></mode>
  </cpu>
  <features><tdx supported='yes'/></features>
</domainCapabilities>
"""

QMP = """\
{"return": {"model": {"name": "SapphireRapids-v4", "props": {
  "avx512f": true, "sse4_1": true, "sse4.1": true, "ds-cpl": false, "ds_cpl": false, "phys-bits": 46,
  "family": 6, "model": 143, "stepping": 4, "vmx-ept": true, "kvm": true, "vendor": "GenuineIntel"}}}, "id": "1"}
{"return": [{"name": "max", "unavailable-features": []}]}
"""

CPUINFO = """\
processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Platinum 8480+
flags\t\t: fpu vme de pse tsc msr pae apic lm sse2 constant_tsc rep_good dts cqm avx512_vbmi2 avx avx512f pku amx_tile
bugs\t\t: spectre_v1
"""

FIRECRACKER = """\
{"cpuid_modifiers": [
  {"leaf": "0x7", "subleaf": "0x0", "flags": 1, "modifiers": [
    {"register": "ebx", "bitmap": "0bxxxxxxxx_xxxxxxx0_xxxxxxxx_xx1xxxxx"},
    {"register": "edx", "bitmap": "0bxxxxxxx0xxxxxxxxxxxxxxxxxxxxxxxx"}]},
  {"leaf": "0x1", "subleaf": "0x0", "flags": 0, "modifiers": [
    {"register": "ecx", "bitmap": "0bxxx1xxxxxxxxxxxxxxxxxxxxxxxxxxxx"}]}],
 "msr_modifiers": [{"addr": "0x10a", "bitmap": "0bxxx1"}]}
"""

KATA = """\
# Kata Containers with TDX
[hypervisor.qemu]
path = "/usr/bin/qemu-system-x86_64"
machine_type = "q35"
confidential_guest = true
cpu_features = "pmu=off,-vmx,-avx512f"
default_vcpus = 2
default_maxvcpus = 6

[agent.kata]
debug_console_enabled = false
"""

CLOUD_HYPERVISOR = """\
cloud-hypervisor \\
    --platform tdx=on --firmware OVMF.fd \\
    --cpus boot=2,max=6,features=amx,max_phys_bits=46 \\
    --memory size=1G
"""

ALIOTH = "alioth -l info run --firmware OVMF.fd --cpu count=4 --coco tdx,attr=0x10000000 --memory size=1G\n"

# CPUID_CONFIG of a TD on 1.5.06: AVX, TSC_DEADLINE and F16C; BMI1, BMI2 and ERMS; LA57.
ENTRIES = {
    Leaf(1): pack(0, 0x00040000, 0x31000000, 0),
    Leaf(7, 0): pack(0, 0x00000308, 0x00010000, 0),
    Leaf(0x80000008): pack(0, 0, 0, 0),
}


def init_vm(
    entries: dict[Leaf, int] | None = None, attributes: int = 1 << 28, xfam: int = 7, phys_bits: int = 48
) -> bytes:
    """A struct kvm_tdx_init_vm; entries carry the flag for their index where they have one."""
    chosen = ENTRIES if entries is None else entries
    head = struct.pack("<QQ", attributes, xfam) + DIGEST + bytes(96) + bytes(96)
    body = struct.pack("<II", len(chosen), 0)
    for leaf, value in chosen.items():
        registers = list(unpack(value))
        if leaf.leaf == 0x80000008:
            registers[0] |= phys_bits << 16
        body += struct.pack("<7I12x", leaf.leaf, leaf.subleaf or 0, int(leaf.subleaf is not None), *registers)
    return head + body


def td_params(
    slots: list[int] | None = None, attributes: int = 1 << 28, xfam: int = 7, flags: int = 4, eptp: int = 0x1E
) -> bytes:
    """TD_PARAMS with 2.6 GHz, 8 vCPUs and an MRCONFIGID."""
    chosen = [ENTRIES[Leaf(1)], 0, 0, 0, 0, ENTRIES[Leaf(7, 0)]] if slots is None else slots
    head = struct.pack("<QQHBB4xQQH38x", attributes, xfam, 8, 0, 0, eptp, flags, 104)
    head += DIGEST + bytes(96) + struct.pack("<Q", 0) + bytes(24)
    return (head + b"".join(struct.pack("<4I", *unpack(value)) for value in chosen)).ljust(1024, b"\0")


SAMPLES: dict[str, bytes] = {
    "qemu": QEMU.encode(),
    "libvirt-domain": DOMAIN.encode(),
    "libvirt-cpu": DOMAIN_CAPABILITIES.encode(),
    "qmp": QMP.encode(),
    "kvm-tdx-init-vm": init_vm(),
    "td-params": td_params(),
    "proc-cpuinfo": CPUINFO.encode(),
    "firecracker-template": FIRECRACKER.encode(),
    "kata": KATA.encode(),
    "cloud-hypervisor": CLOUD_HYPERVISOR.encode(),
    "alioth": ALIOTH.encode(),
}
