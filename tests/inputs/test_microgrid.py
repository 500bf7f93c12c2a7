"""The microgrid of a configuration: what is drawn, what is in the middle, what is refused."""

import numpy as np
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import ConfigError
from evergrid.inputs.microgrid import MicrogridEntry, SolarEntry, VehiclesEntry, place_of


def test_without_chance_arrivals_are_quantiles_and_energies_means():
    made = VehiclesEntry(count=5, plugged_in=1).records(None)
    assert [unit.energy_arrival_kwh for unit in made] == [100.5] * 5
    expected = [-0.75 * np.log(1 - q) for q in (0.125, 0.375, 0.625, 0.875)]
    assert [unit.arrival_h for unit in made] == pytest.approx([0.0, *expected])


def test_drawn_values_have_the_distribution_that_is_asked_for():
    entry = VehiclesEntry(count=4000, plugged_in=0, arrival_least_h=0.5, arrival_share=0.8)
    made = entry.records(np.random.default_rng(7))
    arrival = np.array([unit.arrival_h for unit in made])
    energy = np.array([unit.energy_arrival_kwh for unit in made])
    assert len(made) / 4000 == pytest.approx(0.8, abs=0.02)
    assert arrival.min() >= 0.5
    assert arrival.mean() == pytest.approx(1.25, abs=0.05)
    assert (energy.min() >= 62) & (energy.max() <= 139)
    assert energy.mean() == pytest.approx(100.5, abs=1.5)


def test_the_same_seed_draws_the_same():
    one, other = (MicrogridEntry().record(np.random.default_rng(3)) for _ in range(2))
    assert one.batteries == other.batteries


def test_the_first_vehicles_are_the_same_however_many_there_are():
    few, many = (
        VehiclesEntry(count=count, plugged_in=2).records(np.random.default_rng(5))
        for count in (4, 9)
    )
    assert many[:4] == few


def test_the_sun_begins_at_the_hour_of_the_outage():
    sun = SolarEntry(kw_by_hour=tuple(float(i) for i in range(24)))
    assert sun.from_hour(22.5, 3.0, 0.5).tolist() == [22, 23, 23, 0, 0, 1]


def test_weights_follow_the_tier_unless_given():
    entry = {"name": "a", "power_kw": 1.0, "tier": "life_safety"}
    other = {"name": "b", "power_kw": 1.0, "tier": "comfort", "weight": 7.0}
    made = parse(MicrogridEntry, {"load_block": [entry, other]}).record()
    assert [block.weight for block in made.load_blocks] == [10.0, 7.0]


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"vehicles": [{"plugged_in": 13}]}, "plugged_in must be at most count"),
        ({"vehicles": [{"energy_arrival_kwh": [90.0, 60.0]}]}, "two rising numbers"),
        ({"vehicles": [{"energy_arrival_kwh": [90.0, 160.0]}]}, "two rising numbers"),
        ({"vehicles": [{"max_discharge_kw": 80.0, "apparent_kva": 60.0}]}, "max_discharge_kw"),
        ({"vehicles": [{"auxiliary_kw": 61.0}]}, "auxiliary_kw"),
        ({"load_block": [{"name": "a", "power_kw": 1.0, "tier": "vital"}]}, "tier"),
        (
            {"load_block": [{"name": "a", "power_kw": 1.0, "tier": "critical", "phases": "ab"}]},
            "phases",
        ),
        ({"vehicles": [{}, {}]}, "unique names"),
        ({"nominal_hz": 55.0}, "nominal_hz must be 50 or 60"),
        ({"solar": {"kw_by_hour": [1.0, 2.0]}}, "24 numbers"),
        ({"diesel_set": [{"power_kw": -5.0, "fuel_kwh": 1.0}]}, "power_kw"),
    ],
)
def test_what_cannot_be_is_refused_with_its_key(tables: dict[str, object], told: str):
    with pytest.raises(ConfigError, match=told):
        parse(MicrogridEntry, tables)


@pytest.mark.parametrize(
    ("tables", "place"),
    [
        ({"load_block": [{"name": "a", "power_kw": 0.0, "tier": "critical"}]}, "load_block.0."),
        ({"vehicles": [{}, {"name": "car", "efficiency_charge": 95.0}]}, "vehicles.1."),
        ({"site_battery": [{"capacity_kwh": -1.0, "power_kw": 1.0}]}, "site_battery.0."),
        ({"diesel_set": [{"power_kw": 1.0, "fuel_kwh": -1.0}]}, "diesel_set.0."),
        ({"transformer": {"reactance_pu": -0.05}}, "transformer."),
    ],
)
def test_a_number_out_of_range_is_told_with_its_table(tables: dict[str, object], place: str):
    with pytest.raises(ConfigError) as caught:
        parse(MicrogridEntry, tables)
    assert all(fault.field.startswith(place) for fault in caught.value.faults)


def test_a_vehicle_keeps_its_place_where_others_do_not_come():
    entry = VehiclesEntry(count=40, plugged_in=0, arrival_share=0.5)
    made = entry.records(np.random.default_rng(5))
    places = [place_of(unit) for unit in made]
    assert 10 < len(places) < 30
    assert places == sorted(set(places))
    assert max(places) > len(places)


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"vehicles": [{"name": " "}]}, "name must not be empty"),
        ({"vehicles": [{"arrival_mean_h": 1e300}]}, "arrival_mean_h"),
        ({"vehicles": [{"arrival_least_h": 1e300}]}, "arrival_least_h"),
        ({"solar": {"kw_by_hour": [1.0] * 23}}, "kw_by_hour must be 24 numbers"),
        ({"solar": {"kw_by_hour": [1.0] * 23 + [-2.0]}}, "got -2"),
        ({"solar": {"kw_by_hour": [1e300] * 24}}, "kw_by_hour must be in"),
    ],
)
def test_what_no_site_has_is_refused(tables: dict, told: str):
    with pytest.raises(ConfigError, match=told):
        parse(MicrogridEntry, tables)


def test_two_faults_of_one_table_are_counted_and_no_more_are_told_of():
    block = {"name": "a", "power_kw": -1.0, "tier": "critical", "cold_load_factor": 0.5}
    with pytest.raises(ConfigError) as caught:
        parse(MicrogridEntry, {"load_block": [block]})
    assert "2 faults found" in str(caught.value)
    assert "more" not in str(caught.value).split("cold_load_factor")[0]
    assert " -1 more" not in str(caught.value)


def test_what_is_not_given_is_told():
    given = MicrogridEntry(vehicles=(VehiclesEntry(count=2, plugged_in=1),))
    assert given.assumed(transformer=True) == (
        "Not given, so that of the built-in hospital is taken: load blocks, transformer.",
    )
    assert given.assumed(transformer=False) == (
        "Not given, so that of the built-in hospital is taken: load blocks.",
    )
    whole = given.model_copy(update={"load_block": given.load_block})
    assert whole.assumed(transformer=False) == ()
