"""Rule 5.1: the family, model and stepping that a TD may show; 5.C11, 5.T27, 6.C8."""

from __future__ import annotations

import pytest

from .base_platform import (
    BASE,
    LATER,
    MIGRATABLE,
    SUCCESS,
    TD_SHUTDOWN,
    bad_config,
    each,
    values,
    verdict,
)

every = pytest.mark.parametrize("module", BASE)
later = pytest.mark.parametrize("module", LATER)

REFUSED = bad_config("1")
CWF, GNR_D, GNR_SP, SRF, EMR, SPR = 0xD06D0, 0xA06E0, 0xA06D0, 0xA06F0, 0xC06F2, 0x806F8
SRF_LATER = 0xA06F3
ICE_LAKE = 0x606A6


def shown(module: str, platform: int, wished: int, attributes: int = MIGRATABLE) -> int | str:
    """CPUID(1).EAX of the TD, or the verdict."""
    how = {"config": {"1.eax": wished}, "attributes": attributes}
    found = verdict(module, {"1.eax": platform}, **how)
    return values(module, {"1.eax": platform}, **how).field("1.eax") if found == SUCCESS else found


# Bits.


@every
def test_5_1_configurable_bits(module: str) -> None:
    # A platform of every FMS takes its own, where the bits can be configured at all.
    def judged(bit: int) -> str:
        return verdict(module, {"1.eax": SPR ^ 1 << bit}, config={"1.eax": SPR ^ 1 << bit})

    each(range(32), judged, {bit for bit in range(32) if 0x0FFF3FFF >> bit & 1}, REFUSED)


# Not migratable.


@every
@pytest.mark.parametrize("platform", [SPR, EMR, 0xC06F1, 0xA06D1, ICE_LAKE, 0x806F9])
def test_5_1_default_is_the_platform(module: str, platform: int) -> None:
    assert shown(module, platform, 0, attributes=0) == platform
    assert shown(module, platform, platform, attributes=0) == platform


@every
@pytest.mark.parametrize("wished", [0x806F7, 0x806F9, EMR, 0xC06F1, 0x1, 0x906F8])
def test_5_1_other_models_are_refused(module: str, wished: int) -> None:
    assert shown(module, SPR, wished, attributes=0) == REFUSED


@every
def test_5_1_platform_with_a_reserved_bit(module: str) -> None:
    assert shown(module, 0x100806F8, 0, attributes=0) == 0x100806F8
    assert shown(module, 0x100806F8, SPR, attributes=0) == REFUSED


# Migratable: (a) the platform's own model.


@every
@pytest.mark.parametrize(("platform", "wished", "expected"), [
    (EMR, EMR, EMR),
    (EMR, 0xC06F1, 0xC06F1),
    (EMR, 0xC06F0, 0xC06F0),
    (EMR, 0xC06F3, REFUSED),
    (0xC06F1, EMR, REFUSED),
    (0xC06F1, 0xC06F1, 0xC06F1),
    (SPR, 0x806F9, REFUSED),
    (SPR, 0x806F0, 0x806F0),
])
def test_5_1_stepping_of_the_same_model(module: str, platform: int, wished: int, expected: int | str) -> None:
    assert shown(module, platform, wished) == expected


# (b) older models only.

ORDER = [CWF, GNR_D, GNR_SP, SRF, EMR, SPR]


@every
@pytest.mark.parametrize("platform", ORDER)
@pytest.mark.parametrize("wished", ORDER)
def test_5_1_only_older_models(module: str, platform: int, wished: int) -> None:
    expected = wished if ORDER.index(wished) >= ORDER.index(platform) else REFUSED
    assert shown(module, platform, wished) == expected


@every
@pytest.mark.parametrize("wished", [ICE_LAKE, 0x1, 0x606F8, 0x816F8, 0xF06F0])
def test_5_1_model_that_is_not_listed(module: str, wished: int) -> None:
    assert shown(module, CWF, wished) == REFUSED


# (c) the listed stepping.


@every
@pytest.mark.parametrize(("platform", "wished", "expected"), [
    (CWF, 0xC06F3, REFUSED), (CWF, 0xC06F2, 0xC06F2), (CWF, 0x806F9, REFUSED), (CWF, 0x806F4, 0x806F4),
    (CWF, 0xA06D1, REFUSED), (CWF, 0xA06E1, REFUSED), (0xC06F4, 0xC06F3, REFUSED), (0xC06F4, 0xC06F2, 0xC06F2),
])
def test_5_1_stepping_of_the_list(module: str, platform: int, wished: int, expected: int | str) -> None:
    assert shown(module, platform, wished) == expected


@every
@pytest.mark.parametrize("wished", [0, 0xA06D1])
def test_5_1_granite_rapids_stepping_1_is_refused(module: str, wished: int) -> None:
    # The first of the "Traps that follow from the code".
    assert shown(module, 0xA06D1, wished) == REFUSED
    assert shown(module, 0xA06D1, 0xA06D0) == 0xA06D0
    assert shown(module, 0xA06D1, wished, attributes=0) == 0xA06D1


@every
@pytest.mark.parametrize(("platform", "expected"), [
    (SPR, SPR), (0x806F9, REFUSED), (0xC06F3, REFUSED), (GNR_SP, GNR_SP),
])
def test_5_1_default_is_checked_too(module: str, platform: int, expected: int | str) -> None:
    assert shown(module, platform, 0) == expected


@every
@pytest.mark.parametrize(("wished", "expected"), [
    (0, TD_SHUTDOWN), (ICE_LAKE, TD_SHUTDOWN), (SPR, TD_SHUTDOWN), (0x1, TD_SHUTDOWN), (ICE_LAKE - 1, TD_SHUTDOWN),
    (ICE_LAKE + 1, REFUSED),
])
def test_5_1_platform_that_is_not_listed(module: str, wished: int, expected: str) -> None:
    assert shown(module, ICE_LAKE, wished) == expected


# 5.C11: Sierra Forest; 6.C8: the list stays.


@pytest.mark.parametrize(("module", "stepping"), [("1.5.01", 0), ("1.5.05", 3), ("1.5.06", 3)])
def test_5c11_sierra_forest_stepping(module: str, stepping: int) -> None:
    for wished in range(6):
        expected = (SRF | wished) if wished <= stepping else REFUSED
        assert shown(module, GNR_SP, SRF | wished) == expected
        assert shown(module, SRF | 5, SRF | wished) == expected


@later
def test_5c11_granite_rapids_stays(module: str) -> None:
    assert shown(module, CWF, 0xA06D1) == REFUSED
    assert shown(module, CWF, SRF_LATER) == SRF_LATER


@pytest.mark.parametrize("platform", [*ORDER, SRF_LATER, 0xA06D1, ICE_LAKE])
@pytest.mark.parametrize("wished", [0, *ORDER, SRF_LATER, 0xA06F4, 0xA06D1, 0xC06F3])
def test_6c8_same_models_as_before(platform: int, wished: int) -> None:
    assert shown("1.5.06", platform, wished) == shown("1.5.05", platform, wished)
