#!/bin/sh
# Starts a TD for a web server.
CPU=host,-avx512f,amx-bf16=off,pmu=off
qemu-system-x86_64 -accel kvm -name guest=web -smp 4,maxcpus=8 -m 8G \
    -machine q35,kernel-irqchip=split,confidential-guest-support=tdx0 \
    -cpu $CPU,tsc-frequency=2600000000 \
    -object '{"qom-type":"tdx-guest","id":"tdx0"}' \
    -bios OVMF.inteltdx.fd
