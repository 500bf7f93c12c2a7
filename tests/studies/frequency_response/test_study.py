"""A frequency response study: what it tells, from its tables, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import EvergridError
from evergrid.markets.rules.frequency_response import FCR
from evergrid.studies import frequency_response
from tests.studies.frequency_response.cases import TICKS, configuration, record


def run(folder: Path, **changed: Any) -> frequency_response.Result:
    given = parse(frequency_response.Config, configuration(**changed))
    return frequency_response.run(given, folder=folder, seed=1)


def written(result: frequency_response.Result, out: Path) -> tuple[dict[str, Any], Path]:
    result.write(out)
    return json.loads((out / "summary.json").read_text()), out


@pytest.fixture(scope="module")
def event(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("event")
    return written(run(folder), folder / "out")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("record")
    return written(run(folder, record=record(folder)), folder / "out")


def table(done: tuple[dict[str, Any], Path], name: str) -> pl.DataFrame:
    return pl.read_parquet(done[1] / f"{name}.parquet")


# -- a loss ---------------------------------------------------------------------------------


def test_the_numbers_are_those_of_the_course(event: tuple[dict[str, Any], Path]) -> None:
    summary, frame = event[0], table(event, "frequency")
    for case, key in (("with", "nadir_hz"), ("without", "nadir_without_hz")):
        course = frame.filter(pl.col("case") == case)["frequency_hz"]
        assert course.min() == pytest.approx(summary[key], abs=2e-3)
    fleet = frame.filter(pl.col("case") == "with")["fleet_mw"].to_numpy()
    assert fleet.max() == pytest.approx(summary["fleet_most_mw"], rel=1e-3)
    assert fleet.max() <= summary["award_mw"] * 1.1  # few chargers, in whole amperes
    assert fleet.sum() * 0.02 / 3600 == pytest.approx(summary["fleet_energy_mwh"], rel=0.01)
    assert frame.filter(pl.col("case") == "without")["fleet_mw"].abs().max() == 0.0


def test_the_fleet_helps_and_what_it_saves_is_told(event: tuple[dict[str, Any], Path]) -> None:
    summary = event[0]
    assert summary["nadir_hz"] > summary["nadir_without_hz"] + 0.05
    saved = summary["least_inertia_without_s"] - summary["least_inertia_s"]
    assert summary["kinetic_energy_saved_mws_per_mw"] == pytest.approx(
        saved * 40.0 / summary["award_mw"]
    )
    assert summary["reserve_saved_mw_per_mw"] > 0
    assert summary["initial_rocof_hz_per_s"] == pytest.approx(-3.0 * 50 / (2 * 3.0 * 40))
    assert abs(summary["rocof_hz_per_s"]) < abs(summary["initial_rocof_hz_per_s"])
    assert summary["step_error_hz"] < 1e-3
    assert summary["loop_delay_s"] < summary["delay_margin_s"]


def test_the_award_is_what_parked_vehicles_hold(event: tuple[dict[str, Any], Path]) -> None:
    summary, parked = event[0], table(event, "parked")
    assert 20 * len(parked) == summary["vehicles"]
    assert 20 * parked["up_kw"].sum() / 1000 == pytest.approx(summary["headroom_up_mw"])
    assert 20 * parked["down_kw"].sum() / 1000 == pytest.approx(summary["headroom_down_mw"])
    assert 20 * parked["award_up_kw"].sum() / 1000 == pytest.approx(summary["award_mw"])
    least = min(summary["headroom_up_mw"], summary["headroom_down_mw"])
    assert summary["award_mw"] == pytest.approx(min(0.8 * least, 1.0))


def test_more_inertia_and_more_fleet_both_raise_the_nadir(
    event: tuple[dict[str, Any], Path],
) -> None:
    sweep = table(event, "sweep")
    nadir = sweep["nadir_hz"].to_numpy().reshape(3, 2)
    assert np.all(np.diff(nadir, axis=0) > 0)
    assert np.all(np.diff(nadir, axis=1) > 0)
    assert sweep["award_mw"].unique(maintain_order=True)[0] == 0.0
    sizes = table(event, "sizes")
    kept = sizes.filter(pl.col("stable") & (pl.col("nadir_hz") >= 49.0))
    least = event[0]["least_fleet_mw"]
    assert (least is None) == kept.is_empty()


def test_plants_that_disconnect_leave_nothing_but_the_moment(tmp_path: Path) -> None:
    area = {"base_mw": 40.0, "inertia_s": 0.5, "load_mw": 30.0}
    loss = configuration()["event"] | {"loss_mw": 30.0, "limit_hz": 49.0}
    summary, _ = written(
        run(tmp_path, area=area, event=loss, response={"most_mw": 0.2}), tmp_path / "out"
    )
    assert summary["settled_hz"] is None
    assert summary["disconnected_s"] > 0
    assert any("plants disconnect at 47.5 Hz" in note for note in summary["notes"])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"area": {"inertia_s": -3.0}}, "inertia_s"),
        ({"area": {"nominal_hz": 60.0}}, "grid of 50 Hz"),
        ({"shedding": [{"frequency_hz": 59.3, "load_share": 0.1}]}, "grid of 60 Hz"),
        ({"response": {"product": "fcrr"}}, "Did you mean fcr"),
        ({"response": {"product": "droop", "deadband_hz": 0.3}}, "deadband_hz"),
        ({"control": {"delay_s": 5.0}, "response": {}}, "be stable: its delay"),
        ({"event": {"loss_mw": 3.0, "start": "2025-01-15T00:00:00"}}, "event.start"),
        ({"event": {"loss_mw": 3.0, "limit_hz": 59.0}}, "event.limit_hz"),
        ({"step": {"power_mw": 100.0, "trigger_hz": 49.7}}, "step.power_mw"),
        ({"sweep": {"inertia_s": [-1.0]}}, "sweep.inertia_s"),
        ({"fleet": []}, "sessions must be given"),
        ({"time_zone": "Europe/Olso"}, "time_zone"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    with pytest.raises(EvergridError, match=told):
        run(tmp_path, **changed)


def test_cars_that_only_charge_hold_no_award_both_ways(tmp_path: Path) -> None:
    fleet = [configuration()["fleet"][0] | {"max_discharge_kw": 0.0, "v2g_share": 0.0}]
    one_way = run(tmp_path, fleet=fleet, response={"product": "fcr_d_up", "most_mw": 1.0})
    assert 0 < one_way.summary["award_mw"] <= 0.8 * one_way.summary["headroom_up_mw"]


# -- a record -------------------------------------------------------------------------------


def test_what_is_due_is_what_the_product_asks(played: tuple[dict[str, Any], Path]) -> None:
    ticks = table(played, "ticks")
    assert len(ticks) == TICKS == played[0]["readings_played"]
    due = FCR.due(ticks["frequency_hz"].fill_null(strategy="forward").to_numpy() - 50.0)
    assert ticks["share"].to_numpy() == pytest.approx(due)
    award, share = ticks["award_kw"].to_numpy(), ticks["share"].to_numpy()
    assert ticks["due_kw"].to_numpy() == pytest.approx(award * share)
    assert played[0]["gaps"] == 2
    assert played[0]["ended"] == "record"


def test_energies_add_up_tick_by_tick_and_vehicle_by_vehicle(
    played: tuple[dict[str, Any], Path],
) -> None:
    summary, ticks, vehicles = played[0], table(played, "ticks"), table(played, "vehicles")
    net = float(ticks["delivered_kw"].sum()) * 2 / 3.6e6
    assert summary["energy_delivered_mwh"] == pytest.approx(net)
    assert summary["fed_mwh"] == pytest.approx(vehicles["fed_kwh"].sum() / 1000)
    moved = float((vehicles["fed_kwh"] - vehicles["taken_kwh"]).sum()) / 1000
    assert moved == pytest.approx(net, abs=1e-6)
    cut = float(vehicles["cut_kwh"].sum()) / 1000
    assert summary["missing_promise_mwh"] == pytest.approx(cut, abs=1e-9)
    assert summary["vehicles_cut"] == (vehicles["cut_s"] > 0).sum()


def test_the_reader_is_told_that_the_fleet_does_not_change_the_record(
    played: tuple[dict[str, Any], Path],
) -> None:
    assert any("the fleet does not change it" in note for note in played[0]["notes"])
    assert any("2 readings did not come" in note for note in played[0]["notes"])


def test_a_record_of_another_grid_is_refused(tmp_path: Path) -> None:
    given = record(tmp_path)
    area = {"nominal_hz": 60.0, "least_hz": 57.0}
    limit = configuration()["event"] | {"limit_hz": 59.0}
    with pytest.raises(EvergridError, match="Set nominal_hz"):
        run(tmp_path, record=given, area=area, event=limit)
    with pytest.raises(EvergridError, match="no file"):
        run(tmp_path, record={"file": "gone.csv"})
