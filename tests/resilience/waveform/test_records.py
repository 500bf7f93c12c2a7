"""What records of an island refuse: each message names the field, the rule and the value."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.waveform.case import WaveformCase
from evergrid.resilience.waveform.network import EarthFault, PhaseLoad, SaturableTransformer
from evergrid.resilience.waveform.protection import FuseCurve, FuseEnergy
from evergrid.resilience.waveform.ranges import triple_faults
from evergrid.resilience.waveform.sources import (
    EmtControl,
    EmtFilter,
    EmtInverter,
    StiffSource,
    VoltageRamp,
)

NUMBERS: list[tuple[type, dict[str, Any], str]] = [
    *((EmtFilter, {}, name) for name in EmtFilter.__dataclass_fields__),
    *((EmtControl, {}, name) for name in EmtControl.__dataclass_fields__),
    *((EmtInverter, {}, name) for name in ("rating_kva", "line_voltage_v", "dc_voltage_v")),
    *((StiffSource, {}, name) for name in ("rating_kva", "line_voltage_v")),
    *((VoltageRamp, {}, name) for name in ("duration_s", "start_s")),
    *(
        (SaturableTransformer, {"rating_kva": 100.0}, name)
        for name in (
            "rating_kva",
            "line_voltage_v",
            "knee_pu",
            "magnetising_pu",
            "air_core_pu",
            "core_loss_pu",
            "leakage_pu",
            "resistance_pu",
            "close_s",
        )
    ),
    (PhaseLoad, {"name": "x", "active_kw": (1.0, 1.0, 1.0)}, "close_s"),
    *(
        (EarthFault, {"phases": "a", "resistance_ohm": 1.0, "start_s": 0.1}, name)
        for name in ("resistance_ohm", "start_s", "end_s")
    ),
    *(
        (FuseEnergy, {"name": "x", "melting_a2s": 1.0, "least_current_a": 1.0}, name)
        for name in ("melting_a2s", "least_current_a")
    ),
]


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
@pytest.mark.parametrize(
    ("record", "given", "name"), NUMBERS, ids=[f"{r.__name__}.{n}" for r, _, n in NUMBERS]
)
def test_numbers_that_are_not_finite_or_negative_are_refused(
    record: type, given: dict[str, Any], name: str, value: float
) -> None:
    with pytest.raises(InputError, match=rf"{name} must be in \[.*\], got {value:g}"):
        record(**{**given, name: value})


def inverter_case(**given: Any) -> WaveformCase:
    return WaveformCase(EmtInverter(), 0.5, **given)


WRONG: list[tuple[str, Callable[[], Any], str, str]] = [
    ("frequency", lambda: EmtInverter(nominal_hz=55.0), "nominal_hz", "50 or 60"),
    ("frequency", lambda: StiffSource(nominal_hz=0.0), "nominal_hz", "50 or 60"),
    ("rails", lambda: EmtInverter(dc_voltage_v=700.0), "dc_voltage_v", "three wires"),
    (
        "mixed frequency",
        lambda: inverter_case(transformer=SaturableTransformer(100.0, nominal_hz=50.0)),
        "transformer.nominal_hz",
        "60 Hz, got 50",
    ),
    (
        "mixed voltage",
        lambda: inverter_case(transformer=SaturableTransformer(100.0, line_voltage_v=400.0)),
        "transformer.line_voltage_v",
        "480 V, got 400",
    ),
    (
        "above rating",
        lambda: inverter_case(loads=(PhaseLoad("a", (40.0, 40.0, 40.0), (30.0, 30.0, 30.0)),)),
        "loads",
        "150 kVA of a",
    ),
    (
        "after the end",
        lambda: inverter_case(loads=(PhaseLoad("a", (1.0, 1.0, 1.0), close_s=0.5),)),
        "close_s of load a",
        "before the end",
    ),
    (
        "stiff fault",
        lambda: WaveformCase(StiffSource(), 0.5, earth_faults=(EarthFault("a", 1.0, 0.1),)),
        "earth_faults",
        "take an inverter",
    ),
    (
        "residual flux",
        lambda: SaturableTransformer(100.0, residual_flux_pu=(1.5, 0.0, math.nan)),
        "residual_flux_pu",
        "one for each phase",
    ),
    (
        "air core",
        lambda: SaturableTransformer(100.0, magnetising_pu=2.0, air_core_pu=3.0),
        "air_core_pu",
        "below magnetising_pu",
    ),
    (
        "angle",
        lambda: SaturableTransformer(100.0, close_angle_deg=math.nan),
        "close_angle_deg",
        "got nan",
    ),
    ("load", lambda: PhaseLoad("a", (1.0, -1.0, 1.0)), "active_kw", "one for each phase"),
    (
        "pure inductance",
        lambda: PhaseLoad("a", (0.0, 0.0, 0.0), (1.0, 0.0, 0.0)),
        "active_kw",
        "above 0 where reactive_kvar is",
    ),
    ("phases", lambda: EarthFault("ad", 1.0, 0.1), "phases", "letters of abc"),
    ("phases", lambda: EarthFault("aa", 1.0, 0.1), "phases", "each once"),
    ("end", lambda: EarthFault("a", 1.0, 0.3, 0.2), "end_s", "after start_s"),
    ("curve", lambda: FuseCurve("f", (1.0,), (1.0,)), "current_a", "two or more"),
    ("curve", lambda: FuseCurve("f", (1.0, math.nan), (2.0, 1.0)), "current_a", "finite"),
    ("curve", lambda: FuseCurve("f", (2.0, 1.0), (2.0, 1.0)), "current_a", "rise"),
    ("curve", lambda: FuseCurve("f", (1.0, 2.0), (1.0, 2.0)), "melting_s", "fall"),
    ("curve", lambda: FuseCurve("f", (1.0, 2.0), (3.0, 2.0, 1.0)), "melting_s", "every current"),
]


@pytest.mark.parametrize(
    ("make", "field", "words"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_what_cannot_be_is_refused(make: Callable[[], Any], field: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        make()
    assert refused.value.field == field
    assert words in str(refused.value)


def test_two_numbers_do_not_stand_for_three_phases() -> None:
    (fault,) = triple_faults("active_kw", (1.0, 1.0), 0.0, 10.0)
    assert "three numbers in [0, 10], one for each phase, got (1.0, 1.0)." in str(fault)
    assert triple_faults("active_kw", (1.0, 0.0, 10.0), 0.0, 10.0) == []


def test_a_load_tells_its_apparent_power_and_impedance() -> None:
    load = PhaseLoad("a", (8.0, 0.0, 4.0), (6.0, 0.0, 0.0))
    assert load.apparent_kva == pytest.approx(math.hypot(12.0, 6.0))
    first, none, third = load.impedances_ohm(480.0)
    assert none is None
    square = 480.0**2 / 3
    assert first == pytest.approx((square * 0.08 / 1e3, square * 0.06 / 1e3))
    assert third == pytest.approx((square / 4e3, 0.0))
