"""The tables: section 8 of 1.5.01 (and with it rule 1.5), the T-rows of 1.5.05 and 1.5.06, against the module files.

`TABLE` and `ROWS` are transcribed from the text; a dash is "none". Masks are per register.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tdxtui import library
from tdxtui.cpuid import ALL_ONES, WORD, Field, Leaf, Register
from tdxtui.module import Entry, Module

from .base_platform import BASE, CPU, bad_native, verdict

TABLE = """
leaf        reg             const0   const1   one      zero     native   direct   allow    gated    dynamic  computed
0           eax             ffffffdc 23       -        -        -        -        -        -        -        -
0           ebx             -        -        756e6547 8a919ab8 -        -        -        -        -        -
0           ecx             -        -        6c65746e 939a8b91 -        -        -        -        -        -
0           edx             -        -        49656e69 b69a9196 -        -        -        -        -        -
1           eax             f000c000 -        -        -        -        -        -        -        -        fff3fff
1           ebx             ff       -        800      f700     -        ff0000   -        -        ff000000 -
1           ecx             10060    80000000 46faa217 -        1000     -        31044d88 30001000 8000000  -
1           edx             40120400 200      7a9f9ff  -        -        -        b8440000 -        -        -
4.0-4.3     eax             3c00     -        -        -        -        ffffc3ff -        -        -        -
4.0-4.3     ebx             -        -        3f       fc0      -        fffff000 -        -        -        -
4.0-4.3     ecx             -        -        -        -        -        ffffffff -        -        -        -
4.0-4.2     edx             4        -        -        -        -        fffffffb -        -        -        -
4.3         edx             fffffff8 -        -        -        -        7        -        -        -        -
5           eax,ebx         ffff0000 -        -        -        ffff     -        -        -        -        -
5           ecx             fffffffc -        -        -        3        -        -        -        -        -
5           edx             -        -        -        -        ffffffff -        -        -        -        -
7.0         eax             -        -        2        fffffffd -        -        -        -        -        -
7.0         ebx             404006   -        219424c1 -        2000020  -        dc2b9b18 de230020 -        -
7.0         ecx             643e8000 -        19000000 -        8a       -        2417f65  5eca     10       80800000
7.0         edx             2298c3   -        fc080400 2200     3d00020  -        5411c    3d8012c  -        -
7.1         eax             ffffe2cf -        -        -        -        -        1d30     30       -        -
7.2         edx             ffffffc0 -        17       -        -        -        28       -        -        -
a           eax             -        -        800      f700     ffff00ff -        -        -        -        -
a,14.1,23.0 ebx             -        -        -        -        ffffffff -        -        -        -        -
a           ecx             -        -        -        ffffff80 7f       -        -        -        -        -
a           edx             ffff6000 -        8000     -        1fff     -        -        -        -        -
d.0         eax             fff9fd18 -        3        -        602e4    -        -        602e4    -        -
d.0,d.1     ebx             -        -        -        -        -        -        -        -        ffffffff -
d.0         ecx             -        -        -        -        -        -        -        -        -        ffffffff
d.1         eax             ffffffe0 -        f        -        -        -        -        -        -        10
d.1         ecx             ffff26ff -        1800     -        c100     -        -        d900     -        -
d.2-d.12    eax,ebx,ecx     -        -        -        -        ffffffff -        -        -        -        -
14.0        eax             -        -        1        fffffffe -        -        -        -        -        -
14.0        ebx             fffffe00 -        -        -        1ff      -        -        -        -        -
14.0        ecx             7ffffff0 -        -        -        8000000f -        -        -        -        -
14.1        eax             fff8     -        -        -        ffff0007 -        -        -        -        -
15          eax             fffffffe 1        -        -        -        -        -        -        -        -
15          ebx             -        -        -        -        -        -        -        -        -        ffffffff
15          ecx             fe8287bf 17d7840  -        -        -        -        -        -        -        -
19          eax             fffffff8 -        -        -        7        -        -        -        -        -
19          ebx             ffffffeb -        -        -        14       -        -        -        -        -
19          ecx             fffffffd -        -        -        2        -        -        -        -        -
1c          eax             -        -        -        -        ffffff00 -        ff       -        -        -
1c          ebx,ecx,edx     -        -        -        -        ffffffff -        -        -        -        -
1d.0,1d.1,1e eax,ebx,ecx,edx -        -        -        -        ffffffff -        -        -        -        -
21.0        ebx             9a8b91b6 65746e49 -        -        -        -        -        -        -        -
21.0        ecx             dfdfdfdf 20202020 -        -        -        -        -        -        -        -
21.0        edx             a7bbab93 5844546c -        -        -        -        -        -        -        -
23.0        eax             fffffff0 -        -        -        -        -        f        -        -        -
23.1        eax             -        -        -        ffffff00 ff       -        -        -        -        -
23.1        ebx             -        -        -        fffffff0 f        -        -        -        -        -
23.3        eax             -        -        -        -        ffffffff -        -        -        -        -
80000000    eax             7ffffff7 80000008 -        -        -        -        -        -        -        -
80000001    ecx             fffffede -        121      -        -        -        -        -        -        -
80000001    edx             d3eff7ff -        2c100000 -        -        -        -        -        800      -
80000007    edx             fffffeff -        100      -        -        -        -        -        -        -
80000008    eax             ffff0000 -        34       cb       -        -        -        -        -        ff00
80000008    ebx             fffffdff -        -        -        -        -        200      -        -        -
"""
FAULTING = ("6", "1f.0", "1f.1", "1f.2", "1f.3", "1f.4", "1f.5", "80000006")
CONSTANT_ZERO = ("3", "4.4", "8", "e", "11", "12", "13", "20", "22", "23.2")
COLUMNS = ("const0", "const1", "one", "zero", "native", "direct", "allow", "gated", "dynamic", "computed")
REGISTERS = tuple(register.name.lower() for register in Register)

Masks = dict[str, int]
NOTHING: Masks = dict.fromkeys(COLUMNS, 0)


def leaves(text: str) -> list[str]:
    """Keys of a list with ranges of sub-leaves: ``a,14.1``, ``d.2-d.12``."""
    out = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        leaf, _, low = first.partition(".")
        numbers = range(int(low, 16), int(last.partition(".")[2], 16) + 1) if last else ()
        out += [f"{leaf}.{number:x}" for number in numbers] or [first]
    return out


def transcribed() -> dict[str, Masks]:
    """Section 8 as masks by column for every register that isn't of a faulting entry: ``7.0.ebx``."""
    rows: dict[str, Masks] = {}
    for line in TABLE.split("\n")[2:-1]:
        keys, registers, *words = line.split()
        masks = dict(zip(COLUMNS, (0 if word == "-" else int(word, 16) for word in words), strict=True))
        rows |= {f"{key}.{register}": masks for key in leaves(keys) for register in registers.split(",")}
    # "A register not listed for a listed leaf is constant zero."
    listed = {name.rpartition(".")[0] for name in rows} | set(CONSTANT_ZERO)
    zero = {**NOTHING, "const0": WORD}
    return {f"{key}.{register}": zero for key in listed for register in REGISTERS} | rows


def of_file(module: Module, entry: Entry) -> Masks:
    """What a module file says of an entry, by the table's columns, packed; the first that fits has the bit."""
    leaf, topology = entry.leaf, module.topology
    computed = 0
    for field in [*(item.field for item in module.computed), *(mirror.bit for mirror in module.mirrors)]:
        computed |= field.mask if field.leaf == leaf else 0
    if topology is not None and leaf in topology.derived:
        computed = ALL_ONES & ~entry.dynamic
    masks = dict(NOTHING)
    left = ALL_ONES
    for column, mask in (
        ("computed", computed), ("dynamic", entry.dynamic), ("const0", entry.fixed0), ("const1", entry.fixed1),
        ("direct", entry.configured), ("allow", entry.configured_native), ("one", entry.verify_value),
        ("zero", entry.verify_mask), ("native", ALL_ONES),
    ):
        masks[column] = mask & left
        left &= ~mask
    masks["gated"] = gate(module, leaf)
    return masks


def gate(module: Module, leaf: Leaf, bit: int | None = None) -> int:
    """The bits of an entry that XFAM gates, or that one of its bits does; whole entries don't count."""
    mask = 0
    for rule in module.gates:
        for need in rule.needs:
            if need.scope == "XFAM" and (bit is None or need.mask >> bit & 1) and rule.clears.get(leaf, 0) != ALL_ONES:
                mask |= rule.clears.get(leaf, 0)
    return mask


def word(packed: int, register: str) -> int:
    """One register of a packed leaf."""
    return packed >> Register.parse(register).shift & WORD


def registers(module: Module) -> dict[str, Masks]:
    """What a module file says, by register."""
    return {
        f"{entry.leaf.key}.{register}": {name: word(mask, register) for name, mask in of_file(module, entry).items()}
        for entry in module.entries
        for register in REGISTERS
        if entry.leaf not in module.exit.faulting
    }


# Section 8.


def test_8_faulting_entries() -> None:
    assert {leaf.key for leaf in library.module("1.5.01").exit.faulting} == set(FAULTING)


def test_8_table_has_every_entry() -> None:
    in_file = {entry.leaf.key for entry in library.module("1.5.01").entries}
    assert {name.rpartition(".")[0] for name in transcribed()} | set(FAULTING) == in_file
    assert len(in_file) == 64


@pytest.mark.parametrize("name", sorted(transcribed().keys() - {"1.eax"}))
def test_8_register(name: str) -> None:
    assert registers(library.module("1.5.01"))[name] == transcribed()[name]


def test_8_register_1_eax() -> None:
    # The row's constant zeros hold for what is configured; rule 5.1 puts the platform's FMS in their place, reserved
    # bits and all (the vectors nat_flip-0007 of 1.5.01 and 1.5.06-nat_flip-0012 show some), so all bits are computed.
    row, entry = transcribed()["1.eax"], library.module("1.5.01").by_leaf[Leaf(1)]
    assert word(entry.fixed0, "eax") == row["const0"]
    assert word(entry.configured, "eax") == row["computed"]
    assert registers(library.module("1.5.01"))["1.eax"] == {**NOTHING, "computed": WORD}


@pytest.mark.parametrize("name", sorted(transcribed()))
def test_8_every_bit_is_of_one_kind(name: str) -> None:
    kinds = [mask for column, mask in transcribed()[name].items() if column != "gated"]
    assert sum(kinds) == WORD


# 1.5: every bit that the table calls verified is, on its own, refused with the other value.

VERIFIED = {name: row["one"] | row["zero"] for name, row in transcribed().items() if row["one"] | row["zero"]}


@pytest.mark.parametrize("module", BASE)
@pytest.mark.parametrize("name", sorted(VERIFIED))
def test_1_5_verified_bit(module: str, name: str) -> None:
    mask, key = VERIFIED[name], name.rpartition(".")[0]
    if module == "1.5.06" and name == "80000008.eax":
        mask = 0  # 6.C1
    for bit in (bit for bit in range(32) if mask >> bit & 1):
        wanted = transcribed()[name]["one"] >> bit & 1
        assert Field.parse(f"{name}.{bit}").get(int(CPU[key], 16)) == wanted, bit
        assert verdict(module, {f"{name}.{bit}": 1 - wanted}) == bad_native(key), bit


# The T-rows: number, entries, register, mask, what the bits were, what they are.

ROWS: list[tuple[str, str, str, int, str, str]] = [
    ("5.T1", "7.1", "eax", 0x04000000, "const0", "allow_direct"),
    ("5.T2", "7.1", "eax", 0x00000040, "const0", "computed"),
    ("5.T3", "7.1", "edx", 0x00000430, "const0", "allow_direct"),
    ("5.T4", "a", "ecx", 0x00000070, "native", "fixed by verify [native must be 0]"),
    ("5.T5", "b.0-b.2", "eax", 0xFFFFFFFF, "absent", "computed"),
    ("5.T6", "b.0-b.2", "ebx", 0xFFFFFFFF, "absent", "computed"),
    ("5.T7", "b.0-b.2", "ecx", 0xFFFFFFFF, "absent", "computed"),
    ("5.T8", "b.0-b.2", "edx", 0xFFFFFFFF, "absent", "dynamic"),
    ("5.T9", "1a", "eax", 0xFFFFFFFF, "absent", "native"),
    ("5.T10", "1a", "ebx", 0xFFFFFFFF, "absent", "const0"),
    ("5.T11", "1a", "ecx", 0xFFFFFFFF, "absent", "const0"),
    ("5.T12", "1a", "edx", 0xFFFFFFFF, "absent", "const0"),
    ("5.T13", "1f.0-1f.5", "eax", 0x0000001F, "#VE", "config_direct"),
    ("5.T14", "1f.0-1f.5", "eax", 0xFFFFFFE0, "#VE", "const0"),
    ("5.T15", "1f.0-1f.5", "ebx", 0x0000FFFF, "#VE", "config_direct"),
    ("5.T16", "1f.0-1f.5", "ebx", 0xFFFF0000, "#VE", "const0"),
    ("5.T17", "1f.0-1f.4", "ecx", 0x0000FFFF, "#VE", "config_direct"),
    ("5.T18", "1f.0-1f.5", "ecx", 0xFFFF0000, "#VE", "const0"),
    ("5.T19", "1f.0-1f.5", "edx", 0xFFFFFFFF, "#VE", "dynamic"),
    ("5.T20", "1f.5", "ecx", 0x000000FF, "#VE", "config_direct"),
    ("5.T21", "1f.5", "ecx", 0x0000FF00, "#VE [native must be 0]", "config_direct [native must be 0]"),
    ("6.T1", "2", "eax", 0xFF0100FE, "absent", "const0"),
    ("6.T2", "2", "eax", 0x00FEFF01, "absent", "const1"),
    ("6.T3", "2", "ebx", 0xFFFFFFFF, "absent", "const0"),
    ("6.T4", "2", "ecx", 0xFFFFFFFF, "absent", "const0"),
    ("6.T5", "2", "edx", 0xFFFFFFFF, "absent", "const0"),
    ("6.T6", "7.1", "eax", 0x00880080, "const0", "allow_direct"),
    ("6.T7", "7.1", "edx", 0x00020000, "const0", "allow_direct"),
    ("6.T8", "19", "eax", 0x00000007, "native", "const0"),
    ("6.T9", "19", "ebx", 0x00000014, "native", "const0"),
    ("6.T10", "19", "ecx", 0x00000002, "native", "const0"),
    ("6.T11", "80000008", "eax", 0x000000CB, "fixed by verify [native must be 0]", "computed"),
    ("6.T12", "80000008", "eax", 0x00000034, "fixed by verify [native must be 1]", "computed"),
]
KINDS = {
    "const0": "const0", "const1": "const1", "native": "native", "config_direct": "direct", "allow_direct": "allow",
    "computed": "computed", "dynamic": "dynamic", "fixed by verify [native must be 0]": "zero",
    "fixed by verify [native must be 1]": "one",
}


def versions(number: str) -> tuple[Module, Module]:
    """The module before a row and the one after it."""
    before = BASE[int(number[0]) - 5]
    return library.module(before), library.module(BASE[BASE.index(before) + 1])


def is_kind(module: Module, leaf: Leaf, register: str, mask: int, kind: str) -> bool:
    """Whether the file says that all bits of a mask are of a kind."""
    name, _, demand = kind.partition(" [native must be ")
    entry = module.by_leaf.get(leaf)
    if entry is None or name == "absent":
        return entry is None and name == "absent"
    demanded = word(entry.verify_mask, register) & mask, word(entry.verify_value, register) & mask
    if demand and demanded != (mask, mask if demand == "1]" else 0):
        return False
    faulting = leaf in module.exit.faulting
    if faulting or name == "#VE":
        return faulting and name == "#VE"
    column = KINDS.get(kind) or KINDS[name]
    return word(of_file(module, entry)[column], register) & mask == mask


@pytest.mark.parametrize(("number", "keys", "register", "mask", "before", "after"), ROWS)
def test_t_row(number: str, keys: str, register: str, mask: int, before: str, after: str) -> None:
    old, new = versions(number)
    for key in leaves(keys):
        assert is_kind(old, Leaf.parse(key), register, mask, before), key
        assert is_kind(new, Leaf.parse(key), register, mask, after), key


@pytest.mark.parametrize("number", ["5", "6"])
def test_t_rows_are_all_that_changes(number: str) -> None:
    old, new = (registers(module) for module in versions(number))
    rows: dict[str, int] = {}
    for row, keys, register, mask, _, _ in ROWS:
        if row.startswith(number):
            for key in leaves(keys):
                name = f"{key}.{register}"
                rows[name] = rows.get(name, 0) | mask
    changes = {
        name: sum(set_bits(old.get(name, {}), bit) != set_bits(new[name], bit) and 1 << bit for bit in range(32))
        for name in new
    }
    assert {name: mask for name, mask in changes.items() if mask} == rows
    assert old.keys() <= new.keys()


def set_bits(masks: Masks, bit: int) -> set[str]:
    """The columns that have a bit, but for the gates."""
    return {column for column, mask in masks.items() if mask >> bit & 1 and column != "gated"}


def xfam_gate(name: str, bit: int) -> Callable[[Module], int]:
    """The mask of a register that one XFAM bit gates."""
    key, _, register = name.rpartition(".")
    return lambda module: word(gate(module, Leaf.parse(key), bit), register)


def verify_same(name: str) -> Callable[[Module], int]:
    """The mask of a register that all logical processors must share."""
    key, _, register = name.rpartition(".")
    return lambda module: word(~module.by_leaf[Leaf.parse(key)].lp_differs, register)


@pytest.mark.parametrize(("number", "told", "before", "after"), [
    ("5.T22", xfam_gate("7.1.eax", 2), 0x00000000, 0x00000010),
    ("5.T23", xfam_gate("7.1.edx", 2), 0x00000000, 0x00000430),
    ("5.T24", xfam_gate("7.1.eax", 5), 0x00000030, 0x00000020),
    ("5.T24", xfam_gate("7.1.eax", 6), 0x00000030, 0x00000020),
    ("5.T24", xfam_gate("7.1.eax", 7), 0x00000030, 0x00000020),
    ("5.T25", lambda module: module.attributes.allowed, 0x8000000070000001, 0x8000000078000001),
    ("5.T26", lambda module: module.td_params.max_vcpus, 0xFFFF, 0x240),
    (
        "5.T27",
        lambda module: list(module.fms.models),
        [0xD06D0, 0xA06E0, 0xA06D0, 0xA06F0, 0xC06F2, 0x806F8],
        [0xD06D0, 0xA06E0, 0xA06D0, 0xA06F3, 0xC06F2, 0x806F8],
    ),
    ("6.T13", xfam_gate("7.1.eax", 2), 0x00000010, 0x00800010),
    ("6.T14", verify_same("7.0.ecx"), 0xBFC1FF6F, 0xBFC17F6F),
    ("6.T15", lambda module: module.attributes.allowed, 0x8000000078000001, 0x8000000078010001),
    ("6.T16", lambda module: module.config_flags.allowed, 0x7, 0xF),
], ids=lambda value: value if isinstance(value, str) else "")
def test_t_fact(number: str, told: Callable[[Module], object], before: object, after: object) -> None:
    assert tuple(told(module) for module in versions(number)) == (before, after)


@pytest.mark.parametrize(("module", "added"), [("1.5.05", {"b.0", "b.1", "b.2", "1a"}), ("1.5.06", {"2"})])
def test_t_entries_added_and_removed(module: str, added: set[str]) -> None:
    before, after = (
        {entry.leaf.key for entry in library.module(version).entries}
        for version in (BASE[BASE.index(module) - 1], module)
    )
    assert (after - before, before - after) == (added, set())


def test_t_configurable_entries_in_the_order_of_td_params() -> None:
    order = [*leaves("1,4.0-4.3,7.0,7.1,a,1c,80000008,7.2,23.0,1f.0-1f.5")]
    found = [[leaf.key for leaf in library.module(version).cpuid_config] for version in BASE]
    assert found == [order[:12], order, order]
