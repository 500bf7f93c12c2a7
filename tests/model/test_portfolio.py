"""A book holds the sessions that touch its grid, and refuses records that do not fit together."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.model.portfolio import assemble, touching
from evergrid.model.site import SiteLoad, no_load
from tests.model.cases import DAY, make_prices, make_sessions, make_sites

TREE = {"fleet": "", "depot": "fleet"}
MIDNIGHT = np.datetime64("2024-01-10", "us")


def at(*hours: int):
    return MIDNIGHT + np.array(hours) * np.timedelta64(1, "h")


def test_only_sessions_that_touch_the_grid_are_kept():
    columns = {"arrival_utc": at(-5, -5, 0, 23, 24), "departure_utc": at(0, 1, 24, 30, 25)}
    sessions = make_sessions(5, **columns)
    assert touching(sessions, DAY).tolist() == [False, True, True, True, False]
    book = assemble(DAY, sessions, make_sites(TREE), no_load(), make_prices())
    assert book.sessions.session_id.tolist() == ["s1", "s2", "s3"]
    assert book.site_row.tolist() == [1, 1, 1]


def test_assets_are_counted_once():
    columns = {"asset_id": ["a", "a", "b"], "arrival_utc": at(0, 5, 0)}
    sessions = make_sessions(departure_utc=at(5, 9, 9), **columns)
    assert assemble(DAY, sessions, make_sites(TREE), no_load(), make_prices()).assets == 2


def test_the_load_of_a_site_includes_the_sites_below():
    names = np.array(["depot", "fleet"], dtype=object)
    load = SiteLoad(names, DAY.times, np.array([[3.0] * 24, [4.0] * 24]))
    book = assemble(DAY, make_sessions(), make_sites(TREE), load, make_prices())
    assert book.total_load_kw[:, 0].tolist() == [7.0, 3.0]


def test_an_empty_fleet_is_refused():
    with pytest.raises(InputError, match="at least one row"):
        assemble(DAY, make_sessions(0), make_sites(TREE), no_load(), make_prices())


def test_a_fleet_of_another_time_is_refused_with_its_span():
    sessions = make_sessions(arrival_utc=at(30, 30, 30), departure_utc=at(40, 40, 41))
    with pytest.raises(InputError, match=r"2024-01-11T06.* to 2024-01-11T17"):
        assemble(DAY, sessions, make_sites(TREE), no_load(), make_prices())


def test_a_session_at_an_unknown_site_is_refused_with_the_known_ones():
    sessions = make_sessions(site_id=["depot", "depto", "fleet"])
    with pytest.raises(InputError, match=r"got depto for s1 .*Known sites: fleet, depot"):
        assemble(DAY, sessions, make_sites(TREE), no_load(), make_prices())


def test_a_net_meter_must_not_earn_from_drawing_and_feeding_at_once():
    dear = make_prices(export_price_per_mwh=np.full(24, 60.0))
    metered = make_sites(TREE, net_metering=[False, True])
    with pytest.raises(InputError, match="not exceed import_price_per_mwh"):
        assemble(DAY, make_sessions(), metered, no_load(), dear)
    assemble(DAY, make_sessions(), make_sites(TREE), no_load(), dear)
