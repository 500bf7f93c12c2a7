"""The settings of a horizon: local days of 23 to 25 hours, and what makes no whole steps."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from evergrid.core.config import parse
from evergrid.core.errors import ConfigError
from evergrid.studies import plan
from evergrid.studies.inputs import Horizon


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
