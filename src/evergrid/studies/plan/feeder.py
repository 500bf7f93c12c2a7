"""What a feeder makes of a plan: who keeps its limits, where they are passed, what they cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.data import tables
from evergrid.dispatch.network import feeder_envelope
from evergrid.dispatch.network.feeder_check import Checked, Wiring
from evergrid.dispatch.network.feeder_plan import Held
from evergrid.dispatch.plan import Plan
from evergrid.grid.feeder import geojson
from evergrid.grid.flow import base_case
from evergrid.grid.limits.feeder_limits import KINDS
from evergrid.grid.limits.operating_envelope import Envelope
from evergrid.inputs.feeder_sites import Street
from evergrid.model.portfolio import Portfolio

LOW = KINDS.index("low voltage")


@dataclass(frozen=True)
class FeederFound:
    """A feeder under the strategies of a plan.

    Attributes:
        street: The feeder and its sites.
        wiring: Where the sites hang on it.
        held: How "smart" and "v2g" were brought within its limits.
        others: What else was checked: "uncontrolled", and rolling plans by their name.
    """

    street: Street
    wiring: Wiring
    held: Mapping[str, Held]
    others: Mapping[str, Checked]

    @cached_property
    def checked(self) -> dict[str, Checked]:
        """What every strategy does to the feeder, by name."""
        v2g = self.held["v2g"]
        made = {"uncontrolled": self.others["uncontrolled"]}
        made |= {"v2g without the wires": v2g.first_checked}
        made |= {name: held.checked for name, held in self.held.items()}
        return made | {name: c for name, c in self.others.items() if name != "uncontrolled"}

    @cached_property
    def envelope(self) -> Envelope:
        """What each place may do on its own, around the plan with V2G."""
        return feeder_envelope.around(self.held["v2g"], self.wiring)


def summary(found: FeederFound) -> dict[str, Any]:
    """The headline of the feeder."""
    v2g, judge = found.held["v2g"], found.held["v2g"].checked.judge
    base_passes = judge.rest > judge.rows.limit
    return {
        "name": found.street.feeder.name,
        "lines": len(found.street.feeder.lines),
        "lines_unrated": int(np.isnan(found.street.feeder.lines.rating_a).sum()),
        **base_case.headline(found.street.feeder),
        "notes": list(found.street.feeder.notes),
        "holds": v2g.checked.holds,
        "holds_smart": found.held["smart"].checked.holds,
        "rounds": len(v2g.rounds) - 1,
        "flowgates": 0 if v2g.portfolio.flowgates is None else len(v2g.portfolio.flowgates),
        "cost_without_wires": v2g.first.costs.net,
        "cost_of_wires": v2g.plan.costs.net - v2g.first.costs.net,
        "steps_passed": {
            name: int(checked.passed.any(axis=1).sum()) for name, checked in found.checked.items()
        },
        "steps_passed_without_vehicles": int(base_passes.any(axis=1).sum()),
        "passed_first_by": _causes(v2g.first_checked),
        "lowest_pu": {name: _extreme(checked, LOW) for name, checked in found.checked.items()},
        "highest_line": _highest(found, "line"),
        "highest_transformer": _highest(found, "transformer"),
        "highest_transformer_phase": {
            name: highest(checked.transformers.phase) for name, checked in found.checked.items()
        },
        "highest_transformer_total": {
            name: highest(checked.transformers.total) for name, checked in found.checked.items()
        },
    }


def highest(loading: Float[Array, "step place"]) -> float | None:
    """Highest loading of all places and steps; None where nothing is loaded."""
    known = loading[np.isfinite(loading)]
    return float(known.max()) if known.size else None


def _highest(found: FeederFound, kind: str) -> dict[str, float | None]:
    """Highest loading of a kind under each strategy, over the rating."""
    row = KINDS.index(kind)
    return {name: _extreme(checked, row) for name, checked in found.checked.items()}


def _causes(checked: Checked) -> dict[str, int]:
    """Steps in which a plan passes limits of each kind."""
    kinds = {
        name: int(checked.passed[:, checked.rows.kind == kind].any(axis=1).sum())
        for kind, name in enumerate(KINDS)
    }
    return {name: steps for name, steps in kinds.items() if steps}


def _extreme(checked: Checked, kind: int) -> float | None:
    """The most extreme value of a kind of limit over all steps; None where nothing is judged."""
    value = checked.strain.value[:, checked.rows.kind == kind]
    value = value[np.isfinite(value)]
    if value.size == 0:
        return None
    return float(-value.max() if kind == LOW else value.max())


def results(found: FeederFound) -> dict[str, pl.DataFrame]:
    """The tables of the feeder by name."""
    portfolio = found.held["v2g"].portfolio
    return {
        "feeder_check": _check(portfolio, found.checked),
        "site_limits": site_limits(portfolio, found.wiring, found.envelope),
        "wires_prices": _prices(portfolio, found.held["v2g"].plan),
    }


def _check(portfolio: Portfolio, checked: Mapping[str, Checked]) -> pl.DataFrame:
    """The place of each kind that is nearest to its limit or furthest beyond, by step."""
    parts = []
    for strategy, seen in checked.items():
        base = seen.judge.rest
        for kind, name in enumerate(KINDS):
            (rows,) = np.nonzero(seen.rows.kind == kind)
            if len(rows) == 0:
                continue
            step = np.arange(portfolio.grid.steps)
            worst = rows[seen.excess[:, rows].argmax(axis=1)]
            sign = -1.0 if kind == LOW else 1.0
            value = seen.strain.value[step, worst]
            parts.append(
                pl.DataFrame(
                    {
                        "strategy": [strategy] * len(step),
                        "time_utc": _utc(portfolio.grid.times),
                        "kind": [name] * len(step),
                        "place": [str(place) for place in seen.rows.name[worst]],
                        "value": np.where(np.isfinite(value), sign * value, np.nan),
                        "limit": sign * seen.judge.bound[step, worst],
                        "without_vehicles": sign * base[step, worst],
                        "passed": seen.passed[step, worst],
                    }
                )
            )
    return pl.concat(parts).with_columns(pl.col("value").fill_nan(None))


def site_limits(portfolio: Portfolio, wiring: Wiring, envelope: Envelope) -> pl.DataFrame:
    """An envelope as limits of sites, with their load, in the form of the table of that name."""
    load = portfolio.sites.add_up(portfolio.must_take_load_kw)[wiring.site]
    drawn, fed = load + envelope.draw_kw.T, envelope.feed_kw.T - load
    return tables.site_limits_frame(
        portfolio.grid, portfolio.sites.site_id[wiring.site], drawn, fed
    )


def _prices(portfolio: Portfolio, made: Plan) -> pl.DataFrame:
    """What the wires add to the price of each site where they add anything."""
    site, step = np.nonzero(made.wires_price_per_mwh)
    return pl.DataFrame(
        {
            "site_id": pl.Series(portfolio.sites.site_id[site].tolist(), dtype=pl.String),
            "time_utc": _utc(portfolio.grid.times[step]),
            "wires_price_per_mwh": made.wires_price_per_mwh[site, step],
        }
    )


def map_text(found: FeederFound) -> str:
    """The feeder as GeoJSON, with the lowest voltages of buses that have loads."""
    feeder = found.street.feeder
    of_bus = {
        f"lowest_pu_{name.replace(' ', '_')}": lowest_pu(found, checked)
        for name, checked in found.checked.items()
    }
    return geojson.text(feeder, of_bus)


def lowest_pu(found: FeederFound, checked: Checked) -> Float[Array, " bus"]:
    """Lowest voltage of the loads at each bus; NaN where there is none."""
    lowest = np.full(len(found.street.feeder.buses.name), np.inf)
    rows = checked.rows.kind == LOW
    value = np.where(np.isfinite(checked.strain.value), checked.strain.value, -np.inf)
    np.minimum.at(lowest, checked.rows.bus[rows], -value[:, rows].max(axis=0))
    return np.where(np.isfinite(lowest), lowest, np.nan)


def _utc(times: Shaped[Array, " row"]) -> pl.Series:
    return pl.Series(times.astype("datetime64[us]")).dt.replace_time_zone("UTC")
