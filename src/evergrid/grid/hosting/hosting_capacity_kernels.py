"""Every deployment of vehicles through every step, evaluated: compiled loops over power flows.

Lanes of a chunk are steps of one or several deployments that the feeder meets in the same state.
Only the worst of each kind of limit is kept, with where and when it was. What is evaluated is
defined by `evergrid.grid.limits.day_limits`.
"""

from typing import NamedTuple, no_type_check

import numpy as np

from evergrid.core.arrays import Array
from evergrid.core.computing.kernels import kernel
from evergrid.grid.devices.transformer_ageing import (
    highest_average,
    hottest,
    oil_rises,
    shared_heating,
)
from evergrid.grid.flow.power_flow_kernels import (
    INNER,
    LANES,
    OPTIONS,
    NetworkArrays,
    OwnLoads,
    Search,
    add_product,
    solve_chunk,
    spread,
)
from evergrid.grid.inverters.volt_var_kernels import idle_lanes
from evergrid.grid.limits.kinds import Kind

# Columns of results by kind, as whole numbers, which compiled code indexes by.
LOW, HIGH = int(Kind.LOW_VOLTAGE), int(Kind.HIGH_VOLTAGE)
LINE, UNBALANCE = int(Kind.LINE), int(Kind.UNBALANCE)
TRANSFORMER, TRANSFORMER_MEAN = int(Kind.TRANSFORMER), int(Kind.TRANSFORMER_MEAN)
HOT_SPOT, NO_SOLUTION = int(Kind.HOT_SPOT), int(Kind.NO_SOLUTION)
# Columns of `Results.sums` over a deployment's steps.
VOLTAGE_VIOLATIONS, AGEING, CURTAILED = range(3)
SUMS = 3

f4 = np.float32


class ReadingArrays(NamedTuple):
    """Maps from currents of branches to readings, by state, and how many readings there are.

    Attributes:
        gain_re: Reading per current, real parts.
        gain_im: Imaginary parts.
        offset_re: Readings without any current, real parts.
        offset_im: Imaginary parts.
        lines: Readings of conductors of lines, the first ones.
        phases: Readings of phases of transformers' windings, which follow.
        conductors: Voltages at conductors of transformers as a whole, then currents into them.
        buses: Positive sequences of buses, then negative ones.
        transformers: How many transformers are evaluated as a whole.
        transformer: Row of the transformer of each conductor.
    """

    gain_re: Array
    gain_im: Array
    offset_re: Array
    offset_im: Array
    lines: int
    phases: int
    conductors: int
    buses: int
    transformers: int
    transformer: Array


class Bounds(NamedTuple):
    """Highest values allowed at each place; of `low_pu`, the lowest."""

    low_pu: Array
    high_pu: Array
    line: Array
    unbalance: Array
    transformer: Array
    transformer_mean: Array
    hot_spot_c: Array


class Heat(NamedTuple):
    """What averages and temperatures of transformers follow from.

    Attributes:
        owner: Row of the transformer of each place at which one is evaluated.
        window: Steps that an average is taken over.
        ambient_c: Temperature of the air by step.
        step_h: Length of a step.
        thermal: `Thermal.numbers`.
    """

    owner: Array
    window: int
    ambient_c: Array
    step_h: float
    thermal: Array


class Day(NamedTuple):
    """A day of a feeder: all but the deployments.

    Attributes:
        single: `NetworkArrays` of each state, stacked, in single precision.
        double: The same arrays in double precision.
        order: Steps sorted by the state they are in.
        starts: Where each state begins among them.
        base_kw: Power without vehicles, by branch and step.
        base_kvar: Reactive power without vehicles.
        laws: Law of the inverters by state, control and branch, without rows where they only
            deliver power.
        damping: Share of the way that inverters go in an iteration.
        readings: `ReadingArrays`.
        bounds: `Bounds`.
        heat: `Heat`.
        search: `Search`.
        together: Draws that one thread works through together.
    """

    single: NetworkArrays
    double: NetworkArrays
    order: Array
    starts: Array
    base_kw: Array
    base_kvar: Array
    laws: Array
    damping: float
    readings: ReadingArrays
    bounds: Bounds
    heat: Heat
    search: Search
    together: int


class Fleet(NamedTuple):
    """Who has which vehicle.

    Attributes:
        branch: Branches of each parking place.
        vehicles: Numbers of vehicles, rising.
        order: Parking places of each draw in the order in which they get a vehicle.
        profile: Row of the profile that each parking place has in each draw.
        profiles_kw: Power of each profile by step.
        profiles_kva: Rating of the inverter of each profile.
    """

    branch: Array
    vehicles: Array
    order: Array
    profile: Array
    profiles_kw: Array
    profiles_kva: Array


class Results(NamedTuple):
    """Filled, by deployment: worst excess of each kind, its place and step, and sums."""

    excess: Array
    where: Array
    when: Array
    sums: Array


@kernel(**INNER)
@no_type_check
def note(worst, where, when, row, kind, excess, place, step):
    """Keep an excess if it is the worst of its kind.

    The arrays come one by one: taken from a record again and again, they would be counted as used
    each time, which costs more than the comparison.
    """
    if excess > worst[row, kind]:
        worst[row, kind] = excess
        where[row, kind] = place
        when[row, kind] = step


@kernel(**INNER)
@no_type_check
def add_vehicles(power, rating, fleet, newcomers, profile):
    """Add the power and rating of the vehicles that come now to those of their branches.

    An inverter answers only in steps in which its vehicle draws or feeds.
    """
    branches, profiles_kw, profiles_kva = fleet.branch, fleet.profiles_kw, fleet.profiles_kva
    for place in newcomers:
        phases = (branches[place] >= 0).sum()
        row = profile[place]
        for j in range(phases):
            branch = branches[place, j]
            for step in range(power.shape[1]):
                own = profiles_kw[row, step] / phases
                power[branch, step] += own
                if own != 0.0:
                    rating[branch, step] += profiles_kva[row] / phases


@kernel(**INNER)
@no_type_check
def fill(fixed, inverters, day, power, rating, lane_draw, lane_step):
    """Powers of a chunk's lanes: what is there anyway, and the vehicles, controlled or not."""
    base_kw, base_kvar = day.base_kw, day.base_kvar
    own_kva, wanted, driven = inverters.rating_kva, inverters.wanted_kw, inverters.power
    for k in range(len(base_kw)):
        for n in range(fixed.shape[2]):
            draw, step = lane_draw[n], lane_step[n]
            fixed[0, k, n] = base_kw[k, step]
            fixed[1, k, n] = base_kvar[k, step]
            if len(own_kva) > 0:
                own_kva[k, n] = rating[draw, k, step]
                wanted[k, n] = power[draw, k, step]
                driven[0, k, n] = power[draw, k, step]
            else:
                fixed[0, k, n] += power[draw, k, step]
    fixed[:, len(base_kw) :] = 0


@kernel(**INNER)
@no_type_check
def evaluate_voltages(u, bounds, lane, row, step, results):
    """The lowest and the highest voltage of a lane against the limits of their branches."""
    low, high = bounds.low_pu, bounds.high_pu
    worst, where, when = results.excess, results.where, results.when
    violations = 0
    for k in range(len(low)):
        size = np.sqrt(u[0, k, lane] ** 2 + u[1, k, lane] ** 2)
        violations += size < low[k] or size > high[k]
        note(worst, where, when, row, LOW, low[k] - size, k, step)
        note(worst, where, when, row, HIGH, size - high[k], k, step)
    results.sums[row, VOLTAGE_VIOLATIONS] += violations


@kernel(**INNER)
@no_type_check
def evaluate_readings(y, readings, bounds, lane, row, step, results, loading):
    """Lines and unbalance of a lane against limits; the loading of transformers is kept.

    Rows of ``loading`` are the phases of windings, then transformers as a whole.
    """
    worst, where, when = results.excess, results.where, results.when
    line_bound, unbalance_bound = bounds.line, bounds.unbalance
    for r in range(readings.lines):
        size = np.sqrt(y[0, r, lane] ** 2 + y[1, r, lane] ** 2)
        note(worst, where, when, row, LINE, size - line_bound[r], r, step)
    at, phases = readings.lines, readings.phases
    for p in range(phases):
        loading[p, step] = np.sqrt(y[0, at + p, lane] ** 2 + y[1, at + p, lane] ** 2)
    at += phases
    # Power into a transformer: voltage times conjugate current, summed over its conductors.
    conductors, transformer = readings.conductors, readings.transformer
    real, imaginary = np.zeros(readings.transformers), np.zeros(readings.transformers)
    for c in range(conductors):
        v_re, v_im = y[0, at + c, lane], y[1, at + c, lane]
        i_re, i_im = y[0, at + conductors + c, lane], y[1, at + conductors + c, lane]
        real[transformer[c]] += v_re * i_re + v_im * i_im
        imaginary[transformer[c]] += v_im * i_re - v_re * i_im
    for t in range(len(real)):
        loading[phases + t, step] = np.sqrt(real[t] ** 2 + imaginary[t] ** 2)
    at += 2 * conductors
    for b in range(readings.buses):
        positive = y[0, at + b, lane] ** 2 + y[1, at + b, lane] ** 2
        other = at + readings.buses + b
        negative = y[0, other, lane] ** 2 + y[1, other, lane] ** 2
        share = np.sqrt(negative / positive)
        note(worst, where, when, row, UNBALANCE, share - unbalance_bound[b], b, step)


@kernel(**INNER)
@no_type_check
def evaluate_transformers(loading, bounds, heat, row, results):
    """Loadings of transformers over a deployment's steps: at once, on average, and their heat."""
    worst, where, when = results.excess, results.where, results.when
    oil = oil_rises(shared_heating(loading, heat.owner), heat.step_h, heat.thermal, True)
    for t in range(len(loading)):
        step = np.argmax(loading[t])
        over = loading[t, step] - bounds.transformer[t]
        note(worst, where, when, row, TRANSFORMER, over, t, step)
        average, end = highest_average(loading[t], heat.window)
        over = average - bounds.transformer_mean[t]
        note(worst, where, when, row, TRANSFORMER_MEAN, over, t, end)
        own_oil = oil[heat.owner[t]]
        spot, warmest, ageing = hottest(loading[t], own_oil, heat.ambient_c, heat.thermal)
        over = spot - bounds.hot_spot_c[t]
        note(worst, where, when, row, HOT_SPOT, over, t, warmest)
        results.sums[row, AGEING] = max(results.sums[row, AGEING], ageing)


@kernel(**INNER)
@no_type_check
def at_state(arrays, state):
    """`NetworkArrays` of one state."""
    return NetworkArrays(
        arrays.gain_re[state], arrays.gain_im[state], arrays.open_re[state], arrays.open_im[state]
    )


@kernel(**INNER)
@no_type_check
def evaluate_chunk(
    day, state, single, double, power, rating, lane_draw, lane_step, first, results, loading
):
    """Solve the power flows of a chunk and evaluate what one step alone tells.

    Args:
        day: `Day`.
        state: State of the feeder in all lanes.
        single: `NetworkArrays` of that state, in single precision.
        double: The same arrays in double precision.
        power: Power of the vehicles by draw, branch and step.
        rating: Rating of their inverters.
        lane_draw: Draw of each lane.
        lane_step: Step of each lane.
        first: Row of the first draw among the results.
        results: `Results`.
        loading: Filled: loading of transformers by draw, place and step.
    """
    readings, laws = day.readings, day.laws[state]
    wide, lanes = double.gain_re.shape[0], len(lane_draw)
    fixed, u, i = np.empty((2, wide, lanes)), np.empty((2, wide, lanes)), np.empty((2, wide, lanes))
    own, left = OwnLoads(np.empty((2, wide, 0)), np.zeros((0, 10))), np.empty(lanes)
    inverters = idle_lanes(laws, wide if len(laws) > 0 else 0, lanes)
    inverters.damping[:] = day.damping
    fill(fixed, inverters, day, power, rating, lane_draw, lane_step)
    solve_chunk(single, double, fixed, own, inverters, day.search, u, i, left)
    # Readings are linear in the currents: one product for all lanes, in single precision.
    y, i4 = np.empty((2, readings.gain_re.shape[1], lanes), f4), i.astype(f4)
    spread(readings.offset_re[state], readings.offset_im[state], y[0], y[1])
    add_product(readings.gain_re[state], readings.gain_im[state], i4[0], i4[1], y[0], y[1])
    bounds, tolerance, sums = day.bounds, day.search.tolerance_pu, results.sums
    wanted, driven = inverters.wanted_kw, inverters.power
    for n in range(lanes):
        draw, step = lane_draw[n], lane_step[n]
        row = first + draw
        if not left[n] <= tolerance:
            note(results.excess, results.where, results.when, row, NO_SOLUTION, 1.0, 0, step)
            continue
        evaluate_voltages(u, bounds, n, row, step, results)
        for k in range(len(wanted)):
            sums[row, CURTAILED] += abs(wanted[k, n] - driven[0, k, n])
        evaluate_readings(y, readings, bounds, n, row, step, results, loading[draw])


@kernel(nogil=True, **OPTIONS)
@no_type_check
def evaluate(day, fleet, results, first, stop):
    """Evaluate deployments: draws side by side, adding vehicles from number to number.

    Args:
        day: `Day`.
        fleet: `Fleet`.
        results: `Results`.
        first: First group of draws that are worked through together.
        stop: Group to stop at.
    """
    (branches, steps), all_draws = day.base_kw.shape, len(fleet.order)
    places = len(day.heat.owner)
    for group in range(first, stop):
        begin = group * day.together
        draws = min(all_draws, begin + day.together) - begin
        # Kept from number to number: the vehicles that are there already.
        power, rating = np.zeros((draws, branches, steps)), np.zeros((draws, branches, steps))
        for count in range(len(fleet.vehicles)):
            before = fleet.vehicles[count - 1] if count > 0 else 0
            for d in range(draws):
                newcomers = fleet.order[begin + d, before : fleet.vehicles[count]]
                add_vehicles(power[d], rating[d], fleet, newcomers, fleet.profile[begin + d])
            row = count * all_draws + begin
            loading = np.zeros((draws, places, steps))
            for state in range(len(day.starts) - 1):
                mine = day.order[day.starts[state] : day.starts[state + 1]]
                single, double = at_state(day.single, state), at_state(day.double, state)
                for at in range(0, draws * len(mine), LANES):
                    lane = at + np.arange(min(LANES, draws * len(mine) - at))
                    lane_draw, lane_step = lane // len(mine), mine[lane % len(mine)]
                    evaluate_chunk(
                        day, state, single, double, power, rating, lane_draw, lane_step, row,
                        results, loading,
                    )  # fmt: skip
            for d in range(draws):
                evaluate_transformers(loading[d], day.bounds, day.heat, row + d, results)
