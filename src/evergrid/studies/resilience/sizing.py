"""How much is enough: what one more vehicle is worth, and the least fleet that keeps the target."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from evergrid.core.arrays import Array, Int
from evergrid.model.microgrid import BatteryUnit
from evergrid.resilience.metrics.requirement import RequirementTest
from evergrid.resilience.restoration.rule import RestorationRule
from evergrid.studies.resilience.cases import followed, lost_cost, requirement
from evergrid.studies.resilience.config import Config
from evergrid.studies.resilience.results import LeastFleets, SizeSweep
from evergrid.studies.resilience.scenarios import Outages, changed
from evergrid.studies.resilience.workers import OutageWorkers

SIZES = 9  # between the least and the most, beside those around the fleet's own


def swept(
    config: Config, outages: Outages, rule: RestorationRule, workers: OutageWorkers
) -> SizeSweep:
    """Fleets of several sizes through the same outages."""
    some = _some(config, outages)
    vehicles = _sizes(config)
    found = [
        followed(config, changed(some, vehicles=count), rule, workers=workers)
        for count in vehicles.tolist()
    ]
    return SizeSweep(
        vehicles=vehicles,
        m_d_kwh=np.array([case.m_d_kwh.mean() for case in found]),
        kept_share=np.array([requirement(config, case).estimate for case in found]),
        lost_cost=np.array([lost_cost(config, case) for case in found]),
    )


def least(
    config: Config, outages: Outages, rule: RestorationRule, workers: OutageWorkers
) -> LeastFleets:
    """The fewest vehicles for each energy and each charger, by halving; what the own fleet needs.

    More vehicles never make an outage worse by more than what the policy's rules of thumb cost, so
    halving is used, and the size before the one that is found was tried and is not enough.
    """
    assert config.sizing is not None
    some, given = _some(config, outages), config.sizing
    shape = (len(given.energy_arrival_kwh), len(given.charger_kw))
    vehicles, bound = np.full(shape, np.nan), np.zeros(shape)
    for i, energy in enumerate(given.energy_arrival_kwh):
        for j, power in enumerate(given.charger_kw):
            fleet = changed(some, change=_of(config, energy, power))
            count, test = _fewest(config, fleet, rule, workers)
            vehicles[i, j] = np.nan if count is None else count
            bound[i, j] = test.lower_bound
    own, (i, j) = config.microgrid.vehicles[0].count, nearest(config)

    def enough(energy: float, power: float) -> bool:
        fleet = changed(some, vehicles=own, change=_of(config, energy, power))
        return requirement(config, followed(config, fleet, rule, workers=workers)).proven

    energies, powers = given.energy_arrival_kwh, given.charger_kw
    return LeastFleets(
        np.array(energies),
        np.array(powers),
        vehicles,
        bound,
        own_energy_kwh=next((one for one in energies if enough(one, powers[j])), np.nan),
        own_charger_kw=next((one for one in powers if enough(energies[i], one)), np.nan),
    )


def nearest(config: Config) -> tuple[int, int]:
    """Places of the energy and the charger that are nearest to those of the study's vehicles."""
    assert config.sizing is not None
    kind, given = config.microgrid.vehicles[0], config.sizing
    energy_kwh, power_kw = sum(kind.energy_arrival_kwh) / 2, kind.max_discharge_kw
    i = int(np.argmin(np.abs(np.array(given.energy_arrival_kwh) - energy_kwh)))
    return i, int(np.argmin(np.abs(np.array(given.charger_kw) - power_kw)))


def _some(config: Config, outages: Outages) -> Outages:
    """The first outages, of which sizes are tried."""
    assert config.sizing is not None
    return outages.part(0, config.sizing.scenarios)


def _sizes(config: Config) -> Int[Array, " size"]:
    """Sizes that are tried, those around the fleet's own among them."""
    assert config.sizing is not None
    low, high = config.sizing.vehicles
    own = config.microgrid.vehicles[0].count
    around = [own + one for one in (-1, 0, 1) if low <= own + one <= high]
    spread = np.linspace(low, high, min(SIZES, high - low + 1)).round().astype(int)
    return np.unique([*spread.tolist(), *around])


def _of(
    config: Config, energy_kwh: float, charger_kw: float
) -> Callable[[int, BatteryUnit], BatteryUnit]:
    """What becomes of a vehicle that brings so much more or less at such a charger."""
    low, high = config.microgrid.vehicles[0].energy_arrival_kwh
    more = energy_kwh - (low + high) / 2

    def change(_: int, unit: BatteryUnit) -> BatteryUnit:
        energy = float(np.clip(unit.energy_arrival_kwh + more, 0.0, unit.capacity_kwh))
        return replace(
            unit,
            energy_arrival_kwh=energy,
            max_discharge_kw=charger_kw,
            max_charge_kw=charger_kw,
            apparent_kva=charger_kw,
        )

    return change


def _fewest(
    config: Config, outages: Outages, rule: RestorationRule, workers: OutageWorkers
) -> tuple[int | None, RequirementTest]:
    """The fewest vehicles that are proven enough, with the test of that size."""
    assert config.sizing is not None

    def test(count: int) -> RequirementTest:
        found = followed(config, changed(outages, vehicles=count), rule, workers=workers)
        return requirement(config, found)

    low, high = config.sizing.vehicles
    best = test(high)
    if not best.proven:
        return None, best
    while low < high:
        middle = (low + high) // 2
        tried = test(middle)
        if tried.proven:
            high, best = middle, tried
        else:
            low = middle + 1
    return high, best
