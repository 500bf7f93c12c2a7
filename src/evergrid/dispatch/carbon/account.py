"""What a schedule emitted, on each ledger, from its powers."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.units import KWH_PER_MWH
from evergrid.dispatch.accounts import beside_kw, billed_kwh, site_power, untaken_kw
from evergrid.impact.emissions import stored_carbon
from evergrid.impact.emissions.consequence import NO_LOSSES, GridLosses, caused_kg
from evergrid.impact.emissions.stored_carbon import Stays, StoredCarbon
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule


@dataclass(frozen=True)
class GridEnergy:
    """Energy that the meters of a portfolio exchange with the grid.

    Attributes:
        drawn_kwh: In each step, over all meters.
        fed_kwh: The same, of those that feed; without what nobody takes.
        untaken_kwh: What is fed beyond export limits, by net meters or by generation behind none:
            it displaces nothing.
    """

    drawn_kwh: Float[Array, " step"]
    fed_kwh: Float[Array, " step"]
    untaken_kwh: Float[Array, " step"]

    @property
    def net_kwh(self) -> Float[Array, " step"]:
        """Drawn less fed."""
        return self.drawn_kwh - self.fed_kwh

    def caused_kg(
        self, factor_kg_per_mwh: Float[Array, " step"], losses: GridLosses = NO_LOSSES
    ) -> Float[Array, " step"]:
        """What it causes by marginal factors, in each step.

        What nobody takes saves nothing, as it earns nothing; where feeding costs, at factors below
        0, it counts as it does at negative prices.
        """
        fed = self.fed_kwh + np.where(factor_kg_per_mwh < 0.0, self.untaken_kwh, 0.0)
        return caused_kg(self.drawn_kwh, fed, factor_kg_per_mwh, losses)


def grid_energy(portfolio: Portfolio, schedule: Schedule) -> GridEnergy:
    """What the whole portfolio exchanges with the grid: vehicles, load and generation alike.

    Energy is netted where it is billed, at net meters or at each plug, and not beyond: shares lost
    on the way to a meter and back are then those that a plan pays for. Load and generation behind
    no net meter are netted at their site.
    """
    power_kw, step_h = site_power(portfolio, schedule), portfolio.grid.step_h
    bought, sold = billed_kwh(portfolio, schedule, power_kw)
    meters = portfolio.sites.net_metering
    beside = beside_kw(portfolio, schedule.curtailed_kw)
    fed_kw = np.maximum(np.where(meters[:, None], power_kw, beside), 0.0)
    untaken = step_h * untaken_kw(portfolio, power_kw, fed_kw)
    return GridEnergy(
        drawn_kwh=bought + step_h * np.maximum(-beside, 0.0).sum(axis=0),
        fed_kwh=sold - untaken + step_h * np.maximum(beside, 0.0).sum(axis=0),
        untaken_kwh=untaken,
    )


@dataclass(frozen=True)
class ScheduleCarbon:
    """What a schedule did to carbon.

    Attributes:
        portfolio: Who is where.
        schedule: What they do.
    """

    portfolio: Portfolio
    schedule: Schedule

    @cached_property
    def energy(self) -> GridEnergy:
        """Energy exchanged with the grid."""
        return grid_energy(self.portfolio, self.schedule)

    @cached_property
    def drawn_kwh(self) -> Float[Array, "session step"]:
        """Energy that each session draws at its AC terminals."""
        return self.portfolio.grid.step_h * np.maximum(-self.schedule.power_kw, 0.0)

    @cached_property
    def fed_kwh(self) -> Float[Array, "session step"]:
        """Energy that each session feeds there."""
        return self.portfolio.grid.step_h * np.maximum(self.schedule.power_kw, 0.0)

    def charged_kg(self, factor_kg_per_mwh: Float[Array, " step"]) -> float:
        """What energy drawn by sessions carries, by average factors."""
        return float(self.drawn_kwh.sum(axis=0) @ factor_kg_per_mwh) / KWH_PER_MWH

    def stored(
        self, factor_kg_per_mwh: Float[Array, " step"], *, elsewhere_kg_per_mwh: float
    ) -> StoredCarbon:
        """The carbon inventory of what is in the batteries.

        Args:
            factor_kg_per_mwh: Average factors.
            elsewhere_kg_per_mwh: Of energy that was in a battery before, or charged elsewhere.
        """
        sessions, grid = self.portfolio.sessions, self.portfolio.grid
        first, stop = grid.window(sessions.arrival_utc, sessions.departure_utc)
        _, asset = np.unique(sessions.asset_id.astype(str), return_inverse=True)
        fed_cells = self.fed_kwh / sessions.efficiency_discharge[:, None]
        return stored_carbon.inventory(
            Stays(asset, first, stop, sessions.energy_arrival_kwh),
            self.drawn_kwh,
            fed_cells,
            np.zeros(fed_cells.shape),
            self.schedule.energy_kwh,
            factor_kg_per_mwh,
            elsewhere_kg_per_mwh=elsewhere_kg_per_mwh,
        )
