"""Cold load against its convolution, the sun's energy, and who is there when."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.model.microgrid import DieselSet, LoadBlock
from evergrid.resilience.restoration.limits import block_load
from evergrid.resilience.restoration.rule import RestorationRule, SourceFailures, none_fail
from evergrid.resilience.restoration.steps import cold_excess, cold_mean, step_count, step_tables
from tests.resilience.restoration.cases import block, bus, site


def test_cold_load_is_the_convolution_of_closings_with_its_decay():
    of = block(power_kw=100.0, cold_load_factor=1.8, cold_load_decay_h=0.4)
    table = step_tables(site(of, batteries=(bus(),)), 12.0, 0.25, none_fail(1, 0))
    closed = np.zeros((1, 48), bool)
    closed[0, 5:20] = closed[0, 30:] = True
    first_kw = block_load(table, closed)[1][0]
    expected = np.zeros(48)
    for begin, end in ((5, 20), (30, 48)):
        for step in range(begin, end):
            expected[step] = 100.0 * (1 + 0.8 * np.exp(-(step - begin) * 0.25 / 0.4))
    np.testing.assert_allclose(first_kw, expected, rtol=1e-12)


@pytest.mark.parametrize("delay_h", [0.0, 0.1, 0.25, 0.6])
@pytest.mark.parametrize("decay_h", [0.0, 0.3])
def test_excess_energy_is_that_of_the_delay_and_the_decay(delay_h: float, decay_h: float):
    of = block(cold_load_factor=2.5, cold_load_delay_h=delay_h, cold_load_decay_h=decay_h)
    mean = cold_mean(of, 400, 0.25)
    assert mean.sum() * 0.25 == pytest.approx(1.5 * (delay_h + decay_h), abs=1e-12)


def test_mean_of_a_step_is_that_of_many_short_ones():
    of = block(cold_load_factor=2.0, cold_load_delay_h=0.35, cold_load_decay_h=0.5)
    short = cold_excess(of, (np.arange(400_000) + 0.5) * 1e-5).reshape(16, -1).mean(axis=1)
    np.testing.assert_allclose(cold_mean(of, 16, 0.25), short, atol=1e-5)


def test_excess_falls_by_its_factor_once_the_delay_has_passed():
    of = block(cold_load_factor=2.0, cold_load_delay_h=0.35, cold_load_decay_h=0.5)
    table = step_tables(site(of, batteries=(bus(),)), 4.0, 0.25, none_fail(1, 0))
    from_age = int(table.cold_steps[0])
    assert from_age == 2
    tail = table.cold_mean[0, from_age:]
    np.testing.assert_allclose(tail[1:], tail[:-1] * table.cold_factor[0], rtol=1e-12)


def test_sun_on_other_steps_keeps_its_energy():
    sun = np.array([0.0, 40.0, 100.0, 10.0])
    given = site(block(), batteries=(bus(),), solar_kw=sun, solar_step_h=0.6)
    table = step_tables(given, 3.0, 0.25, none_fail(1, 0))
    assert table.solar_kw.sum() * 0.25 == pytest.approx(150.0 * 0.6)


def test_a_battery_counts_only_in_steps_that_it_is_there_for_in_full():
    units = (bus("early", arrival_h=0.3, departure_h=1.1), bus("fails"), bus("there"))
    failures = SourceFailures(np.array([np.inf, 0.6, np.inf]), np.zeros(0))
    table = step_tables(site(block(), batteries=units), 1.5, 0.25, failures)
    assert table.there.astype(int).tolist() == [
        [0, 0, 1, 1, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 1, 1, 1],
    ]


def test_a_diesel_set_that_starts_within_seconds_runs_from_the_first_step():
    sets = (DieselSet("quick", 100.0, 500.0), DieselSet("slow", 100.0, 500.0, start_s=600.0))
    table = step_tables(
        site(block(), batteries=(bus(),), diesel_sets=sets), 0.5, 0.25, none_fail(1, 2)
    )
    assert table.diesel_there.tolist() == [[True, True], [False, True]]


def test_a_cold_load_factor_below_one_is_refused():
    with pytest.raises(InputError, match="cold_load_factor must be in"):
        LoadBlock("ward", 40.0, "comfort", cold_load_factor=0.9)


def test_an_arrival_after_the_departure_is_refused():
    with pytest.raises(InputError, match="departure_h must be after the arrival"):
        bus(arrival_h=2.0, departure_h=1.0)


@pytest.mark.parametrize(
    ("hours", "step_h"), [(1.1, 0.25), (0.0, 0.25), (np.nan, 0.25), (1.0, 0.0), (1e9, 0.25)]
)
def test_hours_that_are_no_whole_steps_are_refused(hours: float, step_h: float):
    with pytest.raises(InputError):
        step_count(hours, step_h)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pickup_share", 0.0),
        ("pickup_share", 1.5),
        ("closings_per_step", 0),
        ("interruption_h", -1.0),
        ("expected_h", np.nan),
        ("hold_h", -0.1),
    ],
)
def test_a_rule_out_of_range_is_refused(field: str, value: float):
    with pytest.raises(InputError, match=field):
        replace(RestorationRule(), **{field: value})  # pyright: ignore[reportArgumentType]


def test_failures_of_another_number_of_sources_are_refused():
    with pytest.raises(InputError, match="one value for each source, 1 in all"):
        step_tables(site(block(), batteries=(bus(),)), 1.0, 0.25, none_fail(2, 0))


def test_failures_before_the_outage_are_refused():
    with pytest.raises(InputError, match="battery_h must be 0 or more"):
        SourceFailures(np.array([-1.0]), np.zeros(0))
