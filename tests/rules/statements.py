"""What the read module files state, rule by rule: an edit that takes it out, and the tests that fail without it."""

from __future__ import annotations

from typing import NamedTuple

from .mutations import Edit, Step, both, less, more, new, no_entry, not_dynamic, out, put, to
from .platforms import NOT_G, NOT_H, C, D, E, G, H


class Row(NamedTuple):
    """A statement: the modules whose files make it, what takes it out, and tests that must all fail without it."""

    statement: str
    modules: tuple[str, ...]
    edit: Edit
    tests: tuple[str, ...]


def row(statement: str, modules: tuple[str, ...], edit: Edit, *tests: str) -> Row:
    """A row; its tests carry the names of the rules."""
    return Row(statement, modules, edit, tests)


# fmt: off
OLD = ("1.5.08",)
WORD = 0xFFFFFFFF
REGISTERS = ("eax", "ebx", "ecx", "edx")
FMS = ("0xd06d1", "0xa06e1", "0xa06d1", "0xa06f3", "0xc06f2", "0x806f8")
TEXT = {  # 80000002: FIXED1 and FIXED0 of EBX and ECX before and after F2
    "old": {"ebx": ("0x58204454", "0xa7dfbbab"), "ecx": ("0x6c202020", "0x93dfdfdf")},
    "new": {"ebx": ("0x4454206c", "0xbbabdf93"), "ecx": ("0x20202058", "0xdfdfdfa7")},
}
AS_CONFIGURED = (
    "1.ecx.7", "1.ecx.8", "1.ecx.18", "1.ecx.24", "1.edx.22", "7.0.ebx.12", "7.0.ebx.15", "7.0.ecx.13", "7.0.edx.18",
)
ONE = ("1.edx.7", "1.edx.12", "1.edx.14", "7.0.edx.30")
MCE_MCA = ("1.edx.7", "1.edx.14")
FLAGS = ("dca", "tsc_deadline", "est", "tm2", "acpi", "rdt_a", "rdt_m", "tme", "mktme")
WITH_ENTRY = ("3", "8", "e", "11", "12", "13", "20", "22")  # leaves of the bitmap that are an entry too
FLAGGED = {"9": "!1.ecx.18", "f": "!7.0.ebx.12", "10": "!7.0.ebx.15", "1b": "!7.0.edx.18"}
REDUCED = ("c", "16", "17", "80000003", "80000004", "80000005")  # leaves of the bitmap that need REDUCE_VE alone
FUTURE = (("7.1", "eax", 17), ("7.1", "edx", 19), ("7.1", "edx", 21), ("23.0", "eax", 4), ("23.0", "eax", 5))
GATE_23: Step = {"needs": ["ATTRIBUTES.PERFMON", "7.1.eax.8"]}


def text(version: str, register: str) -> Edit:
    """Give a register of 80000002 the text before or after F2."""
    one, zero = TEXT[version][register]
    return to("entry", "80000002", register, value={"fixed0": zero, "fixed1": one})


def pair(first: str, second: str) -> Edit:
    """Let two attributes stand together."""
    return out("attributes", "exclusive", [first, second])


def unfixed(key: str, register: str, bit: int) -> Edit:
    """Let a bit pass through."""
    return less("entry", key, register, "fixed0", bits=1 << bit)


def direct(key: str, register: str, bit: int) -> Edit:
    """Make a fixed bit allow_direct."""
    return both(unfixed(key, register, bit), more("entry", key, register, "configured_native", bits=1 << bit))


def not_direct(key: str, register: str, bit: int) -> Edit:
    """Make an allow_direct bit fixed."""
    where = ("entry", key, register)
    return both(less(*where, "configured_native", bits=1 << bit), more(*where, "fixed0", bits=1 << bit))


SECTION_C = [
    row("CONFIG_FLAGS bit 4", C, less("config_flags", "allowed", bits=0x10),
        "test_c1_each_flag_within_1f_is_accepted"),
    *(row(f"CONFIG_FLAGS without bit {n}", C, more("config_flags", "allowed", bits=1 << n),
          "test_c1_flags_beyond_bit_4_are_refused") for n in (5, 6, 8)),
    row("MAXGPA_VIRT excludes MAXPA_VIRT", C, out("config_flags", "exclusive", ["MAXPA_VIRT", "MAXGPA_VIRT"]),
        "test_c1_maxgpa_virt_with_maxpa_virt_is_refused", "test_c1_the_two_flags_are_refused_with_gpaw_too"),

    row("80000008.EAX[7:0]", C, out("computed", {"field": "80000008.eax[7:0]"}),
        "test_c2_maxgpa_virt_ignores_the_configured_byte",
        "test_c2_without_maxgpa_virt_b6_holds_and_the_guest_width_is_zero",
        "test_c2_with_maxpa_virt_b6_still_refuses"),
    row("80000008.EAX[23:16]", C, out("computed", {"field": "80000008.eax[23:16]"}),
        "test_c2_maxgpa_virt_gives_native_maxpa_and_the_guest_width",
        "test_c2_without_maxgpa_virt_b6_holds_and_the_guest_width_is_zero",
        "test_c2_classes_of_the_upper_half"),
    row("80000008.EAX[31:24] is native", C, new("entry", "80000008", "eax", "fixed0", value="0xff000000"),
        "test_c2_maxgpa_virt_gives_native_maxpa_and_the_guest_width", "test_c2_classes_of_the_upper_half"),
    row("80000008.EAX[31:8] is not configurable", C, more("entry", "80000008", "eax", "configured", bits=0xFFFFFF00),
        "test_c2_the_upper_half_is_not_configurable"),

    row("A.ECX[6:4] is not verified", C, more("verify", "a", "ecx", "zero", bits=0x70),
        "test_c3_a_ecx_may_have_bits_6_to_4", "test_c3_classes_follow_the_verify_masks"),
    row("A.ECX[31:7] is verified", C, out("verify", "a", "ecx"), "test_c3_classes_follow_the_verify_masks"),
    # From 1.5.34 the bitmap of leaf A (G3) refuses the same.
    row("A.ECX[31:7] is verified", NOT_G, out("verify", "a", "ecx"), "test_c3_a_ecx_above_bit_6_is_refused"),
    row("23.1.EBX[6:4] is not verified", C, more("verify", "23.1", "ebx", "zero", bits=0x70),
        "test_c3_23_1_ebx_may_have_bits_6_to_4", "test_c3_classes_follow_the_verify_masks"),
    row("23.1.EBX[31:7] is verified", C, out("verify", "23.1", "ebx"), "test_c3_classes_follow_the_verify_masks"),
    # In 2.0.x the comparison with leaf A (H4) refuses the same.
    row("23.1.EBX[31:7] is verified", NOT_H, out("verify", "23.1", "ebx"),
        "test_c3_23_1_ebx_above_bit_6_is_refused"),

    row("B.k+1 to B.2 are zero", OLD, to("topology", "fill", value="index"),
        "test_c4_the_rest_of_leaf_b_is_all_zero", "test_c4_without_an_smt_level_two_entries_are_all_zero"),
    row("TD_CTLS without REDUCE_VE", OLD, put("exit", "td_ctls", item="REDUCE_VE"),
        "test_c4_no_ve_reduction_in_1_5_08", "test_c4_missing_sub_leaves_are_ve_in_1_5_08"),
    *(row(f"{leaf} is faulting", OLD, out("exit", "faulting", leaf), "test_c4_no_ve_reduction_in_1_5_08")
      for leaf in ("6", "80000006")),
    *(row(f"{leaf} needs TD_CTLS", OLD, out("exit", "needs", leaf),
          "test_c4_leaf_2_and_the_topology_leaves_follow_td_ctls_in_1_5_08") for leaf in ("2", "b")),
    row("1f needs TD_CTLS", OLD, out("exit", "needs", "1f"), "test_c4_leaf_1f_needs_enum_topology_in_1_5_08"),
    *(row(f"{key}.EDX is the x2APIC ID", OLD, not_dynamic(f"{key}.edx", key, "edx", WORD),
          "test_c4_leaf_2_and_the_topology_leaves_follow_td_ctls_in_1_5_08") for key in ("b.0", "1f.1")),
    row("the last extended leaf is native", OLD, to("exit", "extended_limit", value="virtual"),
        "test_c4_the_last_extended_leaf_is_native_in_1_5_08", "test_d5_3_the_limits_are_native_in_1_5_08"),
    row("1.EDX 5080 is not configurable", OLD, more("entry", "1", "edx", "configured_native", bits=0x5080),
        "test_c4_mce_and_mtrr_are_constant_in_1_5_08"),

    row("a defaulted FMS is checked", OLD, to("fms", "check_default", value=False),
        "test_c5_a_default_off_the_list_shuts_the_module_down",
        "test_c5_a_default_above_the_lists_stepping_is_refused"),
    *(row(f"FMS {fms}", OLD, out("fms", "models", fms), "test_c5_a_default_on_the_list_is_accepted") for fms in FMS),
]

SECTION_D = [
    *(row(f"18.{n} is an entry", D, no_entry(f"18.{n}"), "test_d1_entries_are_79") for n in range(9)),
    *(row(f"18.{n}.EDX[25:14] is configurable", D, out("entry", f"18.{n}", "edx", "configured"),
          "test_d1_each_sub_leaf_of_18_is_configurable") for n in range(9)),
    row("18.0.EDX has no other bit", D, more("entry", "18.0", "edx", "configured", bits=0x04002000),
        "test_d1_leaf_18_has_no_other_configurable_bit", "test_d1_classes_of_the_new_entries"),
    row("80000002 is an entry", D, no_entry("80000002"), "test_d1_entries_are_79"),
    *(row(f"80000002.{register} is constant", D, out("entry", "80000002", register),
          "test_d1_leaf_80000002_is_a_constant_text") for register in REGISTERS),
    *(row(f"6.{register} is constant", D, out("entry", "6", register), "test_d1_no_bit_of_leaf_6_passes_through")
      for register in REGISTERS),
    row("6.EAX[2] is 1", D, out("entry", "6", "eax", "fixed1"), "test_d1_no_bit_of_leaf_6_passes_through"),
    *(row(f"80000006.{'.'.join(path)}", D, out("entry", "80000006", *path),
          "test_d1_leaf_80000006_keeps_only_the_cache_size")
      for path in (("eax",), ("ebx",), ("ecx", "fixed0"), ("ecx", "fixed1"), ("edx",))),
    row("nothing is faulting", D, put("exit", "faulting", item="80000006"),
        "test_d1_leaf_80000006_keeps_only_the_cache_size",
        "test_d5_5_per_leaf_controls_hold_with_reduce_ve_too",
        "test_e4_80000006_is_valid_without_reduce_ve"),
    row("19 has a slot", D, out("cpuid_config", "19"), "test_d1_leaf_19_has_a_slot"),
    row("no bit of 19 is configurable", D, to("entry", "19", value={"eax": {"configured_native": "0x1"}}),
        "test_d1_leaf_19_takes_no_bit"),
    *(row(f"{key}.EDX[2:0]", D, to("entry", key, "edx", value={"fixed0": "0x4", "configured": "0xfffffffb"}),
          "test_d1_leaf_4_edx_has_three_configurable_bits") for key in ("4.0", "4.1", "4.2")),
    *(row(f"{key}.EDX[{n}] is allow_direct", D, less("entry", key, "edx", "configured_native", bits=1 << n),
          "test_d1_mce_mtrr_mca_and_core_capabilities_are_allow_direct", "test_d1_tdcs_of_leaf_1_and_7_0")
      for key, n in (("1", 7), ("1", 12), ("1", 14), ("7.0", 30))),

    *(row(f"flag {name}", D, out("flags", name), "test_d2_nine_flags_are_the_configured_bits") for name in FLAGS),
    *(row(f"4.{n} keeps its native value", D, out("exit", "native_cache_leaves", f"4.{n}"),
          "test_d2_the_native_value_of_leaf_4_is_masked", "test_d5_7_leaf_4_takes_only_eax_31_14_from_the_tdcs")
      for n in range(4)),
    *(row(f"4.{n}.{register} of that value", D, out("entry", f"4.{n}", register, "fixed0"),
          "test_d2_the_native_value_of_leaf_4_is_masked") for n in range(4) for register in ("eax", "edx")),

    *(row(f"ATTRIBUTES bit {n}", C, less("attributes", "allowed", bits=1 << n),
          "test_d3_attributes_are_those_of_1_5_06") for n in (0, 16, 28, 29, 30, 63)),
    row("ATTRIBUTES bit 27", C, less("attributes", "allowed", bits=1 << 27), "test_d3_lass_needs_a_native_bit"),
    row("LASS needs a native bit", C, out("attributes", "needs", "LASS"), "test_d3_lass_needs_a_native_bit"),
    *(row(f"ATTRIBUTES without bit {n}", C, more("attributes", "allowed", bits=1 << n),
          "test_d3_other_attributes_are_refused") for n in (1, 5, 31)),
    row("PERFMON excludes ICSSD", C, pair("PERFMON", "ICSSD"), "test_d3_perfmon_with_icssd_is_refused"),
    row("CONFIG_FLAGS without bit 7", ("1.5.16", "1.5.28"), more("config_flags", "allowed", bits=0x80),
        "test_d3_config_flags_stay_within_1f"),
    row("TD_CTLS with REDUCE_VE", D, out("exit", "td_ctls", "REDUCE_VE"),
        "test_d3_each_paravirt_control_lets_its_own_feature_through",
        "test_d5_4_no_entry_is_zero_with_reduce_ve_else_ve",
        "test_d5_4_missing_topology_sub_leaves_show_number_and_id",
        "test_d8_reduce_ve_implies_virt_cpuid2", "test_d8_reduce_ve_implies_enum_topology"),
    *(row(f"the control of {bit}", D, to("guest_bits", bit, "control", value="MCA"),
          "test_d3_each_paravirt_control_lets_its_own_feature_through")
      for bit in AS_CONFIGURED + ONE if bit not in MCE_MCA),
    *(row(f"the control of {bit}", D, to("guest_bits", bit, "control", value="MTRR"),
          "test_d3_each_paravirt_control_lets_its_own_feature_through", "test_d7_mce_follows_the_control_of_mca")
      for bit in MCE_MCA),

    row("leaf 23 is gated", C, out("gate", GATE_23), "test_d4_leaf_23_needs_perfmon_and_7_1_eax_8"),
    *(row(f"leaf 23 needs {need}", C, out("gate", GATE_23, "needs", need),
          "test_d4_leaf_23_needs_perfmon_and_7_1_eax_8") for need in ("ATTRIBUTES.PERFMON", "7.1.eax.8")),

    row("the last extended leaf is virtual", D, to("exit", "extended_limit", value="native"),
        "test_d5_3_the_limits_are_virtual"),
    row("the last base leaf is 23", D, to("last_base_leaf", value="0x22"),
        "test_d5_3_out_of_range_is_leaf_23_with_the_same_ecx", "test_d5_3_the_last_leaves_are_themselves"),
    row("2 needs VIRT_CPUID2", D, out("exit", "needs", "2"), "test_d5_6_leaf_2_needs_virt_cpuid2"),
    *(row(f"{leaf} needs ENUM_TOPOLOGY", D, out("exit", "needs", leaf), "test_d5_6_topology_needs_enum_topology")
      for leaf in ("b", "1f")),
    *(row(f"{leaf} needs REDUCE_VE", D, out("exit", "needs", leaf), "test_d5_6_these_are_ve_unless_reduce_ve")
      for leaf in ("6", "80000002")),
    *(row(f"{leaf} needs REDUCE_VE", D, out("exit", "needs", leaf), "test_d5_6_these_are_ve_unless_reduce_ve",
          "test_d6_these_are_ve_without_reduce_ve_though_in_the_bitmap") for leaf in REDUCED),
    *(row(f"{leaf} needs REDUCE_VE", D, out("exit", "needs", leaf, "TD_CTLS.REDUCE_VE"),
          "test_d5_6_these_read_zero_only_with_reduce_ve_and_the_feature_off",
          "test_d6_these_are_ve_without_reduce_ve_though_in_the_bitmap") for leaf in FLAGGED),
    *(row(f"{leaf} needs {flag}", D, out("exit", "needs", leaf, flag),
          "test_d5_6_these_read_zero_only_with_reduce_ve_and_the_feature_off") for leaf, flag in FLAGGED.items()),
    row("1.EBX[31:24] is dynamic", D, not_dynamic("1.ebx[31:24]", "1", "ebx", 0xFF000000),
        "test_d5_7_leaf_1_with_everything_configured", "test_d5_7_leaf_1_shows_the_x2apic_id_with_enum_topology"),
    row("1.EBX[31:24] may be the x2APIC ID", D,
        to("dynamic", {"fields": ["1.ebx[31:24]"]}, "by", value="vcpu_index"),
        "test_d5_7_leaf_1_shows_the_x2apic_id_with_enum_topology"),
    row("1.ECX[27] is dynamic", D, not_dynamic("1.ecx.27", "1", "ecx", 1 << 27),
        "test_d5_7_leaf_1_shows_the_x2apic_id_with_enum_topology"),
    row("7.0.ECX[4] is dynamic", D, not_dynamic("7.0.ecx.4", "7.0", "ecx", 1 << 4),
        "test_d5_7_ospke_and_tsx_as_before"),
    *(row(f"{bit} follows TSX_CTRL", D, out("exit", "cleared_by_tsx_ctrl", bit), "test_d5_7_ospke_and_tsx_as_before")
      for bit in ("7.0.ebx.4", "7.0.ebx.11")),
    row("D.0.EBX is dynamic", D, not_dynamic("d.0.ebx", "d.0", "ebx", WORD), "test_d5_7_d_0_ebx_as_before"),
    row("D.1.EBX is dynamic", D, not_dynamic("d.1.ebx", "d.1", "ebx", WORD), "test_d5_7_d_1_ebx_as_before"),
    row("80000001.EDX[11] is dynamic", D, not_dynamic("80000001.edx.11", "80000001", "edx", 1 << 11),
        "test_d5_7_syscall_bit_as_before"),
    *(row(f"{key}.EDX is the x2APIC ID", D, not_dynamic(f"{key}.edx", key, "edx", WORD),
          "test_d5_6_topology_needs_enum_topology", "test_d8_reduce_ve_implies_enum_topology")
      for key in ("b.0", "1f.1")),

    *(row(f"{leaf} reads zero", D, both(no_entry(leaf), out("exit", "zero_leaves", f"0x{leaf}")),
          "test_d6_these_read_zero_with_or_without_reduce_ve") for leaf in WITH_ENTRY),
    *(row(f"{leaf} is in the bitmap", D, out("exit", "zero_leaves", f"0x{leaf}"),
          "test_d6_leaves_of_the_bitmap_go_on_to_d5_6") for leaf in FLAGGED),

    *(row(f"{bit} is the guest's", D, out("guest_bits", bit),
          "test_d7_with_reduce_ve_all_thirteen_are_off_by_default") for bit in AS_CONFIGURED + ONE),
    row("thirteen bits are the guest's", D, out("guest_bits"), "test_d7_the_thirteen_bits_are_the_guests"),
    *(row(f"{bit} is as configured", D, to("guest_bits", bit, "unreduced", value="one"),
          "test_d7_without_reduce_ve_four_are_one_and_nine_as_configured") for bit in AS_CONFIGURED),
    *(row(f"{bit} is one", D, to("guest_bits", bit, "unreduced", value="configured"),
          "test_d7_without_reduce_ve_four_are_one_and_nine_as_configured",
          "test_d2_mce_mca_mtrr_core_capabilities_start_as_supported",
          f"test_d5_7_leaf_{'1_with_nothing' if bit[0] == '1' else '7_0_with_everything_and_nothing'}_configured")
      for bit in ONE),

    row("TD_CTLS with ENUM_TOPOLOGY", D, out("exit", "td_ctls", "ENUM_TOPOLOGY"),
        "test_d8_reduce_ve_implies_enum_topology"),
    row("TD_CTLS with VIRT_CPUID2", D, out("exit", "td_ctls", "VIRT_CPUID2"),
        "test_d8_reduce_ve_implies_virt_cpuid2"),
]

SECTION_E = [
    row("a defaulted FMS is not checked", E, to("fms", "check_default", value=True),
        "test_e2_a_default_is_the_platforms_without_a_list_check"),
    row("a configured FMS is checked", E, out("computed", {"field": "1.eax"}),
        "test_e2_a_configured_fms_of_a_migratable_td",
        "test_e2_a_configured_fms_on_a_platform_off_the_list_shuts_down",
        "test_e2_a_td_that_cannot_migrate_must_equal_the_platform"),

    *(row(f"23.{n} needs its bit", E, out("gate", {"needs": [f"23.0.eax.{n}"]}),
          "test_e3_a_sub_leaf_of_23_needs_its_bit_in_23_0", "test_e3_gates") for n in (1, 3)),

    row("MIGRATABLE with L2 VMs", E, to("td_params", "migratable_with_l2_vms", value=False),
        "test_e4_migratable_with_l2_vms_is_accepted"),
    row("three L2 VMs at most", E, to("td_params", "max_l2_vms", value=4), "test_e4_more_than_three_l2_vms_are_not"),
    row("MIGRATABLE excludes DEBUG", ("1.5.16", "1.5.28"), pair("MIGRATABLE", "DEBUG"),
        "test_e4_migratable_with_debug_still_is_an_error"),
    row("MIGRATABLE excludes DEBUG", ("2.0.08",), pair("MIGRATABLE", "DEBUG"),
        "test_e4_migratable_with_debug_is_an_error_in_2_0_08"),
    row("five levels need no width", E, new("td_params", "five_level_min_maxpa", value=49),
        "test_e4_five_levels_need_no_native_width"),

    row("7.1.EDX[14] is allow_direct", E, not_direct("7.1", "edx", 14),
        "test_e5_prefetchiti_is_allow_direct", "test_e5_the_mask_is_24430"),
    row("7.1.EDX has no other bit", E, direct("7.1", "edx", 15), "test_e5_the_mask_is_24430"),
    *(row(statement, ("1.5.16",), edit, "test_e5_config_flags_and_attributes_of_1_5_16") for statement, edit in {
        "CONFIG_FLAGS bit 4": less("config_flags", "allowed", bits=0x10),
        "CONFIG_FLAGS without bit 5": more("config_flags", "allowed", bits=0x20),
        "ATTRIBUTES bit 16": less("attributes", "allowed", bits=0x10000),
        "ATTRIBUTES without bit 6": more("attributes", "allowed", bits=0x40),
    }.items()),
]

SECTION_F = [
    *(row(statement, ("1.5.28",), edit, "test_f1_constants_of_1_5_28_are_those_of_1_5_16") for statement, edit in {
        "CONFIG_FLAGS": more("config_flags", "allowed", bits=0x80),
        "ATTRIBUTES": more("attributes", "allowed", bits=0x40),
        "XFAM": more("xfam", "allowed", bits=0x400),
    }.items()),
    row("the same tables", ("1.5.28",), less("entry", "18.1", "edx", "configured", bits=0x4000),
        "test_f1_the_same_cpuid_but_for_the_text"),

    *(row(f"80000002.{register} is corrected", ("1.5.28", "1.5.34", "2.0.18"), text("old", register),
          "test_f2_text_of_80000002") for register in ("ebx", "ecx")),
    *(row(f"80000002.{register} is the old one", (module,), text("new", register), test)
      for register in ("ebx", "ecx")
      for module, test in {
          "1.5.16": "test_f2_text_of_1_5_16",
          "2.0.08": "test_f2_in_2_0_08_the_modules_own_table_still_has_the_old_text",
      }.items()),
]

SECTION_G = [
    row("MIGRATABLE goes with DEBUG", G, put("attributes", "exclusive", item=["MIGRATABLE", "DEBUG"]),
        "test_g1_migratable_with_debug_is_allowed"),
    row("MIGRATABLE excludes DEBUG", NOT_G, pair("MIGRATABLE", "DEBUG"),
        "test_g1_migratable_with_debug_is_refused_elsewhere"),
    row("MIGRATABLE excludes PERFMON", C, pair("MIGRATABLE", "PERFMON"), "test_g1_migratable_with_perfmon_is_not"),

    row("CONFIG_FLAGS bit 7", G, less("config_flags", "allowed", bits=0x80), "test_g2_sealing_is_a_config_flag"),
    row("SEALING needs SEAMGETKEY", G, out("config_flags", "needs", "SEALING"), "test_g2_sealing_needs_seamgetkey"),
    *(row(f"CONFIG_FLAGS without bit {n}", G, more("config_flags", "allowed", bits=1 << n),
          "test_g2_nothing_beyond_9f") for n in (5, 6, 8)),

    row("A: seven fixed counters", G, out("platform_check", {"by": "fixed_counter_bitmap"}),
        "test_g3_leaf_a_more_are_refused"),
    row("1F.n carries n", G, to("platform_check", {"by": "topology_numbered"}, "by", value="topology"),
        "test_g3_leaf_1f_every_sub_leaf_carries_its_number", "test_g3_leaf_1f_the_number_is_tested_before_the_type",
        "test_g3_leaf_1f_after_the_first_invalid_level_only_the_number_is_tested"),
    row("1F is checked", G, out("platform_check", {"by": "topology_numbered"}),
        "test_g3_leaf_1f_every_sub_leaf_carries_its_number", "test_g3_leaf_1f_no_core_level_is_told_as_before",
        "test_g3_leaf_1f_types_must_rise_at_sys_init"),
    row("23.0 is sampled as zero", G, out("platform_check", {"by": "perfmon_ext"}),
        "test_g3_leaf_23_is_sampled_as_zero_without_7_1_eax_8"),
    *(row(f"23.{n} is checked", G, out("platform_check", {"by": "perfmon_ext_subleaf"}, "at", f"23.{n}"),
          "test_g3_leaf_23_sub_leaves_without_their_bit_must_be_zero",
          "test_g3_leaf_23_is_sampled_as_zero_without_7_1_eax_8") for n in (1, 2, 3)),
    row("23.1 is verified", G, out("verify", "23.1", "eax"), "test_g3_leaf_23_is_verified_first"),
    row("GNR A0", G, out("early_stepping"), "test_g3_gnr_a0_the_executing_cpu_decides"),
    *(row(f"GNR A0: {fms}", G, out("early_stepping", "cpus", fms),
          "test_g3_gnr_a0_leaf_7_2_is_stored_unverified", "test_g3_gnr_a0_leaf_6_is_neither_verified_nor_stored",
          "test_g3_gnr_a0_arch_capabilities_are_not_evaluated",
          "test_g3_gnr_a0_leaf_6_may_differ_between_processors") for fms in ("0xa06d0", "0xa06e0")),
    row("GNR A0: no other", G, put("early_stepping", "cpus", item="0xa06d1"),
        "test_g3_gnr_a0_leaf_7_2_is_verified_on_others", "test_g3_gnr_a0_leaf_6_is_verified_on_others",
        "test_g3_gnr_a0_arch_capabilities_are_checked_on_others", "test_g3_gnr_a0_leaf_6_may_not_on_others"),
    row("GNR A0: 7.2 is not verified", G, out("early_stepping", "unverified", "7.2"),
        "test_g3_gnr_a0_leaf_7_2_is_stored_unverified"),
    row("GNR A0: 6 is not verified", G,
        both(out("early_stepping", "unverified", "6"), out("early_stepping", "unsampled", "6")),
        "test_g3_gnr_a0_leaf_6_is_neither_verified_nor_stored"),
    row("GNR A0: 6 is not stored", G, out("early_stepping", "unsampled", "6"),
        "test_g3_gnr_a0_leaf_6_is_sampled_as_zero", "test_g3_gnr_a0_leaf_6_may_differ_between_processors"),
    row("GNR A0: no XAPIC_DISABLE_STATUS", G, out("early_stepping", "arch_capabilities_not_required"),
        "test_g3_gnr_a0_needs_no_xapic_disable_status"),
    row("7.2 is verified", G, out("verify", "7.2", "edx"), "test_g3_gnr_a0_leaf_7_2_is_verified_on_others"),
    row("6 is verified", G, out("verify", "6", "eax"), "test_g3_gnr_a0_leaf_6_is_verified_on_others"),

    row("B.k+1 to B.2 carry their index", G, to("topology", "fill", value="zero"),
        "test_g4_the_rest_of_leaf_b_carries_its_index", "test_g4_without_an_smt_level_two_entries_do",
        "test_g4_the_guest_reads_the_index_and_its_id"),
    row("B.k+1 to B.2 are zero", NOT_G, to("topology", "fill", value="index"), "test_g4_elsewhere_it_is_all_zero"),
    row("B.k is the last level", C, to("topology", "derive", value="last_subleaf"),
        "test_g4_the_upper_entry_is_the_last_level"),
    row("a level carries its number", C, to("topology", "numbered", value=False),
        "test_g4_a_configured_topology_is_checked_as_b7_says"),
    row("SMT only at sub-leaf 0", C, to("topology", "smt_first", value=False),
        "test_g4_an_smt_level_stands_at_sub_leaf_0_only"),
    row("the topology", C, out("topology"),
        "test_g4_a_configured_topology_is_checked_as_b7_says", "test_g4_the_upper_entry_is_the_last_level"),
]

SECTION_H = [
    *(row(f"7.1.EAX[{n}] is allow_direct", H, not_direct("7.1", "eax", n),
          "test_h2_seven_1_eax_gains_five_bits", "test_h2_each_new_bit_is_native_and_configured")
      for n in (0, 1, 2, 3, 21)),
    row("7.1.EAX has no other bit", H, direct("7.1", "eax", 22), "test_h2_no_other_bit_is_configurable"),
    *(row(f"7.1.EAX[{n}] is fixed", H, unfixed("7.1", "eax", n), "test_h2_seven_1_eax_gains_five_bits")
      for n in (20, 22)),
    row("AMX gates 7.1.EAX[21]", H, out("gate", {"needs": ["XFAM.AMX"]}, "clears", "7.1"),
        "test_h2_amx_gates_bit_21"),
    *(row(f"{xfam} gates 7.1.EAX", ("2.0.18",), out("gate", {"needs": [f"XFAM.{xfam}"]}, "clears", "7.1", "eax"),
          "test_h2_all_other_masks_are_equal") for xfam in ("AVX", "AVX512")),

    row("ATTRIBUTES bit 6", H, less("attributes", "allowed", bits=1 << 6),
        "test_h3_pmt_prof_and_tpa_are_attributes", "test_h3_they_change_no_value"),
    row("ATTRIBUTES bit 62", H, less("attributes", "allowed", bits=1 << 62),
        "test_h3_pmt_prof_and_tpa_are_attributes", "test_h3_they_change_no_value"),
    row("TPA needs TDX IO", H, out("attributes", "needs", "TPA"), "test_h3_tpa_needs_tdx_io"),
    *(row(f"ATTRIBUTES without bit {n}", H, more("attributes", "allowed", bits=1 << n),
          "test_h3_no_other_attribute_came") for n in (1, 4, 5, 17)),
    *(row(f"ATTRIBUTES without bit {n}", NOT_H, more("attributes", "allowed", bits=1 << n),
          "test_h3_they_are_none_before") for n in (6, 62)),
    row("CONFIG_FLAGS without bit 5", H, more("config_flags", "allowed", bits=0x20),
        "test_h3_tdx_connect_is_not_in_fixed0"),
    row("CONFIG_FLAGS bit 7", ("2.0.18",), less("config_flags", "allowed", bits=0x80),
        "test_h3_config_flags_of_2_0_18"),

    row("23.1.EBX is the bitmap of leaf A", H, out("platform_check", {"by": "fixed_counters_match"}),
        "test_h4_23_1_ebx_is_the_bitmap_of_leaf_a"),
    *(row(f"{key}.EAX[{n}] is only remembered", H, unfixed(key, "eax", n), "test_h4_newer_facts_are_only_remembered")
      for key, n in (("7.1", 20), ("23.0", 5))),

    *(row(f"FMS {fms}", H, out("fms", "models", fms), "test_h5_a_migratable_td_may_be_as_old_as_the_list_allows")
      for fms in FMS),
    *(row(f"the stepping of FMS {fms}", H, to("fms", "models", fms, value=hex(int(fms, 16) - 1)),
          "test_h5_a_migratable_td_may_be_as_old_as_the_list_allows") for fms in FMS),
    row("the order of the list", H, to("fms", "models", value=[*FMS[1::-1], *FMS[2:]]),
        "test_h5_a_migratable_td_may_be_as_old_as_the_list_allows"),
    *(row(f"FMS {fms}", C, out("fms", "models", fms), "test_i2_clearwater_forest_may_be_any_older_cpu")
      for fms in FMS),

    row("D.0.EAX[19] is fixed", C, unfixed("d.0", "eax", 19), "test_h6_xfam_has_no_apx"),
    *(row(f"{key}.{register}[{n}] is fixed", C, unfixed(key, register, n), "test_h6_none_of_them_shows")
      for key, register, n in FUTURE),
    *(row(f"{key}.{register}[{n}] is not configurable", C, direct(key, register, n),
          "test_h6_none_of_them_is_configurable") for key, register, n in FUTURE),
    row("7.0.ECX[23] shows KL", C, out("mirror", {"bit": "7.0.ecx.23"}), "test_h6_none_of_them_shows"),
    row("7.0.ECX[23] is not configurable", C, more("entry", "7.0", "ecx", "configured_native", bits=1 << 23),
        "test_h6_none_of_them_is_configurable"),
    row("19 is zero", C, both(out("entry", "19", "zero"), out("gate", {"needs": ["ATTRIBUTES.KL"]})),
        "test_h6_none_of_them_shows"),
    row("0.EAX is 23", C, out("entry", "0", "eax"), "test_h6_none_of_them_shows"),
    row("the last base leaf is 23", C, to("last_base_leaf", value="0x24"), "test_h6_leaf_24_is_leaf_23"),
]

ROWS = SECTION_C + SECTION_D + SECTION_E + SECTION_F + SECTION_G + SECTION_H

# Steps that no file states: the engine takes them in every module.
IN_CODE = {
    "d5_1": "every module answers leaves 40000000 to 4FFFFFFF with #VE, before 1.5.09 too (7.2).",
    "d5_2": "the TDVPS-wide controls hold in every module, before 1.5.09 too (7.3).",
}

# Statements that alone decide no answer, each with what decides the same: taking one out must change nothing.
SILENT = {
    "the leaf's own zero entry is found before the bitmap is asked": [
        row(f"{leaf} is in the bitmap", D, out("exit", "zero_leaves", f"0x{leaf}")) for leaf in WITH_ENTRY
    ],
    "D5.4 gives without the bitmap's bit what D5.6 gives with it": [
        row(f"{leaf} is in the bitmap", D, out("exit", "zero_leaves", f"0x{leaf}")) for leaf in REDUCED
    ],
    "CPUID_VALID counts only without REDUCE_VE, where D5.6 gives #VE anyway": [
        row("6 is not faulting", D, put("exit", "faulting", item="6")),
    ],
    "23.2 has no bit that could be 1": [row("23.2 needs its bit", E, out("gate", {"needs": ["23.0.eax.2"]}))],
    "the sampled value is 0, which passes": [
        row("GNR A0: 6 is not verified", G, out("early_stepping", "unverified", "6")),
    ],
    "with A.ECX[31:7] verified (C3) the bitmap fits seven counters just when EDX[4:0] does": [
        row("A: the bitmap", G,
            to("platform_check", {"by": "fixed_counter_bitmap"}, "by", value="fixed_counter_count")),
    ],
    "no answer depends on the TD_CTLS bit": [
        row("TD_CTLS with LOCK", D, out("exit", "td_ctls", "LOCK")),
        row("TD_CTLS with ENABLE_HW_KEYS", G, out("exit", "td_ctls", "ENABLE_HW_KEYS")),
    ],
}
