"""What changed from 1.5.01 to 1.5.05 to 1.5.06, as it was measured: the rows of sections 5 and 6.

A row has its rule, entries, register, mask, and the categories before and after. Categories: `const0`, `const1`,
`verify0`, `verify1` (a platform with another value is refused), `native`, `config` (the configured bit), `allow`
(configured AND native), `computed`, `dynamic`, `absent` (no entry), `ve` (always faulting).
"""

from __future__ import annotations

Row = tuple[str, str, str, int, str, str]

ALL = 0xFFFFFFFF
B = "b.0 b.1 b.2"
LEVELS = "1f.0 1f.1 1f.2 1f.3 1f.4 1f.5"

TO_1_5_05: list[Row] = [
    ("5.T1", "7.1", "eax", 0x04000000, "const0", "allow"),
    ("5.T2", "7.1", "eax", 0x00000040, "const0", "computed"),
    ("5.T3", "7.1", "edx", 0x00000430, "const0", "allow"),
    ("5.T4", "a", "ecx", 0x00000070, "native", "verify0"),
    ("5.T5", B, "eax", ALL, "absent", "computed"),
    ("5.T6", B, "ebx", ALL, "absent", "computed"),
    ("5.T7", B, "ecx", ALL, "absent", "computed"),
    ("5.T8", B, "edx", ALL, "absent", "dynamic"),
    ("5.T9", "1a", "eax", ALL, "absent", "native"),
    ("5.T10", "1a", "ebx", ALL, "absent", "const0"),
    ("5.T11", "1a", "ecx", ALL, "absent", "const0"),
    ("5.T12", "1a", "edx", ALL, "absent", "const0"),
    ("5.T13", LEVELS, "eax", 0x0000001F, "ve", "config"),
    ("5.T14", LEVELS, "eax", 0xFFFFFFE0, "ve", "const0"),
    ("5.T15", LEVELS, "ebx", 0x0000FFFF, "ve", "config"),
    ("5.T16", LEVELS, "ebx", 0xFFFF0000, "ve", "const0"),
    ("5.T17", "1f.0 1f.1 1f.2 1f.3 1f.4", "ecx", 0x0000FFFF, "ve", "config"),
    ("5.T18", LEVELS, "ecx", 0xFFFF0000, "ve", "const0"),
    ("5.T19", LEVELS, "edx", ALL, "ve", "dynamic"),
    ("5.T20", "1f.5", "ecx", 0x000000FF, "ve", "config"),
    ("5.T21", "1f.5", "ecx", 0x0000FF00, "ve", "config"),
]
TO_1_5_06: list[Row] = [
    ("6.T1", "2", "eax", 0xFF0100FE, "absent", "const0"),
    ("6.T2", "2", "eax", 0x00FEFF01, "absent", "const1"),
    ("6.T3", "2", "ebx", ALL, "absent", "const0"),
    ("6.T4", "2", "ecx", ALL, "absent", "const0"),
    ("6.T5", "2", "edx", ALL, "absent", "const0"),
    ("6.T6", "7.1", "eax", 0x00880080, "const0", "allow"),
    ("6.T7", "7.1", "edx", 0x00020000, "const0", "allow"),
    ("6.T8", "19", "eax", 0x00000007, "native", "const0"),
    ("6.T9", "19", "ebx", 0x00000014, "native", "const0"),
    ("6.T10", "19", "ecx", 0x00000002, "native", "const0"),
    ("6.T11", "80000008", "eax", 0x000000CB, "verify0", "computed"),
    ("6.T12", "80000008", "eax", 0x00000034, "verify1", "computed"),
]

# Bits that rules beyond the tables of rows speak of: group, entry, register, mask, the words before and after.
Beyond = tuple[str, str, str, str, int, str, str]

BEYOND_TO_1_5_05: list[Beyond] = [
    ("5.C3", "run-time", "1", "ebx", 0xFF000000, "run time (vcpu index)", "run time (apic id)"),
    ("5.T22 5.T24", "gate-moved", "7.1", "eax", 0x10, "only with XFAM.AVX512", "only with XFAM.AVX"),
    *(
        ("5.C7", "gated", leaf, register, mask, "no gate", "only with 7.1.eax.8 and ATTRIBUTES.PERFMON")
        for leaf, register, mask in (
            ("23.0", "eax", 0xF), ("23.0", "ebx", ALL), ("23.1", "eax", 0xFF), ("23.1", "ebx", 0xF),
            ("23.3", "eax", ALL),
        )
    ),
]
BEYOND_TO_1_5_06: list[Beyond] = [
    ("6.C1", "platform-demands", "80000008", "eax", 0xFF, "must be 34H", "any"),
    ("6.T14", "lp-demands", "7.0", "ecx", 0x8000, "the same on all", "may differ"),
]

# What a guest gets at a leaf: the rule, the leaves, before and after.
Reached = tuple[str, str, str, str]

REACHED_IN_1_5_05: list[Reached] = [
    ("5.C3", f"{LEVELS} {B}", "always #VE", "#VE unless TD_CTLS.ENUM_TOPOLOGY"),
    ("5.C7", "1a", "always #VE", "read"),
]
REACHED_IN_1_5_06: list[Reached] = [("6.C4", "2", "always #VE", "#VE unless TD_CTLS.VIRT_CPUID2")]

# Rules of the whole module: the rule that says so, its name in a diff, and a part of the words before and after.
Ruled = tuple[str, str, str, str]

RULES_OF_1_5_05: list[Ruled] = [
    ("5.T25", "ATTRIBUTES allowed", "DEBUG, SEPT_VE_DISABLE", "DEBUG, LASS, SEPT_VE_DISABLE"),
    ("5.C5", "ATTRIBUTES needs of the platform", "none", "LASS needs native.7.1.eax.6"),
    ("5.C1", "CPUID_CONFIG", "7.2, 23.0", "7.2, 23.0, 1f.0, 1f.1, 1f.2, 1f.3, 1f.4, 1f.5"),
    ("5.T26", "MAX_VCPUS at most", "65535", "576"),
    ("5.T27", "models a MIGRATABLE TD may show", "D06D0, A06E0, A06D0, A06F0, C06F2, 806F8",
     "D06D0, A06E0, A06D0, A06F3, C06F2, 806F8"),
    ("5.C8", "bits that must be equal", "RCX = 0", "RCX = 7.0"),
    ("5.C4", "TD_CTLS of the guest", "PENDING_VE_DISABLE", "PENDING_VE_DISABLE, ENUM_TOPOLOGY"),
    ("5.C1", "levels are configured in", "none", "1f.0, 1f.1, 1f.2, 1f.3, 1f.4, 1f.5"),
    ("5.C1", "a valid 1F has", "none", "levels ascend"),
    ("5.C2", "leaf B is derived", "none", "from the last subleaf"),
    ("5.C9", "IA32_ARCH_CAPABILITIES fixed 0", "FFFFFFFFFEE70E00H", "FFFFFFFFFEC70E00H"),
    ("5.C9", "IA32_ARCH_CAPABILITIES fixed 1", "0H", "200000H"),
    ("5.C10", "TDH.SYS.INIT MSR 1A0H", "400000H clear", "80H set and 800H clear"),
    ("5.C9", "TDH.SYS.INIT MSR 10AH", "20FD6BH set and 4H clear", "20FD6BH set and 40004H clear"),
    ("5.C10", "TDH.SYS.INIT MSR 345H", "2000H set", "3000H set"),
    ("5.C10", "TDH.SYS.INIT MSR 492H", "none", "80H set if native.7.2.edx.3"),
    ("5.C12", "CPUID_CONFIG_VALUES show Configured & Native", "no", "yes"),
    ("5.C7", "TDCS keeps beside the values", "xfd (d.1.eax.4)", "perfmon_ext_leaf (7.1.eax.8)"),
    ("facts", "TDX_FEATURES0", "F0FBFH", "61F0FBFH"),
]
RULES_OF_1_5_06: list[Ruled] = [
    ("6.T15", "ATTRIBUTES allowed", "DEBUG, LASS", "DEBUG, ICSSD, LASS"),
    ("6.C3", "ATTRIBUTES not together", "MIGRATABLE with PERFMON", "PERFMON with ICSSD"),
    ("6.T16", "CONFIG_FLAGS allowed", "NO_RBP_MOD", "NO_RBP_MOD, MAXPA_VIRT"),
    ("6.C2", "5-level EPT needs a MAX_PA of", "any", "49"),
    ("6.C4", "TD_CTLS of the guest", "ENUM_TOPOLOGY", "ENUM_TOPOLOGY, VIRT_CPUID2"),
    ("6.C5", "a valid 1F has", "levels ascend", "ECX[7:0] is the sub-leaf's number; SMT only at 1F.0"),
    ("6.C5", "leaf B is derived", "from the last subleaf", "from the last valid level"),
    ("6.C1", "check physical width at most 52", "none", "at 80000008"),
    ("6.C1", "TDCS.VIRT_MAXPA is stated", "no", "yes"),
    ("facts", "TDX_FEATURES0", "61F0FBFH", "2E1F0FBFH"),
]
