"""How little generation must be curtailed for sites to keep their export limits."""

from collections.abc import Iterator

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Float, Int
from evergrid.model.portfolio import Portfolio


def least(
    portfolio: Portfolio,
    power_kw: Float[Array, "session step"],
    already_kw: Float[Array, "site step"] | None = None,
    most_kw: Float[Array, "site step"] | None = None,
) -> Float[Array, "site step"]:
    """What each site's own generation must be curtailed by, given what its sessions do.

    Site by site, from the leaves up, what exceeds an export limit is taken from the generation at
    and below the site, in proportion to what is still produced there. As the sites form a tree, no
    other choice curtails less in all. What remains above a limit cannot be curtailed.

    Args:
        portfolio: Sites, their limits, load and generation.
        power_kw: Of each session, positive into the grid.
        already_kw: Curtailed for another reason; part of what is returned.
        most_kw: What each site may be curtailed by; all that can be by default.
    """
    sites = portfolio.sites
    curtailed = np.zeros(portfolio.load_kw.shape) if already_kw is None else already_kw.copy()
    most = portfolio.curtailable_kw if most_kw is None else most_kw
    left = np.maximum(most - curtailed, 0.0)
    if not left.any():
        return curtailed
    own = portfolio.generation_kw - portfolio.load_kw - curtailed
    net = sites.add_up(own + portfolio.by_site(power_kw))
    for site, below in _with_generation_below(portfolio):
        over = np.maximum(net[site] - portfolio.export_limit_kw[site], 0.0)
        if not over.any():
            continue
        there = left[below]
        total = there.sum(axis=0)
        share = np.minimum(over, total) / np.where(total > 0, total, 1.0)
        taken = share * there
        curtailed[below] += taken
        left[below] -= taken
        for place, amount in zip(below, taken, strict=True):
            for above in tree.path(int(place), sites.parent):
                net[above] -= amount
    return curtailed


def _with_generation_below(portfolio: Portfolio) -> Iterator[tuple[int, Int[Array, " some"]]]:
    """Sites with an export limit, leaves first, each with the sites below that may curtail."""
    sites = portfolio.sites
    below: dict[int, list[int]] = {}
    for site in np.nonzero(portfolio.curtailable_kw.any(axis=1))[0]:
        for above in tree.path(int(site), sites.parent):
            below.setdefault(above, []).append(int(site))
    limited = np.asarray(np.isfinite(portfolio.export_limit_kw).any(axis=1))
    for site in sorted(below, key=lambda row: -int(sites.depth[row])):
        if limited[site]:
            yield site, np.array(below[site])
