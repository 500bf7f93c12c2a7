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

SIZES = 9  # between the least and the most, beside those around the fleet's own


def swept(config: Config, outages: Outages, rule: RestorationRule) -> SizeSweep:
    """Fleets of several sizes through the same outages."""
    some = _some(config, outages)
    vehicles = _sizes(config)
    found = [followed(config, changed(some, vehicles=count), rule) for count in vehicles.tolist()]
    return SizeSweep(
        vehicles=vehicles,
        m_d_kwh=np.array([case.m_d_kwh.mean() for case in found]),
        kept_share=np.array([requirement(config, case).estimate for case in found]),
        lost_cost=np.array([lost_cost(config, case) for case in found]),
    )


def least(config: Config, outages: Outages, rule: RestorationRule) -> LeastFleets:
    """The fewest vehicles for each energy and each charger, by halving.

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
            count, test = _fewest(config, fleet, rule)
            vehicles[i, j] = np.nan if count is None else count
            bound[i, j] = test.lower_bound
    return LeastFleets(
        np.array(given.energy_arrival_kwh), np.array(given.charger_kw), vehicles, bound
    )


def _some(config: Config, outages: Outages) -> Outages:
    """The first outages, of which sizes are tried."""
    assert config.sizing is not None
    count = min(config.sizing.scenarios, len(outages))
    return Outages(
        outages.start_hour[:count],
        outages.length_h[:count],
        outages.microgrids[:count],
        outages.diesel_fails_h[:count],
    )


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
    config: Config, outages: Outages, rule: RestorationRule
) -> tuple[int | None, RequirementTest]:
    """The fewest vehicles that are proven enough, with the test of that size."""
    assert config.sizing is not None

    def test(count: int) -> RequirementTest:
        found = followed(config, changed(outages, vehicles=count), rule)
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
