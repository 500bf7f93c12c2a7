"""Limits that a utility sends, as the tracker and the planner keep them."""

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.dispatch.track.site_limits import Bounds
from evergrid.live.signals.utility import UtilityLimits
from evergrid.model.site import SiteLimits, Sites

SECOND_US = 1_000_000


def bounds_now(sites: Sites, utility: UtilityLimits | None) -> Bounds:
    """What each site may draw and feed at this moment, by its lasting limits and the utility's."""
    least, most = -sites.import_limit_kw, sites.export_limit_kw.copy()
    if utility is None:
        return Bounds(least, most)
    for row, site in enumerate(sites.site_id.tolist()):
        if site in utility.known.defaults:
            limit = utility.limit(site)
            least[row] = max(least[row], -limit.import_limit_kw)
            most[row] = min(most[row], limit.export_limit_kw)
    return Bounds(least, most)


def limits_of_plan(
    utility: UtilityLimits, begin_s: float, step_s: float, steps: int
) -> SiteLimits | None:
    """The strictest limits within each step of a plan; None where no site has any."""
    names = sorted(utility.known.defaults)
    if not names:
        return None
    found = [utility.strictest_on(site, begin_s, step_s, steps) for site in names]
    begins = begin_s + step_s * np.arange(steps)
    return SiteLimits(
        np.array(names, dtype=object),
        np.round(begins * SECOND_US).astype(np.int64).astype("datetime64[us]"),
        np.array([drawn for drawn, _ in found]),
        np.array([fed for _, fed in found]),
    )


def beside(
    sites: Sites,
    planned_kw: Float[Array, "site step"],
    sent: SiteLimits | None,
    begin_s: float,
    step_s: float,
) -> SiteLimits:
    """What limits leave to a plan beside the power that others are planned to have.

    A limit that others alone use up leaves nothing; it is not owed.

    Args:
        sites: With their lasting limits.
        planned_kw: Of others, into the grid, at each site itself.
        sent: Limits that a utility sent, on the same steps.
        begin_s: Of the first step, UTC seconds since 1970.
        step_s: Length of a step.
    """
    steps = planned_kw.shape[1]
    drawn = np.repeat(sites.import_limit_kw[:, None], steps, axis=1)
    fed = np.repeat(sites.export_limit_kw[:, None], steps, axis=1)
    if sent is not None:
        at = sites.row(sent.site_id)
        drawn[at] = np.minimum(drawn[at], sent.import_limit_kw)
        fed[at] = np.minimum(fed[at], sent.export_limit_kw)
    others = sites.add_up(planned_kw)
    begins = begin_s + step_s * np.arange(steps)
    return SiteLimits(
        sites.site_id,
        np.round(begins * SECOND_US).astype(np.int64).astype("datetime64[us]"),
        np.maximum(drawn + others, 0.0),
        np.maximum(fed - others, 0.0),
    )
