"""Model files that are wrong in one way each, and the one line that says so: where, what was expected, what to do.

An expected line that ends with ``...`` may go on.
"""

from __future__ import annotations

RECORD = """\
format = 2
[validated]
tool = "0.1.0"
format = 2
cpuid_config = []
cpuid = []
[validated.module]
name = "1.5.06"
version = "1.5.06"
evidence = "run"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
[validated.td_params]
attributes = "0x0000000010000000"
xfam = "0x0000000000000003"
max_vcpus = 1
num_l2_vms = 0
msr_config_ctls = 0
eptp_controls = "0x000000000000001e"
config_flags = "0x0000000000000004"
tsc_frequency = 104
arch_capabilities_config = "0x0000000000000000"
"""

CASES: dict[str, tuple[str, str]] = {
    # -- keys, types, names --
    "unknown-key-at-top": ("nam = 'x'", "nam: is not a key of this table"),
    "unknown-key-in-td": ("[td]\nmax_vcpu = 1", "td.max_vcpu: is not a key of this table"),
    "unknown-key-in-wish": (
        '[registers]\n"7.0.ebx" = { value = "0x1", mask = "0x1", why = 1 }',
        'registers."7.0.ebx".why: is not a key of this table',
    ),
    "several-errors": (
        "nam = 'x'\n[td]\ntsc = 1\nmax_vcpus = 'all'",
        "td.max_vcpus: expected a whole number, found a string (and 2 more)",
    ),
    "number-for-name": ("name = 3", "name: expected a string, found a whole number"),
    "date-for-name": ("name = 2026-01-01", "name: expected a string, found a date"),
    "number-for-table": ("td = 3", "td: expected a table, found a whole number"),
    "string-for-list": ("[td]\nxfam = 'AVX'", "td.xfam: expected a list, found a string"),
    "number-in-list": ("[td]\nxfam = ['X87', 1]", "td.xfam[1]: expected a string, found a whole number"),
    "string-for-number": ("[td]\ntsc_mhz = '2000'", "td.tsc_mhz: expected a whole number, found a string"),
    "fraction-for-number": ("[td]\ntsc_mhz = 2000.0", "td.tsc_mhz: expected a whole number, found a fraction"),
    "number-for-true": ("[features]\navx = 1", "features.avx: expected true or false, found a whole number"),
    "string-for-true": ("[features]\navx = 'on'", "features.avx: expected true or false, found a string"),
    "tsc-between": ("[td]\ntsc_mhz = 110", "td.tsc_mhz: must be a multiple of 25, the virtual crystal's MHz"),
    "digest-short": (
        "[td]\nmrowner = 'abcd'", "td.mrowner: expected 48 bytes as 96 hex digits, or in base64, found 'abcd'"
    ),
    "digest-as-number": (
        "[td]\nmrconfigid = 0", "td.mrconfigid: expected 48 bytes as 96 hex digits, or in base64, found a whole number"
    ),
    "digest-bad-letter": (
        f"[td]\nmrowner = '{'ab-_' * 16}'",
        f"td.mrowner: expected 48 bytes as 96 hex digits, or in base64, found '{'ab-_' * 16}'",
    ),
    "digest-too-new": (
        f"format = 1\n[td]\nmrowner = '{'ab' * 48}'", "td.mrowner: belongs to format 2; write format = 2 at the top"
    ),
    "tsc-too-low": ("[td]\ntsc_mhz = 50", "td.tsc_mhz: expected at least 100, found 50"),
    "tsc-too-high": ("[td]\ntsc_mhz = 20000", "td.tsc_mhz: expected at most 10000, found 20000"),
    "no-vcpus": ("[td]\nmax_vcpus = 0", "td.max_vcpus: expected at least 1, found 0"),
    "too-many-l2-vms": ("[td]\nnum_l2_vms = 4", "td.num_l2_vms: expected at most 3, found 4"),
    "arch-capabilities-without-0x": (
        "[td]\narch_capabilities = '80000'",
        'td.arch_capabilities: expected hex digits as "0x…", at most 16, found \'80000\'',
    ),
    "unknown-attribute": ("[td]\nattributes = ['DEBOG']", "td.attributes[0]: 'DEBOG' is unknown; did you mean DEBUG?"),
    "unknown-xfam": (
        "[td]\nxfam = ['X87', 'SSE', 'AVX1024']",
        "td.xfam[2]: 'AVX1024' is unknown; did you mean AVX512, AVX?",
    ),
    "unknown-config-flag": (
        "[td]\nconfig_flags = ['GPAWW']",
        "td.config_flags[0]: 'GPAWW' is none of GPAW, FLEXIBLE_PENDING_VE, NO_RBP_MOD, MAXPA_VIRT, "
        "MAXGPA_VIRT, TDX_CONNECT, PAGE_RELEASE, SEALING",
    ),
    "bit-64": ("[td]\nxfam = ['bit 64']", "td.xfam[0]: 'bit 64' is none of..."),
    "unknown-feature": (
        "[features]\navx512ff = true",
        "features.avx512ff: no CPUID field is called 'avx512ff'; did you mean avx512f, avx512pf, avx512ifma?",
    ),
    "unknown-feature-like-none": (
        "[features]\nqqqqqq = true",
        "features.qqqqqq: no CPUID field is called 'qqqqqq'; write a name or a bit such as 7.0.ebx.16",
    ),
    "ambiguous-feature": (
        "[features]\nkvmclock = true",
        "features.kvmclock: 'kvmclock' may mean any of 40000001.eax.3 (kvm_clocksource2), "
        "40000001.eax.0 (kvm_clocksource)",
    ),
    "field-as-feature": (
        "[features]\nstepping = true",
        "features.stepping: is a field of 4 bits; wish it in [fields], as a number",
    ),
    "contradicting-features": (
        "[features]\navx512f = true\nAVX512F = false",
        "features.AVX512F: contradicts another wish of this file for the same bits",
    ),
    "feature-against-register": (
        '[features]\navx512f = true\n[registers]\n"7.0.ebx" = "0x0"',
        'registers."7.0.ebx": contradicts another wish of this file for the same bits',
    ),
    "value-outside-mask": (
        '[registers]\n"7.0.ebx" = { value = "0x3", mask = "0x1" }',
        'registers."7.0.ebx": the value has bits 0x2 outside its mask',
    ),
    "value-too-wide": (
        '[registers]\n"7.0.ebx[3:0]" = "0x10"',
        'registers."7.0.ebx[3:0]": \'0x10\' does not fit into 4 bits',
    ),
    "mask-too-wide": (
        '[registers]\n"7.0.ebx[3:0]" = { value = "0x1", mask = "0x11" }',
        'registers."7.0.ebx[3:0]": \'0x11\' does not fit into 4 bits',
    ),
    "mask-missing": ('[registers]\n"7.0.ebx" = { value = "0x3" }', 'registers."7.0.ebx".mask: is missing'),
    "mask-without-0x": (
        '[registers]\n"7.0.ebx" = { value = "0x3", mask = "3" }',
        'registers."7.0.ebx".mask: expected hex digits as "0x…", at most 16, found \'3\'',
    ),
    "mask-as-number": (
        '[registers]\n"7.0.ebx" = { value = "0x3", mask = 3 }',
        'registers."7.0.ebx".mask: expected a string, found a whole number',
    ),
    "wish-as-number": (
        '[registers]\n"7.0.ebx" = 3',
        'registers."7.0.ebx": expected hex digits as "0x…" or a table of value and mask, found a whole number',
    ),
    "wish-without-0x": (
        '[registers]\n"7.0.ebx" = "12"',
        'registers."7.0.ebx": expected hex digits as "0x…" or a table of value and mask, found \'12\'',
    ),
    "unquoted-register": (
        '[registers]\n7.0.ebx = "0x1"',
        'registers.7: expected hex digits as "0x…" or a table of value and mask; if the key has dots, '
        "write it in quotes",
    ),
    "bad-notation": (
        '[registers]\n"7.0.efx" = "0x1"',
        'registers."7.0.efx": \'7.0.efx\' is not a bit or field; write 7.0.ebx.16, 7.0.ebx[31:26] or 1.eax',
    ),
    "bits-the-wrong-way-round": (
        '[registers]\n"7.0.ebx[3:9]" = "0x1"',
        'registers."7.0.ebx[3:9]": \'7.0.ebx[3:9]\': bits run from 31 down to 0, the higher one first',
    ),
    "lines-in-feature": (
        '[features]\n"a\\nb" = true',
        'features."a\\nb": no CPUID field is called \'a\\nb\'; did you mean abm?',
    ),
    "nul-bytes": ("\x00", "is not TOML: Invalid statement (at line 1, column 1)"),
    "deep-arrays": ("name = " + "[" * 9_000, "is not TOML that can be used: it is nested too deeply"),
    # -- syntax, formats, fields, registers, validated --
    "unclosed-table": ("[td", "is not TOML: Expected ']' at the end of a table declaration (at end of document)"),
    "unclosed-string": ('name = "web', "is not TOML: Unterminated string (at end of document)"),
    "no-value": ("name =", "is not TOML: Invalid value (at end of document)"),
    "no-key": ("= 3", "is not TOML: Invalid statement (at line 1, column 1)"),
    "bare-text": ("hello world", "is not TOML: Expected '=' after a key in a key/value pair (at line 1, column 7)"),
    "yaml": (
        "name: web\nfeatures:\n  avx: true",
        "is not TOML: Expected '=' after a key in a key/value pair (at line 1, column 5)",
    ),
    "json": ('{"name": "web"}', "is not TOML: Invalid statement (at line 1, column 1)"),
    "unquoted-words": (
        "module = 1.5.06",
        "is not TOML: Expected newline or end of document after a statement (at line 1, column 13)",
    ),
    "unquoted-name": ("name = web", "is not TOML: Invalid value (at line 1, column 8)"),
    "key-twice": ("name = 'a'\nname = 'b'", "is not TOML: Cannot overwrite a value (at end of document)"),
    "feature-twice": (
        "[features]\navx = true\navx = true",
        "is not TOML: Cannot overwrite a value (at end of document)",
    ),
    "table-twice": (
        "[td]\nmax_vcpus = 1\n[td]\ntsc_mhz = 2000",
        "is not TOML: Cannot declare ('td',) twice (at line 3, column 4)",
    ),
    "table-as-list": ("[[features]]\navx = true", "features: expected a table, found a list"),
    "inline-reopened": (
        "features = {}\n[features]\navx = true",
        "is not TOML: Cannot declare ('features',) twice (at line 2, column 10)",
    ),
    "bad-escape": ('name = "C:\\windows"', "is not TOML: Unescaped '\\' in a string (at line 1, column 13)"),
    "hex-unquoted": (
        '[registers]\n"1.eax" = 0x1',
        'registers."1.eax": expected hex digits as "0x…" or a table of value and mask, found a whole number',
    ),
    "conflict-marks": ("<<<<<<< HEAD\nname = 'a'\n", "is not TOML: Invalid statement (at line 1, column 1)"),
    "huge-number": ("format = " + "9" * 5_000, "is not TOML that can be used: it has a number of thousands of digits"),
    "format-0": ("format = 0", "format: is 0; this tdxtui reads formats 1 to 2"),
    "format-3": (
        "format = 3\nname = 'x'\n[weird]",
        "format: is 3, and this tdxtui reads formats 1 to 2; a newer tdxtui reads it",
    ),
    "format-as-text": ("format = '2'", "format: expected a whole number, found a string"),
    "format-true": ("format = true", "format: expected a whole number, found true or false"),
    "format-negative": ("format = -1", "format: is -1; this tdxtui reads formats 1 to 2"),
    "format-far": (
        "format = 99999999999999999999",
        "format: is 99999999999999999999, and this tdxtui reads formats 1 to 2; a newer tdxtui reads it",
    ),
    "fields-in-format-1": (
        "format = 1\n[fields]\nn_logical_cpu = 8",
        "fields: belongs to format 2; write format = 2 at the top",
    ),
    "validated-in-format-1": (
        "format = 1\n[validated]\ntool='x'",
        "validated: belongs to format 2; write format = 2 at the top",
    ),
    "fields-as-list": ("fields = []", "fields: expected a table, found a list"),
    "field-as-true": (
        "[fields]\nn_logical_cpu = true",
        'fields.n_logical_cpu: expected a number, or words such as "data", found true or false',
    ),
    "field-as-fraction": (
        "[fields]\nn_logical_cpu = 1.5",
        'fields.n_logical_cpu: expected a number, or words such as "data", found a fraction',
    ),
    "field-as-list": (
        "[fields]\nn_logical_cpu = [1]",
        'fields.n_logical_cpu: expected a number, or words such as "data", found a list',
    ),
    "field-unquoted": (
        "[fields]\n4.0.cache_type = 'data'",
        'fields.4: expected a number, or words such as "data"; if the key has dots, write it in quotes',
    ),
    "field-unknown": (
        "[fields]\nn_logical_cpus = 8",
        "fields.n_logical_cpus: no CPUID field is called 'n_logical_cpus'; did you mean n_logical_cpu?",
    ),
    "field-unknown-like-none": (
        "[fields]\nqqqqqq = 8",
        "fields.qqqqqq: no CPUID field is called 'qqqqqq'; write a name or a bit such as 7.0.ebx.16",
    ),
    "field-too-large": (
        "[fields]\nn_logical_cpu = 256",
        "fields.n_logical_cpu: 'n_logical_cpu' is a number from 0 to 0xff, not 256",
    ),
    "field-negative": (
        "[fields]\nn_logical_cpu = -1",
        "fields.n_logical_cpu: 'n_logical_cpu' is a number from 0 to 0xff, not -1",
    ),
    "field-huge": (
        "[fields]\nn_logical_cpu = 340282366920938463463374607431768211456",
        "fields.n_logical_cpu: 'n_logical_cpu' is a number from 0 to 0xff, not a number that large",
    ),
    "field-bad-words": (
        "[fields]\n'4.0.cache_type' = 'dta'",
        'fields."4.0.cache_type": \'cache_type\' is one of none, data, instruction, unified, not \'dta\'',
    ),
    "field-without-subleaf": (
        "[fields]\ncache_type = 'data'",
        "fields.cache_type: 'cache_type' is in several sub-leaves; name one, as in '4.0.cache_type'",
    ),
    "field-no-such-subleaf": (
        "[fields]\n'4.99.cache_type' = 'data'",
        'fields."4.99.cache_type": no CPUID field is called \'4.99.cache_type\'; did you mean '
        "4.0.cache_type, 8000001d.0.amd_cache_type, 1a.core_type?",
    ),
    "field-fms-words": (
        "[fields]\nfamily_model_stepping = '6-143-8'",
        "fields.family_model_stepping: 'family_model_stepping' is family, model and stepping in "
        "decimal, such as '6/143/8', not '6-143-8'",
    ),
    "field-fms-too-large": (
        "[fields]\nfamily_model_stepping = '6/999/8'",
        "fields.family_model_stepping: 'family_model_stepping' is family, model and stepping in "
        "decimal, such as '6/143/8', not '6/999/8'",
    ),
    "field-zero-ways": (
        "[fields]\n'4.0.cache_nways' = 0",
        'fields."4.0.cache_nways": \'cache_nways\' is a number from 1 to 1,024, not 0',
    ),
    "field-against-register": (
        "[fields]\nn_logical_cpu = 8\n[registers]\n'1.ebx[23:16]' = '0x10'",
        'registers."1.ebx[23:16]": contradicts another wish of this file for the same bits',
    ),
    "field-against-feature": (
        "[features]\navx = true\n[fields]\n'1.ecx' = 0",
        'fields."1.ecx": contradicts another wish of this file for the same bits',
    ),
    "register-twice-otherwise": (
        "[registers]\n'7.ebx.0' = '0x1'\n'CPUID.(EAX=07H,ECX=0):EBX[0]' = '0x0'",
        'registers."CPUID.(EAX=07H,ECX=0):EBX[0]": contradicts another wish of this file for the same bits',
    ),
    "register-empty": (
        "[registers]\n'' = '0x0'",
        'registers."": \'\' is not a bit or field; write 7.0.ebx.16, 7.0.ebx[31:26] or 1.eax',
    ),
    "register-bit-32": (
        "[registers]\n'7.0.ebx.32' = '0x0'",
        'registers."7.0.ebx.32": \'7.0.ebx.32\': bits run from 31 down to 0, the higher one first',
    ),
    "register-hex-17": (
        "[registers]\n'1.eax' = '0x11112222333344445'",
        'registers."1.eax": expected hex digits as "0x…" or a table of value and mask, found \'0x11112222333344445\'',
    ),
    "register-hex-only-0x": (
        "[registers]\n'1.eax' = '0x'",
        'registers."1.eax": expected hex digits as "0x…" or a table of value and mask, found \'0x\'',
    ),
    "register-blank": (
        "[registers]\n'1.eax' = ' 0x1'",
        'registers."1.eax": expected hex digits as "0x…" or a table of value and mask, found \' 0x1\'',
    ),
    "register-underscore": (
        "[registers]\n'1.eax' = '0x1_0'",
        'registers."1.eax": expected hex digits as "0x…" or a table of value and mask, found \'0x1_0\'',
    ),
    "arch-capabilities-number": (
        "[td]\narch_capabilities = 0x80",
        'td.arch_capabilities: expected hex digits as "0x…", at most 16, found a whole number',
    ),
    "vcpus-too-many": ("[td]\nmax_vcpus = 65536", "td.max_vcpus: expected at most 65535, found 65536"),
    "tsc-fraction": ("[td]\ntsc_mhz = 2_000.5", "td.tsc_mhz: expected a whole number, found a fraction"),
    "td-list": ("[[td]]\nmax_vcpus = 1", "td: expected a table, found a list"),
    "feature-key-dotted": (
        "[features]\n7.0.ebx.16 = true",
        "features.7: expected true or false; if the key has dots, write it in quotes",
    ),
    "feature-empty": (
        "[features]\n'' = true",
        'features."": no CPUID field is called \'\'; write a name or a bit such as 7.0.ebx.16',
    ),
    "module-number": ("module = 15", "module: expected a string, found a whole number"),
    "nan": ("[td]\nmax_vcpus = nan", "td.max_vcpus: expected a whole number, found a fraction"),
    "validated-number": ("validated = 1", "validated: expected a table, found a whole number"),
    "validated-empty": ("[validated]", "validated.tool: is missing (and 5 more)"),
    "validated-bad-digest": (
        RECORD.replace("0" * 64, "0" * 63 + "G"),
        "validated.module.sha256: expected 64 hex digits in lower case, as export writes them, found "
        "'000000000000000...000000000000000000000000000000000000000000G'",
    ),
    "validated-short-hex": (
        RECORD.replace('"0x0000000000000003"', '"0x3"'),
        "validated.td_params.xfam: expected 0x and 16 hex digits in lower case, as export writes them, found '0x3'",
    ),
    "validated-unknown-key": (
        RECORD.replace("tsc_frequency", "tsc_frequenzy"),
        "validated.td_params.tsc_frequency: is missing (and 1 more)",
    ),
    "validated-tool": (
        RECORD.replace('tool = "0.1.0"', "tool = 1"),
        "validated.tool: expected a string, found a whole number",
    ),
    "validated-cpuid": (
        RECORD.replace("cpuid = []", "cpuid = [{ leaf = '1' }]"),
        "validated.cpuid[0].leaf: expected 0x and 8 hex digits in lower case, as export writes them, "
        "found '1' (and 4 more)",
    ),
}

BYTES: dict[str, tuple[bytes, str]] = {
    "utf-16": ("name = 'x'".encode("utf-16"), "byte 0: is not UTF-8 text"),
    "latin-1": (b"description = 'caf\xe9'", "byte 18: is not UTF-8 text"),
    "binary": (b'\x7fELF\x02\x01\x01\x00\x00', "is not TOML: Invalid statement (at line 1, column 1)"),
    "gzip": (b'\x1f\x8b\x08\x00', "byte 1: is not UTF-8 text"),
    "huge": (b"#" * (5 << 20), "is larger than 4 MiB; that is no file of this kind"),
    "cut-off-utf-8": (b"name = '\xc3", "byte 8: is not UTF-8 text"),
    "bom-only-broken": (b"\xef\xbb\xbf\xef\xbb\xbfname='x'", "is not TOML: Invalid statement (at line 1, column 1)"),
    "old-mac-lines": (
        b"name = 'x'\rmodule = 'y'\r",
        "is not TOML: Expected newline or end of document after a statement (at line 1, column 11)",
    ),
}
