"""Read and check a module file (TOML). Whatever is wrong is a `DataError` with file, table and key."""

from __future__ import annotations

from pathlib import Path

from tdxtui.module import Module
from tdxtui.module_file import entries as entry_tables
from tdxtui.module_file import exit_rules, platform_rules, statements, td_rules
from tdxtui.module_file.references import References, one_of
from tdxtui.strict import Section, parse_toml, read_text
from tdxtui.td import ATTRIBUTES, CONFIG_FLAGS

EVIDENCE = ("run", "read", "partial")


def load(path: Path) -> Module:
    """The module of a file; DataError for a file that can't be used."""
    return parse(read_text(path), str(path))


def parse(text: str, source: str) -> Module:
    """The module of a file's text; `source` is what errors call the file."""
    top = Section(parse_toml(text, source), source)
    entries = entry_tables.entries_of(top)
    refs = References(entries)
    module = Module(
        version=top.text("version"),
        evidence=top.parsed("evidence", one_of(EVIDENCE)),
        source=top.text("source"),
        features0=top.hex("features0", default=None),
        entries=entries,
        cpuid_config=entry_tables.cpuid_config(top, entries, refs),
        attributes=td_rules.bit_rules(top.table("attributes"), ATTRIBUTES, refs),
        xfam=td_rules.xfam_rules(top.table("xfam")),
        config_flags=td_rules.bit_rules(top.table("config_flags"), CONFIG_FLAGS, refs),
        td_params=td_rules.td_params(top.table("td_params")),
        fms=td_rules.fms(top.table("fms")),
        msr_checks=tuple(platform_rules.msr_check(section, refs) for section in top.tables("msr_check")),
        platform_checks=tuple(platform_rules.platform_check(section, refs) for section in top.tables("platform_check")),
        early_stepping=platform_rules.early_stepping(top, refs),
        arch_capabilities=platform_rules.arch_capabilities(top.table("arch_capabilities")),
        gates=tuple(statements.gate(section, refs) for section in top.tables("gate")),
        mirrors=statements.mirrors(top, refs),
        equals=tuple(statements.equal(section, refs) for section in top.tables("equal")),
        needs_msr=tuple(statements.needs_msr(section, refs) for section in top.tables("needs_msr")),
        computed=statements.computed_fields(top, refs),
        topology=statements.topology(top, refs),
        flags=statements.flags(top.table("flags"), refs),
        exit=exit_rules.exit_rules(top, entries, refs),
        msr_defaults=platform_rules.msr_defaults(top.table("msr_defaults")),
        last_base_leaf=top.hex("last_base_leaf", 32),
        reports_configured_native=top.flag("reports_configured_native"),
        host_reads_zero_leaves=top.flag("host_reads_zero_leaves"),
        states_maxpa=top.flag("states_maxpa"),
        inferred=tuple(statements.inferred(section, refs) for section in top.tables("inferred")),
    )
    top.done()
    return module

