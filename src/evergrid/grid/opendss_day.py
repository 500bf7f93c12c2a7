"""The same day run by OpenDSS with its own controls: the referee of `time_series`.

Power into the grid is positive on this side and flips here, where it is handed to OpenDSS.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.units import consumption_from_grid_power
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import GROUND, WHOLE, Feeder, incidence
from evergrid.grid.feeder.isolation.process import RUN_S, apart
from evergrid.grid.feeder.reader import snapshot
from evergrid.grid.inverters.volt_var import Curve

TOLERANCE = 1e-8
LIMITS = "vminpu=0.3 vmaxpu=2"  # voltages between which a vehicle's power does not depend on it
ENDLESS = "kwhrated=1e9 kwhstored=5e8 %idlingkW=0 %effcharge=100 %effdischarge=100"
EXACT = "VoltageChangeTolerance=1e-7 VarChangeTolerance=1e-7"


@dataclass(frozen=True)
class OpenDssDay:
    """What OpenDSS found.

    Attributes:
        ratio: Ratio of turns of each regulator at the end of each step.
        connected: Whether each bank is connected then.
        voltage_pu: Voltage of each branch.
        inverter_kvar: Reactive power of all inverters together.
        settled: Whether OpenDSS converged.
    """

    ratio: Float[Array, "regulator step"]
    connected: Bool[Array, "bank step"]
    voltage_pu: Float[Array, "branch step"]
    inverter_kvar: Float[Array, " step"]
    settled: Bool[Array, " step"]

    def tap(self, feeder: Feeder) -> Int[Array, "regulator step"]:
        """Tap of each regulator at the end of each step, the nearest whole one."""
        return np.round(self._position(feeder)).astype(np.int64)

    def tap_operations(self, feeder: Feeder) -> Int[Array, " regulator"]:
        """Taps that each regulator moved by, from where it stood in the feeder."""
        start = np.array(feeder.state.tap, float)[:, None]
        path = np.concatenate([start, self._position(feeder)], axis=1)
        return np.ceil(np.abs(np.diff(path, axis=1)) - WHOLE).astype(np.int64).sum(axis=1)

    def _position(self, feeder: Feeder) -> Float[Array, "regulator step"]:
        pairs = zip(feeder.regulators, self.ratio, strict=True)
        rows = [[regulator.tap(ratio) for ratio in path] for regulator, path in pairs]
        return np.array(rows, float).reshape(self.ratio.shape)


@apart(limit_s=RUN_S)
def day(
    path: Path,
    feeder: Feeder,
    *,
    step_s: float,
    load_share: Float[Array, " step"],
    power_kw: Float[Array, "branch step"],
    reactive_kvar: Float[Array, "branch step"] | None = None,
    curve: Curve | None = None,
    rating_kva: Float[Array, " branch"] | None = None,
    pace: float = 0.3,
    commands: Sequence[str] = (),
) -> OpenDssDay:
    """A day in OpenDSS, its controls in the mode of time.

    Args:
        path: The feeder's master file.
        feeder: The same, as read.
        step_s: Length of a step.
        load_share: Share of the feeder's own loads that is on.
        power_kw: Power into the grid of vehicles at each branch.
        reactive_kvar: The same, reactive; none by default.
        curve: Volt-var curve of the vehicles' inverters instead, held by OpenDSS' own control.
        rating_kva: Rated apparent power of the inverters, where there is a curve.
        pace: Share of the way to its answer that an inverter goes in an iteration of controls.
        commands: OpenDSS commands after compiling, as the feeder was read with.
    """
    engine = opendss.opened(path, commands)
    rows = np.flatnonzero((power_kw != 0).any(axis=1))
    where = _places(engine, feeder, rows)
    if curve is None:
        reactive = np.zeros_like(power_kw) if reactive_kvar is None else reactive_kvar
        vehicles: _Loads | _Inverters = _Loads(engine, where, power_kw[rows], reactive[rows])
    else:
        assert rating_kva is not None
        vehicles = _Inverters(engine, where, power_kw[rows], rating_kva[rows], curve, pace)
    _by_time(engine, feeder, step_s)
    return _stepped(engine, feeder, vehicles, load_share)


def _by_time(engine: Any, feeder: Feeder, step_s: float) -> None:
    """Turn to steps in time, from where the feeder stands, without shapes of the files' own."""
    for command in (
        "batchedit load..* daily=''",
        f"set mode=daily stepsize={step_s:g}s number=1 time=(0,0) controlmode=time",
        f"set tolerance={TOLERANCE:g} maxiterations=500 maxcontroliter=2000",
    ):
        engine.Text.Command = command
    snapshot.own_powers(engine.ActiveCircuit, feeder)
    snapshot.put(engine.ActiveCircuit, feeder, feeder.state)


def _stepped(
    engine: Any, feeder: Feeder, vehicles: "_Loads | _Inverters", load_share: Float[Array, " step"]
) -> OpenDssDay:
    circuit, steps = engine.ActiveCircuit, len(load_share)
    solution = circuit.Solution
    ratio = np.zeros((len(feeder.regulators), steps))
    connected = np.zeros((len(feeder.capacitors), steps), np.bool_)
    voltage = np.zeros((len(feeder.branches), steps))
    kvar, settled = np.zeros(steps), np.zeros(steps, np.bool_)
    row = {name.lower(): i for i, name in enumerate(circuit.YNodeOrder)}
    nodes = np.array([row[name] for name in feeder.node_name])
    across = incidence(feeder.branches, len(nodes))
    for step in range(steps):
        solution.LoadMult = float(load_share[step])
        vehicles.ask(step)
        settled[step] = opendss.solved(engine)
        ratio[:, step] = snapshot.ratios(circuit, feeder)
        connected[:, step] = snapshot.state_of(circuit, feeder).connected
        volts = opendss.voltages(engine)[nodes]
        voltage[:, step] = np.abs(across @ volts) / feeder.branches.base_v
        kvar[step] = vehicles.kvar(step)
    return OpenDssDay(ratio, connected, voltage, kvar, settled)


def _places(engine: Any, feeder: Feeder, rows: Int[Array, " vehicle"]) -> list[str]:
    """Bus, connection and voltage of vehicles at branches, as OpenDSS wants them."""
    branches, found = feeder.branches, []
    for k in rows:
        node, other = int(branches.node[k]), int(branches.other[k])
        bus = feeder.node_name[node]
        kv = branches.base_v[k] / 1000.0
        if other == GROUND:
            found.append(f"bus1={bus} phases=1 conn=wye kv={kv:.10g}")
        elif feeder.nodes.phase[other] > 3:
            found.append(f"bus1={bus}.{feeder.nodes.phase[other]} phases=1 conn=wye kv={kv:.10g}")
        else:
            found.append(f"bus1={bus}.{feeder.nodes.phase[other]} phases=1 conn=delta kv={kv:.10g}")
    return found


class _Loads:
    """Vehicles whose reactive power is given."""

    def __init__(
        self, engine: Any, where: list[str], power_kw: Array, reactive_kvar: Array
    ) -> None:
        self.loads = engine.ActiveCircuit.Loads
        self.consumed_kw = consumption_from_grid_power(power_kw)
        self.consumed_kvar = consumption_from_grid_power(reactive_kvar)
        for k, at in enumerate(where):
            engine.Text.Command = f"New Load.v2g{k} {at} model=1 status=fixed kw=0 kvar=0 {LIMITS}"

    def ask(self, step: int) -> None:
        """Set the powers of a step."""
        for k in range(len(self.consumed_kw)):
            self.loads.Name = f"v2g{k}"
            self.loads.kW = float(self.consumed_kw[k, step])
            self.loads.kvar = float(self.consumed_kvar[k, step])

    def kvar(self, step: int) -> float:
        """Reactive power of all together into the grid."""
        return -float(self.consumed_kvar[:, step].sum())


class _Inverters:
    """Vehicles whose reactive power OpenDSS' own inverter control finds."""

    def __init__(
        self,
        engine: Any,
        where: list[str],
        power_kw: Array,
        rating_kva: Array,
        curve: Curve,
        pace: float,
    ) -> None:
        self.engine, self.power_kw = engine, power_kw
        names = []
        for k, at in enumerate(where):
            size = f"kva={rating_kva[k]} kwrated={rating_kva[k]}"
            vars_ = f"kvarmax={rating_kva[k]} kvarmaxabs={rating_kva[k]} wattpriority=yes pf=1"
            always = "dispmode=external model=1 %cutin=0 %cutout=0"
            text = f"New Storage.v2g{k} {at} {size} {vars_} {always} {ENDLESS} {LIMITS}"
            engine.Text.Command = text
            names.append(f"storage.v2g{k}")
        # OpenDSS would go on along the last line; further points keep the curve level.
        at, value = (0.0, *curve.at, 2.0), (curve.value[0], *curve.value, curve.value[3])
        points = f"xarray={_listed(at)} yarray={_listed(value)}"
        engine.Text.Command = f"New XYCurve.v2g npts=6 {points}"
        engine.Text.Command = (
            f"New InvControl.v2g DERList=[{','.join(names)}] mode=VOLTVAR vvc_curve1=v2g "
            f"RefReactivePower=VARMAX {EXACT} deltaQ_Factor={pace:g} eventlog=no"
        )

    def ask(self, step: int) -> None:
        """Set the powers of a step."""
        for k in range(len(self.power_kw)):
            kw = float(self.power_kw[k, step])
            kind = "charging" if kw < 0 else "discharging"
            self.engine.Text.Command = f"Storage.v2g{k}.state={kind} kW={kw:.10g}"

    def kvar(self, step: int) -> float:
        """Reactive power of all together into the grid."""
        circuit, total = self.engine.ActiveCircuit, 0.0
        for k in range(len(self.power_kw)):
            circuit.SetActiveElement(f"storage.v2g{k}")
            powers = np.asarray(circuit.ActiveCktElement.Powers)
            consumed = np.imag(powers) if np.iscomplexobj(powers) else powers[1::2]
            total -= float(consumed.sum())
        return total


def _listed(values: Sequence[float]) -> str:
    return "[" + " ".join(f"{value:.10g}" for value in values) + "]"
