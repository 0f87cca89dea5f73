"""A libvirt domain: <cpu>, <launchSecurity type='tdx'>, <vcpu>, and a -cpu passed through to QEMU."""

from __future__ import annotations

from itertools import pairwise

from tdxtui.importers import cpu_option, libvirt_cpu, settings, xml_tree
from tdxtui.importers.features_of_cpu import features, stem
from tdxtui.importers.registry import REAL
from tdxtui.importers.result import Features, Imported, failed
from tdxtui.importers.xml_tree import Node
from tdxtui.td import ATTRIBUTES

NAME = "libvirt-domain"
TITLE = "a libvirt domain"
EVIDENCE = REAL

_WRAPPERS = ("domstatus", "domainsnapshot", "domaincheckpoint", "domainbackup")
_DIGESTS = {"mrConfigId": "mrconfigid", "mrOwner": "mrowner", "mrOwnerConfig": "mrownerconfig"}


def sniff(head: bytes) -> int:
    """By the element at the root; a saved domain's status or snapshot has it further in."""
    root = xml_tree.root_tag(head)
    return 95 if root == "domain" else 90 if root in _WRAPPERS and b"<domain " in head else 0


def read(data: bytes, name: str) -> Imported:
    """The TD that such a domain asks for."""
    root = xml_tree.parse(data, name)
    domain = next((element for element in root.walk() if element.tag == "domain"), None)
    if domain is None:
        raise failed(name, f"line {root.line}", f"expected <domain>, found <{root.tag[:30]}>")
    notes: list[str] = []
    td = _launch_security(domain, name, notes)
    td |= _clock(domain, name, notes)
    vcpus = _vcpus(domain, name)
    passed = _passed_through(domain)
    title = _text(domain, "name")
    if passed is not None:
        option = cpu_option.parse(passed.attributes["value"], name, f"line {passed.line}: -cpu")
        notes.append("<qemu:commandline> has a -cpu, which replaces <cpu>; it is read instead.")
        option.settings |= {**td, **vcpus}
        return Imported(NAME, features(option, title, notes, name), tuple(notes))
    cpu = libvirt_cpu.read(domain.find("cpu"), name, notes)
    cpu.bits.packages(vcpus["max_vcpus"], _sockets(domain, name))
    attributes = int(str(td.pop("attributes"))) | (ATTRIBUTES["PKS"] if cpu.pks else 0) | _perfmon(domain, name)
    found = Features(
        title or stem(name), cpu.bits.wishes, attributes, None, vcpus["max_vcpus"], td, cpu.host,
        names=cpu.bits.qemu_names(),
    )
    return Imported(NAME, found, tuple(notes))


def _launch_security(domain: Node, name: str, notes: list[str]) -> dict[str, object]:
    """ATTRIBUTES and digests."""
    security = domain.find("launchSecurity")
    kind = security.attributes.get("type", "") if security else ""
    if security is None or kind != "tdx":
        what = f"launchSecurity is of type {kind[:20]!r}" if security else "has no launchSecurity of type tdx"
        notes.append(f"{what}: that is no TD. What it asks for is read as if it were one.")
        return settings.td_object({}, name, "", notes)
    where = f"line {security.line}: launchSecurity"
    properties: dict[str, object] = {}
    for tag, key in {"policy": "attributes", **_DIGESTS}.items():
        if text := _text(security, tag):
            properties[key] = text
    return settings.td_object(properties, name, where, notes)


def _sockets(domain: Node, name: str) -> int:
    topology = domain.find("cpu", "topology")
    if topology is None:
        return 1
    text = topology.attributes.get("sockets", "1")
    return settings.number(text, name, f"line {topology.line}: sockets", settings.MAX_VCPUS, 1)


def _clock(domain: Node, name: str, notes: list[str]) -> dict[str, object]:
    """The TSC's frequency, if a timer says it."""
    clock = domain.find("clock")
    for timer in clock.all("timer") if clock else ():
        if timer.attributes.get("name") == "tsc" and "frequency" in timer.attributes:
            hertz = settings.number(timer.attributes["frequency"], name, f"line {timer.line}: tsc frequency")
            return {"tsc_mhz": settings.tsc_mhz(hertz, notes)}
    return {}


def _perfmon(domain: Node, name: str) -> int:
    """ATTRIBUTES.PERFMON, which QEMU sets where the PMU is on."""
    pmu = domain.find("features", "pmu")
    state = pmu.attributes.get("state", "on") if pmu else "off"
    return ATTRIBUTES["PERFMON"] if settings.switch(state, name, f"line {pmu.line if pmu else 0}: pmu") else 0


def _text(node: Node, tag: str) -> str:
    """The text of an element in another one, "" where there is none."""
    found = node.find(tag)
    return found.text.strip() if found else ""


def _vcpus(domain: Node, name: str) -> dict[str, int]:
    vcpu = domain.find("vcpu")
    if vcpu is None:
        return {"max_vcpus": 1}
    return {"max_vcpus": settings.number(vcpu.text.strip(), name, f"line {vcpu.line}: vcpu", settings.MAX_VCPUS, 1)}


def _passed_through(domain: Node) -> Node | None:
    """The argument after the last -cpu of <qemu:commandline>."""
    line = next((child for child in domain.children if child.tag.endswith(":commandline")), None)
    arguments = [child for child in line.children if child.tag.endswith(":arg")] if line else []
    found = [value for option, value in pairwise(arguments)
             if option.attributes.get("value") == "-cpu" and "value" in value.attributes]
    return found[-1] if found else None
