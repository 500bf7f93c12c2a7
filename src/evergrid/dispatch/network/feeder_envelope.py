"""What each site may do on its own so that a feeder holds, whatever the others do in turn."""

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.dispatch.network.feeder_check import CARE, Checked, Wiring, linear, reach
from evergrid.dispatch.network.feeder_plan import Held
from evergrid.grid.limits import operating_envelope
from evergrid.grid.limits.feeder_limits import StepJudge
from evergrid.grid.limits.operating_envelope import Envelope

CORNERS = 30  # of an envelope that are judged, beside those where all feed or all draw
CORNER_ROUNDS = 30  # in which corners that pass a limit are cut off


def around(held: Held, wiring: Wiring) -> Envelope:
    """What each place may draw and feed on its own, whatever the others do within theirs.

    It is cut around the plan as far as that fits: a plan may lean on places that do what they are
    told, which an envelope cannot. Lines that touch limits at the plan tell little of what is far
    from it, so corners of the envelope are judged by power flow and cut off until they hold.
    """
    portfolio, judge = held.portfolio, held.checked.judge
    wanted = wiring.of_schedule(portfolio, held.plan.schedule)
    rise, room = linear(wiring, held.checked, wanted)
    free = CARE * (judge.bound - judge.rest)
    room = room - free
    able, weight = reach(portfolio, wiring), np.ones(wanted.shape)
    made = Envelope(np.zeros(wanted.shape), np.zeros(wanted.shape))
    passed = np.ones(len(wanted), bool)
    for _ in range(CORNER_ROUNDS):
        part = Envelope(able.draw_kw[passed], able.feed_kw[passed])
        given = (rise[passed], room[passed], wanted[passed], part, weight[passed])
        fitted = operating_envelope.fit(*given)
        made.draw_kw[passed], made.feed_kw[passed] = fitted.draw_kw, fitted.feed_kw
        corner_kw = _worst_corner(wiring, judge, made, rise, room)
        seen = _seen(wiring, judge, corner_kw)
        passed = np.asarray(seen.passed.any(axis=1))
        if not passed.any():
            break
        slope, left = linear(wiring, seen, corner_kw)
        step, row = np.arange(len(corner_kw)), seen.share.argmax(axis=1)
        slope = np.where(passed[:, None], slope[step, row], 0.0)
        left = np.where(passed, (left - free)[step, row], 1.0)
        rise = np.concatenate([rise, slope[:, None]], axis=1)
        room = np.concatenate([room, left[:, None]], axis=1)
    return made


def _worst_corner(
    wiring: Wiring,
    judge: StepJudge,
    made: Envelope,
    rise: Float[Array, "step any place"],
    room: Float[Array, "step any"],
) -> Float[Array, "step place"]:
    """Of the corners where all feed, all draw, or do their worst for a row, the one passed most."""
    worst = np.einsum("trp,tp->tr", np.maximum(rise, 0.0), made.feed_kw)
    worst += np.einsum("trp,tp->tr", np.maximum(-rise, 0.0), made.draw_kw)
    step, fullest = np.arange(len(rise)), np.argsort(room - worst, axis=1)
    ways = [np.ones(made.feed_kw.shape), -np.ones(made.feed_kw.shape)]
    ways += [np.sign(rise[step, row]) for row in fullest.T[:CORNERS]]
    most, found = np.full(len(step), -np.inf), np.zeros(made.feed_kw.shape)
    for way in ways:
        corner_kw = np.maximum(way, 0.0) * made.feed_kw - np.maximum(-way, 0.0) * made.draw_kw
        share = _seen(wiring, judge, corner_kw).share.max(axis=1)
        found = np.where((share > most)[:, None], corner_kw, found)
        most = np.maximum(most, share)
    return found


def _seen(wiring: Wiring, judge: StepJudge, places_kw: Float[Array, "step place"]) -> Checked:
    """What powers of places do, as taps and banks stand."""
    power_kw = judge.case.base_kw.T + places_kw @ wiring.share
    return Checked(judge, power_kw, judge.strain(power_kw, judge.case.base_kvar.T))
