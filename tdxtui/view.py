"""A finished TD as the computed functions look at it, so that a field can be computed again, also otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from tdxtui.cpuid import Field
from tdxtui.resolve import VirtualCpuid
from tdxtui.td import TdConfig


class View:
    """A `Computation` over a TD's values; `instead` gives some fields other ones, `config` another configuration.

    A configured field shows what is configured, as it does to the function that then decides it.
    """

    def __init__(
        self, td: VirtualCpuid, instead: Mapping[Field, int] | None = None, config: TdConfig | None = None
    ) -> None:
        self.prepared = td.prepared
        self.config = td.config if config is None else config
        self._td, self._instead = td, instead or {}

    def get(self, field: Field) -> int:
        """A field's value before it is computed."""
        if field in self._instead:
            return self._instead[field]
        entry = self._td.module.by_leaf[field.leaf]
        if not entry.configured & field.mask:
            return self._td.get(field)
        wished, start = self.config.cpuid_config.get(field.leaf, 0), self.prepared.start_of(field.leaf)
        return field.get(start & ~entry.configured | wished & entry.configured)
