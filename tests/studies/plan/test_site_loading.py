"""How loaded sites are under a plan, the limits that bind, and what they are worth."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.studies.plan.site_loading import SiteLoading
from tests.studies.cases import Planned


@pytest.fixture
def of(planned: Planned) -> SiteLoading:
    result, _ = planned(2)
    return SiteLoading(result.findings.inputs.portfolio, result.findings.plans["v2g"])


def test_loading_is_one_at_a_limit_and_absent_without_one(of: SiteLoading):
    sites, loading = of.portfolio.sites, of.loading
    assert np.nanmax(np.abs(loading)) <= 1 + 1e-6
    open_export = np.isinf(sites.export_limit_kw)[:, None] & (of.power_kw >= 0)
    assert np.isnan(loading[open_export]).all()
    feeder = of.power_kw[0] / np.where(of.power_kw[0] < 0, 45, 20)
    np.testing.assert_allclose(loading[0], feeder)


def test_the_dearest_site_heads_the_table(of: SiteLoading):
    table = of.dear_sites()
    name = of.portfolio.sites.site_id[of.dearest]
    assert table.rows[0][0] == name
    assert name in of.line()
    worth = [float(row[-1]) for row in table.rows]
    assert worth == sorted(worth, reverse=True)


def test_every_level_tells_how_many_of_its_sites_bind(of: SiteLoading):
    top, below = (int(of.binding[rows].any(axis=1).sum()) for rows in ([0], [1, 2]))
    assert f"{top} of 1 at level 1, {below} of 2 at level 2." in of.by_level()


def test_worth_is_the_price_over_the_horizon(of: SiteLoading):
    price = np.full_like(of.plan.shadow_price_per_mwh, 10.0)
    flat = SiteLoading(of.portfolio, replace(of.plan, shadow_price_per_mwh=price))
    np.testing.assert_allclose(flat.worth_per_kw, 24 * 10 / 1000)


def test_where_nothing_binds_the_most_loaded_site_is_shown(of: SiteLoading):
    none = np.zeros_like(of.plan.shadow_price_per_mwh)
    free = SiteLoading(of.portfolio, replace(of.plan, shadow_price_per_mwh=none))
    assert free.line() == "no site limit binds"
    assert free.dear_sites().rows == []
    peak = np.nanmax(np.abs(np.nan_to_num(free.loading)), axis=1)
    assert peak[free.dearest] == peak.max()
