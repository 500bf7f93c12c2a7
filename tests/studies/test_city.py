"""The example of a whole city, with a hundredth of its vehicles and sites."""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evergrid.core.config import parse, read
from evergrid.report import page as html
from evergrid.studies import plan

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALLER = 80


@pytest.fixture(scope="module")
def city() -> plan.Result:
    raw: dict[str, Any] = tomllib.loads((EXAMPLES / "city.toml").read_text(encoding="utf-8"))
    for group in raw["fleet"]:
        group["vehicles"] //= SMALLER
    (tree,) = raw["site_tree"]
    tree["level"][0]["count"] //= SMALLER
    for name in ("import_limit_kw", "export_limit_kw"):
        tree[name] /= SMALLER
    return plan.run(parse(plan.Config, raw), folder=EXAMPLES)


def test_the_example_is_as_large_as_it_says():
    config = read(plan.Config, EXAMPLES / "city.toml")
    (tree,) = config.site_tree
    assert sum(count for name, count in tree.counts().items() if name not in ("", "feeder")) == 4000
    assert config.horizon.grid().steps == 96


def test_everyone_is_served_and_every_limit_kept(city: plan.Result):
    assert city.summary["status"] == "optimal"
    assert city.summary["served_share"] == pytest.approx(1.0)
    assert not city.summary["shortfalls"] + city.summary["overloads"]
    assert max(city.summary["max_violation"].values()) < 1e-6


def test_limits_bind_at_every_level(city: plan.Result):
    price = city.findings.plans["v2g"].shadow_price_per_mwh.max(axis=1)
    depth = city.findings.inputs.portfolio.sites.depth
    assert all(price[depth == level].max() > 1e-3 for level in range(3))


def test_a_plan_earns_over_charging_without_one(city: plan.Result):
    cost = city.summary["cost"]
    assert cost["v2g"] < cost["smart"] < cost["uncontrolled"]


def test_the_tables_hold_every_site_in_every_step(city: plan.Result):
    portfolio = city.findings.inputs.portfolio
    assert city.tables["sites"].height == len(portfolio.sites) * 96
    assert set(city.tables["sites"]["site_id"]) == set(portfolio.sites.site_id)
    plugged = city.findings.plans["v2g"].schedule.plugged
    assert city.tables["schedule"].height == np.count_nonzero(plugged)


def test_the_report_stays_small(city: plan.Result):
    own = len(city.report()) - len(html._plotly_js())
    assert own < 1_000_000
