"""A plan with chargers as a study: what its summary, tables, figures and refusals say."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evergrid.core import config
from evergrid.core.errors import ConfigError, InputError
from evergrid.core.files import toml_tables
from evergrid.studies import plan

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(scope="module")
def result() -> Any:
    settings = config.read(plan.Config, EXAMPLES / "plan_chargers.toml")
    return plan.run(settings, folder=EXAMPLES)


def test_the_summary_tells_starts_and_what_whole_amperes_cost(result: Any) -> None:
    told = result.summary["chargers"]
    assert told["below_least_slots"] == 0
    assert told["off_step_a"] < 1e-6
    assert told["phase_excess_a"] < 1e-6
    assert 0.5 < told["phase_limit_used"] <= 1.0 + 1e-9
    assert told["starts_most"] <= 2
    assert 1.0 <= told["starts_mean"] <= 2.0
    cost = result.summary["objective"]
    assert told["whole_ampere_cost"] == pytest.approx(cost - told["any_power_cost"])
    assert told["whole_ampere_cost"] > 0
    assert set(told["strategies"]) == {"uncontrolled", "smart", "v2g"}
    assert result.summary["gap"] < 0.03


def test_currents_and_starts_are_those_of_the_schedule(result: Any) -> None:
    schedule = result.tables["schedule"].filter(pl.col("power_kw").abs() > 1e-6)
    currents, starts = result.tables["charger_currents"], result.tables["charger_starts"]
    assert starts["on_h"].sum() == pytest.approx(0.25 * len(schedule))
    on = currents.select("session_id", "time_utc").unique()
    assert len(on) == len(schedule)
    assert currents["current_a"].abs().min() >= 6.0 - 1e-9
    assert set(currents["phase"]) == {"L1", "L2", "L3"}
    assert starts["starts"].max() == result.summary["chargers"]["starts_most"]


def test_phases_of_the_site_are_within_their_limit(result: Any) -> None:
    phases = result.tables["site_phases"]
    assert (phases["current_a"].abs() <= phases["phase_limit_a"] + 1e-6).all()
    assert phases["current_a"].abs().max() > 0.95 * phases["phase_limit_a"].max()


def test_the_report_shows_chargers_and_phases(result: Any) -> None:
    drawn = result.figures()
    assert {"charger_currents", "phase_currents"} <= set(drawn)
    (rows,) = [t for t in drawn["charger_currents"].data if t.type == "heatmap"]
    assert len(rows.y) == result.summary["chargers"]["chargers"]


def test_chargers_on_a_feeder_are_refused() -> None:
    given = toml_tables.read(EXAMPLES / "plan_feeder.toml")
    with pytest.raises(ConfigError, match="chargers must be left out of a plan on a"):
        config.parse(plan.Config, given | {"chargers": {}})


def test_limits_of_phases_without_chargers_are_refused() -> None:
    settings = config.read(plan.Config, EXAMPLES / "plan_chargers.toml")
    with pytest.raises(InputError, match="phase_limit_a must be left out"):
        plan.run(settings.model_copy(update={"chargers": None}), folder=EXAMPLES)


def test_a_method_that_knows_no_flowgates_is_refused_with_limits_of_phases() -> None:
    settings = config.read(plan.Config, EXAMPLES / "plan_chargers.toml")
    solve = settings.solve.model_copy(update={"method": "device"})
    with pytest.raises(InputError, match="method must be highs or interior_point"):
        plan.run(settings.model_copy(update={"solve": solve}), folder=EXAMPLES)
