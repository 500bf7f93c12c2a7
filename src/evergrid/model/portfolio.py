"""One book: every session and battery, the sites they share, and the prices, on one time grid."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault, known
from evergrid.core.timegrid import TimeGrid, datetime64
from evergrid.model.prices import Prices
from evergrid.model.session import Sessions
from evergrid.model.site import SiteLoad, Sites


@dataclass(frozen=True)
class Portfolio:
    """Records that belong together, checked against one another. Made by `assemble`.

    Attributes:
        grid: The steps that are planned.
        sessions: Sessions that touch the grid.
        sites: The tree the sessions hang on.
        load_kw: Load connected to each site itself beside the chargers, positive for consumption.
        prices: Prices of each step.
    """

    grid: TimeGrid
    sessions: Sessions
    sites: Sites
    load_kw: Float[Array, "site step"]
    prices: Prices

    @cached_property
    def site_row(self) -> Int[Array, " session"]:
        """Row of each session's site."""
        return self.sites.row(self.sessions.site_id)

    @cached_property
    def total_load_kw(self) -> Float[Array, "site step"]:
        """Load of each site and of all sites below it."""
        return self.sites.add_up(self.load_kw)

    @property
    def assets(self) -> int:
        """How many different vehicles and batteries there are."""
        return len(np.unique(self.sessions.asset_id.astype(str)))


def assemble(
    grid: TimeGrid, sessions: Sessions, sites: Sites, load: SiteLoad, prices: Prices
) -> Portfolio:
    """The book of these records on this grid.

    Sessions that do not touch the grid are left out. Prices and loads are averaged over the steps.

    Raises:
        InputError: An empty fleet, unknown sites, series that do not cover the grid.
    """
    if len(sessions) == 0:
        raise InputError("sessions", [Fault("sessions", "have at least one row")])
    inside = touching(sessions, grid)
    if not inside.any():
        first, last = sessions.arrival_utc.min(), sessions.departure_utc.max()
        rule = "touch the horizon"
        fix = "Choose a horizon in which vehicles are plugged in."
        got = (f"sessions from {first}Z to {last}Z",)
        raise InputError("sessions", [Fault("sessions", rule, got=got, fix=fix)])
    what = {"ids": sessions.session_id, "what": "sites"}
    raise_if_any("sessions", known("site_id", sessions.site_id, sites.site_id, **what))
    kept = sessions.select(inside)
    metered = sites.meter >= 0
    on_grid = prices.on(grid)
    if metered[sites.row(kept.site_id)].any():
        raise_if_any("prices", _meter_faults(on_grid))
    return Portfolio(grid, kept, sites, load.on(grid, sites), on_grid)


def touching(sessions: Sessions, grid: TimeGrid) -> Bool[Array, " session"]:
    """Whether each session is plugged in during the grid at all."""
    starts_before = sessions.arrival_utc < datetime64(grid.end_utc)
    return starts_before & (sessions.departure_utc > datetime64(grid.start_utc))


def _meter_faults(prices: Prices) -> list[Fault]:
    above = prices.export_price_per_mwh > prices.import_price_per_mwh
    if not above.any():
        return []
    first = int(np.argmax(above))
    return [
        Fault(
            "export_price_per_mwh",
            "not exceed import_price_per_mwh where a site is net-metered",
            got=(prices.export_price_per_mwh[first],),
            ids=(str(prices.time_utc[first]),),
            fix="A meter nets drawing and feeding, so it cannot earn from doing both at once.",
        )
    ]
