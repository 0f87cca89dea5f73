"""What a module file fixes, without reading the rest of it: enough to know that a module can't help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tdxtui.cpuid import ALL_ONES, Field, Leaf, Register
from tdxtui.strict import parse_toml


class Openness(NamedTuple):
    """Packed masks of a leaf's bits: fixed to 1, fixed to 0, those that can be 1 and those that can be 0 on any CPU.

    `there` is false for a leaf without an entry, of which nothing can become anything.
    """

    ones: int
    zeros: int
    settable: int
    clearable: int
    there: bool = True

    def reach(self, native: int) -> tuple[int, int]:
        """The bits that can be 0, and those that can be 1, on a CPU with these native ones."""
        if not self.there:
            return 0, 0
        start = native & ~self.zeros | self.ones
        return (~start | self.clearable) & ~self.ones & ALL_ONES, start | self.settable


CLOSED = Openness(0, 0, 0, 0, there=False)


class Constants:
    """What a file says of single leaves, however the rest of it looks.

    Raises DataError for a file that is no TOML; in one of another shape nothing can be set.
    """

    def __init__(self, text: str, source: str) -> None:
        self._data = parse_toml(text, source)

    def at(self, leaf: Leaf) -> Openness:
        """What can become of a leaf's bits."""
        try:
            entries, verify = self._data["entry"], self._data.get("verify", {})
            return self._at(leaf, entries[leaf.key], verify.get(leaf.key, {})) if leaf.key in entries else CLOSED
        except (KeyError, TypeError, AttributeError, ValueError):
            return CLOSED

    def _at(self, leaf: Leaf, table: Mapping[str, Any], verify: Mapping[str, Any]) -> Openness:
        ones, zeros = _fixed(table, verify)
        decided, gated = self._decided(leaf), self._gated(leaf)
        configured, with_native = _sums(table, "configured"), _sums(table, "configured_native")
        settable = configured | decided
        return Openness(ones & ~gated & ~decided, zeros & ~decided, settable, settable | with_native | gated)

    def _decided(self, leaf: Leaf) -> int:
        """What is computed, mirrored, or of the topology."""
        topology = self._data.get("topology", {})
        if leaf.key in (*topology.get("configured", ()), *topology.get("derived", ())):
            return ALL_ONES
        written = [item["field"] for item in self._data.get("computed", ())]
        written += [item["bit"] for item in self._data.get("mirror", ())]
        fields = [Field.parse(text) for text in written if text.startswith(f"{leaf.key}.")]
        return sum(field.mask for field in fields if field.leaf == leaf)

    def _gated(self, leaf: Leaf) -> int:
        mask = 0
        for gate in self._data.get("gate", ()):
            clears = gate["clears"].get(leaf.key, {})
            mask |= ALL_ONES if clears == "all" else _packed(clears)
        return mask


def _fixed(table: Mapping[str, Any], verify: Mapping[str, Any]) -> tuple[int, int]:
    if table.get("zero"):
        return 0, ALL_ONES
    ones = zeros = 0
    for register in Register:
        masks, demands = table.get(register.key, {}), verify.get(register.key, {})
        one, zero = _word(masks, "fixed1"), _word(masks, "fixed0") | _word(masks, "dynamic")
        # What is demanded of the CPU counts only where its value passes through.
        native = ~(_word(masks, "configured") | _word(masks, "configured_native") | one | zero)
        ones |= (one | _word(demands, "one") & native) << register.shift
        zeros |= (zero | _word(demands, "zero") & native) << register.shift
    return ones, zeros


def _sums(table: Mapping[str, Any], kind: str) -> int:
    return sum(_word(table.get(register.key, {}), kind) << register.shift for register in Register)


def _packed(masks: Mapping[str, Any]) -> int:
    return sum(_word(masks, register.key) << register.shift for register in Register)


def _word(masks: Mapping[str, Any], key: str) -> int:
    # What isn't hex raises ValueError or TypeError; whoever loads the whole file is told where.
    return int(masks.get(key, "0"), 16)
