"""Small plans in which something is in the way, with values by hand or by another program."""

import math
from pathlib import Path

import pytest

from evergrid.core.errors import InfeasibleError
from tests.studies.plan.hourly import Case

METHODS = ("highs", "interior_point")


@pytest.mark.parametrize("method", METHODS)
def test_a_battery_never_burns_energy_to_keep_an_export_limit(tmp_path: Path, method: str) -> None:
    battery = {
        "capacity_kwh": 10.0,
        "power_kw": 5.0,
        "efficiency": 0.92,
        "energy_start_kwh": 6.0,
        "energy_end_kwh": 6.0,
    }
    case = Case(
        prices=[(200, 80)] * 4,
        site={"net_metering": True, "export_limit_kw": 2.0},
        load=[-2, -3, -2, -2],
        battery=battery,
    )
    summary = case.run(tmp_path, method).summary
    assert summary["status"] == "optimal"
    assert summary["objective"] == pytest.approx(-0.64, abs=1e-6)
    assert max(summary["max_violation"].values()) <= 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_an_export_limit_at_a_negative_price_is_kept_and_proven(
    tmp_path: Path, method: str
) -> None:
    battery = {"capacity_kwh": 20.0, "power_kw": 10.0, "energy_start_kwh": 10.0, "efficiency": 0.9}
    case = Case(prices=[20, -40, 20], site={"export_limit_kw": 4.0}, battery=battery)
    summary = case.run(tmp_path, method).summary
    assert summary["status"] == "optimal"
    assert summary["objective"] == pytest.approx(-0.56, abs=1e-6)
    assert summary["max_violation"]["site_kw"] <= 1e-6


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("must_take", [True, False])
def test_what_cannot_be_exported_is_curtailed_or_named_and_never_paid(
    tmp_path: Path, method: str, *, must_take: bool
) -> None:
    full = {"capacity_kwh": 10.0, "power_kw": 5.0, "energy_start_kwh": 10.0}
    case = Case(
        prices=[(200, 70)] * 2,
        site={"net_metering": True, "export_limit_kw": 0.0},
        load=[-3, -3] if must_take else None,
        generation=None if must_take else [3, 3],
        battery=full,
    )
    made = case.run(tmp_path, method)
    summary = made.summary
    for strategy in summary["strategies"].values():
        assert strategy["cost"] == pytest.approx(0.0, abs=1e-6)
        assert bool(strategy["overloads"]) == must_take
        assert strategy["curtailed_kwh"] == pytest.approx(0.0 if must_take else 6.0, abs=1e-6)
    assert summary["status"] == ("limits_exceeded" if must_take else "optimal")
    if must_take:
        (told,) = summary["overloads"]
        assert (told["limit"], told["steps"]) == ("export", 2)
        assert told["worst_kw"] == pytest.approx(3.0, abs=1e-6)
        assert told["excess_kwh"] == pytest.approx(6.0, abs=1e-6)
    assert made.findings.plans["v2g"].schedule.energy_kwh[0, -1] >= 10.0 - 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_the_hour_in_which_a_limit_is_passed_is_not_chosen_by_income_that_nobody_pays(
    tmp_path: Path, method: str
) -> None:
    # A surplus of 3 kW in both hours may not be fed, and the cars behind the transformer may draw
    # 3 kWh together: the first of them in the first hour, where that is worth nothing, or the
    # second in the second, where each kWh is worth 0.10 later and 0.29 if it could be sold.
    first = ("first", 0, 1, 60, 10, 0, 0, 3, 0, 1)
    second = ("second", 1, 9, 60, 10, 0, 0, 3, 0, 1)
    case = Case(
        prices=[(300, 50), (300, 290)],
        site={"net_metering": True, "export_limit_kw": 0.0},
        load=[-3, -3],
        sessions=[first, second],
        below={"energy_budget_kwh": 3.0},
    )
    summary = case.run(tmp_path, method, end_value_per_mwh=100).summary
    assert summary["objective"] == pytest.approx(-0.3, abs=1e-6)
    assert summary["bound"] == pytest.approx(-0.3, abs=1e-6)
    (told,) = summary["overloads"]
    assert (told["steps"], told["excess_kwh"]) == (1, pytest.approx(3.0, abs=1e-6))


@pytest.mark.parametrize("method", METHODS)
def test_what_passes_a_limit_below_the_meter_is_not_planned_as_if_it_were_paid(
    tmp_path: Path, method: str
) -> None:
    # Behind the transformer 6 kW of surplus may not be fed in either hour. In the first the load at
    # the meter takes them all, and a car that draws 3 kW of them makes that load buy as much at
    # 100. In the second they are fed and not paid, so that the car had better charge then.
    car = ("car", 0, 2, 13, 10, 13, 0, 3, 0, 1)
    case = Case(
        prices=[100, 150],
        site={"net_metering": True},
        load=[6, 0],
        load_below=[-6, -6],
        sessions=[car],
        below={"export_limit_kw": 0.0},
    )
    summary = case.run(tmp_path, method).summary
    for name in ("smart", "v2g"):
        assert summary["strategies"][name]["cost"] == pytest.approx(0.0, abs=1e-6)
    assert summary["bound"] == pytest.approx(0.0, abs=1e-6)
    assert sum(told["excess_kwh"] for told in summary["overloads"]) == pytest.approx(9.0, abs=1e-6)


def test_a_surplus_that_breaks_the_limit_is_refused_where_that_is_asked(tmp_path: Path) -> None:
    car = ("car", 1, 3, 60, 60, 60, 0, 11, 11, 0.93)
    case = Case([50] * 3, {"export_limit_kw": 19.5}, load=[-5, -20, -20], sessions=[car])
    with pytest.raises(InfeasibleError, match=r"export_limit_kw must allow .* 0\.5 kW in 2 steps"):
        case.run(tmp_path, on_shortfall="error")
    case = Case([50] * 3, {"export_limit_kw": 19.5}, generation=[5, 20, 20], sessions=[car])
    summary = case.run(tmp_path / "b", on_shortfall="error").summary
    assert summary["objective"] == pytest.approx(0.0, abs=1e-9)
    assert summary["curtailed_kwh"] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_demand_charge_does_not_leave_a_bus_empty(tmp_path: Path, method: str) -> None:
    bus = ("bus", 0, 6, 60, 10, 50, 0, 11, 0, 1)
    case = Case([50] * 6, {"import_limit_kw": 5.0, "demand_charge_per_kw": 12.0}, sessions=[bus])
    summary = case.run(tmp_path, method).summary
    (short,) = summary["shortfalls"]
    assert short["shortfall_kwh"] == pytest.approx(10.0, abs=1e-5)
    assert short["limit"] == "the import limit of site s"
    assert summary["objective"] == pytest.approx(61.5, abs=1e-5)


def test_a_limit_that_leaves_a_session_short_is_no_limit_that_does_not_bind(tmp_path: Path) -> None:
    bus = ("bus", 0, 6, 60, 10, 50, 0, 11, 0, 1)
    case = Case([50] * 6, {"import_limit_kw": 5.0, "demand_charge_per_kw": 12.0}, sessions=[bus])
    told = {
        line.split()[0]: line.split(maxsplit=1)[1] for line in case.run(tmp_path).console_lines()
    }
    assert told["fleet"].startswith("1 session of 1 asset at 1 site, 6 steps of 60 min")
    assert "; 1 session short of 10.0 kWh, worst bus" in told["service"]
    assert told["limits"] == "1 session short by the import limit of site s"


@pytest.mark.parametrize("price", [-50, 0, 50])
def test_a_saving_is_a_share_only_where_there_is_a_bill(tmp_path: Path, price: int) -> None:
    bus = ("bus", 0, 4, 60, 10, 30, 0, 11, 0, 1)
    made = Case([price] * 4, sessions=[bus]).run(tmp_path)
    told = {line.split()[0]: line.split(maxsplit=1)[1] for line in made.console_lines()}
    assert told["saving"] == {-50: "1.20 EUR", 0: "0.00 EUR", 50: "0.00 EUR (0.0 %)"}[price]
    assert "-0.00" not in "\n".join(made.console_lines())


@pytest.mark.parametrize("method", METHODS)
def test_a_session_that_charger_and_site_leave_short_is_told_once(
    tmp_path: Path, method: str
) -> None:
    bus = ("bus", 0, 4, 90, 10, 90, 0, 11, 0, 1)  # 44 kWh by its charger, 20 by the site
    case = Case([50] * 4, {"import_limit_kw": 5.0}, sessions=[bus])
    (short,) = case.run(tmp_path, method).summary["shortfalls"]
    assert short["shortfall_kwh"] == pytest.approx(60.0, abs=1e-5)
    assert short["limit"] == (
        "the import limit of site s, and its charger's rating and the length of its stay"
    )


@pytest.mark.parametrize("method", METHODS)
def test_what_can_only_feed_helps_those_who_are_owed(tmp_path: Path, method: str) -> None:
    feeder = ("feeder", 0, 3, 60, 50, 0, 0, 0, 11, 0.9)
    hungry = ("hungry", 1, 3, 60, 10, 40, 0, 22, 0, 0.9)
    case = Case([50] * 3, {"import_limit_kw": 10.0}, load=[15, 8, 8], sessions=[feeder, hungry])
    summary = case.run(tmp_path, method).summary
    assert summary["shortfall_kwh"] == pytest.approx(6.6, abs=1e-5)
    assert summary["overloads"] == []
    assert summary["status"] == "optimal"


@pytest.mark.parametrize("method", METHODS)
def test_load_that_breaks_the_limit_for_half_the_night_is_told_for_every_strategy(
    tmp_path: Path, method: str
) -> None:
    bus = ("bus", 0, 6, 60, 10, 50, 0, 11, 0, 1)
    load = [15.0, 15.0, 15.0, 0.0, 0.0, 0.0]
    case = Case([-50] * 6, {"import_limit_kw": 5.0}, load=load, sessions=[bus])
    summary = case.run(tmp_path, method).summary
    assert summary["status"] == "limits_exceeded"
    for strategy in summary["strategies"].values():
        assert strategy["shortfall_kwh"] == pytest.approx(25.0, abs=1e-4)
        (told,) = strategy["overloads"]
        assert told["limit"] == "import"
        assert told["steps"] == 3
        assert told["worst_kw"] == pytest.approx(10.0, abs=1e-5)


def test_a_reserve_that_is_reached_is_kept(tmp_path: Path) -> None:
    car = ("car", 0, 6, 48, 2, 14, 12, 7, 7, 0.92)
    case = Case([90, 80, 200, 210, 190, 60], {"import_limit_kw": 17.0}, sessions=[car])
    for method in METHODS:
        made = case.run(tmp_path / method, method)
        energy = made.findings.plans["v2g"].schedule.energy_kwh[0]
        reached = energy >= 12.0 - 1e-6
        assert reached.any()
        assert (energy[reached.argmax() :] >= 12.0 - 1e-6).all()
        assert made.summary["status"] == "optimal"


def test_uncontrolled_charges_all_that_is_asked_also_beyond_the_horizon(tmp_path: Path) -> None:
    car = ("a", 17, 30, 60, 20, 50, 10, 11, 11, 1)
    prices = [60] * 17 + [150] * 7
    summary = Case(prices, sessions=[car]).run(tmp_path, end_value_per_mwh=60.0).summary
    told = summary["strategies"]["uncontrolled"]
    assert told["cash"] == pytest.approx(4.5)  # 30 kWh from 17:00 on
    assert told["energy_left"] == pytest.approx(-1.8)
    assert told["peak_import_kw"] == pytest.approx(11.0)


def test_no_violation_has_no_sign(tmp_path: Path) -> None:
    """At full power a limit is missed by -0, which would be shown as if it were less than none."""
    bus = ("bus", 0, 4, 60, 10, 30, 0, 11, 11, 1)
    made = Case([50] * 4, sessions=[bus]).run(tmp_path)
    told = [made.summary, *made.summary["strategies"].values()]
    values = [value for each in told for value in each["max_violation"].values()]
    assert [math.copysign(1.0, value) for value in values] == [1.0] * len(values)
