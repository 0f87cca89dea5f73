"""A report for reviews: what the model asks for, what the TD gets, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tdxtui import catalog, phrase
from tdxtui.check import Finding
from tdxtui.classify import classes_at
from tdxtui.cpuid import Field, Leaf
from tdxtui.exporters.kvm_rules import bits_of
from tdxtui.exporters.result import Written
from tdxtui.exporters.subject import Subject, tool
from tdxtui.strict import shown
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, TSC_UNIT_MHZ, XFAM, names_of

MAX_TEXT = 500
FEW = 6


def write(subject: Subject) -> Written:
    """The report."""
    parts = [*_ground(subject), *_findings(subject), *_td_params(subject), *_wishes(subject), *_cpuid(subject)]
    return Written("\n".join(parts) + "\n")


def _cell(text: str) -> str:
    """A text that can't end its cell, start markup, or break the line."""
    plain = shown(text, MAX_TEXT)
    return "".join(f"\\{char}" if char in "\\|`*_<>[]" else char for char in plain)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = [*head]
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""


def _ground(subject: Subject) -> Iterator[str]:
    module, cpu = subject.module, subject.situation.platform
    yield f"# {_cell(subject.model.name)}"
    yield ""
    if subject.model.description:
        yield from [_cell(subject.model.description), ""]
    rows = [
        ("Verdict", "**conflicts**" if subject.problems else _cell("; ".join(subject.ground[2:]))),
        ("Module", f"{module.version}, evidence: {module.evidence} ({_cell(module.source)})"),
        ("CPU", f"{_cell(cpu.name)}: {_cell(cpu.title)}" if cpu else "none: what depends on it is unknown"),
        ("Written by", tool()),
    ]
    yield from _table(("", ""), rows)


def _findings(subject: Subject) -> Iterator[str]:
    """What `tdxtui check` says, warnings included."""
    rows = [
        (item.severity.value, item.layer.value, ", ".join(_places(item)), _cell(item.message))
        for item in subject.findings
    ]
    if rows:
        yield from ["## Findings", ""]
        yield from _table(("", "layer", "bits", ""), rows)


def _places(finding: Finding) -> Iterator[str]:
    """The bits or the field that a finding is about."""
    keys = [bit.key for bit in finding.bits] or ([finding.field.key] if finding.field else [])
    yield from (f"`{key}`" for key in keys[:FEW])
    if len(keys) > FEW:
        yield f"and {len(keys) - FEW} more"


def _td_params(subject: Subject) -> Iterator[str]:
    config = subject.config
    words = (("ATTRIBUTES", config.attributes, ATTRIBUTES), ("XFAM", config.xfam, XFAM),
             ("CONFIG_FLAGS", config.config_flags, CONFIG_FLAGS))
    rows = [(name, f"{value:#x}", _cell(", ".join(names_of(value, known)))) for name, value, known in words]
    mhz = config.tsc_frequency * TSC_UNIT_MHZ
    rows += [
        ("EPTP_CONTROLS", f"{config.eptp_controls:#x}", ""),
        ("TSC_FREQUENCY", str(config.tsc_frequency), f"{mhz} MHz"),
        ("MAX_VCPUS", str(config.max_vcpus), ""),
        ("NUM_L2_VMS", str(config.num_l2_vms), ""),
    ]
    if subject.model.arch_capabilities is not None:
        rows.append(("IA32_ARCH_CAPABILITIES_CONFIG", f"{config.arch_capabilities_config:#x}", ""))
    rows += [(name.upper(), digest.hex(), "") for name, digest in subject.model.digests.items()]
    yield from ["## TD_PARAMS", ""]
    yield from _table(("field", "value", ""), rows)


def _wishes(subject: Subject) -> Iterator[str]:
    yield from ["## Wishes", ""]
    wishes = subject.model.wishes
    leaves = sorted(wishes, key=lambda leaf: (leaf.leaf, leaf.subleaf or 0))
    rows = [_wish(subject, field) for leaf in leaves for field in _fields(subject, leaf, wishes[leaf][1])]
    yield from _table(("field", "name", "wished", "gets", "class", "because"), rows)


def _fields(subject: Subject, leaf: Leaf, mask: int) -> Iterator[Field]:
    """The wished bits as runs of one name and class, from EAX's high bits on."""
    run: list[Field] = []
    for bit in bits_of(leaf, mask):
        if run and not _alike(subject, run[-1], bit):
            yield Field(leaf, run[0].register, run[0].msb, run[-1].lsb)
            run = []
        run.append(bit)
    if run:
        yield Field(leaf, run[0].register, run[0].msb, run[-1].lsb)


def _alike(subject: Subject, high: Field, low: Field) -> bool:
    if high.register != low.register or high.lsb != low.msb + 1:
        return False
    entry = subject.module.entry_for(high.leaf)
    kinds = classes_at(subject.module, entry.leaf) if entry else None
    same = kinds is None or kinds.class_of(high) == kinds.class_of(low)
    return same and catalog.named_at(high) == catalog.named_at(low)


def _wish(subject: Subject, field: Field) -> tuple[str, ...]:
    value = field.get(subject.model.wishes[field.leaf][0])
    at = subject.module.entry_field(field)
    head = (f"`{field.key}`", _cell(phrase.field_name(field)), f"{value:#x}")
    if at is None:
        return (*head, "nothing", "", f"module {subject.module.version} has no such entry")
    wrong = subject.situation.conflicts.get(field.leaf, 0) & field.mask
    about = next(bit for bit in reversed([*at.bits()]) if not wrong or bit.mask & wrong)
    goal = value >> about.lsb - field.lsb & 1 if wrong else None
    reason = subject.situation.explainer.reason(about, goal, far=False)
    because = phrase.short_because(reason) if field.is_bit else phrase.decider(reason)
    known = subject.td.known_at(at.leaf) & at.mask == at.mask
    gets = f"{subject.td.get(at):#x}" if known else "?"
    return (*head, f"**{gets}**" if wrong else gets, _cell(phrase.verdict(reason)), _cell(because))


def _cpuid(subject: Subject) -> Iterator[str]:
    """The guest's CPUID whole, for comparing two reports."""
    yield from ["## Virtual CPUID", "", "`?` is a digit with bits that depend on the CPU.", ""]
    rows = []
    for leaf, value in subject.td.cpuid().items():
        known = subject.td.known_at(leaf)
        digits = "".join(
            digit if known >> shift & 0xF == 0xF else "?"
            for digit, shift in zip(f"{value:032x}", range(124, -4, -4), strict=True)
        )
        title = _cell(catalog.title(leaf))
        rows.append((f"`{leaf.key}`", title, *(f"`{digits[at:at + 8]}`" for at in range(0, 32, 8))))
    yield from _table(("leaf", "", "EAX", "EBX", "ECX", "EDX"), rows)
