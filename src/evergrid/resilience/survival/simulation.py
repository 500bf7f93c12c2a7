"""Outages that begin at every step of a record: how long generator, battery and sun carry the load.

A simple rule, not a plan. Surplus of the sun charges the battery. What the sun does not cover the
generator takes, and the battery the rest, if it can take all of it. The first step with load that
is not served ends the outage's survival. The record goes round: after its last step comes its
first.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from evergrid.core import records
from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.resilience.survival.kernels import OutageSeries, Plant, all_starts

STEPS_SAME = 1e-9  # by which durations may miss a whole number of steps


@dataclass(frozen=True)
class DieselGenerator:
    """Like generator sets with one tank; fuel in litres, or any unit.

    Attributes:
        power_kw: Rating of one set.
        units: How many sets.
        turndown: Lowest output over rating; what is not consumed charges the battery.
        fuel: In the tank when the outage begins.
        fuel_per_kwh: Slope of the consumption.
        fuel_per_h: Consumption of one set that idles.
        start_probability: With which each set is available and starts, on its own.

    Raises:
        InputError: Every number out of range.
    """

    power_kw: float
    units: int = 1
    turndown: float = 0.3
    fuel: float = np.inf
    fuel_per_kwh: float = 0.0
    fuel_per_h: float = 0.0
    start_probability: float = 1.0

    def __post_init__(self) -> None:
        records.check(self, "generator")
        fix = "Give a fraction, not a percentage."
        faults = [
            Fault(name, "be at least 0 and finite", (value,))
            for name in ("power_kw", "fuel_per_kwh", "fuel_per_h")
            if not 0 <= (value := getattr(self, name)) < np.inf
        ]
        faults += [
            Fault(name, "be in [0, 1]", (value,), fix=fix)
            for name in ("turndown", "start_probability")
            if not 0 <= (value := getattr(self, name)) <= 1
        ]
        if not self.fuel >= 0:
            faults.append(Fault("fuel", "be at least 0", (self.fuel,), fix="inf for a gas line."))
        if self.units < 0:
            faults.append(Fault("units", "be at least 0", (self.units,)))
        raise_if_any("generator", faults)


@dataclass(frozen=True)
class BatterySeries:
    """A battery, or a fleet of vehicles as one, whose power and room change from step to step.

    Energy is that of the cells above what must stay in them (reserves, the way home). A vehicle
    that comes adds to ``power_kw``, ``capacity_kwh`` and ``arrival_kwh`` of its step; one that goes
    takes ``departure_kwh`` along, or what there is, and what no longer fits goes with it. Vehicles
    share their energy: that one is empty or at its full power while others are not is left out.

    Attributes:
        power_kw: Greatest power in both directions, at the terminals.
        capacity_kwh: Room.
        start_kwh: Energy at the start of an outage that begins in that step.
        arrival_kwh: That comes with vehicles, at the start of the step.
        departure_kwh: That goes with them, at the start of the step.
        efficiency_charge: Into the cells per energy taken.
        efficiency_discharge: Delivered per energy out of the cells.

    Raises:
        InputError: NaN, negative or infinite values, more energy than room, efficiencies outside
            (0, 1].
    """

    power_kw: Float[Array, " step"]
    capacity_kwh: Float[Array, " step"]
    start_kwh: Float[Array, " step"]
    arrival_kwh: Float[Array, " step"]
    departure_kwh: Float[Array, " step"]
    efficiency_charge: float = 1.0
    efficiency_discharge: float = 1.0

    def __post_init__(self) -> None:
        records.check(self, "battery")
        faults: list[Fault] = []
        names = ("power_kw", "capacity_kwh", "start_kwh", "arrival_kwh", "departure_kwh")
        for name in names:
            values = getattr(self, name)
            ok = (values >= 0) & (values < np.inf)
            faults += broken(name, ok, "be at least 0 and finite", values=values)
        fits = ~(self.start_kwh > self.capacity_kwh)
        rule = "be at most capacity_kwh"
        faults += broken("start_kwh", fits, rule, values=self.start_kwh)
        for name in ("efficiency_charge", "efficiency_discharge"):
            if not 0 < (value := getattr(self, name)) <= 1:
                faults.append(Fault(name, "be in (0, 1]", (value,), fix="Give a fraction."))
        raise_if_any("battery", faults)


def stationary_battery(
    steps: int,
    *,
    power_kw: float,
    capacity_kwh: float,
    start_kwh: Float[Array, " step"] | float,
    efficiency_charge: float = 1.0,
    efficiency_discharge: float = 1.0,
) -> BatterySeries:
    """A battery that stays.

    Raises:
        InputError: As for `BatterySeries`.
    """
    none = np.zeros(steps)
    start = np.broadcast_to(np.asarray(start_kwh, dtype=np.float64), (steps,)).copy()
    power, room = np.full(steps, power_kw), np.full(steps, capacity_kwh)
    return BatterySeries(power, room, start, none, none, efficiency_charge, efficiency_discharge)


@dataclass(frozen=True)
class OutageSurvival:
    """How long the load is served, for every step in which an outage may begin.

    Attributes:
        probability: Of each outcome: so many generator sets start, from none to all.
        hours: Served until the first step that is not; at most as long as was looked.
        longest_h: For which was looked.
    """

    probability: Float[Array, " outcome"]
    hours: Float[Array, "outcome start"]
    longest_h: float

    @property
    def by_start_h(self) -> Float[Array, " start"]:
        """Expected hours of each start."""
        return self.probability @ self.hours

    @property
    def mean_h(self) -> float:
        """Expected hours, every start alike."""
        return float(self.by_start_h.mean())

    @property
    def least_h(self) -> float:
        """Hours of the worst start and outcome that is possible."""
        return float(self.hours[self.probability > 0].min())

    @property
    def most_h(self) -> float:
        """Hours of the best start and outcome that is possible."""
        return float(self.hours[self.probability > 0].max())

    def probability_of_surviving(
        self, duration_h: Float[Array, " duration"]
    ) -> Float[Array, " duration"]:
        """Probability that an outage of each duration is survived, every start alike.

        Raises:
            InputError: A duration that is negative, or longer than was looked.
        """
        ok = (duration_h >= 0) & (duration_h <= self.longest_h * (1 + STEPS_SAME))
        rule = f"be in [0, {self.longest_h:g}] h, for which was looked"
        raise_if_any("survival", broken("duration_h", ok, rule, values=duration_h))
        hours = np.sort(self.hours, axis=1)
        least = duration_h * (1 - STEPS_SAME)
        fewer = np.array([np.searchsorted(row, least) for row in hours])
        return self.probability @ (1.0 - fewer / hours.shape[1])


def simulate_outages(
    load_kw: Float[Array, " step"],
    *,
    step_h: float,
    generation_kw: Float[Array, " generation"] | None = None,
    generator: DieselGenerator | None = None,
    battery: BatterySeries | None = None,
    longest_h: float | None = None,
) -> OutageSurvival:
    """Hours served for an outage that begins at each step.

    Several generator sets run and are turned down together; how many start is binomial.

    Args:
        load_kw: That must be served.
        step_h: Length of a step.
        generation_kw: Of sun and wind, before any is curtailed.
        generator: Generator sets; none by default.
        battery: Battery or vehicles; none by default.
        longest_h: For how long an outage is followed; the whole record by default.

    Raises:
        InputError: No step, NaN or negative powers, series of another length, a step or a longest
            outage that is not above 0.

    Source:
        REopt.jl (National Renewable Energy Laboratory), ``simulate_outage`` in
        ``src/outagesim/outage_simulator.jl``. There, a load beyond both rating and tank empties
        the tank, and what the last fuel gives beyond the load is stored without loss or limit.
    """
    steps = len(load_kw)
    generation = np.zeros(steps) if generation_kw is None else generation_kw
    battery = battery or stationary_battery(steps, power_kw=0.0, capacity_kwh=0.0, start_kwh=0.0)
    _check(load_kw, generation, battery, step_h, longest_h)
    count = steps if longest_h is None else int(longest_h / step_h * (1 + STEPS_SAME))
    series = OutageSeries(
        load_kw - generation,
        battery.power_kw,
        battery.capacity_kwh,
        battery.start_kwh,
        battery.arrival_kwh,
        battery.departure_kwh,
    )
    generator = generator or DieselGenerator(0.0, units=0)
    chance = binom.pmf(np.arange(generator.units + 1), generator.units, generator.start_probability)
    hours = np.zeros((len(chance), steps))
    # Any number of sets that start is a plant of its own, followed once; chances weigh them.
    for sets in range(len(chance)):
        plant = Plant(
            sets * generator.power_kw,
            sets * generator.power_kw * generator.turndown,
            generator.fuel if sets else 0.0,
            generator.fuel_per_kwh,
            sets * generator.fuel_per_h,
            battery.efficiency_charge,
            battery.efficiency_discharge,
        )
        if chance[sets] > 0:
            all_starts(series, plant, step_h, count, hours[sets])
    return OutageSurvival(chance, hours * step_h, count * step_h)


def _check(
    load_kw: Float[Array, " step"],
    generation_kw: Float[Array, " generation"],
    battery: BatterySeries,
    step_h: float,
    longest_h: float | None,
) -> None:
    faults: list[Fault] = []
    for name, values in (("load_kw", load_kw), ("generation_kw", generation_kw)):
        ok = (values >= 0) & (values < np.inf)
        faults += broken(name, ok, "be at least 0 and finite", values=values)
    if len(load_kw) == 0:
        faults.append(Fault("load_kw", "have at least one step", (0,)))
    for name, length in (("generation_kw", len(generation_kw)), ("battery", len(battery.power_kw))):
        if length != len(load_kw):
            rule = f"have a value for each of {len(load_kw)} steps"
            faults.append(Fault(name, rule, (length,)))
    if not 0 < step_h < np.inf:
        faults.append(Fault("step_h", "be above 0 and finite", (step_h,)))
    elif longest_h is not None and not step_h * (1 - STEPS_SAME) <= longest_h < np.inf:
        faults.append(Fault("longest_h", "be at least a step, and finite", (longest_h,)))
    raise_if_any("survival", faults)
