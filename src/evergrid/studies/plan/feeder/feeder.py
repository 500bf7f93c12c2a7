"""A plan on a feeder: which strategies keep its limits, where they are violated, what they cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.data import tables
from evergrid.dispatch.network import feeder_envelope
from evergrid.dispatch.network.feeder_check import FeederCheck, SiteConnections
from evergrid.dispatch.network.feeder_plan import FeederPlan
from evergrid.dispatch.plan import Plan
from evergrid.grid.feeder import geojson
from evergrid.grid.flow import base_case
from evergrid.grid.limits.kinds import OF_STEP, Kind
from evergrid.grid.limits.operating_envelope import Envelope
from evergrid.inputs.feeder.sites import FeederSites
from evergrid.model.portfolio import Portfolio

WITHOUT_NETWORK = "v2g without network limits"


@dataclass(frozen=True)
class FeederResults:
    """A feeder under the strategies of a plan.

    Attributes:
        feeder_sites: The feeder and its sites.
        connections: How the sites connect to it.
        plans: How "smart" and "v2g" were brought within its limits.
        others: What else was checked: "uncontrolled", and rolling plans by their name.
    """

    feeder_sites: FeederSites
    connections: SiteConnections
    plans: Mapping[str, FeederPlan]
    others: Mapping[str, FeederCheck]

    @cached_property
    def checks(self) -> dict[str, FeederCheck]:
        """What every strategy does to the feeder, by name."""
        v2g = self.plans["v2g"]
        made = {"uncontrolled": self.others["uncontrolled"]}
        made |= {WITHOUT_NETWORK: v2g.first_check}
        made |= {name: made.check for name, made in self.plans.items()}
        return made | {name: c for name, c in self.others.items() if name != "uncontrolled"}

    @cached_property
    def envelope(self) -> Envelope:
        """What each place may do on its own, around the plan with V2G."""
        return feeder_envelope.around(self.plans["v2g"], self.connections)


def summary(found: FeederResults) -> dict[str, Any]:
    """The headline of the feeder."""
    v2g, limits = found.plans["v2g"], found.plans["v2g"].check.limits
    base_violated = limits.base > limits.rows.limit
    return {
        "name": found.feeder_sites.feeder.name,
        "lines": len(found.feeder_sites.feeder.lines),
        "lines_unrated": int(np.isnan(found.feeder_sites.feeder.lines.rating_a).sum()),
        **base_case.headline(found.feeder_sites.feeder),
        "notes": list(found.feeder_sites.feeder.notes),
        "holds": v2g.check.holds,
        "holds_smart": found.plans["smart"].check.holds,
        "rounds": len(v2g.rounds) - 1,
        "flowgates": 0 if v2g.portfolio.flowgates is None else len(v2g.portfolio.flowgates),
        "cost_without_network_limits": v2g.first.costs.net,
        "network_cost": v2g.plan.costs.net - v2g.first.costs.net,
        "steps_violated": {
            name: int(check.violated.any(axis=1).sum()) for name, check in found.checks.items()
        },
        "limits_violated": {
            name: [vars(each) for each in made.check.violations]
            for name, made in found.plans.items()
        },
        "steps_violated_without_vehicles": int(base_violated.any(axis=1).sum()),
        "steps_violated_by_kind": _by_kind(v2g.first_check),
        "lowest_pu": {
            name: _extreme(check, Kind.LOW_VOLTAGE) for name, check in found.checks.items()
        },
        "highest_line": _highest(found, Kind.LINE),
        "highest_transformer": _highest(found, Kind.TRANSFORMER),
        "highest_transformer_phase": {
            name: highest(check.transformers.phase) for name, check in found.checks.items()
        },
        "highest_transformer_total": {
            name: highest(check.transformers.total) for name, check in found.checks.items()
        },
    }


def highest(loading: Float[Array, "step place"]) -> float | None:
    """Highest loading of all places and steps; None where nothing is loaded."""
    known = loading[np.isfinite(loading)]
    return float(known.max()) if known.size else None


def _highest(found: FeederResults, kind: Kind) -> dict[str, float | None]:
    """Highest loading of a kind under each strategy, over the rating."""
    return {name: _extreme(check, kind) for name, check in found.checks.items()}


def _by_kind(check: FeederCheck) -> dict[str, int]:
    """Steps in which a plan violates limits of each kind."""
    kinds = {
        kind.label: int(check.violated[:, check.rows.of(kind)].any(axis=1).sum())
        for kind in OF_STEP
    }
    return {name: steps for name, steps in kinds.items() if steps}


def _extreme(check: FeederCheck, kind: Kind) -> float | None:
    """The most extreme value of a kind of limit over all steps; None where there is none."""
    value = check.values.value[:, check.rows.of(kind)]
    value = value[np.isfinite(value)]
    if value.size == 0:
        return None
    return float(-value.max() if kind == Kind.LOW_VOLTAGE else value.max())


def results(found: FeederResults) -> dict[str, pl.DataFrame]:
    """The tables of the feeder by name."""
    portfolio = found.plans["v2g"].portfolio
    return {
        "feeder_check": _check(portfolio, found.checks),
        "site_limits": site_limits(portfolio, found.connections, found.envelope),
        "congestion_prices": _prices(portfolio, found.plans["v2g"].plan),
    }


def _check(portfolio: Portfolio, checks: Mapping[str, FeederCheck]) -> pl.DataFrame:
    """The place of each kind that is nearest to its limit or furthest beyond, by step."""
    parts = []
    for strategy, check in checks.items():
        base = check.limits.base
        for kind in OF_STEP:
            rows = np.arange(len(check.rows))[check.rows.of(kind)]
            if len(rows) == 0:
                continue
            step = np.arange(portfolio.grid.steps)
            worst = rows[check.excess[:, rows].argmax(axis=1)]
            sign = -1.0 if kind == Kind.LOW_VOLTAGE else 1.0
            value = check.values.value[step, worst]
            parts.append(
                pl.DataFrame(
                    {
                        "strategy": [strategy] * len(step),
                        "time_utc": _utc(portfolio.grid.times),
                        "kind": [kind.label] * len(step),
                        "place": [str(place) for place in check.rows.name[worst]],
                        "value": np.where(np.isfinite(value), sign * value, np.nan),
                        "limit": sign * check.limits.bound[step, worst],
                        "without_vehicles": sign * base[step, worst],
                        "violated": check.violated[step, worst],
                    }
                )
            )
    return pl.concat(parts).with_columns(pl.col("value").fill_nan(None))


def site_limits(
    portfolio: Portfolio, connections: SiteConnections, envelope: Envelope
) -> pl.DataFrame:
    """An envelope as limits of sites, with their load, in the form of the table of that name."""
    load = portfolio.sites.add_up(portfolio.must_take_load_kw)[connections.site]
    drawn, fed = load + envelope.draw_kw.T, envelope.feed_kw.T - load
    return tables.site_limits_frame(
        portfolio.grid, portfolio.sites.site_id[connections.site], drawn, fed
    )


def _prices(portfolio: Portfolio, made: Plan) -> pl.DataFrame:
    """What congestion adds to the price of energy, at sites and steps where it adds anything."""
    site, step = np.nonzero(made.congestion_price_per_mwh)
    return pl.DataFrame(
        {
            "site_id": pl.Series(portfolio.sites.site_id[site].tolist(), dtype=pl.String),
            "time_utc": _utc(portfolio.grid.times[step]),
            "congestion_price_per_mwh": made.congestion_price_per_mwh[site, step],
        }
    )


def map_text(found: FeederResults) -> str:
    """The feeder as GeoJSON, with the lowest voltages of buses that have loads."""
    feeder = found.feeder_sites.feeder
    of_bus = {
        f"lowest_pu_{name.replace(' ', '_')}": lowest_pu(found, check)
        for name, check in found.checks.items()
    }
    return geojson.text(feeder, of_bus)


def lowest_pu(found: FeederResults, check: FeederCheck) -> Float[Array, " bus"]:
    """Lowest voltage of the loads at each bus; NaN where there is none."""
    lowest = np.full(len(found.feeder_sites.feeder.buses.name), np.inf)
    rows = check.rows.of(Kind.LOW_VOLTAGE)
    value = np.where(np.isfinite(check.values.value), check.values.value, -np.inf)
    np.minimum.at(lowest, check.rows.bus[rows], -value[:, rows].max(axis=0))
    return np.where(np.isfinite(lowest), lowest, np.nan)


def _utc(times: Shaped[Array, " row"]) -> pl.Series:
    return pl.Series(times.astype("datetime64[us]")).dt.replace_time_zone("UTC")
