"""A study of emissions: what it tells, from its tables, and what it refuses."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import EvergridError
from evergrid.studies import emissions
from evergrid.studies.emissions import report
from tests.studies.emissions_cases import HOURS, START, configuration, files, generation

FORECAST = {"file": "forecast.parquet", "every_min": 60.0}


def run(folder: Path, **changed: Any) -> emissions.Result:
    files(folder)
    given = parse(emissions.Config, configuration(**changed))
    return emissions.run(given, folder=folder, seed=1)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("emissions")
    embodied = {"pack_kg_per_kwh": 80.0, "life_full_cycles": 2000.0}
    run(folder, embodied=embodied, cap_tonnes=0.0).write(folder / "out")
    return json.loads((folder / "out/summary.json").read_text()), folder / "out"


def test_tonnes_follow_from_powers_and_factors(done: tuple[dict[str, Any], Path]):
    summary, out = done
    schedule = pl.read_parquet(out / "schedule.parquet")
    factors = pl.read_parquet(out / "inputs/factors.parquet")
    joined = schedule.join(factors, on="time_utc")
    caused = joined.group_by("strategy").agg(
        kg=-(pl.col("power_kw") * pl.col("marginal_kg_per_mwh")).sum() * 0.5 / 1000.0
    )
    kg = dict(caused.iter_rows())
    median = float(np.median(factors["marginal_kg_per_mwh"].to_numpy()))
    sessions = pl.read_parquet(out / "inputs/sessions.parquet")
    end = START + timedelta(hours=HOURS)
    stays = set(sessions.filter(pl.col("departure_utc") > end)["session_id"])
    last = schedule.filter(pl.col("time_utc") == schedule["time_utc"].max())
    left = {
        name: float(rows.filter(pl.col("session_id").is_in(stays))["energy_kwh"].to_numpy().sum())
        for (name,), rows in last.group_by("strategy")
    }
    for name, tonnes in summary["tonnes"].items():
        more = kg[name] - kg["uncontrolled"]
        more -= (left[name] - left["uncontrolled"]) * median / 1000.0
        assert tonnes == pytest.approx(more / 1000.0, abs=1e-9)


def test_ledgers_stand_side_by_side_and_the_bands_hold_their_middle(
    done: tuple[dict[str, Any], Path],
):
    summary, out = done
    ledgers = pl.read_parquet(out / "ledgers.parquet")
    assert ledgers["strategy"].to_list() == ["uncontrolled", "smart", "price", "average", "carbon"]
    assert (ledgers["low_tonnes"] <= ledgers["consequential_tonnes"]).all()
    assert (ledgers["consequential_tonnes"] <= ledgers["high_tonnes"]).all()
    assert summary["location_tonnes"] == dict(
        zip(ledgers["strategy"], ledgers["location_tonnes"], strict=True)
    )
    assert abs(summary["stored_imbalance_kg"]) < 1e-9
    least = float(ledgers["consequential_tonnes"].to_numpy().min())
    assert summary["tonnes"]["carbon"] <= least + 0.01
    assert summary["embodied_tonnes"] == pytest.approx(
        summary["fed_mwh"]["price"] * 1000.0 * 80.0 / 2000.0 / 1000.0
    )


def test_the_market_based_ledger_counts_what_no_certificate_covers(
    done: tuple[dict[str, Any], Path],
):
    summary, out = done
    factors = pl.read_parquet(out / "inputs/factors.parquet")
    joined = pl.read_parquet(out / "schedule.parquet").join(factors, on="time_utc")
    drawn = joined.filter((pl.col("strategy") == "price") & (pl.col("power_kw") < 0))
    kg = -0.5 * float((drawn["power_kw"] * drawn["residual_mix_kg_per_mwh"]).sum()) / 1000.0
    assert summary["market_tonnes"]["price"] == pytest.approx(0.75 * kg / 1000.0)


def test_the_frontier_falls_and_the_cap_costs_no_less_than_its_bound(
    done: tuple[dict[str, Any], Path],
):
    summary, out = done
    frontier = pl.read_parquet(out / "frontier.parquet")
    assert frontier["tonnes"].is_sorted(descending=True)
    assert frontier["net_cost"].is_sorted()
    assert summary["cap_bound"] <= summary["cap_net_cost"] + 1e-6


def test_the_plans_of_the_cap_are_in_the_schedule(done: tuple[dict[str, Any], Path]):
    """Both that are mixed; the cleaner one keeps the cap, recomputed from its powers."""
    summary, out = done
    factors = pl.read_parquet(out / "inputs/factors.parquet")
    rows = pl.read_parquet(out / "schedule.parquet").join(factors, on="time_utc")
    assert set(summary["cap_status"]) == {"cap_cheaper", "cap_cleaner"}
    assert 0.0 < summary["cap_cleaner_share"] < 1.0
    tonnes = {}
    for name in ("cap_cheaper", "cap_cleaner", "carbon"):
        one = rows.filter(pl.col("strategy") == name)
        kg = -0.5 * float((one["power_kw"] * one["marginal_kg_per_mwh"]).sum()) / 1000.0
        tonnes[name] = kg / 1000.0
    usual = rows.filter(pl.col("strategy") == "carbon")
    assert tonnes["carbon"] < tonnes["cap_cleaner"] < tonnes["cap_cheaper"]
    assert len(usual) == len(rows.filter(pl.col("strategy") == "cap_cleaner"))
    assert set(summary["cap_status"].values()) == {"optimal"}


def test_one_or_two_points_have_no_knee_and_say_so(tmp_path: Path):
    result = run(tmp_path, prices_per_tonne=[0.0, 50.0])
    assert result.summary["knee_price_per_tonne"] is None
    assert any("Too few points for a knee" in note for note in result.summary["notes"])
    assert any("too few points" in line for line in result.console_lines())
    none = run(tmp_path, prices_per_tonne=[])
    assert not any("knee" in note for note in none.summary["notes"])


def broken(folder: Path, name: str, **columns: Any) -> None:
    """A file of factors or of generation with another column in the place of its own."""
    table = pl.read_parquet(folder / "marginal.parquet").select("time_utc")
    table.with_columns(**columns).write_parquet(folder / name)


def test_faults_of_factors_name_their_file(tmp_path: Path):
    files(tmp_path)
    broken(tmp_path, "of_winter.parquet", emissions_kg_per_mwh=pl.lit(0.4))
    broken(tmp_path, "of_types.parquet", gas_mw=pl.lit(float("nan")))
    broken(tmp_path, "late.parquet", error_kg_per_mwh=pl.lit(1.0))
    source = {"file": "of_types.parquet", "fuel_t_per_mwh": {"gas": 0.4}, "groups": "all"}
    for changed, name in (
        ({"average": {"file": "of_winter.parquet"}}, "of_winter.parquet"),
        ({"marginal": None, "average": None, "generation": source}, "of_types.parquet"),
        ({"uncertainty": {"errors_file": "late.parquet"}}, "late.parquet"),
        ({"forecast": {"file": "forecast_kg_per_mwh.parquet"}}, "forecast_kg_per_mwh.parquet"),
    ):
        with pytest.raises(EvergridError, match=name):
            emissions.run(
                parse(emissions.Config, configuration(**changed)), folder=tmp_path, seed=1
            )


def test_hours_in_which_nothing_generates_are_refused(tmp_path: Path):
    """Their average factor would be 0, as if they were without emissions."""
    files(tmp_path)
    times = [START + timedelta(hours=hour) for hour in range(-24 * 60, HOURS)]
    gas = np.random.default_rng(2).uniform(100.0, 200.0, len(times))
    gas[[5, 9]] = 0.0
    pl.DataFrame({"time_utc": times, "gas_mw": gas}).write_csv(tmp_path / "generation.csv")
    source = {"file": "generation.csv", "fuel_t_per_mwh": {"gas": 0.4}}
    with pytest.raises(EvergridError, match=r"above 0 in every hour.*\(row 6\); \(row 10\)"):
        run(tmp_path, marginal=None, average=None, generation=source, prices_per_tonne=[])


def test_the_page_and_the_lines_begin_with_the_answer(tmp_path: Path):
    result = run(tmp_path)
    result.write(tmp_path / "out")
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    answer = "V2G led by price"
    assert answer in page
    assert result.console_lines()[0].startswith("answer")


def test_factors_from_generation_give_two_ledgers(tmp_path: Path):
    files(tmp_path)
    rng = np.random.default_rng(2)
    times = [START + timedelta(hours=hour - 2000) for hour in range(2000 + HOURS)]
    gas = 5000.0 + np.cumsum(rng.normal(scale=40.0, size=len(times)))
    columns = {"time_utc": times, "gas_mw": gas, "wind_mw": np.full(len(times), 5000.0)}
    pl.DataFrame(columns).write_parquet(tmp_path / "generation.parquet")
    source = {"file": "generation.parquet", "fuel_t_per_mwh": {"gas": 0.4}, "groups": "hour"}
    result = run(tmp_path, marginal=None, average=None, generation=source)
    np.testing.assert_allclose(result.findings.factors.marginal, 400.0)
    assert set(result.tables["groups"]["changes"]) <= {83, 84, 85}
    # Gas alone follows, so that its factor scales everything.
    tried = result.tables["sensitivity"].filter(pl.col("strategy") == "smart")
    assert tried["change"].to_list() == [-0.1, 0.1]
    np.testing.assert_allclose(tried["marginal_kg_per_mwh"], [360.0, 440.0])
    smart = result.summary["tonnes"]["smart"]
    np.testing.assert_allclose(
        tried["consequential_tonnes"], [0.9 * smart, 1.1 * smart], atol=1e-12
    )
    # With flat factors feeding only adds what is lost.
    assert result.summary["tonnes"]["price"] >= result.summary["tonnes"]["smart"] - 1e-9


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"marginal": None}, "marginal must be given"),
        ({"prices_per_tonne": [50.0, 0.0]}, "prices_per_tonne must rise"),
        ({"marginal": {"file": "marginal.parquet", "format": "moer"}}, "known format"),
        ({"marginal": {"file": "prices.parquet"}}, "named after its unit"),
        ({"average": {"file": "moer.parquet", "format": "sgip_moer"}}, "are marginal"),
        (
            {
                "marginal": {
                    "file": "marginal.parquet",
                    "format": "avert",
                    "options": {"region": "CA"},
                }
            },
            "include year, utc_offset_h",
        ),
        ({"cap_tonnes": -1e6}, "cannot be kept"),
        (
            {"average": {"file": "average.parquet", "format": "x"}},
            r"average\.format must be a known",
        ),
        ({"uncertainty": {"errors_file": "no_errors.parquet"}}, "have at least 10 steps"),
        ({"forecast": FORECAST | {"every_min": 45.0}}, r"Give a multiple of horizon\.step_min"),
        ({"forecast": FORECAST | {"every_min": 1440.0}}, "window_h must be at least the 24 h"),
        ({"forecast": FORECAST | {"every_min": 60.0, "window_h": 0.5}}, "window_h must be"),
        ({"forecast": FORECAST | {"look_back_days": 9}}, "look_back_days must be covered"),
        ({"forecast": {"file": "forecast_kg_per_mwh.parquet"}}, "be in kg/kWh"),
        (
            {"horizon": {"start": "2024-05-06T00:00:00Z", "days": 30, "step_min": 30}},
            "cover the horizon",
        ),
    ],
)
def test_wrong_input_is_told(tmp_path: Path, changed: dict[str, Any], told: str):
    with pytest.raises(EvergridError, match=told):
        run(tmp_path, **changed)


def test_factors_below_nothing_are_told_on_every_ledger(tmp_path: Path):
    files(tmp_path)
    times = [START + timedelta(hours=hour) for hour in range(HOURS)]
    factor = [-50.0] * 2 + [400.0] * (HOURS - 2)
    table = pl.DataFrame({"time_utc": times, "emissions_kg_per_mwh": factor})
    changed: dict[str, Any] = {"prices_per_tonne": []}
    for name in ("marginal", "average", "residual_mix"):
        table.write_parquet(tmp_path / f"below_{name}.parquet")
        changed[name] = {"file": f"below_{name}.parquet"}
    given = parse(emissions.Config, configuration(**changed))
    told = " ".join(emissions.run(given, folder=tmp_path, seed=1).summary["notes"])
    for name in ("a marginal", "an average", "a residual mix"):
        assert f"4 steps have {name} factor below 0" in told


def test_forecasts_stamped_by_the_time_they_are_for_are_told(tmp_path: Path):
    files(tmp_path)
    factor = pl.read_parquet(tmp_path / "marginal.parquet")["emissions_kg_per_mwh"]
    made = [START + timedelta(minutes=5 * k) for k in range(12 * HOURS)]
    of_own_row = np.repeat(factor.to_numpy()[-HOURS:] / 1000.0, 12)
    leads = {f"f{k}": of_own_row for k in range(1, 37)}
    pl.DataFrame({"time_utc": made} | leads).write_parquet(tmp_path / "late.parquet")
    changed = {"forecast": FORECAST | {"file": "late.parquet"}, "prices_per_tonne": []}
    given = parse(emissions.Config, configuration(**changed))
    told = " ".join(emissions.run(given, folder=tmp_path, seed=1).summary["notes"])
    assert "rows may be stamped by the time that they are for" in told


def test_a_battery_that_stays_drives_no_kilometre(tmp_path: Path):
    driving = {"km_per_kwh": 5.0, "displaced_g_per_km": 150.0}
    full = {
        "asset_id": "battery-1",
        "site_id": "street",
        "capacity_kwh": 400.0,
        "power_kw": 100.0,
        "energy_start_kwh": 0.0,
        "energy_end_kwh": 300.0,
    }
    result = run(tmp_path, driving=driving, battery=[full], prices_per_tonne=[])
    sessions = result.findings.inputs.portfolio.sessions
    held = result.findings.strategies["price"].assessment.schedule.energy_kwh[:, -1]
    gained = (held - sessions.energy_arrival_kwh)[sessions.asset_id != "battery-1"].sum()
    assert gained > 0
    assert result.summary["driving_tonnes"] == pytest.approx(gained * 5.0 * 150.0 / 1e6)


def test_emissions_that_hardly_change_are_not_told_as_a_rise(tmp_path: Path):
    files(tmp_path)
    nothing = pl.read_parquet(tmp_path / "marginal.parquet").with_columns(
        emissions_kg_per_mwh=pl.lit(0.0)
    )
    nothing.write_parquet(tmp_path / "nothing.parquet")
    given = parse(
        emissions.Config,
        configuration(marginal={"file": "nothing.parquet"}, prices_per_tonne=[], battery=None),
    )
    summary = emissions.run(given, folder=tmp_path, seed=1).summary
    told = report.answer(summary)
    assert told == "V2G led by price changes emissions by less than 0.001 t"


def test_the_plan_by_carbon_emits_the_least_where_wires_lose_energy(tmp_path: Path):
    """Vehicles that stay hold energy at the median factor, as tonnes count it."""
    marginal = {"file": "marginal.parquet", "loss_share_drawn": 0.3, "loss_share_fed": 0.1}
    result = run(tmp_path, marginal=marginal, battery=None, prices_per_tonne=[900_000.0])
    (clean,) = result.findings.frontier
    usual = result.findings.strategies["uncontrolled"]
    by_carbon = result.summary["tonnes"]["carbon"]
    least = clean.tonnes - usual_tonnes(result)
    assert usual.name == "uncontrolled"
    assert by_carbon == pytest.approx(least, abs=1e-6)


def usual_tonnes(result: emissions.Result) -> float:
    """What no control emits, from powers: no site has a load."""
    portfolio = result.findings.inputs.portfolio
    schedule = result.findings.strategies["uncontrolled"].assessment.schedule
    factor, step_h = result.findings.factors.marginal, portfolio.grid.step_h
    drawn_kwh = step_h * np.maximum(-schedule.power_kw, 0.0).sum(axis=0)
    end = np.datetime64(portfolio.grid.end_utc.replace(tzinfo=None))
    stays = portfolio.sessions.departure_utc > end
    gained = (schedule.energy_kwh[:, -1] - portfolio.sessions.energy_arrival_kwh)[stays].sum()
    return float(drawn_kwh @ factor / 0.7 - gained * np.median(factor)) / 1e6


def test_rows_that_may_be_in_another_unit_are_told(tmp_path: Path):
    files(tmp_path)
    mixed = pl.read_parquet(tmp_path / "marginal.parquet").with_row_index()
    mixed.select(
        "time_utc",
        emissions_kg_per_mwh=pl.when(pl.col("index") % 2 == 0)
        .then(pl.col("emissions_kg_per_mwh") / 1000.0)
        .otherwise(pl.col("emissions_kg_per_mwh")),
    ).write_parquet(tmp_path / "mixed.parquet")
    given = parse(
        emissions.Config, configuration(marginal={"file": "mixed.parquet"}, prices_per_tonne=[])
    )
    notes = emissions.run(given, folder=tmp_path, seed=1).summary["notes"]
    assert any("see whether rows of the file are in another unit" in note for note in notes)


def test_steps_without_fossil_generation_are_told(tmp_path: Path):
    files(tmp_path)
    times = [START + timedelta(hours=hour) for hour in range(-24 * 60, HOURS)]
    gas = np.random.default_rng(2).uniform(100.0, 200.0, len(times))
    gas[[time.hour == 3 and time >= START for time in times]] = 0.0
    pl.DataFrame(
        {"time_utc": times, "gas_mw": gas, "wind_mw": np.full(len(times), 50.0)}
    ).write_csv(tmp_path / "generation.csv")
    source = {"file": "generation.csv", "fuel_t_per_mwh": {"gas": 0.4}}
    result = run(tmp_path, marginal=None, average=None, generation=source, prices_per_tonne=[])
    told = [note for note in result.summary["notes"] if "nothing that emits generates" in note]
    assert [note.split(":")[0] for note in told] == ["In 2 steps nothing that emits generates"]


STREET = {"site_id": "street", "import_limit_kw": 200.0, "export_limit_kw": 200.0}


@pytest.mark.parametrize(("battery", "exceeding"), [(True, 1), (False, 5)])
def test_generation_beyond_a_limit_is_never_told_as_optimal(
    tmp_path: Path, *, battery: bool, exceeding: int
):
    """Without control, or in every plan where no battery takes it up, 34 kW pass the limit."""
    generation(tmp_path, 234.0)
    changed: dict[str, Any] = {} if battery else {"battery": None}
    result = run(
        tmp_path,
        site=[STREET | {"generation_curtailable": False}],
        site_generation_file="site_generation.parquet",
        cap_tonnes=10.0,
        **changed,
    )
    summary = result.summary
    assert summary["status"] == "limits_exceeded"
    assert summary["violation_kw"] == pytest.approx(34.0, abs=1e-5)
    told = summary["overloads"]
    own = [item for item in told if item["plan"] in summary["tonnes"]]
    assert len(own) == exceeding
    # Plans of the frontier, and the one of a cap that does not bind, are told as well.
    assert len(told) == (1 if battery else 5 + 3 + 1)
    for item in told:
        assert item["cause"] == "generation that cannot be curtailed"
        assert (item["site_id"], item["limit"], item["steps"]) == ("street", "export", 4)
        assert item["worst_kw"] == pytest.approx(34.0, abs=1e-5)
    ledgers = result.tables["ledgers"]
    assert (ledgers["violation_kw"] > 1e-5).sum() == exceeding
    beyond = ledgers.filter(pl.col("violation_kw") > 1e-5)
    assert set(beyond["status"]) == {"limits_exceeded"}
    frontier = result.tables["frontier"]
    assert ((frontier["violation_kw"] > 1e-5) == (frontier["status"] == "limits_exceeded")).all()
    note = "export limit by up to 34.00 kW in 4 steps"
    assert any(note in one for one in summary["notes"])
    lines = "\n".join(result.console_lines())
    assert "limits_exceeded" in lines
    assert "34.00 kW in 4 steps" in lines
    assert "export limit of street exceeded by up to 34.00 kW in 4 steps" in result.report()


def test_sun_that_vehicles_take_up_lowers_tonnes_where_it_would_be_curtailed(tmp_path: Path):
    generation(tmp_path, 234.0)
    source = {"site_generation_file": "site_generation.parquet", "prices_per_tonne": [1000.0]}
    result = run(tmp_path, site=[STREET], **source)
    made = {
        name: float(one.assessment.curtailed_kwh.sum())
        for name, one in result.findings.strategies.items()
    }
    assert made["uncontrolled"] > 50.0
    assert made["carbon"] < made["uncontrolled"]
    assert result.summary["status"] == "optimal"
    (dear,) = result.findings.frontier
    assert dear.bound == pytest.approx(dear.objective, rel=1e-5)


def test_errors_of_another_unit_are_refused_and_strange_ones_are_told(tmp_path: Path):
    files(tmp_path)
    times = [START - timedelta(minutes=30 * k) for k in range(600, 0, -1)]
    drawn = np.random.default_rng(3).normal(0.0, 80.0, len(times))
    error_kg = drawn - drawn.mean()

    def notes(error: np.ndarray) -> list[str]:
        table = {"time_utc": times, "error_kg_per_mwh": error}
        pl.DataFrame(table).write_parquet(tmp_path / "errors.parquet")
        given = configuration(uncertainty={"errors_file": "errors.parquet"}, prices_per_tonne=[0.0])
        return emissions.run(parse(emissions.Config, given), folder=tmp_path, seed=1).summary[
            "notes"
        ]

    with pytest.raises(EvergridError, match="must be at most 3000 kg/MWh up or down"):
        notes(1000.0 * error_kg)
    with pytest.raises(EvergridError, match="must reach 3 kg/MWh at least once"):
        notes(error_kg / 1000.0)
    assert not any("errors_file" in note for note in notes(error_kg))
    assert any("+100.0 kg/MWh on the mean" in note for note in notes(error_kg + 100.0))
    assert any("the band has no width" in note for note in notes(np.zeros(len(times))))


def test_a_cell_without_a_factor_is_no_gap_of_time(tmp_path: Path):
    files(tmp_path)
    table = pl.read_parquet(tmp_path / "marginal.parquet")
    broken = table.with_columns(
        pl.when(pl.int_range(pl.len()) == 20)
        .then(float("nan"))
        .otherwise(pl.col("emissions_kg_per_mwh"))
        .alias("emissions_kg_per_mwh")
    )
    broken.write_parquet(tmp_path / "with_nan.parquet")
    with pytest.raises(EvergridError, match=r"must be a number, got nan \(row 21\)") as caught:
        emissions.run(
            parse(emissions.Config, configuration(marginal={"file": "with_nan.parquet"})),
            folder=tmp_path,
            seed=1,
        )
    assert "Fill the gap" not in str(caught.value)


def test_generation_that_was_filled_is_told(tmp_path: Path):
    files(tmp_path)
    times = [START + timedelta(hours=hour) for hour in range(-24 * 60, HOURS)]
    gas = np.random.default_rng(2).uniform(100.0, 200.0, len(times))
    gas[7] = np.nan
    pl.DataFrame({"time_utc": times, "gas_mw": gas}).write_parquet(tmp_path / "generation.parquet")
    source = {"file": "generation.parquet", "fuel_t_per_mwh": {"gas": 0.4}}
    result = run(tmp_path, marginal=None, average=None, generation=source, prices_per_tonne=[])
    assert any("1 values were missing and filled" in note for note in result.summary["notes"])


def test_one_file_for_two_ledgers_is_told(tmp_path: Path):
    files(tmp_path)
    notes = run(tmp_path, average={"file": "marginal.parquet"}, prices_per_tonne=[0.0]).summary[
        "notes"
    ]
    assert any("the same in every step" in note for note in notes)


STREAMED = {
    "streamed": True,
    "average": None,
    "residual_mix": None,
    "site": None,
    "prices_per_tonne": None,
    "battery": None,
}


def test_a_streamed_fleet_emits_what_its_plan_of_every_session_does(tmp_path: Path):
    marginal = {"file": "marginal.parquet", "loss_share_drawn": 0.06, "loss_share_fed": 0.02}
    fleet = [{"place": "workplace", "vehicles": 6, "sites": ["street"], "time_zone": "UTC"}]
    given = STREAMED | {"marginal": marginal, "fleet": fleet}
    made = run(tmp_path, **given)
    whole = run(tmp_path, **(given | {"streamed": False, "prices_per_tonne": [0.0]}))
    s = made.summary
    assert s["tonnes"]["carbon"] == pytest.approx(whole.summary["tonnes"]["carbon"], abs=1e-9)
    assert s["emitted_tonnes"]["carbon"] >= s["bound_tonnes"] - 1e-12
    assert s["gap"] == pytest.approx(0.0, abs=1e-9)
    (low, high) = (s[key]["carbon"] for key in ("tonnes_low", "tonnes_high"))
    assert low < s["tonnes"]["carbon"] < high
    months = made.tables["months"]
    assert months["tonnes"].sum() == pytest.approx(s["emitted_tonnes"]["carbon"], abs=1e-9)
    fleet_kw = made.tables["fleet"]
    powers = whole.tables["schedule"].filter(pl.col("strategy") == "carbon")
    assert fleet_kw["fed_kw"].sum() == pytest.approx(
        powers.filter(pl.col("power_kw") > 0)["power_kw"].sum(), abs=1e-6
    )
    made.write(tmp_path / "out")
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "no plan saves more than" in page
    assert len(made.console_lines()) <= 10


def test_what_a_streamed_fleet_does_not_tell_is_refused(tmp_path: Path):
    for name, value in (
        ("average", {"file": "average.parquet"}),
        ("cap_tonnes", 5.0),
        ("embodied", {"pack_kg_per_kwh": 75.0}),
        ("site", [{"site_id": "street", "import_limit_kw": 9.0}]),
        ("forecast", FORECAST),
    ):
        with pytest.raises(EvergridError, match=f"{name} must be left out where streamed = true"):
            run(tmp_path, **(STREAMED | {name: value}))
