"""What a service asks of a battery: throughput, and how deep its cycles are by rainflow.

A signal that turns every few seconds moves much energy in cycles that hardly go anywhere. Counted
as throughput it looks like a full cycle a day; by rainflow hardly any of it is in deep cycles.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.battery.ageing import rainflow
from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import H_PER_DAY, S_PER_H

SHALLOW, DEEP = 0.01, 0.1  # depths below and above which cycles are told apart


@dataclass(frozen=True)
class Duty:
    """Use of a battery, in equivalent full cycles a day.

    Attributes:
        throughput: All that moves, up and down, over twice the capacity.
        shallow: Of these, in cycles of less than `SHALLOW` of the capacity.
        deep: Of these, in cycles of more than `DEEP`.
    """

    throughput: float
    shallow: float
    deep: float


@dataclass(frozen=True)
class RegulationDuty:
    """What following a regulation signal does to a battery.

    Attributes:
        rms: Root mean square of the signal, with which heat in cells and wires goes.
        discharged_kwh_per_day: Out of the cells, by the signal.
        recovery_kw: Constant power into the cells that makes up for losses and for the signal's
            own drift, so that the battery ends as it began.
        state: Of charge at the begin and at the end of each step, from 0.
        duty: Cycles with the recovery.
    """

    rms: float
    discharged_kwh_per_day: float
    recovery_kw: float
    state: Float[Array, " point"]
    duty: Duty


def of(state: Float[Array, " point"], *, step_h: float) -> Duty:
    """The duty of a state of charge over time, 0 to 1."""
    days = step_h * (len(state) - 1) / H_PER_DAY
    cycles = rainflow.cycles(state)
    equivalent = cycles.depth * cycles.weight / days
    return Duty(
        throughput=float(equivalent.sum()),
        shallow=float(equivalent[cycles.depth < SHALLOW].sum()),
        deep=float(equivalent[cycles.depth > DEEP].sum()),
    )


def of_regulation(
    signal: Float[Array, " step"],
    *,
    step_s: float,
    award_kw: float,
    capacity_kwh: float,
    efficiency: float,
) -> RegulationDuty:
    """The duty of following a signal.

    Args:
        signal: Share of the award, positive into the grid, in [-1, 1].
        step_s: Length of its steps.
        award_kw: What is awarded, each way.
        capacity_kwh: Of the battery.
        efficiency: Between grid and cells, one way.

    Raises:
        InputError: A signal outside its range, or numbers that cannot be.
    """
    faults = [
        Fault(name, "be above 0", (value,))
        for name, value in (("award_kw", award_kw), ("capacity_kwh", capacity_kwh))
        if not value > 0
    ]
    if not 0 < efficiency <= 1:
        faults.append(Fault("efficiency", "lie in (0, 1]", (efficiency,)))
    good = (signal >= -1) & (signal <= 1)
    if not good.all():
        got = tuple(float(value) for value in signal[~good][:3])
        faults.append(Fault("signal", "lie in [-1, 1]", got, fix="Give shares of the award."))
    raise_if_any("regulation", faults)
    step_h = step_s / S_PER_H
    power_kw = award_kw * signal
    cells_kw = np.where(power_kw > 0, power_kw / efficiency, power_kw * efficiency)
    recovery_kw = float(cells_kw.mean())
    moved_kwh = np.cumsum(recovery_kw - cells_kw) * step_h
    state = np.concatenate([[0.0], moved_kwh / capacity_kwh])
    return RegulationDuty(
        rms=float(np.sqrt(np.mean(signal**2))),
        discharged_kwh_per_day=float(np.maximum(cells_kw, 0.0).mean() * H_PER_DAY),
        recovery_kw=recovery_kw,
        state=state,
        duty=of(state, step_h=step_h),
    )
