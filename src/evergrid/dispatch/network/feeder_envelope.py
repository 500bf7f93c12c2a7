"""What each site may do on its own so that a feeder holds, whatever the others do in turn."""

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.dispatch.network.feeder_check import (
    MARGIN,
    FeederCheck,
    SiteConnections,
    linearised,
    linearised_rows,
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
        at = np.flatnonzero(violated)
        corner_kw = _worst_corner(connections, limits, made, sensitivity[at], headroom[at], at)
        check = _check(connections, limits, corner_kw)
        violated = np.asarray(check.violated.any(axis=1))
        if not violated.any():
            break
        # The limit that is violated most, linearised at that corner, is one more row of its step.
        step = np.flatnonzero(violated)
        row = check.share[step].argmax(axis=1)
        slope, left = np.zeros(wanted.shape), np.ones(len(wanted))
        slope[step], left[step] = linearised_rows(connections, check, corner_kw, step=step, row=row)
        left[step] -= margin[step, row]
        sensitivity = np.concatenate([sensitivity, slope[:, None]], axis=1)
        headroom = np.concatenate([headroom, left[:, None]], axis=1)
    return made


def _worst_corner(
    connections: SiteConnections,
    limits: StepLimits,
    made: Envelope,
    sensitivity: Float[Array, "some any place"],
    headroom: Float[Array, "some any"],
    at: Int[Array, " some"],
) -> Float[Array, "step place"]:
    """Of corners where all feed, all draw, or do their worst for a row, the most violating.

    Args:
        connections: How the sites connect to the feeder.
        limits: Its limits.
        made: The envelope.
        sensitivity: Of rows of limits in some steps.
        headroom: The same.
        at: These steps; no place does anything in the others.
    """
    feed_kw, draw_kw, case = made.feed_kw[at], made.draw_kw[at], limits.case
    base_kw, base_kvar, bound = case.base_kw.T[at], case.base_kvar.T[at], limits.bound[at]
    worst = np.maximum(sensitivity, 0.0) @ feed_kw[:, :, None]
    worst += np.maximum(-sensitivity, 0.0) @ draw_kw[:, :, None]
    fullest = np.argsort(headroom - worst[:, :, 0], axis=1)
    ways = [np.ones(feed_kw.shape), -np.ones(feed_kw.shape)]
    ways += [np.sign(sensitivity[np.arange(len(at)), row]) for row in fullest.T[:CORNERS]]
    most, found = np.full(len(at), -np.inf), np.zeros(made.feed_kw.shape)
    for way in ways:
        corner_kw = np.maximum(way, 0.0) * feed_kw - np.maximum(-way, 0.0) * draw_kw
        power_kw = base_kw + corner_kw @ connections.share
        values = limits.evaluator.values(case.state[at], power_kw, base_kvar)
        share = ((values.value - bound) / np.abs(bound)).max(axis=1)
        found[at] = np.where((share > most)[:, None], corner_kw, found[at])
        most = np.maximum(most, share)
    return found


def _check(
    connections: SiteConnections, limits: StepLimits, places_kw: Float[Array, "step place"]
) -> FeederCheck:
    """What powers of places do, as taps and banks stand."""
    power_kw = limits.case.base_kw.T + places_kw @ connections.share
    return FeederCheck(limits, power_kw, limits.values(power_kw, limits.case.base_kvar.T))
