"""How large a fleet, and how late an answer, does the frequency of an area bear without hunting?

The steepest slope of the fleet stands for its droop, and a delay for its measurements. The loop
is linear then; whole steps of chargers, dead bands and limits can still make small limit cycles.
"""

import numpy as np
from numpy.polynomial import Polynomial

from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.frequency.area import Area
from evergrid.resilience.frequency.response import FleetResponse


def settled_deviation_hz(area: Area, loss_mw: float, fleet_mw_per_hz: float = 0.0) -> float:
    """Deviation at which plants, load and fleet make up for a loss, without limits.

    Source:
        Final value of the swing equation: dP / (D + 1/R + K).
    """
    return -loss_mw / (area.damping_mw_per_hz + area.governor_mw_per_hz + fleet_mw_per_hz)


def initial_rocof_hz_per_s(area: Area, loss_mw: float) -> float:
    """Rate of change of frequency right after a loss, which no droop with a lag changes.

    Source:
        Swing equation at rest: -f0 dP / (2 H S).
    """
    return -loss_mw / area.inertia_mws_per_hz


def check(area: Area, fleet: FleetResponse, award_mw: float) -> None:
    """Refuse an area or a fleet that would hunt, before anything is integrated.

    Raises:
        InputError: Governors that are unstable by themselves; a fleet whose delay is not below
            what the loop bears.
    """
    if not _stable(_plants(area)):
        fix = "Raise droop_pu or inertia_s, or lower servo_s."
        got = (area.governor.droop_pu,)
        raise_if_any("frequency", [Fault("governor", "be stable without a fleet", got, fix=fix)])
    margin_s, delay_s = delay_margin_s(area, fleet, award_mw), fleet.control.loop_delay_s
    if delay_s >= margin_s:
        rule = f"be stable: its delay of {delay_s:.3g} s must be below {margin_s:.3g} s"
        fix = "A smaller fleet, a flatter droop, more inertia, or a quicker measurement."
        raise_if_any("frequency", [Fault("fleet", rule, (f"{award_mw:,.4g} MW",), fix=fix)])


def delay_margin_s(area: Area, fleet: FleetResponse, award_mw: float) -> float:
    """Delay of the fleet at which its loop begins to hunt; infinite where none does.

    Where the loop gain is 1, the delay must not use up the distance of the phase from -180
    degrees.

    Source:
        Nyquist criterion for a loop that is stable when open.
    """
    slope = award_mw * fleet.slope_per_hz
    ahead = slope * _lags(area)
    plant = _plants(area) * Polynomial([1.0, fleet.control.lag_s])
    if slope == 0.0:
        return np.inf
    if not _stable(plant + ahead):
        return 0.0
    crossings = (_even(plant) - _even(ahead)).roots()
    real = np.abs(np.imag(crossings)) < 1e-7 * np.abs(crossings)
    omega = np.sqrt(np.real(crossings)[real & (np.real(crossings) > 0)])
    phase = np.angle(ahead(1j * omega) / plant(1j * omega))
    return float(((np.pi + phase) % (2 * np.pi) / omega).min(initial=np.inf))


def _lags(area: Area) -> Polynomial:
    """Denominator of the governed plants."""
    governor = area.governor
    return Polynomial([1.0, governor.reheat_s]) * Polynomial([1.0, governor.servo_s])


def _plants(area: Area) -> Polynomial:
    """Characteristic polynomial of the area without a fleet."""
    governor = area.governor
    swing = Polynomial([area.damping_mw_per_hz, area.inertia_mws_per_hz])
    fast = Polynomial([1.0, governor.high_pressure_share * governor.reheat_s])
    return swing * _lags(area) + area.governor_mw_per_hz * fast


def _stable(characteristic: Polynomial) -> bool:
    return bool((np.real(characteristic.trim().roots()) < 0).all())


def _even(polynomial: Polynomial) -> Polynomial:
    """Square of its size on the imaginary axis, in the square of the angular frequency."""
    parts = [np.real(polynomial.coef[first::2]) for first in (0, 1)]
    even, odd = (Polynomial(part * (-1.0) ** np.arange(len(part))) for part in parts)
    square = Polynomial([0.0, 1.0])
    return even**2 + square * odd**2
