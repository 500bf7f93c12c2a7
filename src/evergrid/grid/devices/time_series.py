"""A feeder through a day, step by step: voltages, and what its taps and banks do meanwhile.

Quasi-static: every step is a power flow, and what remembers are the controls of regulators and
capacitor banks, and the inverters' slow parts. At steps longer than an inverter's response its
answer is the equilibrium with the wires; at shorter ones it answers to the voltage it has come to
see, which follows the true one with its response time.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numba
import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.grid.devices import capacitor_control, tap_control
from evergrid.grid.devices import time_series_kernels as kernels
from evergrid.grid.devices.switching import Switching
from evergrid.grid.feeder.feeder import Feeder, State
from evergrid.grid.flow.power_flow import own_loads
from evergrid.grid.inverters import volt_var
from evergrid.grid.inverters.volt_var import Inverters

SHORTEST_S, LONGEST_S = 1.0, 3600.0  # step
TAPS_MOVE_WIRES = 1.25  # how far other taps raise the impedance and with it the loop gain, at most
ANSWER = np.log(10.0)  # time constants until 90 % of an answer


@dataclass(frozen=True)
class Day:
    """What happens on a feeder, by scenario and step; every step holds over its length.

    Attributes:
        step_s: Length of a step.
        power_kw: Power into the grid asked of the inverters; without an inverter it is delivered
            as it is.
        inverters: What delivers it.
        load_share: Share of each of the feeder's own loads that is on; one row for all scenarios
            or branches where they are alike.
    """

    step_s: float
    power_kw: Float[Array, "scenario branch step"]
    inverters: Inverters
    load_share: Float[Array, "#scenario #branch step"]

    def __post_init__(self) -> None:
        faults = []
        if not SHORTEST_S <= self.step_s <= LONGEST_S:
            rule = f"lie in [{SHORTEST_S:g}, {LONGEST_S:g}] s"
            faults.append(Fault("step_s", rule, (self.step_s,)))
        for name in ("power_kw", "load_share"):
            if not np.isfinite(getattr(self, name).sum()):
                faults.append(Fault(name, "be finite in every step"))
        raise_if_any("day", faults)


@dataclass(frozen=True)
class Series:
    """What the feeder did.

    Attributes:
        tap: Tap of each regulator at the end of each step, the nearest whole one.
        ratio: Ratio of turns of each regulator then.
        connected: Whether each bank is connected then.
        start: Where everything stood before the first step.
        tap_operations: Taps that each regulator moved by.
        low_pu: Lowest voltage of any branch.
        high_pu: Highest.
        loss_kw: Lost between the source and the branches; NaN where the source is not known.
        source_kw: Power out of the source into the feeder.
        inverter_kvar: Reactive power of all inverters together.
        curtailed_kw: Power asked of the inverters that volt-watt or their ratings held back.
        settled: Whether the voltages of the step were found; where not, the controls stood still.
        lowest_pu: Lowest voltage of each branch in all steps.
        highest_pu: Highest.
    """

    tap: Int[Array, "scenario regulator step"]
    ratio: Float[Array, "scenario regulator step"]
    connected: Bool[Array, "scenario bank step"]
    start: State
    tap_operations: Int[Array, "scenario regulator"]
    low_pu: Float[Array, "scenario step"]
    high_pu: Float[Array, "scenario step"]
    loss_kw: Float[Array, "scenario step"]
    source_kw: Float[Array, "scenario step"]
    inverter_kvar: Float[Array, "scenario step"]
    curtailed_kw: Float[Array, "scenario step"]
    settled: Bool[Array, "scenario step"]
    lowest_pu: Float[Array, "scenario branch"]
    highest_pu: Float[Array, "scenario branch"]

    @property
    def bank_operations(self) -> Int[Array, "scenario bank"]:
        """Times that each bank was switched."""
        start = np.array(self.start.connected, dtype=bool)[None, :, None]
        first = np.broadcast_to(start, (*self.connected.shape[:2], 1))
        path = np.concatenate([first, self.connected], axis=2)
        return (path[:, :, 1:] != path[:, :, :-1]).sum(axis=2)


def simulate(
    reduced: Switching,
    day: Day,
    *,
    start: State | None = None,
    leftovers: bool = False,
    tolerance_pu: float = 1e-6,
) -> Series:
    """A feeder through a day, in many scenarios at once.

    Args:
        reduced: The feeder, reduced.
        day: What happens.
        start: Where taps and banks stand before the first step; as in the feeder by default.
        leftovers: Whether moves of a tap that are under way outlive the return of its voltage, as
            they do in OpenDSS; see `tap_control`.
        tolerance_pu: Error that may be left in a voltage.

    Raises:
        InputError: A control does what is not modelled, or has more moves under way than are kept,
            so that its operations cannot be counted.
    """
    scenarios, branches, steps = day.power_kw.shape
    feeder = reduced.feeder
    raise_if_any("feeder", _not_modelled(feeder))
    start = feeder.state if start is None else start
    ratio = np.zeros((scenarios, len(feeder.regulators), steps))
    connected = np.zeros((scenarios, len(feeder.capacitors), steps), np.bool_)
    moves = np.zeros((scenarios, len(feeder.regulators)), np.int64)
    told = np.zeros((scenarios, kernels.TOLD, steps))
    spans = np.empty((scenarios, 2, branches))
    spans[:, 0], spans[:, 1] = np.inf, -np.inf
    given = _given(reduced, day)
    how = (float(day.step_s), tolerance_pu, float(leftovers))
    wires = (
        _maps(reduced),
        np.ascontiguousarray(reduced.between),
        _devices(reduced),
        _tap_controls(reduced),
        _bank_controls(reduced),
        reduced.readings.source,
        _position(feeder, start),
    )

    def run(row: int) -> None:
        out = (ratio[row], connected[row], moves[row], told[row], spans[row])
        kernels.run(*wires, given(row), how, out)

    # Taps and banks remember, so the steps of a scenario follow one another; scenarios share
    # nothing but the feeder, and the loops run outside Python's lock.
    with ThreadPoolExecutor(numba.get_num_threads()) as threads:
        list(threads.map(run, range(scenarios)))
    raise_if_any("feeder", _uncounted(feeder, told[:, [kernels.LOST, kernels.UNDECIDED]]))
    return Series(
        tap=_taps(feeder, ratio),
        ratio=ratio,
        connected=connected,
        start=start,
        tap_operations=moves,
        low_pu=told[:, kernels.LOW],
        high_pu=told[:, kernels.HIGH],
        loss_kw=told[:, kernels.LOSS],
        source_kw=told[:, kernels.HEAD],
        inverter_kvar=told[:, kernels.KVAR],
        curtailed_kw=told[:, kernels.CUT],
        settled=told[:, kernels.UNSETTLED] == 0,
        lowest_pu=spans[:, 0],
        highest_pu=spans[:, 1],
    )


def _not_modelled(feeder: Feeder) -> list[Fault]:
    """The fault of controls that do what is not modelled."""
    if not feeder.not_modelled:
        return []
    names, whats = zip(*feeder.not_modelled, strict=True)
    fix = "Disable them, or set these properties to their defaults, in feeder.commands."
    return [Fault("control", "be one whose operations can be counted", whats, names, fix=fix)]


def _uncounted(feeder: Feeder, marked: Float[Array, "scenario 2 step"]) -> list[Fault]:
    """The faults of controls whose operations would be other than those of OpenDSS."""
    names = np.array([control.name for _, control in tap_control.pairs(feeder)], dtype=object)
    lost, undecided = (
        tuple(names[np.unique(marks[marks > 0]).astype(np.int64) - 1])
        for marks in (marked[:, 0], marked[:, 1])
    )
    faults = []
    if lost:
        rule = f"have at most {tap_control.FURTHER} moves of a tap under way at once"
        fix = "Give its tapdelay less than the time between excursions of the voltage."
        faults.append(Fault("regcontrol", rule, lost, fix=fix))
    if undecided:
        rule = "know which way power flows in every step, and in some none does"
        fix = "Set its revthreshold above 0."
        faults.append(Fault("regcontrol", rule, undecided, fix=fix))
    return faults


def _taps(
    feeder: Feeder, ratio: Float[Array, "scenario regulator step"]
) -> Int[Array, "scenario regulator step"]:
    """Taps at ratios of turns, the nearest whole ones."""
    step = np.array([regulator.step for regulator in feeder.regulators])
    return np.round((ratio - 1.0) / step[:, None]).astype(np.int16)


def _given(reduced: Switching, day: Day) -> Callable[[int], tuple[Array | float, ...]]:
    """What the kernels are given of each scenario."""
    inverters = day.inverters
    gain = TAPS_MOVE_WIRES * volt_var.loop_gain(inverters, reduced.impedance, reduced.open_pu)
    damping = volt_var.damping(gain)
    laws = volt_var.laws(inverters.controls, reduced.impedance)
    loads = own_loads(reduced.branches, True)
    power_kw, share = np.ascontiguousarray(day.power_kw), np.ascontiguousarray(day.load_share)
    rating_kva = np.ascontiguousarray(inverters.rating_kva)

    def of(row: int) -> tuple[Array | float, ...]:
        way = int(inverters.control[row])
        control = inverters.controls[way]
        lag = _share(day.step_s, control.response_s / ANSWER, control.response_s)
        adjusting = _share(day.step_s, control.reference_s or np.inf, np.inf)
        own = (share[min(row, len(share) - 1)], *loads)
        inverter = (laws[way], rating_kva[row], float(damping[row]))
        return (power_kw[row], *own, *inverter, lag, adjusting, control.reference_pu)

    return of


def _share(step_s: float, constant_s: float, at_once_s: float) -> float:
    """Share of the way that a low-pass goes in a step; all of it in a step beyond a length."""
    return 1.0 if step_s >= at_once_s else float(-np.expm1(-step_s / constant_s))


def _maps(reduced: Switching) -> tuple[Array, ...]:
    """Linear maps as the kernels want them: real and imaginary part apart."""
    readings = reduced.readings
    maps = (
        reduced.open_pu,
        reduced.impedance,
        reduced.port_open_pu,
        reduced.to_port,
        reduced.from_port,
        reduced.between,
        readings.offset,
        readings.by_branch,
        readings.by_port,
    )
    return tuple(np.stack([np.real(part), np.imag(part)]) for part in maps)


def _devices(reduced: Switching) -> tuple[tuple[Array, ...], ...]:
    """Regulators, banks, and where everything stands."""
    taps, banks = reduced.regulators, reduced.banks
    return (
        (taps.port, taps.admittance, taps.tapped),
        (banks.port, banks.admittance),
        _position(reduced.feeder, reduced.feeder.state),
    )


def _tap_controls(reduced: Switching) -> tuple[Array | tuple[Array, ...], ...]:
    """Settings of the regulators' controls, where they measure, and their readings."""
    feeder = reduced.feeder
    pairs = tap_control.pairs(feeder)
    conductors = reduced.regulators.port.shape[1]
    phases = max((len(control.sensed) for _, control in pairs), default=0)
    winding = np.zeros((len(pairs), conductors), np.bool_)
    sensed, returning = np.full((2, len(pairs), phases), -1)
    base_v = np.zeros(len(pairs))
    for c, (regulator, control) in enumerate(pairs):
        winding[c, : len(control.winding)] = control.winding
        sensed[c, : len(control.sensed)] = control.sensed
        returning[c, : len(control.returning)] = control.returning
        base_v[c] = feeder.base_v[regulator.nodes[control.sensed[0]]]
    places = (tap_control.regulators(feeder), winding, sensed, returning, base_v)
    return tap_control.settings(feeder), places, reduced.readings.remote


def _bank_controls(reduced: Switching) -> tuple[Array, ...]:
    """Settings of the banks' controls, the bank of each, and its readings."""
    feeder = reduced.feeder
    settings, banks = capacitor_control.settings(feeder), capacitor_control.banks(feeder)
    return settings, banks, reduced.readings.of_bank


def _position(feeder: Feeder, state: State) -> tuple[Array, Array]:
    """Ratios of turns and banks that are connected, as numbers."""
    pairs = zip(feeder.regulators, state.tap, strict=True)
    ratio = [regulator.ratio(tap) for regulator, tap in pairs]
    return np.array(ratio, float), np.array(state.connected, float)
