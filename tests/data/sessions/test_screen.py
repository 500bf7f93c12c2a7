"""Each rule of the session screen bites on the row made for it, and on no other."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.data.sessions import screen
from evergrid.data.sessions.assumptions import DEFAULTS, PlugIns


def raw(plugins: PlugIns, **changes: Any):
    nothing = np.zeros(len(plugins), bool)
    energy_open = np.isnan(plugins.delivered_kwh)
    rows = screen.Raw(
        plugins, plugins.stay_h, unreadable=nothing, open=energy_open, greatest_kw=400.0
    )
    return replace(rows, **changes)


@pytest.mark.parametrize(
    ("stay_h", "energy_kwh", "rule"),
    [
        (-1.0, 5.0, screen.BACKWARDS),
        (0.0, 5.0, screen.BACKWARDS),
        (0.01, 5.0, screen.SHORT),
        (48.5, 5.0, screen.too_long(48.0)),
        (2.0, 0.0, screen.NO_ENERGY),
        (2.0, -75.0, screen.NO_ENERGY),
        (2.0, 1430.0, screen.TOO_MUCH),
        (2.0, float("nan"), screen.OPEN),
        (0.02, 70.0, screen.too_fast(400.0)),
    ],
)
def test_a_dirty_row_is_rejected_by_its_rule_alone(
    plugins: Callable[..., PlugIns], stay_h: float, energy_kwh: float, rule: str
):
    sessions, quality = screen.sessions(
        "test", raw(plugins([0, 0], [2.0, stay_h], [5.0, energy_kwh])), DEFAULTS
    )
    assert sessions.session_id.tolist() == ["s0"]
    bitten = [f.rule for f in quality.findings if f.count]
    assert bitten == [rule]
    assert quality.rows_rejected == 1


def test_rows_at_the_limits_are_kept(plugins: Callable[..., PlugIns]):
    rows = raw(plugins([0, 0, 0], [1 / 60, 48.0, 20.0], [0.01, 5.0, 200.0]))
    sessions, quality = screen.sessions("test", rows, DEFAULTS)
    assert len(sessions) == 3
    assert quality.rows_rejected == 0


def test_an_unreadable_row_is_rejected(plugins: Callable[..., PlugIns]):
    rows = raw(plugins([0, 0], [2, 2], [5, 5]), unreadable=np.array([False, True]))
    _, quality = screen.sessions("test", rows, DEFAULTS)
    assert quality.count(screen.UNREADABLE) == 1


def test_without_a_limit_long_stays_are_kept_and_still_counted(plugins: Callable[..., PlugIns]):
    rows = raw(plugins([0, 0], [2, 99], [5, 5]), longest_h=None)
    sessions, quality = screen.sessions("test", rows, DEFAULTS)
    assert len(sessions) == 2
    assert quality.count(screen.too_long(None)) == 1


def test_a_repeated_id_loses_the_later_row(plugins: Callable[..., PlugIns]):
    rows = raw(plugins([0, 5], [2, 2], [5, 6], session_id=["a", "a"]))
    sessions, quality = screen.sessions("test", rows, DEFAULTS)
    assert quality.count(screen.DUPLICATE) == 1
    assert sessions.arrival_utc[0] == rows.plugins.arrival_utc[0]


def test_an_id_is_free_again_when_its_first_row_is_rejected(plugins: Callable[..., PlugIns]):
    rows = raw(plugins([0, 5], [2, 2], [0, 6], session_id=["a", "a"]))
    sessions, quality = screen.sessions("test", rows, DEFAULTS)
    assert quality.count(screen.DUPLICATE) == 0
    assert len(sessions) == 1


def test_of_two_overlapping_sessions_the_later_is_rejected(plugins: Callable[..., PlugIns]):
    rows = raw(plugins([3, 0, 5], [2, 4, 2], [5, 5, 5], asset_id=["p", "p", "p"]))
    sessions, quality = screen.sessions("test", rows, DEFAULTS)
    assert sessions.session_id.tolist() == ["s1", "s2"]
    assert quality.count(screen.OVERLAP) == 1


def test_a_rejected_row_does_not_block_the_plug(plugins: Callable[..., PlugIns]):
    rows = raw(plugins([0, 1], [40, 2], [0, 5], asset_id=["p", "p"]))
    sessions, _ = screen.sessions("test", rows, DEFAULTS)
    assert sessions.session_id.tolist() == ["s1"]


def test_a_station_with_two_ports_serves_two_cars_at_once_but_not_three(
    plugins: Callable[..., PlugIns],
):
    rows = raw(plugins([0, 1, 2, 6], [5, 5, 5, 1], [5] * 4, asset_id=["p"] * 4))
    split = screen.with_ports(rows, 2)
    assert split.plugins.asset_id.tolist() == ["p/1", "p/2", "p/2", "p/1"]
    _, quality = screen.sessions("test", split, DEFAULTS)
    assert quality.count(screen.OVERLAP) == 1


def test_a_source_in_which_nothing_is_usable_is_refused_with_the_reasons(
    plugins: Callable[..., PlugIns],
):
    with pytest.raises(InputError, match="energy is not above 0"):
        screen.sessions("test", raw(plugins([0], [2], [0])), DEFAULTS)


def test_enlarged_batteries_and_chargers_count_as_repaired(plugins: Callable[..., PlugIns]):
    rows = raw(plugins([0, 0, 0], [1, 40, 2], [50, 150, 5]))
    _, quality = screen.sessions("test", rows, DEFAULTS)
    assert quality.count(screen.RATING) == 1
    assert quality.count(screen.CAPACITY) == 1
    assert quality.rows_repaired == 2


@given(
    st.lists(
        st.tuples(
            st.floats(-5, 100), st.floats(-5, 60), st.floats(-5, 250), st.sampled_from("pqr")
        ),
        min_size=1,
        max_size=12,
    )
)
def test_whatever_the_rows_the_record_holds_and_the_account_adds_up(
    plugins: Callable[..., PlugIns], rows: list[tuple[float, float, float, str]]
):
    start, stay, energy, plug = (list(column) for column in zip(*rows, strict=True))
    dirty = raw(plugins([0.0, *start], [1.0, *stay], [5.0, *energy], asset_id=["good", *plug]))
    sessions, quality = screen.sessions("test", dirty, DEFAULTS)
    assert quality.rows_kept == len(sessions)
    assert quality.rows_kept + quality.rows_rejected == quality.rows_read == len(rows) + 1


def test_power_that_no_charger_has_is_rejected_and_the_rest_may_raise_the_rating(
    plugins: Callable[..., PlugIns],
):
    seventy_kwh_in_a_minute = raw(plugins([0, 0, 0], [0.0169, 2.0, 2.0], [70.0, 102.0, 98.0]))
    rows = replace(seventy_kwh_in_a_minute, greatest_kw=50.0)
    sessions, quality = screen.sessions("test", rows, DEFAULTS)
    assert sessions.session_id.tolist() == ["s2"]
    assert sessions.max_charge_kw.tolist() == pytest.approx([49.0])
    assert quality.count(screen.too_fast(50.0)) == 2
    assert quality.count(screen.RATING) == 1


def test_stamps_in_whole_minutes_give_a_stay_one_more(plugins: Callable[..., PlugIns]):
    rows = replace(raw(plugins([0], [0.05], [3.0])), greatest_kw=50.0)
    assert screen.sessions("test", replace(rows, stamp_h=1 / 60), DEFAULTS)[0].session_id.size
    with pytest.raises(InputError, match="asks for more than 50 kW"):
        screen.sessions("test", rows, DEFAULTS)


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [("charge_kw", 4147.0, screen.too_fast(400.0)), ("capacity_kwh", 1e6, screen.TOO_LARGE)],
)
def test_a_rating_or_battery_that_a_source_names_must_be_one_there_is(
    plugins: Callable[..., PlugIns], field: str, value: float, rule: str
):
    rows = plugins([0, 0], [2.0, 2.0], [5.0, 5.0])
    rows = replace(rows, **{field: np.array([np.nan, value])})
    sessions, quality = screen.sessions("test", raw(rows), DEFAULTS)
    assert sessions.session_id.tolist() == ["s0"]
    assert quality.count(rule) == 1
