"""The page: its head, the legend, the findings, and a section for each entry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape
from string import Template

from tdxtui import catalog, library, words
from tdxtui.bit_state import BitState, states
from tdxtui.cpuid import REGISTER_SHIFTS, WORD, Leaf, Register
from tdxtui.evaluate import Situation
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS, XFAM, names_of
from tdxtui.web_page.cells import Cell, Run, cells, entry_runs

LEGEND = (
    (BitState.FIXED_1, "fixed 1"), (BitState.FIXED_0, "fixed 0"), (BitState.FLEXIBLE_1, "flexible, set"),
    (BitState.FLEXIBLE_0, "flexible, clear"), (BitState.CONFLICT, "conflicts: wished otherwise"),
    (BitState.RUN_TIME, "decided at run time or by the guest"), (BitState.VE, "gives the guest #VE"),
    (BitState.UNKNOWN, "unknown without a CPU"),
)
STYLES = {state: state.name.lower().replace("_0", "").replace("_1", "").replace("_", "-") for state in BitState}


def page(situation: Situation, tool: str = "") -> str:
    """The page of a situation; `tool` says what made it."""
    template = Template((library.DATA / "html" / "page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(situation.model.name),
        style=_asset("style.css"),
        script=_asset("script.js"),
        description=escape(situation.model.description),
        facts="\n".join(_facts(situation)),
        verdict="\n".join(_verdict(situation)),
        legend="\n".join(_legend(situation)),
        index="\n".join(_index(situation)),
        entries="\n".join(_entry(situation, leaf) for leaf in _leaves(situation)),
        tool=escape(tool),
    )


def _asset(name: str) -> str:
    return (library.DATA / "html" / name).read_text(encoding="utf-8").strip()


def _facts(situation: Situation) -> Iterator[str]:
    model, module = situation.model, situation.module
    capabilities = model.arch_capabilities
    facts = {
        "Module": f"{module.version} (evidence: {module.evidence})",
        "CPU": situation.platform.title or situation.platform.name if situation.platform else "none",
        "XFAM": f"{model.xfam:#x}: {' '.join(names_of(model.xfam, XFAM))}",
        "ATTRIBUTES": f"{model.attributes:#x}: {' '.join(names_of(model.attributes, ATTRIBUTES)) or 'none'}",
        "CONFIG_FLAGS": f"{model.config_flags:#x}: {' '.join(names_of(model.config_flags, CONFIG_FLAGS)) or 'none'}",
        "TSC": f"{model.tsc_mhz} MHz",
        "MAX_VCPUS": str(model.max_vcpus),
        "NUM_L2_VMS": str(model.num_l2_vms),
        **({} if capabilities is None else {"IA32_ARCH_CAPABILITIES_CONFIG": f"{capabilities:#x}"}),
        **{name.upper(): digest.hex() for name, digest in model.digests.items()},
    }
    yield from (f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in facts.items())


def _verdict(situation: Situation) -> Iterator[str]:
    """What is wrong with the model here, or that nothing is."""
    problems = situation.refusals_elsewhere() + [str(item) for item in situation.refusals if item.at]
    here = {leaf: mask for leaf, mask in situation.conflicts.items() if situation.module.entry_for(leaf)}
    bits = [bit for bit in situation.conflict_bits() if here.get(bit.leaf, 0) & bit.mask]
    for bit in bits:
        named = catalog.named_at(bit)
        name = f" {named.name}" if named else ""
        wanted = situation.model.wished(bit)
        problems.append(f"{bit.sdm}{name}: {wanted} is wished, the TD gets {1 - (wanted or 0)}")
    if not problems:
        yield '<p class="fine">Everything comes out as the model wishes.</p>'
        return
    yield f'<p class="bad">{len(problems)} conflict{"" if len(problems) == 1 else "s"}</p><ul>'
    yield from (f"<li>{escape(text)}</li>" for text in problems)
    yield "</ul>"


def _legend(situation: Situation) -> Iterator[str]:
    rows = (states(situation, entry.leaf) for entry in situation.module.entries)
    counts = Counter(state for entry in rows for register in entry for state in register)
    for state, text in LEGEND:
        yield f'<li><b class="{STYLES[state]}">{state.glyph}</b> {text} <small>{counts[state]}</small></li>'


def _index(situation: Situation) -> Iterator[str]:
    for leaf in _leaves(situation):
        mark = " ✗" if situation.conflicts_at(leaf) else ""
        yield f'<a href="#l{leaf.key}">{leaf.key}{mark}</a>'


def _leaves(situation: Situation) -> list[Leaf]:
    """The entries by their numbers, as the screen has them."""
    return sorted((entry.leaf for entry in situation.module.entries), key=lambda leaf: (leaf.leaf, leaf.subleaf or 0))


def _entry(situation: Situation, leaf: Leaf) -> str:
    found = entry_runs(situation, leaf)
    rows = "".join(_register(situation, register, row) for register, row in cells(situation, leaf, found))
    said = " · ".join(words.lines(leaf, situation.td.at(leaf), situation.td.known_at(leaf))[:2])
    title = f"<h2>{escape(leaf.sdm)} <small>{escape(catalog.title(leaf))}</small></h2>"
    return f'<section id="l{leaf.key}">{title}<table>{rows}</table><p class="words">{escape(said)}</p></section>'


def _register(situation: Situation, register: Register, row: list[tuple[Run, Cell]]) -> str:
    out: list[str] = []
    last = None
    for run, cell in row:
        if cell.field.msb % 8 == 7:
            out.append("</td><td>" if out else "<td>")
        # A run's reason is told once; its further cells find it by the script.
        told = "" if run is last else (
            f' data-k="{run.kind}" data-g="{run.group}" data-r="{_range(run)}" title="{escape(run.reason)}"'
        )
        last = run
        out.append(f'<b class="{STYLES[cell.state]}"{told}>{cell.glyphs}</b>')
    value = situation.td.at(row[0][1].field.leaf) >> REGISTER_SHIFTS[register] & WORD
    known = situation.td.known_at(row[0][1].field.leaf) >> REGISTER_SHIFTS[register] & WORD
    shown = f"{value:08X}" if known == WORD else "?"
    return f"<tr><th>{register.name}</th>{''.join(out)}</td><td class=hex>{shown}</td></tr>"


def _range(run: Run) -> str:
    return f"{run.field.key} {run.name}".strip()
