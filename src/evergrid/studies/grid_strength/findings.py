"""What grid strength finds: the grid at every bus, the loop of the inverters, their response."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Complex

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import broken
from evergrid.core.progress import Progress
from evergrid.grid.feeder import connections
from evergrid.grid.feeder.connections import Connections
from evergrid.grid.feeder.feeder import Feeder, fed_nodes
from evergrid.grid.flow import power_flow
from evergrid.grid.flow.sensitivity import OperatingPoint, Sensitivity, linearise
from evergrid.grid.strength import droop, droop_response, strength
from evergrid.grid.strength.droop import Droop, Loop
from evergrid.grid.strength.droop_response import Response
from evergrid.grid.strength.strength import Strength
from evergrid.studies.feeder_places import FeederPlaces

MOST_BRANCHES = 600  # beyond, full power flows in every step would take minutes
ASKED, ADVISED = 0, 1  # rows of the settings that are compared
SETTINGS = ("asked", "advised")


@dataclass(frozen=True)
class StrengthRequest:
    """What is to be judged; see the study's configuration.

    Attributes:
        unit_kva: Rating of the inverter that each bus is judged with.
        slope: Of all inverters.
        most: Greatest reactive power over rating.
        response_s: Time in which 90 % of a change is made.
        step_s: Time between two looks at the voltage.
        margin: Loop gain of the advised slopes as a share of the stable one.
        load_share: Share of the feeder's own loads that is on.
        power_share: Power of the inverters over their rating.
        source_step_pu: Step of the source that is answered to.
        steps: How many looks are followed.
    """

    unit_kva: float
    slope: float
    most: float
    response_s: float
    step_s: float
    margin: float
    load_share: float
    power_share: float
    source_step_pu: float
    steps: int

    @property
    def step_weight(self) -> float:
        """Share of the way that an inverter makes between two looks."""
        return droop.step_weight(self.step_s, self.response_s)


@dataclass(frozen=True)
class StrengthResults:
    """What was found.

    Attributes:
        asked: What was to be judged.
        feeder: As read.
        buses: The grid as each bus sees it with all its phases.
        nodes: The grid as each phase sees it alone.
        inverters: Where they stand.
        rating_kva: Of each.
        impedance: Between them without load, pu per kVA.
        sensitivity: Between them at the operating point.
        settings: The droop asked for and the one advised.
        response: Of both to a step of the source.
        by_power_flow: Whether the response solved the power flow in every step.
    """

    request: StrengthRequest
    feeder: Feeder
    buses: Strength
    nodes: Strength
    inverters: Connections
    rating_kva: Float[Array, " connection"]
    impedance: Complex[Array, "connection connection"]
    sensitivity: Sensitivity
    settings: tuple[Droop, Droop]
    response: Response
    by_power_flow: bool

    @cached_property
    def places(self) -> FeederPlaces:
        """All buses of the feeder."""
        return FeederPlaces.everywhere(self.feeder)

    @cached_property
    def at_inverters(self) -> Strength:
        """The grid as each inverter sees it."""
        return Strength(self.inverters.name, np.diag(self.impedance))

    @cached_property
    def loops(self) -> tuple[Loop, Loop]:
        """The loop with the droop asked for and with the one advised."""
        first, second = (
            droop.loop(setting, self.sensitivity.rise_pu_per_kvar) for setting in self.settings
        )
        return first, second

    @cached_property
    def bus_scr(self) -> Float[Array, " bus"]:
        """Ratio of one inverter at each bus."""
        return self.buses.scr(np.full(len(self.buses.name), self.request.unit_kva))

    @cached_property
    def scr(self) -> Float[Array, " connection"]:
        """Ratio of each inverter by itself."""
        return self.at_inverters.scr(self.rating_kva)

    @cached_property
    def scr_with_others(self) -> Float[Array, " connection"]:
        """Ratio of each inverter with all the others there."""
        return strength.scr_with_others(self.impedance, self.rating_kva)

    @cached_property
    def gain_with_others(self) -> Float[Array, " connection"]:
        """Loop gain at each inverter when all others of the same rating and slope move with it."""
        rise_pu = np.abs(self.sensitivity.rise_pu_per_kvar) @ self.rating_kva
        return self.settings[ASKED].slope * rise_pu

    @property
    def worst(self) -> int:
        """The inverter where the loop gain is highest."""
        return int(np.argmax(self.gain_with_others))

    def headline(self, weak_scr: float) -> dict[str, Any]:
        """The numbers of the summary."""
        weakest = int(np.nanargmin(self.bus_scr))
        loop, calm = self.loops
        swing = self.response.swing_pu.max(axis=1)
        return {
            "unit_kva": self.request.unit_kva,
            "weak_scr": weak_scr,
            "weak_buses": int((self.bus_scr < weak_scr).sum()),
            "weakest_bus": str(self.buses.name[weakest]),
            "weakest_scr": float(self.bus_scr[weakest]),
            "weakest_short_circuit_kva": float(self.buses.short_circuit_kva[weakest]),
            "weakest_x_over_r": float(self.buses.x_over_r[weakest]),
            "median_scr": float(np.nanmedian(self.bus_scr)),
            "inverters": len(self.inverters),
            "installed_kva": float(self.rating_kva.sum()),
            "lowest_scr": float(self.scr.min()),
            "lowest_scr_with_others": float(self.scr_with_others.min()),
            "weighted_scr": strength.weighted_scr(
                self.at_inverters.short_circuit_kva, self.rating_kva
            ),
            "slope": self.request.slope,
            "response_s": self.request.response_s,
            "step_s": self.request.step_s,
            "step_weight": self.request.step_weight,
            "stable_gain": loop.stable_gain,
            "highest_own_gain": float(np.diag(loop.gain).max()),
            "loop_gain": loop.spectral_radius,
            "growth_per_step": loop.growth_per_step,
            "hunts": loop.hunts,
            "advised_slope_lowest": float(self.settings[ADVISED].slope.min()),
            "advised_slope_equal": self.equal_slope,
            "advised_loop_gain": calm.spectral_radius,
            "swing_pu": _number(float(swing[ASKED])),
            "advised_swing_pu": _number(float(swing[ADVISED])),
        }

    @property
    def equal_slope(self) -> float:
        """The steepest slope that keeps the margin when every inverter has the same."""
        per_slope = droop.loop(
            Droop(np.ones(len(self.rating_kva)), self.rating_kva, 1.0, self.request.step_weight),
            self.sensitivity.rise_pu_per_kvar,
        )
        return self.request.margin * per_slope.stable_gain / per_slope.spectral_radius


def find(
    feeder: Feeder,
    inverters: Connections,
    rating_kva: Float[Array, " connection"],
    request: StrengthRequest,
    progress: Progress,
) -> StrengthResults:
    """Judge a feeder and the inverters on it.

    Raises:
        InputError: An inverter is not supplied, or the feeder cannot carry the power.
    """
    progress("looking at every bus", 0.1)
    buses = strength.strength_at(feeder, connections.at_buses(feeder))
    nodes = strength.strength_at(feeder, connections.at_nodes(feeder))
    _check_fed(feeder, inverters)
    progress("closing the loop", 0.4)
    network = power_flow.reduce(feeder, inverters.branches)
    operating = OperatingPoint(
        request.power_share * rating_kva @ inverters.share,
        np.full(len(network.branches), request.load_share),
    )
    sensitivity = linearise(network, inverters, operating)
    settings = _settings(request, rating_kva, sensitivity)
    progress("following a step", 0.7)
    small = len(network.branches) <= MOST_BRANCHES
    if small:
        step = request.source_step_pu
        grid = droop_response.by_power_flow(network, inverters, operating, step)
    else:
        grid = droop_response.by_sensitivity(sensitivity, request.source_step_pu)
    response = droop_response.respond(grid, sensitivity.voltage_pu, settings, steps=request.steps)
    return StrengthResults(
        request=request,
        feeder=feeder,
        buses=buses,
        nodes=nodes,
        inverters=inverters,
        rating_kva=rating_kva,
        impedance=strength.interaction(network, inverters),
        sensitivity=sensitivity,
        settings=settings,
        response=response,
        by_power_flow=small,
    )


def _settings(
    request: StrengthRequest, rating_kva: Float[Array, " connection"], sensitivity: Sensitivity
) -> tuple[Droop, Droop]:
    """The droop asked for, and the one advised: nowhere steeper, and calm."""
    most_gain = request.margin * droop.stable_gain(request.step_weight)
    calm = droop.steepest(rating_kva, sensitivity.rise_pu_per_kvar, most_gain=most_gain)
    slope = np.full(len(rating_kva), request.slope)
    wanted = Droop(slope, rating_kva, request.most, request.step_weight)
    advised = Droop(np.minimum(slope, calm), rating_kva, request.most, request.step_weight)
    return wanted, advised


def _check_fed(feeder: Feeder, inverters: Connections) -> None:
    """Raise where an inverter is not supplied by any source."""
    alive = fed_nodes(feeder, feeder.state)[inverters.branches.node[inverters.row]]
    fed = np.bincount(inverters.owner, ~alive, len(inverters)) == 0
    rule = "be fed by the source"
    fix = "Close a switch towards it with feeder.commands, or name another bus."
    names = inverters.name
    raise_if_any(feeder.name, broken("bus", fed, rule, values=names, fix=fix))


def _number(value: float) -> float | None:
    """The value, or None where the voltage collapsed."""
    return value if np.isfinite(value) else None
