"""From a microgrid, positions of breakers and references to what the equations read."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.inverter.droop import (
    DROOP,
    FOLLOWING,
    I_O_X,
    I_O_Y,
    INDUCTION,
    INV_LC,
    KIND,
    M_P,
    PARAMETERS,
    STATES,
    SYNCHRONOUS,
    W_N,
    P,
)
from evergrid.resilience.machine.induction import FLUX_X
from evergrid.resilience.machine.synchronous import SLIP
from evergrid.resilience.network import breakers, kernels
from evergrid.resilience.network.breakers import BreakerPositions, Islands
from evergrid.resilience.network.dq_network import DqNetwork
from evergrid.resilience.network.elements import GridFollowingUnit, MotorUnit
from evergrid.resilience.network.kernels import (
    BRANCH_FRAME_W,
    BRANCH_INV_L,
    FRAME_W,
    RAMP_PER_S,
    RAMP_START_S,
    TRIM,
    V_FROM,
    V_MAX_2,
    V_TO,
    DqTables,
)
from evergrid.resilience.network.references import PowerReference, UnitReference

BAUMGARTE_PER_S = 2000.0  # by which an error of the sum of currents at a bus decays

UnitReferences = Mapping[str, UnitReference] | Mapping[str, UnitReference | PowerReference]


@dataclass(frozen=True)
class Assembly:
    """What is connected, with its equations.

    Attributes:
        microgrid: All that could be connected.
        positions: Of its breakers.
        islands: What that connects.
        buses: Live buses, as places in ``microgrid.buses``.
        units: Running units, as places in ``microgrid.units``.
        branches: Live branches and loads, as places among both.
        branch_islands: Number of the island of each.
        moving: Entries of the state that the kernels move: those of running units, then currents.
        active: Those without output currents of units that are not connected.
        conductance: Of all resistors at each live bus.
        tables: What the kernels read.
    """

    microgrid: DqNetwork
    positions: BreakerPositions
    islands: Islands
    buses: Int[Array, " bus"]
    units: Int[Array, " unit"]
    branches: Int[Array, " branch"]
    branch_islands: Int[Array, " branch"]
    moving: Int[Array, " moving"]
    active: Int[Array, " active"]
    conductance: Float[Array, " bus"]
    tables: DqTables

    @property
    def unit_at(self) -> Int[Array, " unit"]:
        """Where the states of each running unit begin."""
        return self.units * len(STATES)

    @property
    def unit_islands(self) -> Int[Array, " unit"]:
        """Number of the island of each running unit."""
        return self.islands.of_unit[self.units]

    @property
    def kind(self) -> Float[Array, " unit"]:
        """What each running unit is: `DROOP`, `FOLLOWING`, `SYNCHRONOUS` or `INDUCTION`."""
        return self.tables.units[:, KIND]

    @property
    def forms(self) -> Bool[Array, " unit"]:
        """Whether each running unit forms the grid."""
        return (self.kind == DROOP) | (self.kind == SYNCHRONOUS)

    @property
    def follows(self) -> Bool[Array, " unit"]:
        """Whether each running unit is an inverter that follows the others."""
        return self.kind == FOLLOWING

    @property
    def has_frame(self) -> Bool[Array, " unit"]:
        """Whether each running unit has a frame of its own, with an angle."""
        return self.kind != INDUCTION

    @property
    def state_names(self) -> tuple[str, ...]:
        """Of the entries that move."""
        names = self.microgrid.state_names
        return tuple(names[entry] for entry in self.active)

    def rates(
        self, values: Float[Array, " state"], time_s: float = 0.0, tables: DqTables | None = None
    ) -> Float[Array, " state"]:
        """Rates of change of a whole state; 0 for what does not move."""
        out = np.zeros(len(values))
        found, _, _ = kernels.rates_at(tables or self.tables, time_s, values[self.moving])
        out[self.moving] = found
        return out

    def jacobian(
        self, values: Float[Array, " state"], time_s: float = 0.0, tables: DqTables | None = None
    ) -> Float[Array, "active active"]:
        """Derivatives of the rates of what moves, to the last digit."""
        matrix = kernels.jacobian(tables or self.tables, time_s, values[self.moving])
        places = np.searchsorted(self.moving, self.active)
        return matrix[np.ix_(places, places)]

    def voltages_v(
        self, values: Float[Array, " state"], time_s: float = 0.0
    ) -> Shaped[Array, " bus"]:
        """Of the live buses, x + j y in the frame of nominal speed."""
        _, v_x, v_y = kernels.rates_at(self.tables, time_s, values[self.moving])
        return (v_x + 1j * v_y)[: len(self.buses)]

    def is_free(self) -> Shaped[Array, " bus"]:
        """Live buses without a resistor, where currents add up to zero."""
        return self.conductance == 0.0

    def speeds_rad_per_s(self, values: Float[Array, "*any state"]) -> Float[Array, "*any unit"]:
        """Angular frequency of the running units in whole states.

        Of inverters by their filtered powers, of generators by their rotors; NaN where they follow
        and for motors.
        """
        rows = self.tables.units
        power_w, slip = values[..., self.unit_at + P], values[..., self.unit_at + SLIP]
        by_droop = rows[:, W_N] - rows[:, M_P] * power_w + self.tables.told[:, TRIM]
        turning = self.kind == SYNCHRONOUS
        speed = np.where(turning, rows[:, W_N] * (1.0 + np.where(turning, slip, 0.0)), by_droop)
        return np.where(self.forms, speed, np.nan)

    def with_frame_speeds(self, w_rad_per_s: Float[Array, " island"]) -> DqTables:
        """Tables with a frame for each island that turns at its own speed."""
        told, branches = self.tables.told.copy(), self.tables.branches.copy()
        told[:, FRAME_W] = w_rad_per_s[self.unit_islands]
        branches[:, BRANCH_FRAME_W] = w_rad_per_s[self.branch_islands]
        return self.tables._replace(told=told, branches=branches)


def assemble(
    microgrid: DqNetwork,
    positions: BreakerPositions | None = None,
    references: UnitReferences | None = None,
    *,
    baumgarte_per_s: float = BAUMGARTE_PER_S,
    virtual_resistor_ohm: float | None = None,
) -> Assembly:
    """What is connected, with its equations; dead buses and what they would feed are left out.

    With C the incidence of currents and buses (+1 into the bus) the voltages v of buses without a
    resistor solve ``C L^-1 C' v = C L^-1 (e - R i) + k C i``, where e are voltages behind the
    coupling of units: the sum of currents at a bus stays zero because its rate is ``-(k + j w)``
    times itself.

    Args:
        microgrid: Units, branches, loads.
        positions: Of breakers; all closed where none are given.
        references: By name of unit; that of its inverter for a unit that is not there.
        baumgarte_per_s: k, above 0.
        virtual_resistor_ohm: A resistor at every bus instead: the textbook form, for validation
            only. It draws power, and its fast modes need an implicit solver.

    Raises:
        InputError: Unknown names, all units stopped, a number out of range.

    Source:
        Kirchhoff's laws; index reduction with the term of J. Baumgarte (1972), Stabilization of
        constraints and integrals of motion in dynamical systems, doi:10.1016/0045-7825(72)90018-7.
    """
    positions, references = positions or BreakerPositions(), references or {}
    breakers.check(microgrid, positions)
    _check(microgrid, references, baumgarte_per_s, virtual_resistor_ohm)
    found = breakers.islands(microgrid, positions)
    buses = np.flatnonzero(found.of_bus >= 0)
    units = np.flatnonzero(found.of_unit >= 0)
    earth = len(buses)
    place = np.full(len(microgrid.buses), -1, np.int64)
    place[buses] = np.arange(earth)
    ends = _ends(microgrid, positions, place, earth)
    branches = np.array([number for number, _, _ in ends], np.int64)
    start = np.array([one for _, one, _ in ends], np.int64)
    end = np.array([other for _, _, other in ends], np.int64)
    elements = (*microgrid.branches, *microgrid.loads)
    inductance_h = np.array([elements[number].inductance_h for number in branches])
    resistance_ohm = np.array([elements[number].resistance_ohm for number in branches])
    coupled = found.coupled[units]
    rows = np.zeros((len(units), PARAMETERS))
    unit_bus = np.full(len(units), earth, np.int64)
    for row, unit in enumerate(units):
        rows[row] = microgrid.units[unit].device.row(coupled=bool(coupled[row]))
        if coupled[row]:
            unit_bus[row] = place[microgrid.bus_index[microgrid.units[unit].bus]]
    # A bus with a conductance has its voltage from the current into it; all others are `free`, and
    # have theirs from the constraint.
    conductance = _conductances(microgrid, positions, place, earth, virtual_resistor_ohm)
    incidence = _incidence(unit_bus, start, end, earth)
    inverse_l = np.concatenate([rows[:, INV_LC], 1.0 / inductance_h])
    solve = _solve(incidence, inverse_l, conductance)
    free = conductance == 0.0
    unit_at = units * len(STATES)
    moving = np.concatenate(
        [
            (unit_at[:, None] + np.arange(len(STATES))).ravel(),
            (microgrid.first_current + 2 * branches[:, None] + np.arange(2)).ravel(),
        ]
    )
    idle = (unit_at[~coupled, None] + np.array([I_O_X, I_O_Y])).ravel()
    unused = [
        at + entry
        for at, unit in zip(unit_at, units, strict=True)
        for entry in microgrid.units[unit].unused
    ]
    idle = np.concatenate([idle, np.array(unused, np.int64)])
    w_n = 2.0 * np.pi * microgrid.nominal_hz
    tables = DqTables(
        units=rows,
        told=_told(microgrid, units, references),
        unit_bus=unit_bus.astype(np.uint32),
        branches=np.column_stack([resistance_ohm, 1.0 / inductance_h, np.full(len(branches), w_n)]),
        ends=np.column_stack([start, end]).astype(np.uint32),
        buses=np.column_stack([free, np.where(free, baumgarte_per_s, 1.0)]),
        solve=np.ascontiguousarray(solve.T),
    )
    return Assembly(
        microgrid=microgrid,
        positions=positions,
        islands=found,
        buses=buses,
        units=units,
        branches=branches,
        branch_islands=found.of_bus[buses[start]],
        moving=moving,
        active=np.setdiff1d(moving, idle),
        conductance=conductance,
        tables=tables,
    )


def incidence_of(assembly: Assembly) -> Float[Array, "bus current"]:
    """Which currents enter (+1) or leave (-1) each live bus: those of units, then of branches."""
    tables = assembly.tables
    return _incidence(tables.unit_bus, tables.ends[:, 0], tables.ends[:, 1], len(tables.buses))


def current_entries(assembly: Assembly) -> Int[Array, " current"]:
    """Where the first part of each of those currents is in the state."""
    first = assembly.microgrid.first_current
    return np.concatenate([assembly.unit_at + I_O_X, first + 2 * assembly.branches])


def turning_entries(assembly: Assembly) -> tuple[Int[Array, " pair"], Int[Array, " pair"]]:
    """Where pairs in the frame of the network are in the state, and the island of each.

    These are all currents, and the fluxes of motors.
    """
    motors = ~assembly.has_frame
    entries = [current_entries(assembly), assembly.unit_at[motors] + FLUX_X]
    islands = [assembly.unit_islands, assembly.branch_islands, assembly.unit_islands[motors]]
    return np.concatenate(entries), np.concatenate(islands)


def inverse_inductances(assembly: Assembly) -> Float[Array, " current"]:
    """Of each of those currents; 0 for a unit that is not connected."""
    tables = assembly.tables
    return np.concatenate([tables.units[:, INV_LC], tables.branches[:, BRANCH_INV_L]])


def _check(
    microgrid: DqNetwork,
    references: UnitReferences,
    baumgarte_per_s: float,
    virtual_resistor_ohm: float | None,
) -> None:
    faults = []
    unknown = tuple(sorted(set(references) - {unit.name for unit in microgrid.units}))
    if unknown:
        faults.append(Fault("references", "name units of the microgrid", unknown))
    for name, value in (
        ("baumgarte_per_s", baumgarte_per_s),
        ("virtual_resistor_ohm", 1.0 if virtual_resistor_ohm is None else virtual_resistor_ohm),
    ):
        if not 0 < value < np.inf:
            faults.append(Fault(name, "be above 0 and finite", (value,)))
    kinds: dict[str, type] = {
        unit.name: PowerReference if isinstance(unit, GridFollowingUnit) else UnitReference
        for unit in microgrid.units
        if not isinstance(unit, MotorUnit)
    }
    wrong = tuple(
        name
        for name, told in references.items()
        if name not in unknown and not isinstance(told, kinds.get(name, ()))
    )
    if wrong:
        rule = "tell a power to units that follow, a voltage to those that form, nothing to motors"
        faults.append(Fault("references", rule, wrong))
    raise_if_any("assembly", faults)


def _ends(
    microgrid: DqNetwork, positions: BreakerPositions, place: Int[Array, " all_bus"], earth: int
) -> list[tuple[int, int, int]]:
    """Number and both ends of each branch and load that is connected to a live bus."""
    at = [
        (one.name, place[microgrid.bus_index[one.from_bus]], place[microgrid.bus_index[one.to_bus]])
        for one in microgrid.branches
    ]
    at += [(one.name, place[microgrid.bus_index[one.bus]], earth) for one in microgrid.loads]
    return [
        (number, int(start), int(end))
        for number, (name, start, end) in enumerate(at)
        if positions.has(name) and start >= 0
    ]


def _conductances(
    microgrid: DqNetwork,
    positions: BreakerPositions,
    place: Int[Array, " all_bus"],
    earth: int,
    virtual_resistor_ohm: float | None,
) -> Float[Array, " bus"]:
    """Of all resistors at each live bus."""
    found = np.full(earth, 0.0 if virtual_resistor_ohm is None else 1.0 / virtual_resistor_ohm)
    for one in microgrid.resistors:
        bus = place[microgrid.bus_index[one.bus]]
        if positions.has(one.name) and bus >= 0:
            found[bus] += 1.0 / one.resistance_ohm
    return found


def _incidence(
    unit_bus: Shaped[Array, " unit"],
    start: Shaped[Array, " branch"],
    end: Shaped[Array, " branch"],
    earth: int,
) -> Float[Array, "bus current"]:
    units, branches = len(unit_bus), len(start)
    found = np.zeros((earth + 1, units + branches))
    found[unit_bus, np.arange(units)] = 1.0
    columns = units + np.arange(branches)
    found[start, columns] = -1.0
    found[end, columns] = 1.0
    return found[:earth]


def _solve(
    incidence: Float[Array, "bus current"],
    inverse_l: Float[Array, " current"],
    conductance: Float[Array, " bus"],
) -> Float[Array, "bus bus"]:
    """From weighted sums at the buses to their voltages.

    Each live bus is connected to a unit through inductances, so that the system is positive
    definite.
    """
    fixed = conductance > 0.0
    free = ~fixed
    laplacian = (incidence * inverse_l) @ incidence.T
    solve = np.zeros_like(laplacian)
    solve[fixed, fixed] = 1.0 / conductance[fixed]
    if free.any():
        inner = np.linalg.inv(laplacian[np.ix_(free, free)])
        solve[np.ix_(free, free)] = inner
        across = laplacian[np.ix_(free, fixed)] / conductance[fixed]
        solve[np.ix_(free, fixed)] = -inner @ across
    return solve


def _told(
    microgrid: DqNetwork, units: Int[Array, " unit"], references: UnitReferences
) -> Float[Array, "unit 7"]:
    """References of the running units as columns."""
    found = np.zeros((len(units), 7))
    found[:, FRAME_W] = 2.0 * np.pi * microgrid.nominal_hz
    for row, unit in zip(found, (microgrid.units[place] for place in units), strict=True):
        told = references.get(unit.name)
        if isinstance(unit, GridFollowingUnit):
            given = told if isinstance(told, PowerReference) else PowerReference()
            row[V_FROM], row[V_TO] = given.from_w, given.power_w
            if given.ramp_s == 0:
                row[V_FROM] = given.power_w
            row[RAMP_START_S] = given.ramp_start_s
            row[RAMP_PER_S] = 1.0 / given.ramp_s if given.ramp_s > 0 else 0.0
            row[TRIM], row[V_MAX_2] = given.reactive_var, np.inf
            continue
        if isinstance(unit, MotorUnit):
            continue
        told = told if isinstance(told, UnitReference) else UnitReference()
        row[V_TO] = unit.device.voltage_v if told.voltage_v is None else told.voltage_v
        row[V_FROM] = row[V_TO] if told.ramp_from_v is None else told.ramp_from_v
        row[RAMP_START_S] = told.ramp_start_s
        row[RAMP_PER_S] = 1.0 / told.ramp_s if told.ramp_s > 0 else 0.0
        row[TRIM], row[V_MAX_2] = told.trim_rad_per_s, told.dc_voltage_v**2 / 2.0
    return found
