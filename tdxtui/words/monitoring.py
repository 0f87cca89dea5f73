"""Performance monitoring (leaves A and 23) and Processor Trace (leaf 14) in a line each."""

from __future__ import annotations

from tdxtui.words.compound import Parts, Recipe
from tdxtui.words.numbers import counted
from tdxtui.words.table import codec_named

_PT = {
    "cr3_filtering": "CR3 filter", "psb_cyc": "PSB and CYC", "ip_filtering": "IP filter", "mtc_timing": "MTC",
    "ptwrite": "PTWRITE", "power_event_trace": "power events", "psb_pmi_preserve": "PSB and PMI kept",
    "event_trace": "event trace", "tnt_disable": "TNT off", "trigger_tracing": "triggers", "topa_output": "ToPA",
    "topa_multiple_entries": "ToPA of many entries", "single_range_output": "single range",
    "trace_transport_output": "trace transport", "intel_pt_lip": "LIP",
}


def perfmon(parts: Parts) -> str:
    """``version 5, 8 counters of 48 bits, 4 fixed of 48 bits, 8 events`` (SDM, CPUID leaf A); ``none`` at version 0."""
    if not parts["pmu_version"]:
        return "none"
    general = f"{counted(parts['num_counters_gp'], 'counters')} of {parts['bit_width_gp']} bits"
    fixed = f"{parts['num_counters_fixed']} fixed of {parts['bitwidth_fixed']} bits"
    return f"version {parts['pmu_version']}, {general}, {fixed}, {counted(parts['events_mask_len'], 'events')}"


def perfmon_counters(parts: Parts) -> str:
    """``counters 0-7, fixed 0-3`` (SDM, CPUID leaf 23, sub-leaf 1); empty if there is none."""
    general, fixed = (codec_named(f"perfmon_{kind}_counters", 32).decode(parts[kind]) for kind in ("gp", "fixed"))
    return f"counters {general}, fixed {fixed}" if any(parts.values()) else ""


def processor_trace(parts: Parts) -> str:
    """What Processor Trace can: ``CR3 filter, PSB and CYC, MTC, ToPA`` (SDM, CPUID leaf 14); empty if nothing."""
    return ", ".join(words for name, words in _PT.items() if parts[name])


def processor_trace_ranges(parts: Parts) -> str:
    """``2 address ranges, MTC 0/3/6/9, PSB 2K/4K, CYC 0/1/2`` (SDM, CPUID leaf 14, sub-leaf 1); empty if nothing."""
    if not any(parts.values()):
        return ""
    kinds = {"MTC": "mtc_periods_bmp", "PSB": "psb_periods_bmp", "CYC": "cycle_thresholds_bmp"}
    lists = [f"{kind} {codec_named(name, 16).decode(parts[name]).replace(', ', '/')}" for kind, name in kinds.items()]
    return ", ".join([counted(parts["num_address_ranges"], "address ranges"), *lists])


_PERFMON = ("pmu_version", "num_counters_gp", "bit_width_gp", "num_counters_fixed", "bitwidth_fixed", "events_mask_len")
_RANGES = ("num_address_ranges", "mtc_periods_bmp", "psb_periods_bmp", "cycle_thresholds_bmp")
RECIPES = (
    Recipe("perfmon", 0xA, _PERFMON, perfmon, line="perfmon {}"),
    Recipe("perfmon_counters", 0x23, ("gp", "fixed"), perfmon_counters, prefix="perfmon_", line="perfmon {}"),
    Recipe("processor_trace", 0x14, tuple(_PT), processor_trace, line="PT {}"),
    Recipe("processor_trace_ranges", 0x14, _RANGES, processor_trace_ranges, line="PT {}"),
)
