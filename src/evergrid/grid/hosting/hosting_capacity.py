"""Which random deployments of vehicles violate the limits of a feeder, by how much, and where?

Deployments are evaluated by full power flows against limits of voltage, of lines, of transformers
(at once, on average, and by the heat of their windings) and of unbalance. Taps and capacitor banks
follow what is there without vehicles; vehicles do not move them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.computing.all_cores import on_all_cores
from evergrid.grid.flow.monitored import MonitoredElements
from evergrid.grid.flow.power_flow import CAREFUL_ITERATIONS, ITERATIONS, network_arrays
from evergrid.grid.flow.power_flow_kernels import NetworkArrays, Search
from evergrid.grid.hosting import hosting_capacity_kernels as kernels
from evergrid.grid.hosting.deployment import Deployments, ParkingPlaces
from evergrid.grid.inverters import volt_var
from evergrid.grid.inverters.volt_var import Control
from evergrid.grid.inverters.volt_var_kernels import COLUMNS
from evergrid.grid.limits.case import FeederCase
from evergrid.grid.limits.day_limits import DayLimits
from evergrid.grid.limits.kinds import OF_DAY, Kind
from evergrid.grid.limits.places import transformer_of

TOGETHER = 256  # steps of draws that one thread works through together


@dataclass(frozen=True)
class DeploymentResults:
    """How far each deployment violates each kind of limit.

    Attributes:
        excess: Beyond the limit at the worst place and step, in the unit of the limit; negative
            where it is kept. As in `LimitResults`.
        where: `LimitRows.place` of the worst place.
        when: Its step.
        voltage_violations: Branches outside their voltage limits, summed over the steps.
        ageing: Hours of life that the most aged winding or transformer loses per hour.
        curtailed_kwh: Energy that inverters did not draw or feed because of their control.
    """

    excess: Float[Array, "count draw kind"]
    where: Int[Array, "count draw kind"]
    when: Int[Array, "count draw kind"]
    voltage_violations: Float[Array, "count draw"]
    ageing: Float[Array, "count draw"]
    curtailed_kwh: Float[Array, "count draw"]

    @property
    def violated(self) -> Bool[Array, "count draw"]:
        """Whether any limit is violated."""
        return np.asarray((self.excess > 0).any(axis=2))


def joined(parts: Sequence[DeploymentResults]) -> DeploymentResults:
    """Results of parts of the draws as one, in their order."""
    names = [field.name for field in fields(DeploymentResults)]
    columns = ([vars(part)[name] for part in parts] for name in names)
    return DeploymentResults(*(np.concatenate(column, axis=1) for column in columns))


@dataclass(frozen=True)
class DeploymentEvaluator:
    """Evaluates deployments: plain arrays, which any process may be given.

    Attributes:
        day: The feeder's day, its limits and how inverters behave.
        profiles_kw: Power of each vehicle-day.
        profiles_kva: Rating of its inverter.
    """

    day: kernels.Day
    profiles_kw: Float[Array, "profile step"]
    profiles_kva: Float[Array, " profile"]

    @property
    def together(self) -> int:
        """Draws that are worked through together; parts that begin at multiples change nothing."""
        return self.day.together

    def evaluate(self, deployments: Deployments) -> DeploymentResults:
        """Every deployment against the limits."""
        shape = (deployments.counts, deployments.draws)
        rows = shape[0] * shape[1]
        excess, where = np.full((rows, len(Kind)), -np.inf), np.full((rows, len(Kind)), -1)
        excess[:, Kind.NO_SOLUTION] = -1.0
        when, sums = np.zeros((rows, len(Kind)), dtype=np.int64), np.zeros((rows, kernels.SUMS))
        fleet = kernels.Fleet(
            deployments.parking.branch,
            deployments.vehicles,
            deployments.order,
            deployments.profile,
            self.profiles_kw,
            self.profiles_kva,
        )
        # Draws are evaluated some at a time, on all cores; each keeps only the worst of its day.
        work = partial(
            kernels.evaluate, self.day, fleet, kernels.Results(excess, where, when, sums)
        )
        on_all_cores(work, math.ceil(deployments.draws / self.together))
        violations, ageing, curtailed_kw = (column.reshape(shape) for column in sums.T)
        return DeploymentResults(
            excess.reshape(*shape, -1),
            where.reshape(*shape, -1),
            when.reshape(*shape, -1),
            violations,
            ageing,
            curtailed_kw * self.day.heat.step_h,
        )


def deployment_evaluator(
    limits: DayLimits,
    parking: ParkingPlaces,
    profiles_kw: Float[Array, "profile step"],
    *,
    control: Control | None = None,
    profiles_kva: Float[Array, " profile"] | None = None,
    tolerance_pu: float = 1e-6,
) -> DeploymentEvaluator:
    """What evaluates deployments of vehicles that behave alike.

    Args:
        limits: The feeder and its limits.
        parking: Places for vehicles.
        profiles_kw: Power of the vehicles, into the grid.
        control: What inverters do beside; by default they only deliver the power.
        profiles_kva: Rating of the inverter of each profile, which answers while its vehicle draws
            or feeds; by default its greatest power.
        tolerance_pu: Error that may be left in a voltage.
    """
    case = limits.case
    rating = np.abs(profiles_kw).max(axis=1) if profiles_kva is None else profiles_kva
    order = np.argsort(case.state, kind="stable")
    single, double = _networks(case)
    laws, damping = _inverters(case, control, parking, rating)
    iterations = ITERATIONS if control is None else CAREFUL_ITERATIONS
    day = kernels.Day(
        single=single,
        double=double,
        order=order,
        starts=np.searchsorted(case.state[order], np.arange(len(case.networks) + 1)),
        base_kw=case.base_kw,
        base_kvar=case.base_kvar,
        laws=laws,
        damping=damping,
        readings=_readings(limits.evaluator.limited, double.gain_re.shape[1]),
        bounds=_bounds(limits),
        heat=_heat(limits),
        search=Search(1.0, tolerance_pu, iterations),
        together=max(1, TOGETHER // len(case.state)),
    )
    return DeploymentEvaluator(day, np.ascontiguousarray(profiles_kw), rating)


def _networks(case: FeederCase) -> tuple[NetworkArrays, NetworkArrays]:
    """Networks of every state, stacked, in single and in double precision."""
    parts = [network_arrays(network) for network in case.networks]
    single, double = zip(*parts, strict=True)
    return _stacked(single), _stacked(double)


def _stacked(states: Sequence[NetworkArrays]) -> NetworkArrays:
    return NetworkArrays(*(np.stack(part) for part in zip(*states, strict=True)))


def _inverters(
    case: FeederCase,
    control: Control | None,
    parking: ParkingPlaces,
    rating: Float[Array, " profile"],
) -> tuple[Float[Array, "state control branch column"], float]:
    """Laws of the inverters in every state, and their damping with a vehicle everywhere."""
    networks = case.networks
    if control is None:
        return np.zeros((len(networks), 0, 0, COLUMNS)), 1.0
    most = np.zeros((1, len(case.branches)))
    for at in parking.branch.T:
        np.add.at(most[0], at[at >= 0], rating.max())
    inverters = volt_var.everywhere(most, control)
    gain = [volt_var.loop_gain(inverters, n.impedance, n.open_pu)[0] for n in networks]
    laws = np.stack([volt_var.laws((control,), n.impedance) for n in networks])
    return laws, float(volt_var.damping(np.array([max(gain)]))[0])


def _readings(states: Sequence[MonitoredElements], wide: int) -> kernels.ReadingArrays:
    """Maps of the readings of every state, stacked, in single precision, padded to be even."""
    first = states[0]
    maps = [_reading_map(state, wide) for state in states]
    gain, offset = (np.stack(part).astype(np.complex64) for part in zip(*maps, strict=True))
    return kernels.ReadingArrays(
        *(np.ascontiguousarray(part) for part in (gain.real, gain.imag, offset.real, offset.imag)),
        lines=len(first.loading),
        phases=len(first.phase),
        conductors=len(first.transformer),
        buses=len(first.bus),
        transformers=first.totals,
        transformer=first.transformer,
    )


def _reading_map(monitored: MonitoredElements, wide: int) -> tuple[Array, Array]:
    whole = (monitored.voltage, monitored.current)
    sequences = (monitored.positive, monitored.negative)
    parts = (monitored.loading, monitored.phase, *whole, *sequences)
    gain = np.concatenate([part.gain for part in parts])
    rows = len(gain) + len(gain) % 2
    padded, offset = np.zeros((rows, wide), np.complex128), np.zeros(rows, np.complex128)
    padded[: len(gain), : gain.shape[1]] = gain
    offset[: len(gain)] = np.concatenate([part.offset for part in parts])
    return padded, offset


def _bounds(limits: DayLimits) -> kernels.Bounds:
    of = {kind: np.ascontiguousarray(limits.bound[limits.rows.of(kind)]) for kind in OF_DAY}
    return kernels.Bounds(
        low_pu=-of[Kind.LOW_VOLTAGE],
        high_pu=of[Kind.HIGH_VOLTAGE],
        line=of[Kind.LINE],
        unbalance=of[Kind.UNBALANCE],
        transformer=of[Kind.TRANSFORMER],
        transformer_mean=of[Kind.TRANSFORMER_MEAN],
        hot_spot_c=of[Kind.HOT_SPOT],
    )


def _heat(limits: DayLimits) -> kernels.Heat:
    case = limits.case
    return kernels.Heat(
        owner=transformer_of(case.feeder, limits.evaluator.limited[0]),
        window=case.window,
        ambient_c=np.full(case.base_kw.shape[1], case.limits.ambient_c),
        step_h=float(case.step_h),
        thermal=case.limits.thermal.numbers(),
    )


def evaluate(
    limits: DayLimits,
    deployments: Deployments,
    profiles_kw: Float[Array, "profile step"],
    *,
    control: Control | None = None,
    profiles_kva: Float[Array, " profile"] | None = None,
    tolerance_pu: float = 1e-6,
) -> DeploymentResults:
    """Every deployment against the limits; the arguments are those of `deployment_evaluator`."""
    return deployment_evaluator(
        limits,
        deployments.parking,
        profiles_kw,
        control=control,
        profiles_kva=profiles_kva,
        tolerance_pu=tolerance_pu,
    ).evaluate(deployments)
