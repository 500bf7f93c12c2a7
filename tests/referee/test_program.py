"""The referee's own program, by hand-made cases whose right value follows from a few lines."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.referee import cases, read
from tests.referee.cases import Case
from tests.referee.families import FAMILIES, draw
from tests.referee.least_cost import program
from tests.referee.least_cost.program import Least

START = datetime(2025, 6, 1, 10, tzinfo=UTC)


def case(hours: int, buy: float | list[float], sell: float | list[float], **site: Any) -> Case:
    """One site over some hours, with a price in each or one for all."""
    made = Case(np.random.default_rng(0), START, hours, 60)
    cases.set_prices(made, np.broadcast_to(buy, hours), np.broadcast_to(sell, hours))
    cases.add_site(made, "s", **site)
    return made


def battery(made: Case, **values: float) -> None:
    """A lossless battery of 10 kWh and 5 kW that begins and ends with 5 kWh unless told."""
    given = {"energy_start_kwh": 5.0, "efficiency": 1.0, "wear_cost_per_kwh": 0.0}
    cases.add_battery(made, "s", 10.0, 5.0, **given | values)


def car(made: Case, hours: float, **values: float) -> None:
    """A lossless car of 60 kWh and 11 kW that charges from 10 kWh for so long, unless told."""
    given = {
        "capacity_kwh": 60.0,
        "energy_arrival_kwh": 10.0,
        "max_charge_kw": 11.0,
        "max_discharge_kw": 0.0,
        "efficiency_charge": 1.0,
        "efficiency_discharge": 1.0,
        "wear_cost_per_kwh": 0.0,
    }
    cases.add_stay(made, "s", 0.0, hours, **given | values)


def hourly(made: Case, table: str, *power: float) -> None:
    """Power of the site in each hour: its load or its generation."""
    value = "load_kw" if table == "site_load" else "generation_kw"
    cases.add_series(made, table, value, "s", np.array(power))


def best(made: Case, folder: Path) -> Least:
    """What is possible at best."""
    made.write(folder)
    found = program.least(read.of_case(folder))
    assert found is not None
    return found


def told(found: Least) -> tuple[float, float, float]:
    """Energy short, energy over limits, cost."""
    return found.shortfall_kwh, found.excess_kwh, found.cost


def test_a_battery_may_not_draw_and_feed_at_once_to_burn_energy(tmp_path: Path):
    """At -40 a full battery of 0.9 each way could burn; it feeds at 20 before, and draws then."""
    made = case(3, [20, -40, 20], [20, -40, 20], export_limit_kw=4.0)
    given = {"capacity_kwh": 20.0, "power_kw": 10.0, "energy_start_kwh": 10.0}
    cases.add_battery(made, "s", 0.0, 0.0, **given, efficiency=0.9, wear_cost_per_kwh=0.0)
    # 4 kW are fed in the first and the last hour; 10 kW drawn between hold 9 kWh of 8.89 fed
    assert told(best(made, tmp_path)) == pytest.approx((0, 0, -0.56), abs=1e-6)


def test_surplus_beyond_an_export_limit_is_curtailed_at_no_cost(tmp_path: Path):
    made = case(2, 200, 70, export_limit_kw=0.0, net_metering=True)
    hourly(made, "site_generation", 3.0, 3.0)
    battery(made, energy_start_kwh=10.0, energy_end_kwh=10.0)
    assert told(best(made, tmp_path)) == pytest.approx((0, 0, 0), abs=1e-6)


def test_surplus_that_must_be_taken_passes_the_limit_and_is_not_paid(tmp_path: Path):
    made = case(2, 200, 70, export_limit_kw=0.0, net_metering=True)
    hourly(made, "site_load", -3.0, -3.0)
    battery(made, energy_start_kwh=10.0, energy_end_kwh=10.0)
    assert told(best(made, tmp_path)) == pytest.approx((0, 6, 0), abs=1e-6)


def test_surplus_beyond_an_export_limit_still_costs_where_the_price_is_negative(tmp_path: Path):
    made = case(2, 100, [50, -50], export_limit_kw=1.0, net_metering=True)
    hourly(made, "site_load", -3.0, -3.0)
    car(made, 2, max_charge_kw=0.0)
    # 1 of 3 kWh earns 0.05 in the first hour; in the second 3 kWh cost 0.05 each
    assert told(best(made, tmp_path)) == pytest.approx((0, 4, 0.1), abs=1e-6)


def test_surplus_side_by_side_that_is_used_before_the_meter_costs_nothing(tmp_path: Path):
    made = case(1, 200, 200, net_metering=True)
    for name in ("a", "b"):
        cases.add_site(made, name, "s", export_limit_kw=0.0)
        cases.add_series(made, "site_load", "load_kw", name, np.array([-20.0]))
    hourly(made, "site_load", 41.0)
    car(made, 1, max_charge_kw=0.0)
    # 40 kW pass two limits side by side, and the meter draws the 1 kW that is left of the load
    found = best(made, tmp_path)
    assert told(found) == pytest.approx((0, 40, 0.2), abs=1e-6)
    assert found.bound == pytest.approx(0.2, abs=1e-6)


def test_a_demand_charge_does_not_keep_owed_energy_back(tmp_path: Path):
    made = case(6, 50, 50, import_limit_kw=5.0, demand_charge_per_kw=12.0)
    car(made, 6, energy_departure_kwh=50.0)
    # 30 kWh at 0.05 and a peak of 5 kW at 12
    assert told(best(made, tmp_path)) == pytest.approx((10, 0, 61.5), abs=5e-5)


def test_energy_short_comes_before_excess_and_excess_before_money(tmp_path: Path):
    made = case(4, [-50, -50, 50, 50], [-50, -50, 50, 50], import_limit_kw=5.0)
    hourly(made, "site_load", 15.0, 15.0, 0.0, 0.0)
    car(made, 4, energy_departure_kwh=20.0)
    # the load takes up the limit in two hours; 10 kWh are drawn at 5 kW in the others
    assert told(best(made, tmp_path)) == pytest.approx((0, 20, 0.5), abs=1e-6)


def test_a_fleet_helps_a_load_that_exceeds_its_limit_whatever_that_costs(tmp_path: Path):
    made = case(2, [10, 500], [10, 500], import_limit_kw=10.0)
    hourly(made, "site_load", 15.0, 0.0)
    car(made, 2, max_discharge_kw=3.0, energy_arrival_kwh=10.0, energy_departure_kwh=0.0)
    # 3 of 5 kW are made up for at a price of 10, and 3 kWh fed later at 500
    assert told(best(made, tmp_path)) == pytest.approx((0, 2, -1.53), abs=1e-6)


def test_once_above_its_reserve_a_car_stays_above(tmp_path: Path):
    made = case(3, [10, 300, 300], [10, 300, 300])
    car(made, 3, energy_arrival_kwh=2.0, energy_reserve_kwh=12.0, max_discharge_kw=11.0)
    # 11 kWh are drawn in the first hour; the 1 kWh above the reserve is fed
    assert told(best(made, tmp_path)) == pytest.approx((0, 0, 0.11 - 0.3), abs=1e-6)


def test_a_car_below_its_reserve_does_not_feed(tmp_path: Path):
    made = case(1, 10, 300)
    car(made, 1, energy_arrival_kwh=5.0, energy_reserve_kwh=12.0, max_discharge_kw=11.0)
    assert told(best(made, tmp_path)) == pytest.approx((0, 0, 0), abs=1e-6)


def test_a_meter_imports_or_exports_where_feeding_in_earns_more(tmp_path: Path):
    made = case(1, 70, 150, net_metering=True)
    hourly(made, "site_load", 2.0)
    car(made, 1, energy_arrival_kwh=10.0, max_charge_kw=0.0, max_discharge_kw=1.0)
    # 1 kWh of the load of 2 kWh is covered; feeding it at 150 beside the load is not possible
    assert told(best(made, tmp_path)) == pytest.approx((0, 0, 0.07), abs=1e-6)


@pytest.mark.parametrize(
    ("peaks", "before", "expected"),
    [(1, 0.0, 9.0), (2, 0.0, 8.5), (1, 20.0, 20.0), (2, 8.5, 8.75), (4, 0.0, 6.5), (5, 0.0, 5.2)],
)
def test_a_demand_charge_is_for_the_mean_of_the_highest_steps(
    tmp_path: Path, peaks: int, before: float, expected: float
):
    site = {"demand_charge_peaks": peaks, "demand_peak_kw": before, "demand_charge_per_kw": 1.0}
    made = case(4, 0, 0, **site)
    hourly(made, "site_load", 9.0, 8.0, 7.0, 2.0)
    car(made, 4, max_charge_kw=0.0)
    assert told(best(made, tmp_path)) == pytest.approx((0, 0, expected), abs=1e-6)


@pytest.mark.parametrize(
    ("period", "expected"), [("horizon", 9.0), ("month", 13.0), ("day", 13.0), ("week", 9.0)]
)
def test_a_demand_charge_is_for_each_period_of_the_local_clock(
    tmp_path: Path, period: str, expected: float
):
    made = case(4, 0, 0, demand_charge_per_kw=1.0, demand_charge_period=period)
    # midnight in Amsterdam, where May begins on a Thursday, is two hours before that in UTC
    made.start = datetime(2025, 4, 30, 20, tzinfo=UTC)
    cases.set_prices(made, np.zeros(4), np.zeros(4))
    hourly(made, "site_load", 1.0, 4.0, 9.0, 2.0)
    car(made, 4, max_charge_kw=0.0)
    assert told(best(made, tmp_path)) == pytest.approx((0, 0, expected), abs=1e-6)


def test_a_budget_that_the_load_exceeds_alone_is_passed_by_no_more(tmp_path: Path):
    made = case(2, -100, -100, energy_budget_kwh=10.0)
    hourly(made, "site_load", 8.0, 8.0)
    car(made, 2, energy_departure_kwh=12.0)
    assert told(best(made, tmp_path)) == pytest.approx((2, 6, 0), abs=1e-6)


def test_no_more_goes_unpaid_than_passes_a_limit_above_meters_that_trade(tmp_path: Path):
    made = case(1, 100, 100, export_limit_kw=0.0)
    for name, load_kw in (("roof", -10.0), ("mill", 8.0)):
        cases.add_site(made, name, "s", net_metering=True)
        cases.add_series(made, "site_load", "load_kw", name, np.array([load_kw]))
    car(made, 1, max_charge_kw=0.0)
    # of the 10 kWh that one sells, the other buys 8; nobody takes the 2 that are left
    found = best(made, tmp_path)
    assert told(found) == pytest.approx((0, 2, 0.8 - 0.8), abs=1e-6)
    assert found.bound == pytest.approx(0.8 - 0.8, abs=1e-6)


def test_a_limit_above_may_demand_that_a_site_curtails_and_exceeds_its_budget(tmp_path: Path):
    made = case(2, 100, 100, export_limit_kw=0.0)
    cases.add_site(made, "roof", "s", energy_budget_kwh=1.0)
    cases.add_series(made, "site_load", "load_kw", "roof", np.array([0.0, 4.0]))
    cases.add_series(made, "site_generation", "generation_kw", "roof", np.array([3.0, 0.0]))
    car(made, 2, max_charge_kw=0.0)
    # the 3 kWh that nobody may feed do not make up for the load of the second hour
    assert told(best(made, tmp_path)) == pytest.approx((0, 3, 0), abs=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_schedule_of_the_program_is_what_the_program_says(tmp_path: Path, family: str):
    for seed in range(8):
        draw(family, seed).write(tmp_path / str(seed))
        found = program.least(read.of_case(tmp_path / str(seed)))
        assert found is not None
        made = found.schedule
        assert made is not None
        errors = (made.power_error_kw(), made.energy_error_kwh(), made.curtailment_error_kw())
        assert max(errors) < 1e-5, seed
        short = made.shortfall_kwh.sum()
        assert short == pytest.approx(found.shortfall_kwh, abs=1e-5), seed
        assert made.excess_kwh == pytest.approx(found.excess_kwh, abs=1e-5), seed
        assert found.cost == pytest.approx(found.bound, rel=1e-5, abs=1e-5), seed
