"""What each site may do on its own so that a feeder holds, whatever the others do in turn."""

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.dispatch.network.feeder_check import (
    MARGIN,
    FeederCheck,
    SiteConnections,
    linearised,
    reach,
)
from evergrid.dispatch.network.feeder_plan import FeederPlan
from evergrid.grid.limits import operating_envelope
from evergrid.grid.limits.operating_envelope import Envelope
from evergrid.grid.limits.step_limits import StepLimits

CORNERS = 30  # of an envelope that are evaluated, beside those where all feed or all draw
CORNER_ROUNDS = 30  # in which corners that violate a limit are cut off


def around(plan: FeederPlan, connections: SiteConnections) -> Envelope:
    """What each place may draw and feed on its own, whatever the others do within theirs.

    It contains the plan as far as that fits: a plan may rely on what other places do, which an
    envelope must not. Limits linearised at the plan tell little of what is far from it, so corners
    of the envelope are evaluated by power flow, and limits are linearised anew at those that
    violate one, until none does.
    """
    portfolio, limits = plan.portfolio, plan.check.limits
    wanted = connections.of_schedule(portfolio, plan.plan.schedule)
    sensitivity, headroom = linearised(connections, plan.check, wanted)
    margin = MARGIN * (limits.bound - limits.base)
    headroom = headroom - margin
    able, weight = reach(portfolio, connections), np.ones(wanted.shape)
    made = Envelope(np.zeros(wanted.shape), np.zeros(wanted.shape))
    violated = np.ones(len(wanted), bool)
    for _ in range(CORNER_ROUNDS):
        part = Envelope(able.draw_kw[violated], able.feed_kw[violated])
        given = (
            sensitivity[violated],
            headroom[violated],
            wanted[violated],
            part,
            weight[violated],
        )
        fitted = operating_envelope.fit(*given)
        made.draw_kw[violated], made.feed_kw[violated] = fitted.draw_kw, fitted.feed_kw
        corner_kw = _worst_corner(connections, limits, made, sensitivity, headroom)
        check = _check(connections, limits, corner_kw)
        violated = np.asarray(check.violated.any(axis=1))
        if not violated.any():
            break
        slope, left = linearised(connections, check, corner_kw)
        step, row = np.arange(len(corner_kw)), check.share.argmax(axis=1)
        slope = np.where(violated[:, None], slope[step, row], 0.0)
        left = np.where(violated, (left - margin)[step, row], 1.0)
        sensitivity = np.concatenate([sensitivity, slope[:, None]], axis=1)
        headroom = np.concatenate([headroom, left[:, None]], axis=1)
    return made


def _worst_corner(
    connections: SiteConnections,
    limits: StepLimits,
    made: Envelope,
    sensitivity: Float[Array, "step any place"],
    headroom: Float[Array, "step any"],
) -> Float[Array, "step place"]:
    """Of corners where all feed, all draw, or do their worst for a row, the most violating."""
    worst = np.einsum("trp,tp->tr", np.maximum(sensitivity, 0.0), made.feed_kw)
    worst += np.einsum("trp,tp->tr", np.maximum(-sensitivity, 0.0), made.draw_kw)
    step, fullest = np.arange(len(sensitivity)), np.argsort(headroom - worst, axis=1)
    ways = [np.ones(made.feed_kw.shape), -np.ones(made.feed_kw.shape)]
    ways += [np.sign(sensitivity[step, row]) for row in fullest.T[:CORNERS]]
    most, found = np.full(len(step), -np.inf), np.zeros(made.feed_kw.shape)
    for way in ways:
        corner_kw = np.maximum(way, 0.0) * made.feed_kw - np.maximum(-way, 0.0) * made.draw_kw
        share = _check(connections, limits, corner_kw).share.max(axis=1)
        found = np.where((share > most)[:, None], corner_kw, found)
        most = np.maximum(most, share)
    return found


def _check(
    connections: SiteConnections, limits: StepLimits, places_kw: Float[Array, "step place"]
) -> FeederCheck:
    """What powers of places do, as taps and banks stand."""
    power_kw = limits.case.base_kw.T + places_kw @ connections.share
    return FeederCheck(limits, power_kw, limits.values(power_kw, limits.case.base_kvar.T))
