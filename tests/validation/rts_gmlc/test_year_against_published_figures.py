from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evergrid.core.status import Status
from evergrid.data.generation import rts_gmlc
from evergrid.dispatch.generation.problem import GenerationProblem
from evergrid.dispatch.generation.schedule import schedule_units
from evergrid.impact import merit_order
from evergrid.model.generators import GeneratorFleet
from evergrid.model.time_series.system_load import SystemLoad
from tests.impact.merit_order.cases import least_cost

pytestmark = pytest.mark.data
EXPECTED = pl.read_csv(Path(__file__).parent / "expected.csv")


@pytest.fixture(scope="module")
def fleet(data_folder: Path) -> GeneratorFleet:
    return rts_gmlc.read_generators(data_folder / "generation" / "rts_gmlc")


@pytest.fixture(scope="module")
def load(data_folder: Path) -> SystemLoad:
    return rts_gmlc.read_system_load(data_folder / "generation" / "rts_gmlc")


@pytest.fixture(scope="module")
def figures(fleet: GeneratorFleet, load: SystemLoad) -> dict[str, float]:
    stack = merit_order.supply_stack(fleet, treatment="as_given")
    year = merit_order.dispatch(stack, load.net_load_mw)
    co2_kg = year.emissions_of("co2").sum()
    marginal = merit_order.marginal_emissions(stack, load.net_load_mw, "co2")
    return {
        "cost_million": year.cost / 1e6,
        "co2_mt": co2_kg / 1e9,
        "mean_price_per_mwh": year.price_per_mwh.mean(),
        "mean_marginal_t_per_mwh": marginal.mean() / 1e3,
        "emissions_per_load_t_per_mwh": co2_kg / 1e3 / load.load_mw.sum(),
    }


@pytest.mark.parametrize("row", EXPECTED.to_dicts(), ids=EXPECTED["number"].to_list())
def test_the_year_has_the_published_figure(row: dict, figures: dict[str, float]):
    assert figures[row["number"]] == pytest.approx(row["expected"], abs=row["tolerance"])


def test_every_unit_is_in_the_fleet_in_a_series_or_named_as_left_out(
    fleet: GeneratorFleet, data_folder: Path
):
    folder = data_folder / "generation" / "rts_gmlc"
    units = pl.read_csv(folder / "gen.csv", infer_schema=False)
    series = pl.read_parquet(folder / rts_gmlc.SERIES).columns
    named = {name.split("_", 1)[1] for name in series}
    rest = units.filter(~pl.col("GEN UID").is_in([*fleet.unit_id, *named]))
    assert len(units) == 158
    assert len(fleet) == 73
    assert set(rest["Unit Type"]) == {"CSP", "STORAGE", "SYNC_COND"}


def test_the_hull_costs_more_than_bare_segments_in_every_hour(
    fleet: GeneratorFleet, load: SystemLoad
):
    bare, hull = (
        merit_order.dispatch(merit_order.supply_stack(fleet, treatment=treatment), load.net_load_mw)
        for treatment in ("as_given", "hull")
    )
    assert (hull.generation_cost >= bare.generation_cost - 1e-6).all()
    assert hull.cost / 1e6 == pytest.approx(433.787, abs=5e-4)
    assert hull.curtailed_mw.sum() == bare.curtailed_mw.sum() > 0


@pytest.mark.parametrize("treatment", ["as_given", "hull"])
def test_a_week_with_a_store_costs_what_the_linear_program_does(
    treatment: str, fleet: GeneratorFleet, load: SystemLoad
):
    stack = merit_order.supply_stack(fleet, treatment=treatment)
    store = merit_order.constant_storage(
        168, power_mw=100.0, energy_mwh=400.0, efficiency_charge=0.87
    )
    week = load.net_load_mw[4000:4168]
    found = merit_order.price_making(stack, week, store)
    least = least_cost(stack, week, store, step_h=1.0, voll_per_mwh=None)
    assert found.status is Status.OPTIMAL
    assert found.cost == pytest.approx(least, rel=1e-9)


def test_a_year_with_a_store_is_proven(fleet: GeneratorFleet, load: SystemLoad):
    stack = merit_order.supply_stack(fleet)
    store = merit_order.constant_storage(
        load.grid.steps, power_mw=1000.0, energy_mwh=4000.0, efficiency_charge=0.87
    )
    found = merit_order.price_making(stack, load.net_load_mw, store)
    assert found.status is Status.OPTIMAL
    assert abs(found.gap) < 1e-12
    assert found.cost < merit_order.dispatch(stack, load.net_load_mw).cost


def hours(load: SystemLoad, first: int, stop: int) -> SystemLoad:
    grid, available_mw = load.grid.part(first, stop), load.available_mw[:, first:stop]
    return SystemLoad(grid, load.load_mw[first:stop], load.source, available_mw)


def without_ramps(fleet: GeneratorFleet) -> GeneratorFleet:
    return replace(fleet, ramp_mw_per_h=np.full(len(fleet), np.inf))


@pytest.mark.parametrize(("first", "stop"), [(0, 24), (4008, 4176)])
def test_the_linear_program_has_the_cost_and_its_duals_lie_in_the_sets_of_prices(
    first: int, stop: int, fleet: GeneratorFleet, load: SystemLoad
):
    part = hours(load, first, stop)
    found = schedule_units(GenerationProblem(without_ramps(fleet), part))
    order = merit_order.dispatch(merit_order.supply_stack(fleet), part.net_load_mw)
    assert found.cost == pytest.approx(order.cost, rel=1e-9)
    assert found.bound == pytest.approx(order.cost, rel=1e-9)
    assert (found.price_per_mwh >= order.low_price_per_mwh - 1e-7).all()
    assert (found.price_per_mwh <= order.high_price_per_mwh + 1e-7).all()
    assert found.curtailed_mw == pytest.approx(order.curtailed_mw, abs=1e-6)


@pytest.mark.slow
def test_whole_commitment_of_a_day_costs_more_than_relaxed_and_that_more_than_the_hull(
    fleet: GeneratorFleet, load: SystemLoad
):
    day = hours(load, 4008, 4032)
    hull, relaxed, whole = (
        schedule_units(GenerationProblem(fleet, day, commitment=commitment), gap=1e-3)
        for commitment in ("none", "relaxed", "whole")
    )
    assert whole.status is Status.OPTIMAL
    assert whole.gap <= 1e-3
    assert hull.cost < relaxed.cost < whole.cost
    assert relaxed.cost <= whole.bound * (1 + 1e-6)
    assert whole.cost == pytest.approx(1_532_621, rel=1e-3)
    least = fleet.minimum_mw[:, None] * whole.on
    assert (whole.output_mw >= least - 1e-6).all()
    assert (whole.output_mw <= fleet.capacity_mw[:, None] * whole.on + 1e-6).all()
