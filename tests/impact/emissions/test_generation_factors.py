"""Factors of generation: known slopes are found, nonsense is refused."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.impact.emissions import generation_factors as factors

FUELS = {"coal": 0.9, "gas": 0.4}


def made_up(hours: int = 2000) -> dict[str, np.ndarray]:
    """Gas follows by day, coal at night, wind does as it likes."""
    rng = np.random.default_rng(4)
    night = np.arange(hours) % 24 < 6
    change = rng.normal(scale=50.0, size=hours)
    coal = 5000.0 + np.cumsum(np.where(night, change, 0.0))
    gas = 5000.0 + np.cumsum(np.where(night, 0.0, change))
    return {"coal": coal, "gas": gas, "wind": rng.uniform(0, 4000, hours)}


def test_the_slope_of_each_group_is_that_of_the_fuel_that_follows():
    of = factors.emissions(made_up(), FUELS)
    night = (np.arange(2000) % 24 < 6).astype(np.int64)
    grouped = factors.by_group(of, night, ("day", "night"))
    assert [one.kg_per_mwh for one in grouped.factors] == pytest.approx([400.0, 900.0])
    assert grouped.of_hour_kg_per_mwh[:7].tolist() == pytest.approx([900.0] * 6 + [400.0])
    assert np.abs(grouped.error_kg_per_mwh).max() < 1e-6


def test_a_noisy_slope_lies_within_three_of_its_standard_errors():
    rng = np.random.default_rng(8)
    generation = made_up(8760)
    generation["coal"] = generation["coal"] + rng.normal(scale=20.0, size=8760)
    one = factors.marginal(factors.emissions(generation, {"coal": 0.9, "gas": 0.9}))
    assert one.kg_per_mwh == pytest.approx(900.0)
    mixed = factors.marginal(factors.emissions(generation, FUELS))
    assert 0 < mixed.standard_error < 20.0
    assert mixed.changes == 8759


def test_pumped_storage_counts_for_nothing():
    generation = {**made_up(), "pumped": np.full(2000, 9000.0)}
    without = factors.emissions(generation, FUELS, without=frozenset({"pumped"}))
    plain = factors.emissions(made_up(), FUELS)
    assert factors.average_kg_per_mwh(without) == factors.average_kg_per_mwh(plain)


@pytest.mark.parametrize(
    ("fuels", "told"),
    [({"lignite": 1.1}, "types that generate"), ({"coal": 900.0}, "between 0 and 3 t/MWh")],
)
def test_wrong_fuels_are_told(fuels: dict[str, float], told: str):
    with pytest.raises(InputError, match=told):
        factors.emissions(made_up(), fuels)


def test_a_gap_is_refused_with_its_row():
    generation = made_up()
    generation["wind"][7] = np.nan
    with pytest.raises(InputError, match=r"wind must be finite.*row 8"):
        factors.emissions(generation, FUELS)


def test_hours_without_fossil_generation_have_no_marginal_factor():
    nothing = {"coal": np.zeros(100), "wind": np.ones(100)}
    one = factors.marginal(factors.emissions(nothing, {"coal": 0.9}))
    assert np.isnan(one.kg_per_mwh)


def test_groups_of_load_and_season_hold_equally_many_hours():
    of = factors.emissions(made_up(8760), FUELS)
    month = np.repeat(np.arange(1, 13), 730)
    group, names = factors.load_and_season(of, month)
    assert len(names) == 12
    assert np.bincount(group).tolist() == pytest.approx([730] * 12, abs=1)


def test_a_type_that_counts_for_nothing_may_not_emit():
    made = {"coal": np.arange(50.0), "pumped": np.ones(50)}
    with pytest.raises(InputError, match="without must not hold types of fuel_t_per_mwh"):
        factors.emissions(made, {"coal": 0.9}, without=frozenset({"coal"}))
    with pytest.raises(InputError, match="without must be of types that generate, got pomped"):
        factors.emissions(made, {"coal": 0.9}, without=frozenset({"pomped"}))
