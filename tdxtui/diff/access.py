"""How a guest gets at a leaf: whether CPUID answers there, and on what that hangs (7.2, D5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tdxtui.cpuid import Leaf
from tdxtui.module import Condition, Module
from tdxtui.td import TD_CTLS

VE, ALWAYS_VE, READ = "#VE", "always #VE", "read"


def leaves(old: Module, new: Module) -> Iterator[Leaf]:
    """The entries of either module, and the leaves that one of them answers without having an entry."""
    entries = dict.fromkeys([*old.by_leaf, *new.by_leaf])
    numbers = {leaf.leaf for leaf in entries}
    yield from entries
    yield from (Leaf(number) for number in sorted({*old.exit.zero_leaves, *new.exit.zero_leaves} - numbers))


def access(module: Module, leaf: Leaf) -> str:
    """What a guest that executes CPUID at a leaf gets, in a few words."""
    needs = module.exit.needs.get(leaf.leaf, ())
    if leaf in module.by_leaf:
        return _entry(module, leaf, needs)
    if leaf.leaf in module.exit.zero_leaves:
        return f"{VE} unless {_joined(needs)}, then 0" if needs else "reads 0"
    return without_entry(module)


def without_entry(module: Module) -> str:
    """What a guest gets at any leaf that the module has no entry for, and doesn't name."""
    return f"{VE} unless TD_CTLS.REDUCE_VE, then 0" if _reduces(module) else ALWAYS_VE


def _entry(module: Module, leaf: Leaf, needs: tuple[Condition, ...]) -> str:
    if leaf in module.exit.faulting:
        return ALWAYS_VE
    if needs:
        return f"{VE} unless {_joined(needs)}"
    if leaf in module.exit.native_cache_leaves and _reduces(module):
        return f"{READ}; with TD_CTLS.REDUCE_VE the CPU's own value but for EAX[31:14]"
    return READ


def _reduces(module: Module) -> bool:
    return bool(module.exit.td_ctls & TD_CTLS["REDUCE_VE"])


def _joined(needs: Iterable[Condition]) -> str:
    return " and ".join(f"{item.name} is 0" if item.negated else item.text for item in needs)
