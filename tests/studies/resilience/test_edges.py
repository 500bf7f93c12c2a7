"""Settings of resilience at their edges: closed forms, sources that cannot start, what is told."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import ConfigError, EvergridError
from evergrid.studies import resilience
from evergrid.studies.resilience import wording
from evergrid.studies.resilience.missing import CAUSES
from tests.studies.resilience.cases import configuration

LIGHTS = {"name": "lights", "power_kw": 20.0, "tier": "critical"}


def run(**changed: Any) -> Any:
    plain = {"sizing": None, "standing": None, "storm": None, "regulation": None}
    given = configuration(**(plain | {"checked_outages": 0} | changed))
    return resilience.run(parse(resilience.Config, given), seed=0)


def site(*blocks: dict[str, Any], vehicles: dict[str, Any] | None, **others: Any) -> dict[str, Any]:
    kinds = [] if vehicles is None else [configuration()["microgrid"]["vehicles"][0] | vehicles]
    return {"load_block": list(blocks), "vehicles": kinds, **others}


def missing(result: Any) -> dict[str, float]:
    return result.summary["missing_kwh"]


def test_chargers_that_only_follow_a_grid_are_no_matter_of_energy():
    given = run(microgrid=site(LIGHTS, vehicles={"grid_forming": False, "black_start": False}))
    assert given.summary["binding"] == "not_forming"
    assert missing(given)["not_forming"] == pytest.approx(given.summary["m_d_kwh"])
    assert "can form the grid" in wording.answer(given.summary)


def test_the_sun_alone_forms_no_grid():
    given = run(microgrid=site(LIGHTS, vehicles=None, solar={"kw_by_hour": [50.0] * 24}))
    assert missing(given)["not_forming"] == pytest.approx(given.summary["m_d_kwh"])
    assert given.summary["m_d_kwh"] == pytest.approx(20.0 * given.summary["mean_outage_h"])
    assert "no vehicles" in wording.binding_tests(given.summary)


def test_what_is_kept_for_others_is_not_called_used_up():
    """One battery with energy for days, of which a block of little weight gets nothing."""
    battery = {"name": "store", "capacity_kwh": 1000.0, "power_kw": 100.0, "energy_share": 0.5}
    heavy = LIGHTS | {"name": "ward", "weight": 1000.0}
    given = run(
        microgrid=site(heavy, LIGHTS | {"weight": 1.0}, vehicles=None, site_battery=[battery]),
        restoration={"expected_h": 100.0},
    )
    assert given.summary["m_d_kwh"] == pytest.approx(20.0 * given.summary["mean_outage_h"])
    assert missing(given)["kept"] == pytest.approx(given.summary["m_d_kwh"])
    assert given.summary["binding"] == "kept"


def test_a_store_that_runs_empty_is_short_of_energy_and_lasts_as_long_as_it_holds():
    battery = {"name": "store", "capacity_kwh": 50.0, "power_kw": 100.0, "energy_share": 1.0}
    given = run(
        microgrid=site(LIGHTS, vehicles=None, site_battery=[battery]),
        outage={"median_h": 6.0, "spread": 0.0, "step_min": 7.5},
        # Who knows that it lasts six hours begins late, which saves the interruption.
        restoration={"expected_h": 1.0},
    )
    lasts_h = np.floor(0.9 * 50.0 * 0.95 / 20.0 / 0.125) * 0.125  # whole steps down to its reserve
    assert given.tables["outages"]["m_d_kwh"].to_numpy() == pytest.approx(20.0 * (6.0 - lasts_h))
    assert given.summary["survival_h"]["critical"] == pytest.approx(lasts_h)
    assert missing(given)["energy"] == pytest.approx(given.summary["m_d_kwh"])


def test_causes_count_the_tiers_that_count():
    given = run(recovery={"tiers": ["life_safety"]})
    assert sum(missing(given).values()) == pytest.approx(given.summary["m_d_kwh"])
    assert given.summary["lost_kwh"]["comfort"] > 0


def test_recovery_is_the_order_statistic_of_exponential_arrivals():
    """Six of twelve vehicles carry the block: the mean of the sixth arrival is known."""
    block = {"name": "lights", "power_kw": 60.0, "tier": "critical", "power_factor": 1.0}
    fleet = {
        "count": 12,
        "plugged_in": 0,
        "arrival_mean_h": 0.75,
        "max_discharge_kw": 10.0,
        "max_charge_kw": 10.0,
        "energy_arrival_kwh": [79.0, 79.0],
    }
    given = run(
        microgrid=site(block, vehicles=fleet),
        outage={"scenarios": 300, "median_h": 3.0, "most_h": 3.0, "spread": 0.0, "step_min": 3.0},
        restoration={"pickup_share": 1.0, "hold_h": 0.0},
    )
    of_fleet = given.tables["outages"].filter(pl.col("fleet") == "with vehicles")
    found = of_fleet["t_r_80_h"].to_numpy()
    expected = 0.75 * sum(1 / k for k in range(7, 13)) + 0.05 / 2  # begins with a whole step
    deviation = 0.75 * np.sqrt(sum(1 / k**2 for k in range(7, 13)) / 300)
    assert abs(found.mean() - expected) < 3 * deviation + 0.002


def test_vehicles_that_do_not_come_stay_away_whether_sizes_are_tried_or_not():
    fleet = {"arrival_share": 0.5, "count": 6}
    block = configuration()["microgrid"]["load_block"]
    given = {"microgrid": site(*block, vehicles=fleet)}
    sizing = {"vehicles": [0, 30], "energy_arrival_kwh": [50.0], "charger_kw": [25.0]}
    alone, sized = run(**given), run(**given, sizing=sizing | {"scenarios": 20})
    drawn = [one.files["inputs/vehicles.parquet"] for one in (alone, sized)]
    assert drawn[0].equals(drawn[1])
    assert len(drawn[0]) / 40 == pytest.approx(1 + 5 * 0.5, abs=0.5)
    assert sized.summary["m_d_kwh"] == pytest.approx(alone.summary["m_d_kwh"])


def test_the_first_reserve_is_the_way_home():
    table = run(standing=configuration()["standing"]).tables["standing"]
    assert table["reserve_kwh"].to_list() == [10.0, 20.0, 60.0]
    assert table["given_up_per_year"][0] == 0.0


def test_a_usual_day_costs_what_can_be_computed_by_hand():
    """At one price nothing is worth feeding: the energy owed is bought, and no more."""
    standing = {"import_price_per_mwh": [100.0] * 24, "reserve_kwh": [60.0]}
    table = run(standing=configuration()["standing"] | standing).tables["standing"]
    bought = (70.0 - 40.0) / 0.95 * 0.1
    assert table["cost_per_day"].to_numpy() == pytest.approx([bought, bought])


def test_what_is_not_modelled_is_told():
    def told(**block: Any) -> str:
        return " ".join(run(microgrid=site(LIGHTS | block, vehicles={})).summary["notes"])

    assert "motor_share" not in told()
    assert "motor_share and phases" in told(phases="a")
    assert "motor_share and phases" in told(motor_share=0.3)
    assert "bridge_h" in told(bridge_h=1.0)


def test_shares_are_told_with_their_digits():
    assert wording.percent(0.999) == "99.9%"
    shares = {"shares": [0.5, 0.999], "target_share": 0.999}
    assert "99.9% served again" in "\n".join(run(recovery=shares).console_lines())


def test_more_that_is_lost_with_vehicles_is_called_more():
    s = run().summary | {"m_d_kwh": 20.0, "m_d_without_kwh": 10.0}
    assert "With vehicles more is lost: 20 kWh" in wording.answer(s)


def test_causes_are_told_in_the_tables():
    result = run()
    drawn = resilience.STUDY.report.figures(result)["what_binds"]()
    most = max(missing(result).values())
    layout: Any = drawn.layout
    assert layout.xaxis.range[1] >= 1.4 * most  # a label fits beside the bar on a phone
    columns = [f"missing_{cause}_kwh" for cause in CAUSES]
    rows = result.tables["outages"]
    total = rows.select(pl.sum_horizontal(columns)).to_series().to_numpy()
    assert total == pytest.approx(rows["m_d_kwh"].to_numpy())
    assert (rows.select(columns).to_numpy() >= 0).all()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"recovery": {"shares": [0.8, 0.80000001]}}, "differ within six digits"),
        ({"outage": {"step_min": 1e-6}}, "step_min"),
        ({"outage": {"step_min": 0.06, "most_h": 1000.0}}, "step_min must be at least 6"),
        ({"outage": {"scenarios": 100_000, "step_min": 0.6}}, "outage.scenarios must be at most"),
        ({"regulation": {"award_kw": 500.0}}, "award_kw must be at most"),
        ({"sizing": {"charger_kw": [25.0, 25.0]}}, "charger_kw must rise"),
        ({"sizing": {"charger_kw": [1e7]}}, "charger_kw must be numbers above 0 and at most"),
        (
            {"sizing": {"charger_kw": [float(kw) for kw in range(1, 80)]}},
            "at most 100 pairs",
        ),
        ({"standing": {"reserve_kwh": [-5.0, 20.0]}}, "at least energy_reserve_kwh"),
        ({"standing": {"plugged_in": [17.13, 6.0]}}, "full quarters of an hour"),
        ({"standing": {"currency": ""}}, "currency"),
        ({"standing": {"import_price_per_mwh": [1e300] * 24}}, "import_price_per_mwh must be in"),
        ({"recovery": {"tiers": []}}, "name at least one tier"),
        ({"recovery": {"target_m_d_kwh": 1e300}}, "target_m_d_kwh must be less"),
        ({"lost_load": {"comfort_per_kwh": 1e300}}, "comfort_per_kwh must be less"),
    ],
)
def test_what_would_be_told_wrong_or_take_hours_is_refused(changed: dict[str, Any], told: str):
    (name,) = changed
    given = {name: configuration().get(name, {}) | changed[name]}
    with pytest.raises(EvergridError, match=told):
        run(**given)


def test_more_records_of_vehicles_than_the_memory_holds_are_refused_as_the_file_is_read():
    given = configuration()
    fleet = {"count": 10_000, "plugged_in": 0}
    site = given["microgrid"] | {"vehicles": [fleet]}
    outage = given["outage"] | {"scenarios": 40, "step_min": 15.0}
    with pytest.raises(ConfigError, match="scenarios must be at most 25 with 10,000 vehicles"):
        parse(resilience.Config, given | {"microgrid": site, "outage": outage})
