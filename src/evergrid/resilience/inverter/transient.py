"""How an inverter moves in time after its references change in steps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import SolveError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.resilience.inverter import modes
from evergrid.resilience.inverter.circuit import InfiniteBus
from evergrid.resilience.inverter.equilibrium import Equilibrium, jacobian, resting
from evergrid.resilience.inverter.model import AbstractInverter, References

RELATIVE = 1e-7  # error of a step, relative to a state
ABSOLUTE = 1e-2  # of that, the same for states near 0
MOST_EVALUATIONS = 200_000  # of the rates between two events; more is a stall
BEYOND = 1e3  # per unit or rad; no state of a working inverter is there


@dataclass(frozen=True)
class ReferenceStep:
    """References that hold from a moment on."""

    time_s: float
    references: References


@dataclass(frozen=True)
class Transient:
    """States in time.

    Attributes:
        time_s: Of the samples.
        state: At each.
        states: Names of the states.
    """

    time_s: Float[Array, " sample"]
    state: Float[Array, "state sample"]
    states: tuple[str, ...]

    def named(self, name: str) -> Float[Array, " sample"]:
        """One state by its name."""
        return self.state[self.states.index(name)]


def respond(
    inverter: AbstractInverter,
    bus: InfiniteBus,
    start: Equilibrium,
    steps: Sequence[ReferenceStep],
    time_s: Float[Array, " sample"],
    *,
    allow_unstable: bool = False,
    relative: float = RELATIVE,
) -> Transient:
    """Follow an inverter from an equilibrium through steps of its references.

    Args:
        inverter: That moves.
        bus: Into which it feeds.
        start: Where it rests at the first sample.
        steps: In ascending order, after the first sample; one at a sample acts after it.
        time_s: Samples, ascending.
        allow_unstable: Follow it even if an eigenvalue says that it grows.
        relative: Error that a step of the integration may make, relative to a state.

    Raises:
        InputError: Steps or samples out of order; an unstable eigenvalue, which is named, before
            anything is integrated.
        SolveError: No equilibrium for the references of a step, or the integration stalls or runs
            away; its time and state are named.
    """
    inverter.check_bus(bus)
    _check(steps, time_s)
    if not allow_unstable:
        _check_stable(inverter, bus, start, steps)
    state, now = start.state, float(time_s[0])
    pieces = [state[:, None]]
    edges = [*((step.time_s, step.references) for step in steps), (float(time_s[-1]), None)]
    references: References | None = start.references
    for until, following in edges:
        if references is not None and until > now:
            inside = time_s[(time_s > now) & (time_s <= until)]
            found = _integrate(inverter, bus, references, state, (now, until), inside, relative)
            pieces.append(found[:, : len(inside)])
            state, now = found[:, -1], until
        references = following
    return Transient(time_s, np.concatenate(pieces, axis=1), inverter.states)


def _check(steps: Sequence[ReferenceStep], time_s: Float[Array, " sample"]) -> None:
    faults = []
    times = np.array([step.time_s for step in steps])
    if len(time_s) < 2 or not (np.diff(time_s) > 0).all() or not np.isfinite(time_s).all():
        faults.append(Fault("time_s", "be two samples or more, finite and ascending"))
    elif len(times) and not (
        (np.diff(times) > 0).all() and times[0] >= time_s[0] and times[-1] < time_s[-1]
    ):
        faults.append(Fault("steps", "ascend within the samples", tuple(times)))
    raise_if_any("transient", faults)


def _check_stable(
    inverter: AbstractInverter,
    bus: InfiniteBus,
    start: Equilibrium,
    steps: Sequence[ReferenceStep],
) -> None:
    """Refuse unstable equilibria, of the start and of every step."""
    place = start
    modes.check_stable(modes.linearised(inverter, bus, place))
    for step in steps:
        place = resting(inverter, bus, step.references, place.state)
        modes.check_stable(modes.linearised(inverter, bus, place))


class _StallError(Exception):
    """Too many evaluations; carries where."""


def _integrate(
    inverter: AbstractInverter,
    bus: InfiniteBus,
    references: References,
    state: Float[Array, " state"],
    span_s: tuple[float, float],
    samples: Float[Array, " sample"],
    relative: float,
) -> Float[Array, "state column"]:
    """States at the samples and, last, at the end of the span; by Radau's method of order 5."""
    given, count, last = references.array(), 0, (span_s[0], state)

    # Resonances of the filter are far faster than the loops of power, so the method is implicit; a
    # count of evaluations ends what would go on in ever shorter steps.
    def rates(time_s: float, place: Array) -> Array:
        nonlocal count, last
        count, last = count + 1, (time_s, place)
        if count > MOST_EVALUATIONS:
            raise _StallError
        return inverter.rates_per_s(place, given, bus)

    def derivatives(time_s: float, place: Array) -> Array:
        def whole(columns: Array) -> Array:
            wide = np.broadcast_to(given[:, None], (3, columns.shape[1]))
            return inverter.rates_per_s(columns, wide, bus)

        return jacobian(whole, place)

    def away(time_s: float, place: Array) -> float:
        return BEYOND - float(np.abs(place).max())

    away.terminal = True  # pyright: ignore[reportFunctionMemberAccess]
    at = np.union1d(samples, span_s[1:])
    try:
        found = solve_ivp(
            rates,
            span_s,
            state,
            method="Radau",
            t_eval=at,
            events=away,
            jac=derivatives,
            rtol=relative,
            atol=relative * ABSOLUTE,
        )
    except _StallError:
        raise _stopped(inverter, *last, "stalls") from None
    if found.status == 1:
        raise _stopped(inverter, found.t_events[0][0], found.y_events[0][0], "runs away")
    if not found.success:
        raise _stopped(inverter, *last, "stalls")
    return found.y


def _stopped(
    inverter: AbstractInverter, time_s: float, state: Float[Array, " state"], how: str
) -> SolveError:
    """What ended an integration, with the time and the state that is farthest out."""
    worst = int(np.abs(state).argmax())
    detail = (
        f"The inverter {how} at {time_s:.6g} s, where {inverter.states[worst]} is "
        f"{state[worst]:.4g}: look at its eigenvalues."
    )
    return SolveError(Status.NUMERICAL, detail)
