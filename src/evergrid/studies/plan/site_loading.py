"""How loaded each site is under a plan, and which limits cost most."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.dispatch.equipment import phases
from evergrid.dispatch.plan import Plan
from evergrid.model.portfolio import Portfolio
from evergrid.report import figures as draw
from evergrid.report.page import Table

MOST_ROWS = 20  # of the table of congested sites
NOTHING = "no site limit binds"


@dataclass(frozen=True)
class SiteLoading:
    """The sites of a portfolio under a plan.

    Attributes:
        portfolio: Who is where.
        plan: What they do.
    """

    portfolio: Portfolio
    plan: Plan

    @cached_property
    def power_kw(self) -> Float[Array, "site step"]:
        """Power of each site with its load and all sites below it, positive into the grid."""
        return self.plan.assessment.site_kw

    @cached_property
    def loading(self) -> Float[Array, "site step"]:
        """Power of each site over the limit of its direction; NaN where there is no limit."""
        power = self.power_kw
        limit = np.where(power < 0, self.portfolio.import_limit_kw, self.portfolio.export_limit_kw)
        usable = np.isfinite(limit) & (limit > 0)
        return np.where(usable, power / np.where(usable, limit, 1.0), np.nan)

    @cached_property
    def binding(self) -> Bool[Array, "site step"]:
        """Whether a limit of each site costs anything."""
        return self.plan.shadow_price_per_mwh > 0

    @cached_property
    def worth_per_kw(self) -> Float[Array, " site"]:
        """What one more kW of room under each site's limits would save over the horizon."""
        return self.plan.shadow_price_per_mwh.sum(axis=1) * self.portfolio.grid.step_h / 1000

    @property
    def most_congested(self) -> int:
        """The site whose limits cost most; the most loaded one when none binds."""
        if self.worth_per_kw.max() > 0:
            return int(np.argmax(self.worth_per_kw))
        return int(np.argmax(np.abs(np.nan_to_num(self.loading)).max(axis=1)))

    def run(self, site: int) -> draw.SiteRun:
        """One site over time."""
        sites = self.portfolio.sites
        return draw.SiteRun(
            site_id=str(sites.site_id[site]),
            power_kw=self.power_kw[site],
            import_limit_kw=self.portfolio.import_limit_kw[site],
            export_limit_kw=self.portfolio.export_limit_kw[site],
            shadow_price_per_mwh=self.plan.shadow_price_per_mwh[site],
        )

    def line(self) -> str:
        """Which limits bind, in one line."""
        if not self.binding.any():
            of_phases = len(phases.limited(self.portfolio)) > 0
            return "no limit of power binds; for phases see chargers" if of_phases else NOTHING
        site = self.most_congested
        steps = int(self.binding[site].sum())
        price = self.plan.shadow_price_per_mwh[site].max()
        name = self.portfolio.sites.site_id[site]
        bound = int(self.binding.any(axis=1).sum())
        binds = "site binds" if bound == 1 else "sites bind"
        return f"{bound:,} {binds}; {name} in {steps} steps, at up to {price:,.1f} per MWh"

    def by_level(self) -> str:
        """How many sites bind at each level of the tree, as a sentence."""
        depth, bound = self.portfolio.sites.depth, self.binding.any(axis=1)
        counts = zip(np.bincount(depth, bound), np.bincount(depth), strict=True)
        parts = [
            f"{int(binds):,} of {sites:,} at level {level}"
            for level, (binds, sites) in enumerate(counts, 1)
        ]
        return f"Sites whose limits bind: {', '.join(parts)}."

    def congested_sites(self) -> Table:
        """The sites whose limits cost most, most expensive first."""
        currency = self.portfolio.prices.currency
        columns = ("site", "import limit, kW", "export limit, kW", "steps that bind")
        columns += (f"highest shadow price, {currency}/MWh", f"worth of one more kW, {currency}")
        order = np.argsort(-self.worth_per_kw, kind="stable")[:MOST_ROWS].tolist()
        return Table(columns, [self._row(site) for site in order if self.worth_per_kw[site] > 0])

    def _row(self, site: int) -> tuple[str, ...]:
        return (
            str(self.portfolio.sites.site_id[site]),
            _limit(self.portfolio.import_limit_kw[site]),
            _limit(self.portfolio.export_limit_kw[site]),
            f"{int(self.binding[site].sum()):,}",
            f"{self.plan.shadow_price_per_mwh[site].max():,.1f}",
            f"{self.worth_per_kw[site]:,.3f}",
        )


def _limit(limit_kw: Float[Array, " step"]) -> str:
    """A site's limit, or the range it moves in."""
    low, high = (
        f"{kw:,.0f}" if np.isfinite(kw) else "none" for kw in (limit_kw.min(), limit_kw.max())
    )
    return low if low == high else f"{low} to {high}"
