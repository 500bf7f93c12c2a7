"""What a plan asks of the wires: loading, the limits that bind, and what they are worth."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.studies.plan.site_loading import Wires
from tests.studies.cases import Planned


@pytest.fixture
def wires(planned: Planned) -> Wires:
    result, _ = planned(2)
    return Wires(result.loaded.portfolio, result.plans["v2g"])


def test_loading_is_one_at_a_limit_and_absent_without_one(wires: Wires):
    sites, loading = wires.book.sites, wires.loading
    assert np.nanmax(np.abs(loading)) <= 1 + 1e-6
    open_export = np.isinf(sites.export_limit_kw)[:, None] & (wires.power_kw >= 0)
    assert np.isnan(loading[open_export]).all()
    feeder = wires.power_kw[0] / np.where(wires.power_kw[0] < 0, 45, 20)
    np.testing.assert_allclose(loading[0], feeder)


def test_the_dearest_site_heads_the_table(wires: Wires):
    table = wires.dear_sites()
    name = wires.book.sites.site_id[wires.dearest]
    assert table.rows[0][0] == name
    assert name in wires.line()
    worth = [float(row[-1]) for row in table.rows]
    assert worth == sorted(worth, reverse=True)


def test_every_level_tells_how_many_of_its_sites_bind(wires: Wires):
    top, below = (int(wires.binding[rows].any(axis=1).sum()) for rows in ([0], [1, 2]))
    assert f"{top} of 1 at level 1, {below} of 2 at level 2." in wires.by_level()


def test_worth_is_the_price_over_the_horizon(wires: Wires):
    price = np.full_like(wires.plan.shadow_price_per_mwh, 10.0)
    flat = Wires(wires.book, replace(wires.plan, shadow_price_per_mwh=price))
    np.testing.assert_allclose(flat.worth_per_kw, 24 * 10 / 1000)


def test_where_nothing_binds_the_most_loaded_site_is_shown(wires: Wires):
    none = np.zeros_like(wires.plan.shadow_price_per_mwh)
    free = Wires(wires.book, replace(wires.plan, shadow_price_per_mwh=none))
    assert free.line() == "no site limit binds"
    assert free.dear_sites().rows == []
    peak = np.nanmax(np.abs(np.nan_to_num(free.loading)), axis=1)
    assert peak[free.dearest] == peak.max()
