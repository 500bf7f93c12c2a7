"""The settings of a horizon: local days of 23 to 25 hours, and what makes no whole steps."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from evergrid.core.config import parse
from evergrid.core.errors import ConfigError
from evergrid.inputs.tables import ForecastSource, Horizon, PriceSource
from evergrid.studies import plan


@pytest.mark.parametrize(
    ("zone_name", "start", "days", "hours"),
    [
        ("Europe/Oslo", "2024-03-31", 1, 23),
        ("Europe/Oslo", "2024-10-27", 1, 25),
        ("Europe/Oslo", "2024-03-30", 3, 71),
        ("Europe/Oslo", "2024-07-04", 1, 24),
        ("America/New_York", "2024-11-03", 1, 25),
        ("Australia/Lord_Howe", "2024-04-07", 1, 24.5),
        ("UTC", "2024-03-31", 0.5, 12),
        ("Europe/Oslo", "2024-03-31T00:00:00+01:00", 1, 24),
    ],
)
def test_whole_local_days_have_the_hours_of_their_clock(
    zone_name: str, start: str, days: float, hours: float
):
    grid = Horizon(start=start, days=days, time_zone=zone_name).grid()
    assert grid.end_utc - grid.start_utc == timedelta(hours=hours)
    assert grid.steps == 4 * hours


def test_the_first_step_begins_at_local_midnight():
    grid = Horizon(start="2024-10-27", time_zone="Europe/Oslo").grid()
    assert grid.start_utc == datetime.fromisoformat("2024-10-27T00:00+02:00")
    assert grid.end_utc == datetime.fromisoformat("2024-10-28T00:00+01:00")


@pytest.mark.parametrize("written", ["2024-01-10", "2024-01-10T00:00:00Z"])
def test_a_start_that_toml_reads_as_a_date_is_the_same_as_text(written: str):
    moment = datetime.fromisoformat(written)
    as_toml = moment.date() if len(written) == 10 else moment
    as_read = Horizon.model_validate({"start": as_toml})
    assert as_read.grid() == Horizon(start=written).grid()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"time_zone": "Europe/Olso"}, "horizon.time_zone"),
        ({"start": "2024-01-10T00:00:00"}, "horizon.start"),
        ({"start": "10 January"}, "horizon.start"),
        ({"start": "2024-01-10", "days": 400}, "horizon.days"),
        ({"start": "9999-12-31"}, "horizon.start"),
        (
            {"start": "2024-04-07", "time_zone": "Australia/Lord_Howe", "step_min": 60},
            "horizon.days",
        ),
        ({"step_min": 7}, "horizon.days"),
        ({"step_min": 0.5}, "horizon.step_min"),
    ],
)
def test_a_horizon_without_whole_steps_is_refused_by_its_key(changed: dict[str, Any], field: str):
    raw = {"horizon": {"start": "2024-01-10"} | changed, "prices": {"file": "prices.csv"}}
    with pytest.raises(ConfigError) as caught:
        parse(plan.Config, raw)
    assert caught.value.field == field


PRICES = {"file": "prices.csv", "currency": "GBP", "import_fee_per_mwh": 20.0, "export_share": 0.8}


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({}, PRICES),
        ({"export_share": 1.0}, PRICES | {"export_share": 1.0}),
        ({"import_fee_per_mwh": 0.0}, PRICES | {"import_fee_per_mwh": 0.0}),
        ({"currency": "EUR"}, PRICES | {"currency": "EUR"}),
    ],
)
def test_a_forecast_has_the_charges_of_the_prices_but_for_those_it_states(given: Any, same: Any):
    forecast = ForecastSource(**({"file": "believed.csv", "shift_weeks": 2} | given))
    expected = PriceSource(**(same | {"file": "believed.csv", "shift_weeks": 2}))
    assert forecast.like(PriceSource(**PRICES)) == expected


def rolling(step_min: float, **changed: Any):
    """What rolling planning is told in steps."""
    raw = {
        "horizon": {"start": "2024-01-10", "step_min": step_min},
        "prices": {"file": "prices.csv"},
        "rolling": changed,
    }
    made = parse(plan.Config, raw).rolling
    assert made is not None
    return list(made.steps(step_min / 60).values())


def test_lengths_of_rolling_plans_are_whole_steps():
    assert rolling(30, window_h=36, replan_every_h=0.5, known_h=1) == [72, 1, 2]
    assert rolling(20, window_h=0.3333333, replan_every_h=0.3333333, known_h=0) == [1, 1, 0]


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        ({"window_h": 1.1}, "window_h", "Nearest are 1 and 1.5."),
        ({"replan_every_h": 0.1}, "replan_every_h", "Nearest are 0.5."),
        ({"known_h": 0.1}, "known_h", "Nearest are 0 and 0.5."),
        ({"known_h": 1.75}, "known_h", "whole number of steps of 30 min, got 1.75"),
        ({"window_h": 2, "replan_every_h": 3}, "replan_every_h", "at most window_h, 2, got 3"),
    ],
)
def test_lengths_that_are_no_whole_steps_or_leave_time_without_a_plan_are_refused(
    changed: Any, field: str, said: str
):
    with pytest.raises(ConfigError) as caught:
        rolling(30, **changed)
    assert caught.value.field == f"rolling.{field}"
    assert said in str(caught.value)


def test_steps_that_do_not_divide_a_day_are_refused_in_a_rolling_plan():
    horizon = {"start": "2024-01-10T00:00:00Z", "days": 50 / 24, "step_min": 50}
    raw = {"horizon": horizon, "prices": {"file": "prices.csv"}}
    assert parse(plan.Config, raw).horizon.grid().steps == 60
    with pytest.raises(ConfigError, match=r"horizon\.step_min must divide a day .* got 50"):
        parse(plan.Config, raw | {"rolling": {"window_h": 10, "replan_every_h": 5, "known_h": 0}})
