"""A portfolio holds the sessions that touch its grid, and refuses records that do not fit."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.flowgates import Flowgates
from evergrid.model.portfolio import assemble, touching
from evergrid.model.site import SiteGeneration, SiteLimits, SiteLoad, no_load
from tests.model.cases import DAY, make_prices, make_sessions, make_sites

TREE = {"fleet": "", "depot": "fleet"}
MIDNIGHT = np.datetime64("2024-01-10", "us")


def at(*hours: int):
    return MIDNIGHT + np.array(hours) * np.timedelta64(1, "h")


def test_only_sessions_that_touch_the_grid_are_kept():
    columns = {"arrival_utc": at(-5, -5, 0, 23, 24), "departure_utc": at(0, 1, 24, 30, 25)}
    sessions = make_sessions(5, **columns)
    assert touching(sessions, DAY).tolist() == [False, True, True, True, False]
    portfolio = assemble(DAY, sessions, make_sites(TREE), no_load(), make_prices())
    assert portfolio.sessions.session_id.tolist() == ["s1", "s2", "s3"]
    assert portfolio.site_row.tolist() == [1, 1, 1]


def test_assets_are_counted_once():
    columns = {"asset_id": ["a", "a", "b"], "arrival_utc": at(0, 5, 0)}
    sessions = make_sessions(departure_utc=at(5, 9, 9), **columns)
    assert assemble(DAY, sessions, make_sites(TREE), no_load(), make_prices()).assets == 2


def test_the_load_of_a_site_includes_the_sites_below():
    names = np.array(["depot", "fleet"], dtype=object)
    load = SiteLoad(names, DAY.times, np.array([[3.0] * 24, [4.0] * 24]))
    portfolio = assemble(DAY, make_sessions(), make_sites(TREE), load, make_prices())
    assert portfolio.total_load_kw[:, 0].tolist() == [7.0, 3.0]


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


def test_generation_lands_at_its_site_beside_the_load():
    names = np.array(["depot"], dtype=object)
    load = SiteLoad(names, DAY.times, np.full((1, 24), 3.0))
    sun = SiteGeneration(names, DAY.times, np.arange(24.0)[None])
    parts = (DAY, make_sessions(), make_sites(TREE), load, make_prices())
    portfolio = assemble(*parts, generation=sun, time_zone="Europe/Oslo")
    assert portfolio.total_generation_kw[0].tolist() == list(range(24))
    assert portfolio.total_load_kw[:, 5].tolist() == [3.0, 3.0]
    assert portfolio.time_zone == "Europe/Oslo"
    assert not assemble(*parts).generation_kw.any()
    prices = make_prices(3, time_utc=DAY.times[4:7])
    assert portfolio.part(4, 7, portfolio.sessions, prices).generation_kw[1].tolist() == [
        4.0,
        5.0,
        6.0,
    ]


def test_only_generation_that_may_be_curtailed_is_curtailable():
    names = np.array(["fleet", "depot"], dtype=object)
    sun = SiteGeneration(names, DAY.times, np.repeat([[2.0], [5.0]], 24, axis=1))
    sites = make_sites(TREE, generation_curtailable=[True, False])
    load = SiteLoad(names, DAY.times, np.ones((2, 24)))
    portfolio = assemble(DAY, make_sessions(), sites, load, make_prices(), generation=sun)
    assert portfolio.curtailable_kw[:, 0].tolist() == [2.0, 0.0]
    assert portfolio.must_take_load_kw[:, 0].tolist() == [1.0, -4.0]


def limited_depot(drawn: np.ndarray, fed: np.ndarray):
    """A portfolio whose depot has limits of each hour beside its lasting 100 kW of import."""
    names = np.array(["depot"], dtype=object)
    limits = SiteLimits(names, DAY.times, drawn[None], fed[None])
    return assemble(DAY, make_sessions(), make_sites(TREE), no_load(), make_prices(), limits)


def test_the_smaller_of_lasting_and_passing_limits_holds():
    hours = np.arange(24.0)
    portfolio = limited_depot(90.0 + hours, np.where(hours < 12, np.inf, 5.0))
    assert portfolio.import_limit_kw[1].tolist() == np.minimum(90.0 + hours, 100.0).tolist()
    assert portfolio.export_limit_kw[1].tolist() == [np.inf] * 12 + [5.0] * 12
    assert portfolio.import_limit_kw[0].tolist() == [100.0] * 24
    assert portfolio.limited_by_step.tolist() == [False, True]


def test_a_book_without_passing_limits_has_the_lasting_ones():
    portfolio = assemble(DAY, make_sessions(), make_sites(TREE), no_load(), make_prices())
    assert not portfolio.limited_by_step.any()
    assert (portfolio.import_limit_kw == 100.0).all()
    assert np.isinf(portfolio.export_limit_kw).all()


def test_limits_of_an_unknown_site_are_refused():
    limits = SiteLimits(
        np.array(["depto"], dtype=object), DAY.times, np.ones((1, 24)), np.ones((1, 24))
    )
    with pytest.raises(InputError, match=r"name one of the sites, got depto"):
        assemble(DAY, make_sessions(), make_sites(TREE), no_load(), make_prices(), limits)


def test_a_part_of_a_book_has_the_values_of_its_steps_alone():
    hours = np.arange(24.0)
    portfolio = limited_depot(hours, 100.0 + hours)
    load = np.stack([hours, 2 * hours])
    gates = Flowgates(np.arange(24), np.tile([1.0, -1.0], (24, 1)), hours)
    portfolio = replace(portfolio, load_kw=load, flowgates=gates)
    first, stop = 5, 9
    prices = make_prices(4, time_utc=DAY.times[first:stop])
    part = portfolio.part(first, stop, portfolio.sessions, prices)
    assert part.grid.times.tolist() == DAY.times[first:stop].tolist()
    inside = slice(first, stop)
    assert part.load_kw.tolist() == load[:, inside].tolist()
    assert part.import_limit_kw.tolist() == portfolio.import_limit_kw[:, inside].tolist()
    assert part.export_limit_kw.tolist() == portfolio.export_limit_kw[:, inside].tolist()
    assert part.prices is prices
    assert part.flowgates is not None
    assert part.flowgates.step.tolist() == [0, 1, 2, 3]
    assert part.flowgates.limit_kw.tolist() == [5.0, 6.0, 7.0, 8.0]
    assert (
        replace(portfolio, flowgates=None).part(first, stop, portfolio.sessions, prices).flowgates
        is None
    )


def test_a_flowgate_asks_for_no_more_than_all_generation_that_may_be_curtailed():
    step = np.array([3])
    portfolio = limited_depot(np.full(24, np.inf), np.full(24, np.inf))
    generation = np.stack([np.full(24, 2.0), np.full(24, 5.0)])

    def within(limit_kw: float, weight: list[float], *, curtailable: bool = True):
        sites = replace(portfolio.sites, generation_curtailable=np.full(2, curtailable))
        gates = Flowgates(step, np.array([weight]), np.array([limit_kw]))
        return replace(portfolio, sites=sites, generation_kw=generation, flowgates=gates)

    row = portfolio.sites.row(np.array(["depot"], dtype=object))[0]
    leaf = [float(i == row) for i in range(2)]
    most = float(portfolio.sites.add_up(generation)[row, 3])
    assert within(-most, leaf).flowgates is not None
    assert within(0.0, [-weight for weight in leaf]).flowgates is not None
    for limit_kw, weight in ((-most - 0.01, leaf), (-0.01, [-weight for weight in leaf])):
        with pytest.raises(InputError, match=f"limit_kw must be kept by a fleet.*got {limit_kw:g}"):
            within(limit_kw, weight)
    with pytest.raises(InputError, match="limit_kw must be kept by a fleet at rest"):
        within(-0.01, leaf, curtailable=False)
