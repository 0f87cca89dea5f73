"""From what Intel's table says to a module file: the nearest built-in module, changed where the table differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tdxtui import library, module_file
from tdxtui.cpuid import ALL_ONES, Field, Leaf
from tdxtui.errors import DataError
from tdxtui.importers import Imported, ModuleText, failed
from tdxtui.importers.result import NO_VERSION
from tdxtui.intel_table.draft import Draft, fields_text, word_of
from tdxtui.intel_table.kinds import COMPUTED, UNKNOWN, Kind, Kinds, kinds
from tdxtui.intel_table.prune import without
from tdxtui.intel_table.rows import Table
from tdxtui.module import Inferred, Module
from tdxtui.module_file import write

# A table that has these describes a whole module; any other is a fragment.
OF_A_WHOLE = (Leaf(0), Leaf(1), Leaf(7, 0), Leaf(0x80000000), Leaf(0x80000008))
_LAST_BASE = Field.parse("0.eax")
NOT_IN_THE_TABLE = (
    "ATTRIBUTES, XFAM and CONFIG_FLAGS with their rules, the limits of TD_PARAMS, IA32_ARCH_CAPABILITIES",
    "what TDH.SYS.INIT checks of the CPU and its MSRs, and what may differ between logical CPUs",
    "the functions of calculated fields, topology, and families, models and steppings",
    "what CPUID does at run time: #VE, dynamic bits, TD_CTLS, bits that the guest controls",
)


def imported(table: Table, format: str) -> Imported:
    """The module file that a table makes, against the built-in modules."""
    made = module_text(table, built_in())
    notes = (f"{len(made.differences)} differences from the nearest built-in module and {len(made.assumptions)} "
             "assumptions are listed at the head of the module file.",)
    return Imported(format, made, notes)


def built_in() -> list[Module]:
    """The modules that come with tdxtui."""
    return [library.module(str(path)) for path in sorted((library.DATA / "modules").glob("*.toml"))]


def module_text(table: Table, known: Sequence[Module]) -> ModuleText:
    """The module file of a table, made from the nearest of the known modules."""
    base, *others = sorted(known, key=lambda module: (
        distance(_renamed(table.kinds, module, known), kinds(module)), module.version != table.version
    ))
    said = _renamed(table.kinds, base, known)
    gone = frozenset(leaf for leaf in base.by_leaf if leaf not in said) if _is_whole(said) else frozenset()
    draft = Draft(without(base, gone), others)
    draft.assumptions += _general(table, said, base, gone)
    differences = list(_changes(draft, said))
    made = replace(
        draft.module(),
        version=table.version or NO_VERSION,
        evidence="partial",
        source=f"Intel's CPUID table; what it leaves open from {base.version} ({base.source})",
        features0=None,
        last_base_leaf=_last_base_leaf(draft, base),
    )
    made = replace(made, inferred=(*made.inferred, _from(base)))
    draft.assumptions += _unlike(draft, said, made)
    text = write.text_of(made, _head(table, base, differences, draft.assumptions))
    try:
        module_file.parse(text, table.name)
    except DataError as error:
        raise failed(table.name, "", f"makes no module that can be used: {error.where}: {error.message}") from None
    return ModuleText(made.version, text, tuple(draft.assumptions), tuple(differences))


def distance(said: Kinds, known: Kinds) -> int:
    """How many bits a table says otherwise than a module; an entry that only one has counts as a whole."""
    both = [leaf for leaf in said if leaf in known]
    apart = sum(mask.bit_count() for leaf in both for _, mask in _unequal(said[leaf], known[leaf]))
    return apart + 128 * (len(said) - len(both)) + (128 * (len(known) - len(both)) if _is_whole(said) else 0)


def _unequal(said: dict[Kind, int], known: dict[Kind, int]) -> Iterator[tuple[Kind, int]]:
    for kind, mask in said.items():
        if kind != UNKNOWN and (rest := mask & ~known.get(kind, 0)):
            yield kind, rest


def _is_whole(said: Kinds) -> bool:
    return all(leaf in said for leaf in OF_A_WHOLE)


def _renamed(said: Kinds, base: Module, known: Sequence[Module]) -> Kinds:
    """The table's leaves as the modules write them: ``0x1 / Sub-Leaf 0x0`` may be meant without a sub-leaf."""
    names = [base.by_leaf, *(module.by_leaf for module in known)]

    def renamed(leaf: Leaf) -> Leaf:
        other = Leaf(leaf.leaf, 0 if leaf.subleaf is None else None)
        use_other = leaf.subleaf in (None, 0) and other not in said
        for entries in names:
            if leaf in entries:
                return leaf
            if use_other and other in entries:
                return other
        return leaf

    return {renamed(leaf): masks for leaf, masks in said.items()}


def _changes(draft: Draft, said: Kinds) -> Iterator[str]:
    """Change the draft where the table says otherwise; a sentence on each run of bits."""
    known = kinds(draft.base)
    for leaf in said:
        if leaf not in known:
            draft.add(leaf)
            yield f"{leaf.sdm}: an entry that {draft.base.version} lacks."
    for leaf, types in said.items():
        before = known.get(leaf, {Kind("fixed0"): ALL_ONES})
        unequal = list(_unequal(types, before))
        decided = [mask for kind, mask in unequal if kind != COMPUTED]
        draft.release(leaf, before.get(COMPUTED, 0) & sum(decided))
        for kind, mask in unequal:
            for was, bits in before.items():
                if not mask & bits:
                    continue
                draft.set(leaf, mask & bits, kind, was)
                if leaf in known:
                    yield from (f"{text}: {kind.text}; {draft.base.version} has {was.text}."
                                for text in fields_text(leaf, mask & bits))


def _general(table: Table, said: Kinds, base: Module, gone: frozenset[Leaf]) -> Iterator[str]:
    """What is assumed of more than single bits."""
    yield from table.open
    yield from (f"Not in the table, taken from {base.version}: {what}." for what in NOT_IN_THE_TABLE)
    if gone:
        keys = ", ".join(leaf.key for leaf in base.by_leaf if leaf in gone)
        yield f"Entries that {base.version} has and the table does not are left out: {keys}."
    if not _is_whole(said):
        yield (f"The table has {len(said)} leaves only; the other {len(set(base.by_leaf) - set(said))} entries "
               f"are those of {base.version}.")
    partly = [leaf for leaf, types in said.items() if sum(types.values()) != ALL_ONES]
    if partly:
        keys = ", ".join(leaf.key for leaf in partly[:20])
        yield f"Bits that the table doesn't describe are as in {base.version}, 0 in a new entry: of {keys}."


def _last_base_leaf(draft: Draft, base: Module) -> int:
    stated = word_of(draft.entries.get(Leaf(0)), _LAST_BASE)
    return base.last_base_leaf if stated is None else stated


def _from(base: Module) -> Inferred:
    because = f"not in Intel's table; as in {base.version}"
    return Inferred(frozenset(), None, "", "all but the types of CPUID bits", because)


def _unlike(draft: Draft, said: Kinds, made: Module) -> Iterator[str]:
    """Bits that came out otherwise than the table says, without an assumption that tells."""
    found = kinds(made)
    for leaf, types in said.items():
        for kind, mask in _unequal(types, found[leaf]):
            if kind == COMPUTED:
                continue
            for now, bits in found[leaf].items():
                for text in fields_text(leaf, mask & bits & ~draft.settled.get(leaf, 0)):
                    yield f"{text}: the table says {kind.text}; by the rules of {draft.base.version} it is {now.text}."


def _head(table: Table, base: Module, differences: Sequence[str], assumptions: Sequence[str]) -> Iterator[str]:
    yield f"TDX module {table.version or '(version not said)'}, made by tdxtui from Intel's CPUID table."
    yield ""
    yield f"The nearest built-in module is {base.version}. The table says otherwise:"
    yield from (f"  {line}" for line in differences or ["nothing"])
    yield ""
    yield "Assumed, since the table leaves it open:"
    yield from (f"  {line}" for line in assumptions)
