"""Curves of grid support: from a slope or a product, and what a station should do by them."""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.config import FrequencyDroopEntry, GridStrengthSource
from evergrid.live.ocpp.grid_functions import FreqDroop, VoltVar
from evergrid.markets.rules import frequency_response

VOLT_VAR, FREQ_DROOP = "VoltVar", "FreqDroop"  # in the words of OCPP
CONTROLS = {VOLT_VAR: "evergrid-volt-var", FREQ_DROOP: "evergrid-freq-droop"}
FARTHEST_PU = 0.49  # of a point of a curve from nominal: the rules of OCPP end at one half
FLAT = 1e-9
OWN = "droop"  # the product that is configured rather than named
PERCENT = 100.0


def volt_var(slope: float, settings: GridStrengthSource) -> VoltVar:
    """Reactive power by voltage, with a dead band around nominal and equal slopes beyond it.

    Args:
        slope: Reactive power over rating per voltage in pu, above 0.
        settings: Dead band, greatest share and response.
    """
    end_pu = min(settings.deadband_pu + settings.most_share / slope, FARTHEST_PU)
    most = min(slope * (end_pu - settings.deadband_pu), settings.most_share)  # rounding
    band = settings.deadband_pu
    points = ((1 - end_pu, most), (1 - band, 0.0), (1 + band, 0.0), (1 + end_pu, -most))
    return VoltVar(CONTROLS[VOLT_VAR], points, settings.response_s)


def freq_droop(settings: FrequencyDroopEntry) -> FreqDroop:
    """Active power by frequency, as a product asks of a station that offers all of its power.

    Raises:
        InputError: A product that is not known, or whose share does not rise straight both ways.
    """
    if settings.product == OWN:
        deadband_hz, full_hz = settings.deadband_hz, settings.full_hz
    else:
        deadband_hz, full_hz = _straight(settings.product)
    return FreqDroop(
        CONTROLS[FREQ_DROOP],
        settings.nominal_hz + deadband_hz,
        settings.nominal_hz - deadband_hz,
        (full_hz - deadband_hz) / settings.nominal_hz,
        settings.response_s,
    )


def _straight(name: str) -> tuple[float, float]:
    """Dead band and full deviation of a product, in Hz.

    Where a product may stay still at first and then owes what a line through nominal gives, the
    line is taken from nominal on: that delivers no less.
    """
    product = frequency_response.named(name)
    corners = list(zip(product.deviation_hz, product.share, strict=True))
    full = next(at for at in corners if at[1] >= 1.0)
    rising = [at for at in corners if 0.0 < at[1] < 1.0]
    begin = rising[0] if rising else [at for at in corners if at[1] == 0.0][-1]
    per_share_hz = (full[0] - begin[0]) / (full[1] - begin[1])
    deadband_hz = begin[0] - begin[1] * per_share_hz
    straight = all(abs(at - deadband_hz - share * per_share_hz) < FLAT for at, share in rising)
    still_hz = max(at for at, share in corners if share == 0.0)
    straight &= -FLAT < deadband_hz < still_hz + FLAT
    if not (product.low and product.high and straight):
        fix = 'Choose "fcr" or "fcr_n", or "droop" with deadband_hz and full_hz.'
        rule = "be one whose share rises straight with low and with high frequency"
        raise InputError("frequency_droop", [Fault("product", rule, (name,), fix=fix)])
    return max(deadband_hz, 0.0), full[0]


def points(function: VoltVar | FreqDroop) -> tuple[tuple[float, float], ...]:
    """Corners of a function: voltage in pu or frequency in Hz, and share of the rating."""
    if isinstance(function, VoltVar):
        return function.points
    full_hz = (function.over_hz + function.under_hz) / 2 * function.droop
    return (
        (function.under_hz - full_hz, 1.0),
        (function.under_hz, 0.0),
        (function.over_hz, 0.0),
        (function.over_hz + full_hz, -1.0),
    )


def steepest(payload: Mapping[str, Any]) -> float:
    """Steepest slope of a VoltVar curve as it is sent: share of the greatest per pu of voltage."""
    points = [(one["x"], one["y"]) for one in payload["curve"]["curveData"]]
    slopes = [0.0]
    for (low, before), (high, after) in pairwise(points):
        if after != before:
            slopes.append(abs(after - before) / (high - low) if high > low else math.inf)
    return max(slopes)


def expected_kvar(curve: VoltVar, voltage_pu: float, rating_kva: float, power_kw: float) -> float:
    """Reactive power into the grid that a curve asks for, within what the power leaves.

    Args:
        curve: In force.
        voltage_pu: At the meter.
        rating_kva: Of the station.
        power_kw: That flows.
    """
    room = math.sqrt(max(rating_kva**2 - power_kw**2, 0.0))
    return min(max(_on(curve.points, voltage_pu) * rating_kva, -room), room)


def expected_shift_kw(droop: FreqDroop, frequency_hz: float, rating_kw: float) -> float:
    """Power into the grid that a droop adds to what was ordered; limits are not applied."""
    nominal_hz = (droop.over_hz + droop.under_hz) / 2
    low_hz = max(droop.under_hz - frequency_hz, 0.0)
    high_hz = max(frequency_hz - droop.over_hz, 0.0)
    return (low_hz - high_hz) / (nominal_hz * droop.droop) * rating_kw


def _on(points: tuple[tuple[float, float], ...], at: float) -> float:
    """A curve of straight pieces, constant beyond its ends."""
    if at <= points[0][0]:
        return points[0][1]
    for (low, before), (high, after) in pairwise(points):
        if at <= high:
            return before + (after - before) * (at - low) / (high - low)
    return points[-1][1]
