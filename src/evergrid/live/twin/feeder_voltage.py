"""What voltage do simulated stations have, by what all of them do to the wires that they share?

Stations are connected to copies of the IEEE 13-node feeder, with five streets of low voltage behind
transformers of their own and a depot at node 634. All copies are solved at once, as scenarios of
one feeder; its own loads draw what was published, and its regulators stay where these put them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Literal, NamedTuple, final

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.grid.feeder import connections, opendss
from evergrid.grid.flow import power_flow

FeederName = Literal["ieee13"]

SECONDARY_BUSES = ("632", "671", "675", "680", "692")  # of the feeder, with three phases each
DEPOT_BUS = "634"
HOMES_OF_SECONDARY = 20
STATIONS_OF_FEEDER = len(SECONDARY_BUSES) * HOMES_OF_SECONDARY
PHASES = 3
# CIGRE TF C6.04.02 (2014), Benchmark Systems for Network Integration of Renewable and Distributed
# Energy Resources, TB 575, European low-voltage network: a transformer of 0.0032 + j 0.0128 ohm at
# 400 V, which is 1 and 4 % of 500 kVA, and cable UG1 of 0.162 + j 0.0832 ohm per km.
TRANSFORMER_KVA, TRANSFORMER_X_PERCENT, TRANSFORMER_R_PERCENT = 500, 4, 1
CABLE_R_OHM_PER_KM, CABLE_X_OHM_PER_KM, ZERO_SEQUENCE_FACTOR = 0.162, 0.0832, 3.5
CABLE_KM = 0.15  # from the transformer to the middle of the street; assumed
LOW_VOLTAGE_KV = 0.4


@dataclass(frozen=True)
class Connection:
    """Where a station is connected.

    Attributes:
        site: A street, or the depot.
        phases: 1 or 3.
    """

    site: str
    phases: int


class VoltageRange(NamedTuple):
    """The voltages that stations had so far.

    Attributes:
        lowest_pu: Of all stations and times.
        highest_pu: Likewise.
        unsolved: Times that the wires could not carry the power; the voltage before stayed.
        feeders: Copies of the feeder.
    """

    lowest_pu: float
    highest_pu: float
    unsolved: int
    feeders: int


class _Places(NamedTuple):
    """Where the power of stations enters.

    Attributes:
        feeder: Copy of each station.
        branches: Of each station, three of them; the same thrice for one of one phase.
    """

    feeder: Int[Array, " station"]
    branches: Int[Array, "station 3"]


@final
class FeederVoltages:
    """The voltages of stations that share wires.

    Args:
        stations: Where each is connected.
    """

    def __init__(self, stations: Sequence[Connection]) -> None:
        with resources.as_file(resources.files("evergrid.grid.feeder") / "built_in") as folder:
            feeder = opendss.read(folder / "ieee13.dss", commands=_secondaries())
        buses = (
            *(f"secondary_{number}" for number in range(1, len(SECONDARY_BUSES) + 1)),
            DEPOT_BUS,
        )
        ends = connections.at_buses(feeder, buses)
        rows = np.array([np.flatnonzero(ends.owner == bus) for bus in range(len(buses))])
        joined = ends.beside(feeder.branches)
        self._network = power_flow.reduce(feeder, joined.branches)
        self._own = len(feeder.branches)
        self._places = _places(stations, rows + self._own)
        self._feeders = int(self._places.feeder.max(initial=0)) + 1
        self._unsolved, self._lowest, self._highest = 0, math.inf, -math.inf
        self._pu = np.ones(len(stations))
        self.solve(np.zeros(len(stations)), np.zeros(len(stations)))

    @property
    def range(self) -> VoltageRange:
        """The voltages so far."""
        return VoltageRange(self._lowest, self._highest, self._unsolved, self._feeders)

    def solve(
        self, power_kw: Float[Array, " station"], reactive_kvar: Float[Array, " station"]
    ) -> Float[Array, " station"]:
        """The voltage of each station, of its nominal one, as all of them feed or draw so much.

        A station of three phases has the mean of its phases, and shares its power equally among
        them. Where the wires cannot carry the power, the voltages before stay, which is counted.

        Args:
            power_kw: Into the grid.
            reactive_kvar: Into the grid.
        """
        count = len(self._network.branches)
        shape, at = (self._feeders, count), (self._places.feeder[:, None], self._places.branches)
        active, reactive = np.zeros((2, *shape))
        np.add.at(active, at, np.repeat(power_kw[:, None] / PHASES, PHASES, axis=1))
        np.add.at(reactive, at, np.repeat(reactive_kvar[:, None] / PHASES, PHASES, axis=1))
        flow = power_flow.solve(self._network, active, reactive, load_share=np.ones(shape))
        found = np.abs(flow.voltage_pu[at]).mean(axis=1)
        good = flow.settled[self._places.feeder]
        self._unsolved += int((~flow.settled).sum())
        self._pu = np.where(good, found, self._pu)
        self._lowest = min(self._lowest, float(found[good].min(initial=math.inf)))
        self._highest = max(self._highest, float(found[good].max(initial=-math.inf)))
        return self._pu


def _secondaries() -> list[str]:
    """Commands that put the streets behind their transformers."""
    kv, kva = f"(4.16 {LOW_VOLTAGE_KV})", f"({TRANSFORMER_KVA} {TRANSFORMER_KVA})"
    r, x = CABLE_R_OHM_PER_KM, CABLE_X_OHM_PER_KM
    zero = f"r0={ZERO_SEQUENCE_FACTOR * r:g} x0={ZERO_SEQUENCE_FACTOR * x:g}"
    commands = []
    for number, bus in enumerate(SECONDARY_BUSES, 1):
        commands += [
            f"New Transformer.secondary_{number} phases=3 windings=2 "
            f"buses=({bus} service_{number}) conns=(delta wye) kvs={kv} kvas={kva} "
            f"xhl={TRANSFORMER_X_PERCENT} %loadloss={TRANSFORMER_R_PERCENT}",
            f"New Line.cable_{number} phases=3 bus1=service_{number} bus2=secondary_{number} "
            f"r1={r:g} x1={x:g} {zero} c1=0 c0=0 length={CABLE_KM:g} units=km",
        ]
    return [*commands, f"Set VoltageBases=(4.16 0.48 {LOW_VOLTAGE_KV})", "CalcVoltageBases"]


def _places(stations: Sequence[Connection], rows: Int[Array, "bus 3"]) -> _Places:
    """Deal stations out: sites to the streets in the order in which they come, depots to theirs.

    A street that has more than its homes goes on in the next one, so that no street is asked to
    carry more than it was built for; depots share the copies equally.
    """
    feeder = np.zeros(len(stations), np.int64)
    branches = np.zeros((len(stations), PHASES), np.int64)
    homes = [number for number, one in enumerate(stations) if one.site != "depot"]
    copies = max(math.ceil(len(homes) / STATIONS_OF_FEEDER), 1)
    if not homes:
        copies = math.ceil(len(stations) / HOMES_OF_SECONDARY)
    for place, number in enumerate(sorted(homes, key=lambda one: stations[one].site)):
        secondary = place // HOMES_OF_SECONDARY
        feeder[number], bus = divmod(secondary, len(SECONDARY_BUSES))
        branches[number] = _phases(rows[bus], stations[number].phases, place)
    depots = [number for number, one in enumerate(stations) if one.site == "depot"]
    for place, number in enumerate(depots):
        feeder[number] = place % copies
        branches[number] = _phases(rows[-1], stations[number].phases, place)
    return _Places(feeder, branches)


def _phases(rows: Int[Array, " phase"], phases: int, place: int) -> Int[Array, " phase"]:
    """All phases, or one of them, each in its turn."""
    return rows if phases == PHASES else np.repeat(rows[place % PHASES], PHASES)
