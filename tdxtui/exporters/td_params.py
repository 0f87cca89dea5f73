"""TD_PARAMS, what TDH.MNG.INIT reads: nothing of a model is lost in it but its wishes for what isn't configurable."""

from __future__ import annotations

from tdxtui.exporters import abi
from tdxtui.exporters.result import Written
from tdxtui.exporters.subject import Subject
from tdxtui.td import DIGESTS


def words(subject: Subject) -> abi.TdParams:
    """The words at the beginning of TD_PARAMS."""
    return abi.TdParams(*(getattr(subject.config, name) for name in abi.TdParams._fields))


def write(subject: Subject) -> Written:
    """The 1024 bytes of the structure."""
    digests = [getattr(subject.model, name) for name in DIGESTS]
    slots = [subject.config_of(leaf) for leaf in subject.module.cpuid_config]
    return Written(abi.td_params(words(subject), digests, subject.config.arch_capabilities_config, slots))
