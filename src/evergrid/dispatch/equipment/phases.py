"""Currents of each phase at sites that limit them: as flowgates of a problem, and recomputed.

Load, generation and sessions with three phases are spread evenly. A session with one phase loads
that alone: with those of the same site and phase it is in a node of its own below the site, and
a site's phase carries a third of all the site's power and what these nodes have beyond that.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.flowgates import Flowgates
from evergrid.dispatch.accounts import net_load, site_power
from evergrid.model.charging.chargers import PHASES, USUAL_V
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule, slots

PAIRS = ((0, 1), (1, 2), (0, 2))  # of phases
ROUNDING_KW = 1e-9


@dataclass(frozen=True)
class PhaseNodes:
    """Nodes for the sessions with one phase, site by site and phase by phase.

    Attributes:
        site: Site above each.
        phase: Row of each one's phase in `PHASES`.
        of_session: Node of each session; -1 for one that stays at its site.
    """

    site: Int[Array, " node"]
    phase: Int[Array, " node"]
    of_session: Int[Array, " session"]


def limited(portfolio: Portfolio) -> Int[Array, " some"]:
    """Sites that limit the currents of their phases."""
    sites = portfolio.sites
    least = np.minimum(sites.phase_limit_a, sites.phase_unbalance_limit_a)
    return np.nonzero(np.isfinite(least))[0]


def nodes(portfolio: Portfolio) -> PhaseNodes | None:
    """The nodes that limits of phases need; None where there are no such limits."""
    if not len(limited(portfolio)):
        return None
    phase = phase_row(portfolio)
    pair = portfolio.site_row * len(PHASES) + phase
    one = np.nonzero(phase >= 0)[0]
    found, number = np.unique(pair[one], return_inverse=True)
    of_session = np.full(len(phase), -1)
    of_session[one] = number
    return PhaseNodes(found // len(PHASES), found % len(PHASES), of_session)


def phase_row(portfolio: Portfolio) -> Int[Array, " session"]:
    """Row in `PHASES` of each session with one phase; -1 for all others."""
    chargers = portfolio.chargers
    assert chargers is not None
    at = np.maximum(portfolio.charger_row, 0)
    row = np.array([PHASES.index(name) for name in chargers.phase[at].tolist()])
    one = (portfolio.charger_row >= 0) & (portfolio.sessions.phases == 1)
    return np.where(one, row, -1)


def flowgates(portfolio: Portfolio, of: PhaseNodes, first: int) -> Flowgates:
    """The limits of phases over the nodes of a problem, where they could bind at all.

    Args:
        portfolio: Sites with such limits.
        of: Nodes of sessions with one phase.
        first: How many nodes the problem has before them.

    Raises:
        InputError: A limit that load and generation alone exceed.
    """
    count, steps = first + len(of.site), portfolio.grid.steps
    load, reach = net_load(portfolio), _reach(portfolio)
    step, weight, limit = [], [], []
    for site in limited(portfolio):
        below = _below(portfolio, int(site))
        volt_kw = _voltage_v(portfolio, int(site)) / 1000
        each = np.zeros((len(PHASES), count))
        each[:, site] = 1 / 3
        own = below[of.site]
        each[of.phase[own], first + np.nonzero(own)[0]] += 1.0
        each[:, first:][:, own] -= 1 / 3
        base = load[site] / 3
        most = float(portfolio.sites.phase_limit_a[site]) * volt_kw
        _refuse_load(portfolio, int(site), base, most)
        rows = [(sign * row, most + sign * base) for row in each for sign in (1.0, -1.0)]
        apart = float(portfolio.sites.phase_unbalance_limit_a[site]) * volt_kw
        for a, b in PAIRS:
            difference = each[a] - each[b]
            rows += [(sign * difference, np.full(steps, apart)) for sign in (1.0, -1.0)]
        for row, level in rows:
            binds = np.nonzero(reach[:, below].sum(axis=1) > level + ROUNDING_KW)[0]
            step.append(binds)
            weight.append(np.broadcast_to(row, (len(binds), count)))
            limit.append(level[binds])
    return Flowgates(np.concatenate(step), np.concatenate(weight), np.concatenate(limit))


def _reach(portfolio: Portfolio) -> Float[Array, "step site"]:
    """Power that the sessions of each site and its curtailment could have at most, either way."""
    sessions, at = portfolio.sessions, slots(portfolio.sessions, portfolio.grid)
    most = np.maximum(sessions.max_charge_kw, sessions.max_discharge_kw)
    reach = portfolio.curtailable_kw.T.copy()
    np.add.at(reach, (at.step, portfolio.site_row[at.session]), at.share * most[at.session])
    return reach


def _below(portfolio: Portfolio, site: int) -> Array:
    """Whether each site is this one or lies below it."""
    here = np.zeros((len(portfolio.sites), 1), bool)
    here[site] = True
    return tree.add_down(here, portfolio.sites.parent)[:, 0]


def _voltage_v(portfolio: Portfolio, site: int) -> float:
    """Voltage from phase to neutral of the chargers at and below a site.

    Raises:
        InputError: They have several.
    """
    chargers = portfolio.chargers
    assert chargers is not None
    at = portfolio.sites.row(chargers.site_id)
    own = (at >= 0) & _below(portfolio, site)[at]
    found = np.unique(chargers.voltage_v[own])
    if len(found) > 1:
        name = str(portfolio.sites.site_id[site])
        rule = "be one for all chargers of a site that limits the currents of its phases"
        raise InputError("chargers", [Fault("voltage_v", rule, tuple(found), (name, name))])
    return float(found[0]) if len(found) else USUAL_V


def _refuse_load(
    portfolio: Portfolio, site: int, base_kw: Float[Array, " step"], most_kw: float
) -> None:
    over = np.abs(base_kw) > most_kw + ROUNDING_KW
    if not over.any():
        return
    worst = float(np.abs(base_kw).max()) / most_kw * float(portfolio.sites.phase_limit_a[site])
    rule = f"allow the site's load and generation alone, up to {worst:.3g} A of each phase"
    name, got = str(portfolio.sites.site_id[site]), float(portfolio.sites.phase_limit_a[site])
    fault = Fault("phase_limit_a", rule, (got,), (name,), fix="Raise the limit.")
    raise_if_any("sites", [fault])


def site_phase_a(portfolio: Portfolio, schedule: Schedule) -> Float[Array, "some phase step"]:
    """Current of each phase of the sites that limit them, above 0 when they feed.

    Recomputed from powers, with load and generation spread evenly.
    """
    total, phase = site_power(portfolio, schedule), phase_row(portfolio)
    made = np.zeros((len(limited(portfolio)), len(PHASES), portfolio.grid.steps))
    for i, site in enumerate(limited(portfolio)):
        own = _below(portfolio, int(site))[portfolio.site_row]
        of_phase = np.stack(
            [schedule.power_kw[own & (phase == k)].sum(axis=0) for k in range(len(PHASES))]
        )
        even = (total[site] - of_phase.sum(axis=0)) / 3
        made[i] = (even + of_phase) * 1000 / _voltage_v(portfolio, int(site))
    return made


def used_share(portfolio: Portfolio, current_a: Float[Array, "some phase step"]) -> float:
    """Largest share of a limit of phases, of currents or of their difference, that is used."""
    shares = [np.max(a / limit) for a, limit in _limited_a(portfolio, current_a)]
    return max(0.0, *map(float, shares))


def excess_a(portfolio: Portfolio, current_a: Float[Array, "some phase step"]) -> float:
    """By how much currents of phases pass a limit at most, at least 0."""
    over = [np.max(a - limit) for a, limit in _limited_a(portfolio, current_a)]
    return max(0.0, *map(float, over))


def _limited_a(
    portfolio: Portfolio, current_a: Float[Array, "some phase step"]
) -> list[tuple[Float[Array, "some step"], Float[Array, "some 1"]]]:
    """Largest current of a phase and largest difference of two, each with the limits of it."""
    sites, rows = portfolio.sites, limited(portfolio)
    if not len(rows):
        return []
    apart = np.stack([np.abs(current_a[:, a] - current_a[:, b]) for a, b in PAIRS]).max(axis=0)
    return [
        (np.abs(current_a).max(axis=1), sites.phase_limit_a[rows, None]),
        (apart, sites.phase_unbalance_limit_a[rows, None]),
    ]
